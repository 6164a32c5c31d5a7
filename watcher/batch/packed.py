"""Packed files: gzip, Zstandard, zip and tar, one in the other, read as they stream.

What a few kilobytes unpack to may fill any disk and take for ever, so everything that comes out is counted
against the size of the file that it came from. Nothing is unpacked to the disk, except a zip in an archive.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import IO, TYPE_CHECKING, Any, cast

from watcher.batch.filemail import EARLIEST, NothingToImportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

_BLOCK = 1 << 20
_DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile)
_TAR_MAGIC = slice(257, 262)  # POSIX.1-1988, ustar


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a packed file may hold. Text packs tenfold, the same mail over and over a few hundredfold."""

    entries: int = 5_000_000
    ratio: int = 300  # bytes out for each byte of the file
    free: int = 1 << 30  # bytes out for which nobody asks about the ratio
    total: int = 4 << 40  # bytes out
    depth: int = 4  # packings in one another


BOUNDS = Bounds()


class PackedFileError(NothingToImportError):
    """A packed file is damaged, encrypted, or too much comes out of it. What came before was taken."""


class Packing(Enum):
    """How a file is packed, told by its first bytes."""

    GZIP = b"\x1f\x8b"  # RFC 1952
    ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878
    ZIP = b"PK\x03\x04"  # APPNOTE.TXT 4.3.7
    TAR = b"ustar"


SUFFIXES = (".zip", ".gz", ".tgz", ".zst", ".zstd", ".tar")
"""By which a packed file is found in a folder, where much else begins like one."""


def packing_of(head: bytes) -> Packing | None:
    """How a file that begins with these bytes is packed; None when it is not. 512 bytes suffice."""
    for each in (Packing.GZIP, Packing.ZSTD, Packing.ZIP):
        if head.startswith(each.value):
            return each
    return Packing.TAR if head[_TAR_MAGIC] == Packing.TAR.value else None


class Meter:
    """Counts what is read of one file of the disk, and what comes out of it."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self._path = path
        self._bounds = bounds
        self._allowed = min(bounds.total, bounds.free + bounds.ratio * path.stat().st_size)
        self._out = 0
        self._entries = 0
        self._read = 0

    @contextmanager
    def opened(self, name: str) -> Iterator[Entry]:
        """Open the file, as an entry of this name; what is read of it is counted."""
        modified = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        with io.BufferedReader(_Counted(self._path, self), _BLOCK) as stream:
            yield Entry(name, stream, modified)

    def taken(self) -> int:
        """Bytes read from the disk since this was asked before."""
        taken, self._read = self._read, 0
        return taken

    def read(self, count: int) -> None:
        """Count bytes that were read from the disk."""
        self._read += count

    def enter(self) -> None:
        """Count a file in an archive. Raises `PackedFileError`."""
        self._entries += 1
        if self._entries > self._bounds.entries:
            raise PackedFileError(f"{self._path}: it holds more than {self._bounds.entries} files")

    def descend(self, depth: int) -> None:
        """Raise `PackedFileError` when there are too many packings in one another."""
        if depth > self._bounds.depth:
            raise PackedFileError(f"{self._path}: more than {self._bounds.depth} packings in one another")

    def give(self, count: int) -> None:
        """Count bytes that came out. Raises `PackedFileError`."""
        self._out += count
        if self._out > self._allowed:
            raise PackedFileError(
                f"{self._path}: more than {self._allowed} bytes come out of it, which is too much for its "
                "size; if you trust it, unpack it yourself and import what comes out"
            )

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what the unpackers raise on damage into `PackedFileError`."""
        from zstandard import ZstdError  # noqa: PLC0415  # few imports read packed files

        try:
            yield
        except (*_DAMAGES, ZstdError) as error:
            raise PackedFileError(
                f"{self._path}: the packed file is damaged or incomplete ({type(error).__name__}); "
                "what came before the damage was taken"
            ) from error
        except (
            RuntimeError,
            NotImplementedError,
        ) as error:  # zipfile's words for a password and a rare method
            raise PackedFileError(
                f"{self._path}: the archive is encrypted or packed by a rare method; unpack it yourself "
                "and import what comes out"
            ) from error


class _Counted(io.FileIO):
    def __init__(self, path: Path, meter: Meter) -> None:
        super().__init__(path)
        self._meter = meter

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        count = super().readinto(buffer)
        self._meter.read(count or 0)
        return count


class _Unpacked(io.RawIOBase):
    """What an unpacker gives, counted."""

    def __init__(self, stream: IO[bytes], meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self._meter.give(len(data))
        return len(data)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, on the disk or in an archive: its name there, and its content as it streams."""

    name: str
    stream: io.BufferedReader[Any]
    modified: datetime  # aware
    depth: int = 0  # packings around it


def entries(entry: Entry, packing: Packing, meter: Meter) -> Iterator[Entry]:
    """The files in a packed one, each to be read before the next. Raises `PackedFileError`."""
    meter.descend(entry.depth + 1)
    match packing:
        case Packing.ZIP:
            yield from _zip(entry, meter)
        case Packing.TAR:
            yield from _tar(entry, meter)
        case _:
            yield _inner(entry, _unpacker(entry.stream, packing), meter, _bare_name(entry.name))


def _unpacker(stream: io.BufferedReader[Any], packing: Packing) -> IO[bytes]:
    if packing is Packing.GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream, mode="rb"))
    from zstandard import ZstdDecompressor  # noqa: PLC0415  # few imports read packed files

    return cast("IO[bytes]", ZstdDecompressor().stream_reader(stream, read_across_frames=True))


def _bare_name(name: str) -> str:
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)] + (".tar" if suffix == ".tgz" else "")
    return name


def _inner(
    outer: Entry, stream: IO[bytes], meter: Meter, name: str, modified: datetime | None = None
) -> Entry:
    content = io.BufferedReader(_Unpacked(stream, meter), _BLOCK)
    return Entry(name, content, modified or outer.modified, outer.depth + 1)


def _zip(entry: Entry, meter: Meter) -> Iterator[Entry]:
    """Its directory is at the end, so a zip that cannot be wound back is copied to a temporary file first."""
    with tempfile.TemporaryFile() as spare:
        stream: IO[bytes] = entry.stream
        if entry.depth:
            while block := entry.stream.read(_BLOCK):
                spare.write(block)
            stream = spare
        with zipfile.ZipFile(stream) as archive:
            for info in sorted(archive.infolist(), key=lambda each: each.filename):
                meter.enter()
                if info.is_dir():
                    continue
                with archive.open(info) as file:
                    yield _inner(entry, file, meter, f"{entry.name}/{info.filename}", _zip_time(info))


def _zip_time(info: zipfile.ZipInfo) -> datetime:
    try:
        return datetime(*info.date_time, tzinfo=UTC)  # in an unknown zone, to two seconds
    except ValueError:
        return EARLIEST


def _tar(entry: Entry, meter: Meter) -> Iterator[Entry]:
    with tarfile.open(fileobj=entry.stream, mode="r|") as archive:
        for member in archive:
            meter.enter()
            archive.members = []  # type: ignore[attr-defined]  # it would remember every one
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                name = f"{entry.name}/{member.name}"
                modified = datetime.fromtimestamp(max(0, min(member.mtime, 1 << 35)), UTC)
                yield _inner(entry, file, meter, name, modified)
