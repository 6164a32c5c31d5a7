"""The inboxes that wait for a pass: nothing is lost, nothing is done twice at once, nobody starves."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from watcher.service.polls import MOST_A_SICK_SERVER, Polls


class Passes:
    """What the threads do; a pass over `held` inboxes waits until it is let go."""

    def __init__(self, *, held: str = "", answered: bool = True) -> None:
        self.begun: list[str] = []
        self.running: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.go = threading.Event()
        self.answered = answered
        self._held = held
        self._changed = threading.Condition()

    def __call__(self, name: str) -> bool:
        with self._changed:
            self.begun.append(name)
            self.running[name] += 1
            self.most_at_once[name] = max(self.most_at_once[name], self.running[name])
            self._changed.notify_all()
        if name.startswith(self._held or "-"):
            assert self.go.wait(20)
        with self._changed:
            self.running[name] -= 1
            self._changed.notify_all()
        return self.answered

    def until(self, *names: str) -> None:
        """Wait until these passes have begun, each as often as it is named."""
        wanted = Counter(names)
        with self._changed:
            assert self._changed.wait_for(lambda: wanted <= Counter(self.begun), 20), self.begun

    def together(self, prefix: str) -> int:
        """How many inboxes with this prefix are in a pass now."""
        return sum(count for name, count in self.running.items() if name.startswith(prefix))


def test_what_is_asked_for_during_a_pass_brings_one_more() -> None:
    """A hint that comes while its inbox is polled is not lost, and three of them are one."""
    passes = Passes(held="a")
    polls = Polls(passes)
    polls.ask("a", "server")
    passes.until("a")
    for _ in range(3):
        polls.ask("a", "server")
    passes.go.set()
    passes.until("a", "a")
    assert polls.join(20)
    assert passes.begun == ["a", "a"]
    assert passes.most_at_once["a"] == 1
    polls.stop()


def test_an_inbox_waits_in_line_once() -> None:
    """However often it is asked for before its turn."""
    passes = Passes(held="a")
    polls = Polls(passes, most=1)
    polls.ask("a", "server")
    passes.until("a")
    for _ in range(5):
        polls.ask("b", "server")
    passes.go.set()
    passes.until("b")
    assert polls.join(20)
    assert passes.begun == ["a", "b"]
    polls.stop()


def test_a_server_that_hangs_does_not_hold_the_others_up() -> None:
    """It has its own few places; the inboxes of another server are polled meanwhile."""
    passes = Passes(held="dead")
    polls = Polls(passes, most=6, most_a_server=3)
    for number in range(10):
        polls.ask(f"dead {number}", "dead.example")
    for number in range(10):
        polls.ask(f"well {number}", "well.example")
    passes.until(*(f"well {number}" for number in range(10)))
    assert passes.together("dead") == 3
    passes.go.set()
    passes.until(*(f"dead {number}" for number in range(10)))
    polls.stop()
    assert polls.join(20)


def test_a_server_that_failed_has_fewer_places() -> None:
    """Until one of its inboxes is polled well again; then the others need not wait."""
    passes = Passes(held="late", answered=False)
    polls = Polls(passes, most=12, most_a_server=8)
    polls.ask("late", "server")
    polls.ask("failed", "server")
    passes.until("late", "failed")
    assert _limit(polls) == MOST_A_SICK_SERVER
    passes.answered = True
    polls.ask("failed", "server")
    passes.until("failed", "failed")
    assert _limit(polls) == 8
    passes.go.set()
    polls.stop()


def _limit(polls: Polls) -> int:
    """The places of the one server, once nobody but the hanging pass is left."""
    for _ in range(2000):
        with polls._lock:
            if len(polls._running) == 1:
                return polls._lines["server"].limit
        threading.Event().wait(0.005)
    raise AssertionError("the passes do not end")


def test_a_retired_inbox_is_not_polled_any_more() -> None:
    """Neither from the line, nor because it was asked for during its pass."""
    passes = Passes(held="a")
    polls = Polls(passes, most=1)
    polls.ask("a", "server")
    passes.until("a")
    polls.ask("a", "server")
    polls.ask("b", "server")
    polls.retire("a")
    polls.retire("b")
    passes.go.set()
    assert polls.join(20)
    assert passes.begun == ["a"]
    assert polls.waited() < 1
    polls.stop()


def test_stop_begins_nothing_more_and_does_not_wait_for_ever() -> None:
    """The pass under way is waited for as long as one says."""
    passes = Passes(held="a")
    polls = Polls(passes, most=1)
    polls.ask("a", "server")
    passes.until("a")
    polls.ask("b", "server")
    polls.stop()
    polls.ask("c", "server")
    assert not polls.join(0.01)
    passes.go.set()
    assert polls.join(20)
    assert passes.begun == ["a"]


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_without_work_go(threads: int) -> None:
    """And come again for the next inbox."""
    passes = Passes()
    polls = Polls(passes, most=threads, linger=0.01)
    for round_ in range(3):
        for number in range(6):
            polls.ask(f"{round_} {number}", "server")
        passes.until(*(f"{round_} {number}" for number in range(6)))
        for thread in list(polls._threads):
            thread.join(20)
        assert not polls._threads
    polls.stop()


def test_threads_of_a_burst_go_while_others_have_work() -> None:
    """One inbox after the other needs one thread; called by turns, all would have work for ever."""
    burst = [f"burst {number}" for number in range(4)]
    together = threading.Barrier(len(burst))

    def run(name: str) -> bool:
        if name in burst:
            together.wait(20)
        return True

    polls = Polls(run, linger=0.2)
    for name in burst:
        polls.ask(name, "server")
    assert polls.join(20)
    end = time.monotonic() + 20
    while len(polls._threads) > 1 and time.monotonic() < end:
        polls.ask("a", "server")
        assert polls.join(20)
    assert len(polls._threads) <= 1
    polls.stop()
