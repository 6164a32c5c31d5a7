"""Facets and totals: the same numbers from the sums and from the rows, whatever narrows the list."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.web_archive import write_archive
from watcher.web.plugin import facets
from watcher.web.plugin.ask import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.web import Web


class Direct:
    """A database as Datasette hands it out, without the threads."""

    def __init__(self, store: Path) -> None:
        self.connection = sqlite3.connect(store)
        self.connection.row_factory = sqlite3.Row

    async def execute(self, sql: str, parameters: dict[str, Any], **_: object) -> SimpleNamespace:
        return SimpleNamespace(rows=self.connection.execute(sql, parameters).fetchall())


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Any]:
    database = Direct(write_archive(tmp_path / "newsletters.db"))
    yield database
    database.connection.close()


def counted(archive: Any, ask: Ask) -> dict[str, dict[str, int]]:
    found = asyncio.run(facets.numbers(archive, ask))
    numbers = {facet.name: {value.label: value.number for value in facet.values} for facet in found.facets}
    return {"total": {"": found.total or 0}, **numbers}


ASKED: list[Mapping[str, str]] = [
    {},
    {"sender": "willow-creek-party"},
    {"platform": "mailchimp", "language": "en"},
    {"party": "Willow Creek Party", "month": "2026-10"},
    {"country": "Exampleland", "platform": "substack"},
    {"domain": "letters.example.com"},
    {"inbox": "nobody"},
]


@pytest.mark.parametrize("narrowed", ASKED, ids=str)
def test_sums_and_rows_give_the_same_numbers(archive: Any, narrowed: Mapping[str, str]) -> None:
    """A condition that no sum knows of, but every newsletter meets, counts the rows: nothing changes."""
    of_sums = Ask(narrowed=narrowed)
    of_rows = Ask(narrowed={**narrowed, "kind": "newsletter"})
    assert counted(archive, of_sums) == counted(archive, of_rows)


def test_every_fact_of_the_sender_is_a_facet(archive: Any) -> None:
    """Sender, platform, party, country, locality, office, language, month and inbox, named for people."""
    found = counted(archive, Ask())
    assert found == {
        "total": {"": 8},
        "sender": {"Willow Creek Party": 5, "River Watch": 1},
        "platform": {"MailChimp": 5, "Substack": 1},
        "party": {"Willow Creek Party": 5},
        "country": {"Exampleland": 6},
        "locality": {"Willow County": 5},
        "office": {"County Council": 5},
        "language": {"en": 6, "de": 1},
        "month": {"2026-11": 4, "2026-10": 4},
        "inbox": {"politics": 5, "nature": 3},
    }


def test_what_is_chosen_is_shown_among_its_alternatives(
    archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare value that somebody chose comes first; the other facets count under it."""
    monkeypatch.setattr(facets, "VALUES", 1)
    found = counted(archive, Ask(narrowed={"platform": "substack"}))
    assert found["platform"] == {"Substack": 1}
    assert found["sender"] == {"River Watch": 1}


@pytest.mark.parametrize(
    ("words", "numbers"), [("creek", {"Willow Creek Party": 5, "River Watch": 1}), ("quitten", {}), ("-", {})]
)
def test_a_search_has_facets_of_what_it_found(archive: Any, words: str, numbers: dict[str, int]) -> None:
    """The numbers are those of the hits, and words that cannot be found have none."""
    assert counted(archive, Ask(words)).get("sender", {}) == numbers


def test_a_list_says_how_far_it_was_counted(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are counted up to a limit; sums have none."""
    monkeypatch.setattr(facets, "SAMPLE", 5)
    assert asyncio.run(facets.numbers(archive, Ask("creek"))).at_least
    assert not asyncio.run(facets.numbers(archive, Ask())).at_least


def test_the_page_offers_the_facets(web: Web) -> None:
    """Each facet is a list of links that narrow; those of the sender's facts are there, too."""
    page = web.get("/-/newsletters?q=creek").text
    assert re.findall(r"<summary>(.*?)</summary>", page) == [
        *("Sender", "Platform", "Political Party", "Country", "State/Locality", "Office", "Language"),
        *("Month", "Inbox"),
    ]
    assert 'href="/-/newsletters?q=creek&amp;party=Willow+Creek+Party"' in page
