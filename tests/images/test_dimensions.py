"""Width and height from the first bytes."""

from __future__ import annotations

import struct

import pytest

from tests.rendering.conftest import png
from watcher.images.dimensions import dimensions

JPEG = (
    b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc4\x00\x02\xff\xc0\x00\x0b\x08"
    + struct.pack("!HH", 30, 40)
    + bytes(10)
)
RIFF = b"RIFF\0\0\0\0WEBP"


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(7, 5, (0, 0, 0)), (7, 5)),
        (b"GIF89a" + struct.pack("<HH", 3, 4), (3, 4)),
        (b"BM" + bytes(16) + struct.pack("<ii", 6, -8), (6, 8)),
        (JPEG, (40, 30)),
        (RIFF + b"VP8X" + bytes(8) + b"\x09\0\0\x13\0\0", (10, 20)),
        (RIFF + b"VP8L" + bytes(5) + struct.pack("<I", 9 | 19 << 14), (10, 20)),
        (RIFF + b"VP8 " + bytes(10) + struct.pack("<HH", 10, 20), (10, 20)),
        (RIFF + b"ALPH" + bytes(20), None),
        (b"\xff\xd8\xff\xe0", None),
        (b"\xff\xd8nonsense", None),
        (b"\x89PNG\r\n", None),
        (b"<svg>", None),
        (b"", None),
    ],
)
def test_a_picture_says_its_size(data: bytes, size: tuple[int, int] | None) -> None:
    """All formats that are kept; what is cut short or odd has none."""
    assert dimensions(data) == size
