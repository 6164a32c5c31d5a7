"""An Atom feed (RFC 4287) of a list of newsletters, in pages (RFC 5005).

Feed readers render HTML without any policy of ours, so an entry carries the stored safe HTML, which is free
of remote references by itself, or the clean text where a mail had no HTML.

Ids are tag URIs (RFC 4151): they name the archive and the newsletter, not the address of today, so a reader
does not meet every newsletter again when the archive moves to another port, path or scheme.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPE: Final = "application/atom+xml"

# XML 1.0, section 2.2: what is not among its characters cannot be written at all, not even escaped. The
# controls U+007F to U+009F can, and nobody should: the same section discourages them.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
_NOBODY: Final = "unknown"  # RFC 4287, section 4.1.2: an entry has an author
_NEVER: Final = "1970-01-01T00:00:00Z"  # section 4.1.1: a feed has a date, also one without entries


@dataclass(frozen=True, slots=True)
class Entry:
    """One newsletter in the feed; `html` wins over `text` where there is any."""

    id: str  # a tag URI
    url: str  # absolute
    title: str
    author: str
    updated: str  # UTC, ISO 8601 with Z, which is RFC 3339 as Atom wants it
    summary: str
    html: str
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A page of a feed. All addresses are absolute; `older` is the next page, empty at the end."""

    id: str  # a tag URI
    title: str
    author: str
    page: str  # the same list for people
    address: str  # its own
    first: str
    older: str
    entries: tuple[Entry, ...]


def tag(authority: str, specific: str) -> str:
    """Return a tag URI: `authority` is a domain and a day on which it was its owner's, `example.org,2026`."""
    return f"tag:{authority}:{specific}"


def atom(feed: Feed) -> str:
    """Return the feed document."""
    root = Element("feed", xmlns="http://www.w3.org/2005/Atom")
    root.set("xml:base", feed.page)
    _add(root, "title", feed.title, type="text")
    _add(root, "id", feed.id)
    _add(root, "updated", max((each.updated for each in feed.entries), default=_NEVER))
    _add(SubElement(root, "author"), "name", feed.author)
    _add(root, "generator", "Newsletter Watcher")
    for relation, address, media_type in (
        ("self", feed.address, TYPE),
        ("alternate", feed.page, "text/html"),
        ("first", feed.first, TYPE),
        ("next", feed.older, TYPE),
    ):
        if address:
            _add(root, "link", rel=relation, type=media_type, href=address)
    _extend(root, feed.entries)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode")


def _extend(root: Element, entries: Iterable[Entry]) -> None:
    for entry in entries:
        node = SubElement(root, "entry")
        if entry.language:
            node.set("xml:lang", entry.language)
        _add(node, "title", entry.title or "(no subject)", type="text")
        _add(node, "id", entry.id)
        _add(node, "link", rel="alternate", type="text/html", href=entry.url)
        _add(node, "published", entry.updated)
        _add(node, "updated", entry.updated)
        _add(SubElement(node, "author"), "name", entry.author.strip() or _NOBODY)
        if entry.summary:
            _add(node, "summary", entry.summary, type="text")
        if entry.html:
            _add(node, "content", entry.html, type="html")
        else:
            _add(node, "content", entry.text, type="text")


def _add(parent: Element, name: str, text: str = "", **attributes: str) -> None:
    node = SubElement(parent, name, {key: _NOT_XML.sub("", value) for key, value in attributes.items()})
    if text:
        node.text = _NOT_XML.sub("", text)
