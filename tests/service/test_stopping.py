"""Signals wake who waits, whatever the signal interrupts."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watcher.service.stopping import Bell, stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

LONG = 60.0  # seconds; nobody waits for so long


@contextmanager
def interrupted(handler: Callable[[], None]) -> Iterator[None]:
    """Have `handler` run at the begin and the end of every call that the block makes, as a signal's might."""
    within = False

    def between(_frame: FrameType, _event: str, _value: object) -> None:
        nonlocal within
        if not within:
            within = True
            handler()
            within = False

    sys.setprofile(between)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_a_handler_may_ring_at_any_moment() -> None:
    """Also in the midst of a wait or a ring: with a `threading.Event` it waits for a lock that is its own."""
    bell, times = Bell(), 0

    def ring() -> None:
        nonlocal times
        times += 1
        bell.ring()

    with interrupted(ring):
        bell.ring()
        bell.wait(LONG)
    assert times > 10


def test_a_bell_that_was_rung_does_not_wait() -> None:
    """Once, however often it was rung before; then it waits."""
    bell = Bell()
    for _ in range(3):
        bell.ring()
    began = time.monotonic()
    bell.wait(LONG)
    assert time.monotonic() - began < LONG / 2
    waiting = threading.Thread(target=bell.wait, args=(LONG,))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    bell.ring()
    waiting.join(LONG / 2)
    assert not waiting.is_alive()


def test_a_stop_is_remembered_however_often_it_comes() -> None:
    """Each SIGTERM calls; the answer is yes from the first on, and the old handler is back at the end."""
    before = signal.getsignal(signal.SIGTERM)
    bell = Bell()
    with stop_on_signals(bell.ring) as stopped:
        assert not stopped()
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
            bell.wait(LONG)
            assert stopped()
    assert signal.getsignal(signal.SIGTERM) == before
