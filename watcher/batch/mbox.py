"""mbox files of every flavour: where one mail ends, and which body lines were quoted because of it.

An mbox is mails behind one another, each after a line `From address time` (RFC 4155). A body line that begins
with `From ` looks like one, so writers put a `>` before it, each in its own way, and none of them says which.
Taking off too little or too much changes the bytes of a mail, so the way is found out for each file, from its
first megabytes. The names are those of https://en.wikipedia.org/wiki/Mbox and of qmail's mbox(5).

Everything streams: memory holds one mail, whatever the size of the file, and no more than `limit` bytes
of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from typing import IO, TYPE_CHECKING

from watcher.batch.filemail import EARLIEST, HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20  # bytes read at once
SAMPLE = 8 << 20
"""Bytes from which the flavour is found out."""

_OVERLAP = 4_096  # bytes that a From_ line may be long; more of one is no From_ line
_LEAD = 3  # bytes before a From_ line that show that it follows an empty line
_DATED_WITHIN = 400  # of these, where its time is looked for: a longer line could make the search slow
_HEADER_LINE = re.compile(rb"[!-9;-~]+:|>From ")
_DATED = re.compile(
    rb"From (?:.* )?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .*"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec).*\d:\d\d.*"
)
_AFTER_EMPTY = re.compile(rb"\n\r?\n(From [^\n]*\n)")
_HEADER_END = re.compile(rb"\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NEXT = re.compile(rb"(?:\r?\n){0,2}(?:From |\Z)")
_QUOTED = re.compile(rb"^(>+)From ", re.MULTILINE)
_MARK, _LINE_FEED = b">\n"
_BARE = re.compile(rb"^From ", re.MULTILINE)
_BARE_AFTER_EMPTY = re.compile(rb"(?:\A|\n\r?\n)From ")

# What Google Takeout writes above the mail's own header; no mail server hands it out with the mail.
_TAKEOUT = re.compile(rb"X-GM-THRID:[^\n]*\n(?:X-Gmail-Labels:[^\n]*\n(?:[ \t][^\n]*\n)*)?", re.IGNORECASE)


class Flavour(StrEnum):
    """How a writer of mbox files quotes body lines that begin with `From `."""

    MBOXO = "mboxo"  # one `>` before `From ` and before nothing else: cannot be undone with certainty
    MBOXRD = "mboxrd"  # one more `>` before `From `, `>From `, `>>From ` ...: can be undone exactly
    MBOXCL = "mboxcl"  # as mboxrd, and Content-Length says where the mail ends
    MBOXCL2 = "mboxcl2"  # Content-Length says where the mail ends, so nothing is quoted
    SPARING = "mbox, separators alone quoted"  # just what would be taken for a separator: UW IMAP, Alpine


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read, and what in it says so; no text of the mail."""

    flavour: Flavour
    reason: str
    dated: bool = True  # its From_ lines show a time, and a line that shows none is text

    def is_separator(self, line: bytes, following: bytes) -> bool:
        """Whether a line after an empty one begins a mail. `following`: what stands behind the line."""
        if self.dated:
            return _is_dated(line)
        return _HEADER_LINE.match(following) is not None

    @property
    def by_length(self) -> bool:
        """Whether Content-Length says where a mail ends."""
        return self.flavour in {Flavour.MBOXCL, Flavour.MBOXCL2}


@dataclass(frozen=True, slots=True)
class Piece:
    """One mail of an mbox: where its From_ line stands, and its bytes with the quoting undone."""

    offset: int
    raw: bytes  # its beginning alone when it is over the limit: then `length` is more
    length: int
    envelope_time: datetime


def is_mbox(head: bytes) -> bool:
    """Whether a file that begins like this is an mbox."""
    return head.startswith(b"From ")


def _is_dated(line: bytes) -> bool:
    return _DATED.match(line[:_DATED_WITHIN]) is not None


def recognise(sample: bytes) -> Reading:
    """Find out how the file that begins with `sample` was written."""
    dated = _is_dated(sample[:_OVERLAP].partition(b"\n")[0])
    plain = Reading(Flavour.MBOXRD, "", dated)
    mails = [*_mails(sample, plain)]
    if found := _by_length(sample, dated):
        return found
    bodies = [_body(mail) for mail in mails]
    bare = sum(len(_BARE_AFTER_EMPTY.findall(body)) for body in bodies)
    if bare:
        reason = f"{bare} paragraphs begin with From and are not quoted"
        return Reading(Flavour.SPARING, reason, dated)
    once_more, as_before = _votes(bodies)
    if as_before > once_more:
        reason = f"{as_before} quoted lines >From stand among lines with as many >"
        return Reading(Flavour.MBOXO, reason, dated)
    if once_more:
        reason = f"{once_more} quoted lines >>From stand among lines with one > less"
        return Reading(Flavour.MBOXRD, reason, dated)
    return Reading(Flavour.MBOXRD, "nothing in it speaks for another flavour", dated)


def _mails(sample: bytes, reading: Reading) -> list[bytes]:
    begins = [
        found.start(1)
        for found in _AFTER_EMPTY.finditer(sample)
        if reading.is_separator(found.group(1), sample[found.end() : found.end() + _OVERLAP])
    ]
    return [sample[begin:end] for begin, end in pairwise([0, *begins, len(sample)])]


def _body(mail: bytes) -> bytes:
    found = _HEADER_END.search(mail)
    return mail[found.end() :] if found else b""


def _by_length(sample: bytes, dated: bool) -> Reading | None:
    """Follow Content-Length from mail to mail, as far as it leads to the next From_ line."""
    at = right = bare = quoted = 0
    while (end := _end_by_length(sample, at)) is not None:
        begin, stop = end
        if stop > len(sample):
            break  # a mail that the sample does not hold says nothing
        following = _NEXT.match(sample, stop)
        if following is None:
            return None
        right += 1
        bare += len(_BARE.findall(sample, begin, stop))
        quoted += len(_QUOTED.findall(sample, begin, stop))
        at = following.end() - 5
        if following.group().strip() == b"":
            break
    if not right:
        return None
    if bare:
        reason = f"Content-Length leads over {bare} body lines that begin with From"
        return Reading(Flavour.MBOXCL2, reason, dated)
    reason = f"Content-Length leads from mail to mail, and {quoted or 'no'} body lines are quoted"
    return Reading(Flavour.MBOXCL, reason, dated)


def _end_by_length(sample: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Where the body of the mail at `at` begins and ends, by its own word."""
    found = _HEADER_END.search(sample, at, at + HEADER_BYTES)
    if found is None:
        return None
    length = _CONTENT_LENGTH.search(sample, at, found.end())
    return (found.end(), found.end() + int(length.group(1))) if length else None


def _votes(bodies: list[bytes]) -> tuple[int, int]:
    """How many quoted lines have one `>` more than their neighbours, and how many have as many."""
    once_more = as_before = 0
    for body in bodies:
        if b">From " not in body:
            continue
        lines = body.split(b"\n")
        for before, line, after in zip([b"", *lines], lines, [*lines[1:], b""], strict=False):
            found = _QUOTED.match(line)
            if found is None:
                continue
            depths = {_depth(before), _depth(after)} - {0}
            own = len(found.group(1))
            as_before += own in depths
            once_more += own not in depths and own - 1 in depths
    return once_more, as_before


def _depth(line: bytes) -> int:
    """How often a line is quoted: `> >` and `>>` are twice."""
    marks = line[: len(line) - len(line.lstrip(b"> "))]
    return marks.count(b">")


def unquoted(raw: bytes, flavour: Flavour) -> bytes:
    """The mail with the quoting of its body lines undone."""
    if flavour is Flavour.MBOXCL2 or b">From " not in raw:
        return raw
    found = _HEADER_END.search(raw)
    if found is None:
        return raw
    pieces = []
    begin = 0
    for at, depth in _quoted(raw, found.end()):
        if _was_added(raw, at, depth, flavour):
            pieces.append(raw[begin:at])
            begin = at + 1
    return b"".join([*pieces, raw[begin:]])


def _quoted(raw: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Where the lines `>From `, `>>From ` ... begin behind `at`, and with how many `>`."""
    first = at
    while (at := raw.find(b">From ", at)) >= 0:  # a regular expression would look at each line
        begin = at
        while begin > first and raw[begin - 1] == _MARK:
            begin -= 1
        if begin == first or raw[begin - 1] == _LINE_FEED:
            yield begin, at - begin + 1
        at += 1


def _was_added(raw: bytes, at: int, depth: int, flavour: Flavour) -> bool:
    """Whether the writer of the mbox put the first mark of the line at `at`."""
    if flavour is Flavour.SPARING:
        return depth == 1 and _is_dated(raw[at + 1 : at + 1 + _DATED_WITHIN].partition(b"\n")[0])
    if flavour is Flavour.MBOXO:  # it would have given no mark to a line of a quotation
        before = raw.rfind(b"\n", 0, max(at - 1, 0)) + 1
        after = raw.find(b"\n", at) + 1
        return depth == 1 and raw[before] != _MARK and not raw.startswith(b">", after or len(raw))
    return True


class Mbox:
    """The mails of an mbox, one after the other, from a stream that need not be seekable.

    `reading` says how it is read. Of a mail over `limit` bytes only the beginning is kept.
    """

    def __init__(self, stream: IO[bytes], limit: int, reading: Reading | None = None) -> None:
        self._stream = stream
        self._limit = limit
        self._buffer = bytearray()  # from the From_ line of the mail that is being read
        self._offset = 0  # of the buffer's first byte in the file
        self._ended = False
        if reading is None:
            self._fill(SAMPLE)
            reading = recognise(bytes(self._buffer[:SAMPLE]))
        self.reading = reading

    @classmethod
    def within(cls, stream: IO[bytes], limit: int, reading: Reading, begin: int, end: int) -> Iterator[Piece]:
        """The mails of a seekable file that begin within these bytes, as they come when all of it is read.

        Not for one whose mails end where Content-Length says: there, only who has read a mail knows where
        the next one begins.
        """
        lead = min(begin, _LEAD)
        stream.seek(begin - lead)
        mbox = cls(stream, limit, reading)
        mbox._offset = begin - lead
        if begin and not mbox._skip(lead - 1):
            return
        while mbox._offset < end and (mbox._buffer or not mbox._ended):
            mbox._fill(1)
            if mbox._buffer:
                yield mbox._by_separator()

    def _skip(self, scan: int) -> bool:
        """Drop what comes before the first From_ line from `scan` on; False when there is none."""
        while (at := self._separator(scan)) is None:
            if self._ended:
                return False
            scan = max(scan, len(self._buffer) - _OVERLAP)
            excess = max(0, scan - _LEAD)
            del self._buffer[:excess]
            self._offset += excess
            scan -= excess
            self._fill(len(self._buffer) + _BLOCK)
        del self._buffer[:at]
        self._offset += at
        return True

    def __iter__(self) -> Iterator[Piece]:
        """Yield the mails in the order of the file."""
        while self._buffer:
            piece = self._by_length() if self.reading.by_length else None
            yield piece or self._by_separator()

    def _fill(self, size: int) -> None:
        """Have at least so many bytes in the buffer, unless the file ends before."""
        while len(self._buffer) < size and not self._ended:
            block = self._stream.read(max(_BLOCK, size - len(self._buffer)))
            self._ended = not block
            self._buffer += block

    def _by_length(self) -> Piece | None:
        """Take the next mail by its Content-Length; None when that does not lead to a From_ line."""
        self._fill(HEADER_BYTES)
        found = _end_by_length(self._buffer, 0)
        if found is None or found[1] > self._limit:
            return None
        end = found[1]
        self._fill(end + 10)
        following = _NEXT.match(self._buffer, end) if end <= len(self._buffer) else None
        if following is None:
            return None
        return self._take(end, following.end() - 5 * following.group().endswith(b"From "))

    def _by_separator(self) -> Piece:
        """Take the next mail up to the next From_ line that follows an empty line."""
        scan, dropped, head = 0, 0, b""
        while (at := self._separator(scan)) is None:
            scan = max(0, len(self._buffer) - _OVERLAP)
            if self._ended:
                at = len(self._buffer)
                break
            if len(self._buffer) > self._limit + HEADER_BYTES:
                head = head or bytes(self._buffer[: HEADER_BYTES + _OVERLAP])
                excess = len(self._buffer) - 2 * _OVERLAP
                del self._buffer[:excess]
                dropped += excess
                scan = max(0, scan - excess)
            self._fill(len(self._buffer) + _BLOCK)
        return self._take(at, at, dropped, head)

    def _separator(self, scan: int) -> int | None:
        """Where the next From_ line begins, looked for from `scan` on."""
        buffer = self._buffer
        while (found := buffer.find(b"\nFrom ", scan)) >= 0:
            if buffer.endswith(b"\n", 0, found) or buffer.endswith(b"\n\r", 0, found):
                self._fill(found + 2 * _OVERLAP)
                line, _, following = bytes(buffer[found + 1 : found + 2 * _OVERLAP]).partition(b"\n")
                if self.reading.is_separator(line, following):
                    return found + 1
            scan = found + 1
        return None

    def _take(self, end: int, following: int, dropped: int = 0, head: bytes = b"") -> Piece:
        """Cut the mail that ends at `end` off the buffer; the next one begins at `following`."""
        envelope, _, raw = (head or bytes(self._buffer[:end])).partition(b"\n")
        # the empty line before the next From_ line is the mbox's; a mail that ends by its length has none
        spare = _empty_line(bytes(self._buffer[max(0, end - 3) : end])) if end == following else 0
        length = dropped + end - spare - len(envelope) - 1
        offset = self._offset
        del self._buffer[:following]
        self._offset += dropped + following
        if length > self._limit:
            raw = raw[: min(self._limit, HEADER_BYTES)]
            return Piece(offset, raw, length, envelope_time(envelope))
        raw = unquoted(_without_takeout(raw[:length]), self.reading.flavour)
        return Piece(offset, raw, len(raw), envelope_time(envelope))


def _empty_line(end: bytes) -> int:
    """How long the empty line is with which a mail ends."""
    return 2 if end.endswith(b"\n\r\n") else 1 if end.endswith(b"\n\n") else 0


def _without_takeout(raw: bytes) -> bytes:
    found = _TAKEOUT.match(raw)
    return raw[found.end() :] if found else raw


def envelope_time(envelope: bytes) -> datetime:
    """The time of an mbox From_ line: asctime after the address, in UTC (RFC 4155)."""
    words = envelope.decode("ascii", "replace").split()
    for first in range(1, max(1, len(words) - 3)):
        text = " ".join([*words[first : first + 4], words[-1]])
        try:
            return datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except ValueError:
            continue
    return EARLIEST
