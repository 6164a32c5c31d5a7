"""What a reader sees when a query reaches Datasette's time limit: less, but never an error."""

from __future__ import annotations

import asyncio
import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from datasette.database import QueryInterrupted

from tests.support.web_archive import write_archive
from watcher.web.plugin.archive import newsletter
from watcher.web.plugin.ask import Ask
from watcher.web.plugin.listing import Listing, listing
from watcher.web.plugin.statistics import statistics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Interrupting:
    """A database whose queries reach the time limit when they hold a certain word."""

    def __init__(self, store: Path, word: str) -> None:
        self.name = "newsletters"
        self.connection = sqlite3.connect(store)
        self.connection.row_factory = sqlite3.Row
        self.word = word

    async def execute(self, sql: str, params: Any = (), **_: object) -> SimpleNamespace:
        if self.word in sql:
            raise QueryInterrupted(sqlite3.OperationalError("interrupted"), sql, params)
        rows = self.connection.execute(sql, params).fetchall()
        return SimpleNamespace(
            rows=rows, first=lambda: rows[0] if rows else None, single_value=lambda: rows[0][0]
        )


@pytest.fixture
def slow(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Interrupting]:
    database = Interrupting(write_archive(tmp_path / "newsletters.db"), request.param)
    yield database
    database.connection.close()


def found(database: Any, words: str = "creek") -> Listing:
    return asyncio.run(listing(database, Ask(words=words)))


@pytest.mark.parametrize("slow", ["n.received_at DESC, n.id DESC LIMIT"], indirect=True)
def test_a_list_that_takes_too_long_says_so(slow: Interrupting) -> None:
    """No rows, no count, no facets, and the word that it was slow."""
    page = found(slow)
    assert page.slow
    assert not page.rows


@pytest.mark.parametrize("slow", ["coalesce(sum(newsletters), 0)"], indirect=True)
def test_an_uncounted_list_is_still_a_list(slow: Interrupting) -> None:
    """The number is unknown, the rows are there."""
    page = found(slow)
    assert page.total is None
    assert len(page.rows) == 6


@pytest.mark.parametrize("slow", ["snippet("], indirect=True)
def test_without_snippets_the_excerpt_is_left(slow: Interrupting) -> None:
    """A row without a snippet has an empty one, and the page shows the excerpt."""
    page = found(slow)
    assert [page.snippet(row) for row in page.rows] == [""] * 6


@pytest.mark.parametrize("slow", ["WITH source"], indirect=True)
def test_slow_facets_are_left_out_alone(slow: Interrupting) -> None:
    """The rows and their number stay."""
    page = found(slow)
    assert page.facets == ()
    assert (len(page.rows), page.total) == (6, 6)


@pytest.mark.parametrize("slow", ["from trackers"], indirect=True)
def test_a_slow_part_leaves_the_rest_of_the_record(slow: Interrupting) -> None:
    """One list that cannot be read in time is empty; the newsletter is shown."""
    record = asyncio.run(newsletter(slow, 9))  # type: ignore[arg-type]
    assert record is not None
    assert not record.trackers
    assert len(record.links) == 4


@pytest.mark.parametrize("slow", ["from host_counts"], indirect=True)
def test_an_answer_that_takes_too_long_says_so_alone(slow: Interrupting) -> None:
    """One section of the statistics has no rows, the other ones have theirs."""

    async def visible(*_: object) -> tuple[bool, bool]:
        return True, False

    datasette = SimpleNamespace(check_visibility=visible)
    found = asyncio.run(statistics(datasette, slow, None))  # type: ignore[arg-type]
    assert [name for name, section in found.items() if section.rows is None] == ["linked_domains"]
    assert found["top_senders"].board[0]["sender"] == "Willow Creek Party"
    assert not found["linked_domains"].board
