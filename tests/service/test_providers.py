"""What the large providers do beside the standard, each as a scripted server, with the daemon before it.

The facts are from their trackers and documentation; where none is known, the server does what the standard
allows and few clients expect.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.service.test_push import arrives, watch
from tests.support.home import numbered
from tests.support.watched import inbox_at, watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fake_imap import Exchange, FakeImap
    from tests.support.home import Home
    from tests.support.watched import Log


def once(
    handler: Callable[[Exchange], None], *, times: int = 1, after: int = 0
) -> Callable[[Exchange], None]:
    """Misbehave `times` times, after so many sensible answers, then never again."""
    calls = iter(range(after + times))

    def handle(exchange: Exchange) -> None:
        call = next(calls, None)
        if call is None or call < after:
            exchange.server.answer(exchange)
        else:
            handler(exchange)

    return handle


def pushed(server: FakeImap, log: Log, uid: int) -> None:
    """See that push works: one more mail arrives and becomes a row."""
    assert server.idlers()
    arrives(server, uid)
    log.until_derived(uid)


@pytest.mark.parametrize(
    "said",
    [
        # Gmail, when the token of the login ends: after an hour or a day.
        b"* BYE Session expired, please login again.\r\n",
        # Fastmail's timer (RFC 9051, section 5.4), after keep-alives that are no news.
        b"* OK Still here\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* BYE idle for too long\r\n",
    ],
    ids=["gmail", "fastmail"],
)
def test_a_session_that_the_server_ends_in_idle_is_taken_up_again(
    home: Home, server: FakeImap, said: bytes
) -> None:
    """A new login follows at once, and nobody is alarmed."""

    def end(exchange: Exchange) -> None:
        exchange.send(b"+ idling\r\n" + said)
        server.add(2, numbered(2))
        exchange.hang_up()

    server.on("IDLE", once(end))
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        log.until_derived(2)
        pushed(server, log, 3)
    assert not log.of("inbox_failed")


def test_gmail_allows_fifteen_connections(home: Home, server: FakeImap) -> None:
    """A person's own programs may hold all of them: the inbox waits, and comes back by itself."""
    alert = "[ALERT] Too many simultaneous connections. (Failure)"
    server.on("LOGIN", once(lambda exchange: exchange.no(alert)))
    watch(home, server, every="6h")
    with watching(home) as (daemon, log):
        (failure,) = log.until("inbox_failed")
        (watched,) = daemon._watches._watches.values()
        assert watched.retry_at() is not None
        _try_now(daemon)
        log.until_derived(1)
        assert log.until("recovered")
    assert "Too many simultaneous connections" in str(failure["error"])


def _try_now(daemon: object) -> None:
    """Let the time of the back-off pass."""
    watches = daemon._watches  # type: ignore[attr-defined]
    for watched in watches._watches.values():
        watched.backoff = type(watched.backoff)(watched.backoff.failures)
        watches._ask(watched.inbox.name)


def test_exchange_authenticates_and_is_not_connected(home: Home, server: FakeImap) -> None:
    """A stale token or another's mailbox: for some time only, so no question of the password."""
    server.on("EXAMINE", once(lambda exchange: exchange.bad("User is authenticated but not connected.")))
    watch(home, server, every="6h")
    with watching(home) as (daemon, log):
        (failure,) = log.until("inbox_failed")
        _try_now(daemon)
        log.until_derived(1)
    assert "authenticated but not connected" in str(failure["error"])


def test_exchange_answers_bad_at_random(home: Home, server: FakeImap) -> None:
    """The connection is thrown away and the same mail comes by the next one."""
    server.on("UID SEARCH", once(lambda exchange: exchange.bad("Server Unavailable. 15")))
    watch(home, server, every="6h")
    with watching(home) as (daemon, log):
        log.until("inbox_failed")
        _try_now(daemon)
        log.until_derived(1)
        pushed(server, log, 2)
    assert server.count("LOGIN") == 2


def test_exchange_tells_of_mail_before_it_consents_to_idle(home: Home, server: FakeImap) -> None:
    """EXISTS before the `+` is news like any other."""

    def early(exchange: Exchange) -> None:
        server.add(2, numbered(2))
        exchange.untagged("2 EXISTS")
        server.answer(exchange)

    server.on("IDLE", once(early))
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        log.until_derived(2)
        pushed(server, log, 3)
    assert server.count("LOGIN") == 1


def test_yahoo_names_no_uidvalidity(home: Home, server: FakeImap) -> None:
    """While a folder stays open its UIDs hold: a push asks for new mail alone, and nothing is doubled."""
    server.uidvalidity = None

    def trailing_space(exchange: Exchange) -> None:
        exchange.untagged(
            "SEARCH " + "".join(f"{uid} " for uid in server.named(exchange.arguments.split()[1]))
        )
        exchange.ok()

    server.on("UID SEARCH", trailing_space)
    watch(home, server, every="6h")
    with watching(home) as (daemon, log):
        log.until_derived(1)
        assert server.idlers()
        before = len(server.commands)
        pushed(server, log, 2)
        asked = server.commands[before:]
        assert any("FETCH 2" in each for each in asked)
        assert not any("FETCH 1 " in each for each in asked)
        pushed(server, log, 3)
        daemon._watches._ask(
            "test"
        )  # the folder is opened again: everything is listed, nothing fetched twice
        pushed(server, log, 4)
    assert len(home.vault_rows("select 1 from messages")) == 4
    assert len(home.vault_rows("select 1 from deliveries")) == 4


def test_aol_ends_idle_after_five_minutes(home: Home, server: FakeImap) -> None:
    """With a tagged OK that nobody asked for: IDLE begins again on the same connection."""

    def enough(exchange: Exchange) -> None:
        exchange.send(b"+ idling\r\n")
        exchange.ok("IDLE terminated")

    server.on("IDLE", once(enough))
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        log.until_derived(1)
        pushed(server, log, 2)
    assert server.count("LOGIN") == 1


def test_icloud_says_ok_and_sends_no_body(home: Home, server: FakeImap) -> None:
    """It does so for RFC822, which is never asked for; and should it for the body, that mail is owed."""

    def without_body(exchange: Exchange) -> None:
        exchange.untagged('1 FETCH (UID 1 INTERNALDATE "01-Mar-2026 12:00:00 +0000")')
        exchange.ok()

    server.on("UID FETCH", once(without_body, after=1))
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        (polled,) = log.until("polled")
        pushed_later = server.idlers()
    assert pushed_later
    assert polled["failed"] == 1
    assert home.vault_rows("select last_uid from mailboxes") == [{"last_uid": 0}]
    assert not any("RFC822" in each and "SIZE" not in each for each in server.commands)


def test_proton_bridge_gives_out_other_uids(home: Home, server: FakeImap) -> None:
    """UIDVALIDITY changes with an upgrade, in the next connection: nothing is lost and nothing doubled."""

    def upgrade(exchange: Exchange) -> None:
        exchange.send(b"+ idling\r\n* BYE restarting\r\n")
        server.uidvalidity = 8
        server.messages = {11: server.messages[1]}
        server.add(12, numbered(2))
        exchange.hang_up()

    server.on("IDLE", once(upgrade))
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        log.until_derived(2)
        assert server.idlers()
        arrives(server, 13)
        log.until_derived(3)
    assert [row["uidvalidity"] for row in home.vault_rows("select uidvalidity from mailboxes")] == [8]
    assert len(home.vault_rows("select 1 from messages")) == 3


def test_proton_bridge_puts_news_into_answers(home: Home, server: FakeImap) -> None:
    """FETCH and EXPUNGE lines of other messages, and an EXISTS, in the midst of a FETCH."""

    def chatty(exchange: Exchange) -> None:
        exchange.untagged("7 FETCH (FLAGS (\\Seen))")
        exchange.untagged("9 EXPUNGE")
        server.add(2, numbered(2))
        exchange.untagged("2 EXISTS")
        server.answer(exchange)

    server.on("UID FETCH", once(chatty))
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        log.until_derived(2)
        pushed(server, log, 3)
    assert home.subjects() == ["no. 1", "no. 2", "no. 3"]


def test_dovecot_makes_failed_logins_slow(home: Home, server: FakeImap) -> None:
    """A wrong password is tried once, whatever is announced; the other inbox of that server goes on."""
    refused = threading.Event()

    def login(exchange: Exchange) -> None:
        if "locked" in exchange.arguments:
            refused.set()
            exchange.no("[AUTHENTICATIONFAILED] Authentication failed.")
        else:
            exchange.ok()

    server.on("LOGIN", login)
    locked = inbox_at(home, server, "other", every="10s").replace("username: reader", "username: locked")
    home.configure("inboxes:\n" + locked + inbox_at(home, server))
    with watching(home) as (daemon, log):
        assert refused.wait(20)
        log.until("inbox_failed")
        daemon._watches._ask("other")
        log.until_derived(1)
        pushed(server, log, 2)
    assert server.count("LOGIN") == 2
    assert len(log.of("inbox_failed")) == 1
