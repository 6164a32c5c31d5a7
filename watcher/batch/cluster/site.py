"""What runs on a worker of the cluster: one plugin for each run, and the tasks that it is asked for.

The worker itself derives nothing. It keeps a process behind the usual wall (`watcher.derivation`) for each of
its threads, so that a hostile mail costs itself and neither the worker nor its neighbours.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from distributed import WorkerPlugin, get_worker

from watcher.batch.cluster.edition import Edition
from watcher.batch.cluster.errors import ClusterError
from watcher.batch.cluster.filing import Desk, Known
from watcher.batch.cluster.shards import write_shard
from watcher.batch.sources import Rules
from watcher.batch.workers import Crew
from watcher.derivation.protocol import canonical
from watcher.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from watcher.batch.cluster.shards import Shard
    from watcher.batch.slices import Names, Range
    from watcher.derivation import Assignment, Limits

Hands = TypeVar("Hands", "Crew", "Desk")

Runs = tuple[tuple[int, int], ...]
"""Row ids as first and last of each gapless run."""

_IDLE = 60.0  # seconds after which processes without work end, should whoever began the run be gone


@dataclass(frozen=True, slots=True)
class Job:
    """What every task of a run must know. It has no password: who derives has no business with a mailbox."""

    name: str
    assignment: Assignment
    limits: Limits
    shards: Path
    edition: Edition


class Site(WorkerPlugin):
    """The processes of one run on one worker."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.name = job.name
        self._lock = threading.Lock()
        self._idle: list[Crew | Desk] = []
        self._over = False  # a task that is still at work then gives its crew back to nobody
        self._closing: threading.Timer | None = None
        self._difference: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Site, (self.job,)

    def teardown(self, worker: Any) -> None:  # noqa: ARG002  # dask's interface
        """End the processes: the run has ended, or the worker does."""
        self._over = True
        self._close_idle()

    def check(self) -> None:
        """Raise `ClusterError` when this worker would derive otherwise than the one who asks."""
        if self._difference is None:
            self._difference = Edition.here().beside(self.job.edition)
        if self._difference:
            raise ClusterError(skewed(here(), self._difference))

    def crew(self) -> AbstractContextManager[Crew]:
        """Lend a crew of one process; it is warm when a task before has used it."""
        return self._lend(Crew, lambda: Crew(self.job.assignment, self.job.limits, seats=1))

    def desk(self) -> AbstractContextManager[Desk]:
        """Lend a desk for the mails of files."""
        directory = get_worker().local_directory
        return self._lend(Desk, lambda: Desk(self.job.assignment, self.job.limits, directory))

    @contextmanager
    def _lend(self, kind: type[Hands], make: Callable[[], Hands]) -> Iterator[Hands]:
        hands = self._take(kind) or make()
        try:
            yield hands
        except BaseException:
            hands.close()  # what it was given and has not answered goes with it
            raise
        if isinstance(hands, Desk) and hands.worn:
            hands.close()
            return
        with self._lock:
            self._idle.append(hands)
            self._closing = threading.Timer(_IDLE, self._close_idle)
            self._closing.daemon = True
            self._closing.start()
        if self._over:
            self._close_idle()

    def _take(self, kind: type[Hands]) -> Hands | None:
        with self._lock:
            if self._closing is not None:
                self._closing.cancel()
            for hands in self._idle:
                if isinstance(hands, kind):
                    self._idle.remove(hands)
                    return hands
        return None

    def _close_idle(self) -> None:
        with self._lock:
            if self._closing is not None:
                self._closing.cancel()
            idle, self._idle = self._idle, []
        for hands in idle:
            hands.close()


def derive_rows(run: str, task: str, runs: Runs) -> Shard:
    """The task of a rebuild: derive these messages of the vault, in order, into a shard."""
    site = _site(run)
    with _troubles(site), site.crew() as crew:
        ids = (number for first, last in runs for number in range(first, last + 1))
        rows = (canonical(row) for some in crew.derive(ids) for row in some)
        return write_shard(site.job.shards, task, rows)


def file_slice(run: str, task: str, piece: Names | Range, inbox: str, max_bytes: int, known: str) -> Shard:
    """The task of an import: read a slice of files and derive its mails, in order, into a shard.

    `known`: the name of the file, beside the shards, with what need not be taken again.
    """
    site = _site(run)
    with _troubles(site), site.desk() as desk:
        settled = Known.read(site.job.shards / known)
        filed = desk.file(piece.mails(Rules(max_bytes)), inbox, max_bytes, settled)
        return write_shard(site.job.shards, task, (each.packed() for each in filed))


def edition(run_edition: Edition) -> str:
    """Asked of every worker before the first task: where it differs from the one who asks."""
    return Edition.here().beside(run_edition)


def skewed(worker: str, difference: str) -> str:
    """The sentence for a worker that would derive otherwise."""
    return (
        f"worker {worker} has {difference}: its records would differ; install the same versions on every "
        "machine and start its workers again"
    )


def here() -> str:
    """This worker, as its user knows it."""
    return f"{get_worker().address} ({socket.gethostname()})"


def _site(run: str) -> Site:
    site = get_worker().plugins.get(run)
    if not isinstance(site, Site):
        raise ClusterError(f"worker {here()}: the run {run} has ended, or never began here")
    site.check()
    return site


@contextmanager
def _troubles(site: Site) -> Iterator[None]:
    """Say where the trouble is: the one who reads it sits at another machine."""
    try:
        yield
    except VaultError as error:
        raise ClusterError(f"worker {here()}: {error}") from error
    except OSError as error:
        raise ClusterError(
            f"worker {here()}: {error.filename or site.job.shards}: {error.strerror}; vault, mail and shards "
            "must be at the same place on every machine, for the same user"
        ) from error
