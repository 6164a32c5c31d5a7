"""Received header fields (RFC 5321 section 4.4): who handed the mail to whom.

Only two things in such a line were seen by the server that wrote it: the address of the peer and what DNS
calls that address. The name that the peer gave itself (HELO) is a claim. Which of the names is which differs:

- Postfix, Gmail, Sendmail: `from HELO (rDNS [address])`
- Exim: `from rDNS ([address] helo=HELO)`
- qmail: `from rDNS (HELO name) (address)`
- Exchange: `from HELO (address)`
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LONGEST = 2_000
"""Characters that are looked at; a line written by a server is far shorter."""

_COMMENT = r"\((?:[^()]|\([^()]*\))*\)"
_FROM = re.compile(rf"\s*from\s+(?P<name>[^\s()]+)\s*(?P<comments>(?:{_COMMENT}\s*)*)", re.IGNORECASE)
_BY = re.compile(r"by\s+([^\s();]+)", re.IGNORECASE)
_LATER_BY = re.compile(r"\sby\s+([^\s();]+)", re.IGNORECASE)
_FIRST_COMMENT = re.compile(_COMMENT)
_NAMED = re.compile(r"\((?:[^\s@]+@)?([\w.-]+?)\.?\s+\[")
_HELO = re.compile(r"\b(?:helo|ehlo)[=\s]+([\w.-]+)", re.IGNORECASE)
_HOST = re.compile(r"(?=.*[a-z])[\w-]+(?:\.[\w-]+)*")
_ADDRESS = re.compile(
    r"\[(?:IPv6:)?([0-9a-f.:]+)(?:%\w+)?\]|\b((?:\d+\.){3}\d+)|(?<![\w.])([0-9a-f]*:[0-9a-f.:]+)",
    re.IGNORECASE,
)
_INTERNAL = re.compile(
    r"127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\."  # RFC 1122, 1918, 3927
    r"|::1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:"  # RFC 4291, 4193
    r"|2002:(?:0?a[0-9a-f]{2}|7f[0-9a-f]{2}|c0a8|ac1[0-9a-f]):",  # 6to4 of such an IPv4 address, RFC 3056
    re.IGNORECASE,
)


class Hop(NamedTuple):
    """One handover. Host names are lower case without the last dot; empty when the line does not say."""

    position: int  # index of the field in the header block; smaller is later
    peer: str  # what stands after `from`; empty when the line tells of no other host
    comments: str  # what stands in brackets behind it
    helo: str  # what the peer called itself
    rdns: str  # what DNS called the peer, as the writer of the line saw it
    by: str
    lmtp: bool  # RFC 2033: spoken only between servers of one site

    @property
    def names(self) -> tuple[str, ...]:
        """The peer's names without doubles, the seen one first."""
        if self.rdns == self.helo:
            return (self.rdns,) if self.rdns else ()
        return tuple(filter(None, (self.rdns, self.helo)))

    @property
    def address(self) -> str:
        """The peer's address; empty when the line does not say."""
        found = _ADDRESS.search(self.comments) or _ADDRESS.search(self.peer)
        return (found[1] or found[2] or found[3]) if found else ""


def hop(position: int, value: str) -> Hop:
    """Read one line; what cannot be read stays empty."""
    line = value[:_LONGEST]
    start = _FROM.match(line)
    rest = line[start.end() :] if start else line.lstrip()
    taken = _BY.match(rest) or _LATER_BY.search(rest)
    by = taken[1].lower().rstrip(".") if taken else ""
    lmtp = "with lmtp" in rest.lower()
    if start is None:
        return Hop(position, "", "", "", "", by, lmtp)
    peer, comments = start["name"], start["comments"]
    return Hop(position, peer, comments, *_names(peer, comments), by, lmtp)


def _names(peer: str, comments: str) -> tuple[str, str]:
    """Tell (HELO, rDNS) of the peer apart; only the first comment is about it."""
    found = _FIRST_COMMENT.match(comments)
    comment = found[0] if found else ""
    claimed = _HELO.search(comment)
    if claimed is not None:
        return _host(claimed[1]), _host(peer)
    named = _NAMED.match(comment)
    seen = _host(named[1]) if named is not None and "may be forged" not in comment else ""
    return _host(peer), seen


def _host(text: str) -> str:
    """Normalise a host name; empty for an address, for `unknown` and for anything else."""
    name = text.rstrip(".").lower()
    return name if name != "unknown" and _HOST.fullmatch(name) else ""


def is_internal(address: str) -> bool:
    """Whether no host of the public Internet can have this address."""
    return _INTERNAL.match(address) is not None
