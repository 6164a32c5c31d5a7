"""Frames between a camera and its worker: what is cut short or makes no sense ends the talk, and no more."""

from __future__ import annotations

import io
import struct

import pytest

from watcher.rendering import protocol


def frame(header: dict[str, object], *blobs: bytes) -> bytes:
    stream = io.BytesIO()
    protocol.write(stream, header, blobs)
    return stream.getvalue()


def test_a_frame_comes_out_as_it_went_in() -> None:
    """Header and blobs, one frame after the other."""
    stream = io.BytesIO(frame({"a": [1, "\u00e4"]}, b"", b"\0\xff") + frame({}))
    assert protocol.read(stream) == ({"a": [1, "\u00e4"]}, [b"", b"\0\xff"])
    assert protocol.read(stream) == ({}, [])
    assert protocol.read(stream) is None


@pytest.mark.parametrize("length", range(len(frame({"a": 1}, b"xyz", b"q"))))
def test_a_frame_that_is_cut_short_is_the_end(length: int) -> None:
    """Wherever the other side died."""
    assert protocol.read(io.BytesIO(frame({"a": 1}, b"xyz", b"q")[:length])) is None


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!II", 1 << 30, 0),
        struct.pack("!II", 2, 1 << 20),
        struct.pack("!II", 2, 1) + b"{}" + struct.pack("!I", 1 << 30),
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 3, 0) + b"{x}",
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    """Before memory is taken for it."""
    with pytest.raises(protocol.Broken):
        protocol.read(io.BytesIO(data))
