"""A daemon in a thread of the test's own, and its log to wait for."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING
from unittest import mock

from watcher import settings as settings_room
from watcher.derivation import Assignment, Here
from watcher.service import daemon as daemon_module
from watcher.service.daemon import Daemon
from watcher.service.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.fake_imap import FakeImap
    from tests.support.home import Home
    from watcher.settings import SenderSettings, Settings

PATIENCE = 30.0


class Log:
    """What the daemon logged, and an event to wait for."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []
        self._changed = threading.Condition()

    def write(self, event: str, **values: object) -> None:
        with self._changed:
            self.lines.append((event, values))
            self._changed.notify_all()

    debug = info = warning = error = exception = write

    def of(self, event: str) -> list[dict[str, object]]:
        """Return the values of each line with this event."""
        return [values for name, values in self.lines if name == event]

    def until(self, event: str, times: int = 1) -> list[dict[str, object]]:
        """Wait until `event` was logged so often; its values."""
        self.until_true(lambda: len(self.of(event)) >= times)
        return self.of(event)

    def until_true(self, condition: Callable[[], bool]) -> None:
        """Wait until something that shows in the log has happened."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), self.lines

    def until_derived(self, count: int) -> None:
        """Wait until so many mails have become rows, in whatever batches."""
        self.until_true(lambda: sum(int(str(each["done"])) for each in self.of("derived")) >= count)


class _InProcess:
    """Derives in the test's own process: a worker takes a second to start, and has tests of its own."""

    @staticmethod
    def of(settings: Settings, senders: Sequence[SenderSettings]) -> Here:
        """As `Lanes.of`."""
        return Here(Assignment.of(settings, senders))


@contextlib.contextmanager
def watching(home: Home, **options: float) -> Iterator[tuple[Daemon, Log]]:
    """Run a daemon with the settings of `home` as they are."""
    loaded = settings_room.load(home.config)
    daemon = Daemon(loaded, settings_room.load_senders(loaded.senders), Notifier(""), **options)
    log = Log()
    with mock.patch.object(daemon_module, "Lanes", _InProcess):
        yield from _running(daemon, log)


def _running(daemon: Daemon, log: Log) -> Iterator[tuple[Daemon, Log]]:
    daemon._log = log  # type: ignore[assignment]  # structlog's own interface, as far as the daemon uses it
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield daemon, log
    finally:
        daemon.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def inbox_at(home: Home, server: FakeImap, name: str = "test", **keys: object) -> str:
    """Return the YAML of an inbox at a scripted server."""
    secret = home.root / "secret"
    secret.write_text("a secret")
    secret.chmod(0o600)
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return (
        f"  - name: {name}\n    host: {server.host}\n    port: {server.port}\n    security: none\n"
        f"    username: reader\n    password: {{file: {secret}}}\n{lines}"
    )
