"""derive(raw, context) -> Record: the one place that knows the order of the steps.

Pure: the same bytes, context and rule files give the same record, byte for byte, on any machine. It never
raises:
a mail that cannot be understood becomes a failed record with its reason, and costs its neighbours nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watcher import cleaning, provider, sketch
from watcher.cleaning.identity import Identity
from watcher.cleaning.policy import Policy
from watcher.message import (
    Limits,
    Message,
    Unparseable,
    kind_of,
    parse,
    parse_headers,
    texts_of_contents,
)
from watcher.provider import Receiver
from watcher.record import (
    Attachment,
    Authentication,
    Author,
    Evidence,
    Kind,
    Provider,
    Record,
    Status,
    Tracker,
)
from watcher.sender import Acceptance, Registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watcher.provider import Detection
    from watcher.record import SenderMatch

_STEPS = "4"
"""Raised when the steps themselves change, so that old mail is known to profit from a rebuild."""

PIPELINE_VERSION = f"{_STEPS}-{provider.RULES_VERSION}-{cleaning.RULES_VERSION}"
"""Names the code and the rule files that made a record."""


_AMP = Tracker("amp", "", "amp part")
"""An AMP view loads from its sender whenever it is shown; it never is."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the derivation must know beside the bytes: all of it from the settings and the delivery."""

    inbox: str
    received_at: datetime  # aware; the server's INTERNALDATE
    policy: Policy = Policy.UNWRAP
    addresses: frozenset[str] = frozenset()  # of the subscriber, lower case
    names: frozenset[str] = frozenset()  # by which a sender may greet the subscriber
    receiver: Receiver = field(default_factory=Receiver)
    registry: Registry = field(default_factory=lambda: Registry.compile(()))
    limits: Limits = field(default_factory=Limits)
    html_limits: cleaning.HtmlLimits = field(default_factory=cleaning.HtmlLimits)
    accept: Acceptance = field(default_factory=Acceptance)
    index_attachments: bool = False  # make the text of calendar and plain-text parts searchable


def derive(raw: bytes, context: Context) -> Record:
    """The record of one mail.

    `status` is `FAILED`, with the reason as first warning, when there can be none. Raises `MemoryError`: how
    much memory there is is no property of the mail.
    """
    step = "message"
    message: Message | None = None
    try:
        message = parse(raw, context.limits)
        step = "record"
        return _record(raw, message, context)
    except Unparseable as error:
        return failed(context, error.reason)
    except MemoryError:
        raise
    # The boundary that isolates a mail: whatever a library throws at hostile bytes costs this mail alone.
    # The exception's text may quote the mail, so only its class is kept.
    except Exception as error:  # noqa: BLE001
        return failed(context, f"{step}: the rules stopped with {type(error).__name__}")


def attribute(raw: bytes, context: Context) -> SenderMatch | None:
    """The sender of a mail as `derive` finds it, from its header block alone.

    It costs a fraction of `derive`: for old mail after a change of the registry. Raises `Unparseable`.
    """
    message = parse_headers(raw, context.limits)
    asked = context.registry.by_account or context.receiver.authserv_id
    detection = provider.detect(message, context.receiver) if asked else provider.Detection()
    results = tuple(_authentication(detection, message, context.addresses))
    match = context.registry.match(message, detection.providers, results)
    return _shown(match, _identity(message, context)) if match is not None else None


def identity_of(message: Message, addresses: frozenset[str], names: frozenset[str]) -> Identity:
    """Who must not appear: the inboxes' own `addresses` and `names`, and whom this mail was addressed to.

    A list often writes its own address into To; the author is public and stays.
    """
    addressed = message.recipients - {message.author.address.lower()}
    return Identity.of(addresses | addressed, names)


def failed(context: Context, reason: str) -> Record:
    """The record of a mail that could not be derived; its bytes stay in the vault."""
    return Record(
        inbox=context.inbox,
        received_at=utc_text(context.received_at),
        status=Status.FAILED,
        warnings=(reason,),
        pipeline_version=PIPELINE_VERSION,
    )


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the second: `2026-03-01T09:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record(raw: bytes, message: Message, context: Context) -> Record:
    detection = provider.detect(message, context.receiver)
    results = tuple(_authentication(detection, message, context.addresses))
    refusal = context.accept.refusal(message, results)
    if refusal:
        return replace(failed(context, refusal), status=Status.REFUSED)
    match = context.registry.match(message, detection.providers, results)
    identity = _identity(message, context)
    kind, kind_reason = kind_of(message, platform=detection.bulk, delivery=detection.by_program)
    # The link of a confirmation is a key to the subscription: it stays in the mailbox and the vault.
    policy = Policy.REMOVE if kind is Kind.CONFIRMATION else context.policy
    cleaned = cleaning.clean(message.html, message.plain, identity, policy, context.html_limits)
    spoken = sketch.words(cleaned.text) if kind is Kind.NEWSLETTER else []
    redact = _Redaction(identity, _around_body(message, detection))
    attachments = [_attachment(each, redact) for each in message.attachments]
    if context.index_attachments and attachments:
        texts = _attachment_texts(raw, identity, policy, context.limits)
        attachments = [replace(each, text=text) for each, text in zip(attachments, texts, strict=True)]
    return Record(
        inbox=context.inbox,
        received_at=utc_text(context.received_at),
        kind=kind,
        kind_reason=kind_reason,
        subject=redact(message.subject),
        author=_author(message, redact),
        sent_at=utc_text(message.date) if message.date else None,
        list_id=redact(message.list_id),
        campaign_id=redact(detection.campaign_id),
        sender=_shown(match, identity),
        providers=tuple(_redacted(each, redact) for each in detection.providers),
        authentication=results,
        text=cleaned.text,
        html=cleaned.html,
        plain=cleaned.plain,
        preheader=cleaned.preheader,
        disclaimer=cleaned.disclaimer,
        excerpt=cleaned.excerpt,
        language=cleaned.language,
        words=cleaned.words,
        reading_minutes=cleaned.reading_minutes,
        links=cleaned.links,
        trackers=(*cleaned.trackers, *([_AMP] if message.amp else ())),
        removed=cleaned.removed,
        attachments=tuple(attachments),
        original_from=redact(detection.original_from),
        list_unsubscribe=message.list_unsubscribe,
        redactions=cleaned.redactions + redact.count,
        warnings=(*message.warnings, *cleaned.warnings),
        pipeline_version=PIPELINE_VERSION,
        wording=sketch.fingerprint(" ".join(spoken)),
        sketch=sketch.sketch(spoken),
    )


def _shown(match: SenderMatch | None, identity: Identity) -> SenderMatch | None:
    """The match with a reason that names no reader. Not counted: the reason is no text of the mail."""
    return replace(match, reason=identity.redact(match.reason)[0]) if match is not None else None


def _identity(message: Message, context: Context) -> Identity:
    return identity_of(message, context.addresses, context.names)


def _attachment_texts(raw: bytes, identity: Identity, policy: Policy, limits: Limits) -> Iterator[str]:
    """What can be searched of each attachment, cleaned as a body is; empty where that is nothing."""
    for text in texts_of_contents(raw, limits):
        yield cleaning.clean("", text, identity, policy).plain if text else ""


def _authentication(
    detection: Detection, message: Message, readers: frozenset[str]
) -> Iterator[Authentication]:
    """The receiver's results without the reader's own domain, which a forwarder may stand for in them."""
    private = {address.rpartition("@")[2] for address in readers} - {message.author.domain}
    for each in detection.authentication:
        yield each if each.domain not in private else replace(each, domain="")


class _Redaction:
    """Takes the subscriber out of the fields around the body, and counts.

    Hardly any mail names its reader there, so `expected` are asked all at once; a text that is not among them
    is still looked at by itself.
    """

    def __init__(self, identity: Identity, expected: Iterable[str]) -> None:
        self._identity = identity
        self.count = 0
        texts = frozenset(expected)
        _, found = identity.redact("\n".join(texts))
        self._clean = texts if not found else frozenset()

    def __call__(self, text: str) -> str:
        if text in self._clean:
            return text
        clean, found = self._identity.redact(text)
        self.count += found
        return clean


def _around_body(message: Message, detection: Detection) -> Iterator[str]:
    """The texts that `_record` takes from outside the body."""
    yield from (message.subject, *message.author, message.list_id)
    yield from (detection.campaign_id, detection.original_from)
    for answer in detection.providers:
        yield answer.account
        yield from (fact.value for fact in answer.evidence)
    yield from (each.name for each in message.attachments)


def _author(message: Message, redact: _Redaction) -> Author:
    author = message.author
    return Author(name=redact(author.name), address=redact(author.address), domain=author.domain)


def _redacted(answer: Provider, redact: _Redaction) -> Provider:
    account = redact(answer.account)
    evidence = tuple(_fact(each, redact) for each in answer.evidence)
    if account == answer.account and evidence == answer.evidence:
        return answer
    return replace(answer, account=account, evidence=evidence)


def _fact(fact: Evidence, redact: _Redaction) -> Evidence:
    value = redact(fact.value)
    return fact if value == fact.value else replace(fact, value=value)


def _attachment(attachment: Attachment, redact: _Redaction) -> Attachment:
    name = redact(attachment.name)
    return attachment if name == attachment.name else replace(attachment, name=name)


__all__ = ["PIPELINE_VERSION", "Context", "Kind", "attribute", "derive", "failed", "identity_of", "utc_text"]
