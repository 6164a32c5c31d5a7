"""A DNS server on loopback, over UDP and TCP: answers TXT queries from a table that a test changes.

It counts what it is asked, so that a test can say what was not. Messages are dnspython's own.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

_UDP_BYTES = 512  # RFC 1035, section 4.2.1: a longer answer is truncated and comes by TCP


class DnsServer:
    """Serves while entered. Names are without the final dot."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.failures: dict[str, dns.rcode.Rcode | None] = {}
        """Names that are answered with a code and nothing else; None: not answered at all."""
        self.asked: list[str] = []
        self._changed = threading.Condition()
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(self._tcp.getsockname())
        self._threads = [
            threading.Thread(target=each, daemon=True) for each in (self._packets, self._streams)
        ]

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._tcp.getsockname()[1])

    @property
    def setting(self) -> str:
        """The line of inboxes.yaml that names it."""
        return f"dns_server: 127.0.0.1:{self.port}\n"

    def publish(self, domain: str, selector: str, *records: str) -> None:
        """Make these the key records of a signer, instead of what was there."""
        self.records[f"{selector}._domainkey.{domain}"] = list(records)

    def until_asked(self, times: int = 1) -> None:
        """Wait until so many questions came."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked) >= times, 30), self.asked

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._udp.sendto(b"", self._tcp.getsockname())
        for thread in self._threads:
            thread.join(5)
        self._tcp.close()
        self._udp.close()

    def _packets(self) -> None:
        while True:
            packet, sender = self._udp.recvfrom(4096)
            if not packet:
                return
            answer = self._answer(packet)
            if answer is not None:
                self._udp.sendto(_cut(answer), sender)

    def _streams(self) -> None:
        with suppress(OSError):
            while True:
                stream, _ = self._tcp.accept()
                with stream:
                    size = int.from_bytes(stream.recv(2, socket.MSG_WAITALL), "big")
                    packet = stream.recv(size, socket.MSG_WAITALL)
                    answer = self._answer(packet)
                    if answer is not None:
                        content = answer.to_wire()
                        stream.sendall(len(content).to_bytes(2, "big") + content)

    def _answer(self, packet: bytes) -> dns.message.Message | None:
        query = dns.message.from_wire(packet)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True)
        with self._changed:
            self.asked.append(f"{dns.rdatatype.to_text(question.rdtype)} {name}")
            self._changed.notify_all()
        answer = dns.message.make_response(query, recursion_available=True)
        if name in self.failures:
            code = self.failures[name]
            if code is None:
                return None
            answer.set_rcode(code)
        elif name not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif self.records[name]:
            texts = [_quoted(record) for record in self.records[name]]
            answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", "TXT", *texts))
        return answer


def _quoted(record: str) -> str:
    """The record as the strings of at most 255 bytes that TXT has (RFC 1035, section 3.3.14)."""
    pieces = [record[at : at + 255] for at in range(0, len(record), 255)] or [""]
    return " ".join(f'"{piece}"' for piece in pieces)


def _cut(answer: dns.message.Message) -> bytes:
    content = answer.to_wire()
    if len(content) <= _UDP_BYTES:
        return content
    answer.answer.clear()
    answer.flags |= dns.flags.TC
    return answer.to_wire()
