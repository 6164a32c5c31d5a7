"""Authentication-Results (RFC 8601): what a receiver found when it checked SPF, DKIM, DMARC and ARC."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from watcher.record import Authentication

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LONGEST = 16_384
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[()]')
_METHOD = re.compile(r"\s*([a-z][\w-]*)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
# A quoted string that is no property's value is a reason: skipped whole, whatever it says.
_PROPERTY = re.compile(rf"\b([a-z]+)\s*\.\s*([a-z][\w-]*)\s*=\s*({_QUOTED}|[^\s;]+)|{_QUOTED}", re.IGNORECASE)

_HOST = re.compile(r"[^\s@\"'<>(),;:=/]+\.[^\s@\"'<>(),;:=/]+")  # `none` and `unknown` are no domains
_ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "spf": ("smtp.mailfrom", "smtp.mail", "smtp.helo"),
    "dkim": ("header.d", "header.i"),
    "dmarc": ("header.from",),
    "arc": (),
}
"""The methods that are kept, and the properties that name the domain a result is about (RFC 8601, 2.7)."""


class Result(NamedTuple):
    """One method and what came out, with its properties by `type.name`: `header.d`, `smtp.mailfrom`."""

    method: str
    outcome: str
    properties: Mapping[str, str]


class Results(NamedTuple):
    """One field. `authserv_id` is empty where the receiver writes none, as Exchange Online does."""

    authserv_id: str
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Authenticated:
    """What our own receiver vouches for, domains in lower case."""

    envelope_domains: tuple[str, ...] = ()  # SPF passed for them
    signatures: tuple[tuple[str, str], ...] = ()  # (domain, selector or empty) of each DKIM pass
    outcomes: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by method

    @classmethod
    def by(cls, fields: Iterable[Results]) -> Authenticated:
        """Sum up the fields that are our receiver's own."""
        domains: dict[str, None] = {}
        signatures: dict[tuple[str, str], None] = {}
        outcomes: dict[str, frozenset[str]] = {}
        for result in (each for one in fields for each in one.results):
            outcomes[result.method] = outcomes.get(result.method, frozenset()) | {result.outcome}
            if result.outcome != "pass":
                continue
            if result.method == "spf":
                domains[_domain(result.properties.get("smtp.mailfrom", ""))] = None
            elif result.method == "dkim":
                signer = result.properties.get("header.d") or result.properties.get("header.i", "")
                signatures[_domain(signer), result.properties.get("header.s", "").lower()] = None
        return cls(tuple(filter(None, domains)), tuple(each for each in signatures if each[0]), outcomes)

    def refuses(self, *, signed: bool) -> bool:
        """Whether the receiver says that neither SPF nor DKIM passes. Silence and a DNS error say nothing.

        `signed`: the mail has a DKIM signature, so a receiver that does not mention DKIM did not look.
        """
        spf, dkim = self.outcomes.get("spf", frozenset()), self.outcomes.get("dkim", frozenset())
        if "pass" in spf | dkim | self.outcomes.get("dmarc", frozenset()):
            return False
        if "temperror" in spf | dkim:
            return False
        return bool(spf) and (bool(dkim) or not signed)


def checks(fields: Iterable[Results], sealer: str = "") -> Iterator[Authentication]:
    """List what a receiver found about SPF, DKIM, DMARC and ARC, each result once, in the fields' order.

    Only domains are kept: the local part of MAIL FROM often names the recipient. `sealer`: the domain that
    sealed the chain which an `arc` result is about.
    """
    found = (
        Authentication(result.method, result.outcome, sealer if result.method == "arc" else _about(result))
        for one in fields
        for result in one.results
        if result.method in _ABOUT
    )
    yield from dict.fromkeys(found)


def _about(result: Result) -> str:
    said = next(filter(None, map(result.properties.get, _ABOUT[result.method])), "")
    domain = _domain(said)
    return domain if _HOST.fullmatch(domain) else ""


def parse(value: str) -> Results:
    """Read one field value, unfolded. What is not understood is left out."""
    head, *parts = _without_comments(value[:_LONGEST]).split(";")
    words = head.split()
    authserv_id = ""
    if words and "=" not in head:
        authserv_id = words[0].strip('"').lower()
    else:
        parts.insert(0, head)
    return Results(authserv_id, tuple(_results(parts)))


def _results(parts: Iterable[str]) -> Iterable[Result]:
    for part in parts:
        method = _METHOD.match(part)
        if method is not None:
            found = _PROPERTY.findall(part, method.end())
            properties = {
                f"{kind}.{name}".lower(): text.strip('"') for kind, name, text in reversed(found) if kind
            }
            yield Result(method[1].lower(), method[2].lower(), properties)


def _without_comments(value: str) -> str:
    """Drop comments, which nest and may hold semicolons (RFC 5322 section 3.2.2)."""
    kept, depth, start = [], 0, 0
    for token in _TOKEN.finditer(value):
        text = token[0]
        if text == "(":
            if depth == 0:
                kept.append(value[start : token.start()])
            depth += 1
        elif text == ")" and depth:
            depth -= 1
            start = token.end()
        elif depth == 0 and text[0] == '"':
            kept.append(value[start : token.start()] + text.replace(";", " "))
            start = token.end()
    if depth == 0:
        kept.append(value[start:])
    return " ".join(kept)


def _domain(text: str) -> str:
    return text.rpartition("@")[2].strip("<>. ").lower()
