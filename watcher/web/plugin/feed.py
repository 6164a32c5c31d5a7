"""An Atom feed (RFC 4287) of the newest newsletters.

Feed readers render HTML without any policy of ours, so an entry carries the stored safe HTML, which is free
of remote references by itself, or the clean text where a mail had no HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable

# XML 1.0, section 2.2: what is not among its characters cannot be written at all, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One newsletter in the feed; `html` wins over `text` where there is any."""

    url: str
    title: str
    author: str
    updated: str  # UTC, ISO 8601 with Z, which is RFC 3339 as Atom wants it
    summary: str
    html: str
    text: str


def atom(title: str, page: str, feed: str, entries: Iterable[Entry]) -> str:
    """Return the feed document; `page` and `feed` are absolute URLs of the list and of the feed itself."""
    newest = list(entries)
    root = Element("feed", xmlns="http://www.w3.org/2005/Atom")
    _add(root, "title", title)
    _add(root, "id", feed)
    _add(root, "updated", newest[0].updated if newest else "1970-01-01T00:00:00Z")
    _add(root, "link", rel="self", type="application/atom+xml", href=feed)
    _add(root, "link", rel="alternate", type="text/html", href=page)
    for entry in newest:
        _append(root, entry)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode")


def _append(root: Element, entry: Entry) -> None:
    node = SubElement(root, "entry")
    _add(node, "title", entry.title or "(no subject)")
    _add(node, "id", entry.url)
    _add(node, "link", rel="alternate", type="text/html", href=entry.url)
    _add(node, "updated", entry.updated)
    _add(SubElement(node, "author"), "name", entry.author or "unknown")
    _add(node, "summary", entry.summary, type="text")
    if entry.html:
        _add(node, "content", entry.html, type="html")
    else:
        _add(node, "content", entry.text, type="text")


def _add(parent: Element, tag: str, text: str = "", **attributes: str) -> None:
    node = SubElement(parent, tag, {name: _NOT_XML.sub("", value) for name, value in attributes.items()})
    if text:
        node.text = _NOT_XML.sub("", text)
