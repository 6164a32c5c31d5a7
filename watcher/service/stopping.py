"""Signals: SIGTERM and SIGINT as a question that work can ask between two batches, SIGHUP as a request."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Bell:
    """Wakes the one thread that waits at it; the handler of a signal may ring it.

    `threading.Event` is not for handlers: it has a lock, and the main thread that the handler interrupts may
    be the one that holds it. `SimpleQueue.put` is reentrant (docs.python.org, queue).
    """

    def __init__(self) -> None:
        self._rung: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Have the wait end, or the next one not begin."""
        if self._rung.empty():
            self._rung.put(None)

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, at most so long; not at all when it was since the last wait."""
        with suppress(Empty):
            self._rung.get(timeout=seconds)
            for _ in range(self._rung.qsize()):
                self._rung.get_nowait()


@contextmanager
def stop_on_signals(wake: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """While entered, SIGTERM and SIGINT set a flag and call `wake`; yields the question whether one came.

    Outside the main thread, where Python sets no handlers, the answer is always no.
    """
    asked = False  # no `threading.Event`: see `Bell`

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        wake()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def reload_on_signal(ask: Callable[[], None]) -> Iterator[None]:
    """While entered, SIGHUP calls `ask`, which returns at once; not outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: ask())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
