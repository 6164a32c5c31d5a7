"""What a camera and its worker say to each other: frames of a JSON header and blobs, over pipes.

Nothing in an answer can be called: the worker has read what strangers wrote.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_LENGTHS: Final = struct.Struct("!II")  # of the header in bytes, and the number of blobs
_SIZE: Final = struct.Struct("!I")
_MAX_HEADER: Final = 16 << 20
_MAX_BLOB: Final = 256 << 20
_MAX_BLOBS: Final = 1_000


class Broken(ValueError):  # noqa: N818  # it says what the line is
    """What came is no frame."""


def write(stream: BinaryIO, header: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
    """Send one frame."""
    text = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(text), len(blobs)) + text)
    for blob in blobs:
        stream.write(_SIZE.pack(len(blob)))
        stream.write(blob)
    stream.flush()


def read(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]] | None:
    """Wait for the next frame; None when the other side has ended. Raises `Broken`."""
    start = stream.read(_LENGTHS.size)
    if len(start) < _LENGTHS.size:
        return None
    length, count = _LENGTHS.unpack(start)
    if length > _MAX_HEADER or count > _MAX_BLOBS:
        raise Broken("a frame is larger than any can be")
    text = stream.read(length)
    blobs = []
    for _ in range(count):
        announced = stream.read(_SIZE.size)
        if len(announced) < _SIZE.size:
            return None
        (size,) = _SIZE.unpack(announced)
        if size > _MAX_BLOB:
            raise Broken("a frame is larger than any can be")
        blobs.append(stream.read(size))
        if len(blobs[-1]) < size:
            return None
    if len(text) < length:
        return None
    try:
        header = json.loads(text)
    except ValueError as error:
        raise Broken("a frame's header is no JSON") from error
    if not isinstance(header, dict):
        raise Broken("a frame's header is no object")
    return header, blobs
