"""One mail of a file, and when it was received."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

HEADER_BYTES = 65_536
"""Of a mail, where the first Received or Date is looked for; what is kept of one that is too large."""

EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
"""Received then, where a file says nothing at all."""

_RECEIVED = re.compile(rb"^Received:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_DATE = re.compile(rb"^Date:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_HEADER_END = re.compile(rb"\n\r?\n")


class NothingToImportError(Exception):
    """A path that holds no mail, or no more of it; the message says which, and what is understood."""


@dataclass(frozen=True, slots=True)
class FileMail:
    """One mail of a file.

    `position` tells it from its neighbours: byte offset in an mbox, path in a folder or an archive.
    """

    source: str  # the file or folder that was named, absolute
    position: str
    raw: bytes  # of a mail over the limit only the beginning, and `length` is more than that
    received_at: datetime  # aware
    size: int  # bytes read from the disk since the mail before it, for the progress bar
    length: int = -1  # bytes of the mail; those of `raw` unless it is given

    @property
    def oversize(self) -> bool:
        """Whether the mail is larger than what may be kept."""
        return self.length > len(self.raw)

    @property
    def uid(self) -> int:
        """A number that names this copy of this mail for ever: position and bytes together, 63 bits.

        A position alone would call a mail known when a compacted mbox or a renamed file put another in its
        place.
        """
        digest = hashlib.blake2b(self.position.encode("utf-8", "surrogateescape") + b"\0", digest_size=8)
        digest.update(self.raw)
        return int.from_bytes(digest.digest(), "big") >> 1


def wire_form(raw: bytes) -> bytes:
    """The mail as it travels: lines that end in CR LF (RFC 5322, section 2.3).

    Files on Unix hold LF alone, a mail server hands out CR LF: so one mail is the same message wherever it
    was found. A mail with any CR LF stays as it is: its bare LFs are its own.
    """
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def arrival_time(raw: bytes, fallback: datetime) -> datetime:
    """When a mail in a file was received: its topmost Received, else its Date, else `fallback`.

    The sender's Date counts only when it is not after the file's own time: a mail dated 2038 must not sort
    above
    today's.
    """
    found = _HEADER_END.search(raw, 0, HEADER_BYTES)
    end = found.start() if found is not None else HEADER_BYTES
    received = _RECEIVED.search(raw, 0, end)
    if received and (moment := _parse_date(received.group(1).rpartition(b";")[2])):
        return moment
    date = _DATE.search(raw, 0, end)
    if date and (moment := _parse_date(date.group(1))) and (fallback == EARLIEST or moment <= fallback):
        return moment
    return fallback


def _parse_date(value: bytes) -> datetime | None:
    try:
        moment = parsedate_to_datetime(" ".join(value.decode("ascii", "replace").split()))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        moment = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return moment if moment >= EARLIEST else None
