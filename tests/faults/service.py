"""A `watcher run` of its own process, to be killed and started again; its log goes to a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.home import Home

ROOT = Path(__file__).resolve().parents[2]
_LOOK = 0.005  # seconds between two looks at the store's files


class Service:
    """The daemon; a context manager that ends it."""

    def __init__(self, home: Home, environ: dict[str, str] | None = None) -> None:
        self._home = home
        self._environ = environ or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = home.root / "log"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        """The number of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; returns at once."""
        program = "tests.support.hurried" if self._environ else "watcher"
        command = [sys.executable, "-m", program, "--config", str(self._home.config), "run"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **self._environ},
            )

    def kill(self) -> None:
        """SIGKILL, as the kernel does when the memory is full; raises when it had ended by itself."""
        assert self._process is not None
        ended = self._process.poll()
        self._process.kill()
        self._process.wait()
        if ended is not None:
            raise AssertionError(f"the daemon ended by itself with {ended}: {self.last_words()}")

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def running(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    def last_words(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-2_000:]

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition, as long as it runs; whether it came true."""
        end = time.monotonic() + seconds
        while not (met := condition()) and time.monotonic() < end and self.running():
            time.sleep(0.05)
        return met

    def wait_for_write(self, seconds: float) -> None:
        """Wait until a file of the databases changes, at most so long."""
        before, end = self._files(), time.monotonic() + seconds
        while self._files() == before and time.monotonic() < end:
            time.sleep(_LOOK)

    def _files(self) -> list[tuple[str, int, int]]:
        found = []
        for path in (self._home.vault, self._home.store):
            for file in (path, path.with_name(path.name + "-wal")):
                with contextlib.suppress(OSError):
                    status = file.stat()
                    found.append((file.name, status.st_size, status.st_mtime_ns))
        return found


def derived(home: Home) -> int:
    """Count what the dead daemon had derived, in a copy: to open the vault itself would repair it."""
    if not home.vault.exists():
        return 0
    with tempfile.TemporaryDirectory(dir=home.root) as folder:
        for suffix in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(home.vault.with_name(home.vault.name + suffix), folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / home.vault.name)) as db:
            try:
                (count,) = db.execute("select count(*) from derivations where state = 'done'").fetchone()
            except sqlite3.OperationalError:  # it has no tables yet
                return 0
    return int(count)
