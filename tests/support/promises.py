"""What holds for the record of any bytes at all: the fuzzers and Hypothesis look for bytes that break it."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from watcher.cleaning.elements import ATTRIBUTES, KINDS
from watcher.pipeline import Context
from watcher.record import LinkAction, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.record import Record

READER = "hidden.reader@example.org"
"""The subscriber of `CONTEXT`; what no record names."""

CONTEXT = Context("test", datetime(2026, 3, 1, tzinfo=UTC), addresses=frozenset({READER}))

_TAGS = {kind.name for kind in KINDS.values()} - {""} | {"a", "br", "hr"}
_HREF = re.compile(r"(?:https?://|mailto:|tel:|sms:)", re.IGNORECASE)
_LOADS = re.compile(r"url\s*\(|image-set|expression|@import|\\", re.IGNORECASE)
_RULES_STOPPED = "the rules stopped with"


class BrokenPromiseError(AssertionError):
    """A record that must not be; the message says which promise it breaks."""


def keep(record: Record) -> None:
    """Raise `BrokenPromiseError` for the first promise that a record breaks."""
    if record.status is Status.FAILED and _RULES_STOPPED in record.warnings[0]:
        raise BrokenPromiseError(record.warnings[0])
    for place, text in _texts("record", asdict(record)):
        if not _storable(text):
            raise BrokenPromiseError(f"{place} cannot be stored")
        if READER in text.lower():
            raise BrokenPromiseError(f"{place} names the reader")
    for each in record.attachments:
        if not each.name or {"/", "\\", "\0"} & set(each.name) or each.name.strip(".") == "":
            raise BrokenPromiseError("a file name leaves its folder")
    for link in record.links:
        if (link.url is None) != (link.action is LinkAction.REMOVED):
            raise BrokenPromiseError("a removed link has a URL")
        if link.url and urlsplit(link.url).scheme.lower() not in {"http", "https", "mailto", "tel", "sms"}:
            raise BrokenPromiseError("a link has a scheme that acts")
    keep_html(record.html)


def keep_html(safe: str) -> None:
    """Raise `BrokenPromiseError` when another parser finds in the safe HTML what may load or act."""
    audit = _Audit()
    audit.feed(safe)
    audit.close()
    if audit.found:
        raise BrokenPromiseError(f"the safe HTML has {audit.found[0]}")


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _texts(f"{place}.{key}", below)
    elif isinstance(value, (list, tuple)):
        for below in value:
            yield from _texts(place, below)


class _Audit(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.found.append(f"the element {tag}")
        for name, value in attrs:
            if name == "href":
                if not _HREF.match(value or ""):
                    self.found.append("an href that is no address")
            elif name not in {*ATTRIBUTES, "style", "rel"}:
                self.found.append(f"the attribute {name}")
            elif name == "style" and _LOADS.search(value or ""):
                self.found.append("a style that loads")

    def handle_comment(self, data: str) -> None:
        self.found.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.found.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.found.append("an instruction")

    def unknown_decl(self, data: str) -> None:
        self.found.append("an unknown declaration")
