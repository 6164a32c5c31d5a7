"""Derivations and runs: which messages still have to become records, and what each pass brought."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.vault.room import Room, utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from watcher.sqlite import Database


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that has to be derived, and how often that was done before."""

    message_id: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages there are, in which state, and how many deliveries were skipped."""

    messages: int
    pending: int
    done: int
    failed: int
    skipped: int
    refused: int = 0  # by what their inbox accepts


@dataclass(frozen=True, slots=True)
class PassRecord:
    """A pass over an inbox, to be noted when it has ended. `trigger` is poll or push."""

    inbox: str
    trigger: str
    started: datetime  # aware
    seen: int
    stored: int
    duplicate: int
    failed: int
    error: str  # empty when it went well
    folders: Mapping[int, str]  # by mailbox: what went wrong there, or nothing


class Derivations(Room):
    """What became of the messages."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database, now)
        self._counted: tuple[tuple[int, int], Counts] | None = None

    def pending(
        self, limit: int, *, inbox: str | None = None, without: Collection[str] = ()
    ) -> list[Pending]:
        """Return the next messages to derive, oldest first, at most `limit`.

        Those of one inbox, or those of all but some. A message is of the inbox where it arrived first.
        """
        if inbox is None and not without:
            rows = self._db.rows(
                "SELECT message, attempts FROM derivations WHERE state = 'pending' ORDER BY message LIMIT ?",
                (limit,),
            )
        else:
            rows = self._db.rows(
                "SELECT message, attempts FROM derivations d WHERE state = 'pending' AND (?2 IS NULL) = ("
                "  (SELECT m.inbox FROM deliveries v JOIN mailboxes m ON m.id = v.mailbox"
                "   WHERE v.message = d.message ORDER BY v.id LIMIT 1)"
                "  NOT IN (SELECT value FROM json_each(?3))"
                ") ORDER BY message LIMIT ?1",
                (limit, inbox, json.dumps([inbox] if inbox is not None else list(without))),
            )
        return [Pending(*row) for row in rows]

    def pending_ids(self) -> list[int]:
        """Return the ids of all messages to derive, ascending."""
        rows = self._db.rows("SELECT message FROM derivations WHERE state = 'pending' ORDER BY message")
        return [number for (number,) in rows]

    def failed_ids(self) -> set[int]:
        """Return the ids of the messages that became failed records."""
        return {
            number for (number,) in self._db.rows("SELECT message FROM derivations WHERE state = 'failed'")
        }

    def derived_ids(self) -> set[int]:
        """Return the ids of the messages that the store must hold: done and failed ones."""
        rows = self._db.rows("SELECT message FROM derivations WHERE state IN ('done', 'failed')")
        return {number for (number,) in rows}

    def derived_between(self, first: int, last: int) -> str:
        """Return those of `derived_ids` from `first` to `last`, as `1,2,3`: quicker to compare than a set."""
        return str(
            self._db.one(
                "SELECT coalesce(group_concat(message), '') FROM (SELECT message FROM derivations "
                "WHERE message BETWEEN ? AND ? AND state IN ('done', 'failed') ORDER BY message)",
                (first, last),
            )
        )

    def finish(
        self,
        done: Iterable[int],
        failed: Iterable[tuple[int, str]],
        pipeline_version: str,
        refused: Iterable[tuple[int, str]] = (),
    ) -> None:
        """Note what was derived, and what failed or was refused with which reason; all in one transaction.

        It does not wait for the disk: a power cut may undo it, and then these messages are derived once more.
        """
        outcome = [("done", pipeline_version, "", number) for number in done]
        outcome += [("failed", pipeline_version, reason, number) for number, reason in failed]
        outcome += [("refused", pipeline_version, reason, number) for number, reason in refused]
        self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            with self._db.transaction():
                self._db.execute_many(
                    "UPDATE derivations SET state = ?, pipeline_version = ?, error = ?, "
                    "attempts = attempts + 1 WHERE message = ?",
                    outcome,
                )
        finally:
            self._db.execute("PRAGMA synchronous = FULL")

    def strike(self, message_id: int, reason: str) -> bool:
        """Note that a process did not survive deriving this message; returns whether it may be tried again.

        It may once: a message that has a note of this kind, or has failed before, stays as it is.
        """
        with self._db.transaction():
            cursor = self._db.execute(
                "UPDATE derivations SET attempts = attempts + 1, error = ? WHERE message = ? AND error = ''",
                (reason, message_id),
            )
        return cursor.rowcount == 1

    def requeue_failed(self, attempts: int, pipeline_version: str) -> int:
        """Have failed messages derived again: those tried less often than this, or by other rules.

        Returns how many.
        """
        with self._db.transaction():
            cursor = self._db.execute(
                "UPDATE derivations SET state = 'pending' "
                "WHERE state = 'failed' AND (attempts < ? OR pipeline_version <> ?)",
                (attempts, pipeline_version),
            )
        return cursor.rowcount

    def requeue(self, ids: Iterable[int] | None) -> None:
        """Have these messages derived again; None means all."""
        with self._db.transaction():
            if ids is None:
                self._db.execute("UPDATE derivations SET state = 'pending' WHERE state <> 'pending'")
            else:
                self._db.execute(
                    "UPDATE derivations SET state = 'pending' "
                    "WHERE state <> 'pending' AND message IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(ids)),),
                )

    def counts(self) -> Counts:
        """How much there is. Costs nothing while the vault does not change."""
        revision = self._db.revision
        if self._counted is None or self._counted[0] != revision:
            messages, pending, failed, skipped, refused = self._db.rows(
                "SELECT (SELECT count(*) FROM derivations), "
                "(SELECT count(*) FROM derivations WHERE state = 'pending'), "
                "(SELECT count(*) FROM derivations WHERE state = 'failed'), "
                "(SELECT count(*) FROM deliveries WHERE message IS NULL), "
                "(SELECT count(*) FROM derivations WHERE state = 'refused')"
            )[0]
            done = messages - pending - failed - refused
            self._counted = revision, Counts(messages, pending, done, failed, skipped, refused)
        return self._counted[1]

    def begin_run(self, inbox: str, trigger: str) -> int:
        """Note that a pass over an inbox begins; returns its number. `trigger`: poll, push or import."""
        with self._db.transaction():
            cursor = self._db.execute(
                "INSERT INTO runs (inbox, trigger, started) VALUES (?, ?, ?)", (inbox, trigger, self._now())
            )
        return int(cursor.lastrowid or 0)

    def end_run(
        self, run_id: int, *, seen: int, stored: int, duplicate: int, failed: int, error: str
    ) -> None:
        """Note what the pass brought; `error` is empty when it went well."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE runs SET finished = ?, seen = ?, stored = ?, duplicate = ?, failed = ?, error = ? "
                "WHERE id = ?",
                (self._now(), seen, stored, duplicate, failed, error, run_id),
            )

    def record_pass(self, done: PassRecord) -> None:
        """Note a pass that has ended, and how it went for each folder, in one transaction.

        It does not wait for the disk: a power cut may take the note, and no mail with it.
        """
        self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            self._record_pass(done, self._now())
        finally:
            self._db.execute("PRAGMA synchronous = FULL")

    def _record_pass(self, done: PassRecord, now: str) -> None:
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO runs (inbox, trigger, started, finished, seen, stored, duplicate, failed, "
                "error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    done.inbox,
                    done.trigger,
                    utc_text(done.started),
                    now,
                    done.seen,
                    done.stored,
                    done.duplicate,
                    done.failed,
                    done.error,
                ),
            )
            for mailbox_id, error in done.folders.items():
                self._db.execute(
                    "UPDATE mailboxes SET last_ok_at = iif(?1 = '', ?2, last_ok_at), last_error = ?1, "
                    "last_error_at = iif(?1 = '', last_error_at, ?2) WHERE id = ?3",
                    (error, now, mailbox_id),
                )

    def forget_runs(self, before: datetime) -> None:
        """Delete the notes of passes that began before this moment."""
        with self._db.transaction():
            self._db.execute("DELETE FROM runs WHERE started < ?", (utc_text(before),))
