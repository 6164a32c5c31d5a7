"""What one vault must know of another to take over its mail: who it is, and what it has since last time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.vault.room import Room, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery as another vault takes it over. `skipped` says why there is no message."""

    id: int
    inbox: str
    folder: str
    uidvalidity: int
    uid: int
    message: int | None
    internal_date: datetime
    size: int
    skipped: str

    @property
    def merged_uid(self) -> int:
        """A number that names it for ever among the deliveries of its folder, 63 bits.

        Not `id`: after a vault was restored from a copy the same one may stand for another delivery.
        """
        place = f"{self.uidvalidity} {self.uid}".encode()
        return int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "big") >> 1


class Merging(Room):
    """A vault as the source of a merge, and as its target."""

    def identity(self) -> str | None:
        """A name of this vault that stays, wherever its file lies and however often it was copied.

        Made of the moment when the file was made, to the microsecond, and of its first message. None while
        there is no message.
        """
        made = self._db.row("SELECT min(applied_at) FROM _sqlite_migrations")
        first = self._db.row("SELECT sha256, stored_at FROM messages ORDER BY id LIMIT 1")
        if made is None or first is None:
            return None
        digest = hashlib.blake2b(f"{made[0]} {first[1]} ".encode() + first[0], digest_size=6)
        return digest.hexdigest()

    def arrived(self, after: int, limit: int) -> list[Arrived]:
        """Return the deliveries behind the delivery `after`, in the order of arrival, at most `limit`."""
        rows = self._db.rows(
            "SELECT d.id, m.inbox, m.folder, d.uidvalidity, d.uid, d.message, d.internal_date, d.size, "
            "coalesce(d.skipped, '') FROM deliveries d JOIN mailboxes m ON m.id = d.mailbox "
            "WHERE d.id > ? ORDER BY d.id LIMIT ?",
            (after, limit),
        )
        return [
            Arrived(
                id=number,
                inbox=inbox,
                folder=folder,
                uidvalidity=uidvalidity,
                uid=uid,
                message=message,
                internal_date=moment_of(date),
                size=size,
                skipped=skipped,
            )
            for number, inbox, folder, uidvalidity, uid, message, date, size, skipped in rows
        ]

    def delivery_count(self, after: int = 0) -> int:
        """Return how many deliveries there are behind the delivery `after`."""
        return int(self._db.one("SELECT count(*) FROM deliveries WHERE id > ?", (after,)))

    def has_delivery(self, mailbox_id: int, uidvalidity: int, uid: int) -> bool:
        """Whether a delivery of this name is settled."""
        row = self._db.row(
            "SELECT 1 FROM deliveries WHERE mailbox = ? AND uidvalidity = ? AND uid = ?",
            (mailbox_id, uidvalidity, uid),
        )
        return row is not None

    def digests(self, ids: Iterable[int]) -> dict[int, bytes]:
        """Return the sha256 of these messages, by id."""
        rows = self._db.rows(
            "SELECT id, sha256 FROM messages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return dict(rows)

    def with_digest(self, sha256: bytes) -> int | None:
        """Return the message with these bytes, if the vault has it."""
        row = self._db.row("SELECT id FROM messages WHERE sha256 = ?", (sha256,))
        return int(row[0]) if row else None

    def all_keys(self) -> list[tuple[str, str, str, str, str]]:
        """Return every kept public key: domain, selector, record, seen first and seen last."""
        return self._db.rows(
            "SELECT domain, selector, record, looked_up_at, confirmed_at FROM dkim_keys "
            "ORDER BY domain, selector, record"
        )

    def take_keys(self, keys: Sequence[tuple[str, str, str, str, str]]) -> None:
        """Keep these keys too, each with the first and the last day on which anybody saw it."""
        with self._db.transaction():
            self._db.execute_many(
                "INSERT INTO dkim_keys (domain, selector, record, looked_up_at, confirmed_at) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "looked_up_at = min(looked_up_at, excluded.looked_up_at), "
                "confirmed_at = max(confirmed_at, excluded.confirmed_at)",
                keys,
            )
