"""The page of statistics and leaderboards: each answer of `queries` as a chart or a table."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from datasette.database import Database, QueryInterrupted

from watcher.web.plugin import charts
from watcher.web.plugin import queries as of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasette.app import Datasette

    from watcher.web.plugin.archive import Actor, Row
    from watcher.web.plugin.charts import Cell, Columns
    from watcher.web.plugin.queries import Query

SHOWN: Final = 15  # rows of a leaderboard; all of them are behind its link


@dataclass(frozen=True, slots=True)
class Section:
    """One question with its answer; `rows` is None when it took too long."""

    query: Query
    rows: Sequence[Row] | None

    @property
    def name(self) -> str:
        """The name of the canned query."""
        return self.query.name

    @property
    def board(self) -> Sequence[Row]:
        """The first rows, for a leaderboard."""
        return (self.rows or ())[:SHOWN]

    def share(self, row: Row, column: str) -> float:
        """How long the bar of a row is: percent of the largest value of its column."""
        most = max((each[column] for each in self.rows or ()), default=0)
        return round(100 * row[column] / most, 1) if most else 0.0

    @property
    def columns(self) -> Columns:
        """The answer as columns over time."""
        if self.query is of.PER_DAY:
            return charts.per_day({row["day"]: row["newsletters"] for row in self.rows or ()})
        return charts.per_month(
            (row["month"], row["provider"], row["newsletters"]) for row in self.rows or ()
        )

    @property
    def heat(self) -> list[list[Cell]]:
        """The answer as a heat map."""
        return charts.heat({(row["weekday"], row["hour"]): row["newsletters"] for row in self.rows or ()})


async def statistics(datasette: Datasette, database: Database, actor: Actor) -> dict[str, Section]:
    """Ask every question of `queries` that the actor may ask: the sections of the page by their names."""
    allowed = [
        query
        for query in of.QUERIES
        if (await datasette.check_visibility(actor, "view-query", (database.name, query.name)))[0]
    ]
    sections = await asyncio.gather(*(_section(database, query) for query in allowed))
    return {section.name: section for section in sections}


async def _section(database: Database, query: Query) -> Section:
    try:
        return Section(query, (await database.execute(query.sql)).rows)
    except QueryInterrupted:  # `sql_time_limit_ms`; the other answers are shown all the same
        return Section(query, None)
