"""Mailboxes: cursors, failures to fetch, what was done to the mailbox, and how the polls went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.support.records import mail
from watcher.vault import Arrival, InboxState

if TYPE_CHECKING:
    from watcher.vault import Vault

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def test_a_mailbox_is_made_once(vault: Vault) -> None:
    """Inbox and folder name a mailbox for ever."""
    first = vault.mailbox("politics", "INBOX")
    assert vault.mailbox("politics", "INBOX") == first
    assert vault.mailbox("politics", "Newsletters").id != first.id


def test_failures_to_fetch_are_counted_for_each_mail_until_it_is_settled(vault: Vault) -> None:
    """Each refusal of a mail is counted by itself; a settled mail, or a new UIDVALIDITY, starts again."""
    mailbox = vault.mailbox("politics", "INBOX")
    assert [vault.note_failure(mailbox.id, 9, uid, "refused") for uid in (4, 4, 5, 4)] == [1, 2, 1, 3]
    vault.store(mailbox.id, [Arrival(4, None, None, 0, skipped="given up")], uidvalidity=9, last_uid=4)
    assert vault.note_failure(mailbox.id, 9, 4, "refused") == 1
    assert set(vault.suspects(mailbox.id, 9)) == {4, 5}
    vault.restart(mailbox.id, 10)
    assert vault.suspects(mailbox.id, 9) == {}
    assert vault.note_failure(mailbox.id, 9, 5, "refused") == 1


def test_only_committed_mail_is_touched_and_only_once(vault: Vault) -> None:
    """A skipped mail is left alone in the mailbox; a touched one is not touched again."""
    mailbox = vault.mailbox("politics", "INBOX")
    arrivals = [
        Arrival(3, mail(3), AT, 1),
        Arrival(1, mail(1), AT, 1),
        Arrival(2, None, AT, 1, skipped="too large"),
    ]
    vault.store(mailbox.id, arrivals, uidvalidity=9, last_uid=3)
    assert vault.untouched(mailbox.id, 9) == [1, 3]
    assert vault.untouched(mailbox.id, 8) == []
    vault.touched(mailbox.id, 9, [1])
    assert vault.untouched(mailbox.id, 9) == [3]


def test_a_success_ends_an_error(vault: Vault) -> None:
    """The state of a folder shows the last success, and the error only while it lasts."""
    mailbox = vault.mailbox("politics", "INBOX")
    assert vault.inbox_states() == [InboxState("politics", "INBOX", None, "", None)]
    vault.record_error(mailbox.id, AT, "no such folder")
    assert vault.inbox_states() == [InboxState("politics", "INBOX", None, "no such folder", AT)]
    vault.record_success(mailbox.id, AT)
    assert vault.inbox_states() == [InboxState("politics", "INBOX", AT, "", AT)]
