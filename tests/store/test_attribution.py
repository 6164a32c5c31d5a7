"""Which newsletter belongs to which sender, and who is not registered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.records import CATALOGUE, PLATFORM, SENDER, failed_record, record
from watcher.record import Author, Kind, ProviderStatus, SenderMatch
from watcher.store import Account, Attributed, StoreError, Stranger, Tally

if TYPE_CHECKING:
    from watcher.store import Store

OTHER = replace(SENDER, slug="other", name="Other")


def senders(store: Store) -> list[tuple[object, ...]]:
    return store._db.rows("SELECT id, sender, sender_reason FROM newsletters ORDER BY id")


def register(store: Store) -> list[object]:
    return [slug for (slug,) in store._db.rows("SELECT slug FROM senders ORDER BY slug")]


def test_rows_are_read_with_what_a_registry_knows_them_by(store: Store) -> None:
    """Above an id, ascending, a page at a time; failed records have no sender and are left out."""
    store.write([(1, record()), (2, failed_record()), (3, record(sender=None)), (4, record())])
    first = Attributed(
        1,
        "politics",
        "2026-03-01T13:05:09Z",
        "news.party.example.org",
        "news@party.example.org",
        "1-a-b",
        "example-party",
        "list_id: news.party.example.org",
        True,
        (Account("mailchimp", "platform", "asserted", "acc0unt"),),
        (("spf", "pass", "bounce.platform.example"), ("dmarc", "none", "")),
    )
    assert store.attributed(limit=1, accounts=True) == [first]
    assert store.attributed(limit=1) == [replace(first, accounts=())]
    assert [(each.id, each.sender) for each in store.attributed(after=1)] == [(3, ""), (4, "example-party")]
    assert store.attributed(after=4, accounts=True) == []


def test_attributing_changes_the_sender_its_reason_and_the_register_alone(store: Store) -> None:
    """Everything else of a row stays; who is gone from the register and unused is gone from the table."""
    store.write_senders([SENDER])
    store.write([(1, record()), (2, record()), (3, record(sender=None))])
    columns = [name for (name,) in store._db.rows("SELECT name FROM pragma_table_info('newsletters')")]
    others = f"SELECT {', '.join(c for c in columns if not c.startswith('sender'))} FROM newsletters"  # noqa: S608
    before = store._db.rows(others)
    store.attribute(
        [(1, "other", "alias", True), (2, "", "", False), (3, "other", "domain: x.example", True)], [OTHER]
    )
    assert senders(store) == [(1, "other", "alias"), (2, None, ""), (3, "other", "domain: x.example")]
    assert register(store) == ["other"]
    assert store._db.rows(others) == before


def test_a_sender_that_a_newsletter_still_has_stays_in_the_register(store: Store) -> None:
    """A daemon with the old settings may have written one meanwhile: the row keeps its parent."""
    store.write([(1, record()), (2, record())])
    store.attribute([(1, "", "", False)], [OTHER])
    assert register(store) == ["example-party", "other"]


def test_a_change_that_cannot_be_made_changes_nothing(store: Store) -> None:
    """All of it is one transaction."""
    store.write_senders([SENDER])
    store.write([(1, record()), (2, record())])
    with pytest.raises(StoreError):
        store.attribute([(1, "", "", False), (2, "nobody", "alias", True)], [OTHER])
    assert senders(store)[0] == (1, "example-party", "list_id: news.party.example.org")
    assert register(store) == ["example-party"]


def stranger(**changes: object) -> Stranger:
    same = Stranger(
        list_id="news.party.example.org",
        account="mailchimp:acc0unt",
        from_address="news@party.example.org",
        from_domain="party.example.org",
        from_name="Example News",
        platform="",
        count=1,
        first_at="2026-03-01T13:05:09Z",
        last_at="2026-03-01T13:05:09Z",
    )
    return replace(same, **changes)  # type: ignore[arg-type]


def test_strangers_are_grouped_and_counted(store: Store) -> None:
    """The most frequent first, named as the newest newsletter names itself."""
    store.write_providers(CATALOGUE)
    no_one = record(sender=None)
    forged = replace(PLATFORM, status=ProviderStatus.CONTRADICTED)
    store.write(
        [
            (
                1,
                replace(
                    no_one, received_at="2026-02-01T00:00:00Z", author=replace(no_one.author, name="Old")
                ),
            ),
            (2, no_one),
            (
                3,
                replace(
                    no_one, list_id="", providers=(forged,), author=Author("", "a@b.example", "b.example")
                ),
            ),
            (4, record()),
            (5, replace(no_one, kind=Kind.PERSONAL)),
            (6, failed_record()),
        ]
    )
    (often, once) = store.strangers()
    assert often == stranger(
        platform="mailchimp", count=2, first_at="2026-02-01T00:00:00Z"
    ) or often == stranger(platform="MailChimp", count=2, first_at="2026-02-01T00:00:00Z")
    assert once == stranger(
        list_id="", account="", from_address="a@b.example", from_domain="b.example", from_name=""
    )


def test_newsletters_are_counted_for_each_sender(store: Store) -> None:
    """What is no newsletter does not count as one."""
    later = record(received_at="2026-04-01T00:00:00Z")
    match = SenderMatch("other", "alias")
    store.write([(1, record()), (2, later), (3, record(kind=Kind.AUTO_REPLY)), (4, record(sender=None))])
    store.write([(5, record(sender=match))])
    assert store.tallies() == {
        "example-party": Tally(2, "2026-04-01T00:00:00Z"),
        "other": Tally(1, "2026-03-01T13:05:09Z"),
    }
