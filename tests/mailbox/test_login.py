"""Logging in: what is sent, what a refusal means, and what never gets into an error."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.mailbox.conftest import PASSWORD, account_at
from tests.support.fake_imap import FakeImap
from watcher.mailbox import (
    AuthenticationFailed,
    ConnectionLost,
    EncryptionMissing,
    Security,
    Session,
    TemporarilyRefused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.dovecot import Dovecot, MailUser
    from tests.support.fake_imap import Exchange
    from watcher.mailbox import Account

PASSWORDS = ["plain", 'quote " and \\ backslash', "Grüße", "пароль", "{5}", "'; NO`", "a" * 200]


@pytest.mark.parametrize("password", PASSWORDS)
def test_every_password_gets_through(
    dovecot: Dovecot, account_of: Callable[..., Account], password: str
) -> None:
    """Quotes, backslashes and letters of any script arrive as they are."""
    with Session.open(account_of(dovecot.user(password))) as session:
        assert session.examine("INBOX").exists == 0


def test_a_wrong_password_is_an_authentication_failure(
    mail_user: MailUser, account_of: Callable[..., Account]
) -> None:
    """The error is one line that names the inbox and the server and says what to do."""
    account = account_of(mail_user, password=lambda: "wrong-word")
    with pytest.raises(AuthenticationFailed) as caught, Session.open(account):
        pass
    text = str(caught.value)
    assert text.startswith(f"inbox politics (127.0.0.1:{account.port}): the login was refused:")
    assert "[AUTHENTICATIONFAILED] Authentication failed; check `username:`" in text
    assert "wrong-word" not in text
    assert "\n" not in text


def test_the_password_is_asked_for_at_each_login(
    mail_user: MailUser, account_of: Callable[..., Account]
) -> None:
    """A secret that was changed is in use at the next login, without a restart."""
    secrets = iter(["outdated", mail_user.password])
    account = account_of(mail_user, password=lambda: next(secrets))
    with pytest.raises(AuthenticationFailed), Session.open(account):
        pass
    with Session.open(account) as session:
        assert session.examine("INBOX").exists == 0


def test_a_password_that_cannot_be_read_opens_no_connection(fake: FakeImap) -> None:
    """What the secret's source raises comes through as it is."""

    def unreadable() -> str:
        raise PermissionError("no such secret")

    with pytest.raises(PermissionError), Session.open(account_at(fake.port, password=unreadable)):
        pass
    assert fake.commands == []


REPLIES = [
    ("[AUTHENTICATIONFAILED] Invalid credentials", AuthenticationFailed, "app password"),
    (
        "[AUTHENTICATIONFAILED] Wrong password, try again",
        AuthenticationFailed,
        "try again; check `username:`",
    ),
    ("[AUTHORIZATIONFAILED] No such service", AuthenticationFailed, "may not use IMAP"),
    ("[EXPIRED] too old", AuthenticationFailed, "set a new one"),
    ("[PRIVACYREQUIRED] no TLS", AuthenticationFailed, "security: tls"),
    ("[ALERT] Application-specific password required", AuthenticationFailed, "app password"),
    ("Login failed", AuthenticationFailed, "check `username:`"),
    ("", AuthenticationFailed, "the login was refused; check"),
    ("[UNAVAILABLE] Temporary authentication failure", TemporarilyRefused, "tried again later"),
    ("[INUSE] mailbox locked", TemporarilyRefused, "tried again later"),
    ("[LIMIT] too much", TemporarilyRefused, "tried again later"),
    ("[ALERT] Too many simultaneous connections. (Failure)", TemporarilyRefused, "Too many simultaneous"),
    ("User is authenticated but not connected.", TemporarilyRefused, "not connected; it is tried"),
]


@pytest.mark.parametrize(
    ("reply", "kind", "says"), REPLIES, ids=[reply or "nothing" for reply, _, _ in REPLIES]
)
@pytest.mark.parametrize("status", ["no", "bad"])
def test_the_reply_tells_a_wrong_password_from_a_busy_server(
    fake: FakeImap, reply: str, kind: type[Exception], says: str, status: str
) -> None:
    """Response codes of RFC 5530, and the words of servers without them, decide what happens next."""
    fake.on("LOGIN", lambda exchange: getattr(exchange, status)(reply))
    with pytest.raises(kind) as caught, Session.open(account_at(fake.port)):
        pass
    assert says in str(caught.value)


def test_no_secret_is_in_an_error_even_when_the_server_repeats_it(fake: FakeImap) -> None:
    """Control characters, the password and the user's name are taken out of a reply, and it is cut."""

    def echo(exchange: Exchange) -> None:
        exchange.bad(f"what is LOGIN Reader@Example.org {PASSWORD}?\x07\x1b[2J " + "x" * 500)

    fake.on("LOGIN", echo)
    with pytest.raises(AuthenticationFailed) as caught, Session.open(account_at(fake.port)):
        pass
    text = str(caught.value)
    assert "what is LOGIN *** ***? [2J xxx" in text
    assert PASSWORD not in text
    assert "example.org" not in text.lower()
    assert text.isprintable()
    assert len(text) < 450


def test_no_secret_is_in_an_error_in_base64_either(fake: FakeImap) -> None:
    """AUTHENTICATE PLAIN carries the password encoded; a server that repeats that is not repeated."""
    secret = "pässword"

    def echo(exchange: Exchange) -> None:
        exchange.send(b"+ \r\n")
        exchange.no(f"bad token {exchange.line()}")

    fake.on("AUTHENTICATE", echo)
    account = account_at(fake.port, password=lambda: secret)
    with pytest.raises(AuthenticationFailed) as caught, Session.open(account):
        pass
    token = base64.b64encode(f"\0{account.username}\0{secret}".encode()).decode()
    assert "bad token ***" in str(caught.value)
    assert token not in str(caught.value)


def test_a_goodbye_instead_of_a_login(fake: FakeImap) -> None:
    """A server that throws everybody out is tried again later; one that breaks off, at once."""
    fake.on("LOGIN", lambda exchange: exchange.untagged("BYE enough of you"))
    with pytest.raises(TemporarilyRefused, match="enough of you"), Session.open(account_at(fake.port)):
        pass
    fake.on("LOGIN", lambda exchange: exchange.hang_up())
    with pytest.raises(ConnectionLost, match="while logging in"), Session.open(account_at(fake.port)):
        pass


@pytest.mark.parametrize("password", ["tab\there", "line\r\nA1 LOGOUT", "nul\0"])
def test_control_characters_never_travel_in_a_quoted_string(fake: FakeImap, password: str) -> None:
    """A line end in a password would be read as a command of its own: it goes encoded."""
    with Session.open(account_at(fake.port, password=lambda: password)):
        assert fake.commands[1] == "AUTHENTICATE"
    assert fake.count("LOGIN") == 0


def test_login_disabled_uses_the_other_way(fake: FakeImap) -> None:
    """LOGINDISABLED forbids LOGIN: AUTHENTICATE PLAIN is used, or nothing is sent at all."""
    fake.capabilities = "IMAP4rev1 LOGINDISABLED AUTH=PLAIN"
    with Session.open(account_at(fake.port)):
        assert fake.count("AUTHENTICATE") == 1
    fake.capabilities = "IMAP4rev1 LOGINDISABLED"
    with (
        pytest.raises(AuthenticationFailed, match="no login with a password"),
        Session.open(account_at(fake.port)),
    ):
        pass
    assert fake.count("LOGIN") == 0


def test_a_password_that_no_login_can_carry(fake: FakeImap) -> None:
    """Without AUTHENTICATE PLAIN only printable ASCII can be sent."""
    fake.capabilities = "IMAP4rev1"
    account = account_at(fake.port, password=lambda: "Grüße")
    with pytest.raises(AuthenticationFailed, match="printable ASCII"), Session.open(account):
        pass


def test_a_connection_that_is_known_already_needs_no_login() -> None:
    """PREAUTH: the server knew us from where we come; but not where STARTTLS should have come first."""
    with FakeImap(greeting=b"* PREAUTH welcome\r\n") as fake:
        with Session.open(account_at(fake.port)) as session:
            assert session.examine("INBOX").exists == 0
        assert fake.count("LOGIN") == 0
        with (
            pytest.raises(EncryptionMissing),
            Session.open(account_at(fake.port, security=Security.STARTTLS)),
        ):
            pass
