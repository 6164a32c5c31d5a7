"""Logging in with a token: the exact messages, what a refusal leads to, and what never gets into an error."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.mailbox.conftest import account_at
from tests.support.token_door import TokenDoor
from watcher.mailbox import AuthenticationFailed, ConnectionLost, Session, TemporarilyRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.dovecot import Dovecot
    from tests.support.fake_imap import FakeImap
    from watcher.mailbox import Account

TOKEN = "ya29.made-up-token_1"
RENEWED = "ya29.made-up-token_2"
BOTH = "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER"


class Tokens:
    """What `Account.token` is in these tests: hands out its tokens in order, notes what it is told."""

    def __init__(self, *tokens: str) -> None:
        self.asked: list[str] = []
        self._tokens = list(tokens)

    def __call__(self, refused: str) -> str:
        self.asked.append(refused)
        return self._tokens[min(len(self.asked), len(self._tokens)) - 1]


def account_with(tokens: Callable[[str], str], fake: FakeImap, **changes: Any) -> Account:
    """Return an account that logs in with tokens."""
    return account_at(fake.port, password=None, token=tokens, **changes)


MESSAGES = [
    (
        BOTH,
        "reader@example.org",
        "OAUTHBEARER",
        "n,a=reader@example.org,\1host=127.0.0.1\1port={port}\1auth=Bearer {token}\1\1",
    ),
    (
        BOTH,
        "a=b,c@example.org",
        "OAUTHBEARER",
        "n,a=a=3Db=2Cc@example.org,\1host=127.0.0.1\1port={port}\1auth=Bearer {token}\1\1",
    ),
    (
        "IMAP4rev1 AUTH=XOAUTH2",
        "reader@example.org",
        "XOAUTH2",
        "user=reader@example.org\1auth=Bearer {token}\1\1",
    ),
]


@pytest.mark.parametrize(("capabilities", "username", "mechanism", "message"), MESSAGES)
def test_the_message_is_exactly_that_of_the_mechanism(
    fake: FakeImap, capabilities: str, username: str, mechanism: str, message: str
) -> None:
    """OAUTHBEARER as in RFC 7628, section 3.1, where it is offered; else XOAUTH2 as Google describes it."""
    fake.capabilities = capabilities
    server = TokenDoor(fake, accepts=TOKEN)
    with Session.open(account_with(Tokens(TOKEN), fake, username=username)) as session:
        assert session.examine("INBOX").exists == 0
    assert server.mechanisms == [mechanism]
    assert server.said == [message.format(port=fake.port, token=TOKEN).encode()]


def test_a_token_of_thousands_of_characters_arrives_in_one_line(fake: FakeImap) -> None:
    """Microsoft's tokens are long; the encoded message has no line break in it."""
    fake.capabilities = BOTH
    long = "eyJ0" + "x" * 4000
    server = TokenDoor(fake, accepts=long)
    with Session.open(account_with(Tokens(long), fake)):
        assert len(server.said) == 1


@pytest.mark.parametrize(
    ("capabilities", "surrender"), [(BOTH, b"\1"), ("IMAP4rev1 AUTH=XOAUTH2", b"")], ids=["bearer", "xoauth2"]
)
def test_the_challenge_with_the_error_is_answered_without_the_token(
    fake: FakeImap, capabilities: str, surrender: bytes
) -> None:
    """One byte 1 (RFC 7628, section 3.2.3), or an empty line: the server then ends the command."""
    fake.capabilities = capabilities
    server = TokenDoor(fake)
    with (
        pytest.raises(AuthenticationFailed, match="status invalid_token: "),
        Session.open(account_with(Tokens(TOKEN), fake)),
    ):
        pass
    assert server.said[1:] == [surrender]


def test_a_refused_token_is_renewed_once_on_the_same_connection(fake: FakeImap) -> None:
    """The source is told which token was refused, so that it does not hand it out again."""
    fake.capabilities = BOTH
    server, tokens = TokenDoor(fake, accepts=RENEWED), Tokens(TOKEN, RENEWED)
    with Session.open(account_with(tokens, fake)) as session:
        assert session.examine("INBOX").exists == 0
    assert tokens.asked == ["", TOKEN]
    assert len(server.mechanisms) == 2
    assert fake.count("LOGOUT") == 1


def test_two_refused_tokens_are_the_end(fake: FakeImap) -> None:
    """No storm: the error says how to sign in again, and the back-off does the rest."""
    fake.capabilities = BOTH
    server, tokens = TokenDoor(fake), Tokens(TOKEN, RENEWED, "third")
    with pytest.raises(AuthenticationFailed) as caught, Session.open(account_with(tokens, fake)):
        pass
    assert len(server.mechanisms) == len(tokens.asked) == 2
    text = str(caught.value)
    assert text.startswith(
        f"inbox politics (127.0.0.1:{fake.port}): the token was refused: status invalid_token"
    )
    assert "run `watcher auth` for inbox politics again" in text


REASONS: list[tuple[object, str, type[Exception], int, str]] = [
    ({"status": "insufficient_scope"}, "", AuthenticationFailed, 1, "status insufficient_scope"),
    ({"status": "400", "schemes": "Bearer", "scope": "mail"}, "", AuthenticationFailed, 2, "status 400: "),
    ({"status": f"look at {TOKEN}"}, "", AuthenticationFailed, 2, "refused: [AUTH"),
    (["no", "object"], "", AuthenticationFailed, 2, "refused: [AUTH"),
    ("text", "", AuthenticationFailed, 2, "refused: [AUTH"),
    ({"status": "401"}, "[UNAVAILABLE] later", TemporarilyRefused, 1, "tried again later"),
    (
        {"status": "401"},
        "User is authenticated but not connected.",
        TemporarilyRefused,
        1,
        "authenticated but not connected",
    ),
]


@pytest.mark.parametrize(("reason", "says", "kind", "attempts", "shows"), REASONS)
def test_the_reason_decides_whether_another_token_is_tried(
    fake: FakeImap, reason: object, says: str, kind: type[Exception], attempts: int, shows: str
) -> None:
    """Not when its scope is too narrow and not when the server is busy; a status is shown if it is a word."""
    fake.capabilities = BOTH
    server = TokenDoor(fake, reason=reason, says=says)
    with pytest.raises(kind) as caught, Session.open(account_with(Tokens(TOKEN, RENEWED), fake)):
        pass
    assert len(server.mechanisms) == attempts
    assert shows in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_no_second_try_with_the_same_token(fake: FakeImap) -> None:
    """A source that has no other token ends the matter."""
    fake.capabilities = BOTH
    server = TokenDoor(fake)
    with pytest.raises(AuthenticationFailed), Session.open(account_with(Tokens(TOKEN), fake)):
        pass
    assert len(server.mechanisms) == 1


def test_no_token_is_in_an_error_or_the_log_even_when_the_server_repeats_it(
    fake: FakeImap, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """As it is, and in base64 as it travelled."""
    caplog.set_level(logging.DEBUG)
    fake.capabilities = "IMAP4rev1 AUTH=XOAUTH2"
    message = base64.b64encode(f"user=reader@example.org\1auth=Bearer {TOKEN}\1\1".encode()).decode()
    TokenDoor(fake, says=f"what is {TOKEN}, or {message}?")
    account = account_with(Tokens(TOKEN), fake)
    with pytest.raises(AuthenticationFailed) as caught, Session.open(account):
        pass
    assert "what is ***, or ***?" in str(caught.value)
    seen = caplog.text + "".join(capfd.readouterr()) + repr(account)
    assert TOKEN not in seen
    assert message not in seen


def test_a_server_without_a_login_for_tokens_is_told_nothing(fake: FakeImap) -> None:
    """The token is never sent as a password."""
    fake.capabilities = "IMAP4rev1 AUTH=PLAIN"
    with (
        pytest.raises(AuthenticationFailed, match="no login with a token; log in with `password:`"),
        Session.open(account_with(Tokens(TOKEN), fake)),
    ):
        pass
    assert fake.count("AUTHENTICATE") == fake.count("LOGIN ") == 0


def test_what_the_source_of_tokens_raises_comes_through(fake: FakeImap) -> None:
    """Before a connection is opened, and when a refused token cannot be renewed."""
    fake.capabilities = BOTH
    TokenDoor(fake)

    def none_at_all(_: str) -> str:
        raise TemporarilyRefused("the endpoint is down")

    def no_other(refused: str) -> str:
        if refused:
            raise AuthenticationFailed("revoked")
        return TOKEN

    with pytest.raises(TemporarilyRefused, match="is down"), Session.open(account_with(none_at_all, fake)):
        pass
    assert fake.commands == []
    with pytest.raises(AuthenticationFailed, match="revoked"), Session.open(account_with(no_other, fake)):
        pass


def test_a_server_that_hangs_up_on_a_refused_token(fake: FakeImap) -> None:
    """The next connection asks for a token again: that is a lost connection, not a wrong password."""
    fake.capabilities = BOTH
    fake.on("AUTHENTICATE", lambda exchange: exchange.hang_up())
    with pytest.raises(ConnectionLost), Session.open(account_with(Tokens(TOKEN), fake)):
        pass


def test_an_account_needs_one_way_to_log_in() -> None:
    """A programming error, not one of a user's: the settings refuse it."""
    with (
        pytest.raises(ValueError, match="neither password nor token"),
        Session.open(account_at(1, password=None)),
    ):
        pass


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_dovecot_takes_a_sound_token_and_no_other(
    dovecot: Dovecot, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired, signed by another, of another account: all are refused, and a sound one is taken."""
    from watcher.mailbox import bearer

    monkeypatch.setattr(bearer, "_PREFERRED", (bearer.Mechanism(mechanism),))
    user, other = dovecot.user(), dovecot.user()

    def log_in(token: str) -> None:
        account = account_at(dovecot.port, username=user.name, password=None, token=lambda _: token)
        with Session.open(account) as session:
            assert session.examine("INBOX").exists == 0

    log_in(dovecot.token(user))
    for unsound in (
        dovecot.token(user, lifetime=-60),
        dovecot.token(user, key=b"another"),
        dovecot.token(other),
    ):
        with pytest.raises(AuthenticationFailed, match="the token was refused"):
            log_in(unsound)
