"""From the rows of a FETCH answer to messages: a row counts when it brings the bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watcher.mailbox.values import Fetched, Fingerprint

if TYPE_CHECKING:
    from watcher.mailbox.client import Row

BODY = "INTERNALDATE BODY.PEEK[]"
SIZE = "RFC822.SIZE"
MESSAGE_ID = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
FINGERPRINT = f"{SIZE} INTERNALDATE {MESSAGE_ID}"


def size_of(row: Row) -> int:
    """Return RFC822.SIZE in bytes, 0 when the row does not tell it."""
    size = row.get(SIZE.encode())
    return size if isinstance(size, int) and size > 0 else 0


def fetched(uid: int, row: Row | None, announced: int, now: datetime) -> Fetched | str:
    """Return the message, or the reason why this row, None when there is none, is not one.

    `announced` is RFC822.SIZE. Exchange estimates it, others count line ends differently, so a body of
    another length is accepted: its literal carries its own exact length. A body of less than half the size is
    a server's half-finished answer; an empty one, or none, is iCloud's and others' way to fail.
    """
    if row is None:
        return "the server said OK and sent nothing"
    raw = row.get(b"BODY[]")
    if not isinstance(raw, bytes) or not raw:
        return "the server answered without the message's bytes"
    if 2 * len(raw) < announced:
        return f"the server sent {len(raw)} of {announced} bytes"
    return Fetched(uid=uid, raw=raw, internal_date=internal_date_of(row) or now, size=announced or len(raw))


def fingerprint(row: Row) -> Fingerprint | None:
    """Return the message's fingerprint, None when the server left out its date or size."""
    moment, size = internal_date_of(row), size_of(row)
    return Fingerprint(message_id_of(row), size, moment) if moment and size else None


def internal_date_of(row: Row) -> datetime | None:
    """Return INTERNALDATE in UTC; None when it is missing or impossible."""
    moment = row.get(b"INTERNALDATE")
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first or last day that a datetime can hold
        return None


def message_id_of(row: Row) -> str:
    """Return the value of the first Message-ID field, unfolded; empty when there is none."""
    # Servers repeat the item's name as they like: the field's name quoted, in small letters.
    header = next((value for name, value in row.items() if name.startswith(b"BODY[HEADER")), None)
    if not isinstance(header, bytes):
        return ""
    lines: list[str] = []
    for line in header.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        if lines and not line.startswith((" ", "\t")):
            break
        lines.append(line)
    return " ".join("".join(lines).partition(":")[2].split())
