"""Messages and deliveries: the exact bytes, each once, and every place where they arrived."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.vault.compression import CODEC, SAMPLE_BYTES, Damaged, Packer, train
from watcher.vault.errors import MessageDamaged, MessageMissing, VaultError
from watcher.vault.room import Room, moment_of, utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from watcher.sqlite import Database

_SAMPLES = 1_000  # mails that a dictionary is trained on

_HEADER_BYTES = 65_536  # of a message in which the header Message-ID is looked for
_HEADER_END = re.compile(rb"\n\r?\n")
_MESSAGE_ID = re.compile(rb"^Message-ID:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail of a mailbox, on its way into the vault. One of `raw`, `message` and `skipped` is given."""

    uid: int
    raw: bytes | None
    internal_date: datetime | None  # aware; None only when the server would not tell
    size: int  # bytes
    skipped: str = ""  # why the bytes were not fetched, and never will be: a delivery without a message
    message: int | None = None  # the vault's message with the same bytes, which were not fetched again
    left_alone: bool = False  # it stays as it is on the server, whatever `after` says


@dataclass(frozen=True, slots=True)
class Stored:
    """What `store` did. `known` deliveries were there before; `duplicates` are new ones of old bytes."""

    new: tuple[int, ...]  # ids of messages
    duplicates: int
    known: int


@dataclass(frozen=True, slots=True)
class Source:
    """What the derivation must know of a message beside its bytes: from its first delivery."""

    message_id: int
    inbox: str
    internal_date: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One place where a message arrived."""

    inbox: str
    folder: str
    uidvalidity: int
    uid: int
    internal_date: datetime
    arrived_at: datetime


def header_message_id(raw: bytes) -> str:
    """Return the value of the first Message-ID field (RFC 5322, section 3.6.4), unfolded.

    Empty without one.
    """
    end = _HEADER_END.search(raw, 0, _HEADER_BYTES)
    found = _MESSAGE_ID.search(raw, 0, end.start() if end is not None else _HEADER_BYTES)
    return " ".join(found.group(1).decode("utf-8", "replace").split()) if found else ""


@dataclass(frozen=True, slots=True)
class _Packed:
    """An arrival's bytes, hashed and, unless the vault has them, compressed."""

    sha256: bytes
    raw: bytes | None  # compressed


class Messages(Room):
    """The messages of the vault and their deliveries."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database, now)
        # A method of the vault in a part of the vault would keep it, closed, until a collection of garbage.
        self._packer = Packer(lambda number: _dictionary(database, number))

    def store(
        self, mailbox_id: int, arrivals: Sequence[Arrival], *, uidvalidity: int, last_uid: int
    ) -> Stored:
        """Commit the bytes, the deliveries, the cursor and the work to derive them, in one transaction.

        A UID that is known stays as it is, unless it was skipped and its bytes come now. The cursor moves to
        `last_uid` and never back. When this returns, all of it is on the disk; when it raises, nothing is.
        """
        dictionary = self._db.one("SELECT max(id) FROM dictionaries")
        # Hashing and compressing take most of the time: they are done before the write lock is taken.
        packed = self._pack(mailbox_id, arrivals, uidvalidity, dictionary)
        with self._db.transaction():
            writing = _Writing(self._db, mailbox_id, uidvalidity, dictionary, self._now())
            writing.look_for(arrivals)
            for arrival, content in zip(arrivals, packed, strict=True):
                writing.take(arrival, content)
            writing.finish()
            self._db.execute(
                "UPDATE mailboxes SET uidvalidity = ?1, "
                "last_uid = CASE WHEN uidvalidity = ?1 THEN max(last_uid, ?2) ELSE ?2 END WHERE id = ?3",
                (uidvalidity, last_uid, mailbox_id),
            )
        return Stored(tuple(writing.new), writing.duplicates, writing.known)

    def _pack(
        self, mailbox_id: int, arrivals: Sequence[Arrival], uidvalidity: int, dictionary: int | None
    ) -> list[_Packed | None]:
        """Hash and compress; None where there is nothing to store. The transaction looks again."""
        rows = self._db.rows(
            "SELECT uid FROM deliveries WHERE mailbox = ? AND uidvalidity = ? AND message IS NOT NULL "
            "AND uid IN (SELECT value FROM json_each(?))",
            (mailbox_id, uidvalidity, json.dumps([arrival.uid for arrival in arrivals])),
        )
        settled = {uid for (uid,) in rows}
        packed: list[_Packed | None] = []
        for arrival in arrivals:
            if arrival.raw is None or arrival.uid in settled:
                packed.append(None)
                continue
            digest = hashlib.sha256(arrival.raw).digest()
            there = self._db.row("SELECT 1 FROM messages WHERE sha256 = ?", (digest,))
            packed.append(_Packed(digest, None if there else self._packer.pack(arrival.raw, dictionary)))
        return packed

    def lookup(
        self, message_id: str, size: int, internal_date: datetime | None = None, mailbox_id: int | None = None
    ) -> list[int]:
        """Return the messages of this Message-ID and size; of this INTERNALDATE and mailbox, if given."""
        rows = self._db.rows(
            "SELECT DISTINCT m.id FROM messages m JOIN deliveries d ON d.message = m.id "
            "WHERE m.message_id = ?1 AND m.message_id <> '' AND m.size = ?2 "
            "AND (?3 IS NULL OR d.internal_date = ?3) AND (?4 IS NULL OR d.mailbox = ?4) ORDER BY m.id",
            (message_id, size, internal_date and utc_text(internal_date), mailbox_id),
        )
        return [number for (number,) in rows]

    def raw(self, message_id: int) -> bytes:
        """Return the exact bytes of a message.

        Raises `MessageDamaged`, or `VaultError` when it is missing.
        """
        row = self._db.row("SELECT raw, size, dictionary, sha256 FROM messages WHERE id = ?", (message_id,))
        if row is None:
            raise MessageMissing(f"vault {self._db.path}: there is no message {message_id}")
        packed, size, dictionary, sha256 = row
        try:
            raw = self._packer.unpack(packed, size, dictionary)
        except Damaged as error:
            raise self._damage(message_id) from error
        if hashlib.sha256(raw).digest() != sha256:
            raise self._damage(message_id)
        return raw

    def raws(self, ids: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Return the bytes of these messages, one at a time, in the order of `ids`."""
        for number in ids:
            yield number, self.raw(number)

    def message_ids(self, after: int = 0, limit: int = -1) -> list[int]:
        """Return the ids above `after`, ascending, at most `limit`."""
        # From derivations, which has a row for each message: its pages hold no mail to be skipped over.
        rows = self._db.rows(
            "SELECT message FROM derivations WHERE message > ? ORDER BY message LIMIT ?", (after, limit)
        )
        return [number for (number,) in rows]

    def uids_with_message(self, mailbox_id: int, uidvalidity: int) -> list[int]:
        """Return the UIDs, ascending, whose mail is here; not those that were skipped."""
        rows = self._db.rows(
            "SELECT uid FROM deliveries WHERE mailbox = ? AND uidvalidity = ? AND message IS NOT NULL "
            "ORDER BY uid",
            (mailbox_id, uidvalidity),
        )
        return [uid for (uid,) in rows]

    def last_message_id(self) -> int:
        """Return the highest id; 0 when there is no message."""
        return int(self._db.one("SELECT coalesce(max(message), 0) FROM derivations"))

    def source(self, message_id: int) -> Source:
        """Where a message first arrived. Raises `VaultError` when there is no such message."""
        return self.sources((message_id,))[message_id]

    def sources(self, ids: Iterable[int]) -> dict[int, Source]:
        """Where each of these messages first arrived. Raises `VaultError` when one does not exist."""
        wanted = list(ids)
        rows = self._db.rows(
            "SELECT d.message, m.inbox, d.internal_date "
            "FROM deliveries d JOIN mailboxes m ON m.id = d.mailbox "
            "WHERE d.id IN (SELECT min(id) FROM deliveries "
            "               WHERE message IN (SELECT value FROM json_each(?)) GROUP BY message)",
            (json.dumps(wanted),),
        )
        found = {number: Source(number, inbox, moment_of(date)) for number, inbox, date in rows}
        for number in wanted:
            if number not in found:
                raise VaultError(f"vault {self._db.path}: there is no message {number}")
        return found

    def arrived_since(self, inbox: str, moment: datetime) -> list[int]:
        """Return the messages of an inbox whose INTERNALDATE is not before `moment`, the oldest first."""
        rows = self._db.rows(
            "SELECT DISTINCT d.message FROM deliveries d JOIN mailboxes m ON m.id = d.mailbox "
            "WHERE m.inbox = ? AND d.internal_date >= ? AND d.message IS NOT NULL ORDER BY d.message",
            (inbox, utc_text(moment)),
        )
        return [number for (number,) in rows]

    def deliveries(self, message_id: int) -> list[Delivery]:
        """Every place where a message arrived, the first one first."""
        rows = self._db.rows(
            "SELECT m.inbox, m.folder, d.uidvalidity, d.uid, d.internal_date, d.arrived_at "
            "FROM deliveries d JOIN mailboxes m ON m.id = d.mailbox WHERE d.message = ? ORDER BY d.id",
            (message_id,),
        )
        return [
            Delivery(inbox, folder, uidvalidity, uid, moment_of(date), moment_of(arrived))
            for inbox, folder, uidvalidity, uid, date, arrived in rows
        ]

    def train_dictionary(self, least: int = _SAMPLES) -> int | None:
        """Train a dictionary once there are `least` messages and none was trained; returns its id, else None.

        New messages use it; those that are stored stay as they are.
        """
        ids = self.message_ids()
        if len(ids) < least or self._db.one("SELECT count(*) FROM dictionaries"):
            return None
        spread = ids[:: max(1, len(ids) // _SAMPLES)]
        dictionary = train([raw[:SAMPLE_BYTES] for _, raw in self.raws(spread)])
        if dictionary is None:
            return None
        with self._db.transaction():
            cursor = self._db.execute(
                "INSERT INTO dictionaries (dictionary, samples, trained_at) VALUES (?, ?, ?)",
                (dictionary, len(spread), self._now()),
            )
        return cursor.lastrowid

    def _damage(self, message_id: int) -> MessageDamaged:
        return MessageDamaged(
            f"vault {self._db.path}: the bytes of message {message_id} are damaged; "
            "restore the file from a backup"
        )


def _dictionary(database: Database, number: int) -> bytes:
    row = database.row("SELECT dictionary FROM dictionaries WHERE id = ?", (number,))
    if row is None:
        raise Damaged
    return bytes(row[0])


class _Writing:
    """One transaction of `Messages.store`: takes arrivals one by one and counts what they were."""

    def __init__(
        self, database: Database, mailbox_id: int, uidvalidity: int, dictionary: int | None, now: str
    ) -> None:
        self._db = database
        self._mailbox = mailbox_id
        self._uidvalidity = uidvalidity
        self._dictionary = dictionary
        self._moment = now
        self._there: dict[int, tuple[int, int | None]] = {}  # delivery and message by UID
        self._settled: list[int] = []
        self.new: list[int] = []
        self.duplicates = 0
        self.known = 0

    def look_for(self, arrivals: Sequence[Arrival]) -> None:
        """Read which of the deliveries are known; one question for all of them."""
        rows = self._db.rows(
            "SELECT uid, id, message FROM deliveries WHERE mailbox = ? AND uidvalidity = ? "
            "AND uid IN (SELECT value FROM json_each(?))",
            (self._mailbox, self._uidvalidity, json.dumps([arrival.uid for arrival in arrivals])),
        )
        self._there = {uid: (delivery, message) for uid, delivery, message in rows}

    def take(self, arrival: Arrival, content: _Packed | None) -> None:
        place = (self._mailbox, self._uidvalidity, arrival.uid)
        before = self._there.get(arrival.uid)
        if before is not None and (before[1] is not None or arrival.skipped):
            self.known += 1
            return
        if content is not None:
            message: int | None = self._message(arrival, content)
        else:
            message = arrival.message
            self.duplicates += message is not None
        date = arrival.internal_date
        if before is not None:
            self._db.execute("DELETE FROM deliveries WHERE id = ?", (before[0],))
        cursor = self._db.execute(
            "INSERT INTO deliveries "
            "(mailbox, uidvalidity, uid, message, internal_date, arrived_at, size, skipped, touched_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *place,
                message,
                utc_text(date) if date else self._moment,
                self._moment,
                arrival.size,
                None if message is not None else arrival.skipped or "not fetched",
                self._moment if arrival.left_alone else None,
            ),
        )
        self._there[arrival.uid] = (int(cursor.lastrowid or 0), message)
        self._settled.append(arrival.uid)

    def finish(self) -> None:
        """Write what one statement can do for all arrivals."""
        self._db.execute_many(
            "INSERT INTO derivations (message, state) VALUES (?, 'pending')",
            ((number,) for number in self.new),
        )
        self._db.execute(
            "DELETE FROM fetch_failures WHERE mailbox = ? AND uidvalidity = ? "
            "AND uid IN (SELECT value FROM json_each(?))",
            (self._mailbox, self._uidvalidity, json.dumps(self._settled)),
        )

    def _message(self, arrival: Arrival, content: _Packed) -> int:
        """Return the id of the message with these bytes, inserted when the vault does not have them."""
        row = self._db.row("SELECT id FROM messages WHERE sha256 = ?", (content.sha256,))
        if row is not None:
            self.duplicates += 1
            return int(row[0])
        cursor = self._db.execute(
            "INSERT INTO messages (sha256, message_id, size, codec, dictionary, raw, stored_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                content.sha256,
                header_message_id(arrival.raw or b""),
                len(arrival.raw or b""),
                CODEC,
                self._dictionary,
                content.raw,
                self._moment,
            ),
        )
        number = int(cursor.lastrowid or 0)
        self.new.append(number)
        return number
