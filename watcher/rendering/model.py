"""The values of this room: a picture, the reader who must not be in it, what became of one mail."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

VERSION: Final = "3"
"""Names the way of drawing; raised when pictures come out otherwise, so that old ones are made again."""

WIDTHS: Final = (640, 400)
"""CSS pixels: a mail program's reading pane, and a telephone held upright."""

MAX_HEIGHT: Final = 6_000
"""Pixels; what lies below is cut. One mail of 95,000 took a browser to 2.5 GB."""

THUMBNAIL: Final = (160, 200)
"""Pixels of the small picture for lists: a quarter of the top of the wide one."""

FORMAT: Final = "webp"

ORIGIN: Final = "https://mail.invalid"
"""Where the page seems to be: a name that cannot exist (RFC 2606, section 2)."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The subscriber: addresses, lower case, and names by which a sender may greet him."""

    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawn mail."""

    width: int  # pixels
    height: int
    content: bytes  # of the format `FORMAT`
    cut: bool = False  # the mail goes on below


@dataclass(frozen=True, slots=True)
class Shot:
    """What became of one mail: pictures, or why there are none. One of the two is empty."""

    pictures: tuple[Picture, ...] = ()
    thumbnail: Picture | None = None  # with pictures, and only then
    reason: str = ""  # a sentence of ours, never a word of the mail


def source_of(url: str) -> str:
    """What stands for the URL of an image: its SHA-256, for a URL may name the reader."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
