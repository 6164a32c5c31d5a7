"""A TCP proxy on loopback that harms what the server says: for faults that a real server cannot be asked for.

    with FaultProxy(dovecot.port) as proxy:
        proxy.fault = Fault.STALL
        proxy.after = 5_000          # bytes from the server that still pass, counted from now

Faults act on the server's bytes; the client's pass untouched.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Fault(Enum):
    """What happens once `FaultProxy.after` bytes have passed."""

    NONE = auto()
    FIN = auto()  # the connection ends in order: also "cut after n bytes"
    RST = auto()  # it is reset
    STALL = auto()  # nothing comes any more, the connection stays open
    DRIP = auto()  # one byte a tick, for ever
    ACCEPT = auto()  # new connections are closed as soon as they are accepted
    HOLE = auto()  # nothing passes any more, in neither direction, and nobody is told
    CORRUPT = auto()  # the next literal announces `FaultProxy.shift` bytes more than it has; then all is well


_LITERAL = re.compile(rb"\{(\d+)\}\r\n")  # RFC 9051, section 4.3


class FaultProxy:
    """A proxy to `127.0.0.1:port`; a context manager."""

    host = "127.0.0.1"

    def __init__(self, port: int, *, tick: float = 0.05) -> None:
        self.fault = Fault.NONE
        self.tick = tick  # seconds between two bytes of a drip
        self.shift = 7  # bytes by which a corrupted literal lies; less than 0: it announces too few
        self.struck = threading.Event()  # the fault has happened since `harm`
        self._after = 0
        self._target = port
        self._stopped = threading.Event()
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._holes: set[socket.socket] = set()  # clients whose connection leads nowhere any more
        self._threads: list[threading.Thread] = []

    def harm(self, fault: Fault, after: int = 0) -> None:
        """Let `after` more bytes of the server pass, then do it."""
        self._after = after
        self.struck.clear()
        self.fault = fault

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(5)  # a connection that is just being accepted must be in the list
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in [self._listener, *self._sockets]:
            sock.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.fault is Fault.ACCEPT:
                    self.struck.set()
                    client.close()
                    continue
                self._sockets.append(client)
                server = socket.create_connection((self.host, self._target))
                self._sockets.append(server)
                upward = self._start(self._up, client, server)
                self._start(self._down, server, client, upward)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                if client not in self._holes:
                    server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _down(self, server: socket.socket, client: socket.socket, upward: threading.Thread) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if self.fault is Fault.NONE:
                    client.sendall(data)
                    continue
                if self.fault is Fault.CORRUPT:
                    client.sendall(self._corrupted(data))
                    continue
                passing, self._after = data[: self._after], max(0, self._after - len(data))
                client.sendall(passing)
                if len(passing) < len(data):
                    self.struck.set()
                    self._do(client, data[len(passing) :], upward)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    def _corrupted(self, data: bytes) -> bytes:
        """Return the bytes with the first literal behind `after` lying about its size."""
        found = _LITERAL.search(data, self._after)
        self._after = max(0, self._after - len(data))
        if found is None:
            return data
        self.fault = Fault.NONE
        self.struck.set()
        size = max(0, int(found[1]) + self.shift)
        return data[: found.start(1)] + str(size).encode() + data[found.end(1) :]

    def _do(self, client: socket.socket, held: bytes, upward: threading.Thread) -> None:
        match self.fault:
            case Fault.FIN:
                client.shutdown(socket.SHUT_RDWR)
            case Fault.RST:
                client.shutdown(socket.SHUT_RD)  # a socket that a thread reads from is not closed by close()
                upward.join(5)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                raise OSError
            case Fault.HOLE:
                self._holes.add(client)
                self._stopped.wait()
            case Fault.DRIP:
                for byte in held:
                    if self._stopped.wait(self.tick):
                        break
                    client.sendall(bytes([byte]))
            case _:
                self._stopped.wait()
