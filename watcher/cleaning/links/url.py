"""Taking a URL apart without changing a byte of it, and refusing what disguises where it leads.

`urllib.parse` raises on some real URLs, normalises others, and accepts what a browser reads differently. Here
a URL either has the plain shape of RFC 3986's `http(s)://authority/path?query#fragment` or it is refused.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import NamedTuple

MAX_LENGTH = 16_384  # characters; what is longer is a token, not an address
_MAX_FIELDS = 512  # of a query; no newsletter link has a tenth of that

# All of it visible ASCII: `[!"$->@-~]` is that without `?` and `#`.
_PLAIN = re.compile(
    r"""([Hh][Tt][Tt][Pp][Ss]?://([A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)+)(/[!"$->@-~]*)?)"""
    r"""(?:\?([!"$-~]*))?(?:#([!-~]*))?"""
)
_GENERAL = re.compile(r"(https?://([^/?#\\]*)(/[^?#]*)?)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\s\[\]@:%<>\"{}|^`*()!$&',;=+]+)(?::(\d{0,5}))?", re.IGNORECASE)
# Controls, the bidirectional marks of UAX 9, line separators, tags, surrogates and other non-characters.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_DELETED = str.maketrans("", "", "\t\r\n")  # as the WHATWG URL standard does inside a URL
_OUTSIDE = "".join(map(chr, range(33)))  # white space and controls around a URL

_WEB_ARCHIVES = re.compile(r"/web/\d{4,14}(?:[a-z]{2}_)?/")
_ARCHIVE_TODAY = frozenset(
    {"archive.ph", "archive.today", "archive.is", "archive.li", "archive.vn", "archive.fo", "archive.md"}
)


class Url(NamedTuple):
    """A web address in pieces; `base` + `?query` + `#fragment` is the URL byte for byte."""

    base: str  # scheme, authority and path, as written
    host: str  # lower case, no port, no trailing dot
    path: str  # as written: empty or starting with `/`
    query: str | None  # without `?`; None when there is no `?`
    fragment: str | None

    @property
    def text(self) -> str:
        """The URL."""
        text = self.base
        if self.query is not None:
            text += "?" + self.query
        if self.fragment is not None:
            text += "#" + self.fragment
        return text

    @property
    def subject(self) -> str:
        """What rules are matched on: host, path and query."""
        path = self.path or "/"
        return f"{self.host}{path}" if self.query is None else f"{self.host}{path}?{self.query}"


def trimmed(text: str) -> str:
    """Trim as a browser does; complete `//host` and `www.host` to https."""
    text = text.strip(_OUTSIDE)
    if "\t" in text or "\n" in text or "\r" in text:
        text = text.translate(_DELETED)
    if text.startswith("//"):
        return "https:" + text
    if text[:4].lower() == "www.":
        return "https://" + text
    return text


def parse(text: str) -> Url | None:
    """Take a trimmed http(s) URL apart; None when it is malformed or disguises its host."""
    if len(text) > MAX_LENGTH:
        return None
    match = _PLAIN.fullmatch(text)
    if match is None:
        return _parse_unusual(text)
    base, host, path, query, fragment = match.groups()
    host = host.lower()
    if "xn--" in host:
        return _parse_unusual(text)
    if query and query.count("&") >= _MAX_FIELDS:
        return None
    return Url(base, host, path or "", query, fragment)


def _parse_unusual(text: str) -> Url | None:
    """Take a URL apart that has a port, an IP literal, an international host, or characters beyond ASCII."""
    match = _GENERAL.fullmatch(text) if is_harmless(text) else None
    if match is None:
        return None
    base, authority, path, query, fragment = match.groups()
    host = _host(authority)
    if host is None or (query and query.count("&") >= _MAX_FIELDS):
        return None
    return Url(base, host, path or "", query, fragment)


def is_harmless(text: str) -> bool:
    """Whether the text is of bearable length and free of control and bidirectional characters."""
    return len(text) <= MAX_LENGTH and ((text.isascii() and text.isprintable()) or not _UNSAFE.search(text))


def is_archived(url: Url) -> bool:
    """Whether the rest of the URL is the name of an archived page, to be neither opened nor shortened."""
    if url.host == "web.archive.org":
        return _WEB_ARCHIVES.match(url.path) is not None
    return url.host in _ARCHIVE_TODAY and len(url.path) > 1


def _host(authority: str) -> str | None:
    match = _AUTHORITY.fullmatch(authority)
    if match is None or int(match[2] or 0) > 65_535:  # RFC 6335
        return None
    host = match[1].lower()
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return None
        return host
    host = host.removesuffix(".")
    labels = host.split(".")
    return host if host and all(map(_is_honest, labels)) else None


def _is_honest(label: str) -> bool:
    """Whether a label of a host reads as what it is: not empty, no letter borrowed from another script."""
    if label.startswith("xn--"):
        try:
            label = label[4:].encode("ascii").decode("punycode") if len(label) < 64 else ""  # RFC 1035
        except (UnicodeError, IndexError, OverflowError):
            return False
    if not label or len(label) > 255:
        return False
    if label.isascii():
        return True
    if unicodedata.normalize("NFKC", label) != unicodedata.normalize("NFC", label):
        return False  # full-width and mathematical letters
    scripts = {
        unicodedata.name(character, "").partition(" ")[0] for character in label if character.isalpha()
    }
    return not (
        "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"}
    )
