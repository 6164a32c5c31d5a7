"""A place at which a worker works: who ends there is followed by a fresh one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.derivation.worker import PROGRAM, Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.derivation.limits import Limits
    from watcher.derivation.protocol import Assignment, Ready, Row

_STARTS = 3
"""Workers that may end in a row before they are ready; then something is wrong that no further one mends."""


class WorkersUnusableError(Exception):
    """No worker process can be started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A mail that its worker did not survive."""

    message_id: int
    reason: str
    late: bool  # it was still being worked on when its time was over


@dataclass(frozen=True, slots=True)
class Harvest:
    """What a seat has brought: records, and, when its worker ended, what is to be given again."""

    rows: list[Row]
    lost: Lost | None = None
    left: tuple[int, ...] = ()  # the mails behind the lost one: nobody has begun them


class Seat:
    """At most one worker at a time, started when it is needed."""

    def __init__(
        self, assignment: Assignment, limits: Limits, program: str = PROGRAM, *, copy: bool = False
    ) -> None:
        """`copy`: its first worker is a copy of this process, where that is safe.

        Warm it before a database is opened.
        """
        self._assignment = assignment
        self._limits = limits
        self._program = program
        self._copy = copy
        self._false_starts = 0
        self.worker: Worker | None = None

    @property
    def owed(self) -> int:
        """How many mails were given and not answered."""
        return len(self.worker.owed) if self.worker is not None else 0

    def warm(self) -> Worker:
        """Have a worker there; it may still be starting."""
        if self.worker is not None and not self.owed and not self.worker.alive:
            self.close()  # it ended while it had nothing to do
        if self.worker is None:
            self.worker = Worker(self._assignment, self._limits, program=self._program, copy=self._copy)
            # By now this process may have opened the vault, and SQLite must not be carried across a fork:
            # https://sqlite.org/howtocorrupt.html, section 2.6. A copy would wait for locks of its own.
            self._copy = False
        return self.worker

    def give(self, ids: Sequence[int]) -> None:
        """Have these messages derived, behind those that were given before."""
        self.warm().give(ids)

    def take(self, seconds: float, deadline: float | None = None) -> Harvest:
        """What is there; waits for it at most so long. See `Worker.take`.

        Raises `WorkersUnusableError` when workers end before they are ready, again and again.
        """
        worker = self.worker
        if worker is None:
            return Harvest([])
        rows = worker.take(seconds, deadline)
        if worker.ready is not None:
            self._false_starts = 0
        end = worker.end
        if end is None:
            return Harvest(rows)
        ids = tuple(worker.owed)
        self.close()
        if worker.ready is None:
            self._count_false_start(end.reason)
            return Harvest(rows, left=ids)
        if end.retired or not ids:
            return Harvest(rows, left=ids)
        return Harvest(rows, Lost(ids[0], end.reason, end.late), ids[1:])

    def rules(self) -> Ready:
        """Which rules its worker has; waits until they are loaded."""
        while True:
            worker = self.warm()
            worker.wait_until_ready()
            if worker.ready is not None:
                return worker.ready
            self.take(0)

    def _count_false_start(self, reason: str) -> None:
        self._false_starts += 1
        if self._false_starts >= _STARTS:
            raise WorkersUnusableError(
                f"no process gets ready to derive mail ({reason}); what it said is above. It may take "
                f"{self._limits.memory // 1_000_000} MB: see `memory` below `workers` in the settings"
            )

    def dismiss(self) -> None:
        """Tell the worker that no more mail comes: one without work ends, and `close` need not wait."""
        if self.worker is not None:
            self.worker.dismiss()

    def close(self) -> None:
        """End the worker, if there is one."""
        if self.worker is not None:
            self.worker.close()
            self.worker = None
