"""Where an inbox's tokens come from: its settings tied to the room that speaks OAuth.

The errors of that room become those that a login may raise, with the inbox and the remedy.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from watcher.mailbox import AuthenticationFailed, TemporarilyRefused, Unreachable
from watcher.oauth import (
    Client,
    ClientRefused,
    EndpointBusy,
    Endpoints,
    EndpointUnreachable,
    Flow,
    OAuthError,
    SignInNeeded,
    TokenFile,
    TokenSource,
    known_endpoints,
)
from watcher.settings import OAuthProvider, SecretError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watcher.settings import Inbox, OAuth


def token_source(inbox: Inbox, environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return what gives the access token of an inbox with `oauth:`, as `Account.token` wants it.

    It raises `AuthenticationFailed` when someone has to act, `TemporarilyRefused` or `Unreachable` when the
    endpoint may work later, and `SecretError` when the settings or the token file have to be put right.
    """

    def token(refused: str) -> str:
        try:
            return TokenSource(client_of(inbox, environ), token_file(inbox))(refused)
        except OAuthError as error:
            raise _as_a_login_fails(inbox, error) from None

    return token


def client_of(inbox: Inbox, environ: Mapping[str, str]) -> Client:
    """Return the registration that the settings describe. Raises `SecretError` when they describe none."""
    oauth = _oauth(inbox)
    if not oauth.client_id:
        raise SecretError(
            f"inbox {inbox.name}: `oauth:` has no `client_id`; register this program with the provider, as "
            "the README says, and write it"
        )
    if find_spec("oauthlib") is None:
        raise SecretError(f"inbox {inbox.name}: `oauth:` needs `pip install 'newsletter-watcher[oauth]'`")
    secret = oauth.client_secret
    return Client(
        client_id=oauth.client_id,
        secret=lambda: secret.read(environ) if secret else "",
        endpoints=_endpoints(oauth),
    )


def token_file(inbox: Inbox) -> TokenFile:
    """Return the place of the token."""
    return TokenFile(_oauth(inbox).token_file)


def token_problem(inbox: Inbox) -> str:
    """Return why an inbox with `oauth:` has no token to begin with; empty when it has one, or needs none."""
    if inbox.oauth is None:
        return ""
    try:
        client_of(inbox, {})
        there = token_file(inbox).read() is not None
    except OAuthError as error:
        return explained(inbox, error)
    except SecretError as error:
        return str(error)
    return "" if there else explained(inbox, SignInNeeded("nobody has signed in yet"))


def explained(inbox: Inbox, error: OAuthError) -> str:
    """Return the error's sentence with the inbox, and with what a person can do about it."""
    oauth = _oauth(inbox)
    remedy = ""
    if isinstance(error, SignInNeeded):
        again = " again" if oauth.token_file.exists() else ""
        remedy = f"; run `watcher auth {oauth.provider.value} {inbox.name}`{again}"
    elif isinstance(error, ClientRefused):
        remedy = "; check `client_id`, `client_secret` and `scope` of `oauth:`"
    return f"inbox {inbox.name}: {error}{remedy}"


def _as_a_login_fails(inbox: Inbox, error: OAuthError) -> Exception:
    said = explained(inbox, error)
    match error:
        case SignInNeeded() | ClientRefused():
            return AuthenticationFailed(said)
        case EndpointUnreachable():
            return Unreachable(f"{said}; it is tried again later")
        case EndpointBusy():
            return TemporarilyRefused(f"{said}; it is tried again later")
    return SecretError(said)


def _oauth(inbox: Inbox) -> OAuth:
    if inbox.oauth is None:
        raise SecretError(f"inbox {inbox.name} has no `oauth:`; it logs in with a password")
    return inbox.oauth


def _endpoints(oauth: OAuth) -> Endpoints:
    if oauth.provider is OAuthProvider.OTHER:
        flow = Flow.DEVICE if oauth.device_endpoint else Flow.LOOPBACK
        known = Endpoints(token="", authorization="", device="", scope="", flow=flow)
    else:
        known = known_endpoints(oauth.provider.value, oauth.tenant)
    return Endpoints(
        token=oauth.token_endpoint or known.token,
        authorization=oauth.authorization_endpoint or known.authorization,
        device=oauth.device_endpoint or known.device,
        scope=oauth.scope or known.scope,
        flow=known.flow,
        redirect_host=known.redirect_host,
        parameters=known.parameters,
    )
