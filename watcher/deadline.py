"""An end for a conversation as a whole: a socket's timeout is per read, and a peer that drips never trips it.

    with Deadline(sock, 30) as deadline:
        ...                          # sends and receives
    if deadline.expired: ...

One thread keeps the time of all conversations. One for each, as `threading.Timer` is, takes longer to start
than most answers to come, and a daemon that starts thousands a day scatters its memory over malloc's arenas.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Deadline:
    """Shuts the socket down when the block takes longer than `seconds`; the pending read then ends at once.

    `expired` says afterwards whether it did. What was read in that case is not to be trusted, even when no
    error was raised: the last bytes may be ones that TLS never saw.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self.expired = False
        self._sock = sock
        self._seconds = seconds
        self._keeper = _keeper(os.getpid())

    def __enter__(self) -> Self:
        self._keeper.begin(self, time.monotonic() + self._seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.end(self)

    def expire(self) -> None:
        """For the one who keeps the time."""
        self.expired = True
        with suppress(OSError):  # it is closed already
            # Not SSLSocket.shutdown: that would let the reader go on without TLS.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


class Keeper:
    """Keeps the time of any number of deadlines, in a thread that is there while there are some."""

    def __init__(self) -> None:
        self._running: dict[Deadline, float] = {}  # until when, by time.monotonic()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._looks_at = math.inf  # the moment until which the thread sleeps

    def begin(self, deadline: Deadline, at: float) -> None:
        """Expire `deadline` at that moment, unless it ends before."""
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="deadlines", daemon=True)
                thread.start()
                self._thread = thread
            elif at < self._looks_at:
                self._changed.notify()
            self._running[deadline] = at

    def end(self, deadline: Deadline) -> None:
        """Forget it: when this returns, it has expired or never will."""
        with self._changed:
            self._running.pop(deadline, None)

    def look(self, now: float) -> float:
        """Expire what is due at `now`; returns the next moment at which something is."""
        with self._changed:
            for deadline in [each for each, at in self._running.items() if at <= now]:
                del self._running[deadline]
                deadline.expire()
            return min(self._running.values(), default=math.inf)

    def _work(self) -> None:
        with self._changed:
            while (at := self.look(time.monotonic())) != math.inf:
                self._looks_at = at
                self._changed.wait(max(0.0, at - time.monotonic()))
            self._thread = None


@lru_cache(maxsize=1)
def _keeper(_process: int) -> Keeper:
    """Return the one of this process: a fork takes the object along, and its thread not."""
    return Keeper()
