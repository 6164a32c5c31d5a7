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
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from watcher.archive import Contexts, derive_rows
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
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


def suitable_workers(size: int) -> int:
    """How many processes suit mail of so many bytes in all: one for little, else one for each processor."""
    return 1 if size < _WORTH_WORKERS else len(os.sched_getaffinity(0))


class Derivers:
    """Processes that derive, or this one alone; they start when the context is entered, before there is work.

    The order of the ids is kept, so that a store comes out the same whatever the number of workers.
    """

    def __init__(
        self, vault_path: Path, settings: Settings, senders: Sequence[SenderSettings], *, workers: int
    ) -> None:
        self._vault_path = vault_path
        self._settings = settings
        self._senders = tuple(senders)
        self._workers = workers
        self._stack = ExitStack()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._workers > 1:
            # A fork of this process would share its SQLite connections, which SQLite forbids; a server that
            # has nothing but our modules is forked instead, so that they are imported once.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([__name__])
            arguments = (self._vault_path, self._settings, self._senders)
            pool = ProcessPoolExecutor(self._workers, context, _start_worker, arguments)
            self._pool = self._stack.enter_context(pool)
            for _ in range(self._workers):
                pool.submit(_nothing)  # a worker starts with the first work for it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None and kind is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._stack.close()

    def derive(self, ids: Iterable[int], *, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rows]:
        """The records of these vault messages, chunk by chunk, until `stopped()` says so."""
        chunks = _chunks(ids)
        made = self._in_processes(self._pool, chunks) if self._pool is not None else self._here(chunks)
        for rows in made:
            yield rows
            if stopped():
                made.close()
                return

    def _here(self, chunks: Iterator[list[int]]) -> Generator[Rows, None, None]:
        contexts = Contexts(self._settings, self._senders)
        with Vault.open(self._vault_path, create=False) as vault:
            for chunk in chunks:
                yield derive_rows(vault, contexts, chunk)

    def _in_processes(
        self, pool: ProcessPoolExecutor, chunks: Iterator[list[int]]
    ) -> Generator[Rows, None, None]:
        waiting: deque[Future[Rows]] = deque()
        try:
            for chunk in itertools.islice(chunks, self._workers * _AHEAD):
                waiting.append(pool.submit(_derive_chunk, chunk))
            while waiting:
                rows = waiting.popleft().result()
                waiting.extend(pool.submit(_derive_chunk, chunk) for chunk in itertools.islice(chunks, 1))
                yield rows
        finally:
            for future in waiting:
                future.cancel()


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(ids)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        yield chunk


# What a worker process works with, set by its initializer; the vault is opened with the first chunk,
# because it may not be there yet when the worker starts.
_given: tuple[Path, Contexts] | None = None
_vault: Vault | None = None


def _start_worker(vault_path: Path, settings: Settings, senders: Sequence[SenderSettings]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one decides
    global _given  # noqa: PLW0603  # a process pool has no other way to keep what its initializer made
    _given = (vault_path, Contexts(settings, senders))


def _nothing() -> None:
    """Work that only starts a worker."""


def _derive_chunk(ids: list[int]) -> Rows:
    global _vault  # noqa: PLW0603  # open as long as the process lives
    if _given is None:
        raise RuntimeError("the worker process was not started by _start_worker")
    path, contexts = _given
    if _vault is None:
        _vault = Vault.open(path, create=False)
    return derive_rows(_vault, contexts, ids)
