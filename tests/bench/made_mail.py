"""Any number of different mails out of our own samples, for benches that need more than a corpus has.

    python tests/bench/made_mail.py FILE.mbox [N]

Each has the headers, the HTML and the platform of a sample; sentences, subject, Message-ID, days, tokens and
the sender's domain are new, so that no two are copies or variants of one mailing. The words are invented and
as unevenly frequent as those of a language. The same seed gives the same mails on every machine.
"""

from __future__ import annotations

import base64
import binascii
import email
import random
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parents[2]))  # behind an installed package: that is measured

from watcher.demo import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEGIN = datetime(2022, 12, 1, tzinfo=UTC)
DAYS = 4 * 365

_ONSETS = ("b", "br", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v")
_SYLLABLES = [onset + rest for onset in _ONSETS for rest in ("a", "e", "i", "o", "u", "an", "er", "il", "om")]
_WORDS = 20_000
_SENTENCES = 40_000
_DOMAINS = 900

_SLOT = (
    rb"(?P<words>(?<=>)[^<>{}&\r\n]{40,}(?=<)|^[A-Z][^<>{}:/\r\n]{40,}(?=\r?$))"
    rb"|(?P<day>\b\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d)"
    rb"|(?P<hex>\b[0-9a-f]{10,}\b)|(?P<token>\b[A-Za-z0-9]{22,}\b)|(?P<domain>%s)"
)
_BOUNDARY = re.compile(rb'boundary="?([^"\s;]+)', re.IGNORECASE)
_FROM = re.compile(rb"^From:[^\r]*@([\w.-]+)", re.MULTILINE | re.IGNORECASE)
_SUBJECT = re.compile(rb"^Subject:[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE | re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"^(Message-ID:\s*<)[^@>]*", re.MULTILINE | re.IGNORECASE)
_MARK = b"made-subject"
_MARK_ID = b"madeidmadeidmadeidmadeid"  # a token like others


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place that each mail fills anew."""

    kind: str
    size: int  # bytes that the sample has there


@dataclass(frozen=True, slots=True)
class _Part:
    """A body part of a sample, decoded, and how it travels."""

    pieces: tuple[bytes | _Slot, ...]
    encode: Callable[[bytes], bytes]


class Press:
    """Makes mails, one after the other."""

    def __init__(self, seed: int = 1) -> None:
        words = random.Random(7)  # the language is the same for every seed
        vocabulary = ["".join(words.choices(_SYLLABLES, k=words.choice((1, 2, 2, 3)))) for _ in range(_WORDS)]
        weights = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))
        self._sentences = [
            " ".join(words.choices(vocabulary, cum_weights=weights, k=words.randint(8, 15)))
            .capitalize()
            .encode()
            + b"."
            for _ in range(_SENTENCES)
        ]
        self._templates = [_template(raw) for raw in samples()]
        self._chance = random.Random(seed)

    def mail(self, share: float) -> tuple[bytes, datetime]:
        """Return a mail with CRLF line ends, and when it was received; `share` of the period has passed."""
        chance = self._chance
        moment = BEGIN + timedelta(seconds=int(share * DAYS * 86_400))
        domain = self.domain()
        day = moment.strftime("%a, %d %b %Y %H:%M:%S").encode()

        def fill(slot: _Slot) -> bytes:
            match slot.kind:
                case "words":
                    return self.words(slot.size)
                case "subject":
                    return self.words(1)[:60].strip(b" .")
                case "day":
                    return day
                case "domain":
                    return domain
                case "hex":
                    return b"%0*x" % (slot.size, chance.getrandbits(4 * slot.size))
            return base64.b64encode(chance.randbytes(slot.size), b"xy")[: slot.size]

        return _filled(chance.choice(self._templates), fill), moment

    def words(self, size: int) -> bytes:
        """Return sentences in place of a sample's of so many bytes."""
        return b" ".join(self._chance.choices(self._sentences, k=max(1, round(size / 40))))

    def domain(self) -> bytes:
        """Return the domain of some sender."""
        return b"society-%d.example.org" % self._chance.randrange(_DOMAINS)

    def share(self) -> float:
        """Return some share of the period."""
        return self._chance.random()

    def number(self) -> int:
        """Return some number that a signed integer of 64 bits can hold."""
        return self._chance.getrandbits(63)

    def mails(self, number: int, begin: float = 0.0, end: float = 1.0) -> Iterator[tuple[bytes, datetime]]:
        """Yield so many of this part of the period, in the order of their days."""
        for each in range(number):
            yield self.mail(begin + (end - begin) * each / number)


def _filled(pieces: tuple[bytes | _Slot | _Part, ...], fill: Callable[[_Slot], bytes]) -> bytes:
    return b"".join(
        each
        if isinstance(each, bytes)
        else fill(each)
        if isinstance(each, _Slot)
        else each.encode(_filled(each.pieces, fill))
        for each in pieces
    )


def _template(raw: bytes) -> tuple[bytes | _Slot | _Part, ...]:
    raw = _SUBJECT.sub(b"Subject: " + _MARK + b"\r", raw, count=1)
    raw = _MESSAGE_ID.sub(rb"\g<1>" + _MARK_ID, raw, count=1)
    found = _FROM.search(raw)
    domain = re.escape(found[1]) if found else b"$."
    slots = re.compile(_SLOT % domain + b"|(?P<subject>" + _MARK + b")", re.MULTILINE)
    kept = frozenset(_BOUNDARY.findall(raw))
    pieces: list[bytes | _Slot | _Part] = []
    at = 0
    for part in email.message_from_bytes(raw).walk():
        payload = part.get_payload()
        if part.get_content_maintype() != "text" or not isinstance(payload, str):
            continue
        packed = payload.encode("ascii", "surrogateescape")
        begin = raw.index(packed, at) if packed else at
        pieces += _cut(raw[at:begin], slots, kept)
        content = part.get_payload(decode=True)
        coding = (part.get("Content-Transfer-Encoding") or "").strip().lower()
        pieces.append(_Part(tuple(_cut(content, slots, kept)), _CODINGS.get(coding, bytes)))
        at = begin + len(packed)
    return *pieces, *_cut(raw[at:], slots, kept)


def _cut(text: bytes, slots: re.Pattern[bytes], kept: frozenset[bytes]) -> Iterator[bytes | _Slot]:
    at = 0
    for found in slots.finditer(text):
        if any(found[0] in each for each in kept):
            continue
        yield text[at : found.start()]
        yield _Slot(str(found.lastgroup), len(found[0]))
        at = found.end()
    yield text[at:]


def _quoted_printable(content: bytes) -> bytes:
    return binascii.b2a_qp(content, istext=True)


_CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": _quoted_printable,
    "base64": lambda content: base64.encodebytes(content).replace(b"\n", b"\r\n"),
}


def write_mbox(path: Path, number: int, seed: int = 1, begin: float = 0.0, end: float = 1.0) -> None:
    """Write so many mails of this part of the period to a new mbox."""
    with path.open("wb") as file:
        for raw, moment in Press(seed).mails(number, begin, end):
            lines = re.sub(rb"^(>*From )", rb">\1", raw.replace(b"\r\n", b"\n"), flags=re.MULTILINE)
            file.write(b"From made@example.org " + moment.strftime("%a %b %d %H:%M:%S %Y").encode() + b"\n")
            file.write(lines.rstrip(b"\n") + b"\n\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    write_mbox(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
