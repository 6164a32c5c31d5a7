"""The view record_page: the fields of a public archive's page, in its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.records import DELIVERY, PLATFORM, failed_record, record
from watcher.record import Author, Layer, Provider, ProviderStatus, SenderMatch

if TYPE_CHECKING:
    from watcher.store import Store


def page(store: Store) -> dict[str, object]:
    cursor = store._db.execute("SELECT * FROM record_page WHERE id = 1")
    return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))


def test_the_fields_stand_in_the_archives_order_and_words(store: Store) -> None:
    """Every field of the page, spelled as the archive spells it (users.md, section 4)."""
    store.write([(1, record())])
    assert list(page(store).items()) == [
        ("id", 1),
        ("From", "Example News <news@party.example.org>"),
        ("Subject", "Wir sind halb über den Berg"),
        ("Date", "March 1, 2026 1:05 PM"),
        ("Body", "The quick zebra reads the newsletter.\n\n[More](https://party.example.org/more)"),
        ("HTML", "<p>The quick zebra reads the newsletter.</p>"),
        ("Screenshot", "n/a"),
        ("Sender", "Example Party"),
        ("Political Party", "Example"),
        ("Country", "Utopia"),
        ("State/Locality", "Northshire"),
        ("Office", "Parliament"),
        ("Email Providers", "MailChimp, Mandrill"),
    ]


def test_what_is_not_known_reads_na(store: Store) -> None:
    """A mail of nobody registered, through nothing known, says so in each field."""
    store.write([(1, failed_record())])
    known = {name for name, value in page(store).items() if value != "n/a"}
    assert known == {"id", "Date"}


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (Author("Name", ""), "Name"),
        (Author("", "a@example.org"), "a@example.org"),
        (Author(), "n/a"),
    ],
)
def test_from_shows_what_there_is(store: Store, author: Author, expected: str) -> None:
    """A From without name or without address shows the other."""
    store.write([(1, record(author=author))])
    assert page(store)["From"] == expected


@pytest.mark.parametrize(
    ("received_at", "expected"),
    [
        ("2026-01-09T00:00:00Z", "January 9, 2026 12:00 AM"),
        ("2026-02-28T09:05:59Z", "February 28, 2026 9:05 AM"),
        ("2024-04-30T11:59:00Z", "April 30, 2024 11:59 AM"),
        ("2026-05-01T12:00:00Z", "May 1, 2026 12:00 PM"),
        ("2026-06-01T12:59:00Z", "June 1, 2026 12:59 PM"),
        ("2026-07-04T13:00:00Z", "July 4, 2026 1:00 PM"),
        ("2026-08-10T20:10:00Z", "August 10, 2026 8:10 PM"),
        ("2026-09-10T22:10:00Z", "September 10, 2026 10:10 PM"),
        ("2026-10-31T23:59:00Z", "October 31, 2026 11:59 PM"),
        ("2026-11-01T10:00:00Z", "November 1, 2026 10:00 AM"),
        ("1999-12-01T01:00:00Z", "December 1, 1999 1:00 AM"),
    ],
)
def test_the_date_is_written_out(store: Store, received_at: str, expected: str) -> None:
    """Month D, YYYY H:MM AM/PM, of the arrival."""
    store.write([(1, record(received_at=received_at))])
    assert page(store)["Date"] == expected


def provider(slug: str, name: str, layer: Layer, status: ProviderStatus = ProviderStatus.HINTED) -> Provider:
    return Provider(slug, name, layer, status)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((DELIVERY, PLATFORM), "MailChimp, Mandrill"),
        ((provider("a", "Same", Layer.PLATFORM), provider("b", "Same", Layer.DELIVERY)), "Same"),
        ((provider("z", "Zeta", Layer.PLATFORM), provider("a", "Alpha", Layer.PLATFORM)), "Zeta, Alpha"),
        ((provider("a", "Liar", Layer.PLATFORM, ProviderStatus.CONTRADICTED), DELIVERY), "Mandrill"),
        ((provider("a", "None", Layer.PLATFORM, ProviderStatus.UNKNOWN),), "n/a"),
        ((provider("a", "Host", Layer.MAILBOX_HOST), provider("b", "Relay", Layer.RELAY)), "n/a"),
        ((), "n/a"),
    ],
)
def test_providers_are_a_list_without_doubles(
    store: Store, answers: tuple[Provider, ...], expected: str
) -> None:
    """Platforms, then delivery services, each name once; what is contradicted is left out."""
    store.write([(1, record(providers=answers))])
    assert page(store)["Email Providers"] == expected


def test_an_unregistered_sender_reads_as_its_slug_only_by_name(store: Store) -> None:
    """A sender without facts has a name and otherwise n/a."""
    store.write([(1, record(sender=SenderMatch("newcomer", "address")))])
    assert (page(store)["Sender"], page(store)["Office"]) == ("newcomer", "n/a")


def test_a_page_is_found_by_key_and_counting_reads_no_text(store: Store) -> None:
    """No step of the plan scans a table, so that the page costs the same at any size."""
    plan = [row[3] for row in store._db.rows("EXPLAIN QUERY PLAN SELECT * FROM record_page WHERE id = 1")]
    assert not [step for step in plan if step.startswith("SCAN") and "subquery" not in step]
    assert any("bodies USING INTEGER PRIMARY KEY" in step for step in plan)
    count = [row[3] for row in store._db.rows("EXPLAIN QUERY PLAN SELECT count(*) FROM record_page")]
    assert len(count) == 1
    assert " USING COVERING INDEX " in count[0]
