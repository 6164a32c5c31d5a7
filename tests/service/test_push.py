"""Push: mail becomes a row as it arrives, and whatever the server does, no other inbox waits for it."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.fake_imap import CAPABILITIES, FakeImap
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.home import numbered
from tests.support.watched import inbox_at, watching
from watcher.service import watches
from watcher.service.polls import Polls

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser
    from tests.support.fake_imap import Exchange
    from tests.support.home import Home


def arrives(server: FakeImap, uid: int) -> None:
    """Put a mail into the folder and tell whoever idles."""
    server.add(uid, numbered(uid))
    server.announce()


def watch(home: Home, server: FakeImap, **keys: object) -> None:
    home.configure("inboxes:\n" + inbox_at(home, server, **keys))


def test_mail_is_a_row_as_it_arrives(home: Home, mail_user: MailUser) -> None:
    """Dovecot tells of each delivery; the interval is hours away."""
    home.watch(mail_user, every="6h")
    with watching(home) as (_, log):
        log.until_true(lambda: True)
        for number in (1, 2, 3):
            mail_user.deliver_lmtp(numbered(number))
            log.until_derived(number)
    assert home.subjects() == ["no. 1", "no. 2", "no. 3"]
    triggers = {row["trigger"] for row in home.vault_rows("select trigger from runs")}
    assert triggers == {"poll", "push"}


def test_every_folder_is_pushed_over_tls(home: Home, mail_user: MailUser) -> None:
    """Each has a connection of its own."""
    server = mail_user.server
    mail_user.create_folder("News")
    home.watch(
        mail_user,
        every="6h",
        folders="[INBOX, News]",
        port=server.tls_port,
        security="tls",
        cafile=server.cafile,
    )
    with watching(home) as (daemon, log):
        mail_user.deliver(numbered(1))
        log.until_derived(1)
        log.until_true(lambda: daemon._watches.pushed == 2 or bool(mail_user.deliver(numbered(2), "News")))
        mail_user.deliver(numbered(3), "News")
        log.until_derived(2)
    assert set(home.subjects()) >= {"no. 1", "no. 3"}


def test_the_connection_is_kept_from_mail_to_mail(home: Home, server: FakeImap) -> None:
    """DONE, search, fetch, IDLE: no new login, and the folder is not opened again."""
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        for uid in (2, 3, 4):
            assert server.idlers()
            arrives(server, uid)
            log.until_derived(uid)
    assert server.count("LOGIN") == 1
    assert server.count("EXAMINE") == 1


def test_marking_as_seen_does_not_miss_what_comes_meanwhile(home: Home, server: FakeImap) -> None:
    """To mark, the folder is opened again: its answer counts mail that nobody has announced."""
    late = iter([2])

    def store(exchange: Exchange) -> None:
        for uid in late:
            server.add(uid, numbered(uid))
        server.answer(exchange)

    server.on("UID STORE", store)
    watch(home, server, every="6h", after="seen")
    with watching(home) as (_, log):
        log.until_derived(2)
        assert server.idlers()
    assert home.subjects() == ["no. 1", "no. 2"]
    assert all(r"\Seen" in each.flags for each in server.messages.values())


def test_a_server_without_idle_is_polled(home: Home) -> None:
    """At its interval, with a connection for each pass."""
    with FakeImap(capabilities=CAPABILITIES.replace(" IDLE", "")) as server:
        server.add(1, numbered(1))
        watch(home, server, every="1h")
        with watching(home) as (daemon, log):
            log.until_derived(1)
            server.add(2, numbered(2))
            daemon._watches._ask("test")
            log.until_derived(2)
    assert server.count("IDLE") == 0
    assert server.count("LOGIN") == 2


def test_a_server_that_refuses_idle_is_polled_and_not_asked_again(home: Home, server: FakeImap) -> None:
    """It announces IDLE all the same."""
    server.on("IDLE", lambda exchange: exchange.no("not here"))
    watch(home, server, every="1h")
    with watching(home) as (daemon, log):
        log.until_derived(1)
        server.add(2, numbered(2))
        daemon._watches._ask("test")
        log.until_derived(2)
    assert server.count("IDLE") == 1
    assert not log.of("inbox_failed")


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
def test_a_lost_connection_is_replaced_and_nothing_is_missed(
    home: Home, server: FakeImap, reset: bool
) -> None:
    """What came while nobody listened is found by the first look."""
    first = iter([True])

    def idle(exchange: Exchange) -> None:
        if next(first, False):
            exchange.send(b"+ idling\r\n")
            server.add(2, numbered(2))
            exchange.hang_up(reset=reset)
        else:
            server.answer(exchange)

    server.on("IDLE", idle)
    watch(home, server, every="6h")
    with watching(home) as (_, log):
        log.until_derived(2)
        assert server.idlers()
        arrives(server, 3)
        log.until_derived(3)
    assert not log.of("inbox_failed")


def test_a_server_that_ends_every_idle_is_not_stormed(home: Home, server: FakeImap) -> None:
    """Each time it is left alone for longer; mail is polled meanwhile."""
    ended = threading.Semaphore(0)

    def idle(exchange: Exchange) -> None:
        exchange.send(b"+ idling\r\n* BYE enough\r\n")
        exchange.hang_up()
        ended.release()

    server.on("IDLE", idle)
    watch(home, server, every="6h")
    with watching(home) as (daemon, _):
        for _ in range(3):
            assert ended.acquire(timeout=20)
        (watched,) = daemon._watches._watches.values()
        assert watched._drops.failures >= 2
    assert server.count("LOGIN") <= 2 * server.count("IDLE") + 1


def test_idle_is_renewed_on_the_same_connection(home: Home, server: FakeImap) -> None:
    """And what the server forgot to tell is found then."""
    watch(home, server, every="6h")
    with watching(home, renewal=0.2) as (_, log):
        log.until_derived(1)
        server.add(2, numbered(2))  # nobody is told
        log.until_derived(2)
    assert server.count("IDLE") >= 2
    assert server.count("LOGIN") == 1


def test_folders_beyond_the_allowed_connections_are_polled_by_the_first(home: Home, server: FakeImap) -> None:
    """A login that is refused for too many connections costs no mail and no failure."""
    server.folders = ["INBOX", "News", "Letters"]
    logins = iter([True, True])

    def login(exchange: Exchange) -> None:
        if next(logins, False):
            exchange.ok()
        else:
            exchange.no("[ALERT] Too many simultaneous connections. (Failure)")

    server.on("LOGIN", login)
    watch(home, server, every="6h", folders="[INBOX, News, Letters]")
    with watching(home) as (_, log):
        assert server.idlers(2)
        log.until_derived(1)
    assert not log.of("inbox_failed")
    assert server.count("LOGIN") == 3
    looked_at = home.vault_rows("select folder, last_error from mailboxes where last_ok_at is not null")
    assert {row["folder"] for row in looked_at} == {"INBOX", "News", "Letters"}
    assert {row["last_error"] for row in looked_at} == {""}


def test_a_missing_folder_does_not_end_push_for_the_others(home: Home, server: FakeImap) -> None:
    """It is reported once; mail in the others is taken in as it arrives."""
    watch(home, server, every="6h", folders="[INBOX, Gone]")
    with watching(home) as (_, log):
        (failure,) = log.until("inbox_failed")
        assert server.idlers()
        arrives(server, 2)
        log.until_derived(2)
    assert "no folder Gone" in str(failure["error"])
    assert len(log.of("inbox_failed")) == 1


def test_a_hanging_server_holds_neither_another_inbox_nor_the_shutdown(home: Home, server: FakeImap) -> None:
    """It keeps its connection and answers nothing, for every inbox that it has."""
    stuck, released = threading.Semaphore(0), threading.Event()

    def hang(exchange: Exchange) -> None:
        stuck.release()
        released.wait(60)

    with FakeImap() as hanging:
        hanging.on("EXAMINE", hang)
        dead = "".join(inbox_at(home, hanging, f"dead{number}") for number in range(40))
        home.configure("inboxes:\n" + dead + inbox_at(home, server, "well"))
        with watching(home) as (_, log):
            assert stuck.acquire(timeout=20)
            log.until_derived(1)
            assert server.idlers()
            arrives(server, 2)
            log.until_derived(2)
        released.set()
    assert home.subjects() == ["no. 1", "no. 2"]


def test_a_long_first_download_leaves_room_for_others(
    home: Home, server: FakeImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another inbox of its server waits, it stops between two batches and goes on in its turn."""
    for uid in range(2, 181):
        server.add(uid, numbered(uid))
    monkeypatch.setattr(watches, "_SLICE", 0.0)
    monkeypatch.setattr(watches, "Polls", functools.partial(Polls, most=1))
    home.configure("inboxes:\n" + inbox_at(home, server, "one") + inbox_at(home, server, "two"))
    with watching(home) as (_, log):
        log.until_derived(180)
        assert server.idlers(2)
    first_two = [each["inbox"] for each in log.of("polled")][:2]
    assert set(first_two) == {"one", "two"}
    assert len(home.vault_rows("select 1 from messages")) == 180
    assert len(home.vault_rows("select 1 from deliveries")) == 360


def test_a_connection_that_is_cut_again_and_again_costs_no_mail(home: Home, mail_user: MailUser) -> None:
    """Dovecot behind a proxy that resets: one failure is told, then the recovery, and the mail is there."""
    with FaultProxy(mail_user.server.port) as proxy:
        home.watch(mail_user, every="6h", port=proxy.port)
        with watching(home) as (daemon, log):
            mail_user.deliver(numbered(1))
            log.until_derived(1)
            proxy.harm(Fault.RST)
            mail_user.deliver(numbered(2))
            log.until_true(lambda: bool(log.of("inbox_failed")))
            proxy.harm(Fault.NONE)
            log.until_derived(2)
            assert log.until("recovered")
            assert daemon._watches.alive(60)
    assert home.subjects() == ["no. 1", "no. 2"]


def test_a_folder_that_breaks_its_connection_does_not_silence_another(home: Home, server: FakeImap) -> None:
    """Both were told of mail at once: the second one is looked at although the first one broke."""
    server.folders = ["INBOX", "News"]
    breaks = threading.Event()

    def fetch(exchange: Exchange) -> None:
        if breaks.is_set() and exchange.arguments.startswith("2:*"):
            breaks.clear()
            exchange.hang_up()
        else:
            server.answer(exchange)

    server.on("UID FETCH", fetch)
    watch(home, server, every="6h", folders="[INBOX, News]")
    with watching(home) as (_, log):
        assert server.idlers(2)
        breaks.set()
        arrives(server, 2)
        log.until_derived(2)
        log.until("recovered")
        assert server.idlers(2)
    assert home.subjects() == ["no. 1", "no. 2"]
