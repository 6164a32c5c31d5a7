"""IMAPClient with its traps closed: quiet, bounded in memory, exact about which row belongs to which UID.

It keeps the tagged reply of the last command apart, so that a refusal by the server is never mistaken for a
broken conversation: imaplib raises the same class for both.
"""

from __future__ import annotations

import logging
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.response_parser import parse_fetch_response

from watcher.mailbox.account import Security
from watcher.mailbox.idle import IdlingProtocol
from watcher.mailbox.uids import uid_set

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from watcher.mailbox.account import Account

Row = dict[bytes, Any]
"""One message of a FETCH answer: item name to value, of the types of `imapclient.response_parser`."""

ANSWER_BYTES = 16_000_000
"""What a command that asks for no body may bring in: 10,000 folders, or 1,000 headers, are far below."""

_UID = re.compile(rb"\bUID (\d+)", re.IGNORECASE)


class _Protocol(IdlingProtocol):
    """imaplib on a socket that is connected already, with a limit on what one command may bring in."""

    def __init__(self, account: Account, sock: socket.socket) -> None:
        self._connected = sock
        self.allowance = ANSWER_BYTES
        self.answer: tuple[str, bytes] | None = None  # of the last command: OK, NO or BAD, and its text
        super().__init__(account.host, account.port)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:  # noqa: ARG002 - it is connected
        return self._connected

    def read(self, size: int) -> bytes:
        self._spend(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._spend(len(line))
        return line

    def _spend(self, size: int) -> None:
        self.allowance -= size
        if self.allowance < 0:
            raise self.abort("the server sent far more than was asked for")

    def _command(self, name: str, *args: Any) -> bytes:
        self.answer = None
        return super()._command(name, *args)  # type: ignore[misc, no-any-return]

    def _get_tagged_response(self, tag: bytes, expect_bye: bool = False) -> Any:
        kind, data = super()._get_tagged_response(tag, expect_bye)  # type: ignore[misc]
        self.answer = (kind, data[-1] or b"")
        return kind, data

    def silence(self) -> None:
        """Undo what IMAPClient did: debugging that formats every literal, which is four times slower."""
        self.debug = 0
        vars(self).pop("_mesg", None)

    def _log(self, line: str) -> None:
        """Keep no copy of the last lines: the login is among them."""

    def _mesg(self, text: str, secs: float | None = None) -> None:
        """Print nothing, whatever the debug level: these lines are people's mail."""


class Client(IMAPClient):  # type: ignore[misc]
    """A connection that has seen the server's greeting. Not for more than one thread at a time."""

    def __init__(self, account: Account, sock: socket.socket) -> None:
        self._account = account
        self._connected = sock
        super().__init__(
            account.host,
            account.port,
            ssl=account.security is Security.TLS,
            timeout=SocketTimeout(connect=account.connect_timeout, read=account.read_timeout),
        )
        self.folder_encode = False  # one name that is not modified UTF-7 would spoil the whole list
        self.normalise_times = False  # else INTERNALDATE is naive, in the machine's zone
        self._imap.silence()
        logging.getLogger("imapclient").setLevel(logging.WARNING)  # its debug lines name the user

    def _create_IMAP4(self) -> _Protocol:  # noqa: N802 - IMAPClient's name
        return _Protocol(self._account, self._connected)

    @property
    def answer(self) -> tuple[str, bytes] | None:
        """The tagged reply to the last command, None when the conversation broke before it."""
        answer: tuple[str, bytes] | None = self._imap.answer
        return answer

    @property
    def goodbye(self) -> bytes:
        """The text of a BYE that the server sent; empty when it sent none."""
        lines = self._imap.untagged_responses.get("BYE") or [b""]
        return bytes(lines[-1] or b"")

    @property
    def logged_in(self) -> bool:
        """Whether the server takes commands of an authenticated client."""
        return self._imap.state in {"AUTH", "SELECTED"}

    @property
    def protocol(self) -> IdlingProtocol:
        """The conversation below IMAPClient, which does not know IDLE well enough."""
        protocol: IdlingProtocol = self._imap
        return protocol

    def expect(self, size: int) -> None:
        """Let the next command bring in this many bytes; more than that breaks the connection off."""
        self._imap.allowance = size

    def uid_search(self, *criteria: str) -> list[int]:
        """Return the UIDs that match, ascending. An answer in several lines, or in none, is accepted."""
        self._imap.untagged_responses.pop("SEARCH", None)
        kind, lines = self._imap.uid("SEARCH", *criteria)
        self._checkok("search", kind, lines)
        # `* SEARCH 1 2 (MODSEQ 5)`: RFC 7162, section 3.1.5
        numbers = (line.partition(b"(")[0].split() for line in lines if line)
        return sorted({int(number) for line in numbers for number in line})

    def uid_fetch(self, uids: Sequence[int], items: str) -> Mapping[int, Row]:
        """Return a row for each of these UIDs that the server answered with; see `_fetch`."""
        rows = self._fetch(uid_set(uids), items)
        return {uid: rows[uid] for uid in uids if uid in rows}

    def uid_fetch_above(self, uid: int, items: str) -> Mapping[int, Row]:
        """Return a row for each message whose UID is above this one; see `_fetch`."""
        rows = self._fetch(f"{uid + 1}:*", items)
        # `n:*` means "the last message" too when its UID is below n (RFC 9051, section 9, seq-range).
        return {each: row for each, row in rows.items() if each > uid}

    def _fetch(self, wanted: str, items: str) -> dict[int, Row]:
        """Fetch `items` of a set of UIDs.

        Rows that do not name their UID are dropped: without it they would be taken for the message whose UID
        equals their sequence number. News about other messages may be among the rest.
        """
        # News about flags, or what a refused FETCH has left behind.
        self._imap.untagged_responses.pop("FETCH", None)
        kind, parts = self._imap.uid("FETCH", wanted, f"(UID {items})")
        self._checkok("fetch", kind, parts)
        if parts == [None]:
            return {}
        # Only the body may be a literal. A second one in a row is another message's: the first announced more
        # than its own bytes and ran into it, and the parser would take the last for this one's.
        if any(isinstance(part, tuple) and isinstance(after, tuple) for part, after in pairwise(parts)):
            raise self._imap.abort("a row with two literals")
        rows = parse_fetch_response(parts, self.normalise_times, uid_is_key=True)
        outside_literals = (part[0] if isinstance(part, tuple) else part for part in parts)
        named = {int(uid) for text in outside_literals for uid in _UID.findall(text)}
        return {uid: row for uid, row in rows.items() if uid in named}
