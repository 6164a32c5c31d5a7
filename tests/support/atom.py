"""What a feed validator asks of an Atom feed, from RFC 4287, 4151 and 5005."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator

ATOM = "{http://www.w3.org/2005/Atom}"
XML = "{http://www.w3.org/XML/1998/namespace}"

_FEED = frozenset({"title", "id", "updated", "author", "generator", "link", "entry"})
_ENTRY = frozenset({"title", "id", "updated", "published", "author", "link", "summary", "content"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")  # RFC 3339
_TAG = re.compile(r"tag:[a-z0-9._@-]+,\d{4}(-\d\d(-\d\d)?)?:[A-Za-z0-9._~!$&'()*+,;=:@/?%-]+")  # RFC 4151
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def problems(document: str, base: str) -> list[str]:
    """Return what is wrong with a feed that was served at `base`; nothing when it is valid."""
    try:
        root = ET.fromstring(document)  # noqa: S314  (of our own server)
    except ET.ParseError as error:
        return [f"not well-formed: {error}"]
    return list(_feed(root, base)) + [f"control {found!r}" for found in _CONTROL.findall(document)]


def _feed(root: ET.Element, base: str) -> Iterator[str]:
    if root.tag != f"{ATOM}feed":
        yield f"the root is {root.tag}"
    entries = root.findall(f"{ATOM}entry")
    yield from _common(root, "feed", _FEED)
    if root.find(f"{ATOM}author") is None and any(each.find(f"{ATOM}author") is None for each in entries):
        yield "feed: neither it nor each entry has an author (4.1.1)"
    if not _absolute(root.get(f"{XML}base", ""), base):
        yield "feed: xml:base is not absolute"
    relations = [each.get("rel", "alternate") for each in root.findall(f"{ATOM}link")]
    if relations.count("self") != 1:
        yield "feed: one link to itself is due (4.1.1)"
    if relations.count("alternate") != 1:
        yield "feed: one alternate link of a type (4.1.1)"
    yield from _links(root, base)
    names = [each.findtext(f"{ATOM}id") for each in entries]
    if len(set(names)) < len(names):
        yield "an id twice (4.1.1)"
    for entry in entries:
        yield from _entry(entry, base)


def _entry(entry: ET.Element, base: str) -> Iterator[str]:
    yield from _common(entry, "entry", _ENTRY)
    yield from _links(entry, base)
    relations = [each.get("rel", "alternate") for each in entry.findall(f"{ATOM}link")]
    if relations != ["alternate"]:
        yield "entry: one alternate link is due (4.1.2)"
    contents = entry.findall(f"{ATOM}content")
    if len(contents) != 1 or contents[0].get("type") not in {"text", "html"} or len(contents[0]):
        yield "entry: its content is neither text nor html (4.1.3)"
    published = entry.findtext(f"{ATOM}published")
    if published is not None and not _MOMENT.fullmatch(published):
        yield f"entry: published is no moment: {published} (3.3)"


def _common(node: ET.Element, where: str, known: frozenset[str]) -> Iterator[str]:
    for child in node:
        if child.tag.removeprefix(ATOM) not in known:
            yield f"{where}: unknown element {child.tag}"
    for name in ("title", "id", "updated"):
        if len(node.findall(f"{ATOM}{name}")) != 1:
            yield f"{where}: one {name} is due (4.1)"
    title = node.find(f"{ATOM}title")
    if title is not None and (title.get("type") not in {"text", "html"} or not (title.text or "").strip()):
        yield f"{where}: its title is empty, or neither text nor html (3.1)"
    if not _TAG.fullmatch(node.findtext(f"{ATOM}id", "")):
        yield f"{where}: its id is no tag URI (4.2.6)"
    if not _MOMENT.fullmatch(node.findtext(f"{ATOM}updated", "")):
        yield f"{where}: updated is no moment (3.3)"
    for author in node.findall(f"{ATOM}author"):
        if not author.findtext(f"{ATOM}name", "").strip():
            yield f"{where}: an author without a name (3.2.1)"


def _links(node: ET.Element, base: str) -> Iterator[str]:
    for link in node.findall(f"{ATOM}link"):
        if not _absolute(link.get("href", ""), base):
            yield f"a link is not absolute: {link.get('href')}"
        if link.get("type") not in {"text/html", "application/atom+xml"}:
            yield "a link without its type (4.2.7.3)"


def _absolute(address: str, base: str) -> bool:
    return urlsplit(address).scheme in {"http", "https"} and address.startswith(base)
