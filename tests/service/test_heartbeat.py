"""The sign of life: a command or a request, never more, never in the way."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from watcher.service.heartbeat import Heart, HeartbeatError, send
from watcher.settings import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Monitor:
    """A server on loopback that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.status = 200
        self.location = ""
        self.may_answer = threading.Event()
        self.may_answer.set()
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                monitor.asked.append((self.path, dict(self.headers)))
                monitor.may_answer.wait(30)
                self.send_response(monitor.status)
                if monitor.location:
                    self.send_header("Location", monitor.location)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ping/t0ken"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    server = Monitor()
    yield server
    server.close()


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **values: Any) -> None:
        self.lines.append((event, values))

    info = warning


def command(code: str) -> Heartbeat:
    return Heartbeat(command=(sys.executable, "-c", code))


def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    """Its arguments are what they are."""
    target = tmp_path / "sign; $(x)"
    send(Heartbeat(command=("/usr/bin/touch", str(target))))
    assert target.exists()


@pytest.mark.parametrize(
    ("target", "seconds", "message"),
    [
        (command("raise SystemExit(3)"), 60, "ended with 3"),
        (command("import time; time.sleep(3600)"), 0.2, "did not end within 0.2 seconds"),
        (Heartbeat(command=("/nonexistent/ping",)), 60, "cannot be run: No such file"),
    ],
    ids=["code", "hangs", "missing"],
)
def test_a_command_that_fails_says_how(target: Heartbeat, seconds: float, message: str) -> None:
    """With its exit code, or that it took too long."""
    with pytest.raises(HeartbeatError, match=message):
        send(target, seconds)


def test_a_url_is_requested_and_nothing_told(monitor: Monitor) -> None:
    """One GET of that address, with no word about the archive."""
    send(Heartbeat(url=monitor.url))
    ((path, headers),) = monitor.asked
    assert path == "/ping/t0ken"
    assert headers["User-Agent"] == "newsletter-watcher"
    assert set(headers) <= {"Accept-Encoding", "Host", "User-Agent", "Connection"}


def test_a_redirection_is_not_followed(monitor: Monitor) -> None:
    """The settings name one address; its owner cannot send the request elsewhere."""
    monitor.status, monitor.location = 302, "/elsewhere"
    with pytest.raises(HeartbeatError, match="answered 302"):
        send(Heartbeat(url=monitor.url))
    assert len(monitor.asked) == 1


def test_the_address_is_in_no_message(monitor: Monitor) -> None:
    """It may hold a token."""
    monitor.status = 404
    with pytest.raises(HeartbeatError) as refused:
        send(Heartbeat(url=monitor.url))
    with pytest.raises(HeartbeatError) as unreached:
        send(Heartbeat(url="http://127.0.0.1:1/t0ken"))
    assert str(refused.value) == "heartbeat: the server answered 404"
    assert str(unreached.value) == "heartbeat: the server was not reached (ConnectionRefusedError)"
    assert refused.value.__suppress_context__
    assert unreached.value.__suppress_context__


def test_signs_keep_their_distance_and_never_pile_up(monitor: Monitor) -> None:
    """At most one in the interval, and none while one is under way; who calls is not held up."""
    monitor.may_answer.clear()
    heart = Heart(Heartbeat(url=monitor.url), 60, Log)  # type: ignore[arg-type]
    assert heart.beat(NOW)
    assert not heart.beat(NOW + timedelta(seconds=59))
    assert not heart.beat(NOW + timedelta(seconds=61)), "the first one is still under way"
    monitor.may_answer.set()
    heart.wait(30)
    assert heart.beat(NOW + timedelta(seconds=61))
    heart.wait(30)
    assert len(monitor.asked) == 2


def test_a_monitor_that_is_down_is_logged_once(monitor: Monitor) -> None:
    """When it begins, and when it is over."""
    log = Log()
    heart = Heart(Heartbeat(url=monitor.url), 1, lambda: log)  # type: ignore[arg-type, return-value]
    for second, status in enumerate((500, 500, 200, 200)):
        monitor.status = status
        heart.beat(NOW + timedelta(seconds=2 * second))
        heart.wait(30)
    assert [event for event, _ in log.lines] == ["heartbeat_failed", "heartbeat_recovered"]
    assert "t0ken" not in str(log.lines)
