"""A small IMAP server for very many mailboxes that idle, in one process: for measurements.

    python -m tests.support.crowd_server [--tls CERTIFICATE KEY]

It prints its port. Each user name has a mailbox of its own, empty at first. A line on standard input gives
every mailbox one more mail and tells all who idle at once.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import ssl
import sys
from dataclasses import dataclass, field

CAPABILITIES = b"IMAP4rev1 AUTH=PLAIN IDLE"
DATE = b'"01-Mar-2026 12:00:00 +0000"'


@dataclass(slots=True)
class Mailbox:
    """The mails of one user, UIDs from 1, and the connections that idle in it."""

    name: str
    mails: list[bytes] = field(default_factory=list)
    idling: list[asyncio.StreamWriter] = field(default_factory=list)

    def row(self, uid: int, items: bytes) -> bytes:
        """Return the FETCH response for one mail."""
        raw = self.mails[uid - 1]
        parts = [b"UID %d RFC822.SIZE %d INTERNALDATE %s" % (uid, len(raw), DATE)]
        if b"BODY.PEEK[]" in items:
            parts.append(b"BODY[] {%d}\r\n%s" % (len(raw), raw))
        return b"* %d FETCH (%s)\r\n" % (uid, b" ".join(parts))

    def named(self, uid_set: bytes) -> list[int]:
        """Return the existing UIDs of a set."""
        last = len(self.mails)
        found: set[int] = set()
        for part in uid_set.split(b","):
            first, _, second = part.partition(b":")
            low, high = sorted(last if end == b"*" else int(end) for end in (first, second or first))
            found.update(range(max(1, low), min(high, last) + 1))
        return sorted(found)


class CrowdServer:
    """The server."""

    def __init__(self) -> None:
        self.mailboxes: dict[str, Mailbox] = {}

    def mailbox(self, name: str) -> Mailbox:
        """Return the user's mailbox."""
        return self.mailboxes.setdefault(name, Mailbox(name))

    def burst(self, number: int) -> None:
        """Give every mailbox one more mail."""
        for box in self.mailboxes.values():
            box.mails.append(_mail(box.name, number))
        for box in self.mailboxes.values():
            for writer in box.idling:
                writer.write(b"* %d EXISTS\r\n" % len(box.mails))

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        box = Mailbox("")
        writer.write(b"* OK ready\r\n")
        while line := await reader.readline():
            tag, _, rest = line.strip().partition(b" ")
            name, _, arguments = rest.partition(b" ")
            match name.upper():
                case b"LOGIN":
                    box = self.mailbox(arguments.split()[0].strip(b'"').decode())
                case b"CAPABILITY":
                    writer.write(b"* CAPABILITY " + CAPABILITIES + b"\r\n")
                case b"EXAMINE":
                    count = len(box.mails)
                    writer.write(b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n" % count)
                    writer.write(b"* OK [UIDNEXT %d] ok\r\n" % (count + 1))
                case b"UID":
                    self._uid(box, arguments, writer)
                case b"IDLE":
                    writer.write(b"+ idling\r\n")
                    box.idling.append(writer)
                    await reader.readline()
                    box.idling.remove(writer)
                case b"LOGOUT":
                    break
            writer.write(tag + b" OK done\r\n")
        writer.close()

    def _uid(self, box: Mailbox, arguments: bytes, writer: asyncio.StreamWriter) -> None:
        command, _, rest = arguments.partition(b" ")
        if command.upper() == b"SEARCH":
            found = box.named(re.sub(rb"^UID ", b"", rest))
            writer.write(b" ".join([b"* SEARCH", *(b"%d" % uid for uid in found)]) + b"\r\n")
        else:
            uids, _, items = rest.partition(b" ")
            for uid in box.named(uids):
                writer.write(box.row(uid, items))


def _mail(user: str, number: int) -> bytes:
    text = "Some words to read, and some more of them. " * 100
    return (
        f"From: Example News <news@example.org>\r\nTo: {user}@example.org\r\nSubject: Letter {number}\r\n"
        f"Date: Sun, 01 Mar 2026 09:30:00 +0000\r\nMessage-ID: <{user}.{number}@example.org>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello {user}.\r\n{text}\r\n"
    ).encode()


async def serve(context: ssl.SSLContext | None) -> None:
    """Serve until standard input ends."""
    crowd = CrowdServer()
    server = await asyncio.start_server(crowd.converse, "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    number = 0
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        number += 1
        crowd.burst(number)
        print(number, flush=True)


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    arguments = parser.parse_args()
    context = None
    if arguments.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*arguments.tls)
    asyncio.run(serve(context))


if __name__ == "__main__":
    main()
