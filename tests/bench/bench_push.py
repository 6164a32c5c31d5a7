"""How long a mail takes from its delivery to a row that the full-text search finds, with push.

    python tests/bench/bench_push.py [--deliveries 200] [--tls]

A Dovecot on loopback takes in one mail after the other by LMTP while `watcher run` idles. A bare IDLE client
beside it measures the server's own delay in the same run: Dovecot tells of new mail half a second late.
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import select
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.dovecot import running_dovecot
from tests.support.home import Home, ended, mail

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser

GIVEN_UP = 30.0  # seconds
LOOK = 0.0005  # seconds between two looks at the store


class BareClient:
    """The least that can hear of a new mail: a socket in IDLE, and the moment of each EXISTS."""

    def __init__(self, user: MailUser) -> None:
        self.heard: queue.Queue[float] = queue.Queue()
        self._sock = socket.create_connection((user.server.host, user.server.port))
        for command in (f'LOGIN {user.name} "{user.password}"', "EXAMINE INBOX"):
            self._sock.sendall(f"a {command}\r\n".encode())
            self._until(b"a OK")
        self._sock.sendall(b"b IDLE\r\n")
        self._until(b"+ ")
        threading.Thread(target=self._listen, daemon=True).start()

    def _until(self, mark: bytes) -> None:
        data = b""
        while mark not in data:
            data += self._sock.recv(65_536)

    def _listen(self) -> None:
        while select.select([self._sock], [], [])[0]:
            now = time.perf_counter()
            data = self._sock.recv(65_536)
            if b"EXISTS" in data:
                self.heard.put(now)
            if not data:
                return


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=200)
    parser.add_argument("--tls", action="store_true")
    arguments = parser.parse_args()
    with running_dovecot() as server, tempfile.TemporaryDirectory() as folder:
        user = server.user()
        home = Home(Path(folder))
        secured = {"port": server.tls_port, "security": "tls", "cafile": server.cafile}
        home.watch(user, **(secured if arguments.tls else {}))
        with ended(_daemon(home)) as process:
            _wait_for_idle(home)
            client = BareClient(user)
            measured = [_one(user, home, client, number) for number in range(arguments.deliveries)]
            _stop(process)
    server_delay, row_delay = zip(*measured, strict=True)
    _print("server's own delay (bare IDLE client)", server_delay)
    _print("delivery to searchable row", row_delay)
    _print("the difference, mail by mail", [row - own for own, row in measured])
    print(f"p99 above p99: {(_p99(row_delay) - _p99(server_delay)) * 1e3:.1f} ms")


def _daemon(home: Home) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "watcher", "--config", str(home.config), "run"]
    with (home.root / "log").open("w") as log:  # a pipe that nobody reads would fill up
        return subprocess.Popen(command, stderr=log, text=True, cwd=ROOT)


def _wait_for_idle(home: Home) -> None:
    end = time.monotonic() + GIVEN_UP
    while time.monotonic() < end:
        time.sleep(0.2)
        with contextlib.suppress(sqlite3.OperationalError):  # there is no file yet, or no table in it
            if home.vault_rows("select 1 from mailboxes where last_ok_at is not null"):
                time.sleep(1)
                return
    raise SystemExit("the first poll did not succeed")


def _one(user: MailUser, home: Home, client: BareClient, number: int) -> tuple[float, float]:
    """Deliver one mail; returns after how many seconds the server told of it, and the search found it."""
    word = f"delivery{number:06}"
    raw = mail(f"No. {word}", "Some words to read. " * 60, message_id=f"<{word}@example.org>")
    user.deliver_lmtp(raw)
    delivered = time.perf_counter()
    found = _searchable(home, word)
    told = client.heard.get(timeout=GIVEN_UP)
    time.sleep(0.05 * (number % 7))  # so that deliveries do not fall in step with the server's timer
    return told - delivered, found - delivered


def _searchable(home: Home, word: str) -> float:
    end = time.perf_counter() + GIVEN_UP
    db = sqlite3.connect(f"file:{home.store}?mode=ro", uri=True)
    try:
        while time.perf_counter() < end:
            if db.execute("select 1 from newsletters_fts where newsletters_fts match ?", (word,)).fetchone():
                return time.perf_counter()
            time.sleep(LOOK)
    finally:
        db.close()
    raise SystemExit(f"{word} did not become a row")


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=GIVEN_UP)


def _p99(values: object) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]  # type: ignore[call-overload]


def _print(what: str, values: object) -> None:
    low, middle = min(values), statistics.median(values)  # type: ignore[call-overload]
    print(f"{what}: least {low * 1e3:.1f}, p50 {middle * 1e3:.1f}, p99 {_p99(values) * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
