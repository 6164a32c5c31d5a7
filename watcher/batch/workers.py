"""Derivation on several processes: workers read the vault and derive, one process writes.

Row ids travel to the workers and records come back; raw bytes never travel between processes.
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TYPE_CHECKING

from watcher.archive import Contexts, derive_rows
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from watcher.record import Record
    from watcher.settings import SenderSettings, Settings

CHUNK = 50
"""Mails a task: enough to hide the cost of a hand-over."""

Rows = list[tuple[int, "Record"]]


def derive_all(
    vault_path: Path,
    ids: Iterable[int],
    settings: Settings,
    senders: Sequence[SenderSettings],
    *,
    workers: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Rows]:
    """The records of these vault messages, chunk by chunk, in the order of `ids`.

    With one worker all happens in this process. The order is kept, so that the store comes out the same bytes
    whatever the number of workers; at most a few chunks a worker wait in memory.
    """
    chunks = _chunks(ids)
    if workers <= 1:
        contexts = Contexts(settings, senders)
        with Vault.open(vault_path, create=False) as vault:
            for chunk in chunks:
                if stopped():
                    return
                yield derive_rows(vault, contexts, chunk)
        return
    # spawn: a forked copy would share the parent's SQLite connections, which SQLite forbids
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _start_worker, (vault_path, settings, tuple(senders))
    )
    with pool:
        waiting: deque[Future[Rows]] = deque()
        for chunk in itertools.islice(chunks, workers * 3):
            waiting.append(pool.submit(_derive_chunk, chunk))
        while waiting:
            rows = waiting.popleft().result()
            if stopped():
                pool.shutdown(wait=False, cancel_futures=True)
                return
            for chunk in itertools.islice(chunks, 1):
                waiting.append(pool.submit(_derive_chunk, chunk))
            yield rows


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    remaining = iter(ids)
    while chunk := list(itertools.islice(remaining, CHUNK)):
        yield chunk


# One vault and one set of compiled rules a worker process, opened by its initializer.
_worker: tuple[Vault, Contexts] | None = None


def _start_worker(vault_path: Path, settings: Settings, senders: Sequence[SenderSettings]) -> None:
    global _worker  # noqa: PLW0603  # a process pool has no other way to keep what its initializer made
    _worker = (Vault.open(vault_path, create=False).__enter__(), Contexts(settings, senders))


def _derive_chunk(ids: list[int]) -> Rows:
    if _worker is None:
        raise RuntimeError("the worker process was not started by _start_worker")
    vault, contexts = _worker
    return derive_rows(vault, contexts, ids)
