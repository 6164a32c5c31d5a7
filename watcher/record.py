"""What is known about one newsletter: the outcome of `watcher.pipeline.derive`.

Frozen values without behaviour. They travel from the derivation to the store, so they hold text and numbers
only, and nothing in them identifies the subscriber.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of message it is; only a `NEWSLETTER` counts as one in lists and statistics."""

    NEWSLETTER = "newsletter"
    CONFIRMATION = "confirmation"
    TRANSACTIONAL = "transactional"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto-reply"
    PERSONAL = "personal"
    UNKNOWN = "unknown"


class Layer(StrEnum):
    """The question that a provider answers."""

    PLATFORM = "platform"  # who composed it
    DELIVERY = "delivery"  # whose mail server handed it over
    RELAY = "relay"  # who re-sent it between the sender and us
    MAILBOX_HOST = "mailbox_host"  # whose mailbox service it was written at, when no platform was used


class ProviderStatus(StrEnum):
    """How sure a provider is, strongest first."""

    VERIFIED = "verified"  # the configured receiver's own results support it
    ASSERTED = "asserted"  # at least two independent strong matches, claims only
    HINTED = "hinted"  # one strong match
    CONTRADICTED = "contradicted"  # claims that the receiver's own results speak against
    UNKNOWN = "unknown"  # nothing matched


class LinkAction(StrEnum):
    """What was done with a link."""

    KEPT = "kept"  # the same bytes came out
    CLEANED = "cleaned"  # tracking or personal parts were taken off
    UNWRAPPED = "unwrapped"  # a wrapper was opened, offline
    REMOVED = "removed"  # it reads `[link removed]` now


class Status(StrEnum):
    """Whether the mail could be turned into a record."""

    DONE = "done"
    FAILED = "failed"  # the reason is the first of `Record.warnings`; the raw mail stays in the vault
    REFUSED = "refused"  # by what the inbox accepts; likewise, and the store has no row of it


@dataclass(frozen=True, slots=True)
class Author:
    """The header From: display name, address and the address' domain; empty strings where it has none."""

    name: str = ""
    address: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that matched. `value` is the matched part alone, never a recipient's token."""

    signal: str  # header_name, header_value, received_host, dkim_domain, ...
    header: str
    value: str
    rule: str  # id of the row in the fingerprint file
    strength: str = ""  # definitive, strong, weak, unverified
    trust: str = ""  # authenticated (our receiver says so), sealed (a forwarder of ours does), or claimed


@dataclass(frozen=True, slots=True)
class Authentication:
    """One result of our own receiver's checks (RFC 8601), read from its Authentication-Results alone.

    `domain`: whom it is about, SMTP's MAIL FROM for SPF, the signer for DKIM, From for DMARC, the last sealer
    for ARC; empty where the receiver does not say, and where it is the subscriber's own.
    """

    method: str  # spf, dkim, dmarc, arc
    outcome: str  # pass, fail, softfail, neutral, none, temperror, permerror, policy, ...
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """The answer for one layer. `account` is the sender's account at the provider, where a header has it."""

    slug: str
    name: str
    layer: Layer
    status: ProviderStatus
    account: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """A provider that the fingerprint file knows, whether or not any mail came through it."""

    slug: str
    name: str
    layer: Layer
    category: str


@dataclass(frozen=True, slots=True)
class Sender:
    """An organisation or person in the sender registry (senders.yaml)."""

    slug: str
    name: str
    kind: str = ""
    party: str = ""
    country: str = ""
    locality: str = ""
    office: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True)
class SenderMatch:
    """Which registered sender a mail belongs to, and why: `reason` reads `list_id: news.example.org`.

    `unauthenticated`: nothing that our own receiver found speaks for it; anybody could have written the mail.
    """

    slug: str
    reason: str
    unauthenticated: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the body, in document order. `url` is None exactly when `action` is `REMOVED`."""

    position: int  # 1 for the first
    text: str  # anchor text, redacted
    action: LinkAction
    url: str | None
    host: str  # of the clean URL; of the tracker when removed; empty when personal
    role: str  # content, unsubscribe, preferences, view, forward, social, share, confirm, mailto, ...
    rule: str


@dataclass(frozen=True, slots=True)
class Tracker:
    """Something that would have reported the reading: pixel, css, link, font, srcset, filler, ..."""

    kind: str
    host: str
    rule: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A piece of boilerplate that was cut: what it was, the rule that cut it, how many characters went."""

    what: str
    rule: str
    chars: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not a displayed body. `name` is safe as a file name; `sha256`: of the decoded bytes."""

    name: str
    media_type: str  # as declared
    size: int  # bytes, decoded
    sha256: str
    inline: bool = False
    detected: str = ""  # media type, by its bytes
    text: str = ""  # what can be searched of it, where the settings ask for that; cleaned like a body


@dataclass(frozen=True, slots=True)
class Record:
    """One newsletter, derived. Times are UTC, ISO 8601, ending in `Z`; counts are what the lists hold."""

    inbox: str
    received_at: str  # the server's INTERNALDATE: orders everything
    status: Status = Status.DONE
    kind: Kind = Kind.UNKNOWN
    kind_reason: str = ""  # where the sign stood, never what it said: `header List-Id`
    subject: str = ""
    author: Author = Author()
    sent_at: str | None = None  # the sender's Date, never trusted
    list_id: str = ""
    campaign_id: str = ""
    sender: SenderMatch | None = None
    providers: tuple[Provider, ...] = ()
    authentication: tuple[Authentication, ...] = ()  # empty where the inbox trusts no receiver
    text: str = ""  # Markdown-flavoured, cleaned
    html: str = ""  # safe: no script, no remote reference
    plain: str = ""  # the plain part as sent, after redaction and with the links treated
    preheader: str = ""
    disclaimer: str = ""  # "Paid for by ...": kept apart, never lost
    excerpt: str = ""
    language: str = ""  # ISO 639-1, empty when unsure
    words: int = 0
    reading_minutes: int = 0
    links: tuple[Link, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    removed: tuple[Removed, ...] = ()
    redactions: int = 0  # how often the subscriber was taken out
    attachments: tuple[Attachment, ...] = ()
    original_from: str = ""  # the author before a relay rewrote From
    list_unsubscribe: str = ""  # any of `http mailto one-click`, space separated; never the address itself
    warnings: tuple[str, ...] = ()
    pipeline_version: str = ""
    wording: int = 0  # fingerprint of the words, and their sketch: by these, copies of a mailing are found
    sketch: bytes = b""
