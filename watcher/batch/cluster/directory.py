"""The directory of the shards: one run at a time, nothing left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Self

from watcher.batch.cluster.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_LOCK = "lock"
_OURS = ("*.shard", "*.known", ".*.part")


class Directory:
    """Made when it is entered, 0700 because there is mail in it, and removed when it is left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def __enter__(self) -> Self:
        """Raises `ClusterError` when another run is at work here, or nothing can be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise ClusterError(
                f"{self.path}: another run on a cluster is at work for this vault; wait until it has ended"
            ) from error
        except OSError as error:
            raise ClusterError(
                f"{self.path}: {error.strerror}; name a directory that all machines share (--shards)"
            ) from error
        self._empty()  # of what a run left that was killed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._empty()
        with contextlib.suppress(OSError):  # a worker that has not heard of the end may write one more shard
            (self.path / _LOCK).unlink()
            self.path.rmdir()
        os.close(self._lock)

    def forget(self, name: str) -> None:
        """Remove a shard that was taken in."""
        (self.path / name).unlink(missing_ok=True)

    def _empty(self) -> None:
        for pattern in _OURS:
            for file in self.path.glob(pattern):
                file.unlink(missing_ok=True)
