"""Lists of newsletters: the newest, filtered and searched, a page at a time, with facets beside them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from datasette.database import Database, QueryInterrupted

from watcher.web.plugin.facets import Facet, Numbers, numbers
from watcher.web.plugin.search import MARK_BEGIN, MARK_END

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watcher.web.plugin.archive import Row
    from watcher.web.plugin.ask import Ask

PAGE: Final = 25  # newsletters on a page
_FEW: Final = 2_000  # hits that are quicker sorted than met on a walk through all newsletters

_PAGE: Final = """
    SELECT n.id, n.subject, n.sender, n.from_name, n.from_address, n.from_domain, n.platform, n.received_at,
           n.excerpt, n.words, n.reading_minutes, n.trackers, n.language, n.kind, n.status,
           s.name AS sender_name, p.name AS platform_name
    FROM newsletters n LEFT JOIN senders s ON s.slug = n.sender LEFT JOIN providers p ON p.slug = n.platform
    WHERE {where} AND {walk} ORDER BY {plus}n.received_at DESC, n.id DESC LIMIT :limit
"""
# That every newsletter arrived at some time tells SQLite to take an index that has them in this order: the
# first page then costs the same whatever the number of newsletters. A month is a piece of that index.
_WALK: Final = "n.received_at > ''"
_WALK_A_MONTH: Final = "n.received_at BETWEEN :month AND :month || '~'"
_SORT: Final = "1"

_HITS: Final = (
    f"SELECT count(*) FROM (SELECT 1 FROM newsletters_fts WHERE newsletters_fts MATCH :q LIMIT {_FEW})"  # noqa: S608
)
_SNIPPETS: Final = """
    SELECT rowid, snippet(newsletters_fts, 2, :begin, :end, ' … ', 40) AS snippet
    FROM newsletters_fts WHERE newsletters_fts MATCH :q AND rowid IN ({ids})
"""
_BODIES: Final = "SELECT newsletter_id, text, html FROM bodies WHERE newsletter_id IN ({ids})"


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of newsletters."""

    ask: Ask
    rows: Sequence[Row]
    snippets: Mapping[int, str]  # by newsletter id, with search.MARK_BEGIN and MARK_END around the hits
    total: int | None  # None when counting took too long
    at_least: bool  # `total` is where the counting stopped, and the facets are those of so many
    older: str  # query string of the next page; empty at the end
    facets: tuple[Facet, ...]
    slow: bool  # the search was stopped by the time limit

    def snippet(self, row: Row) -> str:
        """Return the snippet of a row, empty where nothing was searched for."""
        return self.snippets.get(row["id"], "")


async def listing(database: Database, ask: Ask, *, faceted: bool = True) -> Listing:
    """Read one page of newsletters, counted and with facets or not. Never fails for an odd question."""
    counting = asyncio.ensure_future(numbers(database, ask) if faceted else _uncounted())
    try:
        found = await _page(database, ask)
    except QueryInterrupted:
        await counting
        return Listing(ask, (), {}, None, False, "", (), slow=True)
    rows = found[:PAGE]
    snippets, counted = await asyncio.gather(_snippets(database, ask, rows), counting)
    older = ""
    if len(found) > PAGE:
        older = ask.address(before=f"{rows[-1]['received_at']}~{rows[-1]['id']}")
    return Listing(ask, rows, snippets, counted.total, counted.at_least, older, counted.facets, slow=False)


async def bodies(database: Database, rows: Sequence[Row]) -> Mapping[int, Row]:
    """Read the text and HTML of some newsletters, by id: what a feed needs beside the list."""
    found = await database.execute(_BODIES.format(ids=_ids(rows)))
    return {row["newsletter_id"]: row for row in found.rows}


async def _uncounted() -> Numbers:
    return Numbers(None, False, ())


async def _page(database: Database, ask: Ask) -> Sequence[Row]:
    """Read the rows of the page and one more, the way that is quickest for the question."""
    where, parameters = ask.where(after=True)
    walk, plus = _WALK_A_MONTH if "month" in ask.narrowed else _WALK, ""
    if ask.query:
        hits = (await database.execute(_HITS, {"q": ask.query})).single_value()
        if hits < _FEW:
            walk, plus = _SORT, "+"
    elif ask.narrowed.keys() - {"kind", "month"}:
        # The index of the value, in the order of arrival, and not that of the kind, which all rows share.
        where = where.replace("n.kind =", "+n.kind =")
    sql = _PAGE.format(where=where, walk=walk, plus=plus)
    rows: Sequence[Row] = (await database.execute(sql, {**parameters, "limit": PAGE + 1})).rows
    return rows


async def _snippets(database: Database, ask: Ask, rows: Sequence[Row]) -> Mapping[int, str]:
    if not ask.query or not rows:
        return {}
    # Only for the rows that are shown: snippet() reads the whole text of each row it is asked for.
    parameters = {"q": ask.query, "begin": MARK_BEGIN, "end": MARK_END}
    try:
        found = await database.execute(_SNIPPETS.format(ids=_ids(rows)), parameters)
    except QueryInterrupted:
        return {}
    # What was found in the subject or the name alone leaves the excerpt in its place.
    return {row["rowid"]: row["snippet"] for row in found.rows if MARK_BEGIN in row["snippet"]}


def _ids(rows: Sequence[Row]) -> str:
    return ", ".join(str(int(row["id"])) for row in rows)
