"""Lists of newsletters: the newest, filtered and searched, a page at a time, with facets beside them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from datasette.database import Database, QueryInterrupted

from watcher.web.plugin.search import MARK_BEGIN, MARK_END, fts_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watcher.web.plugin.archive import Row

PAGE: Final = 25  # newsletters on a page
_FACET_VALUES: Final = 12
_FACET_LIMIT: Final = 300  # ms; a facet that takes longer is left out, the list itself stays
_COUNTED: Final = 10_000  # counting stops here: "more than 10,000" is all that anyone needs to know
ANY: Final = "any"  # `kind=any` shows what is no newsletter, too

_BY_SENDER: Final = "n.sender in (select slug from senders where {column} = :{column})"

# What a list can be narrowed by: the parameter in the address, and the condition that it stands for.
CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sender": "n.sender = :sender",
        "address": "n.from_address = :address",
        "domain": "n.from_domain = :domain",
        "platform": "n.platform = :platform",
        "provider": (
            "n.id in (select newsletter_id from newsletter_providers where provider = :provider"
            " and layer in ('platform', 'delivery') and status not in ('contradicted', 'unknown'))"
        ),
        "month": "n.month = :month",
        "language": "n.language = :language",
        "kind": "n.kind = :kind",
        "inbox": "n.inbox = :inbox",
        "party": _BY_SENDER.format(column="party"),
        "country": _BY_SENDER.format(column="country"),
        "locality": _BY_SENDER.format(column="locality"),
        "office": _BY_SENDER.format(column="office"),
    }
)

# That every newsletter arrived at some time tells SQLite to take the index that has them in this order: the
# first page then costs the same whatever the number of newsletters.
_PAGE: Final = """
    select n.id, n.subject, n.sender, n.from_name, n.from_address, n.from_domain, n.platform, n.received_at,
           n.excerpt, n.words, n.reading_minutes, n.trackers, n.language, n.kind, n.status,
           s.name as sender_name, p.name as platform_name
    from newsletters n left join senders s on s.slug = n.sender left join providers p on p.slug = n.platform
    where {where} and n.received_at > '' order by n.received_at desc, n.id desc limit :limit
"""
_COUNT: Final = "select count(*) from (select 1 from newsletters n where {where} limit :most)"
_MATCHES: Final = "n.id in (select rowid from newsletters_fts where newsletters_fts match :q)"
_SNIPPETS: Final = """
    select rowid, snippet(newsletters_fts, -1, :begin, :end, ' … ', 40) as snippet
    from newsletters_fts where newsletters_fts match :q and rowid in ({ids})
"""
_BODIES: Final = "select newsletter_id, text, html from bodies where newsletter_id in ({ids})"


@dataclass(frozen=True, slots=True)
class _Facet:
    column: str  # of newsletters, and the parameter that narrows by it
    title: str
    label: str  # an expression for the name of a value
    order: str = "number desc, value"


_FACETS: Final = (
    _Facet("sender", "Sender", "(select name from senders where slug = value)"),
    _Facet("platform", "Platform", "(select name from providers where slug = value)"),
    _Facet("month", "Month", "value", "value desc"),
    _Facet("language", "Language", "value"),
)
_FACET: Final = """
    select {column} as value, count(*) as number from newsletters n
    where {where} and {column} is not null and {column} <> ''
    group by {column} order by {order} limit :values
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a list was asked for: words to search, values to narrow by, and where the page begins."""

    words: str = ""
    narrowed: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, int] | None = None  # received_at and id of the last newsletter of the page before

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Ask:
        """Read the address' parameters; what is not known is ignored, as everywhere on the web."""
        narrowed = {name: value for name in CONDITIONS if (value := arguments.get(name, ""))}
        moment, _, identity = arguments.get("before", "").rpartition("~")
        # SQLite has no integer beyond 64 bits; a longer one is nobody's id.
        before = (
            (moment, int(identity))
            if identity.isascii() and identity.isdigit() and len(identity) < 19
            else None
        )
        return cls(arguments.get("q", "").strip(), MappingProxyType(narrowed), before)

    @property
    def query(self) -> str:
        """The FTS5 query of the words; empty when there is nothing to search for."""
        return fts_query(self.words)

    def address(self, **changes: str) -> str:
        """Return the query string of this list with some parameters set, or left out where empty."""
        parameters = {"q": self.words, **self.narrowed, **changes}
        return urlencode({name: value for name, value in parameters.items() if value})

    def where(self, *, without: str = "", after: bool = False) -> tuple[str, dict[str, str | int]]:
        """Return the SQL condition and its parameters; `after` adds where the page begins."""
        conditions = []
        parameters: dict[str, str | int] = {}
        for name, value in {"kind": "newsletter", **self.narrowed}.items():
            if name != without and (name, value) != ("kind", ANY):
                conditions.append(CONDITIONS[name])
                parameters[name] = value
        if self.words:
            conditions.append(_MATCHES if self.query else "0")
            parameters["q"] = self.query
        if after and self.before:
            conditions.append("(n.received_at, n.id) < (:moment, :identity)")
            parameters["moment"], parameters["identity"] = self.before
        return " and ".join(conditions) or "1", parameters


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value of a facet; `address` narrows the list to it, or widens it again when it is selected."""

    label: str
    number: int
    address: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A column with its most frequent values under the current conditions."""

    name: str
    title: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of newsletters."""

    ask: Ask
    rows: Sequence[Row]
    snippets: Mapping[int, str]  # by newsletter id, with search.MARK_BEGIN and MARK_END around the hits
    total: int | None  # None when counting took too long
    at_least: bool  # `total` is where the counting stopped
    older: str  # query string of the next page; empty at the end
    facets: tuple[Facet, ...]
    slow: bool  # the search was stopped by the time limit

    def snippet(self, row: Row) -> str:
        """Return the snippet of a row, empty where nothing was searched for."""
        return self.snippets.get(row["id"], "")


async def listing(database: Database, ask: Ask, *, faceted: bool = True) -> Listing:
    """Read one page of newsletters, with facets unless told otherwise. Never fails for an odd question."""
    where, parameters = ask.where(after=True)
    try:
        found = await database.execute(_PAGE.format(where=where), {**parameters, "limit": PAGE + 1})
    except QueryInterrupted:
        return Listing(ask, (), {}, None, False, "", (), slow=True)
    rows = found.rows[:PAGE]
    total, snippets, facets = await asyncio.gather(
        _count(database, ask),
        _snippets(database, ask, rows),
        asyncio.gather(*(_facet(database, ask, facet) for facet in _FACETS if faceted)),
    )
    older = ""
    if len(found.rows) > PAGE:
        older = ask.address(before=f"{rows[-1]['received_at']}~{rows[-1]['id']}")
    shown = tuple(facet for facet in facets if facet is not None and facet.values)
    return Listing(ask, rows, snippets, total, total == _COUNTED, older, shown, slow=False)


async def bodies(database: Database, rows: Sequence[Row]) -> Mapping[int, Row]:
    """Read the text and HTML of some newsletters, by id: what a feed needs beside the list."""
    found = await database.execute(_BODIES.format(ids=_ids(rows)))
    return {row["newsletter_id"]: row for row in found.rows}


async def _count(database: Database, ask: Ask) -> int | None:
    where, parameters = ask.where()
    try:
        counted = await database.execute(_COUNT.format(where=where), {**parameters, "most": _COUNTED})
    except QueryInterrupted:
        return None
    return int(counted.single_value())


async def _snippets(database: Database, ask: Ask, rows: Sequence[Row]) -> Mapping[int, str]:
    if not ask.query or not rows:
        return {}
    # Only for the rows that are shown: snippet() reads the whole text of each row it is asked for.
    parameters = {"q": ask.query, "begin": MARK_BEGIN, "end": MARK_END}
    try:
        found = await database.execute(_SNIPPETS.format(ids=_ids(rows)), parameters)
    except QueryInterrupted:
        return {}
    return {row["rowid"]: row["snippet"] for row in found.rows}


async def _facet(database: Database, ask: Ask, facet: _Facet) -> Facet | None:
    where, parameters = ask.where(without=facet.column)
    counts = _FACET.format(column=facet.column, where=where, order=facet.order)
    sql = f"select value, number, {facet.label} as label from ({counts})"  # noqa: S608  (constants only)
    try:
        found = await database.execute(
            sql, {**parameters, "values": _FACET_VALUES}, custom_time_limit=_FACET_LIMIT
        )
    except QueryInterrupted:
        return None
    chosen = ask.narrowed.get(facet.column, "")
    values = [
        FacetValue(
            label=row["label"] or row["value"],
            number=row["number"],
            address=ask.address(**{facet.column: "" if row["value"] == chosen else row["value"]}),
            selected=row["value"] == chosen,
        )
        for row in found.rows
    ]
    return Facet(facet.column, facet.title, tuple(values))


def _ids(rows: Sequence[Row]) -> str:
    return ", ".join(str(int(row["id"])) for row in rows)
