"""Connections that break, stall or drip in the middle of something."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.mailbox.conftest import account_at
from tests.support.dovecot import running_dovecot
from tests.support.fake_imap import FakeImap
from tests.support.fault_proxy import Fault, FaultProxy
from watcher.mailbox import ConnectionLost, Fetched, MessageUnavailable, Security, Session, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.certificates import Authority
    from tests.support.dovecot import Dovecot, MailUser
    from tests.support.fake_imap import Exchange
    from watcher.mailbox import Account

RAW = b"Message-ID: <a@example.org>\r\nSubject: a\r\n\r\n" + b"hello\r\n" * 1000

FAULTS = {
    Fault.FIN: "the server closed the connection",
    Fault.RST: "the server closed the connection",
    Fault.STALL: "the server was silent for 0.2 s",
    Fault.DRIP: "the command had not ended after 0.4 s",
}


def hurry(session: Session, *, read: float = 5, command: float = 5) -> None:
    """Shorten the ends of an open session: a busy machine must not meet them earlier than the fault."""
    conversation = session._conversation
    conversation.account = replace(conversation.account, read_timeout=read, command_timeout=command)
    conversation._client.socket().settimeout(read)


def arrived(batch: Iterable[Fetched | MessageUnavailable]) -> dict[int, bytes]:
    return {item.uid: item.raw for item in batch if isinstance(item, Fetched)}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
@pytest.mark.parametrize("after", [10, 20_000])
def test_a_fetch_that_breaks_loses_only_its_batch(
    mail_user: MailUser, account_of: Callable[..., Account], fault: Fault, security: Security, after: int
) -> None:
    """What came before is whole, the rest is told by its UIDs, and a new session gets it."""
    mail_user.deliver_many([RAW] * 6)
    dovecot = mail_user.server
    with FaultProxy(dovecot.tls_port if security is Security.TLS else dovecot.port) as proxy:
        account = account_of(mail_user, security, port=proxy.port)
        got: dict[int, bytes] = {}
        with Session.open(account) as session:
            session.examine("INBOX")
            sizes = session.sizes(range(1, 7))
            batches = session.fetch(list(sizes), sizes, messages=2)
            got |= arrived(next(batches))
            hurry(session, read=0.2, command=0.4)
            proxy.harm(fault, after)
            with pytest.raises(ConnectionLost) as caught:
                got |= {uid: raw for batch in batches for uid, raw in arrived(batch).items()}
            with pytest.raises(ConnectionLost):
                session.examine("INBOX")
        assert set(got.values()) == {RAW}
        assert caught.value.uids == ((3, 4) if after < 20_000 else (5, 6))
        # Of a TLS record that drips in, nothing is seen before its end: that is a silence.
        seen = Fault.STALL if (fault, security) == (Fault.DRIP, Security.TLS) else fault
        assert FAULTS[seen] in str(caught.value)
        proxy.harm(Fault.NONE)
        with Session.open(account) as session:
            session.examine("INBOX")
            rest = list(caught.value.uids)
            [batch] = session.fetch(rest, session.sizes(rest))
            assert arrived(batch) == dict.fromkeys(rest, RAW)


def test_a_server_that_talks_for_ever_is_cut_off_in_tls_too(authority: Authority) -> None:
    """Each record arrives in time, the end of the command does not: only the deadline sees that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue("talker")
    context.load_cert_chain(certificate.cert, certificate.key)
    with FakeImap(implicit_tls=context) as fake:

        def talk(exchange: Exchange) -> None:
            while True:
                exchange.untagged("OK still searching")
                time.sleep(0.02)

        fake.on("UID SEARCH", talk)
        account = account_at(fake.port, security=Security.TLS, cafile=str(authority.cafile))
        with Session.open(account) as session:
            session.examine("INBOX")
            hurry(session, command=0.2)
            with pytest.raises(ConnectionLost, match=r"had not ended after 0\.2 s"):
                session.new_uids(0, 0)


def test_a_stall_during_the_login(
    dovecot: Dovecot, mail_user: MailUser, account_of: Callable[..., Account]
) -> None:
    """The login has an end as well, and its password does not get into the error."""
    with FaultProxy(dovecot.port) as proxy:
        account = account_of(mail_user, port=proxy.port, read_timeout=0.3)
        proxy.harm(Fault.STALL, 600)
        with pytest.raises((ConnectionLost, Unreachable)) as caught, Session.open(account):
            pass
    assert mail_user.password not in str(caught.value)


def test_closing_never_raises_and_never_waits_long(
    dovecot: Dovecot, mail_user: MailUser, account_of: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever has happened to the connection by then, the work in the block is done."""
    monkeypatch.setattr("watcher.mailbox.conversation.GOODBYE_SECONDS", 0.2)
    for fault in (Fault.FIN, Fault.RST, Fault.STALL, Fault.DRIP):
        with (
            FaultProxy(dovecot.port) as proxy,
            Session.open(account_of(mail_user, port=proxy.port)) as session,
        ):
            session.examine("INBOX")
            proxy.harm(fault)


def test_an_error_in_the_block_comes_through(mail_user: MailUser, account_of: Callable[..., Account]) -> None:
    """Closing does not replace the caller's own error."""
    with pytest.raises(ZeroDivisionError), Session.open(account_of(mail_user)):
        raise ZeroDivisionError


def test_an_interrupt_in_the_middle_gives_the_connection_up(
    fake: FakeImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C in the middle of an answer nobody knows what comes next."""
    fake.add(1, RAW)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with Session.open(account_at(fake.port)) as session:
        session.examine("INBOX")
        monkeypatch.setattr(session._conversation._client, "uid_search", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.new_uids(0, 0)
        with pytest.raises(ConnectionLost, match="given up"):
            session.sizes([1])
    assert fake.count("LOGOUT") == 0


def test_an_answer_after_the_deadline_is_not_believed(
    fake: FakeImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that were read while the socket was being shut down may be anything, even a good answer."""
    fake.add(1, RAW)
    with Session.open(account_at(fake.port)) as session:
        session.examine("INBOX")
        hurry(session, command=0.1)
        client = session._conversation._client
        search = client.uid_search

        def slow(*criteria: str) -> list[int]:
            found: list[int] = search(*criteria)
            end = time.monotonic() + 5
            while client.socket().fileno() >= 0 and time.monotonic() < end and not gone(client.socket()):
                time.sleep(0.01)
            return found

        def gone(sock: object) -> bool:
            try:
                return sock.recv(1) == b""  # type: ignore[attr-defined, no-any-return]
            except OSError:
                return True

        monkeypatch.setattr(client, "uid_search", slow)
        with pytest.raises(ConnectionLost, match=r"had not ended after 0\.1 s"):
            session.new_uids(0, 0)


def test_a_server_that_goes_away_and_comes_back() -> None:
    """The session ends with one clear error, the next one with another, and then all is well again."""
    with running_dovecot() as dovecot:
        user = dovecot.user()
        user.deliver(RAW)
        account = account_at(dovecot.port, username=user.name, password=lambda: user.password)
        with Session.open(account) as session:
            session.examine("INBOX")
            dovecot.stop()
            with pytest.raises(ConnectionLost):
                session.sizes([1])
        with pytest.raises(Unreachable, match="nobody is listening"), Session.open(account):
            pass
        dovecot.start()
        with Session.open(account) as session:
            assert session.examine("INBOX").exists == 1
