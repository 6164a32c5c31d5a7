"""IDLE: no arrival is missed and no dead peer waited for, on Dovecot and on servers that break the rules."""

from __future__ import annotations

import select
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.mailbox.conftest import account_at
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.home import mail
from watcher.mailbox import ConnectionLost, PushRefused, Security, Session

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.support.dovecot import Dovecot, MailUser
    from tests.support.fake_imap import Exchange, FakeImap
    from watcher.mailbox import Account

PATIENCE = 10_000  # milliseconds


@contextmanager
def idling(account: Account) -> Iterator[Session]:
    """A session that idles in INBOX."""
    session = Session.connect(account)
    try:
        session.examine("INBOX")
        session.idle()
        yield session
    finally:
        session.leave()


def hears(session: Session) -> bool:
    """Whether news come before patience ends; waits only when nothing was heard already."""
    if session.heard():
        return True
    poll = select.poll()
    poll.register(session.fileno(), select.POLLIN)
    while poll.poll(PATIENCE):
        if session.heard():
            return True
    return False


class Script:
    """A server's behaviour in IDLE: what it sends before, with and after its consent."""

    def __init__(self, server: FakeImap, *, before: bytes = b"", consent: bytes = b"+ idling\r\n") -> None:
        self.server = server
        self.before, self.consent = before, consent
        self.sock: socket.socket | None = None
        self.entered = threading.Event()
        server.on("IDLE", self.enter)

    def enter(self, exchange: Exchange) -> None:
        exchange.send(self.before + self.consent)
        self.sock = exchange.sock
        self.entered.set()
        if exchange.line() == "DONE":
            exchange.ok()

    def say(self, data: bytes) -> None:
        """Send from the test's own thread."""
        assert self.entered.wait(10)
        assert self.sock is not None
        self.sock.sendall(data)


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS, Security.STARTTLS])
def test_dovecot_tells_of_a_delivery(
    mail_user: MailUser, account_of: Callable[..., Account], security: Security
) -> None:
    """The socket wakes up, the search finds the mail, and the same connection idles again."""
    with idling(account_of(mail_user, security)) as session:
        assert not session.heard()
        for uid in (1, 2):
            mail_user.deliver_lmtp(mail(f"no. {uid}", message_id=f"<{uid}@example.org>"))
            assert hears(session)
            session.awake()
            state = session.current()
            assert state.exists == uid
            assert session.new_uids(uid - 1, state.uidnext) == [uid]
            assert not session.news
            assert session.arrived(uid - 1).keys() == {uid}
            assert session.arrived(uid - 1)[uid] > 100
            assert session.arrived(uid) == {}  # the server answers with the last one all the same
            session.idle()


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
def test_mail_between_the_search_and_idle_is_heard_of(
    mail_user: MailUser, account_of: Callable[..., Account], security: Security
) -> None:
    """Its EXISTS comes in one read with the server's consent: the socket never becomes readable."""
    account = account_of(mail_user, security)
    session = Session.connect(account)
    try:
        state = session.examine("INBOX")
        for uid in range(1, 4):
            session.new_uids(uid - 1, state.uidnext)
            mail_user.deliver(mail(f"no. {uid}", message_id=f"<{uid}@example.org>"))
            session.idle()
            assert hears(session)
            session.awake()
            state = session.current()
            assert session.new_uids(uid - 1, state.uidnext) == [uid]
    finally:
        session.close()


@pytest.mark.parametrize(
    ("before", "consent"),
    [
        (b"* 1 EXISTS\r\n", b"+ idling\r\n"),  # Exchange
        (b"", b"+ idling\r\n* 1 EXISTS\r\n* 1 RECENT\r\n"),  # Dovecot
        (b"* OK still here\r\n", b"+ \r\n* 1 exists\r\n"),
    ],
    ids=["before the consent", "with the consent", "small letters"],
)
def test_news_around_the_consent_count(fake: FakeImap, before: bytes, consent: bytes) -> None:
    """No byte is left to wait for, so it must be found in what was read already."""
    Script(fake, before=before, consent=consent)
    with idling(account_at(fake.port)) as session:
        assert hears(session)
        session.awake()
        assert session.current().exists == 1


def test_a_response_that_comes_in_pieces_is_put_together(fake: FakeImap) -> None:
    """A line split over segments is neither lost nor an error."""
    script = Script(fake)
    with idling(account_at(fake.port)) as session:
        for byte in b"* 7 EXISTS":
            script.say(bytes([byte]))
            assert select.select([session.fileno()], [], [], 10)[0]
            assert not session.heard()
        script.say(b"\r\n")
        assert hears(session)
        session.awake()
        assert session.current().exists == 7


def test_noise_is_no_news(fake: FakeImap) -> None:
    """Keep-alives, flags and expunges of others wake nobody; what follows them does."""
    script = Script(fake)
    with idling(account_at(fake.port)) as session:
        script.say(b"* OK Still here\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 3 EXPUNGE\r\n* 4 RECENT\r\n")
        assert select.select([session.fileno()], [], [], 10)[0]
        assert not session.heard()
        script.say(b"* 5 EXISTS\r\n")
        assert hears(session)


def test_news_with_the_end_of_idle_are_kept(fake: FakeImap) -> None:
    """An EXISTS between DONE and its OK is not lost."""

    def late(exchange: Exchange) -> None:
        exchange.send(b"+ idling\r\n")
        assert exchange.line() == "DONE"
        exchange.untagged("1 EXISTS")
        exchange.ok()

    fake.on("IDLE", late)
    with idling(account_at(fake.port)) as session:
        session.awake()
        assert session.news


def test_a_server_that_ends_idle_itself_is_listened_to(fake: FakeImap) -> None:
    """A tagged OK without DONE: the session goes on, and DONE, which would be a bad command, is not sent."""
    fake.on("IDLE", lambda exchange: (exchange.send(b"+ idling\r\n"), exchange.ok("enough"))[0])
    with idling(account_at(fake.port)) as session:
        assert hears(session)
        session.awake()
        assert session.new_uids(0, 0) == []
    assert fake.count("DONE") <= 1  # only as part of the farewell


@pytest.mark.parametrize("answer", ["no", "bad"])
def test_a_refused_idle_leaves_the_session_usable(fake: FakeImap, answer: str) -> None:
    """The server announces IDLE and refuses it: an error of its own, and the folder can still be read."""
    fake.on("IDLE", lambda exchange: getattr(exchange, answer)("not for you"))
    session = Session.connect(account_at(fake.port))
    session.examine("INBOX")
    with pytest.raises(PushRefused, match=r"refuses IDLE: not for you; the inbox is polled"):
        session.idle()
    assert session.new_uids(0, 0) == []
    session.close()


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_a_closed_connection_is_noticed_at_once(fake: FakeImap, reset: bool) -> None:
    """The selector wakes up and the next look raises; the stock check spins here for ever."""

    def closes(exchange: Exchange) -> None:
        exchange.send(b"+ idling\r\n")
        exchange.hang_up(reset=reset)

    fake.on("IDLE", closes)
    with idling(account_at(fake.port)) as session:
        with pytest.raises(ConnectionLost, match="closed the connection"):
            hears(session)
        assert session.lost
        with pytest.raises(ConnectionLost):
            session.heard()


@pytest.mark.parametrize("fault", [Fault.FIN, Fault.RST])
def test_a_cut_tls_connection_is_noticed(
    mail_user: MailUser, dovecot: Dovecot, account_of: Callable[..., Account], fault: Fault
) -> None:
    """Below TLS too: the cut comes with the next bytes of the server."""
    with FaultProxy(dovecot.tls_port) as proxy:
        account = account_of(mail_user, Security.TLS, port=proxy.port)
        with idling(account) as session:
            proxy.harm(fault)
            mail_user.deliver(mail())
            with pytest.raises(ConnectionLost):
                hears(session)


def test_goodbye_in_idle_is_a_lost_connection(fake: FakeImap) -> None:
    """BYE is told in the server's words."""
    script = Script(fake)
    with idling(account_at(fake.port)) as session:
        script.say(b"* BYE Session expired, please login again.\r\n")
        with pytest.raises(ConnectionLost, match="said goodbye: Session expired"):
            hears(session)


@pytest.mark.parametrize("flood", [b"* OK noise\r\n" * 400_000, b"x" * 200_000], ids=["lines", "a line"])
def test_a_server_that_never_stops_talking_is_left(fake: FakeImap, flood: bytes) -> None:
    """What one IDLE may bring in is bounded, as a whole and for each line."""
    script = Script(fake)
    with idling(account_at(fake.port)) as session:
        assert script.entered.wait(10)
        talking = threading.Thread(target=_ignoring_the_end, args=(script, flood))
        talking.start()
        with pytest.raises(ConnectionLost, match="far more"):
            hears(session)
        talking.join(10)


def _ignoring_the_end(script: Script, flood: bytes) -> None:
    try:
        script.say(flood)
    except OSError:
        return


def test_a_frozen_server_ends_the_renewal(fake: FakeImap) -> None:
    """It keeps the connection and answers nothing: keep-alives do not see that, the read timeout does."""
    silent = threading.Event()

    def freezes(exchange: Exchange) -> None:
        exchange.send(b"+ idling\r\n")
        silent.wait(10)

    fake.on("IDLE", freezes)
    with idling(account_at(fake.port, read_timeout=0.2)) as session:
        with pytest.raises(ConnectionLost, match="silent for"):
            session.awake()
        assert session.lost
    silent.set()


def test_an_interrupt_from_another_thread_ends_the_wait(fake: FakeImap) -> None:
    """A shutdown does not wait for a server that says nothing."""
    reached, silent = threading.Event(), threading.Event()

    def freezes(exchange: Exchange) -> None:
        reached.set()
        silent.wait(10)

    fake.on("UID SEARCH", freezes)
    session = Session.connect(account_at(fake.port, read_timeout=60, command_timeout=60))
    session.examine("INBOX")
    threading.Thread(target=lambda: (reached.wait(10), session.interrupt())).start()
    with pytest.raises(ConnectionLost):
        session.new_uids(0, 0)
    session.leave()
    silent.set()
