"""A cluster of its own for a test: a scheduler and workers, each a process, on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from distributed import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from distributed import Security

_START = 60.0  # seconds for a busy machine


class DaskCluster:
    """A scheduler at `address`, and workers of one thread."""

    def __init__(
        self, root: Path, options: Sequence[str], environ: Mapping[str, str], security: Security | None
    ) -> None:
        self.root = root
        self.address = ""
        self.scheduler: subprocess.Popen[bytes]
        self.workers: list[subprocess.Popen[bytes]] = []
        self._options = options
        self._security = security
        self._environ = {**os.environ, "DASK_LOGGING__DISTRIBUTED": "warning", **environ}
        self._stack = ExitStack()

    def start(self, workers: int) -> None:
        """Start the scheduler and so many workers; returns when they have joined."""
        file = self.root / "scheduler.json"
        where = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
        self.scheduler = self._process("dask_scheduler", where)
        deadline = time.monotonic() + _START
        while not self.address:
            if time.monotonic() > deadline or self.scheduler.poll() is not None:
                raise RuntimeError(f"the scheduler does not start: {(self.root / 'cluster.log').read_text()}")
            time.sleep(0.05)
            if file.exists() and (content := file.read_text(encoding="utf-8")):
                self.address = json.loads(content)["address"]
        for _ in range(workers):
            self.add_worker()
        if workers:  # dask takes 0 for no number at all
            with Client(
                self.address, timeout=_START, security=self._security, set_as_default=False
            ) as client:
                client.wait_for_workers(workers, timeout=_START)

    def add_worker(self, **environ: str) -> subprocess.Popen[bytes]:
        """Start one more worker; it joins when it is ready."""
        where = ["--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        local = ["--local-directory", str(self.root / "scratch")]
        self.workers.append(self._process("dask_worker", [self.address, *where, *local], environ))
        return self.workers[-1]

    def _process(
        self, module: str, arguments: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.root / "cluster.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**self._environ, **(environ or {})},
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def close(self) -> None:
        """End everything."""
        self._stack.close()


@contextmanager
def dask_cluster(
    root: Path,
    workers: int = 2,
    *,
    options: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    security: Security | None = None,
) -> Iterator[DaskCluster]:
    """A running cluster; `options` are those of dask's own commands, `security` is for a client of it."""
    root.mkdir(parents=True, exist_ok=True)
    cluster = DaskCluster(root, options, environ or {}, security)
    try:
        cluster.start(workers)
        yield cluster
    finally:
        cluster.close()
