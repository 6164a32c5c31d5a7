"""The shape of `oauth:` in inboxes.yaml: who issues the tokens, and how this program is known there."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from watcher.settings import fields
from watcher.settings.fields import invalid
from watcher.settings.model import Model
from watcher.settings.secret_model import Secret, one_reference
from watcher.settings.values import OAuthProvider


def _endpoint(value: object) -> str:
    """Take an address that secrets may be posted to: protected, or on this machine."""
    written = fields.text(value)
    try:
        parts = urlsplit(written)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if (
        not host
        or port == 0
        or parts.scheme not in {"https", "http"}
        or "@" in parts.netloc
        or "#" in written
    ):
        raise invalid("must be an address such as `https://login.example.org/token`")
    if any(char.isspace() for char in written) or not written.isascii():
        raise invalid("must be an address such as `https://login.example.org/token`")
    if parts.scheme == "http" and not fields.is_loopback(host):
        raise invalid("must begin with `https://`: tokens and secrets go there")
    return written


def _tenant(value: object) -> str:
    written = fields.text(value)
    if not all(char.isascii() and (char.isalnum() or char in "-.") for char in written):
        raise invalid("must be the organization's domain or id, or `common`, `organizations` or `consumers`")
    return written


Endpoint = Annotated[
    str, BeforeValidator(_endpoint), WithJsonSchema({"type": "string", "pattern": "^https?://"})
]
_Tenant = Annotated[
    str, BeforeValidator(_tenant), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9.-]+$"})
]


class OAuth(Model):
    """Login with tokens."""

    private = frozenset({"client_secret"})

    provider: Annotated[OAuthProvider, *fields.one_of(OAuthProvider)] = Field(
        description="Who issues the tokens. `watcher auth` fetches the first one.", examples=["google"]
    )
    client_id: fields.Text | None = Field(
        None,
        description="How the provider knows this program: register one there, as the README says.",
        examples=["watcher.apps.example.org"],
    )
    client_secret: Annotated[Secret, BeforeValidator(one_reference)] | None = Field(
        None,
        description="Where the secret of that registration is, if it has one: Google's has, Microsoft's not.",
        examples=[{"credential": "politics-client"}, {"file": "politics.client"}],
    )
    tenant: _Tenant | None = Field(
        None,
        validate_default=True,
        description="Microsoft's: an organization's domain or id, or common (unless written), organizations "
        "or consumers.",
        examples=["example.org"],
    )
    scope: fields.Text | None = Field(
        None,
        description="What is asked for, separated by spaces; at google and microsoft: to read mail by IMAP.",
        examples=["imap offline_access"],
    )
    token_file: fields.Text | None = Field(
        None,
        description="Where the token is kept. In `tokens/` beside the vault unless written. A relative path "
        "begins at the folder of this file.",
        examples=["/var/lib/watcher/tokens/politics.json"],
    )
    authorization_endpoint: Endpoint | None = Field(
        None,
        description="Where a browser signs in, in place of the provider's own.",
        examples=["https://login.example.org/authorize"],
    )
    device_endpoint: Endpoint | None = Field(
        None,
        description="Where a code for another device is asked for, in place of the provider's own.",
        examples=["https://login.example.org/device"],
    )
    token_endpoint: Endpoint | None = Field(
        None,
        validate_default=True,
        description="Where tokens are asked for, in place of the provider's own.",
        examples=["https://login.example.org/token"],
    )

    @field_validator("tenant")
    @classmethod
    def _only_at_microsoft(cls, tenant: str | None, info: ValidationInfo) -> str | None:
        provider = info.data.get("provider")
        if tenant is not None and provider not in {None, OAuthProvider.MICROSOFT}:
            raise invalid("belongs to `provider: microsoft` and does nothing else: delete it")
        return tenant

    @field_validator("token_endpoint")
    @classmethod
    def _all_that_is_not_known(cls, endpoint: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("provider") is OAuthProvider.OTHER:
            either = info.data.get("authorization_endpoint") or info.data.get("device_endpoint")
            if not (endpoint and either and info.data.get("scope")):
                raise invalid(
                    "`other` needs `token_endpoint`, `scope`, and one of `authorization_endpoint` and "
                    "`device_endpoint`",
                    at="provider",
                )
        return endpoint
