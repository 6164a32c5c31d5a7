"""Deadlines of conversations: each is kept, none outlives its block, one thread keeps them all."""

from __future__ import annotations

import gc
import math
import socket
import threading
import weakref
from typing import TYPE_CHECKING

import pytest

from watcher.deadline import Deadline, Keeper

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two sockets that are connected."""
    near, far = socket.socketpair()
    near.settimeout(10)
    far.settimeout(10)
    with near, far:
        yield near, far


def keepers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "deadlines"]


def test_a_read_ends_when_its_time_is_over(pair: Pair) -> None:
    """The far end sends nothing, and the near one would wait for ten seconds."""
    near, _ = pair
    with Deadline(near, 0.01) as deadline:
        assert near.recv(10) == b""
    assert deadline.expired


def test_a_short_deadline_does_not_wait_for_a_long_one(pair: Pair) -> None:
    """The thread that keeps the time sleeps until the long one when the short one begins."""
    near, far = pair
    with Deadline(far, 60) as long, Deadline(near, 0.01) as short:
        assert near.recv(10) == b""
    assert short.expired
    assert not long.expired


def test_a_deadline_that_was_met_does_nothing_later(pair: Pair) -> None:
    """A connection goes on to its next command: an end of the last one must not cut it off."""
    near, far = pair
    with Deadline(near, 60) as deadline:
        pass
    deadline._keeper.look(math.inf)
    assert not deadline.expired
    near.sendall(b"still open")
    assert far.recv(10) == b"still open"
    with Deadline(near, 60) as deadline:
        deadline._keeper.look(math.inf)
    assert deadline.expired
    assert far.recv(10) == b""


def test_a_deadline_of_a_closed_socket_is_kept_like_any_other(pair: Pair) -> None:
    """Whoever keeps the time of a thousand inboxes does not fall over one of them."""
    near, _ = pair
    closed, unused = socket.socketpair()
    closed.close()
    unused.close()
    with Deadline(closed, 0.0), Deadline(near, 0.01) as other:
        assert near.recv(10) == b""
    assert other.expired


def test_one_thread_keeps_all_deadlines(pair: Pair) -> None:
    """A thread for each command would be started thousands of times a day."""
    near, far = pair
    with Deadline(near, 60):
        before = keepers()
        for _ in range(20):
            with Deadline(far, 60):
                assert keepers() == before


def test_the_thread_ends_when_nothing_runs_and_comes_again(pair: Pair) -> None:
    """A command that is done with its mailbox has no thread of it left."""
    near, _ = pair
    keeper = Keeper()
    for _ in range(2):
        deadline = Deadline(near, 0)
        keeper.begin(deadline, 0.0)
        thread = keeper._thread
        if thread is not None:
            thread.join(10)
            assert not thread.is_alive()
        assert deadline.expired


def test_a_deadline_is_gone_with_its_block(pair: Pair) -> None:
    """It does not wait for the garbage collector, which comes round rarely, with its socket."""
    near, _ = pair
    gc.disable()
    try:
        with Deadline(near, 60) as deadline:
            reference = weakref.ref(deadline)
        del deadline
        assert reference() is None
    finally:
        gc.enable()
