"""Messages and deliveries: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import signal
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tests.support.records import mail
from watcher.vault import Arrival, MessageDamaged, Source, Stored, Vault, VaultError

if TYPE_CHECKING:
    from pathlib import Path

DATE = datetime(2026, 2, 27, 18, 0, 5, tzinfo=UTC)


def arrival(uid: int, raw: bytes | None = None, **more: object) -> Arrival:
    raw = mail(uid) if raw is None and not more.get("skipped") and not more.get("message") else raw
    return Arrival(uid, raw, DATE, len(raw or b""), **more)  # type: ignore[arg-type]


def test_stored_bytes_come_back_exactly(vault: Vault) -> None:
    """What is stored is returned byte for byte, whatever the bytes are."""
    samples = [b"", b"\0\xff\r\n" * 9, mail(1), os.urandom(100_000)]
    mailbox = vault.mailbox("politics", "INBOX")
    stored = vault.store(
        mailbox.id, [arrival(uid, raw) for uid, raw in enumerate(samples, 1)], uidvalidity=1, last_uid=4
    )
    assert [vault.raw(number) for number in stored.new] == samples
    assert list(vault.raws(reversed(stored.new))) == list(
        zip(reversed(stored.new), reversed(samples), strict=True)
    )


def test_the_same_bytes_are_one_message_with_two_deliveries(vault: Vault) -> None:
    """A mail that arrives again adds a delivery and no message, in a batch and across mailboxes."""
    first, second = vault.mailbox("politics", "INBOX"), vault.mailbox("parties", "INBOX")
    same = mail(1)
    assert vault.store(first.id, [arrival(1, same), arrival(2, same)], uidvalidity=9, last_uid=2) == Stored(
        (1,), 1, 0
    )
    assert vault.store(second.id, [arrival(1, same)], uidvalidity=3, last_uid=1) == Stored((), 1, 0)
    assert [(each.inbox, each.uid) for each in vault.deliveries(1)] == [
        ("politics", 1),
        ("politics", 2),
        ("parties", 1),
    ]
    assert vault.counts().messages == 1


def test_a_known_uid_is_not_stored_again(vault: Vault) -> None:
    """Storing a delivery twice changes nothing: two polls without new mail add no row (T4)."""
    mailbox = vault.mailbox("politics", "INBOX")
    batch = [arrival(1), arrival(2)]
    vault.store(mailbox.id, batch, uidvalidity=9, last_uid=2)
    assert vault.store(mailbox.id, batch, uidvalidity=9, last_uid=2) == Stored((), 0, 2)
    assert vault.known(mailbox.id, 9) == {1, 2}
    assert vault.known(mailbox.id, 9, after=1) == {2}


def test_a_uid_that_comes_twice_at_once_is_stored_once(vault: Vault) -> None:
    """A server may answer a FETCH with the same message again (RFC 3501, section 7.4.2)."""
    mailbox = vault.mailbox("politics", "INBOX")
    stored = vault.store(mailbox.id, [arrival(1), arrival(1)], uidvalidity=9, last_uid=1)
    assert (len(stored.new), stored.duplicates, stored.known) == (1, 0, 1)


def test_the_cursor_moves_with_the_mail_and_never_back(vault: Vault) -> None:
    """The cursor is in the transaction of the bytes; an empty batch may move it, an old one may not."""
    mailbox = vault.mailbox("politics", "INBOX")
    assert (mailbox.uidvalidity, mailbox.last_uid) == (None, 0)
    for last_uid, expected in [(5, 5), (3, 5), (8, 8)]:
        vault.store(mailbox.id, [], uidvalidity=9, last_uid=last_uid)
        assert vault.mailbox("politics", "INBOX").last_uid == expected


def test_a_new_uidvalidity_starts_again_and_keeps_the_deliveries(vault: Vault) -> None:
    """UIDs are known under their own UIDVALIDITY only, and their mail is not doubled (T5)."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(mailbox.id, [arrival(7)], uidvalidity=9, last_uid=7)
    restarted = vault.restart(mailbox.id, 10)
    assert (restarted.uidvalidity, restarted.last_uid) == (10, 0)
    assert (vault.known(mailbox.id, 9), vault.known(mailbox.id, 10)) == ({7}, set())
    assert vault.store(mailbox.id, [arrival(1, mail(7))], uidvalidity=10, last_uid=1) == Stored((), 1, 0)


def test_a_recognised_mail_is_delivered_without_its_bytes(vault: Vault) -> None:
    """Message-ID, size, INTERNALDATE and mailbox find a message, which a delivery may name."""
    mailbox, other = vault.mailbox("politics", "INBOX"), vault.mailbox("parties", "INBOX")
    raw, name = mail(7), "<7@party.example.org>"
    vault.store(mailbox.id, [arrival(7, raw)], uidvalidity=9, last_uid=7)
    assert vault.lookup(name, len(raw)) == [1]
    assert vault.lookup(name, len(raw), DATE.astimezone(timezone(timedelta(hours=3))), mailbox.id) == [1]
    assert vault.lookup(name, len(raw), DATE + timedelta(seconds=1)) == []
    assert vault.lookup(name, len(raw), DATE, other.id) == []
    assert vault.lookup(name, len(raw) + 1) == []
    assert vault.store(mailbox.id, [arrival(1, message=1)], uidvalidity=10, last_uid=1) == Stored((), 1, 0)
    assert [(each.uidvalidity, each.uid) for each in vault.deliveries(1)] == [(9, 7), (10, 1)]


def test_a_mail_without_message_id_is_never_recognised_by_it(vault: Vault) -> None:
    """Two mails without Message-ID are not the same mail."""
    mailbox = vault.mailbox("politics", "INBOX")
    raw = b"Subject: x\r\n\r\nMessage-ID: <in@the.body>\r\n"
    vault.store(mailbox.id, [arrival(7, raw)], uidvalidity=9, last_uid=7)
    assert vault.lookup("", len(raw)) == []
    assert vault.lookup("<in@the.body>", len(raw)) == []


def test_naming_a_message_that_does_not_exist_stores_nothing(vault: Vault) -> None:
    """A delivery of an unknown message is refused together with its whole batch."""
    mailbox = vault.mailbox("politics", "INBOX")
    with pytest.raises(VaultError, match="schema forbids"):
        vault.store(mailbox.id, [arrival(1), arrival(2, message=99)], uidvalidity=9, last_uid=2)
    assert (vault.message_ids(), vault.mailbox("politics", "INBOX").last_uid) == ([], 0)


def test_a_skipped_mail_is_a_delivery_without_message_until_its_bytes_come(vault: Vault) -> None:
    """An oversize mail is settled and counted; once the limit is raised and it is fetched, it is stored."""
    mailbox = vault.mailbox("politics", "INBOX")
    assert vault.store(mailbox.id, [arrival(1, skipped="too large")], uidvalidity=9, last_uid=1) == Stored(
        (), 0, 0
    )
    assert (vault.known(mailbox.id, 9), vault.counts().skipped, vault.pending(9)) == ({1}, 1, [])
    assert vault.store(mailbox.id, [arrival(1, skipped="too large")], uidvalidity=9, last_uid=1).known == 1
    assert vault.store(mailbox.id, [arrival(1)], uidvalidity=9, last_uid=1) == Stored((1,), 0, 0)
    assert vault.counts().skipped == 0


def test_the_source_is_that_of_the_first_delivery(vault: Vault) -> None:
    """Inbox and INTERNALDATE of a message are those of its first delivery, in UTC."""
    berlin = datetime(2026, 2, 27, 19, 0, tzinfo=timezone(timedelta(hours=1)))
    first, second = vault.mailbox("politics", "INBOX"), vault.mailbox("parties", "INBOX")
    vault.store(first.id, [Arrival(1, mail(1), berlin, 1)], uidvalidity=9, last_uid=1)
    vault.store(second.id, [arrival(1, mail(1)), arrival(2)], uidvalidity=9, last_uid=2)
    assert vault.source(1) == Source(1, "politics", datetime(2026, 2, 27, 18, 0, tzinfo=UTC))
    assert {number: each.inbox for number, each in vault.sources([2, 1]).items()} == {
        1: "politics",
        2: "parties",
    }


def test_a_mail_without_internaldate_gets_the_time_of_its_arrival(vault: Vault) -> None:
    """Every message has a date that orders it."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(mailbox.id, [Arrival(1, mail(1), None, 1)], uidvalidity=9, last_uid=1)
    assert vault.source(1).internal_date == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_an_internaldate_at_the_end_of_the_calendar_is_stored(vault: Vault) -> None:
    """A date that no other zone can express does not stop the mail."""
    mailbox = vault.mailbox("politics", "INBOX")
    last = datetime(9999, 12, 31, 23, 0, tzinfo=timezone(timedelta(hours=-5)))
    vault.store(mailbox.id, [Arrival(1, mail(1), last, 1)], uidvalidity=9, last_uid=1)
    assert vault.source(1).internal_date.year == 9999


@pytest.mark.parametrize("call", ["raw", "source"])
def test_a_missing_message_is_named(vault: Vault, call: str) -> None:
    """Asking for a message that is not there says which."""
    with pytest.raises(VaultError, match="no message 12"):
        getattr(vault, call)(12)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE messages SET raw = zeroblob(40)",
        "UPDATE messages SET raw = substr(raw, 1, length(raw) - 5)",
        "UPDATE messages SET size = size + 1",
        "UPDATE messages SET sha256 = zeroblob(32)",
        "UPDATE messages SET dictionary = 3",
    ],
)
def test_damaged_bytes_are_reported_and_never_returned(vault: Vault, path: Path, damage: str) -> None:
    """Whatever part of a stored message was changed, reading it raises an error with a remedy."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(mailbox.id, [arrival(1)], uidvalidity=9, last_uid=1)
    other = sqlite3.connect(path)
    other.execute(damage)
    other.commit()
    other.close()
    with pytest.raises(MessageDamaged, match="message 1 are damaged; restore"):
        vault.raw(1)


def test_a_dictionary_is_trained_once_and_old_mail_stays_readable(vault: Vault, path: Path) -> None:
    """New mail is packed with the dictionary, mail from before without, and both come back exactly."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(mailbox.id, [arrival(uid) for uid in range(1, 120)], uidvalidity=9, last_uid=119)
    assert vault.train_dictionary(least=200) is None
    assert vault.train_dictionary(least=100) == 1
    assert vault.train_dictionary(least=100) is None
    vault.store(mailbox.id, [arrival(500)], uidvalidity=9, last_uid=500)
    with Vault.open(path) as again:
        assert [again.raw(number) for number in (1, 119, 120)] == [mail(1), mail(119), mail(500)]
    other = sqlite3.connect(path)
    used = other.execute(
        "SELECT dictionary, length(raw) FROM messages WHERE id IN (119, 120) ORDER BY id"
    ).fetchall()
    other.close()
    assert [dictionary for dictionary, _ in used] == [None, 1]
    assert used[1][1] < used[0][1] / 2


@pytest.mark.parametrize("count", [8, 80])
def test_mail_of_a_few_bytes_trains_no_dictionary(vault: Vault, count: int) -> None:
    """When there is too little to learn from, the vault goes on without a dictionary."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(mailbox.id, [arrival(uid, bytes([uid])) for uid in range(count)], uidvalidity=9, last_uid=9)
    assert vault.train_dictionary(least=5) is None


def test_ids_are_listed_in_pages(vault: Vault) -> None:
    """Message ids come in ascending pages after a given one."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(mailbox.id, [arrival(uid) for uid in range(1, 6)], uidvalidity=9, last_uid=5)
    assert vault.message_ids(limit=2) == [1, 2]
    assert vault.message_ids(after=2, limit=2) == [3, 4]
    assert vault.message_ids(after=4) == [5]


def test_killed_in_the_middle_of_a_store_leaves_nothing_half_done(vault: Vault, path: Path) -> None:
    """After kill -9 there is no message, no delivery and the old cursor; the next try works (T7)."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(mailbox.id, [arrival(1)], uidvalidity=9, last_uid=1)
    batch = [arrival(2), arrival(3)]
    child = os.fork()
    if child == 0:  # pragma: no cover  # it is killed
        opened = Vault.open(path)
        execute, count = opened._db.execute, 0

        def dying(sql: str, parameters: object = ()) -> object:
            nonlocal count
            count += sql.startswith("INSERT INTO deliveries")
            if count == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, parameters)  # type: ignore[arg-type]

        opened._db.execute = dying  # type: ignore[assignment]
        opened.store(mailbox.id, batch, uidvalidity=9, last_uid=3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with Vault.open(path) as again:
        assert (again.message_ids(), again.known(mailbox.id, 9)) == ([1], {1})
        assert again.mailbox("politics", "INBOX").last_uid == 1
        assert again.store(mailbox.id, batch, uidvalidity=9, last_uid=3).new == (2, 3)
