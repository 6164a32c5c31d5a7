"""What sort of message a mail is, by clear signs alone: rows of `kinds.csv`, asked in a fixed order.

A sign is a header field, or a phrase in the subject or at the start of the body. The reason that goes with
the answer names where the sign stood and never what it said.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from watcher.record import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watcher.message.model import Message

_LONGEST = 2_048
"""Characters of a value that are looked at."""

_START = 1_500
"""Characters of the body in which a confirmation asks for its click."""

_HIDDEN = re.compile(
    r"<(style|script|title|head)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*+>", re.DOTALL | re.IGNORECASE
)
_HTML_START = 20_000
_NULL_PATHS = frozenset({"<>", "<null>", "null"})
_POSTMASTERS = ("postmaster@", "mailer-daemon@", "mdaemon@")
_BULK = "bulk"


@dataclass(frozen=True, slots=True)
class _Signs:
    """The signs of one kind, compiled."""

    headers: Mapping[str, re.Pattern[str]]
    subject: re.Pattern[str] | None
    text: re.Pattern[str] | None  # subject or start of the body
    stems: frozenset[str]  # lower case; `text` fits nothing that holds none of them

    def in_headers(self, message: Message) -> str:
        """Name the first header field that is a sign; empty when none is."""
        for name, pattern in self.headers.items():
            if name in message.headers and any(
                pattern.search(value[:_LONGEST]) for value in message.headers.all(name)
            ):
                return name
        return ""

    def in_subject(self, message: Message) -> bool:
        """Whether the subject holds one of the phrases."""
        subject = message.subject[:_LONGEST]
        return any(pattern is not None and pattern.search(subject) for pattern in (self.subject, self.text))

    def in_text(self, message: Message) -> bool:
        """Whether the body begins with one of the phrases that also count there."""
        if self.text is None:
            return False
        text = _beginning(message)
        low = text.lower()  # to look for a dozen stems takes a tenth of the time of the search
        return any(stem in low for stem in self.stems) and self.text.search(text) is not None


def _load() -> dict[str, _Signs]:
    table = resources.files(__package__).joinpath("kinds.csv").read_text(encoding="utf-8")
    patterns: defaultdict[str, defaultdict[tuple[str, str], list[str]]] = defaultdict(
        lambda: defaultdict(list)
    )
    stems: defaultdict[str, set[str]] = defaultdict(set)
    for row in csv.DictReader(table.splitlines()):
        patterns[row["kind"]][row["where"], row["name"]].append(f"(?:{row['pattern']})")
        stems[row["kind"]].update(row["stems"].split())
    return {kind: _compiled(found, stems[kind]) for kind, found in patterns.items()}


def _compiled(found: Mapping[tuple[str, str], list[str]], stems: Iterable[str]) -> _Signs:
    regexes = {key: re.compile("|".join(each), re.IGNORECASE | re.DOTALL) for key, each in found.items()}
    return _Signs(
        headers={name: regex for (where, name), regex in regexes.items() if where == "header"},
        subject=regexes.get(("subject", "")),
        text=regexes.get(("text", "")),
        stems=frozenset(stems),
    )


_SIGNS = _load()


def kind_of(message: Message, *, platform: bool, delivery: bool = False) -> tuple[Kind, str]:
    """The kind and its reason, such as `header List-Id`.

    `platform`: a bulk platform was recognised. `delivery`: a service that programs send by was.

    Reports and automatic answers come first, for they carry the headers of what they answer; a request to
    confirm before a newsletter, for it comes through the same platform.
    """
    return (
        _bounce(message)
        or _answer(message)
        or _confirmation(message)
        or _transaction(message)
        or _newsletter(message, platform=platform)
        or (None if delivery else _personal(message))
        or (Kind.UNKNOWN, "no sign")
    )


def _by_header(kind: Kind, message: Message) -> tuple[Kind, str] | None:
    name = _SIGNS[kind].in_headers(message)
    return (kind, f"header {name}") if name else None


def _bounce(message: Message) -> tuple[Kind, str] | None:
    path = message.headers.first("Return-Path").replace(" ", "").lower()
    if path in _NULL_PATHS and message.author.address.lower().startswith(_POSTMASTERS):
        return Kind.BOUNCE, "header Return-Path"
    return _by_header(Kind.BOUNCE, message)


def _answer(message: Message) -> tuple[Kind, str] | None:
    found = _by_header(Kind.AUTO_REPLY, message)
    if found is None and not _offers_leaving(message) and _SIGNS[Kind.AUTO_REPLY].in_subject(message):
        return Kind.AUTO_REPLY, "header Subject"
    return found


def _confirmation(message: Message) -> tuple[Kind, str] | None:
    signs = _SIGNS[Kind.CONFIRMATION]
    if signs.in_subject(message):
        return Kind.CONFIRMATION, "header Subject"
    # Whoever can already unsubscribe has confirmed: the phrase is a footer's or the news themselves.
    if not _offers_leaving(message) and signs.in_text(message):
        return Kind.CONFIRMATION, "start of the body"
    return None


def _transaction(message: Message) -> tuple[Kind, str] | None:
    found = _by_header(Kind.TRANSACTIONAL, message)
    if found is None and not _offers_leaving(message) and _SIGNS[Kind.TRANSACTIONAL].in_subject(message):
        return Kind.TRANSACTIONAL, "header Subject"
    return found


def _newsletter(message: Message, *, platform: bool) -> tuple[Kind, str] | None:
    return _by_header(Kind.NEWSLETTER, message) or ((Kind.NEWSLETTER, "platform") if platform else None)


def _personal(message: Message) -> tuple[Kind, str] | None:
    """One author writes to one address, and no program shows."""
    alone = len(message.to) == 1 and "Cc" not in message.headers
    if alone and message.author.address and not _SIGNS[_BULK].in_headers(message):
        return Kind.PERSONAL, "header To"
    return None


def _offers_leaving(message: Message) -> bool:
    return "List-Unsubscribe" in message.headers


def _beginning(message: Message) -> str:
    if message.plain and not message.plain.isspace():
        text = message.plain[: 2 * _START]
    else:
        text = _HIDDEN.sub(" ", message.html[:_HTML_START])
    return " ".join(text.split())[:_START]
