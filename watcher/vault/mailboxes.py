"""Mailboxes: how far each folder was read, how its polls went, and what the server would not hand over.

A folder's UIDs mean something only together with its UIDVALIDITY (RFC 9051, section 2.3.1.1). An imported
file or folder is a mailbox too: its inbox is the import's, its folder the path, its UIDVALIDITY 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.vault.room import Room, moment_of, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One folder of one inbox. `uidvalidity` is None until it was listed once."""

    id: int
    inbox: str
    folder: str
    uidvalidity: int | None
    last_uid: int


@dataclass(frozen=True, slots=True)
class InboxState:
    """How the polls of one folder went; `last_error` is empty when the last one succeeded."""

    inbox: str
    folder: str
    last_ok_at: datetime | None
    last_error: str
    last_error_at: datetime | None


class Mailboxes(Room):
    """The mailboxes of the vault."""

    def mailbox(self, inbox: str, folder: str) -> Mailbox:
        """Return the folder's mailbox, made at the first call."""
        sql = "SELECT id, inbox, folder, uidvalidity, last_uid FROM mailboxes WHERE inbox = ? AND folder = ?"
        row = self._db.row(sql, (inbox, folder))
        if row is None:
            with self._db.transaction():
                self._db.execute(
                    "INSERT OR IGNORE INTO mailboxes (inbox, folder) VALUES (?, ?)", (inbox, folder)
                )
                row = self._db.rows(sql, (inbox, folder))[0]
        return Mailbox(*row)

    def restart(self, mailbox_id: int, uidvalidity: int) -> Mailbox:
        """Take over a new UIDVALIDITY: the cursor goes back to 0, the deliveries stay under the old one."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE mailboxes SET uidvalidity = ?, last_uid = 0 WHERE id = ?", (uidvalidity, mailbox_id)
            )
            self._db.execute(
                "DELETE FROM fetch_failures WHERE mailbox = ? AND uidvalidity <> ?", (mailbox_id, uidvalidity)
            )
        row = self._db.rows(
            "SELECT id, inbox, folder, uidvalidity, last_uid FROM mailboxes WHERE id = ?", (mailbox_id,)
        )
        return Mailbox(*row[0])

    def known(self, mailbox_id: int, uidvalidity: int, after: int = 0) -> set[int]:
        """Return the UIDs above `after` that are settled: stored, or skipped for good."""
        rows = self._db.rows(
            "SELECT uid FROM deliveries WHERE mailbox = ? AND uidvalidity = ? AND uid > ?",
            (mailbox_id, uidvalidity, after),
        )
        return {uid for (uid,) in rows}

    def untouched(self, mailbox_id: int, uidvalidity: int) -> list[int]:
        """Return the UIDs, ascending, whose mail is committed and was not yet marked as seen or moved."""
        rows = self._db.rows(
            "SELECT uid FROM deliveries WHERE mailbox = ? AND uidvalidity = ? "
            "AND touched_at IS NULL AND message IS NOT NULL ORDER BY uid",
            (mailbox_id, uidvalidity),
        )
        return [uid for (uid,) in rows]

    def touched(self, mailbox_id: int, uidvalidity: int, uids: Iterable[int]) -> None:
        """Note that these mails were marked as seen, or moved, on the server."""
        now = self._now()
        with self._db.transaction():
            self._db.execute_many(
                "UPDATE deliveries SET touched_at = ? WHERE mailbox = ? AND uidvalidity = ? AND uid = ?",
                [(now, mailbox_id, uidvalidity, uid) for uid in uids],
            )

    def note_failure(self, mailbox_id: int, uidvalidity: int, uid: int, reason: str) -> int:
        """Count that the server did not hand over a mail; returns how often that has happened to it."""
        with self._db.transaction():
            return int(
                self._db.one(
                    "INSERT INTO fetch_failures (mailbox, uidvalidity, uid, attempts, reason, last_at) "
                    "VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE "
                    "SET attempts = attempts + 1, reason = excluded.reason, last_at = excluded.last_at "
                    "RETURNING attempts",
                    (mailbox_id, uidvalidity, uid, reason, self._now()),
                )
            )

    def suspect(self, mailbox_id: int, uidvalidity: int, uids: Iterable[int]) -> None:
        """Note that one of these mails broke the connection: each is to be asked for alone from now on."""
        with self._db.transaction():
            self._db.execute_many(
                "INSERT OR IGNORE INTO fetch_failures (mailbox, uidvalidity, uid, attempts, reason, last_at) "
                "VALUES (?, ?, ?, 0, '', ?)",
                [(mailbox_id, uidvalidity, uid, self._now()) for uid in uids],
            )

    def suspects(self, mailbox_id: int, uidvalidity: int) -> dict[int, datetime | None]:
        """Return the UIDs to be asked for alone, and when each last failed alone, if it did."""
        rows = self._db.rows(
            "SELECT uid, iif(attempts, last_at, NULL) FROM fetch_failures "
            "WHERE mailbox = ? AND uidvalidity = ?",
            (mailbox_id, uidvalidity),
        )
        return {uid: moment_of(last) if last else None for uid, last in rows}

    def record_success(self, mailbox_id: int, at: datetime) -> None:
        """Note a poll that went well; the last error is forgotten."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE mailboxes SET last_ok_at = ?, last_error = '' WHERE id = ?",
                (utc_text(at), mailbox_id),
            )

    def record_error(self, mailbox_id: int, at: datetime, text: str) -> None:
        """Note a poll that failed. `text` holds no password and no mail text."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE mailboxes SET last_error = ?, last_error_at = ? WHERE id = ?",
                (text, utc_text(at), mailbox_id),
            )

    def inbox_states(self) -> list[InboxState]:
        """How the polls of every folder went, by inbox and folder; imported files were never polled."""
        rows = self._db.rows(
            "SELECT inbox, folder, last_ok_at, last_error, last_error_at FROM mailboxes "
            "ORDER BY inbox, folder"
        )
        return [
            InboxState(inbox, folder, ok and moment_of(ok), error, error_at and moment_of(error_at))
            for inbox, folder, ok, error, error_at in rows
        ]
