"""Shards: what one task has made, as a file in the directory that all machines share.

A shard is a stream of values, packed with Zstandard. Its name has the task and the hash of what is in it, so
a task that is done twice writes the same file, and a shard that was cut off or changed is known by its name.
It appears under that name when it is complete, never before.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import zstandard

from watcher.batch.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LEVEL = 3  # of Zstandard: it packs faster than a shared directory takes
_LENGTH = struct.Struct("!I")
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard that was written: the file's name, and how many values it holds."""

    name: str
    count: int


def write_shard(directory: Path, task: str, values: Iterable[bytes]) -> Shard:
    """Write a shard of these values. `task` is a part of its name.

    The directory must be there: when it is gone, nobody waits for the shard any more. Raises `OSError`.
    """
    part = directory / f".{task}.{uuid4().hex}.part"
    digest = hashlib.blake2b(digest_size=16)
    count = 0
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123  # it is a descriptor
            with zstandard.ZstdCompressor(_LEVEL).stream_writer(file, closefd=False) as packed:
                for value in values:
                    length = _LENGTH.pack(len(value))
                    digest.update(length + value)
                    packed.write(length)
                    packed.write(value)
                    count += 1
            file.flush()
            os.fsync(descriptor)  # another machine reads it
        name = f"{task}-{digest.hexdigest()}.shard"
        part.replace(directory / name)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return Shard(name, count)


def read_shard(directory: Path, shard: Shard) -> list[bytes]:
    """Return the values of a shard. Raises `ClusterError` when it is missing, or not what was written."""
    try:
        with (
            (directory / shard.name).open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file, read_size=_BLOCK) as unpacked,
        ):
            values = [*_values(unpacked)]
    except FileNotFoundError as error:
        raise ClusterError(
            f"{directory / shard.name}: a worker says that it has written this file, and it is not here; "
            "the directory must be the same one on every machine (--shards)"
        ) from error
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise _damaged(directory, shard) from error
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        digest.update(_LENGTH.pack(len(value)) + value)
    if len(values) != shard.count or not shard.name.endswith(f"-{digest.hexdigest()}.shard"):
        raise _damaged(directory, shard)
    return values


def _values(stream: zstandard.ZstdDecompressionReader) -> Iterator[bytes]:
    while head := _exactly(stream, _LENGTH.size):
        yield _exactly(stream, _LENGTH.unpack(head)[0])


def _exactly(stream: zstandard.ZstdDecompressionReader, size: int) -> bytes:
    """So many bytes; none at the end of the stream. Raises `EOFError` when it ends in between."""
    data = bytearray()
    while len(data) < size and (more := stream.read(min(size - len(data), _BLOCK))):
        data += more
    if data and len(data) < size:
        raise EOFError
    return bytes(data)


def _damaged(directory: Path, shard: Shard) -> ClusterError:
    return ClusterError(
        f"{directory / shard.name}: the file is not what the worker has written; look at the disk of the "
        "shared directory, and run the command again"
    )
