"""Signatures and keys: what is due, what was answered, and what stays for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import Clock
from tests.support.records import mail
from watcher.sqlite import Database
from watcher.vault import PENDING, Arrival, Examined, KeptKey, Lookup, SignatureNote, Unexamined, Vault
from watcher.vault.vault import _FORMAT

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
S1, S2 = ("example.org", "s1"), ("example.org", "s2")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def vault(path: Path, clock: Clock) -> Vault:
    """Three messages; the first one is in two inboxes."""
    opened = Vault.open(path, now=clock)
    politics, parties = opened.mailbox("politics", "INBOX"), opened.mailbox("parties", "INBOX")
    arrivals = [Arrival(uid, mail(uid), NOW, 1) for uid in (1, 2)]
    opened.store(politics.id, arrivals, uidvalidity=1, last_uid=2)
    arrivals = [Arrival(uid, mail(uid), NOW, 1) for uid in (1, 3)]
    opened.store(parties.id, [*arrivals, Arrival(9, None, None, 0, "too large")], uidvalidity=1, last_uid=9)
    return opened


def pending(number: int, signer: tuple[str, str] = S1) -> SignatureNote:
    return SignatureNote(number, *signer, PENDING)


def test_each_inbox_has_its_own_place_in_what_arrived(vault: Vault) -> None:
    """An inbox that begins to keep keys later still goes through all its mail, once."""
    first = vault.unexamined("politics", 1)
    assert first == [Unexamined("politics", 1, 1)]
    vault.note_signatures([Examined(first[0])])
    assert vault.unexamined("politics", 9) == [Unexamined("politics", 2, 2)]
    assert [each.message for each in vault.unexamined("parties", 9)] == [1, 3]
    assert vault.unexamined("other", 9) == []


def test_a_quiet_inbox_skips_what_others_got(vault: Vault) -> None:
    """The place moves past other inboxes' mail when that is much, and never back."""
    assert vault.newest_delivery() == 5
    vault.note_examined("politics", 999)
    assert len(vault.unexamined("politics", 9)) == 2
    vault.note_examined("politics", 1_000)
    assert vault.unexamined("politics", 9) == []


def test_a_key_is_asked_for_once_a_day(vault: Vault, clock: Clock) -> None:
    """What was answered within a day is fresh; a day later another mail makes it due again."""
    one, two = vault.unexamined("politics", 9)
    vault.note_signatures(
        [
            Examined(
                one,
                (pending(1),),
                (
                    S1,
                    S2,
                ),
            )
        ]
    )
    assert vault.lookups_due(9) == [Lookup(*S1, 0), Lookup(*S2, 0)]
    assert vault.lookups_due(1) == [Lookup(*S1, 0)]
    vault.note_key(*S1, ["p=1"])
    vault.note_key(*S2, ["p=2"])
    clock.now += DAY - HOUR
    vault.note_signatures([Examined(two, (pending(1),), (S1,))])
    assert vault.lookups_due(9) == []
    clock.now += HOUR
    vault.note_signatures([Examined(two, (pending(1),), (S1,))])
    assert vault.lookups_due(9) == [Lookup(*S1, 0)]


def test_a_lookup_without_answer_is_due_again_at_its_time(vault: Vault, clock: Clock) -> None:
    """Attempts are counted; between them other mail changes nothing; after the last one there is silence."""
    one, two = vault.unexamined("politics", 9)
    vault.note_signatures([Examined(one, (pending(1),), (S1,))])
    vault.note_no_key(*S1, "timeout", NOW + HOUR)
    vault.note_signatures([Examined(two, (pending(1),), (S1,))])
    assert (vault.lookups_due(9), vault.checkable(9)) == ([], [])
    clock.now += HOUR
    assert vault.lookups_due(9) == [Lookup(*S1, 1)]
    vault.note_no_key(*S1, "no such name", None)
    assert (vault.lookups_due(9), vault.missing_key(*S1)) == ([], "no such name")
    assert vault.checkable(9) == [1, 2]
    assert vault.checkable(1) == [1]
    assert vault.missing_key(*S2) == ""


def test_results_are_written_once(vault: Vault) -> None:
    """What was found at arrival stays; a mail that is seen again in another inbox is not noted again."""
    one, _ = vault.unexamined("politics", 9)
    vault.note_signatures(
        [
            Examined(
                one,
                (
                    pending(1),
                    SignatureNote(2, "", "", "fail", "malformed"),
                ),
                (S1,),
            )
        ]
    )
    vault.note_key(*S1, ["p=1"])
    vault.note_results({1: [SignatureNote(1, *S1, "pass")]})
    vault.note_results({1: [SignatureNote(1, *S1, "fail", "later"), SignatureNote(2, "", "", "pass")]})
    again = vault.unexamined("parties", 1)[0]
    vault.note_signatures([Examined(again, (pending(1),), (S1,))])
    assert vault.noted_signatures(1) == [
        SignatureNote(1, *S1, "pass"),
        SignatureNote(2, "", "", "fail", "malformed"),
    ]
    assert vault.checkable(9) == []


def test_every_record_that_was_seen_is_kept_with_its_days(vault: Vault, clock: Clock) -> None:
    """A key that is replaced stays; one that is seen again is confirmed."""
    (one, _) = vault.unexamined("politics", 9)
    vault.note_signatures([Examined(one, (), (S1,))])
    vault.note_key(*S1, ["p=old"])
    clock.now += DAY
    vault.note_key(*S1, ["p=old", "p=new"])
    clock.now += DAY
    vault.note_key(*S1, ["p=new"])
    assert vault.kept_keys(*S1) == [
        KeptKey("p=new", NOW + DAY, NOW + 2 * DAY),
        KeptKey("p=old", NOW, NOW + DAY),
    ]
    assert vault.kept_keys(*S2) == []


def test_a_mail_is_known_by_its_bytes(vault: Vault) -> None:
    """A file that is in the vault is found there; one changed byte makes another mail."""
    assert vault.identify(mail(2)) == 2
    assert vault.identify(mail(2) + b" ") is None


def test_a_vault_of_the_first_version_gets_the_tables_and_keeps_its_mail(path: Path) -> None:
    """The second migration adds; nothing that was there changes."""
    Vault.open(path).close()
    database = Database.open(path, _FORMAT, create=False, patience=1)
    for table in ("keys", "lookups", "results", "cursors"):
        database.execute(f"DROP TABLE dkim_{table}")
    database.execute("DELETE FROM _sqlite_migrations WHERE name = 'm002_dkim'")
    database.execute("INSERT INTO mailboxes (inbox, folder) VALUES ('politics', 'INBOX')")
    database.execute("PRAGMA user_version = 1")
    database.close()
    with Vault.open(path) as vault:
        assert vault.mailbox("politics", "INBOX").id == 1
        assert vault.lookups_due(9) == []
