"""Commands and their ends: each is bounded in time and bytes, and a broken conversation is thrown away.

After a timeout or an answer that cannot be read, nobody knows where in the stream the next answer begins. So
the connection is closed at once, and each later use says that it is gone.
"""

from __future__ import annotations

import imaplib
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from watcher.deadline import Deadline
from watcher.mailbox.client import ANSWER_BYTES
from watcher.mailbox.errors import ConnectionLost, MailboxError, TemporarilyRefused
from watcher.mailbox.reply import Reply, sentence
from watcher.mailbox.transport import discard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watcher.mailbox.account import Account
    from watcher.mailbox.client import Client
    from watcher.mailbox.idle import IdlingProtocol

SLOWEST_LINE = 32_000
"""Bytes a second that a line must carry to be waited for: time for bodies on top of `command_timeout`."""

GOODBYE_SECONDS = 5.0
"""How long LOGOUT may take: there is nothing left to lose."""

READ_ONLY = "READ-ONLY"
"""The code of a refusal to open a folder for writing (RFC 9051, section 7.1)."""


class Refused(TemporarilyRefused):
    """The server answered NO or BAD to a command; the connection is sound."""

    def __init__(self, message: str, reply: Reply) -> None:
        super().__init__(message)
        self.reply = reply


class Conversation:
    """An open connection and what is left of it."""

    def __init__(self, account: Account, client: Client) -> None:
        self.account = account
        self.lost = False
        self._client = client

    @contextmanager
    def command(
        self, doing: str, *, expected: int = 0, uids: Sequence[int] = (), secrets: Sequence[str] = ()
    ) -> Iterator[Client]:
        """Lend the client for one command. `doing` is for errors, as in "searching INBOX".

        `expected` is how many bytes of bodies are asked for. Raises `Refused` for a NO or BAD and
        `ConnectionLost`, which carries `uids`, for everything else; `secrets` are kept out of the message.
        """
        if self.lost:
            raise ConnectionLost(self._lost_sentence(doing, "it was given up earlier"), tuple(uids))
        client = self._client
        client.expect(ANSWER_BYTES + 2 * expected)
        deadline = Deadline(client.socket(), self.account.command_timeout + expected / SLOWEST_LINE)
        try:
            with deadline:
                yield client
        except MailboxError:
            raise
        except Exception as error:  # noqa: BLE001 - hostile bytes raise anything in a parser that is not ours
            reply = None if deadline.expired else self._refusal(error, secrets)
            if reply is not None:
                remedy = "it is tried again later"
                raise Refused(
                    sentence(self.account.where, f"{doing} was refused", reply.text, remedy), reply
                ) from None
            self.give_up()
            # Without the cause: its text may be a line of someone's mail.
            raise self._broken(doing, error, uids, expired=deadline.expired) from None
        except BaseException:
            self.give_up()  # interrupted in the middle of an answer
            raise
        if deadline.expired:
            self.give_up()
            raise self._broken(doing, TimeoutError(), uids, expired=True)

    def hear(self, doing: str) -> None:
        """Take in what the server has said in IDLE, without waiting. Raises `ConnectionLost`."""
        if self.lost:
            raise ConnectionLost(self._lost_sentence(doing, "it was given up earlier"))
        try:
            self._client.protocol.hear()
        except Exception as error:  # noqa: BLE001 - as in `command`
            self.give_up()
            raise self._broken(doing, error, (), expired=False) from None

    @property
    def protocol(self) -> IdlingProtocol:
        """What was heard of arrivals, and the socket's state in IDLE."""
        return self._client.protocol

    def fileno(self) -> int:
        """Return the socket's descriptor, -1 once it is closed."""
        return int(self._client.socket().fileno())

    def interrupt(self) -> None:
        """End whatever the connection waits for; the one method that any thread may call."""
        with suppress(OSError):
            # Not SSLSocket.shutdown: that would let the reader go on without TLS.
            socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)

    def leave(self) -> None:
        """Say goodbye without waiting for an answer, and close. Never raises."""
        if not self.lost:
            with suppress(Exception):
                self._client.socket().settimeout(0)  # a peer that takes nothing in is not waited for
                done = b"DONE\r\n" if self.protocol.idling else b""
                self._client.socket().send(done + b"BYE LOGOUT\r\n")
        self.give_up()

    def close(self) -> None:
        """Log out if that is still possible, and close. Never raises: the mail is read by now."""
        if not self.lost:
            with suppress(Exception), Deadline(self._client.socket(), GOODBYE_SECONDS):
                self._client.logout()
        self.give_up()

    def give_up(self) -> None:
        """Close the connection as it is."""
        self.lost = True
        discard(self._client)

    def _refusal(self, error: Exception, secrets: Sequence[str]) -> Reply | None:
        if isinstance(error, imaplib.IMAP4.readonly):
            return Reply("the folder can only be read", READ_ONLY)
        answer = self._client.answer
        if not isinstance(error, imaplib.IMAP4.error) or answer is None or answer[0] == "OK":
            return None
        return Reply.of(answer[1], (*secrets, self.account.username))

    @property
    def goodbye(self) -> Reply:
        """What the server said with BYE; empty when it did not."""
        return Reply.of(self._client.goodbye, (self.account.username,))

    def _broken(self, doing: str, error: Exception, uids: Sequence[int], *, expired: bool) -> ConnectionLost:
        goodbye = self.goodbye
        reason = "its answer could not be understood"
        if expired:
            reason = f"the command had not ended after {self.account.command_timeout:g} s"
        elif goodbye.text:
            reason = f"the server said goodbye: {goodbye.text.rstrip('.')}"
        elif isinstance(error, TimeoutError):
            reason = f"the server was silent for {self.account.read_timeout:g} s"
        elif isinstance(error, OSError) or "socket error" in str(error):
            reason = "the server closed the connection"
        elif "more than" in str(error):
            reason = "the server sent far more than was asked for"
        return ConnectionLost(self._lost_sentence(doing, reason), tuple(uids))

    def _lost_sentence(self, doing: str, reason: str) -> str:
        what = f"the connection was lost while {doing}: {reason}"
        return sentence(self.account.where, what, remedy="the next try opens a new one")
