"""The statistics: each question against rows whose answer is known, the page, and its way to the SQL."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.records import CATALOGUE, SENDER, record
from tests.support.web import CONFIG, serving
from tests.support.web_archive import write_archive
from watcher.record import Author, Kind, Link, LinkAction, SenderMatch
from watcher.store import Store
from watcher.web.plugin import queries
from watcher.web.plugin.queries import QUERIES, Query

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.web import Web
    from watcher.record import Record

OPAQUE = Link(1, "Read", LinkAction.REMOVED, None, "click.example.com", "click", "a-click")
SECRET = Link(2, "Leave", LinkAction.REMOVED, None, "", "unsubscribe", "unsubscribe")
OPEN = Link(3, "More", LinkAction.KEPT, "https://open.example/a", "open.example", "content", "")


def asked(tmp_path: Path, query: Query, *records: Record) -> list[dict[str, Any]]:
    path = tmp_path / "newsletters.db"
    with Store.open(path) as store:
        store.write_senders([SENDER, replace(SENDER, slug="second", name="Second")])
        store.write_providers(CATALOGUE)
        store.write(list(enumerate(records, 1)))
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute(query.sql)]
    connection.close()
    return rows


def daily(days: range, **changes: Any) -> list[Record]:
    return [
        record(received_at=f"2026-{1 + day // 28:02}-{1 + day % 28:02}T08:00:00Z", **changes) for day in days
    ]


def test_days_weekdays_and_hours_are_those_of_the_arrival(tmp_path: Path) -> None:
    """2026-03-01 is a Sunday, the seventh day; a year before the last day nothing is shown."""
    mails = [record(), record(received_at="2026-03-01T00:00:00Z"), record(received_at="2024-03-01T00:00:00Z")]
    assert asked(tmp_path, queries.PER_DAY, *mails) == [{"day": "2026-03-01", "newsletters": 2}]
    assert asked(tmp_path, queries.WEEK, *mails) == [
        {"weekday": 5, "hour": 0, "newsletters": 1},
        {"weekday": 7, "hour": 0, "newsletters": 1},
        {"weekday": 7, "hour": 13, "newsletters": 1},
    ]


def test_opaque_links_are_those_that_hide_their_target(tmp_path: Path) -> None:
    """A link that acts for one reader is removed as well, but hides nothing."""
    (row,) = asked(tmp_path, queries.OPAQUE, record(links=(OPAQUE, SECRET, OPEN, OPEN)))
    assert (row["provider"], row["percent_opaque"], row["opaque_links"], row["links"]) == (
        "MailChimp",
        25.0,
        1,
        4,
    )


def test_linked_domains_count_newsletters_and_links(tmp_path: Path) -> None:
    """Two links in one mail are one newsletter; removed links lead nowhere."""
    assert asked(tmp_path, queries.DOMAINS, record(links=(OPEN, OPEN, OPAQUE))) == [
        {"host": "open.example", "newsletters": 1, "links": 2}
    ]


def test_senders_are_known_by_name_and_strangers_by_domain(tmp_path: Path) -> None:
    """Two addresses of one registered sender are one sender."""
    other = Author("X", "x@other.example", "other.example")
    found = asked(
        tmp_path, queries.SENDERS, record(), record(author=other), record(sender=None, author=other)
    )
    assert [(row["sender"], row["newsletters"], row["slug"], row["domain"]) for row in found] == [
        ("Example Party", 2, "example-party", ""),
        ("other.example", 1, "", "other.example"),
    ]


def test_who_missed_three_usual_gaps_is_quiet(tmp_path: Path) -> None:
    """A daily sender and a daily stranger of January are missed in February; who wrote too seldom is not."""
    stranger = {"sender": None, "author": Author("X", "x@other.example", "other.example")}
    rare = [
        record(received_at=f"2026-01-0{day}T08:00:00Z", sender=SenderMatch("second", "")) for day in (1, 2)
    ]
    now = record(received_at="2026-02-10T08:00:00Z", sender=None, author=Author("", "", "now.example"))
    mails = [*daily(range(20)), *daily(range(10), **stranger), *rare, now]
    assert [
        (row["sender"], row["last_day"], row["days_silent"], row["usual_days"])
        for row in asked(tmp_path, queries.QUIET, *mails)
    ] == [
        ("other.example", "2026-01-10", 31, 1.0),
        ("Example Party", "2026-01-20", 21, 1.0),
    ]


def test_an_alias_leaks_when_another_domain_uses_it(tmp_path: Path) -> None:
    """Known by the alias alone, from a domain that is neither the sender's own nor below it."""
    alias = {"sender": SenderMatch("example-party", "alias"), "kind": Kind.UNKNOWN}
    mails = [
        *daily(range(3)),
        record(**alias, author=Author("", "a@mail.party.example.org", "mail.party.example.org")),
        record(**alias, author=Author("", "a@casino.example", "casino.example")),
    ]
    found = asked(tmp_path, queries.LEAKS, *mails)
    assert [(row["given_to"], row["own_domain"], row["used_by"], row["mails"]) for row in found] == [
        ("Example Party", "party.example.org", "casino.example", 1)
    ]


def test_the_largest_platforms_are_named_and_the_rest_is_not(tmp_path: Path) -> None:
    """Per month; mail of no known platform is unknown."""
    found = asked(tmp_path, queries.PROVIDERS, record(), record(), record(providers=()))
    assert found == [
        {"month": "2026-03", "provider": "MailChimp", "newsletters": 2},
        {"month": "2026-03", "provider": "unknown", "newsletters": 1},
    ]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_an_empty_archive_has_empty_answers(tmp_path: Path, query: Query) -> None:
    """Nothing to count is no error."""
    assert asked(tmp_path, query) == []


def test_the_page_shows_each_answer_and_leads_to_its_sql(web: Web) -> None:
    """Each section has a heading, and a link to the canned query with the same rows as JSON."""
    page = web.get("/-/newsletters/statistics")
    assert page.status == 200
    for query in QUERIES:
        assert f'href="/newsletters/{query.name}"' in page.text
        behind = web.get(f"/newsletters/{query.name}")
        assert behind.status == 200
        assert query.title in behind.text
    rows = json.loads(web.get("/newsletters/top_senders.json?_shape=array").text)
    assert (rows[0]["sender"], rows[0]["newsletters"]) == ("Willow Creek Party", 5)
    assert re.search(r'href="/-/newsletters\?sender=willow-creek-party"', page.text)
    assert "<rect" in page.text
    assert "style=" not in page.text


def test_a_query_of_that_name_in_the_settings_wins(tmp_path: Path) -> None:
    """Who writes a better top_senders into datasette.yaml gets it."""
    config = tmp_path / "datasette.yaml"
    config.write_text(
        "databases:\n  newsletters:\n    queries:\n      top_senders: select 'mine' as sender\n"
    )
    with serving(write_archive(tmp_path / "newsletters.db"), config) as web:
        assert json.loads(web.get("/newsletters/top_senders.json?_shape=array").text) == [{"sender": "mine"}]
        assert web.get("/newsletters/alias_leaks.json").status == 200


PUBLIC = CONFIG.with_name("datasette.public.yaml")


def test_the_public_profile_keeps_the_owners_affairs(tmp_path: Path) -> None:
    """No alias leaks, no SQL of strangers, hidden counts; a copy without inbox names shows no inbox."""
    path = write_archive(tmp_path / "newsletters.db")
    connection = sqlite3.connect(path)
    connection.execute("update newsletters set inbox = ''")
    connection.execute("delete from value_counts where name = 'inbox'")
    connection.commit()
    connection.close()
    with serving(path, PUBLIC) as web:
        assert web.get("/newsletters/alias_leaks").status == 403
        assert "Alias leaks" not in web.get("/-/newsletters/statistics").text
        assert web.get("/newsletters/top_senders").status == 200
        assert web.get("/newsletters.json?sql=select+1").status == 403
        assert "Inbox" not in web.get("/").text
        assert "Inbox" not in web.get("/newsletters/newsletters/10").text
        visible = [
            each["name"]
            for each in json.loads(web.get("/newsletters.json").text)["tables"]
            if not each["hidden"]
        ]
        assert "counts" not in visible
        assert "newsletters" in visible


def test_an_empty_archive_has_a_page(tmp_path: Path) -> None:
    """Before the first newsletter there is nothing to show, and no error."""
    path = tmp_path / "newsletters.db"
    Store.open(path).close()
    with serving(path) as web:
        page = web.get("/-/newsletters/statistics")
        assert page.status == 200
        assert page.text.count("There is nothing to show yet.") == 6
        assert web.get("/").status == 200
