"""Width and height of a picture, from its first bytes: a pixel is no picture, and a bomb is none either."""

from __future__ import annotations

import struct

_BASELINE = frozenset(
    {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
)  # JPEG's frame headers, ITU-T T.81, table B.1


def dimensions(data: bytes) -> tuple[int, int] | None:
    """Pixels across and down; None where the bytes do not say so."""
    try:
        if data.startswith(b"\x89PNG"):  # PNG, section 11.2.1
            return struct.unpack_from("!II", data, 16)
        if data.startswith(b"GIF8"):  # GIF89a, section 18
            return struct.unpack_from("<HH", data, 6)
        if data.startswith(b"BM"):  # BITMAPINFOHEADER; a negative height is a picture from the top
            across, down = struct.unpack_from("<ii", data, 18)
            return abs(across), abs(down)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        return _webp(data) if data[8:12] == b"WEBP" else None
    except struct.error:
        return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1] if at + 1 < len(data) else 0
        if marker == 0xFF:  # fill bytes, section B.1.1.2
            at += 1
            continue
        if marker in _BASELINE:
            down, across = struct.unpack_from("!HH", data, at + 5)
            return across, down
        (length,) = struct.unpack_from("!H", data, at + 2)
        at += 2 + length
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":  # RFC 9649, section 2.7
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":  # section 3.4
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":  # RFC 6386, section 9.1
        across, down = struct.unpack_from("<HH", data, 26)
        return across & 0x3FFF, down & 0x3FFF
    return None
