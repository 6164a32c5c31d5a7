"""Progress of long work: a bar where a person watches, a log line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from watcher.cli.options import on_terminal
from watcher.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_EVERY = 10.0  # seconds between two log lines


class Progress(Protocol):
    """Takes how far the work went."""

    def advance(self, amount: int) -> None:
        """The work went on by `amount` units."""


@contextmanager
def progress(label: str, total: int, *, unit: str = "mails") -> Iterator[Progress]:
    """Show the progress of `total` units of work while the context is entered."""
    if on_terminal():
        with _bar(label, total, unit) as bar:
            yield bar
    else:
        yield _Lines(label, total, unit)


@contextmanager
def _bar(label: str, total: int, unit: str) -> Iterator[Progress]:
    from rich import progress as bars  # noqa: PLC0415  # a terminal alone pays for it
    from rich.console import Console  # noqa: PLC0415

    size = unit == "bytes"
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn() if size else bars.MofNCompleteColumn(),
        bars.TransferSpeedColumn() if size else bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(label, total=max(total, 1), rate="")

        class Bar:
            def advance(self, amount: int) -> None:
                shown.advance(task, amount)
                if (speed := shown.tasks[0].speed) is not None:
                    shown.update(task, rate=f"{speed:,.0f} {unit}/s")

        yield Bar()
        shown.update(task, completed=max(total, 1))


class _Lines:
    def __init__(self, label: str, total: int, unit: str) -> None:
        self._label = label
        self._total = total
        self._unit = unit
        self._done = 0
        self._started = self._last = time.monotonic()

    def advance(self, amount: int) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._last < _LINE_EVERY:
            return
        self._last = now
        rate = self._done / (now - self._started)
        get_logger().info(
            "progress",
            work=self._label,
            done=self._done,
            total=self._total,
            unit=self._unit,
            per_second=round(rate),
            seconds_left=round(max(0, self._total - self._done) / rate) if rate else None,
        )
