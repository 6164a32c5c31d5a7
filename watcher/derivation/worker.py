"""One worker process, seen from the first one: what it was given, what it answered, and how it ended."""

from __future__ import annotations

import contextlib
import math
import select
import signal
import socket
import subprocess
import time
from collections import deque
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from watcher.derivation.protocol import Frames, Ready, Retiring, Trouble, answer, frame
from watcher.derivation.starting import copied, fresh, may_copy
from watcher.record import Record
from watcher.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watcher.derivation.limits import Limits
    from watcher.derivation.protocol import Assignment, Row
    from watcher.derivation.starting import Process

PROGRAM = "watcher.derivation.process"
"""The module that a worker runs."""

_START = 60.0  # seconds until a worker must have loaded the rules, on however busy a machine
_GOODBYE = 2.0  # seconds that a worker whose line has ended may take to end itself
_READ = 1 << 18


@dataclass(frozen=True, slots=True)
class End:
    """How a worker ended. `reason` is a sentence about the mail that it worked on."""

    reason: str
    late: bool = False  # it was ended here, because a mail took too long
    retired: bool = False  # by its own decision: no mail is to blame


class Worker:
    """A process that derives one mail after the other. Not to be shared between threads.

    It takes about 0.3 s to start, which nobody need wait for: what is given meanwhile is derived then. It may
    die of a mail, take too long for one, or retire: `end` tells, and `owed` has what it leaves behind.
    """

    def __init__(
        self, assignment: Assignment, limits: Limits, *, program: str = PROGRAM, copy: bool = False
    ) -> None:
        """`copy`: where that is safe, start it as a copy of this process, in a hundredth of the time."""
        self._limits = limits
        self._frames = Frames()
        self._line, theirs = socket.socketpair()
        with theirs:
            if copy and program == PROGRAM and may_copy(assignment.vault):
                self._process: Process = copied(theirs)
            else:
                self._process = fresh(program, theirs)
        self._line.settimeout(_START)
        self._since = time.monotonic()  # since when, as far as can be known, it does what it is doing
        self.ready: Ready | None = None
        self.owed: deque[int] = deque()  # given and not answered; it works on the first
        self.end: End | None = None  # None while it lives
        self._rows: list[Row] = []  # answers that nobody has taken yet
        self._send((assignment, limits))

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it is there and may be given mail."""
        return self.end is None and self._process.poll() is None

    def fileno(self) -> int:
        """What becomes readable when it said something, or ended."""
        return self._line.fileno()

    def give(self, ids: Sequence[int]) -> None:
        """Have these messages derived, behind those that it was given before."""
        if not self.owed:
            self._since = time.monotonic()
        self.owed.extend(ids)
        self._send(list(ids))

    def take(self, seconds: float, deadline: float | None = None) -> list[Row]:
        """The records that are there, in the order of the ids; waits for one at most `seconds`.

        A mail may take `deadline` seconds, or what the limits say: then the worker is ended. Raises
        `VaultError` when it cannot read the vault.
        """
        allowed = self._limits.deadline if deadline is None else deadline
        until = time.monotonic() + seconds
        while self.end is None and not self._rows and self._listen(allowed, until):
            pass
        rows, self._rows = self._rows, []
        return rows

    def wait_until_ready(self) -> None:
        """Wait until it has loaded the rules, or ended. What it says beside that is kept for `take`."""
        while self.ready is None and self.end is None:
            self._listen(self._limits.deadline, math.inf)

    def _listen(self, allowed: float, until: float) -> bool:
        """Take in what it says next, waiting until then for it; False when the time is over."""
        overdue = self._overdue_in(allowed)
        if wait((self,), min(overdue, until - time.monotonic())):
            self._read()
        elif overdue <= 0:
            self._gone(0)
            self.end = End(self._limits.too_long, late=True)
        elif time.monotonic() >= until:
            return False
        return True

    def _overdue_in(self, allowed: float) -> float:
        """Seconds that it still has for what it is doing."""
        if self.ready is None:
            return self._since + _START - time.monotonic()
        return self._since + allowed - time.monotonic() if self.owed else math.inf

    def _read(self) -> None:
        """Take what the line has; learn how it ended when it has no more, or nonsense."""
        try:
            data = self._line.recv(_READ)
        except ConnectionError:
            data = b""
        try:
            for body in self._frames.feed(data):
                self._hear(answer(body))
        # Whatever unpickling raises: a worker that talks nonsense is ended like one that is silent.
        except (UnpicklingError, AttributeError, EOFError, ImportError, IndexError, TypeError, ValueError):
            self._gone(0)
            self.end = End("the worker's answer could not be read")
        if not data and self.end is None:
            self.end = End(self._cause(self._gone(_GOODBYE)))

    def _hear(self, said: object) -> None:
        self._since = time.monotonic()
        match said:
            case Ready():
                self.ready = said
            case Retiring():
                self.end = End("", retired=True)
            case Trouble(sentence):
                self.end = End("", retired=True)
                raise VaultError(sentence)
            case (int(number), Record() as record) if self.owed and number == self.owed[0]:
                self._rows.append((self.owed.popleft(), record))
            case _:
                raise ValueError("this does not answer what was asked")

    def _cause(self, code: int) -> str:
        if code >= 0:
            return f"the worker ended with exit code {code}"
        if -code == signal.SIGXCPU:
            return self._limits.too_long
        return f"the worker died with signal {-code}"

    def _send(self, value: object) -> None:
        with contextlib.suppress(OSError):  # it is gone, or does not listen: `take` finds out
            self._line.sendall(frame(value))

    def _gone(self, grace: float) -> int:
        """See that the process is gone; it has so many seconds to end by itself. Returns its exit code."""
        try:
            return self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(math.inf)

    def dismiss(self) -> None:
        """Close the line: a process that waits for work ends by itself then. Only `close` may follow."""
        self._line.close()

    def close(self) -> None:
        """End the process, whatever it is doing, and give back what it holds."""
        self.dismiss()
        self._gone(_GOODBYE if self.ready is not None and not self.owed else 0)
        self._process.release()


def wait(workers: Iterable[Worker], seconds: float) -> bool:
    """Wait until one of these may have something to take, at most so long; returns whether one has."""
    poll = select.poll()  # `select` ends at 1,024 descriptors, and a daemon may have a connection an inbox
    for worker in workers:
        poll.register(worker, select.POLLIN)
    return bool(poll.poll(math.ceil(max(0.0, seconds) * 1000)))
