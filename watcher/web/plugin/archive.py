"""Which of Datasette's databases is a newsletter archive, and one newsletter of it as its page shows it.

Everything is read through `Database.execute`, which is read-only, limited in time and off the event loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from datasette.database import Database, QueryInterrupted
from datasette.utils.asgi import Forbidden

from watcher.web.plugin.copies import COPIES, variants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasette.app import Datasette

    from watcher.web.plugin.copies import Variant

Row = sqlite3.Row
Actor = dict[str, Any] | None  # who asks, as Datasette knows them

TABLE: Final = "newsletters"
_TABLES: Final = frozenset(
    {TABLE, "bodies", "senders", "providers", "newsletter_providers", "links", "counts", "value_counts"}
)

_MAILERS: Final = frozenset({"platform", "delivery"})
_NOT_BELIEVED: Final = frozenset({"contradicted", "unknown"})

_NEWSLETTER: Final = """
    select n.*, b.text, b.html, b.plain, b.preheader, b.disclaimer,
           s.name as sender_name, s.party, s.country, s.locality, s.office, s.website
    from newsletters n
    left join bodies b on b.newsletter_id = n.id
    left join senders s on s.slug = n.sender
    where n.id = :id
"""
_PROVIDERS: Final = """
    select p.layer, p.status, p.account, p.provider, coalesce(e.name, p.provider) as name
    from newsletter_providers p left join providers e on e.slug = p.provider
    where p.newsletter_id = :id order by p.position
"""
_LINKS: Final = "select * from links where newsletter_id = :id order by position"
_TRACKERS: Final = """
    select kind, host, rule, count(*) as times from trackers
    where newsletter_id = :id group by kind, host, rule order by times desc, kind, host
"""
_REMOVED: Final = "select what, rule, chars from removed where newsletter_id = :id order by position"
_EVIDENCE: Final = "select * from evidence where newsletter_id = :id order by position"
_ATTACHMENTS: Final = "select * from attachments where newsletter_id = :id order by position"

# The neighbours of a newsletter in its sender's own run; who is not registered is known by the address.
_NEIGHBOUR: Final = """
    select id, subject, received_at from newsletters
    where {whose} and kind = :kind and (received_at, id) {before} (:received_at, :id)
    order by received_at {order}, id {order} limit 1
"""


@dataclass(frozen=True, slots=True)
class Newsletter:
    """One newsletter with everything that its page shows."""

    database: str
    row: Row  # of the table, with the columns of `bodies` and `senders`
    providers: Sequence[Row]
    links: Sequence[Row]
    trackers: Sequence[Row]  # alike ones together, with `times`
    removed: Sequence[Row]
    evidence: Sequence[Row]
    attachments: Sequence[Row]
    older: Row | None  # of the same sender
    newer: Row | None
    also: Sequence[Variant] = ()  # sent as this, too

    @property
    def email_providers(self) -> list[Row]:
        """The archive's Email Providers: platforms and delivery, each provider once, in its surest layer."""
        mailers: dict[str, Row] = {}
        for row in self.providers:
            if row["layer"] in _MAILERS and row["status"] not in _NOT_BELIEVED:
                mailers.setdefault(row["provider"], row)
        return list(mailers.values())


async def find_archive(datasette: Datasette, actor: Actor) -> Database | None:
    """Return the first database with newsletters that the actor may see; the file may have any name."""
    for name, database in datasette.databases.items():
        if name != "_internal" and await is_archive(database) and await _may_view(datasette, actor, database):
            return database
    return None


async def is_archive(database: Database) -> bool:
    """Whether the database has the tables of a newsletter archive."""
    return set(await database.table_names()) >= _TABLES


async def require_view(datasette: Datasette, actor: Actor, database: Database) -> None:
    """Raise `Forbidden` unless the actor may see the newsletters on Datasette's own pages."""
    if not await _may_view(datasette, actor, database):
        raise Forbidden("You do not have permission to view these newsletters")


async def _may_view(datasette: Datasette, actor: Actor, database: Database) -> bool:
    visible, _ = await datasette.check_visibility(
        actor,
        permissions=[
            ("view-table", (database.name, TABLE)),
            ("view-database", database.name),
            "view-instance",
        ],
    )
    return bool(visible)


async def newsletter(database: Database, identity: int) -> Newsletter | None:
    """Read one newsletter; None when there is none with this id."""
    row = (await database.execute(_NEWSLETTER, {"id": identity})).first()
    if row is None:
        return None
    found = await asyncio.gather(
        *(
            _rows(database, sql, {"id": identity})
            for sql in (_PROVIDERS, _LINKS, _TRACKERS, _REMOVED, _EVIDENCE, _ATTACHMENTS)
        ),
        _neighbour(database, row, older=True),
        _neighbour(database, row, older=False),
        _copies(database, row),
    )
    providers, links, trackers, removed, evidence, attachments, older, newer, copies = found
    return Newsletter(
        database=database.name,
        row=row,
        providers=providers,
        links=links,
        trackers=trackers,
        removed=removed,
        evidence=evidence,
        attachments=attachments,
        older=older[0] if older else None,
        newer=newer[0] if newer else None,
        also=variants(row, copies),
    )


async def _rows(database: Database, sql: str, parameters: dict[str, Any]) -> Sequence[Row]:
    try:
        rows: Sequence[Row] = (await database.execute(sql, parameters)).rows
    except QueryInterrupted:  # one list too slow to read must not cost the reader the page
        return ()
    return rows


async def _copies(database: Database, row: Row) -> Sequence[Row]:
    if "issue" not in row.keys() or row["issue"] is None:  # noqa: SIM118  # a row's `in` looks at values
        return ()
    return await _rows(database, COPIES, {"id": row["id"]})


async def _neighbour(database: Database, row: Row, *, older: bool) -> Sequence[Row]:
    whose = "sender = :whose" if row["sender"] else "from_address = :whose"
    sql = _NEIGHBOUR.format(whose=whose, before="<" if older else ">", order="desc" if older else "asc")
    parameters = {
        "whose": row["sender"] or row["from_address"],
        "kind": row["kind"],
        "received_at": row["received_at"],
        "id": row["id"],
    }
    return await _rows(database, sql, parameters) if parameters["whose"] else ()
