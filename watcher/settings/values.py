"""The settings as the rest of the watcher sees them: frozen, typed, checked, every path absolute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from watcher.settings.secrets import SecretRef


class Security(StrEnum):
    """How the connection to the server is protected."""

    TLS = "tls"  # from the first byte, port 993 (RFC 8314, section 3.2)
    STARTTLS = "starttls"  # after the greeting, port 143; refused when the server does not offer it
    NONE = "none"  # not at all, port 143


class After(StrEnum):
    """What happens to a mail in the mailbox once its bytes are in the vault."""

    LEAVE = "leave"  # nothing: the folder is opened read-only
    SEEN = "seen"  # it gets the flag \\Seen
    MOVE = "move"  # it goes to the folder `move_to`


class Links(StrEnum):
    """How far links survive the cleaning."""

    UNWRAP = "unwrap"
    REMOVE = "remove"
    KEEP = "keep"


class Attachments(StrEnum):
    """What is made of attachments in the archive. Their bytes stay in the vault in any case."""

    LIST = "list"  # name, media type, size
    INDEX = "index"  # and the text of calendar and plain-text parts can be searched


class Images(StrEnum):
    """What is done about pictures that a mail would load from its sender."""

    REFUSE = "refuse"  # nothing; screenshots show boxes
    FETCH = "fetch"  # they are asked for once, when the mail arrives


class OAuthProvider(StrEnum):
    """Who issues the tokens to log in with."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    OTHER = "other"  # whose endpoints and scope are in the settings


@dataclass(frozen=True, slots=True)
class OAuth:
    """Login with a token in place of a password. What is empty was not written: the provider's own holds."""

    provider: OAuthProvider
    client_id: str
    client_secret: SecretRef | None
    tenant: str
    scope: str  # separated by spaces
    authorization_endpoint: str
    device_endpoint: str
    token_endpoint: str
    token_file: Path


@dataclass(frozen=True, slots=True)
class Store:
    """Where the three databases are."""

    newsletters: Path
    vault: Path
    media: Path


@dataclass(frozen=True, slots=True)
class Accept:
    """Which mail comes into the archive, all in lower case; without anything, all of it."""

    list_ids: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Inbox:
    """One mailbox account to watch. Exactly one of `password` and `oauth` is there."""

    name: str
    host: str
    port: int
    security: Security
    insecure: bool  # `security: none` to another machine was insisted on
    username: str
    password: SecretRef | None
    oauth: OAuth | None
    cafile: Path | None
    folders: tuple[str, ...]
    every: timedelta
    after: After
    move_to: str  # empty unless `after` is MOVE
    since: date | None
    max_message: int  # bytes
    trusted_authserv_id: str  # empty: no Authentication-Results are trusted; "-": the receiver writes none
    trusted_mx: tuple[str, ...]
    trusted_arc: tuple[str, ...]  # domains, lower case
    links: Links | None  # None: as in `Settings.links`
    redact: tuple[str, ...]
    addresses: tuple[str, ...]  # lower case, beside `username`
    preserve_dkim: bool = False  # keep the keys of signatures: this asks DNS
    accept: Accept = Accept()
    images: Images = Images.REFUSE  # of newsletters: to fetch them asks their senders


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What tells a monitor that a round went well: exactly one of the two is there."""

    command: tuple[str, ...] = ()
    url: str = ""  # may hold a token: never shown, never logged


@dataclass(frozen=True, slots=True)
class Backup:
    """Where the nightly copies go, and how many stay."""

    directory: Path
    keep: int
    media: bool = True  # with media.db, where there is one


class DnsServer(NamedTuple):
    """A resolver to ask."""

    address: str  # IPv4 or IPv6
    port: int


@dataclass(frozen=True, slots=True)
class Workers:
    """What a process that derives mail may take."""

    deadline: timedelta = timedelta(seconds=10)  # for one mail
    memory: int = 512_000_000  # bytes of address space


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a mail is looked at. Sizes in bytes, but `html_size`: in characters."""

    header_size: int = 262_144
    field_size: int = 65_536
    headers: int = 1_000
    encoded_words: int = 500
    addresses: int = 1_000
    parameters: int = 100
    parts: int = 500
    part_headers_size: int = 1_048_576
    depth: int = 50
    text_size: int = 10_000_000
    html_size: int = 5_000_000
    tags: int = 100_000
    tag_depth: int = 1_000
    formatting_depth: int = 200
    attributes: int = 256
    roots: int = 200
    options: int = 1_000
    links: int = 2_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What inboxes.yaml says. `path` is that file; `senders` is None when there is no senders.yaml."""

    path: Path
    store: Store
    links: Links
    max_message: int  # bytes
    senders: Path | None
    inboxes: tuple[Inbox, ...]
    dns_server: DnsServer | None = None  # None: the system's
    backup: Backup | None = None
    metrics_file: Path | None = None
    metrics_listen: tuple[str, int] | None = None  # loopback host and port
    heartbeat: Heartbeat | None = None
    workers: Workers = Workers()
    limits: Limits = Limits()
    attachments: Attachments = Attachments.LIST


@dataclass(frozen=True, slots=True)
class Match:
    """What a sender's mail is known by; in lower case, but for account ids."""

    list_ids: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()  # `provider:account`
    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """One entry of senders.yaml. `source` says where its facts come from."""

    slug: str
    name: str
    kind: str = ""
    party: str = ""
    country: str = ""
    locality: str = ""
    office: str = ""
    website: str = ""
    source: str = ""
    match: Match = Match()
