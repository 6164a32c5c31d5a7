"""Writing records: every value in its column, replaced as a whole, committed as a whole."""

from __future__ import annotations

import os
import signal
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.records import CATALOGUE, DELIVERY, PLATFORM, SENDER, failed_record, record
from watcher.record import Author, Layer, Provider, ProviderEntry, ProviderStatus, Sender, SenderMatch
from watcher.store import Store, StoreError, Summary, summary

if TYPE_CHECKING:
    from pathlib import Path

    from watcher.record import Record

CHILDREN = ("bodies", "newsletter_providers", "evidence", "authentication", "links", "trackers", "removed")
CHILDREN += ("attachments",)


def rows(store: Store, sql: str, *parameters: object) -> list[tuple[object, ...]]:
    return store._db.rows(sql, parameters)


def found(store: Store, words: str) -> list[int]:
    sql = "SELECT rowid FROM newsletters_fts WHERE newsletters_fts MATCH ? ORDER BY rowid"
    return [number for (number,) in store._db.rows(sql, (words,))]


def index_is_sound(store: Store) -> bool:
    """Whether the full-text index holds exactly the words of the rows."""
    try:
        store._db.execute("INSERT INTO newsletters_fts (newsletters_fts, rank) VALUES ('integrity-check', 1)")
    except StoreError:
        return False
    return True


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables of ours, in a fixed order."""
    tables = ("newsletters", *CHILDREN, "senders", "providers")
    return {table: rows(store, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}  # noqa: S608


def dump(path: Path) -> list[str]:
    """What `.dump` prints, less the index' pages, the planner's statistics and the migrations' times."""
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return [line for line in lines if not line.startswith(_VARYING)]


_VARYING = tuple(
    f'INSERT INTO "{table}' for table in ("newsletters_fts_", "sqlite_stat", "_sqlite_migrations")
)


def test_the_main_table_holds_the_record(store: Store) -> None:
    """Each field stands in its column; lists are counted, the month is that of the arrival."""
    store.write([(7, record())])
    cursor = store._db.execute("SELECT * FROM newsletters")
    names = [column[0] for column in cursor.description]
    assert dict(zip(names, cursor.fetchone(), strict=True)) == {
        "id": 7,
        "subject": "Wir sind halb über den Berg",
        "sender": "example-party",
        "from_name": "Example News",
        "from_address": "news@party.example.org",
        "from_domain": "party.example.org",
        "platform": "mailchimp",
        "delivery": "mandrill",
        "sent_at": "2026-03-01T13:00:00Z",
        "received_at": "2026-03-01T13:05:09Z",
        "month": "2026-03",
        "excerpt": "The quick zebra reads",
        "words": 6,
        "reading_minutes": 1,
        "links": 2,
        "trackers": 1,
        "attachments": 1,
        "list_id": "news.party.example.org",
        "campaign_id": "c1",
        "language": "en",
        "kind": "newsletter",
        "inbox": "politics",
        "status": "done",
        "warnings": "charset: guessed; one more",
        "pipeline_version": "1-a-b",
        "sender_reason": "list_id: news.party.example.org",
        "redactions": 2,
        "original_from": "",
        "list_unsubscribe": "http mailto",
        "kind_reason": "header List-Id",
        "issue": None,
        "sender_unauthenticated": 1,
    }


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "bodies",
            [
                (
                    7,
                    "The quick zebra reads the newsletter.\n\n[More](https://party.example.org/more)",
                    "<p>The quick zebra reads the newsletter.</p>",
                    "Read on",
                    "Paid for by Example Party",
                    "The quick zebra reads the newsletter.",
                )
            ],
        ),
        (
            "newsletter_providers",
            [
                (7, 1, "mailchimp", "platform", "asserted", "acc0unt"),
                (7, 2, "mandrill", "delivery", "hinted", ""),
            ],
        ),
        (
            "evidence",
            [
                (
                    *(7, 1, "mailchimp", "platform", "header_name", "X-Mailer"),
                    *("MailChimp Mailer", "mailchimp-1", "strong", "claimed"),
                ),
                (
                    *(7, 2, "mailchimp", "platform", "dkim_domain", "DKIM-Signature"),
                    *("platform.example", "mailchimp-2", "strong", "claimed"),
                ),
            ],
        ),
        ("authentication", [(7, 1, "spf", "pass", "bounce.platform.example"), (7, 2, "dmarc", "none", "")]),
        (
            "links",
            [
                (
                    *(7, 1, "More", "cleaned", "https://party.example.org/more"),
                    *("party.example.org", "content", "utm"),
                ),
                (7, 2, "Unsubscribe", "removed", None, "", "unsubscribe", "role"),
            ],
        ),
        ("trackers", [(7, 1, "pixel", "track.example.com", "pixel-1")]),
        ("removed", [(7, 1, "footer", "footer-1", 120)]),
        ("attachments", [(7, 1, "programme.pdf", "application/pdf", 1234, "ab" * 32, 0, "", "")]),
    ],
)
def test_each_list_has_a_table(store: Store, table: str, expected: list[tuple[object, ...]]) -> None:
    """One row for each thing found, numbered in its order."""
    store.write([(7, record())])
    assert rows(store, f"SELECT * FROM {table}") == expected  # noqa: S608


def test_a_failed_record_is_a_row_with_its_reason(store: Store) -> None:
    """Mail that could not be derived is visible, and searchable for nothing."""
    store.write([(3, failed_record("message: no header"))])
    assert rows(store, "SELECT status, warnings, sender, platform, sent_at FROM newsletters") == [
        ("failed", "message: no header", None, None, None)
    ]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["verified"], "p0"),
        (["contradicted", "hinted"], "p1"),
        (["contradicted"], None),
        (["unknown"], None),
        (["hinted", "verified"], "p0"),
    ],
)
def test_the_platform_is_the_first_that_is_believed(
    store: Store, statuses: list[str], expected: str | None
) -> None:
    """A contradicted or unknown answer is no platform; it stays in newsletter_providers."""
    answers = tuple(
        Provider(f"p{index}", f"P{index}", Layer.PLATFORM, ProviderStatus(status))
        for index, status in enumerate(statuses)
    )
    store.write([(1, record(providers=answers))])
    assert rows(store, "SELECT platform, delivery FROM newsletters") == [(expected, None)]
    assert rows(store, "SELECT status FROM newsletter_providers") == [(status,) for status in statuses]


def test_writing_an_id_again_replaces_all_of_it(store: Store) -> None:
    """Nothing of the old record is left: no row of a list, no word in the index."""
    store.write([(1, record()), (2, record(text="The giraffe stays."))])
    bare = failed_record()
    store.write([(1, bare)])
    for table in CHILDREN[1:]:
        assert rows(store, f"SELECT 1 FROM {table} WHERE newsletter_id = 1") == []  # noqa: S608
    assert (found(store, "zebra"), found(store, "giraffe"), store.count()) == ([], [2], 2)
    store.write([(1, record(text="An okapi arrives."))])
    assert (found(store, "okapi"), found(store, "berg")) == ([1], [1, 2])
    assert index_is_sound(store)


def test_an_index_that_does_not_fit_its_rows_is_noticed(store: Store) -> None:
    """The check that the other tests rely on can fail: a text changed behind the index is found."""
    store.write([(1, record())])
    assert index_is_sound(store)
    store._db.execute("UPDATE bodies SET text = 'something else'")
    assert not index_is_sound(store)


def test_the_last_record_of_an_id_in_a_batch_wins(store: Store) -> None:
    """A batch that names an id twice is not an error."""
    store.write([(1, record()), (1, record(text="The giraffe stays."))])
    assert (store.count(), found(store, "zebra"), found(store, "giraffe")) == (1, [], [1])


def test_deleting_takes_everything_along(store: Store) -> None:
    """A deleted newsletter leaves no row anywhere; an unknown id does nothing."""
    store.write([(1, record()), (2, record())])
    store.delete([1, 99])
    assert (store.ids(), found(store, "zebra")) == ({2}, [2])
    for table in CHILDREN:
        assert set(rows(store, f"SELECT newsletter_id FROM {table}")) == {(2,)}  # noqa: S608
    assert index_is_sound(store)


def test_the_same_records_give_the_same_dump_whatever_the_batches(tmp_path: Path) -> None:
    """The store is a function of its records: written in id order, it is the same text by text."""
    records = [
        (number, record(subject=f"Issue {number}", text=f"word{number} " * 40)) for number in range(1, 60)
    ]
    dumps = []
    for size in (1, 7, 100):
        path = tmp_path / f"{size}.db"
        with Store.open(path) as store:
            store.write_senders([SENDER])
            store.write_providers(CATALOGUE)
            for start in range(0, len(records), size):
                store.write(records[start : start + size])
        dumps.append(dump(path))
    assert dumps[0] == dumps[1] == dumps[2]
    assert sum(line.startswith('INSERT INTO "links"') for line in dumps[0]) == 118


def test_the_order_of_writing_does_not_show(tmp_path: Path) -> None:
    """Rows written backwards, or twice, are the rows written once in order."""
    records = [(number, record(subject=f"Issue {number}")) for number in range(1, 20)]
    with Store.open(tmp_path / "a.db") as first, Store.open(tmp_path / "b.db") as second:
        first.write(records)
        second.write(reversed(records))
        second.write(records[5:9])
        assert content(first) == content(second)


def test_a_lone_surrogate_costs_one_character_and_not_the_batch(store: Store) -> None:
    """Text that UTF-8 cannot express is stored with U+FFFD in its place, its neighbours unchanged."""
    broken = record(subject="a\ud800b", providers=(replace(PLATFORM, account="\udc80"),))
    store.write([(1, broken), (2, record())])
    assert rows(store, "SELECT subject FROM newsletters ORDER BY id") == [
        ("a\N{REPLACEMENT CHARACTER}b",),
        ("Wir sind halb über den Berg",),
    ]
    assert rows(store, "SELECT account FROM newsletter_providers WHERE newsletter_id = 1") == [
        ("\N{REPLACEMENT CHARACTER}",)
    ]


def test_killed_in_the_middle_of_a_write_leaves_the_old_rows(store: Store, path: Path) -> None:
    """After kill -9 in the transaction the store holds what it held before, index included (T7)."""
    store.write([(1, record())])
    batch = [(number, record(text="The giraffe stays.")) for number in (1, 2, 3)]
    child = os.fork()
    if child == 0:  # pragma: no cover  # it is killed
        opened = Store.open(path)
        insert, count = opened._db.execute_many, 0

        def dying(sql: str, parameters: object) -> None:
            nonlocal count
            if sql.startswith("INSERT INTO newsletters_fts (rowid"):
                os.kill(os.getpid(), signal.SIGKILL)
            insert(sql, parameters)  # type: ignore[arg-type]

        opened._db.execute_many = dying  # type: ignore[method-assign,assignment]
        opened.write(batch)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with Store.open(path) as again:
        assert (again.ids(), found(again, "zebra"), found(again, "giraffe")) == ({1}, [1], [])
        assert index_is_sound(again)
        again.write(batch)
        assert (again.ids(), found(again, "giraffe")) == ({1, 2, 3}, [1, 2, 3])


def test_an_error_inside_a_batch_stores_nothing_of_it(store: Store) -> None:
    """A batch is one transaction."""
    with pytest.raises(StoreError, match="schema forbids"):
        store.write([(1, record()), (2, record(subject=None))])
    assert store.ids() == set()


def test_the_register_of_senders_follows_the_settings(store: Store) -> None:
    """A changed sender is changed, one that is gone goes, unless a newsletter still names it."""
    other = Sender("other", "Other")
    store.write_senders([SENDER, other])
    store.write([(1, record())])
    store.write_senders([replace(other, name="Another")])
    assert rows(store, "SELECT slug, name FROM senders ORDER BY slug") == [
        ("example-party", "Example Party"),
        ("other", "Another"),
    ]
    store.write_senders([])
    assert rows(store, "SELECT slug FROM senders") == [("example-party",)]


def test_the_register_of_providers_follows_the_fingerprints(store: Store) -> None:
    """Entries come and go with the rules; a slug in two layers is entered once, under the first."""
    store.write([(1, record())])
    doubled = [
        ProviderEntry("two", "Two", Layer.PLATFORM, "a"),
        ProviderEntry("two", "Two", Layer.RELAY, "b"),
    ]
    store.write_providers(doubled)
    assert rows(store, "SELECT slug, layer FROM providers ORDER BY slug") == [
        ("mailchimp", "platform"),
        ("mandrill", "delivery"),
        ("two", "platform"),
    ]


def test_what_nobody_registered_is_entered_by_its_first_newsletter(path: Path) -> None:
    """A record may name a sender and providers that the registers do not know."""
    with Store.open(path) as store:
        store.write([(1, record(sender=SenderMatch("new", "address")))])
        assert rows(store, "SELECT slug, name FROM senders") == [("new", "new")]
        assert rows(store, "SELECT slug, name, category FROM providers") == [
            ("mailchimp", "MailChimp", ""),
            ("mandrill", "Mandrill", ""),
        ]


def test_ids_can_be_chosen_by_a_condition(store: Store) -> None:
    """The condition is SQL on the row; a mistake in it is shown in SQLite's words, and it cannot write."""
    store.write([(1, record()), (2, failed_record())])
    assert store.ids() == {1, 2}
    assert store.ids("platform = 'mailchimp' AND month >= '2026-01'") == {1}
    with pytest.raises(StoreError, match="no such column: platfrom"):
        store.ids("platfrom = 1")
    store.write([(3, record())])
    assert store.count() == 3


def test_the_summary_lists_the_newest_first(store: Store, path: Path) -> None:
    """A terminal gets what it needs in one call."""
    store.write(
        [
            (1, record()),
            (2, record(received_at="2026-04-01T00:00:00Z", author=Author(), providers=(DELIVERY,))),
        ]
    )
    assert summary(path) == [
        Summary("2026-04-01T00:00:00Z", "Wir sind halb über den Berg", "", "Mandrill", 6, 2, 1),
        Summary(
            "2026-03-01T13:05:09Z",
            "Wir sind halb über den Berg",
            "Example News",
            "MailChimp, Mandrill",
            *(6, 2, 1),
        ),
    ]
    assert len(summary(path, limit=1)) == 1


def test_housekeeping_changes_no_row(store: Store, path: Path) -> None:
    """Merging and tidying leave the content as it is, and the -wal file empty."""
    for number in range(1, 40):
        store.write([(number, record())])
    before: dict[str, list[tuple[object, ...]]] = content(store)
    store.keep_house()
    assert content(store) == before
    assert index_is_sound(store)
    assert path.with_name(path.name + "-wal").stat().st_size == 0


def test_records_with_nothing_in_them_are_stored(store: Store) -> None:
    """The smallest record that the types allow is a row."""
    from watcher.record import Record as Smallest

    empty: Record = Smallest(inbox="", received_at="")
    store.write([(1, empty)])
    assert store.ids() == {1}
