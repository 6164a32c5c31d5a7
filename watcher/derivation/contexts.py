"""What derive() must know about each inbox, made once from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.cleaning import HtmlLimits
from watcher.cleaning.policy import Policy
from watcher.derivation.registered import sender_of
from watcher.message import Limits
from watcher.pipeline import Context
from watcher.provider import Receiver
from watcher.sender import Acceptance, Registered, Registry, normalised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watcher.derivation.protocol import Assignment
    from watcher.settings import Inbox, SenderSettings
    from watcher.settings.values import Limits as Reading


class Contexts:
    """The context of every mail.

    The subscriber's addresses are those of every inbox: mail for one may quote another.
    """

    def __init__(self, given: Assignment) -> None:
        self._inboxes = {inbox.name: inbox for inbox in given.inboxes}
        self._addresses = frozenset(
            address for inbox in self._inboxes.values() for address in _addresses(inbox)
        )
        self._default_policy = Policy(given.links)
        self._index_attachments = given.index_attachments
        self._limits = limits_of(given.reading)
        self._html_limits = html_limits_of(given.reading)
        self.registry = Registry.compile(tuple(_registered(each) for each in given.senders))

    def of(self, inbox: str, received_at: datetime) -> Context:
        """The context of a mail that arrived in `inbox`.

        One that is no longer configured has no trust and no names.
        """
        known = self._inboxes.get(inbox)
        return Context(
            inbox=inbox,
            received_at=received_at,
            policy=Policy(known.links) if known and known.links else self._default_policy,
            addresses=self._addresses,
            names=frozenset(known.redact) if known else frozenset(),
            receiver=_receiver(known) if known else Receiver(),
            registry=self.registry,
            accept=_acceptance(known) if known else Acceptance(),
            limits=self._limits,
            html_limits=self._html_limits,
            index_attachments=self._index_attachments,
        )


def limits_of(reading: Reading) -> Limits:
    """What is looked at of a mail before its HTML is."""
    return Limits(
        header_bytes=reading.header_size,
        header_field_bytes=reading.field_size,
        headers=reading.headers,
        encoded_words=reading.encoded_words,
        addresses=reading.addresses,
        parameters=reading.parameters,
        parts=reading.parts,
        part_header_bytes=reading.part_headers_size,
        depth=reading.depth,
        text_part_bytes=reading.text_size,
    )


def html_limits_of(reading: Reading) -> HtmlLimits:
    """What of the HTML a parser is given."""
    return HtmlLimits(
        characters=reading.html_size,
        tags=reading.tags,
        depth=reading.tag_depth,
        formatting=reading.formatting_depth,
        attributes=reading.attributes,
        roots=reading.roots,
        options=reading.options,
        links=reading.links,
    )


def _addresses(inbox: Inbox) -> Iterator[str]:
    for address in (inbox.username, *inbox.addresses):
        if "@" in address:
            yield address.lower()


def _receiver(inbox: Inbox) -> Receiver:
    return Receiver(inbox.trusted_authserv_id, tuple(inbox.trusted_mx), tuple(inbox.trusted_arc))


def _acceptance(inbox: Inbox) -> Acceptance:
    accept = inbox.accept
    return Acceptance(
        frozenset(normalised("list_ids", each) for each in accept.list_ids),
        frozenset(normalised("domains", each) for each in accept.domains),
        accept.authenticated,
    )


def _registered(settings: SenderSettings) -> Registered:
    return Registered(
        sender=sender_of(settings),
        list_ids=tuple(settings.match.list_ids),
        aliases=tuple(settings.match.aliases),
        accounts=tuple(settings.match.accounts),
        addresses=tuple(settings.match.addresses),
        domains=tuple(settings.match.domains),
    )
