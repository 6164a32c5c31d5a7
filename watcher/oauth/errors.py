"""What can go wrong with a token, one class for each thing that the caller does about it.

Each message is one line without token, secret or address. It does not name the inbox: whoever ties this room
to one adds that.
"""
# ruff: noqa: N818 - the names say what happened

from __future__ import annotations


class OAuthError(Exception):
    """Anything that keeps a token from being had."""


class SignInNeeded(OAuthError):
    """There is no token, or it was revoked: nothing helps until a person signs in."""


class ClientRefused(OAuthError):
    """The provider does not accept this client or what it asks for: the settings have to change."""


class EndpointBusy(OAuthError):
    """The endpoint answered, and not with a decision: try again later."""


class EndpointUnreachable(OAuthError):
    """No answer came from the endpoint: no such name, nobody listening, silence, a wrong certificate."""


class TokenFileError(OAuthError):
    """The token file cannot be read, written or trusted."""
