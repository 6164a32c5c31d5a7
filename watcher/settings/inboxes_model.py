"""The shape of inboxes.yaml: every key with what it is for.

Nothing here is kept: `loading` turns a valid model into the values of `values`. Rules that look at more than
one key of an inbox are validators of the later key, so that pydantic reports them with everything else.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from watcher.settings import fields
from watcher.settings.fields import invalid
from watcher.settings.limits_model import Limits
from watcher.settings.model import Model, nothing_is_an_empty_list
from watcher.settings.oauth_model import OAuth  # noqa: TC001  # pydantic reads it
from watcher.settings.outside_model import Backup, Heartbeat, Listen  # noqa: TC001  # pydantic reads them
from watcher.settings.secret_model import REFERENCES, Secret, one_reference
from watcher.settings.values import After, Attachments, Images, Links, Security
from watcher.settings.workers_model import Workers


class Accept(Model):
    """Which mail comes into the archive. The vault keeps all of it."""

    list_ids: tuple[fields.ListId, ...] = Field(
        (), description="Mail with one of these in List-Id, inside <>.", examples=[["news.example.org"]]
    )
    domains: tuple[fields.Domain, ...] = Field(
        (), description="Mail with From at one of these, or below.", examples=[["example.org"]]
    )
    authenticated: fields.Boolean = Field(
        False,
        validate_default=True,
        description="Only mail whose From your own receiver vouches for; needs `trusted_authserv_id`.",
        examples=[True],
    )


class Inbox(Model):
    """One mailbox account to watch."""

    private = frozenset({"username", "password", "redact", "addresses"})

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["password"]}, {"required": ["oauth"]}]}
    )

    name: fields.Slug = Field(
        description="Your name for it, in the archive and in messages. Keep it: renaming makes a new inbox.",
        examples=["politics"],
    )
    host: fields.Host = Field(description="IMAP server.", examples=["imap.example.org"])
    security: Annotated[Security, *fields.one_of(Security)] = Field(
        Security.TLS,
        description="How the connection is protected: tls, starttls, or none (this machine only).",
        examples=["tls"],
    )
    insecure: fields.Boolean = Field(
        False,
        validate_default=True,
        description="Allows `security: none` to another machine: password and mail can be read on the way.",
        examples=[True],
    )
    port: fields.Port | None = Field(
        None, description="993 for tls, 143 for starttls and none, unless written.", examples=[993]
    )
    cafile: fields.Text | None = Field(
        None,
        description="Certificates (PEM) to trust in place of the system's. A relative path begins at the "
        "folder of this file.",
        examples=["/etc/watcher/ca.pem"],
    )
    username: fields.Text = Field(
        description="Login name. When it is an address, it is taken out of the archived mail.",
        examples=["archive@example.org"],
    )
    password: Annotated[Secret, BeforeValidator(one_reference)] | None = Field(
        None,
        description=f"Where the password is, never the password itself: {REFERENCES}.",
        examples=[{"credential": "politics-imap"}, {"command": ["pass", "show", "imap/politics"]}],
    )
    oauth: OAuth | None = Field(
        None,
        validate_default=True,
        description="Login with tokens, in place of `password`.",
        examples=[{"provider": "google", "client_id": "watcher.apps.example.org"}],
    )
    folders: tuple[fields.Folder, ...] = Field(
        ("INBOX",),
        description="Folders to watch, as the server names them.",
        examples=[["INBOX", "Newsletters"]],
        json_schema_extra={"minItems": 1, "uniqueItems": True},
    )
    every: fields.Every = Field(
        "5m",
        validate_default=True,
        description="Time between two looks, 10s to 1d.",
        examples=["5m", "1h30m"],
    )
    after: Annotated[After, *fields.one_of(After)] = Field(
        After.LEAVE,
        description="What happens in the mailbox once a mail is safe: leave it alone, mark it seen, move it.",
        examples=["leave"],
    )
    move_to: fields.Folder | None = Field(
        None,
        validate_default=True,
        description="Folder for `after: move`; it must exist.",
        examples=["Archived"],
    )
    since: fields.Since | None = Field(
        None, description="Leave out what arrived before this day.", examples=["2024-01-01"]
    )
    max_message: fields.Size | None = Field(
        None,
        description="Largest mail of this inbox, where it differs from `max_message` above.",
        examples=["25MB"],
    )
    trusted_authserv_id: fields.AuthservId | None = Field(
        None,
        description="The name that your own receiver puts first in Authentication-Results; only it is "
        "believed. "
        '"-" for a receiver that puts none (Exchange Online).',
        examples=["mx.example.org"],
    )
    trusted_mx: tuple[fields.Mx, ...] = Field(
        (),
        description="Your own mail servers, as they stand behind `by` in Received.",
        examples=[["*.mx.example.org"]],
    )
    trusted_arc: tuple[fields.Domain, ...] = Field(
        (),
        description="Forwarders of yours, as they stand behind `d=` in ARC-Seal. Where your receiver says "
        "`arc=pass`, what they sealed keeps a forwarded newsletter from being taken for a forgery.",
        examples=[["forwarder.example"]],
    )
    links: Annotated[Links, *fields.one_of(Links)] | None = Field(
        None, description="Links of this inbox, where it differs from `links` above.", examples=["remove"]
    )
    redact: tuple[fields.Redacted, ...] = Field(
        (),
        description="Names that a sender may greet you by; taken out of the archive.",
        examples=[["Jane Doe"]],
    )
    addresses: tuple[fields.Address, ...] = Field(
        (),
        description="Further addresses that receive mail here; taken out of the archive.",
        examples=[["archive+news@example.org"]],
    )

    preserve_dkim: fields.Boolean | None = Field(
        None,
        description="Keys of this inbox's mail, where it differs from `preserve_dkim` above.",
        examples=[True],
    )

    images: Annotated[Images, *fields.one_of(Images)] | None = Field(
        None,
        description="Pictures of this inbox's newsletters, where it differs from `images` above.",
        examples=["fetch"],
    )

    accept: Accept = Field(
        default_factory=Accept,
        description="Which mail comes into the archive; all of it unless written. What is refused stays "
        "in the vault, and `watcher rebuild` asks again after a change.",
        examples=[{"domains": ["example.org"], "list_ids": ["news.example.org"]}],
    )

    @field_validator("accept")
    @classmethod
    def _somebody_vouches(cls, accept: Accept, info: ValidationInfo) -> Accept:
        if accept.authenticated and not info.data.get("trusted_authserv_id"):
            raise invalid(
                "`authenticated: true` refuses all mail without a receiver that is believed: write "
                "`trusted_authserv_id:` as well"
            )
        return accept

    @field_validator("insecure")
    @classmethod
    def _protected_beyond_this_machine(cls, insecure: bool, info: ValidationInfo) -> bool:
        security, host = info.data.get("security"), info.data.get("host")
        if security is Security.NONE and host and not insecure and not fields.is_loopback(host):
            raise invalid(
                "`none` sends the password in the clear and is for this machine only (localhost); use `tls` "
                "or `starttls`, or write `insecure: true` as well",
                at="security",
            )
        if insecure and security is not None and security is not Security.NONE:
            raise invalid("`insecure: true` belongs to `security: none` and does nothing else: delete it")
        return insecure

    @field_validator("cafile")
    @classmethod
    def _certificates_only_with_tls(cls, cafile: str | None, info: ValidationInfo) -> str | None:
        if cafile is not None and info.data.get("security") is Security.NONE:
            raise invalid("with `security: none` there is no certificate to check: delete it")
        return cafile

    @field_validator("oauth")
    @classmethod
    def _one_way_to_log_in(cls, oauth: OAuth | None, info: ValidationInfo) -> OAuth | None:
        if "password" not in info.data:  # it has a problem of its own
            return oauth
        if oauth is None and info.data["password"] is None:
            raise invalid(
                f"there is no login: write `password:` with {REFERENCES}, or `oauth: {{provider: google}}`",
                at="password",
            )
        if oauth is not None and info.data["password"] is not None:
            raise invalid("there are two logins, `password` and `oauth`: delete one")
        return oauth

    @field_validator("folders")
    @classmethod
    def _each_folder_once(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        if not folders:
            raise invalid("must have at least one folder: `[INBOX]`")
        if len(set(folders)) < len(folders):
            raise invalid("names a folder twice: each once")
        return folders

    @field_validator("move_to")
    @classmethod
    def _target_for_moving(cls, move_to: str | None, info: ValidationInfo) -> str | None:
        after = info.data.get("after")
        if move_to is None:
            if after is After.MOVE:
                raise invalid("`after: move` needs the folder as well: `move_to: Archived`", at="after")
        elif after is not None and after is not After.MOVE:
            raise invalid("belongs to `after: move` and does nothing without it: delete it, or write that")
        elif move_to in info.data.get("folders", ()):
            raise invalid("must not be one of `folders`: the mail would be found again there")
        return move_to


class Store(Model):
    """Where the databases are. A relative path begins at the folder around `config/`, else at this file's."""

    newsletters: fields.Text = Field(
        "data/newsletters.db",
        description="The clean archive, made to be published.",
        examples=["data/newsletters.db"],
    )
    vault: fields.Text | None = Field(
        None,
        description="The mails as they came, private. Beside newsletters.db unless written.",
        examples=["data/vault.db"],
    )
    media: fields.Text | None = Field(
        None, description="Screenshots. Beside newsletters.db unless written.", examples=["data/media.db"]
    )


class InboxesFile(Model):
    """Settings of the newsletter watcher: which inboxes it watches, and where it keeps what it finds."""

    store: Store = Field(
        default_factory=Store,
        description="Where the databases are.",
        examples=[{"newsletters": "data/newsletters.db"}],
    )
    links: Annotated[Links, *fields.one_of(Links)] = Field(
        Links.UNWRAP,
        description="unwrap: clean links stay, trackers go. remove: every link becomes [link removed]. "
        "keep: links stay as they came, for private use.",
        examples=["unwrap"],
    )
    max_message: fields.Size = Field(
        "50MB",
        validate_default=True,
        description="Larger mails are noted and not taken in.",
        examples=["50MB"],
    )
    preserve_dkim: fields.Boolean = Field(
        False,
        validate_default=True,
        description="Keep the public keys that prove who sent a mail and that it was not changed, for "
        "`watcher verify`. This asks DNS, which nothing else here does: when a mail has come, a TXT query "
        "for SELECTOR._domainkey.DOMAIN of each of its DKIM and ARC signatures, at most once a day for each "
        "name, and a few times more when there is no answer. It tells the resolver which domains sign your "
        "mail, and the sender's name servers that some mail of theirs arrived behind your resolver; a "
        "sender who makes a selector for you alone learns that this mail did. Nobody learns whether it is "
        "read.",
        examples=[True],
    )
    dns_server: fields.Resolver | None = Field(
        None,
        description="Address of the resolver that `preserve_dkim` asks, with a port if it is not 53. "
        "The system's unless written.",
        examples=["192.0.2.53", "[::1]:5353"],
    )
    images: Annotated[Images, *fields.one_of(Images)] = Field(
        Images.REFUSE,
        description="refuse: what a mail would load is a box in its screenshot. fetch: the pictures of a "
        "newsletter are asked for once, when it arrives, trackers and pixels left out, and kept in media.db. "
        "This connects to the senders' servers, which nothing else here does: they learn that the mail "
        "arrived, when, and your network address; and a sender who gives each reader's pictures a name of "
        "their own learns that it was you. Nobody learns whether it is read.",
        examples=["fetch"],
    )
    attachments: Annotated[Attachments, *fields.one_of(Attachments)] = Field(
        Attachments.LIST,
        description="list: name, type and size of each attachment. index: the text of calendar entries and "
        "plain-text files can be searched as well.",
        examples=["index"],
    )
    senders: fields.Text | None = Field(
        None,
        description="The file of known senders; unless written, senders.yaml beside this file, if any.",
        examples=["senders.yaml"],
    )
    backup: Backup | None = Field(
        None,
        description="A copy of the databases every night. Off unless written.",
        examples=[{"directory": "/var/backups/watcher", "keep": 7}],
    )
    metrics_file: fields.Text | None = Field(
        None,
        description="File in which a textfile collector of Prometheus finds how the inboxes do. Off unless "
        "written.",
        examples=["/var/lib/prometheus/node-exporter/watcher.prom"],
    )
    metrics_listen: Listen | None = Field(
        None,
        description="Address and port on this machine that answer /metrics and /healthz. Off unless written.",
        examples=["127.0.0.1:9464"],
    )
    heartbeat: Heartbeat | None = Field(
        None,
        description="A sign of life after each good round, for a monitor that raises the alarm when it stays "
        "away. Off unless written.",
        examples=[{"command": ["/usr/local/bin/tell-the-monitor"]}],
    )
    workers: Workers = Field(
        default_factory=Workers,
        description="What one mail may cost, in time and memory, before it has failed. The others go on.",
        examples=[{"deadline": "10s", "memory": "512MB"}],
    )
    limits: Limits = Field(
        default_factory=Limits,
        description="How much of a mail is looked at. What exceeds a limit is left out, and a warning on the "
        "record says so; the vault keeps all of the mail. After a change: `watcher rebuild`.",
        examples=[{"parts": 1000, "text_size": "20MB"}],
    )
    inboxes: Annotated[tuple[Inbox, ...], BeforeValidator(nothing_is_an_empty_list)] = Field(
        description="The inboxes to watch; `[]` for none.",
        examples=[
            [
                {
                    "name": "politics",
                    "host": "imap.example.org",
                    "username": "archive@example.org",
                    "password": {"credential": "politics-imap"},
                }
            ]
        ],
    )
