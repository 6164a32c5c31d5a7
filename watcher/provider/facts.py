"""What a header block says about the servers that it came through, reduced to facts that a rule can match.

A fact is authenticated when our own receiver saw it: a domain that SPF or DKIM passed for, the name that DNS
gave the host at the edge. Everything else is a claim.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from watcher.provider.arc import RESULTS_HEADER as SEALED_HEADER
from watcher.provider.rules import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.message import Headers, Message
    from watcher.provider.trust import Receiver, Trail

LONGEST = 8_192
"""Characters of a value that are looked at; no fact stands further in."""

_SIGNER = re.compile(r"(?:^|;)\s*(d|s)\s*=\s*([^;\s]+)", re.IGNORECASE)
_TARGET = re.compile(
    r"https?://(?:[^/@\s>?#]*@)?([a-z0-9][\w.-]*)|mailto:[^@\s>?,]*@([a-z0-9][\w.-]*)", re.IGNORECASE
)
_BRACKETS = re.compile(r"<([^<>]*)>")

RESULTS_HEADER = "Authentication-Results"
FEEDBACK_HEADERS = ("feedback-id", "x-feedback-id")


class Fact(NamedTuple):
    """One thing the header block says. Domains are lower case without the last dot."""

    signal: Signal
    header: str
    value: str
    authenticated: bool


def facts(message: Message, receiver: Receiver, trail: Trail) -> Iterator[Fact]:
    """Collect the facts of a mail; the same one may come more than once."""
    headers = message.headers
    yield from _of_authentication(trail)
    yield from _of_seal(trail)
    yield from _of_received(trail)
    yield from _of_signatures(headers)
    envelope = _domain(headers.first("Return-Path"))
    if envelope:
        yield Fact(Signal.RETURN_PATH_DOMAIN, "Return-Path", envelope, authenticated=False)
    for value in headers.all("Message-ID"):
        domain = _domain(value)
        if domain and not receiver.owns(domain):  # Exchange writes one itself where a mail has none
            yield Fact(Signal.MESSAGE_ID_DOMAIN, "Message-ID", domain, authenticated=False)
    for value in headers.all("List-Unsubscribe"):
        for url_host, mail_host in _TARGET.findall(value[:LONGEST]):
            host = (url_host or mail_host).lower().rstrip(".")
            yield Fact(Signal.LIST_UNSUBSCRIBE_HOST, "List-Unsubscribe", host, authenticated=False)
    for value in headers.all("List-ID"):
        inner = _BRACKETS.search(value)
        list_id = (inner[1] if inner else value).strip(" .").lower()
        yield Fact(Signal.LIST_ID, "List-ID", list_id, authenticated=False)
    if message.author.domain:
        yield Fact(Signal.FROM_DOMAIN, "From", message.author.domain, authenticated=False)


def feedback_ids(headers: Headers) -> Iterator[str]:
    """Every occurrence of Feedback-ID and X-Feedback-ID: the two may name different layers."""
    for name in FEEDBACK_HEADERS:
        for value in headers.all(name):
            yield value[:LONGEST].strip()


def _of_authentication(trail: Trail) -> Iterator[Fact]:
    if trail.authenticated is None:
        return
    for domain in trail.authenticated.envelope_domains:
        yield Fact(Signal.RETURN_PATH_DOMAIN, RESULTS_HEADER, domain, authenticated=True)
    for domain, selector in trail.authenticated.signatures:
        yield Fact(Signal.DKIM_DOMAIN, RESULTS_HEADER, domain, authenticated=True)
        if selector:
            yield Fact(Signal.DKIM_SELECTOR, RESULTS_HEADER, selector, authenticated=True)


def _of_seal(trail: Trail) -> Iterator[Fact]:
    """What a trusted forwarder sealed: better than any claim, but not seen by our own receiver."""
    if trail.sealed is None:
        return
    for domain in trail.sealed.envelope_domains:
        yield Fact(Signal.RETURN_PATH_DOMAIN, SEALED_HEADER, domain, authenticated=False)
    for domain, _selector in trail.sealed.signatures:
        yield Fact(Signal.DKIM_DOMAIN, SEALED_HEADER, domain, authenticated=False)


def _of_received(trail: Trail) -> Iterator[Fact]:
    if trail.seen_name:
        yield Fact(Signal.RECEIVED_HOST, "Received", trail.seen_name, authenticated=True)
    for each in trail.outside:
        for name in each.names:
            if name != trail.seen_name:
                yield Fact(Signal.RECEIVED_HOST, "Received", name, authenticated=False)
        if each.by and each is not trail.edge:
            yield Fact(Signal.RECEIVED_BY, "Received", each.by, authenticated=False)


def _of_signatures(headers: Headers) -> Iterator[Fact]:
    for value in headers.all("DKIM-Signature"):
        for tag, text in _SIGNER.findall(value[:LONGEST]):
            signal = Signal.DKIM_DOMAIN if tag in "dD" else Signal.DKIM_SELECTOR
            yield Fact(signal, "DKIM-Signature", text.lower().rstrip("."), authenticated=False)


def _domain(address: str) -> str:
    return address[:LONGEST].rpartition("@")[2].strip("<>. \t").lower()
