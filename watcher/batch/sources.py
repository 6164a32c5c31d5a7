"""Mail in files: mbox (RFC 4155), Maildir and Maildir++, and .eml files, alone or in folders.

Everything streams: memory holds one message, whatever the size of the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE = 1 << 20  # bytes of one line read at once; a longer line arrives in pieces
_FROM_LINE = re.compile(rb"^From \S.*\d\d:\d\d")
_MUNGED = re.compile(rb"^>+From ", re.MULTILINE)
_RECEIVED = re.compile(rb"^Received:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_DATE = re.compile(rb"^Date:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_HEADER_END = re.compile(rb"\n\r?\n")
_HEADER_BYTES = 65_536  # where the first Received or Date is looked for
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


class NothingToImportError(Exception):
    """A path that holds no mail; the message says which, and what is understood."""


@dataclass(frozen=True, slots=True)
class FileMail:
    """One mail of a file.

    `position` tells it from its neighbours: byte offset in an mbox, path in a folder.
    """

    source: str  # the file or folder that was named, absolute
    position: str
    raw: bytes
    received_at: datetime  # aware
    size: int  # bytes read from the file for it, for the progress bar

    @property
    def uid(self) -> int:
        """A number that names this copy of this mail for ever: position and bytes together, 63 bits.

        A position alone would call a mail known when a compacted mbox or a renamed file put another in its
        place.
        """
        digest = hashlib.blake2b(self.position.encode("utf-8", "surrogateescape") + b"\0", digest_size=8)
        digest.update(self.raw)
        return int.from_bytes(digest.digest(), "big") >> 1


def total_bytes(paths: Iterable[Path]) -> int:
    """Bytes of all files below, for a progress bar's end."""
    return sum(file.stat().st_size for path in paths for file in _files(path))


def mails(path: Path) -> Iterator[FileMail]:
    """All mails of an mbox file, a Maildir, an .eml file or a folder of them, in a stable order.

    Raises `NothingToImportError` when `path` is missing or is none of these, `OSError` when it cannot be
    read.
    """
    source = os.path.abspath(path)  # noqa: PTH100  # Path.resolve would follow a link to another name
    if path.is_dir():
        yield from _folder(path, source)
    elif not path.is_file():
        raise NothingToImportError(f"{path}: this is neither a file nor a folder")
    elif not path.stat().st_size:
        raise NothingToImportError(f"{path}: the file is empty")
    elif _is_mbox(path):
        with path.open("rb") as file:
            yield from read_mbox(file, source)
    else:
        yield _file(path, source, path.name)


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"From "


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for folder, names in _folders(path):
            yield from (folder / name for name in names)
    elif path.exists():
        yield path


def _folders(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """The folder and every folder below, each with the names of its files in order.

    Pipes, sockets and dangling links hold no mail, and reading from a pipe would wait for ever.
    """
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield Path(folder), sorted(name for name in names if os.path.isfile(f"{folder}/{name}"))  # noqa: PTH113


def _folder(path: Path, source: str) -> Iterator[FileMail]:
    """Maildirs below are read as such: their `tmp` holds deliveries that are not finished."""
    found = False
    for folder, names in _folders(path):
        relative = folder.relative_to(path)
        in_maildir = folder.name in {"cur", "new", "tmp"} and (folder.parent / "cur").is_dir()
        if in_maildir and folder.name == "tmp":
            continue
        for name in names:
            file = folder / name
            if in_maildir:
                found = True
                # flags after `:2,` and the move from `new` to `cur` do not make it another mail
                yield _file(file, source, str(relative.parent / name.partition(":")[0]))
            elif file.suffix.lower() == ".eml":
                found = True
                yield _file(file, source, str(relative / name))
            elif file.suffix.lower() in {".mbox", ".mbx"} or (file.stat().st_size and _is_mbox(file)):
                found = True
                with file.open("rb") as opened:
                    for mail in read_mbox(opened, source):
                        position = f"{relative / name}:{mail.position}"
                        yield FileMail(source, position, mail.raw, mail.received_at, mail.size)
    if not found:
        raise NothingToImportError(
            f"{path}: no mail in this folder (expected .eml files, mbox files, or a Maildir with cur and new)"
        )


def _file(path: Path, source: str, position: str) -> FileMail:
    with path.open("rb", buffering=0) as file:
        raw = file.readall()
        fallback = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    return FileMail(source, position, raw, arrival_time(raw, fallback), len(raw))


def read_mbox(file: BinaryIO, source: str) -> Iterator[FileMail]:
    """Split an mbox at its `From ` lines and undo the quoting of body lines (mboxrd; mboxo reads the same).

    A `From ` line begins a message when it follows an empty line, or the start of the file, and shows a time.
    """
    offset = start = 0
    lines: list[bytes] = []
    envelope: bytes | None = None
    after_blank = True
    while line := file.readline(_LINE):
        if after_blank and line.startswith(b"From ") and (envelope is None or _FROM_LINE.match(line)):
            if envelope is not None:
                yield _mbox_mail(source, start, envelope, lines, offset - start)
            envelope, lines, start = line, [], offset
        else:
            lines.append(line)
        after_blank = line in {b"\n", b"\r\n"}
        offset += len(line)
    if envelope is not None:
        yield _mbox_mail(source, start, envelope, lines, offset - start)


def _mbox_mail(source: str, start: int, envelope: bytes, lines: list[bytes], size: int) -> FileMail:
    if lines and lines[-1] in {b"\n", b"\r\n"}:
        lines.pop()  # the empty line before the next From_ belongs to the mbox, not to the mail
    raw = b"".join(lines)
    if b">From " in raw:
        raw = _MUNGED.sub(lambda match: match.group()[1:], raw)
    fallback = _envelope_time(envelope) or _EARLIEST
    return FileMail(source, str(start), raw, arrival_time(raw, fallback), size)


def _envelope_time(envelope: bytes) -> datetime | None:
    """The time of an mbox From_ line: asctime after the address, in UTC (RFC 4155)."""
    words = envelope.decode("ascii", "replace").split()
    for first in range(2, max(2, len(words) - 3)):
        text = " ".join([*words[first : first + 4], words[-1]])
        try:
            return datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def arrival_time(raw: bytes, fallback: datetime) -> datetime:
    """When a mail in a file was received: its topmost Received, else its Date, else `fallback`.

    The sender's Date counts only when it is not after the file's own time: a mail dated 2038 must not sort
    above
    today's.
    """
    found = _HEADER_END.search(raw, 0, _HEADER_BYTES)
    end = found.start() if found is not None else _HEADER_BYTES
    received = _RECEIVED.search(raw, 0, end)
    if received and (moment := _parse_date(received.group(1).rpartition(b";")[2])):
        return moment
    date = _DATE.search(raw, 0, end)
    if date and (moment := _parse_date(date.group(1))) and (fallback == _EARLIEST or moment <= fallback):
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
    return moment if moment >= _EARLIEST else None
