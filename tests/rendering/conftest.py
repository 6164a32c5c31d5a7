"""What the tests of this room share: raw mails of one HTML part, a camera, and pixels of known colours."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from watcher.rendering import Camera, CameraUnusableError, Reader
from watcher.rendering.browser import BrowserMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

READER = Reader(frozenset({"reader@example.org"}), frozenset({"Rita Reader"}))


@pytest.fixture(scope="package")
def camera() -> Iterator[Camera]:
    """One camera for all; skips where there can be no browser."""
    with Camera() as made:
        try:
            made.take(mail("<p>hello"), READER)
        except (CameraUnusableError, BrowserMissingError) as error:
            pytest.skip(str(error))
        yield made


def mail(html: str, *parts: bytes) -> bytes:
    """A mail of one HTML part, and of inline parts beside it."""
    head = b"From: news@example.com\r\nTo: reader@example.org\r\nSubject: A subject\r\nMIME-Version: 1.0\r\n"
    body = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
    if not parts:
        return head + body
    edges = b"".join(b"--edge\r\n" + part + b"\r\n" for part in (body, *parts))
    return head + b'Content-Type: multipart/related; boundary="edge"\r\n\r\n' + edges + b"--edge--\r\n"


def inline(content_id: str, content: bytes, media_type: str = "image/png") -> bytes:
    """An inline part."""
    return (
        f"Content-Type: {media_type}\r\nContent-ID: <{content_id}>\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
    ).encode() + content


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour (PNG specification, third edition, section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
