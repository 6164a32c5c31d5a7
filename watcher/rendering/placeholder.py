"""Boxes in place of pictures that are not loaded: the size of the picture, with its alternative text."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIXELS = re.compile(r"\s*([0-9]{1,5})(?:\.[0-9]*)?\s*(?:px)?\s*", re.IGNORECASE)
_STYLED = re.compile(r"(?<![\w-])(width|height)\s*:\s*([0-9]{1,5})(?:\.[0-9]*)?\s*px", re.IGNORECASE)
_ANY_SIZE: Final = (160, 80)  # pixels, of a picture that says nothing about its size
_RATIO: Final = 2  # of width to height, where one of the two is not said: most are banners
_ICON: Final = 64  # pixels; up to here a picture is taken for a square
_TALLEST_GUESS: Final = 320
_SPACER: Final = 4  # pixels; what is thinner is there to keep a distance
_LEAST_FOR_TEXT: Final = (24, 12)
_MAX_TEXT: Final = 200  # characters

_BOX: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>"
    "<rect x='.5' y='.5' width='100%' height='100%' fill='#eef0f2'/>"
    "<rect width='100%' height='100%' fill='none' stroke='#c3c9cf' stroke-width='2'/>{text}</svg>"
)
_TEXT: Final = (
    "<foreignObject width='100%' height='100%'><div xmlns='http://www.w3.org/1999/xhtml' style='"
    "display:flex;height:100%;align-items:center;justify-content:center;overflow:hidden;"
    "box-sizing:border-box;padding:2px 6px;text-align:center;"
    "font:{size}px/1.25 sans-serif;color:#59626b'>{text}</div></foreignObject>"
)
_NOTHING: Final = "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'></svg>"


def box(attributes: Mapping[str, str | None]) -> str:
    """Return a data: URL of a drawing that takes the room of this `<img>`.

    Its natural size is what the tag says, else a guess, so that every rule of the mail's own style sheet
    does to it what it would have done to the picture.
    """
    width, height = _size(attributes)
    if min(width, height) < _SPACER:
        return _url(_NOTHING.format(width=width, height=height))
    return _url(_BOX.format(width=width, height=height, text=_text(attributes.get("alt"), width, height)))


def _url(drawing: str) -> str:
    return "data:image/svg+xml," + quote(drawing, safe=" ='/:;,.()!*@$&?+[]")


def _text(alternative: str | None, width: int, height: int) -> str:
    words = " ".join("".join(char if char.isprintable() else " " for char in alternative or "").split())
    if not words or width < _LEAST_FOR_TEXT[0] or height < _LEAST_FOR_TEXT[1]:
        return ""
    return _TEXT.format(size=9 if height < 2 * _LEAST_FOR_TEXT[0] else 13, text=escape(words[:_MAX_TEXT]))


def _size(attributes: Mapping[str, str | None]) -> tuple[int, int]:
    said = {
        name: int(found[1])
        for name in ("width", "height")
        if (found := _PIXELS.fullmatch(attributes.get(name) or "")) is not None
    }
    # As in a browser, a style is stronger than an attribute.
    said |= {name.lower(): int(size) for name, size in _STYLED.findall(attributes.get("style") or "")}
    width, height = said.get("width"), said.get("height")
    if width is not None and height is not None:
        return width, height
    if width is not None:
        return width, width if width <= _ICON else min(width // _RATIO, _TALLEST_GUESS)
    if height is not None:
        return height if height <= _ICON else height * _RATIO, height
    return _ANY_SIZE
