"""Mail in files: mbox, Maildir and Maildir++, .eml files, in folders and in archives.

Everything streams: memory holds one message, whatever the size of the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.batch.filemail import EARLIEST, HEADER_BYTES, FileMail, NothingToImportError, arrival_time
from watcher.batch.mbox import Mbox, Reading, is_mbox
from watcher.batch.packed import BOUNDS, SUFFIXES, Bounds, Entry, Meter, entries, packing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

LIMIT = 64 << 20
"""Bytes that a mail may have, unless the settings say otherwise."""

_MAGIC = 512  # bytes by which a file's kind is told
_MBOX_SUFFIXES = (".mbox", ".mbx")
_MAILDIR_NAME = re.compile(r"\d+\..")  # https://cr.yp.to/proto/maildir.html: seconds, a dot, what is unique

OnMbox = Callable[[str, Reading], None]
"""Hears of each mbox how it is read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How files are read: what one mail may have in bytes, and what archives may hold."""

    limit: int = LIMIT
    bounds: Bounds = BOUNDS
    on_mbox: OnMbox = lambda _name, _reading: None


def total_bytes(paths: Iterable[Path]) -> int:
    """Bytes of all files below, for a progress bar's end."""
    return sum(file.stat().st_size for path in paths for file in _files(path))


def mails(path: Path, rules: Rules | None = None) -> Iterator[FileMail]:
    """All mails of an mbox file, a Maildir, an .eml file, a folder or an archive of them, in a stable order.

    Raises `NothingToImportError` when `path` is missing or is none of these, or an archive is damaged, and
    `OSError` when it cannot be read.
    """
    source = os.path.abspath(path)  # noqa: PTH100  # Path.resolve would follow a link to another name
    rules = rules or Rules()
    if path.is_dir():
        yield from Folder(path, source, rules)
    elif not path.is_file():
        raise NothingToImportError(f"{path}: this is neither a file nor a folder")
    elif not path.stat().st_size:
        raise NothingToImportError(f"{path}: the file is empty")
    else:
        yield from _named(path, source, rules)


def _named(path: Path, source: str, rules: Rules) -> Iterator[FileMail]:
    """A file that the user named: whatever is in it that is nothing else is a mail."""
    reader = _Reader(path, source, rules)
    packed = False
    found = False
    with reader.opened(path.name) as entry:
        packed = packing_of(entry.stream.peek(_MAGIC)) is not None
        for mail in reader.read(entry, "", wanted=True):
            found = True
            yield mail
    if packed and not found:
        raise NothingToImportError(
            f"{path}: no mail in this archive (expected .eml files, mbox files, or a Maildir)"
        )


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for folder, names in folders(path):
            yield from (folder / name for name in names)
    elif path.exists():
        yield path


def folders(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """The folder and every folder below, each with the names of its files in order.

    Pipes, sockets and dangling links hold no mail, and reading from a pipe would wait for ever.
    """
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield Path(folder), sorted(name for name in names if os.path.isfile(f"{folder}/{name}"))  # noqa: PTH113


class Folder:
    """A folder with all below it. Maildirs are read as such: their `tmp` holds unfinished deliveries."""

    def __init__(self, path: Path, source: str, rules: Rules) -> None:
        self._path = path
        self._source = source
        self._rules = rules

    def __iter__(self) -> Iterator[FileMail]:
        found = False
        for folder, names in folders(self._path):
            in_maildir = folder.name in {"cur", "new", "tmp"} and (folder.parent / "cur").is_dir()
            if in_maildir and folder.name == "tmp":
                continue
            for name in names:
                for mail in self.file(folder, name, in_maildir=in_maildir):
                    found = True
                    yield mail
        if not found:
            raise NothingToImportError(
                f"{self._path}: no mail in this folder (expected .eml files, mbox files, archives of them, "
                "or a Maildir with cur and new)"
            )

    def file(self, folder: Path, name: str, *, in_maildir: bool) -> Iterator[FileMail]:
        """The mails of one file of the folder."""
        file = folder / name
        # flags after `:2,` and the move from `new` to `cur` do not make it another mail
        place = folder.parent / name.partition(":")[0] if in_maildir else file
        position = str(place.relative_to(self._path))
        suffix = file.suffix.lower()
        wanted = in_maildir or suffix == ".eml"
        if wanted and (mail := _small_file(file, self._source, position, self._rules.limit)) is not None:
            yield mail
            return
        reader = _Reader(file, self._source, self._rules)
        with reader.opened(position) as entry:
            head = entry.stream.peek(_MAGIC)
            if wanted or suffix in SUFFIXES or (head and (suffix in _MBOX_SUFFIXES or is_mbox(head))):
                yield from reader.read(entry, position, wanted=wanted)


def _small_file(path: Path, source: str, position: str, limit: int) -> FileMail | None:
    """Read a file that is one mail; None when it is something else after all, or too large."""
    with path.open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if status.st_size > limit:
            return None
        raw = file.readall()
    if packing_of(raw[:_MAGIC]) is not None:  # as Dovecot's zlib plugin keeps a Maildir
        return None
    received_at = arrival_time(raw, datetime.fromtimestamp(status.st_mtime, UTC))
    return FileMail(source, position, raw, received_at, len(raw))


class _Reader:
    """Reads one file of the disk, whatever is in it."""

    def __init__(self, path: Path, source: str, rules: Rules) -> None:
        self._meter = Meter(path, rules.bounds)
        self._source = source
        self._rules = rules

    def opened(self, name: str) -> AbstractContextManager[Entry]:
        """Open the file, as an entry of this name."""
        return self._meter.opened(name)

    def read(self, entry: Entry, position: str, *, wanted: bool) -> Iterator[FileMail]:
        """The mails in an entry. `wanted`: what is nothing else is a mail; `position`: of the entry."""
        head = entry.stream.peek(_MAGIC)
        packing = packing_of(head)
        if packing is not None and (wanted or entry.name.lower().endswith(SUFFIXES)):
            with self._meter.guarded():
                for inner in entries(entry, packing, self._meter):
                    alone = "/" not in inner.name[len(entry.name) :]
                    yield from self._inner(inner, wanted=wanted and alone)
        elif is_mbox(head):
            yield from self._mbox(entry, position)
        elif wanted and head:
            yield self._single(entry, position or entry.name)

    def _inner(self, entry: Entry, *, wanted: bool) -> Iterator[FileMail]:
        """The mails in an entry of an archive, told by its name there."""
        folder, _, name = entry.name.rpartition("/")
        holder = folder.rpartition("/")[2]
        position = entry.name
        if holder == "tmp" and _MAILDIR_NAME.match(name):
            return
        if holder in {"cur", "new"} and _MAILDIR_NAME.match(name):
            position = f"{folder.rpartition('/')[0]}/{name.partition(':')[0]}"
            wanted = True
        yield from self.read(entry, position, wanted=wanted or name.lower().endswith(".eml"))

    def _mbox(self, entry: Entry, position: str) -> Iterator[FileMail]:
        content = Mbox(entry.stream, self._rules.limit)
        self._rules.on_mbox(entry.name, content.reading)
        for piece in content:
            place = f"{position}:{piece.offset}" if position else str(piece.offset)
            received_at = arrival_time(piece.raw, piece.envelope_time)
            size = self._meter.taken()
            yield FileMail(self._source, place, piece.raw, received_at, size, piece.length)

    def _single(self, entry: Entry, position: str) -> FileMail:
        raw = entry.stream.read(self._rules.limit + 1)
        length = len(raw)
        if length > self._rules.limit:
            raw = raw[: min(self._rules.limit, HEADER_BYTES)]
            while block := entry.stream.read(1 << 20):
                length += len(block)
        received_at = arrival_time(raw, max(entry.modified, EARLIEST))
        return FileMail(self._source, position, raw, received_at, self._meter.taken(), length)


__all__ = ["FileMail", "NothingToImportError", "Reading", "Rules", "arrival_time", "mails", "total_bytes"]
