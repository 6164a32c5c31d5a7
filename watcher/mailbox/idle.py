"""IDLE (RFC 2177): a server that tells of arrivals by itself, on a connection that nobody waits for.

imaplib reads through a buffer of its own, and TLS through another, so that a socket that is silent says
nothing about lines that were read already. Here they are looked at first, then the socket, until it would
block; so one selector can watch any number of idling connections.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from contextlib import suppress
from typing import Any

LONGEST_LINE = 65_536
"""Bytes of one line; what servers tell in IDLE is short, and none of it is needed but EXISTS and BYE."""

CHATTER = 4_000_000
"""Bytes in one IDLE: more than that is a defect, and a new connection costs less than listening to it."""

_CHUNK = 65_536
_EXISTS = re.compile(rb"\* (\d{1,10}) EXISTS\b", re.IGNORECASE)
_BYE = re.compile(rb"\* BYE\b *(.*)", re.IGNORECASE | re.DOTALL)


class IdlingProtocol(imaplib.IMAP4):
    """imaplib with IDLE, and a count of the times when the server said how many messages there are.

    Between `begin_idle` and `end_idle` the socket does not block and no other command may be given.
    """

    # Not set in a constructor: imaplib's own one reads the greeting already.
    arrivals = 0  # EXISTS responses so far, in IDLE or not
    exists = 0  # what the last of them said
    idling = False
    idle_over = False  # the server ended IDLE by itself
    _idle_tag = b""
    _idle_rest = b""  # an unfinished line
    _idle_bytes = 0

    def _append_untagged(self, kind: str, data: Any) -> None:
        if kind == "EXISTS" and isinstance(data, bytes) and data.isdigit():
            self._count(int(data))
        super()._append_untagged(kind, data)  # type: ignore[misc]

    def begin_idle(self) -> tuple[str, bytes] | None:
        """Send IDLE and wait for the server's consent; its refusal, NO or BAD, is returned.

        What comes before the `+` is heeded: Exchange tells of new mail there.
        """
        tag: bytes = self._command("IDLE")
        while self._get_response() is not None:
            self._check_bye()
            if (reply := self.tagged_commands[tag]) is not None:
                del self.tagged_commands[tag]
                kind, data = reply
                return str(kind), bytes(data[-1] or b"")
        self._idle_tag, self._idle_rest, self._idle_bytes, self.idle_over = tag, b"", 0, False
        self.idling = True
        self.sock.settimeout(0)
        return None

    def hear(self) -> None:
        """Take in what the server has said, without waiting.

        Raises `OSError` or `abort` when the connection is gone or the server says goodbye.
        """
        while data := self._read_now():
            self._idle_bytes += len(data)
            *lines, self._idle_rest = (self._idle_rest + data).split(b"\r\n")
            for line in lines:
                self._heed(line)
            if self._idle_bytes > CHATTER or len(self._idle_rest) > LONGEST_LINE:
                raise self.abort("the server sent far more than was asked for")

    def end_idle(self, timeout: float) -> None:
        """Send DONE and read until IDLE has ended; `timeout` is that of each later read, in seconds."""
        self.sock.settimeout(timeout)
        self.idling = False
        if not self.idle_over:
            self.send(b"DONE\r\n")
        while not self.idle_over:
            line, self._idle_rest = self._idle_rest + self._stream.readline(LONGEST_LINE), b""
            if not line.endswith(b"\r\n"):
                raise self.abort("the connection was lost in IDLE")
            self._heed(line[:-2])
        del self.tagged_commands[self._idle_tag]

    def _heed(self, line: bytes) -> None:
        if found := _EXISTS.match(line):
            self._count(int(found[1]))
        elif goodbye := _BYE.match(line):
            self._append_untagged("BYE", goodbye[1])
            raise self.abort("the server said goodbye")
        elif line.startswith(self._idle_tag + b" "):
            self.idle_over = True

    def _count(self, exists: int) -> None:
        self.arrivals += 1
        self.exists = exists

    def _read_now(self) -> bytes:
        """Return what can be had without waiting, if anything. Raises `OSError` at the stream's end."""
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            if buffered := self._stream.read1(_CHUNK):  # it may ask the socket; its empty answer says nothing
                return bytes(buffered)
        try:
            data = self.sock.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return b""
        if not data:
            raise ConnectionResetError("the server closed the connection")
        return data

    @property
    def _stream(self) -> Any:
        return getattr(self, "_file", None) or self.file  # Python 3.14 renamed it
