"""The login: LOGIN, AUTHENTICATE PLAIN where that cannot carry it (RFC 9051, 6.2.2 and 6.2.3), or a token."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from watcher.mailbox.bearer import log_in_with_token
from watcher.mailbox.conversation import Refused
from watcher.mailbox.errors import AuthenticationFailed, TemporarilyRefused
from watcher.mailbox.reply import sentence

if TYPE_CHECKING:
    from watcher.mailbox.account import Account
    from watcher.mailbox.client import Client
    from watcher.mailbox.conversation import Conversation
    from watcher.mailbox.reply import Reply

_REMEDIES = {
    "AUTHORIZATIONFAILED": "the password is right, but this account may not use IMAP here: ask its provider",
    "EXPIRED": "the password has expired: set a new one",
    "PRIVACYREQUIRED": "the server wants an encrypted connection: use `security: tls`",
}
_REMEDY = (
    "check `username:` and the password; many providers want an app password for IMAP, or IMAP switched on"
)


def log_in(conversation: Conversation, secret: str) -> None:
    """Log in with the password or the token that `Account.secret` gave, by a way that the server offers.

    Raises `AuthenticationFailed`, `TemporarilyRefused`, `ConnectionLost`, and what `account.token` raises.
    """
    account = conversation.account
    if account.token is not None:
        log_in_with_token(conversation, secret)
        return
    try:
        with conversation.command("logging in", secrets=_forms(account, secret)) as client:
            _log_in_with_password(account, client, secret)
    except Refused as error:
        raise _refused(account, error.reply) from None


def _log_in_with_password(account: Account, client: Client, password: str) -> None:
    if client.logged_in:
        return  # the server knew us from the connection (PREAUTH)
    offered = frozenset(client.capabilities())
    login_disabled = b"LOGINDISABLED" in offered
    # LOGIN's quoted strings carry printable ASCII only.
    printable = all(word.isascii() and word.isprintable() for word in (account.username, password))
    if printable and not login_disabled:
        client.login(account.username, password)
    elif b"AUTH=PLAIN" in offered:
        client.plain_login(account.username, password)
    else:
        raise _no_way_in(account, login_disabled=login_disabled)


def _forms(account: Account, password: str) -> tuple[str, ...]:
    """Return the forms in which the password travels, for a server that repeats what it was sent."""
    token = f"\0{account.username}\0{password}".encode()
    return password, base64.b64encode(token).decode("ascii")


def _refused(account: Account, reply: Reply) -> AuthenticationFailed | TemporarilyRefused:
    """Return the error for a login that the server answered with NO or BAD."""
    if reply.temporary:
        return TemporarilyRefused(
            sentence(
                account.where, "the server refuses logins for now", reply.text, "it is tried again later"
            )
        )
    remedy = _REMEDIES.get(reply.code, _REMEDY)
    return AuthenticationFailed(sentence(account.where, "the login was refused", reply.text, remedy))


def _no_way_in(account: Account, *, login_disabled: bool) -> AuthenticationFailed:
    if login_disabled:
        what, remedy = "the server allows no login with a password on this connection", "use `security: tls`"
    else:
        what = "the server offers no login that carries characters other than printable ASCII"
        remedy = "choose a password of ASCII letters, digits and signs"
    return AuthenticationFailed(sentence(account.where, what, remedy=remedy))
