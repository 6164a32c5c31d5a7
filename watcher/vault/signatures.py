"""DKIM signatures and the keys that prove them: kept for inboxes with `preserve_dkim`, and for nobody else.

A key is in DNS while its sender wants it to be, often for some months. What was there is written down here,
with its day, beside the mail that it proves. A lookup is a row that is due at some time; what is due is asked
by `watcher.service.dkim_keys`, and nothing in this room knows how.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.vault.room import Room, moment_of, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

_FRESH = timedelta(days=1)
"""One lookup of a key a day is enough: who rotates keys leaves the old one there for days."""

_STRIDE = 1_000
"""Deliveries of other inboxes that are looked through again rather than skipped with a write."""

PENDING = "pending"
"""The result of a signature whose key has not been looked up yet."""


@dataclass(frozen=True, slots=True)
class Unexamined:
    """A mail of an inbox that keeps keys, and its delivery, whose signatures nobody has noted yet."""

    inbox: str
    delivery: int
    message: int


@dataclass(frozen=True, slots=True)
class SignatureNote:
    """One signature of a message: what became of it. `result`: pending, pass, fail or no key."""

    number: int  # from the top of the mail, from 1
    domain: str  # empty when the field does not say
    selector: str
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in a mail: its signatures, and the names (domain, selector) whose keys are wanted."""

    mail: Unexamined
    notes: tuple[SignatureNote, ...] = ()
    signers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """A key to be asked for, and how often that was done since its last answer."""

    domain: str
    selector: str
    attempts: int


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A key record as it stood in DNS, from the first lookup that saw it to the last."""

    record: str
    looked_up_at: datetime
    confirmed_at: datetime


class Signatures(Room):
    """The signatures of the vault's messages, their keys, and what still has to be asked."""

    def unexamined(self, inbox: str, limit: int) -> list[Unexamined]:
        """Return the mails of `inbox` whose signatures were not noted, in the order of arrival."""
        rows = self._db.rows(
            "SELECT d.id, d.message FROM deliveries d JOIN mailboxes m ON m.id = d.mailbox "
            "WHERE m.inbox = ?1 AND d.message IS NOT NULL "
            "AND d.id > coalesce((SELECT delivery FROM dkim_cursors WHERE inbox = ?1), 0) "
            "ORDER BY d.id LIMIT ?2",
            (inbox, limit),
        )
        return [Unexamined(inbox, delivery, message) for delivery, message in rows]

    def note_signatures(self, found: Sequence[Examined]) -> None:
        """Note the signatures of these mails and make the keys of their signers due; in one transaction.

        A key that was looked up within a day is not asked for again.
        """
        now = self._clock()
        signers = dict.fromkeys(signer for each in found for signer in each.signers)
        with self._db.transaction():
            self._db.execute_many(
                "INSERT OR IGNORE INTO dkim_results (message, number, domain, selector, result, reason) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (each.mail.message, note.number, note.domain, note.selector, note.result, note.reason)
                    for each in found
                    for note in each.notes
                ],
            )
            self._db.execute_many(
                "INSERT INTO dkim_lookups (domain, selector, due_at) VALUES (?1, ?2, ?3) "
                "ON CONFLICT DO UPDATE SET due_at = excluded.due_at, attempts = 0 "
                "WHERE due_at IS NULL AND asked_at <= ?4",
                [(domain, selector, utc_text(now), utc_text(now - _FRESH)) for domain, selector in signers],
            )
            self._db.execute_many(
                "INSERT INTO dkim_cursors (inbox, delivery) VALUES (?, ?) "
                "ON CONFLICT DO UPDATE SET delivery = max(delivery, excluded.delivery)",
                [(each.mail.inbox, each.mail.delivery) for each in found],
            )

    def note_examined(self, inbox: str, delivery: int) -> None:
        """Note that `unexamined` had nothing left up to this delivery, of whatever inbox.

        Else a quiet inbox would look through the mail of all others again and again.
        """
        cursor = self._db.row("SELECT delivery FROM dkim_cursors WHERE inbox = ?", (inbox,))
        if delivery - (cursor[0] if cursor else 0) < _STRIDE:
            return
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO dkim_cursors (inbox, delivery) VALUES (?1, ?2) "
                "ON CONFLICT DO UPDATE SET delivery = max(delivery, ?2)",
                (inbox, delivery),
            )

    def newest_delivery(self) -> int:
        """Return the id of the delivery that came last; 0 when there is none."""
        return int(self._db.one("SELECT coalesce(max(id), 0) FROM deliveries"))

    def lookups_due(self, limit: int) -> list[Lookup]:
        """Return the keys to ask for now, the longest due first."""
        rows = self._db.rows(
            "SELECT domain, selector, attempts FROM dkim_lookups WHERE due_at <= ? "
            "ORDER BY due_at, domain, selector LIMIT ?",
            (self._now(), limit),
        )
        return [Lookup(*row) for row in rows]

    def note_key(self, domain: str, selector: str, records: Iterable[str]) -> None:
        """Keep what DNS answered. There may be several records; each is kept once, with its days."""
        now = self._now()
        with self._db.transaction():
            self._db.execute_many(
                "INSERT INTO dkim_keys (domain, selector, record, looked_up_at, confirmed_at) "
                "VALUES (?1, ?2, ?3, ?4, ?4) "
                "ON CONFLICT DO UPDATE SET confirmed_at = excluded.confirmed_at",
                [(domain, selector, record, now) for record in records],
            )
            self._settle(domain, selector, "", None)

    def note_no_key(self, domain: str, selector: str, problem: str, again: datetime | None) -> None:
        """Note that DNS gave no key, why, and when to ask again; None: not before another mail needs it."""
        with self._db.transaction():
            self._settle(domain, selector, problem, again)

    def _settle(self, domain: str, selector: str, problem: str, again: datetime | None) -> None:
        self._db.execute(
            "UPDATE dkim_lookups SET due_at = ?, asked_at = ?, attempts = attempts + 1, problem = ? "
            "WHERE domain = ? AND selector = ?",
            (again and utc_text(again), self._now(), problem, domain, selector),
        )

    def checkable(self, limit: int) -> list[int]:
        """Return messages with pending signatures whose keys are not asked for any more."""
        rows = self._db.rows(
            "SELECT DISTINCT r.message FROM dkim_results r JOIN dkim_lookups l "
            "ON l.domain = r.domain AND l.selector = r.selector "
            "WHERE r.result = 'pending' AND l.due_at IS NULL ORDER BY r.message LIMIT ?",
            (limit,),
        )
        return [message for (message,) in rows]

    def note_results(self, results: Mapping[int, Iterable[SignatureNote]]) -> None:
        """Write down what the check of signatures gave, by message; in one transaction.

        A result that is there stays.
        """
        now = self._now()
        with self._db.transaction():
            self._db.execute_many(
                "UPDATE dkim_results SET result = ?, reason = ?, checked_at = ? "
                "WHERE message = ? AND number = ? AND result = 'pending'",
                [
                    (each.result, each.reason, now, message, each.number)
                    for message, notes in results.items()
                    for each in notes
                ],
            )

    def noted_signatures(self, message: int) -> list[SignatureNote]:
        """What is noted about the signatures of a message, the topmost first."""
        rows = self._db.rows(
            "SELECT number, domain, selector, result, reason FROM dkim_results "
            "WHERE message = ? ORDER BY number",
            (message,),
        )
        return [SignatureNote(*row) for row in rows]

    def kept_keys(self, domain: str, selector: str) -> list[KeptKey]:
        """Every record that was seen under this name, the newest first."""
        rows = self._db.rows(
            "SELECT record, looked_up_at, confirmed_at FROM dkim_keys "
            "WHERE domain = ? AND selector = ? ORDER BY confirmed_at DESC, looked_up_at DESC, record",
            (domain, selector),
        )
        return [KeptKey(record, moment_of(first), moment_of(last)) for record, first, last in rows]

    def identify(self, raw: bytes) -> int | None:
        """Return the message with exactly these bytes, if the vault has it."""
        row = self._db.row("SELECT id FROM messages WHERE sha256 = ?", (hashlib.sha256(raw).digest(),))
        return int(row[0]) if row else None

    def missing_key(self, domain: str, selector: str) -> str:
        """Why there is no key of this name; empty when nobody has asked for one, or an answer came."""
        row = self._db.row(
            "SELECT problem FROM dkim_lookups WHERE domain = ? AND selector = ?", (domain, selector)
        )
        return str(row[0]) if row else ""
