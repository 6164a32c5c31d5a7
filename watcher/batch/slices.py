"""Files cut into slices that can be read for themselves, on any machine that has the files.

A slice is names of files, or a range of bytes of an mbox: never mail. The mails of all slices, in their
order, are those that `sources.mails` gives for the whole, with the same names and times. What can only be
read from its beginning (archives, an mbox by Content-Length) stays in one piece, a `Whole`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.batch.filemail import FileMail, arrival_time
from watcher.batch.mbox import SAMPLE, Mbox, is_mbox, recognise
from watcher.batch.packed import SUFFIXES, packing_of
from watcher.batch.sources import Folder, folders, mails

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watcher.batch.mbox import Reading
    from watcher.batch.sources import Rules

_NAMES = 250  # files of one slice
_BYTES = 8 << 20  # of one slice, roughly: a mail is in the slice where it begins
_MAGIC = 512
_MBOX_SUFFIXES = (".mbox", ".mbx")


@dataclass(frozen=True, slots=True)
class Place:
    """One file of a folder that is imported."""

    folder: Path
    name: str
    in_maildir: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Some files of the folder `root`, read one by one."""

    root: Path
    source: str
    places: tuple[Place, ...]
    size: int  # bytes, for the progress bar

    def mails(self, rules: Rules) -> Iterator[FileMail]:
        """Read them. Raises `OSError`."""
        folder = Folder(self.root, self.source, rules)
        for place in self.places:
            yield from folder.file(place.folder, place.name, in_maildir=place.in_maildir)


@dataclass(frozen=True, slots=True)
class Range:
    """Those mails of an mbox whose From_ line stands within `begin` and `end`."""

    path: Path
    source: str
    position: str  # of the file in its folder; empty when it was named itself
    reading: Reading
    begin: int
    end: int

    @property
    def size(self) -> int:
        """Bytes, for the progress bar."""
        return self.end - self.begin

    def mails(self, rules: Rules) -> Iterator[FileMail]:
        """Read them. Raises `OSError`."""
        with self.path.open("rb") as file:
            for piece in Mbox.within(file, rules.limit, self.reading, self.begin, self.end):
                place = f"{self.position}:{piece.offset}" if self.position else str(piece.offset)
                received_at = arrival_time(piece.raw, piece.envelope_time)
                yield FileMail(self.source, place, piece.raw, received_at, len(piece.raw), piece.length)


@dataclass(frozen=True, slots=True)
class Whole:
    """Something that is read from its beginning to its end, by one process."""

    path: Path
    source: str
    place: Place | None  # None: `path` itself was named
    size: int

    def mails(self, rules: Rules) -> Iterator[FileMail]:
        """Read them. Raises what `sources.mails` does."""
        if self.place is None:
            yield from mails(self.path, rules)
        else:
            folder = Folder(self.path, self.source, rules)
            yield from folder.file(self.place.folder, self.place.name, in_maildir=self.place.in_maildir)


Slice = Names | Range | Whole


def slices(path: Path, rules: Rules) -> Iterator[Slice]:
    """Cut what was named into slices, in the order in which its mails come. Raises `OSError`.

    What is missing, or no mail, is a `Whole`: who reads it says so.
    """
    source = os.path.abspath(path)  # noqa: PTH100  # as in `sources`
    if path.is_dir():
        yield from _of_folder(path, source, rules)
    elif path.is_file() and path.stat().st_size:
        ranges = _ranges(path, source, path.name, "", rules)
        if ranges:
            yield from ranges
        else:
            yield Whole(path, source, None, path.stat().st_size)
    else:
        yield Whole(path, source, None, 0)


def _of_folder(root: Path, source: str, rules: Rules) -> Iterator[Slice]:
    places: list[Place] = []
    size = 0
    for folder, names in folders(root):
        in_maildir = folder.name in {"cur", "new", "tmp"} and (folder.parent / "cur").is_dir()
        if in_maildir and folder.name == "tmp":
            continue
        for name in names:
            place = Place(folder, name, in_maildir)
            length = (folder / name).stat().st_size
            alone: list[Slice] = []
            if length > _BYTES or name.lower().endswith((*_MBOX_SUFFIXES, *SUFFIXES)):
                whole = Whole(root, source, place, length)
                file = folder / name
                position = str(file.relative_to(root))
                wanted = in_maildir or file.suffix.lower() == ".eml"
                alone = [whole] if wanted else [*_ranges(file, source, position, position, rules)] or [whole]
            if places and (alone or len(places) >= _NAMES or size + length > _BYTES):
                yield Names(root, source, tuple(places), size)
                places, size = [], 0
            if alone:
                yield from alone
            else:
                places.append(place)
                size += length
    if places:
        yield Names(root, source, tuple(places), size)


def _ranges(path: Path, source: str, name: str, position: str, rules: Rules) -> list[Range]:
    """The ranges of an mbox; none when the file is something else, or must be read from its beginning."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
        size = os.fstat(file.fileno()).st_size
    if packing_of(sample[:_MAGIC]) is not None or not is_mbox(sample):
        return []
    reading = recognise(sample)
    if reading.by_length:
        return []
    rules.on_mbox(name, reading)
    return [
        Range(path, source, position, reading, begin, min(begin + _BYTES, size))
        for begin in range(0, size, _BYTES)
    ]
