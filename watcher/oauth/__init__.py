"""Signing in with OAuth 2 (RFC 6749): fetching the first token, keeping it, and renewing it in time.

A person signs in once, by `device` (RFC 8628: a code that is typed in on any device) or by `loopback`
(RFC 8252: the browser comes back to a port of this machine, protected by PKCE, RFC 7636). The token then lies
in a `TokenFile`, and a `TokenSource` hands out an access token whenever a mailbox is opened. This is the one
room that asks others by HTTP, and only the endpoints of a `Client`; it knows no mailboxes and no settings.

oauthlib makes the requests and reads the answers; it is imported when something is asked of an endpoint.
"""

from watcher.oauth.client import Client, Endpoints, Flow, known_endpoints
from watcher.oauth.errors import (
    ClientRefused,
    EndpointBusy,
    EndpointUnreachable,
    OAuthError,
    SignInNeeded,
    TokenFileError,
)
from watcher.oauth.source import TokenSource
from watcher.oauth.token import Token
from watcher.oauth.tokenfile import TokenFile

__all__ = [
    "Client",
    "ClientRefused",
    "EndpointBusy",
    "EndpointUnreachable",
    "Endpoints",
    "Flow",
    "OAuthError",
    "SignInNeeded",
    "Token",
    "TokenFile",
    "TokenFileError",
    "TokenSource",
    "known_endpoints",
]
