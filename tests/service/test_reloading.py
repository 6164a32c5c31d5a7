"""SIGHUP: other settings are in force without a restart, and connections that they leave alone stay open."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.service.test_push import arrives
from tests.support.fake_imap import FakeImap
from tests.support.home import ended, numbered
from tests.support.watched import inbox_at, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.dovecot import MailUser
    from tests.support.home import Home


@pytest.fixture
def servers() -> Iterator[list[FakeImap]]:
    """Three scripted servers with a mail each."""
    with FakeImap() as one, FakeImap() as two, FakeImap() as three:
        for number, each in enumerate((one, two, three), 1):
            each.add(1, numbered(number))
        yield [one, two, three]


def test_only_what_changed_is_connected_anew(home: Home, servers: list[FakeImap]) -> None:
    """One inbox stays, one goes, one comes: the first keeps its connection and its push."""
    kept, gone, new = servers
    stays = "inboxes:\n" + inbox_at(home, kept, "kept")
    home.configure(stays + inbox_at(home, gone, "gone"))
    with watching(home) as (daemon, log):
        log.until_derived(2)
        assert kept.idlers()
        assert gone.idlers()
        home.configure(stays + inbox_at(home, new, "new"))
        daemon.reload()
        (changes,) = log.until("reloaded")
        log.until_derived(3)
        assert gone.idlers(0)
        assert new.idlers()
        arrives(kept, 9)
        log.until_derived(4)
    assert changes == {"new": ["new"], "changed": [], "gone": ["gone"]}
    assert [server.count("LOGIN") for server in servers] == [1, 1, 1]


@pytest.mark.parametrize(
    ("keys", "logins"),
    [
        ({"every": "7h"}, 1),
        ({"redact": "[Jane Doe]"}, 1),
        ({"folders": "[INBOX, News]"}, 2),  # one more, for the new folder
        ({"connect_as": "someone else"}, 2),
    ],
    ids=["interval", "redaction", "folders", "account"],
)
def test_a_changed_inbox_keeps_the_connections_that_still_fit(
    home: Home, servers: list[FakeImap], keys: dict[str, str], logins: int
) -> None:
    """Only another server or account needs another connection."""
    server = servers[0]
    server.folders = ["INBOX", "News"]
    home.configure("inboxes:\n" + inbox_at(home, server, every="6h"))
    with watching(home) as (daemon, log):
        log.until_derived(1)
        assert server.idlers()
        text = inbox_at(home, server, **({"every": "6h"} | keys))
        if name := keys.get("connect_as"):
            text = inbox_at(home, server, every="6h").replace("username: reader", f"username: {name}")
        home.configure("inboxes:\n" + text)
        passes = server.count("EXAMINE")
        daemon.reload()
        assert log.until("reloaded")[0]["changed"] == ["test"]
        _until(lambda: server.count("EXAMINE") > passes)
        assert server.idlers(2 if "folders" in keys else 1)
    assert server.count("LOGIN") == logins


def _until(condition: Callable[[], bool]) -> None:
    import threading

    for _ in range(2_000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_other_senders_are_known_at_once(home: Home, servers: list[FakeImap]) -> None:
    """senders.yaml is read again as well; nothing is connected for it."""
    server = servers[0]
    inboxes = "inboxes:\n" + inbox_at(home, server)
    home.configure(inboxes)
    with watching(home) as (daemon, log):
        log.until_derived(1)
        assert server.idlers()
        senders = "senders:\n  - name: Example News\n    match: {domains: [example.org]}\n"
        home.configure(inboxes, senders)
        daemon.reload()
        log.until("reloaded")
        arrives(server, 2)
        log.until_derived(2)
    assert home.rows("select sender from newsletters where subject = 'no. 2'") == [{"sender": "example-news"}]
    assert server.count("LOGIN") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("every: 6h", "every: 6 h"), "inboxes.yaml:11:12: inboxes.0.every: "),
        (lambda text: text.replace("data/vault.db", "data/other.db"), "`store:` has changed"),
        (lambda _: "inboxes: []\n", "no inboxes"),
        (lambda _: "inboxes: [", "inboxes.yaml:1"),
    ],
    ids=["value", "store", "empty", "syntax"],
)
def test_bad_settings_are_refused_and_the_old_ones_stay(
    home: Home, servers: list[FakeImap], change: Callable[[str], str], said: str
) -> None:
    """The log says where the mistake is; mail goes on as before."""
    server = servers[0]
    home.configure("inboxes:\n" + inbox_at(home, server, every="6h"))
    with watching(home) as (daemon, log):
        log.until_derived(1)
        assert server.idlers()
        home.config.write_text(change(home.config.read_text()))
        daemon.reload()
        (refusal,) = log.until("reload_refused")
        arrives(server, 2)
        log.until_derived(2)
    assert said in str(refusal["reason"])
    assert server.count("LOGIN") == 1


def test_sighup_tells_the_service_manager_when_it_is_done(
    home: Home, mail_user: MailUser, tmp_path: Path
) -> None:
    """RELOADING with the moment, then READY, in a process of its own, which goes on and ends in order."""
    from tests.service.test_daemon import Manager

    home.watch(mail_user, every="6h")
    manager = Manager(tmp_path / "notify")
    with ended(home.start("run", environ={"NOTIFY_SOCKET": manager.path})) as process:
        manager.until("READY=1")
        process.send_signal(signal.SIGHUP)
        reloading = manager.until("RELOADING=1")
        manager.until("READY=1")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    manager.close()
    assert process.returncode == 0, log
    assert int(reloading.partition("MONOTONIC_USEC=")[2]) > 0
