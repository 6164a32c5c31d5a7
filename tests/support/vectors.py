"""Attempts on a reader's browser, as mails that put them wherever a sender's words can go."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from tests.support.raw_mail import multipart, part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_T = TypeVar("_T")

FILE = Path(__file__).parents[1] / "web" / "vectors.txt"
WORD = "zebrafish"
"""Stands beside each attempt in a text, for the search."""

_TOGETHER = 60  # attempts in a mail that has many
_NAMED = {"LF": "\n", "CR": "\r", "TAB": "\t", "NUL": "\0", "FF": "\f"}
_TOKEN = re.compile(r"@(JS|HOST|N|LF|CR|TAB|NUL|FF|U\+[0-9A-F]{4})@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Vector:
    """One attempt. When it works, `canary(number)` is called, or `host` is asked."""

    number: int
    way: str
    text: str

    @property
    def host(self) -> str:
        """The host that this attempt alone speaks to."""
        return host_of(self.number)


def host_of(number: int) -> str:
    """Name the host of an attempt, in a domain that cannot exist (RFC 2606)."""
    return f"v{number}.beacon.invalid"


def vectors() -> list[Vector]:
    """Read the attempts."""
    found: list[Vector] = []
    way = ""
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            way = line[3:]
        elif line and not line.startswith("# "):
            found.append(Vector(len(found) + 1, way, _expanded(line, len(found) + 1)))
    return found


def _expanded(line: str, number: int) -> str:
    def meant(match: re.Match[str]) -> str:
        token = match[1]
        if token.startswith("U+"):
            return chr(int(token.replace("U+", "0x"), 0))
        return {"JS": f"canary({number})", "HOST": host_of(number), "N": str(number), **_NAMED}[token]

    return _TOKEN.sub(meant, line)


def mails(attempts: list[Vector]) -> list[bytes]:
    """Put each attempt into a mail of its own, as markup, and all of them into a few, as words."""
    return [_alone(each) for each in attempts] + [
        _together(number, group) for number, group in enumerate(groups(attempts, _TOGETHER))
    ]


def groups(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Cut a sequence into pieces of so many."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def senders_file(attempts: list[Vector]) -> str:
    """Register a sender of each attempt's name, party, country, locality and office, by its domain."""
    entries = []
    for each in attempts:
        words = _CONTROL.sub("", each.text).strip()
        facts = dict.fromkeys(("name", "party", "country", "locality", "office", "kind"), words)
        entries.append({**facts, "slug": f"s{each.number}", "match": {"domains": [_domain(each.number)]}})
    return f"senders: {json.dumps(entries)}\n"


def _alone(each: Vector) -> bytes:
    link = f'<a href="https://example.org/{quote(each.text)}">{html.escape(each.text)}</a>'
    markup = f"<p>{WORD} one</p><p>{link}</p><div>{each.text}</div><p>{WORD} two</p>"
    plain = f"{WORD} one\n\n{each.text}\n\n{WORD} two\n"
    bodies = multipart(
        "alternative",
        part("text/plain; charset=utf-8", plain, "Content-Transfer-Encoding: 8bit"),
        part("text/html; charset=utf-8", markup, "Content-Transfer-Encoding: 8bit"),
        boundary="inner",
    )
    fields = _fields(each.number, each.text)
    return b"\r\n".join(fields) + b"\r\n" + multipart("mixed", bodies, _attachment(each.text))


def _together(number: int, group: Sequence[Vector]) -> bytes:
    """Words that read like markup: escaped in the HTML, as they are in the plain part, names of 60 files."""
    markup = "".join(
        f'<p>{WORD} {html.escape(each.text)}</p><p><a href="https://example.org/{each.number}?q={quote(each.text)}">'
        f"{html.escape(each.text)}</a></p>"
        for each in group
    )
    bodies = multipart(
        "alternative",
        part("text/plain; charset=utf-8", "\n\n".join(each.text for each in group)),
        part("text/html; charset=utf-8", markup),
        boundary="inner",
    )
    fields = _fields(10_000 + number, " ".join(each.text for each in group[:4]))
    parts = (_attachment(each.text) for each in group)
    return b"\r\n".join(fields) + b"\r\n" + multipart("mixed", bodies, *parts)


def _fields(number: int, text: str) -> list[bytes]:
    compact = re.sub(r"[\s<>\x00-\x1f]", "", text)
    lines = (
        f"From: {_word(text)} <x@{_domain(number)}>",
        "To: reader@example.org",
        f"Subject: {_word(text)}",
        f"List-Id: {_word(text)} <{compact}.list.example.org>",
        f"Message-ID: <{number}@example.org>",
        f"X-Mailer: {compact}",
        "Date: Sun, 01 Mar 2026 09:30:00 +0000",
        "MIME-Version: 1.0",
    )
    return [line.encode() for line in lines]


def _attachment(text: str) -> bytes:
    name = quote(text, safe="")
    return part("application/pdf", "x", f"Content-Disposition: attachment; filename*=utf-8''{name}")


def _word(text: str) -> str:
    """Encode a text, whatever is in it, for a header (RFC 2047)."""
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def _domain(number: int) -> str:
    return f"v{number}.example.org"
