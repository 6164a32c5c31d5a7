"""A scripted IMAP server for what a sound server never does.

It answers sensibly by itself; a test replaces the answer to one command by its own:

    with FakeImap() as server:
        server.add(1, b"...")
        server.on("UID FETCH", lambda exchange: exchange.ok())

The same tests run against it and against Dovecot where both can, so that it stays honest.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable


CAPABILITIES = "IMAP4rev1 AUTH=PLAIN UIDPLUS MOVE IDLE"
INTERNAL_DATE = "01-Mar-2026 12:00:00 +0000"


@dataclass(slots=True)
class FakeMessage:
    """A message of the open folder; what is announced may be a lie."""

    raw: bytes
    size: int | None = None
    internal_date: str = INTERNAL_DATE
    flags: set[str] = field(default_factory=set)

    @property
    def announced(self) -> int:
        """RFC822.SIZE."""
        return len(self.raw) if self.size is None else self.size


@dataclass(slots=True)
class Exchange:
    """One command of a client, and the means to answer it."""

    server: FakeImap
    sock: socket.socket
    tag: str
    name: str  # upper case, `UID FETCH` and the like in one
    arguments: str

    def send(self, data: bytes) -> None:
        """Send these bytes as they are."""
        self.sock.sendall(data)

    def untagged(self, line: str) -> None:
        """Send an untagged response."""
        self.send(f"* {line}\r\n".encode())

    def literal(self, before: str, content: bytes, after: str = ")") -> None:
        """Send an untagged response that ends in a literal and `after`."""
        self.send(f"* {before} {{{len(content)}}}\r\n".encode() + content + f"{after}\r\n".encode())

    def ok(self, text: str = "done") -> None:
        """End the command well."""
        self.send(f"{self.tag} OK {text}\r\n".encode())

    def no(self, text: str) -> None:
        """Refuse it."""
        self.send(f"{self.tag} NO {text}\r\n".encode())

    def bad(self, text: str) -> None:
        """Call it an error of the client's."""
        self.send(f"{self.tag} BAD {text}\r\n".encode())

    def line(self) -> str:
        """Read one more line from the client."""
        return _line(self.sock) or ""

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection: with FIN, or with RST."""
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    @property
    def uids(self) -> list[int]:
        """The existing UIDs that the command's set names."""
        return self.server.named(self.arguments.split()[0])


class FakeImap:
    """The server; a context manager. Every client sees the same folder, whatever name it opens."""

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        greeting: bytes = b"* OK ready\r\n",
        capabilities: str = CAPABILITIES,
        implicit_tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
    ) -> None:
        self.greeting = greeting
        self.capabilities = capabilities
        self.messages: dict[int, FakeMessage] = {}
        self.folders = ["INBOX"]
        self.uidvalidity: int | None = 7
        self.uidnext: int | None = None  # one above the last, unless set
        self.exists: int | None = None  # the truth, unless set
        self.commands: list[str] = []  # all that came, without what LOGIN and AUTHENTICATE carry
        self.injected = b""  # behind the OK to STARTTLS, still in plain text
        self._implicit_tls = implicit_tls
        self._tls_after_starttls = starttls
        self._handlers: dict[str, Callable[[Exchange], None]] = {}
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._idling: list[socket.socket] = []
        self._idle_changed = threading.Condition()

    def add(self, uid: int, raw: bytes, **facts: object) -> None:
        """Put a message into the folder."""
        self.messages[uid] = FakeMessage(raw, **facts)  # type: ignore[arg-type]

    def announce(self) -> None:
        """Tell every client that idles how many messages there are now."""
        with self._idle_changed:
            for sock in self._idling:
                with suppress(OSError):
                    sock.sendall(b"* %d EXISTS\r\n" % len(self.messages))

    def idlers(self, count: int = 1) -> bool:
        """Wait until so many clients idle; whether they came to."""
        with self._idle_changed:
            return self._idle_changed.wait_for(lambda: len(self._idling) == count, 20)

    def on(self, name: str, handler: Callable[[Exchange], None]) -> None:
        """Answer this command, named as in `UID FETCH`, by `handler` from now on."""
        self._handlers[name] = handler

    def answer(self, exchange: Exchange) -> None:
        """Give the sensible answer; for handlers that only misbehave sometimes."""
        getattr(self, "_" + exchange.name.lower().replace(" ", "_"), _unknown)(exchange)

    def count(self, name: str) -> int:
        """Return how many commands began with `name`."""
        return sum(command.startswith(name) for command in self.commands)

    def named(self, uid_set: str) -> list[int]:
        """Return the existing UIDs of a set; `n:*` has the last one even when that is below n."""
        last = max(self.messages, default=0)
        found: set[int] = set()
        for part in uid_set.split(","):
            first, _, second = part.partition(":")
            ends = sorted(last if end == "*" else int(end) for end in (first, second or first))
            found.update(uid for uid in self.messages if ends[0] <= uid <= ends[1])
        return sorted(found)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(5)  # a connection that is just being accepted must be in the list
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in self._open:
            sock.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms for each small piece
                self._open.append(sock)
                self._start(self._converse, sock)

    def _converse(self, sock: socket.socket) -> None:
        with suppress(OSError):
            if self._implicit_tls is not None:
                sock = self._secured(sock, self._implicit_tls)
            sock.sendall(self.greeting)
            while (line := _line(sock)) is not None:
                tag, _, rest = line.partition(" ")
                name, _, arguments = rest.partition(" ")
                if name.upper() == "UID":
                    second, _, arguments = arguments.partition(" ")
                    name = f"{name} {second}"
                name = name.upper()
                secret = name in {"LOGIN", "AUTHENTICATE"}
                self.commands.append(name if secret or not arguments else f"{name} {arguments}")
                exchange = Exchange(self, sock, tag, name, arguments)
                self._handlers.get(name, self.answer)(exchange)
                if (
                    name == "STARTTLS"
                    and self._tls_after_starttls is not None
                    and "STARTTLS" not in self._handlers
                ):
                    sock = self._secured(sock, self._tls_after_starttls)

    def _secured(self, sock: socket.socket, context: ssl.SSLContext) -> socket.socket:
        secured = context.wrap_socket(sock, server_side=True)
        self._open.append(secured)
        return secured

    def _capability(self, exchange: Exchange) -> None:
        exchange.untagged(f"CAPABILITY {self.capabilities}")
        exchange.ok()

    def _login(self, exchange: Exchange) -> None:
        exchange.ok("logged in")

    def _authenticate(self, exchange: Exchange) -> None:
        exchange.send(b"+ \r\n")
        exchange.line()
        exchange.ok("logged in")

    def _starttls(self, exchange: Exchange) -> None:
        exchange.send(f"{exchange.tag} OK begin\r\n".encode() + self.injected)

    def _idle(self, exchange: Exchange) -> None:
        with self._idle_changed:
            exchange.send(b"+ idling\r\n")
            self._idling.append(exchange.sock)
            self._idle_changed.notify_all()
        try:
            done = exchange.line() == "DONE"
        finally:
            with self._idle_changed:
                self._idling.remove(exchange.sock)
                self._idle_changed.notify_all()
        if done:
            exchange.ok()

    def _noop(self, exchange: Exchange) -> None:
        exchange.ok()

    def _list(self, exchange: Exchange) -> None:
        for name in self.folders:
            exchange.untagged(f'LIST (\\HasNoChildren) "/" "{name}"')
        exchange.ok()

    def _examine(self, exchange: Exchange, access: str = "READ-ONLY") -> None:
        if exchange.arguments.strip('"') not in self.folders:
            exchange.no("[NONEXISTENT] no such folder")
            return
        last = max(self.messages, default=0)
        exchange.untagged(f"{len(self.messages) if self.exists is None else self.exists} EXISTS")
        exchange.untagged("0 RECENT")
        if self.uidvalidity is not None:
            exchange.untagged(f"OK [UIDVALIDITY {self.uidvalidity}] valid")
        exchange.untagged(f"OK [UIDNEXT {self.uidnext or last + 1}] next")
        exchange.ok(f"[{access}] opened")

    def _select(self, exchange: Exchange) -> None:
        self._examine(exchange, "READ-WRITE")

    def _uid_search(self, exchange: Exchange) -> None:
        words = exchange.arguments.split()
        found = set(self.messages)
        if words[0] != "UID":
            found &= set(self._numbered(words.pop(0)))
        found &= set(self.named(words[1]))
        exchange.untagged(" ".join(["SEARCH", *map(str, sorted(found))]))
        exchange.ok()

    def _numbered(self, numbers: str) -> Iterable[int]:
        first, _, last = numbers.partition(":")
        uids = sorted(self.messages)
        return uids[int(first) - 1 : len(uids) if last == "*" else int(last)]

    def _uid_fetch(self, exchange: Exchange) -> None:
        for uid in exchange.uids:
            exchange.send(self.row(uid, exchange.arguments))
        exchange.ok()

    def row(self, uid: int, items: str) -> bytes:
        """Return the FETCH response for one message, with those of the items that the server knows."""
        message = self.messages[uid]
        parts = [f"UID {uid}".encode()]
        if "RFC822.SIZE" in items:
            parts.append(f"RFC822.SIZE {message.announced}".encode())
        if "INTERNALDATE" in items:
            parts.append(f'INTERNALDATE "{message.internal_date}"'.encode())
        if "HEADER.FIELDS" in items:
            header = b"".join(re.findall(rb"(?im)^message-id:.*\r\n", message.raw)) + b"\r\n"
            parts.append(b"BODY[HEADER.FIELDS (MESSAGE-ID)] {%d}\r\n%s" % (len(header), header))
        if "BODY.PEEK[]" in items:
            parts.append(b"BODY[] {%d}\r\n%s" % (len(message.raw), message.raw))
        number = sorted(self.messages).index(uid) + 1
        return b"* %d FETCH (%s)\r\n" % (number, b" ".join(parts))

    def _uid_store(self, exchange: Exchange) -> None:
        flag = re.search(r"\(([^)]*)\)", exchange.arguments)
        for uid in exchange.uids:
            self.messages[uid].flags.add(flag[1] if flag else "")
        exchange.ok()

    def _uid_expunge(self, exchange: Exchange) -> None:
        for uid in exchange.uids:
            if r"\Deleted" in self.messages[uid].flags:
                del self.messages[uid]
        exchange.ok()

    def _uid_copy(self, exchange: Exchange) -> None:
        exchange.ok()

    def _uid_move(self, exchange: Exchange) -> None:
        for uid in exchange.uids:
            del self.messages[uid]
        exchange.ok()

    def _logout(self, exchange: Exchange) -> None:
        exchange.untagged("BYE")
        exchange.ok()
        exchange.hang_up()


def _unknown(exchange: Exchange) -> None:
    exchange.bad("unknown command")


def _line(sock: socket.socket) -> str | None:
    """Read one line, without its end; None at the end of the stream."""
    data = bytearray()
    while not data.endswith(b"\r\n"):
        byte = sock.recv(1)
        if not byte:
            return None
        data += byte
    return data[:-2].decode("utf-8", "replace")
