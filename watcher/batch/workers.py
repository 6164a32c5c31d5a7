"""Derivation of much mail: several worker processes derive, one process writes.

    with Derivers(settings, senders, workers=4) as derivers:
        for rows in derivers.derive(ids):
            store.write(rows)

A mail that its worker does not survive, twice, is a failed record; the next one derives its neighbours.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from watcher.derivation import Assignment, Here, Limits, Seat, failed_row, wait
from watcher.derivation.worker import PROGRAM
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from watcher.derivation import Ready
    from watcher.record import Record
    from watcher.settings import SenderSettings, Settings

    Rows = list[tuple[int, Record]]

CHUNK = 20
"""Mails handed over at once: enough to hide the cost of it, and few, so that all workers end together."""

_QUEUE = 3 * CHUNK  # mails that a worker has before it at least: it goes on while this process writes

COMMIT = 100
"""Records that are written at once, where there are so many: a transaction has its price."""

_AHEAD = 8
"""Chunks a worker that are under way or waiting: none idles, and little waits in memory."""

_LOOK = 1.0  # seconds between two looks at whether to stop, and whether a mail takes too long

_GATHER = 0.005
"""Seconds from the first answer to taking what there is: to be woken for each mail costs a tenth of it."""

_WORTH_WORKERS = 2 << 20
"""Bytes of mail from which processes pay: a copy of this one starts in the time of some dozen mails."""


def suitable_workers(size: int) -> int:
    """How many processes suit mail of so many bytes in all: one for little, else one for each processor."""
    return 1 if size < _WORTH_WORKERS else len(os.sched_getaffinity(0))


@dataclass(slots=True)
class _Chunk:
    """Some mails, and what has become of them so far."""

    ids: list[int]
    rows: Rows = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.rows) == len(self.ids)


class Crew:
    """Processes that derive, or this one alone; they start when the context is entered, before there is work.

    The order of the ids is kept, so that a store comes out the same whatever the number of workers.
    """

    def __init__(self, assignment: Assignment, limits: Limits, *, seats: int, program: str = PROGRAM) -> None:
        self._assignment = assignment
        self._seats = [Seat(assignment, limits, program, copy=True) for _ in range(seats)]
        self._here = Here(assignment)
        self._chunks: deque[_Chunk] = deque()  # in the order in which they were given
        self._waiting: deque[_Chunk] = deque()  # of these, the ones that nobody has begun
        self._place: dict[int, _Chunk] = {}  # of a mail that is under way
        self._struck: set[int] = set()  # mails that one worker did not survive

    def __enter__(self) -> Self:
        for seat in self._seats:
            seat.warm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; what is under way is dropped, and nothing was written of it."""
        for seat in self._seats:
            seat.dismiss()
        for seat in self._seats:  # they end at the same time
            seat.close()
        self._here.close()

    def rules(self) -> Ready:
        """Which rules the records will be made by."""
        return self._seats[0].rules() if self._seats else self._here.rules()

    def give(self, ids: Iterable[int]) -> None:
        """Queue these messages; other processes derive them at once, while this one does other things."""
        for chunk in _chunks(ids):
            self._chunks.append(chunk)
            self._waiting.append(chunk)
        self._hand_out()

    @property
    def owed(self) -> int:
        """About how many records are still to come."""
        return CHUNK * len(self._chunks)

    def ready(self) -> Iterator[Rows]:
        """The records that are there without waiting, in the order in which their ids were given.

        Fewer than `COMMIT` wait for more, as long as there is more to come.
        """
        while self._waiting and not self._seats:
            chunk = self._waiting.popleft()
            chunk.rows.extend(self._here.derive(chunk.ids))
            yield from self._finished()
        self._collect(0)
        yield from self._finished()

    def _finished(self) -> Iterator[Rows]:
        done = list(itertools.takewhile(lambda chunk: chunk.complete, self._chunks))
        if len(done) * CHUNK < COMMIT and len(done) < len(self._chunks):
            return
        for begin in range(0, len(done), COMMIT // CHUNK):
            portion = [self._chunks.popleft() for _ in done[begin : begin + COMMIT // CHUNK]]
            yield [row for chunk in portion for row in chunk.rows]

    def rest(self, *, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rows]:
        """All records that are still owed, in order, until `stopped()` says so."""
        while not stopped() and self._chunks:
            self._collect(_LOOK)
            yield from self.ready()

    def derive(self, ids: Iterable[int], *, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rows]:
        """The records of these messages, in order; only a few chunks a worker are under way at any time."""
        remaining = iter(ids)
        while not stopped() and (some := list(itertools.islice(remaining, COMMIT))):
            self.give(some)
            yield from self.ready()
            while self._seats and len(self._chunks) >= len(self._seats) * _AHEAD and not stopped():
                self._collect(_LOOK)
                yield from self.ready()
        yield from self.rest(stopped=stopped)

    def pending(self, vault: Vault, stopped: Callable[[], bool]) -> Iterator[Rows]:
        """Derive what `vault` has pending, in order."""
        return self.derive(vault.pending_ids(), stopped=stopped)

    def _hand_out(self) -> None:
        """See that each worker has something to do, and something to do next."""
        for seat in self._seats:
            while self._waiting and seat.owed < _QUEUE:
                chunk = self._waiting.popleft()
                self._place.update(dict.fromkeys(chunk.ids, chunk))
                seat.give(chunk.ids)

    def _collect(self, seconds: float) -> None:
        """Take what the workers have; wait for one of them at most so long."""
        busy = [seat for seat in self._seats if seat.owed]
        workers = [seat.worker for seat in busy if seat.worker is not None]
        if seconds and workers and wait(workers, seconds):
            time.sleep(_GATHER)
        for seat in busy:
            self._take(seat)
        self._hand_out()

    def _take(self, seat: Seat) -> None:
        harvest = seat.take(0)
        self._settle(harvest.rows)
        again = list(harvest.left)
        if (lost := harvest.lost) is not None:
            if lost.message_id in self._struck:
                with Vault.look(self._assignment.vault, still=self._assignment.still) as vault:
                    self._settle([failed_row(vault, lost.message_id, lost.reason)])
            else:
                self._struck.add(lost.message_id)
                again.insert(0, lost.message_id)
        if again:
            seat.give(again)

    def _settle(self, rows: Rows) -> None:
        for row in rows:
            self._place.pop(row[0]).rows.append(row)


class Derivers(Crew):
    """The crew for a vault of this machine: `workers` processes, or this one alone."""

    def __init__(
        self,
        settings: Settings,
        senders: Sequence[SenderSettings],
        *,
        workers: int,
        program: str = PROGRAM,
    ) -> None:
        seats = workers if workers > 1 else 0
        super().__init__(Assignment.of(settings, senders), Limits.of(settings), seats=seats, program=program)


def _chunks(ids: Iterable[int]) -> Iterator[_Chunk]:
    remaining = iter(ids)
    while some := list(itertools.islice(remaining, CHUNK)):
        yield _Chunk(some)
