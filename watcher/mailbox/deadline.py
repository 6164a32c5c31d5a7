"""An end for every command: a socket's timeout is per read, and a server that drips never trips it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
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
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True

    def _expire(self) -> None:
        with self._lock:
            if self._over:
                return
            self.expired = True
            with suppress(OSError):  # it is closed already
                # Not SSLSocket.shutdown: that would let the reader go on without TLS.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
