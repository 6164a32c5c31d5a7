"""The cluster as seen from the command: connect, hand out tasks, take their shards in order."""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
import time
from collections import deque
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from watcher.batch.cluster.directory import Directory
from watcher.batch.cluster.edition import Edition
from watcher.batch.cluster.errors import ClusterError, ClusterUnreachable
from watcher.batch.cluster.shards import Shard, read_shard
from watcher.batch.workers import Crew
from watcher.derivation import Assignment, Here, Limits
from watcher.derivation.protocol import plain
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from watcher.batch.cluster.site import Runs
    from watcher.batch.workers import Rows
    from watcher.derivation import Ready
    from watcher.settings import SenderSettings, Settings

_ADDRESS = re.compile(r"(?:tcp|tls)://[^/\s]+:\d+")

_MAILS = 250
"""Mails of one task: some tenths of a second, a hundred times what dask adds to it."""

_AHEAD = 4
"""Tasks for each thread of the workers that are under way, waiting or done and not yet taken."""

_CONNECT = 10.0  # seconds to reach the scheduler, and to wait for the first worker
_LOOK = 1.0  # seconds between two looks at whether to stop
_DESERTED = 60.0  # seconds without any worker; whoever restarts them has done so by then


@dataclass(frozen=True, slots=True)
class Task:
    """A function of the workers' side, and what it is asked for; `name` becomes a part of the shard's."""

    name: str
    function: Callable[..., Shard]
    arguments: tuple[Any, ...]


class Cluster:
    """The workers of a scheduler, who derive like a `Crew`. A context manager; for one thread."""

    def __init__(
        self,
        address: str,
        settings: Settings,
        senders: Sequence[SenderSettings],
        *,
        shards: Path | None = None,
        mails: int = _MAILS,
    ) -> None:
        """`shards`: a directory that all machines share; that of the vault, unless said."""
        self._address = address
        self._assignment = Assignment.of(settings, senders)
        self._limits = Limits.of(settings)
        self._mails = mails
        vault = settings.store.vault
        self.directory = Directory((shards or vault.parent) / f"{vault.name}.shards")
        self._run = f"watcher-{uuid4().hex[:12]}"
        self._here = Here(self._assignment)
        self._open = contextlib.ExitStack()
        self._client: Any = None  # distributed has no types
        self._threads = 1

    def __enter__(self) -> Self:
        """Raises `ClusterUnreachable`, and `ClusterError` when no worker is fit for the work."""
        from watcher.batch.cluster import site  # noqa: PLC0415  # as below

        with self._open:
            self._open.enter_context(self.directory)
            self._client = self._open.enter_context(connected(self._address))
            own = Edition.here()
            self._check(own)
            assignment = replace(self._assignment, still=True)
            plugin = site.Site(site.Job(self._run, assignment, self._limits, self.directory.path, own))
            self._client.register_plugin(plugin, self._run)
            self._open.callback(self._leave)
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _leave(self) -> None:
        if self._client.status != "running":  # it would wait for a scheduler that was lost to come back
            return
        with contextlib.suppress(Exception):  # whatever a scheduler that is gone makes of it: so are we
            self._client.unregister_worker_plugin(self._run)

    def _check(self, own: Edition) -> None:
        """See that there are workers, and that each derives what this process would."""
        from watcher.batch.cluster import site  # noqa: PLC0415

        try:
            self._client.wait_for_workers(1, timeout=_CONNECT)
        except TimeoutError as error:
            raise ClusterError(
                f"scheduler {self._address}: it has no worker; start some with `dask worker {self._address}`"
            ) from error
        for worker, said in sorted(self._client.run(site.edition, own, on_error="return").items()):
            if isinstance(said, ImportError):
                raise ClusterError(
                    f"worker {worker} cannot import this program ({said}); install it there: "
                    "pip install 'newsletter-watcher[cluster]'"
                )
            if isinstance(said, BaseException):
                raise ClusterError(f"worker {worker}: {type(said).__name__}: {said}")
            if said:
                raise ClusterError(site.skewed(worker, said))
        self._count_threads()

    def _count_threads(self) -> None:
        self._threads = sum(self._client.nthreads().values())

    def rules(self) -> Ready:
        """Which rules the records will be made by: those of this process are those of every worker."""
        return self._here.rules()

    def derive(self, ids: Iterable[int], *, stopped: Callable[[], bool] = lambda: False) -> Iterator[Rows]:
        """The records of these messages, ascending ids, in order.

        The vault stands still meanwhile; what arrives then is left out. Raises `ClusterError`.
        """
        from watcher.batch.cluster import site  # noqa: PLC0415

        def tasks(last: int) -> Iterator[Task]:
            settled = itertools.takewhile(lambda number: number <= last, ids)
            while some := list(itertools.islice(settled, self._mails)):
                runs = runs_of(some)
                yield Task(f"{some[0]:012d}-{some[-1]:012d}", site.derive_rows, (runs,))

        with Vault.open(self._assignment.vault, create=False) as vault, vault.standing_still():
            for values in self.shards(tasks(vault.last_message_id()), stopped):
                yield [plain(value) for value in values]

    def pending(self, vault: Vault, stopped: Callable[[], bool]) -> Iterator[Rows]:
        """Derive what `vault` has pending, here: what arrived while the others worked is not much."""
        with contextlib.closing(Crew(self._assignment, self._limits, seats=1)) as crew:
            yield from crew.derive(vault.pending_ids(), stopped=stopped)

    def shards(
        self, tasks: Iterable[Task], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[list[bytes]]:
        """Have the workers do these tasks; gives the values of each shard, in the order of the tasks.

        The shard is removed once the next one is asked for. Raises `ClusterError`.
        """
        remaining = iter(tasks)
        under_way: deque[Any] = deque()
        taken = 0
        try:
            while not stopped():
                room = max(0, max(2, self._threads * _AHEAD) - len(under_way))  # workers may have gone
                under_way.extend(self._submit(task) for task in itertools.islice(remaining, room))
                if not under_way:
                    return
                if (shard := self._result(under_way[0], stopped)) is None:
                    return
                yield read_shard(self.directory.path, shard)
                under_way.popleft()
                self.directory.forget(shard.name)
                taken += 1
                if taken % 32 == 0:  # workers come and go
                    self._count_threads()
        finally:
            if under_way:
                with contextlib.suppress(Exception):  # the scheduler is gone: there is nothing to cancel
                    self._client.cancel([*under_way], force=True)

    def _submit(self, task: Task) -> Any:
        # Not `pure`: equal tasks of two runs would share one result, and its shard.
        return self._client.submit(
            task.function, self._run, task.name, *task.arguments, key=f"{self._run}-{task.name}", pure=False
        )

    def _result(self, future: Any, stopped: Callable[[], bool]) -> Shard | None:
        """Wait for a task; None when there is a stop before. Raises `ClusterError`."""
        from distributed import KilledWorker, wait  # noqa: PLC0415

        deserted_since: float | None = None
        while not stopped():
            with contextlib.suppress(TimeoutError, CancelledError):
                wait([future], timeout=_LOOK)
            if future.status == "finished":
                shard: Shard = future.result()
                return shard
            if future.status == "error":
                error = future.exception()
                if isinstance(error, ClusterError):
                    raise error
                if isinstance(error, KilledWorker):
                    raise ClusterError(
                        "several workers ended while they did the same task; their logs say why (memory?)"
                    ) from error
                raise ClusterError(f"a task failed on its worker: {type(error).__name__}: {error}") from error
            if future.cancelled() or self._client.status != "running":
                raise ClusterUnreachable(f"scheduler {self._address}: the connection was lost")
            if self._client.nthreads():
                deserted_since = None
            elif deserted_since is None:
                deserted_since = time.monotonic()
            elif time.monotonic() - deserted_since > _DESERTED:
                raise ClusterError(f"scheduler {self._address}: all its workers are gone")
        return None


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a scheduler; TLS is as dask's own settings say (distributed.comm.tls).

    Raises `ClusterError` without the extra, and `ClusterUnreachable`.
    """
    if _ADDRESS.fullmatch(address) is None:
        raise ClusterError(f"scheduler {address}: an address reads tcp://HOST:8786, or tls://HOST:8786")
    try:
        from distributed import Client  # noqa: PLC0415  # half a second, and an extra
    except ImportError as error:
        raise ClusterError(
            "a cluster needs dask: pip install 'newsletter-watcher[cluster]', here and on every worker"
        ) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is said here
    try:
        client = Client(address, timeout=_CONNECT)
    except (OSError, TimeoutError) as error:
        raise ClusterUnreachable(
            f"scheduler {address}: nobody answers there; start it with `dask scheduler`, and see that this "
            "machine may connect to it (tls:// needs dask's TLS settings)"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=5)


def runs_of(ids: Iterable[int]) -> Runs:
    """Ascending ids as first and last of each gapless run."""
    runs: list[tuple[int, int]] = []
    for number in ids:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return tuple(runs)
