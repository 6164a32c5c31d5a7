"""What very many idling inboxes cost one `watcher run`: memory, idle CPU, and a burst of mail to all of them.

    python tests/bench/bench_many_inboxes.py [--inboxes 1000] [--idle 60] [--tls]

The server is a small one on loopback, in a process of its own. Memory is that of the daemon and its workers
above a daemon with one inbox; CPU is what they use while nothing arrives, safety polls and renewals included.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.certificates import Authority
from tests.support.home import Home, ended

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN_UP = 120.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inboxes", type=int, default=1000)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds")
    parser.add_argument("--tls", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority.create(Path(folder) / "tls") if arguments.tls else None
        empty, _ = measure(Path(folder) / "one", 1, 2.0, authority, show=False)
        full, cpu = measure(Path(folder) / "many", arguments.inboxes, arguments.idle, authority, show=True)
    print(f"memory: {empty / 1e6:.0f} MB with one inbox, {full / 1e6:.0f} MB with {arguments.inboxes}")
    print(f"memory of the inboxes: {(full - empty) / 1e6:.0f} MB")
    print(f"idle CPU: {cpu * 100:.2f} % of a core over {arguments.idle:.0f} s")


def measure(
    folder: Path, inboxes: int, idle: float, authority: Authority | None, *, show: bool
) -> tuple[int, float]:
    """Run a daemon; returns its memory in bytes and its CPU when idle, as a share of a core."""
    folder.mkdir()
    home = Home(folder)
    with crowd(authority) as (server, port):
        home.configure("inboxes:\n" + "".join(_inbox(home, port, n, authority) for n in range(inboxes)))
        with ended(_daemon(home)) as process:
            began = time.monotonic()
            _until(lambda: _polled(home) == inboxes, "all inboxes are polled")
            if show:
                print(f"start: {inboxes} inboxes idle after {time.monotonic() - began:.1f} s")
            time.sleep(3)
            used, began = _cpu(process.pid), time.monotonic()
            time.sleep(idle)
            cpu = (_cpu(process.pid) - used) / (time.monotonic() - began)
            memory = _memory(process.pid)
            if show:
                _burst(server, home, inboxes)
                print(f"after the burst: {_memory(process.pid) / 1e6:.0f} MB")
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.communicate(timeout=GIVEN_UP)
            if show:
                print(f"stop: {time.monotonic() - began:.1f} s")
    return memory, cpu


def _daemon(home: Home) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "watcher", "--config", str(home.config), "run"]
    with (home.root / "log").open("w") as log:  # a pipe that nobody reads would fill up
        return subprocess.Popen(command, stderr=log, text=True, cwd=ROOT)


def _burst(server: subprocess.Popen[str], home: Home, inboxes: int) -> None:
    assert server.stdin is not None
    for number in (1, 2):
        began = time.monotonic()
        server.stdin.write("burst\n")
        server.stdin.flush()
        _until(lambda number=number: _count(home) == number * inboxes, "all mail is searchable")
        print(f"burst of {inboxes}: all rows after {time.monotonic() - began:.1f} s")
    (inboxes_with_all,) = _one(
        home.vault, "select count(*) from (select 1 from mailboxes where last_uid = 2)"
    )
    print(f"inboxes with all of their mail: {inboxes_with_all} of {inboxes}")


@contextmanager
def crowd(authority: Authority | None) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the server."""
    command = [sys.executable, "-m", "tests.support.crowd_server"]
    if authority is not None:
        issued = authority.issue("server")
        command += ["--tls", str(issued.cert), str(issued.key)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        assert server.stdout is not None
        try:
            yield server, int(server.stdout.readline())
        finally:
            server.kill()


def _inbox(home: Home, port: int, number: int, authority: Authority | None) -> str:
    secret = home.root / "secret"
    secret.write_text("a secret")
    secret.chmod(0o600)
    secured = f"tls\n    cafile: {authority.cafile}" if authority else "none"
    return (
        f"  - name: inbox{number}\n    host: 127.0.0.1\n    port: {port}\n    security: {secured}\n"
        f"    username: user{number}\n    password: {{file: {secret}}}\n"
    )


def _polled(home: Home) -> int:
    if not home.vault.exists():
        return 0
    try:
        return _one(home.vault, "select count(*) from mailboxes where last_ok_at is not null")[0]
    except sqlite3.OperationalError:  # it has no tables yet
        return 0


def _count(home: Home) -> int:
    return _one(home.store, "select count(*) from newsletters")[0]


def _one(path: Path, sql: str) -> tuple[int, ...]:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchone()
    finally:
        db.close()


def _until(condition: object, what: str) -> None:
    end = time.monotonic() + GIVEN_UP
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.1)
    raise SystemExit(f"not in {GIVEN_UP:.0f} s: {what}")


def _family(pid: int) -> list[int]:
    """The process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _memory(pid: int) -> int:
    total = 0
    for each in _family(pid):
        lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def _cpu(pid: int) -> float:
    total = 0.0
    for each in _family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


if __name__ == "__main__":
    main()
