"""The login with an OAuth 2 access token: OAUTHBEARER (RFC 7628), or Google's older XOAUTH2.

XOAUTH2: https://developers.google.com/workspace/gmail/imap/xoauth2-protocol. A server that refuses the token
says why in a challenge, waits for an answer without content, and only then ends the command. Its words do not
tell an expired token from a revoked one, so a refused token is renewed once, on the same connection.
"""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from watcher.mailbox.conversation import Refused
from watcher.mailbox.errors import AuthenticationFailed, TemporarilyRefused
from watcher.mailbox.reply import Reply, sentence

if TYPE_CHECKING:
    from watcher.mailbox.account import Account
    from watcher.mailbox.conversation import Conversation

_STATUS = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_WRONG_SCOPE = "insufficient_scope"  # RFC 7628, section 3.2.2: another token of the same kind would not help


class Mechanism(StrEnum):
    """A SASL mechanism that carries a token."""

    OAUTHBEARER = "OAUTHBEARER"
    XOAUTH2 = "XOAUTH2"

    def response(self, account: Account, token: str) -> bytes:
        """Return the client's message."""
        if self is Mechanism.XOAUTH2:
            return f"user={account.username}\1auth=Bearer {token}\1\1".encode()
        # RFC 7628, section 3.1; the name is escaped as in RFC 5801, section 4
        name = account.username.replace("=", "=3D").replace(",", "=2C")
        server = f"host={account.host}\1port={account.port}"
        return f"n,a={name},\1{server}\1auth=Bearer {token}\1\1".encode()

    @property
    def surrender(self) -> bytes:
        """The answer to a challenge that tells of an error (RFC 7628, section 3.2.3)."""
        return b"\1" if self is Mechanism.OAUTHBEARER else b""


_PREFERRED = (Mechanism.OAUTHBEARER, Mechanism.XOAUTH2)


class _Exchange:
    """What the client says to each challenge of one AUTHENTICATE; `status` is the reason of a refusal."""

    def __init__(self, mechanism: Mechanism, response: bytes) -> None:
        self.status = ""
        self._mechanism = mechanism
        self._response = response
        self._said = False

    def __call__(self, challenge: bytes) -> bytes:
        if not self._said:
            self._said = True
            return self._response
        with suppress(ValueError, RecursionError):
            found = json.loads(challenge)
            status = str(found.get("status", "")) if isinstance(found, dict) else ""
            self.status = status if _STATUS.fullmatch(status) else ""
        return self._mechanism.surrender


@dataclass(frozen=True, slots=True)
class _Refusal:
    reply: Reply
    status: str

    @property
    def about_the_token(self) -> bool:
        return not self.reply.temporary and self.status != _WRONG_SCOPE

    def error(self, account: Account) -> AuthenticationFailed | TemporarilyRefused:
        reply = f"status {self.status}: {self.reply.text}" if self.status else self.reply.text
        if self.reply.temporary:
            what, remedy = "the server refuses logins for now", "it is tried again later"
            return TemporarilyRefused(sentence(account.where, what, reply, remedy))
        remedy = (
            f"run `watcher auth` for inbox {account.name} again, as the account of `username:` and with "
            "access to its mail; many providers want IMAP switched on"
        )
        return AuthenticationFailed(sentence(account.where, "the token was refused", reply, remedy))


def log_in_with_token(conversation: Conversation, token: str) -> None:
    """Log in with `token`, and when the server refuses it, once with a new one.

    Raises `AuthenticationFailed`, `TemporarilyRefused`, `ConnectionLost`, and what `account.token` raises.
    """
    account = conversation.account
    with conversation.command("logging in") as client:
        if client.logged_in:
            return  # the server knew us from the connection (PREAUTH)
        offered = frozenset(client.capabilities())
    mechanism = next((each for each in _PREFERRED if f"AUTH={each}".encode() in offered), None)
    if mechanism is None:
        remedy = "log in with `password:`; many providers give app passwords"
        raise AuthenticationFailed(
            sentence(account.where, "the server offers no login with a token", remedy=remedy)
        )
    refusal = _tried(conversation, mechanism, token)
    if refusal is not None and refusal.about_the_token and account.token is not None:
        renewed = account.token(token)
        if renewed != token:
            refusal = _tried(conversation, mechanism, renewed)
    if refusal is not None:
        raise refusal.error(account)


def _tried(conversation: Conversation, mechanism: Mechanism, token: str) -> _Refusal | None:
    response = mechanism.response(conversation.account, token)
    exchange = _Exchange(mechanism, response)
    secrets = (token, base64.b64encode(response).decode("ascii"))
    try:
        with conversation.command("logging in", secrets=secrets) as client:
            client.sasl_login(mechanism.value, exchange)
    except Refused as error:
        return _Refusal(error.reply, exchange.status)
    return None
