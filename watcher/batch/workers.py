"""Derivation on several processes: workers read the vault and derive, one process writes.

    with Derivers(vault_path, settings, senders, workers=4) as derivers:
        for rows in derivers.derive(ids):
            store.write(rows)

Row ids travel to the workers and records come back; raw bytes never travel between processes.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from watcher.archive import Contexts, derive_rows
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType

    from watcher.record import Record
    from watcher.settings import SenderSettings, Settings

    Rows = list[tuple[int, Record]]

CHUNK = 50
"""Mails a task: enough to hide the cost of a hand-over."""

_AHEAD = 3
"""Chunks a worker that are under way or waiting: none idles, and little waits in memory."""

_WORTH_WORKERS = 4 << 20
"""Bytes of mail from which starting processes pays: one process reads them in about the time of a start."""


class WorkerDiedError(Exception):
    """A process that derived was killed; the message says what to do."""


def suitable_workers(size: int) -> int:
    """How many processes suit mail of so many bytes in all: one for little, else one for each processor."""
    return 1 if size < _WORTH_WORKERS else len(os.sched_getaffinity(0))


def _start_method() -> str:
    """How workers start: as copies of this process, which has everything imported, where that is safe.

    It is while there is no other thread; that no database is open then is up to the caller, as SQLite
    forbids to carry one across a fork. Otherwise a fresh process with our modules is what gets copied.
    """
    if threading.active_count() == 1:
        return "fork"
    multiprocessing.get_context("forkserver").set_forkserver_preload([__name__])
    return "forkserver"


class Derivers:
    """Processes that derive, or this one alone; they start when the context is entered, before there is work.

    Enter it before a database is opened (see `_start_method`).
    The order of the ids is kept, so that a store comes out the same whatever the number of workers.
    """

    def __init__(
        self, vault_path: Path, settings: Settings, senders: Sequence[SenderSettings], *, workers: int
    ) -> None:
        self._vault_path = vault_path
        self._settings = settings
        self._senders = tuple(senders)
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        self._futures: deque[Future[Rows]] = deque()
        self._chunks: deque[list[int]] = deque()  # for this process, without a pool
        self._here = _Here(vault_path, settings, self._senders)

    def __enter__(self) -> Self:
        if self._workers > 1:
            context = multiprocessing.get_context(_start_method())
            arguments = (self._vault_path, self._settings, self._senders)
            self._pool = ProcessPoolExecutor(self._workers, context, _start_worker, arguments)
            for _ in range(self._workers):
                self._pool.submit(_nothing)  # a worker starts with the first work for it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            # What is not wanted any more is dropped; what is under way ends, and nothing was written by it.
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._here.close()

    def give(self, ids: Iterable[int]) -> None:
        """Queue these messages; other processes derive them at once, while this one does other things."""
        for chunk in _chunks(ids):
            if self._pool is None:
                self._chunks.append(chunk)
            else:
                with _deaths_explained():
                    self._futures.append(self._pool.submit(_derive_chunk, chunk))

    @property
    def owed(self) -> int:
        """About how many records are still to come."""
        return CHUNK * (len(self._chunks) + len(self._futures))

    def ready(self) -> Iterator[Rows]:
        """The records that are there without waiting, in the order in which their ids were given."""
        while self._chunks:
            yield self._here.derive(self._chunks.popleft())
        while self._futures and self._futures[0].done():
            yield _outcome(self._futures.popleft())

    def rest(self, *, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rows]:
        """All records that are still owed, in order, until `stopped()` says so."""
        while not stopped() and (self._chunks or self._futures):
            yield from self.ready()
            if self._futures:
                yield _outcome(self._futures.popleft())

    def derive(self, ids: Iterable[int], *, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rows]:
        """The records of these messages, in order; only a few chunks a worker are under way at any time."""
        for chunk in _chunks(ids):
            if stopped():
                return
            self.give(chunk)
            if len(self._futures) >= self._workers * _AHEAD:
                yield _outcome(self._futures.popleft())
            yield from self.ready()
        yield from self.rest(stopped=stopped)


def _outcome(future: Future[Rows]) -> Rows:
    with _deaths_explained():
        return future.result()


@contextmanager
def _deaths_explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise WorkerDiedError(
            "a worker process was killed, perhaps for lack of memory; what was read is safe in the vault: "
            "run the same command again, with fewer --workers"
        ) from error


class _Here:
    """Derives in one process; vault and rules are opened with the first chunk, when the vault is there."""

    def __init__(self, vault_path: Path, settings: Settings, senders: Sequence[SenderSettings]) -> None:
        self._given = (vault_path, settings, senders)
        self._open: tuple[Vault, Contexts] | None = None

    def derive(self, ids: list[int]) -> Rows:
        """The records of these vault messages."""
        if self._open is None:
            path, settings, senders = self._given
            self._open = (Vault.open(path, create=False), Contexts(settings, senders))
        vault, contexts = self._open
        return derive_rows(vault, contexts, ids)

    def close(self) -> None:
        """Close the vault, if it was opened."""
        if self._open is not None:
            self._open[0].close()


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(ids)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        yield chunk


_worker: _Here | None = None
"""What a worker process works with as long as it lives, made by its initializer."""


def _start_worker(vault_path: Path, settings: Settings, senders: Sequence[SenderSettings]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one decides
    # A copy of the first process has its handler, too, which only sets a flag: nothing could end this one.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    global _worker  # noqa: PLW0603  # a process pool has no other way to keep what its initializer made
    _worker = _Here(vault_path, settings, senders)


def _nothing() -> None:
    """Work that only starts a worker."""


def _derive_chunk(ids: list[int]) -> Rows:
    if _worker is None:
        raise RuntimeError("the worker process was not started by _start_worker")
    return _worker.derive(ids)
