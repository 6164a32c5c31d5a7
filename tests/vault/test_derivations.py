"""Derivations and runs: what has to be done, what was done, and how much there is."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.records import mail
from watcher.vault import Arrival, Counts, Pending, Vault

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def filled(vault: Vault) -> Vault:
    """Four messages, all pending."""
    mailbox = vault.mailbox("politics", "INBOX")
    vault.store(
        mailbox.id, [Arrival(uid, mail(uid), AT, 1) for uid in range(1, 5)], uidvalidity=1, last_uid=4
    )
    return vault


def test_every_stored_message_waits_to_be_derived(filled: Vault) -> None:
    """Pending messages come oldest first, as many as were asked for."""
    assert filled.pending(2) == [Pending(1, 0), Pending(2, 0)]
    assert filled.pending_ids() == [1, 2, 3, 4]


def test_what_is_finished_waits_no_more(filled: Vault) -> None:
    """Done and failed messages leave the queue; both must be in the store."""
    filled.finish([1, 3], [(2, "message: no header")], "v1")
    assert (filled.pending_ids(), filled.failed_ids(), filled.derived_ids()) == ([4], {2}, {1, 2, 3})
    assert filled.counts() == Counts(messages=4, pending=1, done=2, failed=1, skipped=0)


@pytest.mark.parametrize(("ids", "expected"), [([2, 3, 99], [2, 3, 4]), (None, [1, 2, 3, 4]), ([], [4])])
def test_requeued_messages_wait_again_with_their_attempts(
    filled: Vault, ids: list[int] | None, expected: list[int]
) -> None:
    """Some or all messages can be derived again; how often it was done before is remembered."""
    filled.finish([1, 3], [(2, "no header")], "v1")
    filled.requeue(ids)
    assert filled.pending_ids() == expected
    assert all(each.attempts == (each.message_id != 4) for each in filled.pending(9))


def test_counts_follow_the_changes_of_other_connections(filled: Vault, path: Path) -> None:
    """Counts are kept while nothing changes, and counted again when anybody changed something."""
    assert filled.counts() is filled.counts()
    with Vault.open(path) as other:
        other.finish([1], [], "v1")
    assert (filled.counts().pending, filled.counts().done) == (3, 1)
    filled.finish([2], [], "v1")
    assert filled.counts().done == 2


def test_runs_are_noted_and_forgotten(vault: Vault, path: Path) -> None:
    """A run keeps what it brought; housekeeping forgets those that began before a moment."""
    run = vault.begin_run("politics", "poll")
    vault.end_run(run, seen=5, stored=2, duplicate=1, failed=1, error="lost connection")
    reader = sqlite3.connect(path)
    query = "SELECT inbox, trigger, started, finished, seen, stored, duplicate, failed, error FROM runs"
    assert reader.execute(query).fetchall() == [
        ("politics", "poll", "2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z", 5, 2, 1, 1, "lost connection")
    ]
    vault.keep_house(runs_before=AT)
    assert len(reader.execute(query).fetchall()) == 1
    vault.keep_house(runs_before=AT + timedelta(seconds=1))
    assert reader.execute(query).fetchall() == []
    reader.close()


def test_pending_messages_can_be_asked_for_by_inbox(filled: Vault) -> None:
    """One inbox alone, or all but some; a message that two inboxes got belongs to the first."""
    other = filled.mailbox("noisy", "INBOX")
    arrivals = [Arrival(1, mail(1), AT, 1), Arrival(2, mail(99), AT, 1)]
    filled.store(other.id, arrivals, uidvalidity=1, last_uid=2)
    assert [each.message_id for each in filled.pending(9, inbox="noisy")] == [5]
    assert [each.message_id for each in filled.pending(3, without=["noisy"])] == [1, 2, 3]
    assert [each.message_id for each in filled.pending(9, without=["politics"])] == [5]
    assert filled.pending(9, without=["noisy", "politics"]) == []
    assert filled.pending(9, inbox="elsewhere") == []


def test_a_message_that_killed_its_process_is_tried_once_more(filled: Vault, path: Path) -> None:
    """The first time is noted and the message waits on, across a restart; the second time nothing is left."""
    assert filled.strike(2, "the worker died with signal 9")
    with Vault.open(path) as later:
        assert later.pending(9)[1] == Pending(2, 1)
        assert not later.strike(2, "the worker died with signal 9")
    filled.finish([2], [], "v1")
    filled.requeue([2])
    assert filled.strike(2, "it was well in between")


def test_failed_messages_get_another_chance_a_few_times_and_with_other_rules(filled: Vault) -> None:
    """Never in a loop: by the same rules a message is tried as often as was said, and no more."""
    for tried in range(1, 4):
        filled.finish([1], [(2, "no header")], "v1")
        assert filled.requeue_failed(3, "v1") == (tried < 3)
    assert filled.requeue_failed(3, "v2") == 1
    filled.finish([], [(2, "no header")], "v2")
    assert filled.requeue_failed(3, "v2") == 0
    assert filled.failed_ids() == {2}


def test_finishing_leaves_the_vault_as_durable_as_before(filled: Vault) -> None:
    """Bytes that are stored after it are on the disk again when `store` returns: synchronous is FULL."""
    filled.finish([1], [], "v1")
    assert filled._db.one("PRAGMA synchronous") == 2
