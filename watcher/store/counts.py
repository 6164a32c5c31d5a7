"""What is counted while it is written, so that pages over all newsletters cost the same at any size.

Each `Count` is a table of sums that is exactly the outcome of a query over the rows: written rows are added,
rows that go are taken away first, in the transaction that changes them. Grouping 300,000 newsletters and
their links anew would take seconds for each page; adding one newsletter takes a fraction of a millisecond.

Only newsletters are counted (`kind`), except by kind. An empty text stands for what is not known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watcher.sqlite import Database


@dataclass(frozen=True, slots=True)
class Count:
    """A table of sums: `keys` are its primary key, `sums` what is added up, `newsletters` the first of them.

    `query` gives one row for each contribution, in this order; `{chosen}` stands for the newsletters `n`.
    """

    table: str
    keys: tuple[str, ...]
    sums: tuple[str, ...]
    query: str
    by_sender: bool = False  # a newsletter that gets another sender changes it

    @property
    def statements(self) -> tuple[str, ...]:
        """What makes the table, and finds the rows of which nothing is left."""
        columns = [f"{key} {'INTEGER' if key == 'hour' else 'TEXT'} NOT NULL" for key in self.keys]
        columns += [f"{name} INTEGER NOT NULL" for name in self.sums]
        key = f"PRIMARY KEY ({', '.join(self.keys)})"
        return (
            f"CREATE TABLE {self.table} ({', '.join([*columns, key])}) WITHOUT ROWID",
            f"CREATE INDEX {self.table}_empty ON {self.table} (newsletters) WHERE newsletters = 0",
        )

    def add(self, chosen: str, times: int = 1) -> str:
        """Return the statement that adds the newsletters of the FROM clause `chosen`, so many times."""
        summed = ", ".join(f"{times} * sum({name})" for name in self.sums)
        added = ", ".join(f"{name} = {name} + excluded.{name}" for name in self.sums)
        keys = ", ".join(self.keys)
        return (
            f"INSERT INTO {self.table} ({keys}, {', '.join(self.sums)}) SELECT {keys}, {summed} "  # noqa: S608
            f"FROM ({self.query.format(chosen=chosen)}) WHERE true GROUP BY {keys} "
            f"ON CONFLICT ({keys}) DO UPDATE SET {added}"
        )


# What lists are narrowed by, each combination that occurs; `opaque` links hide where they lead.
_BY_MONTH: Final = Count(
    "counts",
    ("month", "sender", "from_domain", "platform", "language", "inbox"),
    ("newsletters", "words", "links", "opaque", "trackers"),
    """
    SELECT n.month, coalesce(n.sender, '') AS sender, n.from_domain, coalesce(n.platform, '') AS platform,
        n.language, n.inbox, 1 AS newsletters, n.words, n.links,
        (SELECT count(*) FROM links l WHERE l.newsletter_id = n.id AND l.action = 'removed'
            AND l.role IN ('click', 'wrapper')) AS opaque, n.trackers
    FROM {chosen} WHERE n.kind = 'newsletter'
    """,
    by_sender=True,
)
_COUNTED: Final = ("sender", "platform", "month", "language", "inbox", "kind")
_VALUE: Final = " ".join(f"WHEN '{name}' THEN n.{name}" for name in _COUNTED)
_NAMES: Final = ", ".join(f"('{name}')" for name in _COUNTED)
_BY_VALUE: Final = Count(
    "value_counts",
    ("name", "value"),
    ("newsletters",),
    f"""
    SELECT name, value, 1 AS newsletters FROM (
        SELECT v.column1 AS name, CASE v.column1 {_VALUE} END AS value
        FROM {{chosen}} CROSS JOIN (VALUES {_NAMES}) v WHERE n.kind = 'newsletter' OR v.column1 = 'kind'
    ) WHERE value <> ''
    """,  # noqa: S608  # constants
    by_sender=True,
)
_BY_HOUR: Final = Count(
    "hour_counts",
    ("day", "hour"),
    ("newsletters",),
    """
    SELECT substr(n.received_at, 1, 10) AS day, CAST(substr(n.received_at, 12, 2) AS INTEGER) AS hour,
        1 AS newsletters
    FROM {chosen} WHERE n.kind = 'newsletter'
    """,
)
_BY_HOST: Final = Count(
    "host_counts",
    ("host",),
    ("newsletters", "links"),
    """
    SELECT l.host, 1 AS newsletters, count(*) AS links
    FROM {chosen} JOIN links l ON l.newsletter_id = n.id
    WHERE n.kind = 'newsletter' AND l.action <> 'removed' AND l.host <> ''
    GROUP BY n.id, l.host
    """,
)
_BY_TRACKER: Final = Count(
    "tracker_counts",
    ("kind", "host"),
    ("newsletters", "trackers"),
    """
    SELECT t.kind, t.host, 1 AS newsletters, count(*) AS trackers
    FROM {chosen} JOIN trackers t ON t.newsletter_id = n.id
    WHERE n.kind = 'newsletter' GROUP BY n.id, t.kind, t.host
    """,
)
COUNTS: Final = (_BY_MONTH, _BY_VALUE, _BY_HOUR, _BY_HOST, _BY_TRACKER)

# CROSS JOIN is SQLite's word for "in this order": without it, each mail would cost a walk over all of them.
_THESE: Final = "json_each(?) chosen CROSS JOIN newsletters n ON n.id = chosen.value"
EVERY: Final = "newsletters n"
"""Newsletters to be counted: all that there are."""


def add(database: Database, ids: Iterable[int], *, senders_only: bool = False) -> None:
    """Count these newsletters in, after they were written. `senders_only`: just what depends on senders."""
    _change(database, ids, 1, senders_only)


def subtract(database: Database, ids: Iterable[int], *, senders_only: bool = False) -> None:
    """Count these newsletters out, before they go or change."""
    _change(database, ids, -1, senders_only)
    for count in COUNTS:
        database.execute(f"DELETE FROM {count.table} WHERE newsletters = 0")  # noqa: S608  # constants


def create(execute: Callable[[str], object]) -> None:
    """Make the tables, and count what is there already."""
    for count in COUNTS:
        for statement in (*count.statements, count.add(EVERY)):
            execute(statement)


def _change(database: Database, ids: Iterable[int], times: int, senders_only: bool) -> None:
    chosen = json.dumps(list(ids))
    for count in COUNTS:
        if count.by_sender or not senders_only:
            database.execute(count.add(_THESE, times), (chosen,))
