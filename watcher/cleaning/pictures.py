"""Pictures: which of them report the reading, and which have words that stand for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watcher.cleaning import css
from watcher.cleaning.characters import collapse
from watcher.cleaning.links import tracker_of
from watcher.record import Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping

_TINY = 2  # pixels
_SIZE = re.compile(r"\s*([0-9]{1,5})(?:\.[0-9]*)?\s*(?:px)?\s*", re.IGNORECASE)
_FILE_NAME = re.compile(r"[^\s]{1,200}\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?)", re.IGNORECASE)
_MAX_ALTERNATIVE = 300
# Words of templates and tools, not of authors.
_EMPTY_WORDS = frozenset(
    {
        "alt", "alternate", "alternative", "background", "banner", "bild", "bottom", "button", "custom",
        "divider", "footer", "foto", "header", "hero", "icon", "image", "img", "line", "loading", "logo",
        "photo", "pic", "picture", "placeholder", "separator", "shadow", "spacer", "text", "top", "trenner",
        "view",
    }
)  # fmt: skip
# "The Harbour logo" names a picture and says nothing.
_LABELS = frozenset({"icon", "logo", "spacer"})
_MAX_LABEL = 5  # words
_WORD = re.compile(r"[^\W_]+")


def picture_trackers(attributes: Mapping[str, str | None], *, seen: bool) -> list[Tracker]:
    """What an `<img>` would have told the sender: a pixel by its URL or its size, a `srcset`."""
    found: list[Tracker] = []
    source = (attributes.get("src") or "").strip()
    host = css.host_of(source)
    if host:
        known = _known(source)
        if known is not None:
            found.append(Tracker("pixel", *known))
        elif not seen:
            found.append(Tracker("pixel", host, "size"))
    found.extend(Tracker("srcset", host, "srcset") for host in srcset_hosts(attributes))
    return found


def _known(url: str) -> tuple[str, str] | None:
    # An image proxy repeats the original URL in the fragment.
    proxied = url.partition("#")[2]
    return tracker_of(url) or (tracker_of(proxied) if proxied[:4].lower() == "http" else None)


def is_pixel(attributes: Mapping[str, str | None]) -> bool:
    """Whether the picture is too small to be seen, or not displayed."""
    style = attributes.get("style") or ""
    if style and (css.hides(style) or css.is_tiny(style)):
        return True
    sizes = [
        int(match.group(1))
        for name in ("width", "height")
        if (match := _SIZE.fullmatch(attributes.get(name) or "")) is not None
    ]
    return bool(sizes) and (max(sizes) <= _TINY or min(sizes) == 0)


def srcset_hosts(attributes: Mapping[str, str | None]) -> list[str]:
    """The hosts of a `srcset`."""
    if "srcset" not in attributes:
        return []
    candidates = (attributes.get("srcset") or "").split()
    return [host for each in candidates[:50] if (host := css.host_of(each))]


def alternative(attributes: Mapping[str, str | None]) -> str:
    """The alternative text, where it says something that a reader would miss; else nothing.

    One or two signs stand for a picture in a line of text (an emoji) and stay too.
    """
    text = collapse(attributes.get("alt") or "")
    if not text or len(text) > _MAX_ALTERNATIVE or "<" in text or _FILE_NAME.fullmatch(text):
        return ""
    words = _WORD.findall(text.casefold())
    if len(words) <= _MAX_LABEL and not _LABELS.isdisjoint(words):
        return ""
    return text if any(word not in _EMPTY_WORDS for word in words) or is_sign(text) else ""


def is_sign(text: str) -> bool:
    """Whether an alternative text is a sign like an emoji, which belongs into the line."""
    return len(text) <= 4 and not _WORD.search(text)  # an emoji with its modifiers
