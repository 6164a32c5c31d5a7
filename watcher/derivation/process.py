"""The worker process: `python -m watcher.derivation.process FD`, started by `watcher.derivation.worker`.

It is a fresh interpreter: no thread, socket, database or password of the first process comes along. Before it
reads a mail it has limited itself; it ends when the first process does, whatever it is doing then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import resource
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from watcher import coredumps
from watcher.derivation.here import Here
from watcher.derivation.protocol import Frames, Retiring, Trouble, frame
from watcher.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watcher.derivation.limits import Limits
    from watcher.derivation.protocol import Assignment

_MAILS = 5_000
"""Mails after which a worker retires: what a library leaks is given back. A start costs what 150 mails do."""

_CPU_GRACE = 2
"""Seconds of processor time beyond the deadline: the first process has the clock, the kernel helps."""

_READ = 1 << 16


def main(descriptor: int) -> None:
    """Derive what comes in over this socket until it ends."""
    _end_with_parent()
    with socket.socket(fileno=descriptor) as line, contextlib.suppress(ConnectionError):
        requests = _received(line)
        with contextlib.suppress(StopIteration):
            assignment, limits = next(requests)
            _limit(limits)
            serve(line, requests, assignment, limits)


def serve(
    line: socket.socket,
    requests: Iterator[Sequence[int]],
    assignment: Assignment,
    limits: Limits,
    mails: int = _MAILS,
) -> None:
    """Answer requests, each a list of ids, until the line ends or `mails` of them are derived."""
    with Here(assignment, exhausted=limits.too_much) as here:
        line.sendall(frame(here.rules()))
        _silence()
        try:
            for ids in requests:
                _allow_time(limits)
                for row in here.derive(ids):
                    line.sendall(frame(row))
                    _allow_time(limits)
                    mails -= 1
                    # Behind a mail that filled the memory a neighbour must not be the one that fails.
                    if not mails or row[1].warnings == (limits.too_much,):
                        line.sendall(frame(Retiring()))
                        return
        except VaultError as error:
            line.sendall(frame(Trouble(str(error))))


def _received(line: socket.socket) -> Iterator[Any]:
    """What the first process says. It alone is at the other end, so everything may be unpickled."""
    frames = Frames()
    while data := line.recv(_READ):
        for body in frames.feed(data):
            yield pickle.loads(body)  # noqa: S301


def _end_with_parent() -> None:
    """Have the kernel end this process with the first one, even in the midst of a library's endless loop.

    Standard input is a pipe that nobody writes to. When its last writer is gone, SIGIO comes, and its default
    is the end: fcntl(2), O_ASYNC and F_SETOWN. (PR_SET_PDEATHSIG would ask after the thread that started it.)
    """
    # Ctrl-C and systemd's SIGTERM reach all processes; the first one decides, and may want to finish a batch.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    fcntl.fcntl(sys.stdin, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sys.stdin, fcntl.F_SETFL, fcntl.fcntl(sys.stdin, fcntl.F_GETFL) | os.O_ASYNC)


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    coredumps.forbid()


def _allow_time(limits: Limits) -> None:
    """Move the processor time at which the kernel ends this process (SIGXCPU) behind the next mail."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    at = int(time.process_time() + limits.deadline) + _CPU_GRACE
    resource.setrlimit(resource.RLIMIT_CPU, (at if hard == resource.RLIM_INFINITY else min(at, hard), hard))


def _silence() -> None:
    """From the first mail on nothing is printed: a library's complaint may quote the mail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


if __name__ == "__main__":
    main(int(sys.argv[1]))
