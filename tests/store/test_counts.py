"""What is counted while it is written: always the same as counting anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.records import CATALOGUE, SENDER, failed_record, record
from watcher.record import Author, Kind, Link, LinkAction, Sender, SenderMatch, Tracker
from watcher.store import Store
from watcher.store.counts import COUNTS, EVERY

if TYPE_CHECKING:
    from pathlib import Path

OTHER = replace(SENDER, slug="other-party", name="Other Party")


def counts(store: Store) -> dict[str, list[tuple[object, ...]]]:
    return {each.table: store._db.rows(f"SELECT * FROM {each.table}") for each in COUNTS}  # noqa: S608


def anew(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """What the rows give when they are counted now, in tables made for it."""
    for each in COUNTS:
        store._db.execute(f"DELETE FROM {each.table}")  # noqa: S608
        store._db.execute(each.add(EVERY))
    return counts(store)


def opaque(number: int) -> Link:
    return Link(number, "Read", LinkAction.REMOVED, None, "click.example.com", "click", "some-click")


MAILS = [
    record(),
    record(received_at="2026-03-01T13:59:59Z", sender=None, author=Author("A", "a@b.example", "b.example")),
    record(received_at="2026-04-30T23:05:00Z", links=(opaque(1), opaque(2)), language="", providers=()),
    record(kind=Kind.BOUNCE),
    record(trackers=(Tracker("pixel", "x.example", "r"), Tracker("css", "x.example", "r")), links=()),
    failed_record(),
]


def test_each_newsletter_is_counted_once_in_each_way(store: Store) -> None:
    """By month and the rest, by value, by hour, by host and by tracker; a bounce only by its kind."""
    store.write([(1, MAILS[0]), (2, MAILS[3])])
    assert counts(store) == {
        "counts": [
            ("2026-03", "example-party", "party.example.org", "mailchimp", "en", "politics", 1, 6, 2, 0, 1)
        ],
        "value_counts": [
            ("inbox", "politics", 1),
            ("kind", "bounce", 1),
            ("kind", "newsletter", 1),
            ("language", "en", 1),
            ("month", "2026-03", 1),
            ("platform", "mailchimp", 1),
            ("sender", "example-party", 1),
        ],
        "hour_counts": [("2026-03-01", 13, 1)],
        "host_counts": [("party.example.org", 1, 1)],
        "tracker_counts": [("pixel", "track.example.com", 1, 1)],
    }


def test_links_that_hide_their_target_are_opaque(store: Store) -> None:
    """A removed click link is opaque, a removed link that acts for one reader is not."""
    store.write([(1, MAILS[2]), (2, MAILS[0])])
    assert store._db.rows("SELECT month, links, opaque FROM counts ORDER BY month") == [
        ("2026-03", 2, 0),
        ("2026-04", 2, 2),
    ]


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_sums_are_those_of_counting_anew(store: Store, batch: int) -> None:
    """Written singly or together, replaced, deleted, given other senders: never a difference."""
    rows = [(number, MAILS[number % len(MAILS)]) for number in range(1, 20)]
    for begin in range(0, len(rows), batch):
        store.write(rows[begin : begin + batch])
    store.write([(1, MAILS[2]), (2, MAILS[3]), (3, MAILS[0]), (3, MAILS[1])])
    store.delete([4, 5, 99])
    store.attribute(
        [(6, "other-party", "list_id: x", True), (7, "", "", False), (8, "other-party", "alias", True)],
        [OTHER],
    )
    assert counts(store) == anew(store)


def test_nothing_is_left_of_what_is_gone(store: Store) -> None:
    """Deleting everything empties the tables."""
    store.write(list(enumerate(MAILS, 1)))
    store.delete(range(1, 10))
    assert set(map(len, counts(store).values())) == {0}


def test_an_older_store_is_counted_when_it_is_opened(path: Path) -> None:
    """The migration counts the rows that are there already."""
    with Store.open(path) as store:
        store.write_senders([SENDER])
        store.write_providers(CATALOGUE)
        store.write(list(enumerate(MAILS, 1)))
        before = counts(store)
        for each in COUNTS:
            store._db.execute(f"DROP TABLE {each.table}")
        store._db.execute("DROP INDEX newsletters_alias")
        for name in ("sender", "platform", "month", "language"):
            store._db.execute(f"CREATE INDEX newsletters_kind_{name} ON newsletters (kind, {name})")
        store._db.execute("DELETE FROM _sqlite_migrations WHERE name LIKE 'm003%'")
        store._db.execute("PRAGMA user_version = 2")
    with Store.open(path) as store:
        assert counts(store) == before


def test_mail_known_by_its_alias_alone_is_found_without_a_scan(store: Store) -> None:
    """The question which alias leaked reads an index of just these rows."""
    store.write([(1, record(sender=SenderMatch("example-party", "alias")))])
    plan = store._db.rows(
        "EXPLAIN QUERY PLAN SELECT sender, count(DISTINCT from_domain) FROM newsletters "
        "WHERE sender_reason = 'alias' GROUP BY sender"
    )
    assert "newsletters_alias" in str(plan)


def test_a_sender_nobody_registered_is_counted_by_its_slug(store: Store) -> None:
    """A record that names a slug without an entry is counted like any other."""
    store.write_senders([Sender("x", "X")])
    store.write([(1, record(sender=SenderMatch("new-one", "list_id: x")))])
    assert ("sender", "new-one", 1) in counts(store)["value_counts"]
