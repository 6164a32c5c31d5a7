"""What is asked of the token endpoint: a token for a code, a new one for an old (RFC 6749, 4.1 and 6)."""

from __future__ import annotations

import json
import re
from types import NoneType
from typing import TYPE_CHECKING, Any

from oauthlib.oauth2 import DeviceClient, OAuth2Error, WebApplicationClient

from watcher.oauth.endpoint import post
from watcher.oauth.errors import ClientRefused, EndpointBusy, OAuthError, SignInNeeded
from watcher.oauth.token import Token

if TYPE_CHECKING:
    from watcher.oauth.client import Client

_UNTOLD_LIFETIME = 3600
"""Seconds that a token lasts when the provider does not say: a refused one is renewed anyway."""

_LONGEST_LIFETIME = 366 * 86_400

_SIGN_IN = {
    "invalid_grant": "the sign-in was revoked or has expired",  # RFC 6749, section 5.2
    # The next three: OpenID Connect Core, section 3.1.2.6.
    "interaction_required": "the provider wants to see the person again",
    "login_required": "the provider wants the person to log in again",
    "consent_required": "the provider wants the access to be allowed again",
    "access_denied": "the access was not allowed",  # RFC 6749, section 4.1.2.1
    "authorization_declined": "the access was not allowed",  # Microsoft's word for it in the device flow
    "expired_token": "the code was not used in time",  # RFC 8628, section 3.5
    "bad_verification_code": "the code is not known any more",  # Microsoft
}
_LATER = frozenset(
    {"temporarily_unavailable", "server_error"}
)  # RFC 6749, section 4.1.2.1; used for tokens as well

_TEXTS = ("access_token", "refresh_token", "token_type", "scope")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_DETAIL = re.compile(r"\bAADSTS[0-9]{1,9}\b")
"""Microsoft's error numbers. The words around them name accounts."""


class Refused(OAuthError):  # noqa: N818 - as in `errors`
    """The endpoint said no; `error` is its code."""

    def __init__(self, error: str, detail: str = "") -> None:
        code = error if _CODE.fullmatch(error) else "an error without a readable code"
        super().__init__(f"{code}, {detail}" if detail else code)
        self.error = error

    def meaning(self) -> OAuthError:
        """Return the error for what has to be done about it."""
        if self.error in _SIGN_IN:
            return SignInNeeded(f"{_SIGN_IN[self.error]} ({self})")
        if self.error in _LATER:
            return EndpointBusy(f"the provider gives no tokens for now ({self})")
        return ClientRefused(f"the provider refuses this client or what it asks for ({self})")


def refresh(client: Client, token: Token, now: float) -> Token:
    """Return the successor of `token`; it may or may not have a refresh token of its own.

    Raises any `OAuthError` but `TokenFileError`.
    """
    body = WebApplicationClient(client.client_id).prepare_refresh_body(
        refresh_token=token.refresh,
        scope=client.endpoints.scope,  # Microsoft insists on it: AADSTS900144
        **_identity(client),
    )
    try:
        return _token(client, body, now, before=token)
    except Refused as refused:
        raise refused.meaning() from None


def redeem_code(client: Client, code: str, redirect: str, verifier: str, now: float) -> Token:
    """Return the token for the code that the browser brought (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
    body = WebApplicationClient(client.client_id).prepare_request_body(
        code=code, redirect_uri=redirect, code_verifier=verifier, include_client_id=True, **_secret(client)
    )
    try:
        return _token(client, body, now)
    except Refused as refused:
        raise refused.meaning() from None


def redeem_device_code(client: Client, code: str, now: float) -> Token:
    """Return the token for a device code (RFC 8628, 3.4). Raises `Refused` while nobody has signed in."""
    body = DeviceClient(client.client_id).prepare_request_body(
        code, include_client_id=True, **_secret(client)
    )
    return _token(client, body, now)


def ask(url: str, body: str) -> dict[str, Any]:
    """Post what may carry the client's secret. Raises `Refused`, and whatever `post` raises."""
    answer = post(url, body)
    error = answer.get("error")
    if error is not None:
        described = str(answer.get("error_description", ""))
        found = _DETAIL.search(described)
        raise Refused(str(error), found[0] if found else "")
    return answer


def _identity(client: Client) -> dict[str, str]:
    return {"client_id": client.client_id, **_secret(client)}


def _secret(client: Client) -> dict[str, str]:
    secret = client.secret()
    return {"client_secret": secret} if secret else {}


def _token(client: Client, body: str, now: float, before: Token | None = None) -> Token:
    answer = ask(client.endpoints.token, body)
    try:
        if not all(isinstance(answer.get(key, ""), (str, NoneType)) for key in _TEXTS):
            raise TypeError("not a text")  # noqa: TRY301 - oauthlib looks at no types
        parsed = WebApplicationClient(client.client_id).parse_request_body_response(json.dumps(answer))
        lifetime = int(parsed.get("expires_in") or _UNTOLD_LIFETIME)
    except (OAuth2Error, ValueError, TypeError):  # without the cause: it may quote the answer
        raise EndpointBusy("the provider's answer holds no usable token") from None
    access = answer["access_token"]
    if (answer.get("token_type") or "bearer").lower() != "bearer" or not _carries(access):
        raise EndpointBusy("the provider's answer holds no usable token")
    renewing = answer.get("refresh_token") or (before.refresh if before else "")
    if not renewing:
        raise SignInNeeded("the provider gave a token that cannot be renewed: it must allow offline access")
    return Token(
        access=access,
        refresh=renewing,
        obtained_at=now,  # of the request: the lifetime began later, if anything
        expires_at=now + min(max(lifetime, 0), _LONGEST_LIFETIME),
        # RFC 6749, section 5.1: left out when nothing has changed
        scope=answer.get("scope") or (before.scope if before else client.endpoints.scope),
        client_id=client.client_id,
        endpoint=client.endpoints.token,
    )


def _carries(access: str | None) -> bool:
    """Whether it can stand in a login: visible ASCII (RFC 6750, section 2.1, and room for others)."""
    return access is not None and re.fullmatch(r"[!-~]+", access) is not None
