"""Where the time goes: every step of the way from bytes to row, timed by itself.

    with Stages() as stages:
        ...                                   # import, or take in mail
    stages.table(mails)

A step's time is its own: what a step inside it takes is counted there. Watching costs some microseconds a
step, so that the sum is a little above what an import takes unwatched.
"""

from __future__ import annotations

import functools
import sqlite3
import statistics
import time
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from watcher import cleaning, pipeline, provider, sketch
from watcher.archive import Archive
from watcher.derivation import Here
from watcher.derivation import worker as workers
from watcher.sqlite import Database
from watcher.store import Store, counts, issues
from watcher.vault import Vault
from watcher.vault.compression import Packer
from watcher.vault.messages import Messages

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_STEPS: tuple[tuple[Any, str, str], ...] = (
    (Messages, "_pack", "vault: sha256, and what is there"),
    (Packer, "pack", "vault: compress"),
    (Vault, "store", "vault: rows"),
    (Vault, "pending", "vault: what is pending"),
    (Vault, "sources", "derive: where it came from"),
    (Vault, "raw", "derive: read, unpack, sha256"),
    (pipeline, "parse", "derive: MIME and headers"),
    (provider, "detect", "derive: provider"),
    (pipeline, "kind_of", "derive: kind"),
    (cleaning, "clean", "derive: cleaning"),
    (sketch, "words", "derive: sketch"),
    (sketch, "sketch", "derive: sketch"),
    (sketch, "fingerprint", "derive: sketch"),
    (pipeline, "derive", "derive: record, redaction"),
    (workers, "answer", "worker: unpickle"),
    (workers, "frame", "worker: ask"),
    (workers, "wait", "worker: wait for it"),
    (Store, "write", "store: rows, in Python"),
    (counts, "add", "store: counts"),
    (issues, "regroup", "store: issues"),
    (Vault, "finish", "vault: note the outcome"),
    (Archive, "commit", "vault: note the outcome"),
    (Here, "rules", "other"),
)


class Stages:
    """A context manager; `seconds` has the time of each step, one entry each time that it was taken."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.doing = ""
        self._inside: list[float] = [0.0]  # what the steps inside the current ones took
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for owner, name, label in _STEPS:
            self._watch(owner, name, lambda *_given, label=label: label)
        self._watch(Database, "execute_many", _table)
        stages = self

        class Committing(sqlite3.Connection):
            def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
                if sql != "COMMIT":
                    return super().execute(sql, *given)
                durable = stages.doing == "vault: rows"
                label = "vault: commit, on the disk" if durable else f"{_whose(self)}: commit"
                return stages.timed(label, super().execute, sql)

        connect = functools.partial(sqlite3.connect, factory=Committing)
        self._stack.enter_context(mock.patch.object(sqlite3, "connect", connect))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _watch(self, owner: Any, name: str, label: Callable[..., str]) -> None:
        function = getattr(owner, name)

        @functools.wraps(function)
        def watched(*given: Any, **named: Any) -> Any:
            return self.timed(label(*given), function, *given, **named)

        self._stack.enter_context(mock.patch.object(owner, name, watched))

    def timed(self, label: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Call the function, and note how long it took by itself."""
        self._inside.append(0.0)
        before, self.doing = self.doing, label
        start = self._clock()
        try:
            return function(*given, **named)
        finally:
            whole = self._clock() - start
            self.seconds[label].append(whole - self._inside.pop())
            self._inside[-1] += whole
            self.doing = before

    def table(self, mails: int, whole: float) -> None:
        """Print the microseconds of each step for one mail; `whole`: seconds of all, by the same clock."""
        print("us a mail  share  step")
        spent = {label: sum(seconds) for label, seconds in self.seconds.items()}
        spent["files, and between the steps"] = whole - sum(spent.values())
        for label, seconds in sorted(spent.items(), key=lambda each: -each[1]):
            print(f"{seconds / mails * 1e6:9.0f}  {seconds / whole:5.0%}  {label}")
        print(f"{whole / mails * 1e6:9.0f}   100%")

    def quantiles(self, mails: int) -> None:
        """Print the microseconds of each step that every mail takes: half, 99 of 100, and the mean a mail."""
        print("   p50     p99    mean us  step")
        for label, seconds in sorted(self.seconds.items(), key=lambda each: -sum(each[1])):
            if len(seconds) > 1:
                cut = statistics.quantiles(seconds, n=100)
                mean = sum(seconds) / mails
                print(f"{cut[49] * 1e6:6.0f}  {cut[98] * 1e6:6.0f}  {mean * 1e6:6.0f}     {label}")


def _table(_database: Database, sql: str, *_rows: object) -> str:
    words = sql.split()
    into = words[words.index("INTO") + 1] if "INTO" in words else words[1]
    return f"{_whose(_database)}: {into}"


def _whose(database: Database | sqlite3.Connection) -> str:
    if isinstance(database, Database):
        return database.path.stem.replace("newsletters", "store")
    name = str(database.cursor().execute("PRAGMA database_list").fetchone()[2])
    return "vault" if "vault" in name else "store"
