"""The facets beside a list: for each column the most frequent values, and how to narrow the list by them.

Where the numbers come from decides what they cost (`watcher.store.counts`): of all newsletters they are read
from `value_counts`, of a list narrowed by columns alone from `counts`, which is exact as well. Of a search,
and of what is no newsletter, the rows themselves are counted, but the latest `SAMPLE` of them at most.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from datasette.database import Database, QueryInterrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.web.plugin.archive import Row
    from watcher.web.plugin.ask import Ask

SAMPLE: Final = 10_000  # rows that are counted at most where nobody has counted before
VALUES: Final = 12  # of a facet
_LIMIT: Final = 400  # ms; facets that take longer are left out, the list itself stays


@dataclass(frozen=True, slots=True)
class _Column:
    """A column to narrow by: of the newsletters themselves, or of the register of senders."""

    name: str  # and the parameter in the address
    title: str
    of_sender: bool = False
    label: str = "value"  # an expression for the name of a value
    order: str = "number DESC, value"


_COLUMNS: Final = (
    _Column("sender", "Sender", label="(SELECT name FROM senders WHERE slug = value)"),
    _Column("platform", "Platform", label="(SELECT name FROM providers WHERE slug = value)"),
    _Column("party", "Political Party", of_sender=True),
    _Column("country", "Country", of_sender=True),
    _Column("locality", "State/Locality", of_sender=True),
    _Column("office", "Office", of_sender=True),
    _Column("language", "Language"),
    _Column("month", "Month", order="value DESC"),
    _Column("inbox", "Inbox"),
)
_COUNTED: Final = frozenset({"domain", *(column.name for column in _COLUMNS)})
_OWN: Final = tuple(column.name for column in _COLUMNS if not column.of_sender)
_OF_SENDER: Final = tuple(column.name for column in _COLUMNS if column.of_sender)

# One row a value of each facet; `{source}` has the columns of newsletters and how many have them.
_FACETS: Final = "WITH source AS MATERIALIZED ({source}) {parts}"
_PART: Final = """
    SELECT * FROM (
        SELECT '{name}' AS facet, value, number, {label} AS label FROM (
            SELECT {value} AS value, sum(newsletters) AS number FROM source {join}
            WHERE {value} <> '' GROUP BY 1
        ) ORDER BY value = :{name}_chosen DESC, {order} LIMIT {values}
    )
"""
_TOTAL: Final = ""  # the facet under which the number of all of them comes
_WHOLE: Final = f"SELECT '{_TOTAL}', '', coalesce(sum(newsletters), 0), '' FROM source"  # noqa: S608
_JOIN: Final = "JOIN senders s ON s.slug = source.sender"

_ALL: Final = "SELECT value AS {name}, newsletters FROM value_counts WHERE name = '{name}'"
_NARROWED: Final = f"SELECT {', '.join(_OWN)}, newsletters FROM counts n WHERE {{where}}"  # noqa: S608
_ROWS: Final = (
    f"SELECT {', '.join('n.' + name for name in _OWN)}, 1 AS newsletters FROM newsletters n "  # noqa: S608
    f"WHERE {{where}} ORDER BY n.received_at DESC LIMIT {SAMPLE}"
)
_FOUND: Final = (
    f"SELECT {', '.join('n.' + name for name in _OWN)}, 1 AS newsletters "  # noqa: S608
    "FROM newsletters_fts f CROSS JOIN newsletters n ON n.id = f.rowid "
    f"WHERE f.newsletters_fts MATCH :q AND {{where}} ORDER BY f.rowid DESC LIMIT {SAMPLE}"
)


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

    @property
    def selected(self) -> bool:
        """Whether the list is narrowed by it."""
        return any(value.selected for value in self.values)


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many newsletters a list has, and its facets."""

    total: int | None  # None when counting took too long
    at_least: bool  # the rows were counted, and there are more than `SAMPLE`
    facets: tuple[Facet, ...]


async def numbers(database: Database, ask: Ask) -> Numbers:
    """Count what was asked for, in all and by facet."""
    if ask.words and not ask.query:
        return Numbers(0, False, ())
    found = await asyncio.gather(*(_values(database, ask, *each) for each in _asked(ask)))
    values = {name: value for part in found for name, value in part.items()}
    facets = tuple(
        Facet(column.name, column.title, tuple(values[column.name]))
        for column in _COLUMNS
        if column.name in values
    )
    total = values[_TOTAL][0].number if _TOTAL in values else await _total(database, ask)
    return Numbers(total, total is not None and total >= SAMPLE and not _is_counted(ask), facets)


def _is_counted(ask: Ask) -> bool:
    """Whether the tables of sums know the answer."""
    return not ask.words and "kind" not in ask.narrowed and _COUNTED.issuperset(ask.narrowed)


async def _total(database: Database, ask: Ask) -> int | None:
    """Count without facets, with more patience than they have."""
    if not ask.words and not ask.narrowed:
        sql, parameters, *_ = _everything(("kind",))
        sql += " AND value = 'newsletter'"
    else:
        sql, parameters = _source(ask, "")
    rows = await _rows(database, f"SELECT coalesce(sum(newsletters), 0) FROM ({sql})", parameters)  # noqa: S608
    return int(rows[0][0]) if rows else None


def _asked(ask: Ask) -> list[tuple[str, dict[str, str | int], Sequence[_Column], bool]]:
    """Return the queries that give all facets: source, parameters, columns, whether it gives the total."""
    if not ask.words and not ask.narrowed:
        return [_everything(("sender", *_OF_SENDER)), *(_everything((name,)) for name in _OWN[1:])]
    chosen = [column for column in _COLUMNS if column.name in ask.narrowed]
    others = [column for column in _COLUMNS if column not in chosen]
    # A facet that is chosen shows its alternatives: what there would be without it.
    return [
        (*_source(ask, ""), others, True),
        *((*_source(ask, each.name), [each], False) for each in chosen),
    ]


def _everything(names: tuple[str, ...]) -> tuple[str, dict[str, str | int], Sequence[_Column], bool]:
    """Count all newsletters: columns that come from the same values, the first one's, together."""
    return _ALL.format(name=names[0]), {}, [column for column in _COLUMNS if column.name in names], False


def _source(ask: Ask, without: str) -> tuple[str, dict[str, str | int]]:
    """Return the query that gives what is counted, and its parameters."""
    if _is_counted(ask):
        where, parameters = ask.where(without={without, "kind"})
        return _NARROWED.format(where=where), parameters
    if ask.words:
        where, parameters = ask.where(without={without, "words"})
        return _FOUND.format(where=where), {**parameters, "q": ask.query}
    where, parameters = ask.where(without={without})
    return _ROWS.format(where=where), parameters


async def _values(
    database: Database,
    ask: Ask,
    source: str,
    parameters: dict[str, str | int],
    columns: Sequence[_Column],
    whole: bool,
) -> dict[str, list[FacetValue]]:
    parts = [
        _PART.format(
            name=column.name,
            value=("s." if column.of_sender else "source.") + column.name,
            label=column.label,
            join=_JOIN if column.of_sender else "",
            order=column.order,
            values=VALUES,
        )
        for column in columns
    ]
    if whole:
        parts.append(_WHOLE)
    chosen = {f"{column.name}_chosen": ask.narrowed.get(column.name, "") for column in columns}
    found: dict[str, list[FacetValue]] = {}
    for row in await _rows(
        database,
        _FACETS.format(source=source, parts=" UNION ALL ".join(parts)),
        {**parameters, **chosen},
        limit=_LIMIT,
    ):
        selected = row["value"] == ask.narrowed.get(row["facet"])
        found.setdefault(row["facet"], []).append(
            FacetValue(
                label=row["label"] or row["value"],
                number=row["number"],
                address=ask.address(**{row["facet"]: "" if selected else row["value"]}),
                selected=selected,
            )
        )
    return found


async def _rows(
    database: Database, sql: str, parameters: dict[str, str | int], limit: int | None = None
) -> Sequence[Row]:
    try:
        rows: Sequence[Row] = (await database.execute(sql, parameters, custom_time_limit=limit)).rows
    except QueryInterrupted:  # a number that takes too long must not cost the reader the list
        return ()
    return rows
