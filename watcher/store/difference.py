"""What would change in the store if these records were written, field by field."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from watcher.store import rows as tables
from watcher.store.rows import batches
from watcher.store.unicode import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watcher.record import Record
    from watcher.sqlite import Database
    from watcher.store.rows import Row, Table

# The month follows from the time, the counts from the lists; who made a row is said apart.
_NOT_COMPARED: Final = frozenset({"id", "month", "links", "trackers", "attachments", "pipeline_version"})
_LISTS: Final = {
    tables.PROVIDERS: "providers",
    tables.EVIDENCE: "evidence",
    tables.AUTHENTICATION: "authentication",
    tables.LINKS: "links",
    tables.TRACKERS: "trackers",
    tables.REMOVED: "removed",
    tables.ATTACHMENTS: "attachments",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A field that would have another value. A list's values are texts, one for each entry."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What would change of one newsletter; `version` is that of the rules that made the row, None without."""

    id: int
    version: str | None
    changes: tuple[Change, ...]


def differences(database: Database, records: Sequence[tuple[int, Record]]) -> list[Difference]:
    """Compare the rows of these records with those that are there; nothing is written."""
    ids = [number for number, _ in records]
    now = _contents({table: _stored(database, table, ids) for table in _compared()}, ids)
    then = _contents(_made((number, storable(record)) for number, record in records), ids)
    versions: dict[int, str] = dict(
        database.rows(
            "SELECT id, pipeline_version FROM newsletters WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids),),
        )
    )
    return [
        Difference(
            number,
            versions.get(number),
            tuple(
                Change(field, now[number].get(field), value)
                for field, value in then[number].items()
                if number in versions and now[number].get(field) != value
            ),
        )
        for number in ids
    ]


def _compared() -> list[Table]:
    return [tables.NEWSLETTERS, tables.BODIES, *_LISTS]


def _stored(database: Database, table: Table, ids: Sequence[int]) -> list[Row]:
    key = table.columns[0]
    order = f"{key}, position" if table in _LISTS else key
    return database.rows(
        f"SELECT {', '.join(table.columns)} FROM {table.name} "  # noqa: S608  # constants
        f"WHERE {key} IN (SELECT value FROM json_each(?)) ORDER BY {order}",
        (json.dumps(ids),),
    )


def _made(records: Iterable[tuple[int, Record]]) -> dict[Table, list[Row]]:
    return {table: [*rows] for table, rows in batches([*records]) if table in _compared()}


def _contents(rows: dict[Table, list[Row]], ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The fields of each newsletter, by its id."""
    contents: dict[int, dict[str, Any]] = {number: {} for number in ids}
    for table in (tables.NEWSLETTERS, tables.BODIES):
        for row in rows[table]:
            named = zip(table.columns[1:], row[1:], strict=True)
            contents[row[0]].update((name, value) for name, value in named if name not in _NOT_COMPARED)
    for table, field in _LISTS.items():
        entries: defaultdict[int, list[str]] = defaultdict(list)
        for number, _position, *values in rows[table]:
            entries[number].append(" | ".join("" if each is None else str(each) for each in values))
        for number in ids:
            contents[number][field] = entries[number]
    return contents
