"""Two ways to start a worker process: a fresh interpreter, or a copy of this process.

The daemon wants a fresh one: it has threads, which a copy would break, and sockets and passwords, which a
worker must not have. A batch has none of these, and a copy need not load the rules again.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Mapping

_KEPT = ("PATH", "HOME", "TMPDIR", "TZ", "LANG", "LANGUAGE")
_KEPT_PREFIXES = ("LC_", "LD_", "PYTHON", "COVERAGE_")
"""What of the environment a worker gets: how to run Python, and no password (`{env: NAME}` may name any)."""

_LINE = 3  # the descriptor of a copy's line, behind the standard ones


class Process(Protocol):
    """A child process. Its standard input is a pipe that tells it, by ending, that its parent is gone."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, or minus the number of the signal that ended it; None while it runs."""

    def wait(self, timeout: float) -> int:
        """The same, when it has ended. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""

    def kill(self) -> None:
        """End it at once; the code is known after `wait`."""

    def release(self) -> None:
        """Give back what is left of it here, once it has ended."""


def fresh(program: str, line: socket.socket) -> Process:
    """Run the module `program` in an interpreter of its own; it gets the number of its end of the line."""
    return _Fresh(
        [sys.executable, "-P", "-m", program, str(line.fileno())],
        stdin=subprocess.PIPE,  # never written to
        stdout=subprocess.DEVNULL,
        pass_fds=(line.fileno(),),
        env=_environment(os.environ, sys.path),
    )


def may_copy(database: Path) -> bool:
    """Whether a copy of this process, which will open this database, is safe.

    Another thread may hold a lock that no copy ever gets. And what SQLite knows of a file that is open here
    is of no use behind a fork, even to a connection of the copy's own (sqlite.org/howtocorrupt.html, 2.6).
    """
    return _threads() == 1 and not _is_open(database)


def _threads() -> int:
    """How many threads the kernel knows of: Python does not count those that a library started by itself."""
    tasks = Path("/proc/self/task")
    return sum(1 for _ in tasks.iterdir()) if tasks.is_dir() else max(2, threading.active_count())


def _is_open(path: Path) -> bool:
    """Whether this process has the file open, or one beside it; it is taken to have where nobody can tell."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return True
    name = str(path.resolve())
    for link in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # the descriptor of the listing itself
            if str(link.readlink()).startswith(name):
                return True
    return False


def copied(line: socket.socket) -> Process:
    """Go on as a copy of this process, which serves its end of the line and ends."""
    # The rules are loaded here, once, for all copies.
    from watcher import pipeline  # noqa: F401, PLC0415
    from watcher.derivation import process  # noqa: PLC0415

    theirs, ours = os.pipe()
    gc.freeze()  # a collector that marks what it walks through would copy the pages that both share
    pid = os.fork()
    if pid:
        os.close(theirs)
        return _Copy(pid, ours)
    code = 1
    try:
        _leave_all_but(theirs, line.fileno())
        process.main(_LINE)
        code = 0
    # A copy never goes back to what its parent was doing, and tells its parent alone how it ended.
    except BaseException:  # noqa: BLE001, S110
        pass
    finally:
        os._exit(code)


def _leave_all_but(pipe: int, line: int) -> None:
    """Keep no descriptor of the parent but these two, so that their ends are seen, and no environment.

    What the parent had open stays referenced by its frames, which a copy never leaves: nothing closes twice.
    """
    os.dup2(pipe, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # whatever it was there
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(line, _LINE)
    os.closerange(_LINE + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()


class _Fresh(subprocess.Popen[bytes]):
    def release(self) -> None:
        """Close the pipe."""
        if self.stdin is not None:
            self.stdin.close()


class _Copy:
    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self._pipe = pipe
        self._code: int | None = None

    def poll(self) -> int | None:
        """See `Process`."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float) -> int:
        """See `Process`."""
        until, pause = time.monotonic() + timeout, 0.0005
        while (code := self.poll()) is None:
            if time.monotonic() >= until:
                raise subprocess.TimeoutExpired("copy", timeout)
            time.sleep(pause)  # as `subprocess` does: there is no call that waits and has an end
            pause = min(2 * pause, 0.002)
        return code

    def kill(self) -> None:
        """See `Process`."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def release(self) -> None:
        """Close the pipe."""
        os.close(self._pipe)


def _environment(environ: Mapping[str, str], path: Iterable[str]) -> dict[str, str]:
    """What a fresh worker gets of the environment; it finds modules where this process does."""
    kept = {
        name: value for name, value in environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in path)}  # noqa: PTH100
