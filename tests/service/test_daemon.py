"""The daemon as a process of its own, with a real mail server and a service manager's socket."""

from __future__ import annotations

import signal
import socket
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.home import ended, mail
from watcher import settings as settings_room
from watcher.service.daemon import Daemon
from watcher.service.notify import Notifier
from watcher.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.dovecot import MailUser
    from tests.support.home import Home


class Manager:
    """The service manager's end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(30)
        self.heard: list[str] = []

    def until(self, word: str) -> str:
        """Wait for a message that holds `word`."""
        while True:
            message = self._socket.recv(4096).decode()
            self.heard.append(message)
            if word in message:
                return message

    def close(self) -> None:
        self._socket.close()


def test_run_takes_mail_in_and_ends_cleanly_on_sigterm(
    home: Home, mail_user: MailUser, tmp_path: Path
) -> None:
    """READY, a status with the number of mails, the row in the store, STOPPING, exit code 0."""
    home.watch(mail_user)
    mail_user.deliver(mail("while it runs"))
    manager = Manager(tmp_path / "notify")
    with ended(home.start("run", environ={"NOTIFY_SOCKET": manager.path})) as process:
        manager.until("READY=1")
        manager.until("1 mails")
        process.send_signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        _, log = process.communicate(timeout=30)
    manager.close()
    assert process.returncode == 0, log
    assert home.subjects() == ["while it runs"]
    assert '"event": "stopped"' in log
    assert "while it runs" not in log
    assert "WATCHDOG=1" in manager.heard


def test_run_without_an_inbox_is_a_bad_configuration(home: Home) -> None:
    """Systemd must not restart it for ever: exit 78."""
    outcome = home.run("run")
    assert outcome.code == 78
    assert "no inboxes" in outcome.err


def daemon(home: Home) -> Daemon:
    """A daemon in this process, polling every second."""
    loaded = settings_room.load(home.config)
    inboxes = tuple(replace(inbox, every=timedelta(seconds=1)) for inbox in loaded.inboxes)
    return Daemon(replace(loaded, inboxes=inboxes), (), Notifier(""))


class Log:
    """What the daemon logged, and an event to wait for."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []
        self._changed = threading.Condition()

    def write(self, event: str, **values: object) -> None:
        with self._changed:
            self.lines.append((event, values))
            self._changed.notify_all()

    debug = info = warning = exception = write

    def until(self, event: str, times: int = 1) -> list[dict[str, object]]:
        """Wait until `event` was logged so often; its values."""

        def found() -> list[dict[str, object]]:
            return [values for name, values in self.lines if name == event]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= times, 30), self.lines
        return found()


def running(watched: Daemon, monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Thread, Log]:
    log = Log()
    monkeypatch.setattr(watched, "_log", log)
    thread = threading.Thread(target=watched.run)
    thread.start()
    return thread, log


def test_mail_that_comes_later_is_taken_in_at_the_next_poll(
    home: Home, mail_user: MailUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T8: no push is needed; the interval brings it."""
    home.watch(mail_user)
    watched = daemon(home)
    thread, log = running(watched, monkeypatch)
    try:
        log.until("started")
        mail_user.deliver(mail("first"))
        log.until("derived")
        mail_user.deliver(mail("second", message_id="<2@example.org>"))
        log.until("derived", 2)
    finally:
        watched.stop()
        thread.join(30)
    assert not thread.is_alive()
    assert home.subjects() == ["first", "second"]


def test_t16_a_wrong_password_backs_off_and_recovers_nothing_by_force(
    home: Home, mail_user: MailUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One login, one warning, then silence for minutes, however short the interval.

    The other inbox goes on.
    """
    home.watch(mail_user)
    (home.root / "wrong").write_text("not the secret")
    (home.root / "wrong").chmod(0o600)
    text = home.config.read_text()
    block = text[text.index("  - name") :].replace("name: test", "name: other").replace("/secret", "/wrong")
    home.config.write_text(text + block)
    watched = daemon(home)
    thread, log = running(watched, monkeypatch)
    try:
        (failure,) = log.until("inbox_failed")
        mail_user.deliver(mail("while the other fails"))
        log.until("derived")
        mail_user.deliver(mail("and later", message_id="<2@example.org>"))
        log.until("derived", 2)
        assert len(log.until("inbox_failed")) == 1
    finally:
        watched.stop()
        thread.join(30)
    assert failure["inbox"] == "other"
    assert "not the secret" not in str(log.lines)
    status = home.run("status")
    assert status.code == 1
    assert "PROBLEM other/INBOX: " in status.out
    assert "PROBLEM test/INBOX" not in status.out


def test_a_server_that_comes_back_is_noticed(
    home: Home, mail_user: MailUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost connection is tried again within seconds, and the recovery is logged once."""
    home.watch(mail_user)
    watched = daemon(home)
    mail_user.server.stop()
    try:
        thread, log = running(watched, monkeypatch)
        log.until("inbox_failed")
    finally:
        mail_user.server.start()
    try:
        mail_user.deliver(mail("after the outage"))
        log.until("recovered")
        log.until("derived")
    finally:
        watched.stop()
        thread.join(30)
    assert home.subjects() == ["after the outage"]


def test_housekeeping_derives_again_what_was_overwritten(
    home: Home, mail_user: MailUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that a rebuild beside the daemon lost comes back without a restart."""
    home.watch(mail_user)
    mail_user.deliver(mail("first"))
    watched = daemon(home)
    thread, log = running(watched, monkeypatch)
    try:
        log.until("derived")
        with Store.open(home.store) as store:
            store.delete([1])
        watched._ask_for_housekeeping()
        assert log.until("kept_house")[0] == {"derived_again": 1}
        watched._wake.ring()
        log.until("derived", 2)
    finally:
        watched.stop()
        thread.join(30)
    assert home.subjects() == ["first"]
