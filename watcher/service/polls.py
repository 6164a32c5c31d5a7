"""Who is polled when: a line of inboxes for each mail server, and threads that work through them in turn.

An inbox is never in two threads, an `ask` that comes while it is polled brings one more pass, and a server
that does not answer holds only its own few places, so that the others are served meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 32
"""Passes at once. Their threads wait for servers, so there may be far more of them than processors."""

MOST_A_SERVER = 12
"""Passes at once with one server: logins come in small groups even when a thousand inboxes start together."""

MOST_A_SICK_SERVER = 2
"""The same after a pass that failed: whoever does not answer must not hold the places of those who do."""

_LINGER = 30.0
"""Seconds that a thread without work stays: the threads of a burst go again."""


@dataclass(slots=True)
class _Line:
    """The inboxes of one server that wait for a pass, and how many are in one."""

    waiting: deque[str] = field(default_factory=deque)
    running: int = 0
    limit: int = MOST_A_SERVER


class Polls:
    """Passes over inboxes, each asked for by the inbox's name and its server's.

    `run(name)` does one pass, in a thread of the pool; it must not raise. Its answer is whether the server
    took part. A `retire(name)` inbox is forgotten.
    """

    def __init__(
        self,
        run: Callable[[str], bool],
        *,
        most: int = MOST,
        most_a_server: int = MOST_A_SERVER,
        linger: float = _LINGER,
    ) -> None:
        self._run = run
        self._most = most
        self._most_a_server = most_a_server
        self._linger = linger
        self._lock = threading.Lock()
        self._quiet = threading.Condition(self._lock)  # no pass is under way
        self._lines: dict[str, _Line] = {}
        self._turns: deque[str] = deque()  # the servers, the next one first
        self._since: dict[str, float] = {}  # of each inbox that waits or is polled: when it was asked for
        self._running: dict[str, str] = {}  # inbox -> server
        self._again: dict[str, str] = {}  # asked for while it is polled
        self._threads: set[threading.Thread] = set()
        self._resting: list[threading.Condition] = []  # of threads without work, the last to rest at the end
        self._stopped = False

    def ask(self, name: str, server: str) -> None:
        """Have `name` polled as soon as it is its turn; returns at once."""
        with self._lock:
            if self._stopped:
                return
            if name in self._running:
                self._again[name] = server
            elif name not in self._since:
                self._queue(name, server)

    def retire(self, name: str) -> None:
        """Forget that `name` was asked for; a pass that is under way goes on."""
        with self._lock:
            self._again.pop(name, None)
            if name in self._running:
                return
            if self._since.pop(name, None) is not None:
                for line in self._lines.values():
                    if name in line.waiting:
                        line.waiting.remove(name)

    def waited(self) -> float:
        """Return how many seconds ago the oldest request came that is not fulfilled yet; 0 without any."""
        with self._lock:
            return time.monotonic() - min(self._since.values(), default=time.monotonic())

    def in_line(self, server: str) -> bool:
        """Whether another inbox of this server waits for a place."""
        with self._lock:
            return server in self._lines and bool(self._lines[server].waiting)

    def stop(self) -> None:
        """Begin no more passes; returns at once."""
        with self._lock:
            self._stopped = True
            self._again.clear()
            for called in self._resting:
                called.notify()

    def join(self, seconds: float) -> bool:
        """Wait for the passes that are under way; whether all of them ended in time."""
        with self._lock:
            return self._quiet.wait_for(lambda: not self._running, seconds)

    def _queue(self, name: str, server: str) -> None:
        if server not in self._lines:
            self._lines[server] = _Line(limit=self._most_a_server)
            self._turns.append(server)
        self._lines[server].waiting.append(name)
        self._since[name] = time.monotonic()
        self._call()

    def _call(self) -> None:
        """Set one more thread to work, unless all are."""
        if self._resting:
            # The last to rest: were they called by turns, those of a burst would never be without work.
            self._resting.pop().notify()
        elif len(self._threads) < self._most:
            # Nobody waits for it at the end: nothing can wake a thread that asks a dead name server.
            thread = threading.Thread(target=self._work, name="poll", daemon=True)
            self._threads.add(thread)
            thread.start()

    def _work(self) -> None:
        called = threading.Condition(self._lock)
        while (task := self._next(called)) is not None:
            name, server = task
            answered = False
            try:
                answered = self._run(name)
            finally:
                self._end(name, server, answered=answered)

    def _next(self, called: threading.Condition) -> tuple[str, str] | None:
        """Wait for the next inbox; None when this thread is not needed any more."""
        with self._lock:
            while not self._stopped:
                if (task := self._take()) is not None:
                    return task
                self._resting.append(called)
                if not called.wait_for(lambda: called not in self._resting or self._stopped, self._linger):
                    self._resting.remove(called)
                    break
            self._threads.discard(threading.current_thread())
            return None

    def _take(self) -> tuple[str, str] | None:
        for _ in range(len(self._turns)):
            server = self._turns[0]
            self._turns.rotate(-1)
            line = self._lines[server]
            if line.waiting and line.running < line.limit:
                name = line.waiting.popleft()
                line.running += 1
                self._running[name] = server
                return name, server
        return None

    def _end(self, name: str, server: str, *, answered: bool) -> None:
        with self._lock:
            line = self._lines[server]
            line.running -= 1
            line.limit = self._most_a_server if answered else min(MOST_A_SICK_SERVER, self._most_a_server)
            del self._running[name]
            del self._since[name]
            if name in self._again:
                self._queue(name, self._again.pop(name))
            if not line.waiting and not line.running:
                del self._lines[server]
                self._turns.remove(server)
            for _ in range(min(len(line.waiting), line.limit - line.running)):
                self._call()
            if not self._running:
                self._quiet.notify_all()
