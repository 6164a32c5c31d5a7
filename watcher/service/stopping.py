"""Signals: SIGTERM and SIGINT as a question that work can ask between two batches, SIGHUP as a request."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextmanager
def stop_on_signals(wake: Callable[[], None] = lambda: None) -> Iterator[Callable[[], bool]]:
    """While entered, SIGTERM and SIGINT set a flag and call `wake`; yields the question whether one came.

    Outside the main thread, where Python sets no handlers, the answer is always no.
    """
    asked = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        wake()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked.is_set
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
