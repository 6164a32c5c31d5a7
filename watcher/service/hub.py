"""The hub: one thread that watches all idling connections, so that a thousand inboxes need no more than it.

Whoever hands a connection over with `watch` must not touch it until the hub has told `wake` about it, or
`take` has got it back.
"""

from __future__ import annotations

import heapq
import os
import random
import selectors
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from watcher.mailbox import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Callable


RENEWAL = 270.0
"""Seconds after which IDLE is ended and begun again. RFC 2177 asks for less than 29 minutes, but AOL's server
gives up after 300 seconds (lefcha/imapfilter issue 311), and so do the tables of many routers."""

_SPREAD = 0.2
"""The share of the renewal by which it may come earlier: connections that began together drift apart."""


_ROUND = 60.0
"""Seconds after which the thread comes round at least, to show that it lives."""


class Idling(Protocol):
    """What the hub needs of a session (`watcher.mailbox.Session`)."""

    def fileno(self) -> int:
        """Return the socket's descriptor."""

    def heard(self) -> bool:
        """Whether there is news, without waiting. Raises `ConnectionLost`."""


Connection = TypeVar("Connection", bound=Idling)


@dataclass(slots=True, order=True)
class _Renewal(Generic[Connection]):
    at: float
    descriptor: int
    connection: Connection = field(compare=False)


class Hub(Generic[Connection]):
    """See the module. `wake(connection)` is called in the hub's thread and must return at once."""

    def __init__(self, wake: Callable[[Connection], None], *, renewal: float = RENEWAL) -> None:
        self._wake = wake
        self._renewal = renewal
        self._spread = random.Random()  # noqa: S311  # spreads load, protects nothing
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = os.pipe()  # ends the selector's wait
        os.set_blocking(self._rope, False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._watched: dict[int, _Renewal[Connection]] = {}  # by descriptor
        self._renewals: list[_Renewal[Connection]] = []  # a heap; some are of connections that went before
        self._stopped = False
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="hub", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def watch(self, connection: Connection) -> None:
        """Take over a connection that idles; `wake` is told when it has news, is lost, or is to be renewed.

        What was read with the server's consent is looked at here: no selector would report it.
        """
        with self._lock:
            if not self._stopped and not _has_news(connection):
                self._add(connection)
                return
        self._wake(connection)

    def take(self, connection: Connection) -> bool:
        """Return whether the hub had the connection; it is the caller's from now on."""
        with self._lock:
            renewal = self._watched.get(connection.fileno())
            if renewal is None or renewal.connection is not connection:
                return False
            self._remove(renewal.descriptor)
            return True

    def __len__(self) -> int:
        """How many connections are watched."""
        return len(self._watched)

    @property
    def silent_for(self) -> float:
        """Return how many seconds ago the thread last came round."""
        return time.monotonic() - self._looked

    def stop(self) -> None:
        """End the thread; what was watched stays open and belongs to whoever handed it over."""
        with self._lock:
            self._stopped = True
        self._ring()
        if self._thread.is_alive():
            self._thread.join(5)
        with self._lock:
            for descriptor in list(self._watched):
                self._remove(descriptor)
            self._selector.close()
            os.close(self._bell)
            os.close(self._rope)

    def _add(self, connection: Connection) -> None:
        descriptor = connection.fileno()
        self._selector.register(descriptor, selectors.EVENT_READ)
        at = time.monotonic() + self._renewal * (1 - _SPREAD * self._spread.random())
        first = not self._renewals or at < self._renewals[0].at
        self._watched[descriptor] = renewal = _Renewal(at, descriptor, connection)
        heapq.heappush(self._renewals, renewal)
        if first:
            self._ring()

    def _remove(self, descriptor: int) -> None:
        del self._watched[descriptor]
        with suppress(KeyError, ValueError, OSError):  # the session has closed it
            self._selector.unregister(descriptor)

    def _ring(self) -> None:
        with suppress(OSError):  # it rings already, or is gone
            os.write(self._rope, b"!")

    def _work(self) -> None:
        while not self._stopped:
            self._looked = time.monotonic()
            ready = [key.fd for key, _ in self._selector.select(self._patience())]
            if self._bell in ready:
                os.read(self._bell, 4096)
                ready.remove(self._bell)
            with self._lock:
                # A look takes microseconds, so that nobody waits long for the lock.
                woken = [found for fd in ready if (found := self._look(fd)) is not None]
                woken += self._due()
            for connection in woken:
                self._wake(connection)

    def _patience(self) -> float:
        """Return for how many seconds the selector may wait."""
        with self._lock:
            until = self._renewals[0].at - time.monotonic() if self._renewals else _ROUND
            return min(max(0.0, until), _ROUND)

    def _look(self, descriptor: int) -> Connection | None:
        renewal = self._watched.get(descriptor)
        if renewal is None or not _has_news(renewal.connection):
            return None
        self._remove(descriptor)
        return renewal.connection

    def _due(self) -> list[Connection]:
        due = []
        now = time.monotonic()
        while self._renewals and self._renewals[0].at <= now:
            renewal = heapq.heappop(self._renewals)
            if self._watched.get(renewal.descriptor) is renewal:
                self._remove(renewal.descriptor)
                due.append(renewal.connection)
        return due


def _has_news(connection: Idling) -> bool:
    """Whether its owner must look at the connection; one that is lost is his to replace."""
    try:
        return connection.heard()
    except ConnectionLost:
        return True
