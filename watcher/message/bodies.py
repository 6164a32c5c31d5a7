"""What a reader of the mail sees, as HTML and as plain text, and what is only attached."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from watcher.message import charsets, file_names, flowed, sniffing, transfer, warnings
from watcher.record import Attachment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watcher.message.limits import Limits
    from watcher.message.structure import Part

_HTML, _PLAIN = "text/html", "text/plain"
_ALTERNATIVE, _RELATED = "multipart/alternative", "multipart/related"
_AMP = "text/x-amp-html"
_OTHER_VIEWS = frozenset({_AMP, "text/watch-html"})
"""Alternatives of the same content for special readers: neither shown nor attached."""
_LONE_RETURN = re.compile(r"\r(?!\n)")
_LINE_END = re.compile(r"\r\n?")


@dataclass(slots=True)
class Bodies:
    """The bodies of a mail; empty strings where it has none of that type."""

    html: str = ""
    plain: str = ""
    attachments: tuple[Attachment, ...] = ()
    amp: bool = False  # there is an AMP view as well, which is never shown
    warnings: dict[str, None] = field(default_factory=dict)  # a set in order


@dataclass(slots=True)
class _Segment:
    """One stretch of the mail: a text part by itself, or the views that one multipart/alternative offers."""

    html: list[Part] = field(default_factory=list)
    plain: list[Part] = field(default_factory=list)

    def add(self, part: Part) -> None:
        """Take in a view. Of two of one type side by side in an alternative the last is best (RFC 2046)."""
        parts = self.html if part.media_type == _HTML else self.plain
        if parts and part.place == _ALTERNATIVE and parts[-1].parent is part.parent and part.end > part.start:
            parts.pop()
        parts.append(part)


def read(raw: bytes, leaves: Iterable[Part], limits: Limits) -> Bodies:
    """Choose the bodies among the leaves, decode them, and describe the other parts."""
    bodies = Bodies()
    segments: dict[int, _Segment] = {}
    others: list[Part] = []
    for part in leaves:
        if _is_text(part, shown=bool(segments)):
            segments.setdefault(id(_alternative(part)), _Segment()).add(part)
        elif _is_other_view(part):
            bodies.amp = bodies.amp or part.media_type == _AMP
        else:
            others.append(part)
    texts = _Texts(raw, limits, bodies.warnings)
    views = [(texts.of(each.html), texts.of(each.plain)) for each in segments.values()]
    bodies.plain = _joined([plain for _, plain in views])
    if any(html for html, _ in views):
        bodies.html = _joined([html or _as_html(plain) for html, plain in views])
    bodies.attachments = tuple(described(raw, part, bodies.warnings)[0] for part in others)
    return bodies


def attached(leaves: Iterable[Part]) -> Iterator[Part]:
    """The leaves that `read` describes as attachments, in their order."""
    shown = False
    for part in leaves:
        if _is_text(part, shown=shown):
            shown = True
        elif not _is_other_view(part):
            yield part


def _is_other_view(part: Part) -> bool:
    return part.media_type in _OTHER_VIEWS and part.place == _ALTERNATIVE


def _is_text(part: Part, *, shown: bool) -> bool:
    """Whether a part is shown as text of the mail; `shown`: some other part already is."""
    if part.media_type not in (_HTML, _PLAIN) or part.disposition.value == "attachment":
        return False
    if part.place == _RELATED and part.position > 0 and part.content_id:
        return False
    return not (part.declared_name and shown and part.place != _ALTERNATIVE)


def _alternative(part: Part) -> Part:
    """The outermost multipart/alternative around a part; the part itself where there is none."""
    outermost, parent = part, part.parent
    while parent is not None:
        if parent.media_type == _ALTERNATIVE:
            outermost = parent
        parent = parent.parent
    return outermost


class _Texts:
    """Decodes text parts, all of them together up to the limit."""

    def __init__(self, raw: bytes, limits: Limits, said: dict[str, None]) -> None:
        self.raw = raw
        self.left = {_HTML: limits.text_part_bytes, _PLAIN: limits.text_part_bytes}
        self.said = said

    def of(self, parts: list[Part]) -> str:
        return _joined([self.text(part) for part in parts])

    def text(self, part: Part) -> str:
        data = _transferred(self.raw, part, self.said)
        decoded = charsets.decode(data, part.content.get("charset"), html=part.media_type == _HTML)
        if decoded.warning:
            self.said[decoded.warning] = None
        text = _plain_lines(decoded.text)
        if len(text) > self.left[part.media_type]:
            self.said[warnings.TEXT_CUT] = None
            text = text[: self.left[part.media_type]]
        self.left[part.media_type] -= len(text)
        if part.media_type == _PLAIN and part.content.get("format").lower() == "flowed":
            return flowed.unwrap(text, delsp=part.content.get("delsp").lower() == "yes")
        return text


def _transferred(raw: bytes, part: Part, said: dict[str, None]) -> bytes:
    found = transfer.decode(raw[part.start : part.end], part.encoding)
    if not found.known:
        said[warnings.TRANSFER_UNKNOWN] = None
    if not found.whole:
        said[warnings.TRANSFER_DAMAGED] = None
    return found.data


def _plain_lines(text: str) -> str:
    if "\r" in text:
        # To drop single characters is faster than to replace pairs, and nearly all returns have a feed.
        text = text.replace("\r", "") if _LONE_RETURN.search(text) is None else _LINE_END.sub("\n", text)
    return text.replace("\0", "") if "\0" in text else text


def _joined(texts: list[str]) -> str:
    texts = [text for text in texts if text and not text.isspace()]
    return texts[0] if len(texts) == 1 else "\n\n".join(text.strip("\n") for text in texts)


def _as_html(plain: str) -> str:
    return f"<pre>{escape(plain, quote=False)}</pre>" if plain.strip() else ""


def described(raw: bytes, part: Part, said: dict[str, None]) -> tuple[Attachment, bytes]:
    """What is said of a part that is attached, and its decoded bytes."""
    data = _transferred(raw, part, said)
    related = part.place == _RELATED and bool(part.content_id) and part.disposition.value != "attachment"
    attachment = Attachment(
        name=file_names.safe(part.declared_name, part.media_type, part.number),
        media_type=part.media_type,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        inline=part.disposition.value == "inline" or related,
        detected=sniffing.media_type_of(data),
    )
    return attachment, data
