"""A sketch of a text: 128 bytes by which texts are compared, however many there are of them.

MinHash (Broder, 1997) in one permutation (Li, Owen, Zhang, 2012): every three words in a row give a number,
and of each of 128 classes of numbers the smallest is kept. Two texts agree in as many places as they share of
their word triples. Classes that are empty borrow from others (Shrivastava, 2017), so that short texts have a
whole sketch as well. One byte of each number is kept (Li, König, 2010): texts that share nothing agree in one
place of 256.

Nothing depends on the process, the machine or the order of texts: the numbers come from CRC-32 and constants.
"""

from __future__ import annotations

import hashlib
import re
from operator import eq
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES: Final = 128
"""Bytes of a sketch."""

LEAST_WORDS: Final = 30
"""A shorter text says too little, and may be all that was left of a picture: it has no sketch."""

_WORDS_READ = 20_000  # of a longer text its beginning tells enough

_REMOVED = "[link removed]"
_ADDRESS = re.compile(r"https?://\S+")
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a Markdown-flavoured text, in small letters, without the targets of its links.

    Where a link leads differs between copies of one mailing, and between policies; what it reads does not.
    """
    first, *rest = text.split("](")
    text = " ".join([first, *(part.partition(")")[2] for part in rest)]).replace(_REMOVED, " ")
    if "://" in text:
        text = _ADDRESS.sub(" ", text)
    return _WORD.findall(text.casefold())[:_WORDS_READ]


def sketch(words: list[str]) -> bytes:
    """The sketch of these words; empty when there are fewer than `LEAST_WORDS`."""
    if len(words) < LEAST_WORDS:
        return b""
    # All in C, a loop in Python takes three times as long: the CRC of three words is that of the third, begun
    # with that of the two before.
    data = " ".join(words).encode("utf-8", "replace").split(b" ")
    pairs = map(crc32, data[1:], map(crc32, data))
    triples = sorted(set(map(crc32, data[2:], pairs)), reverse=True)
    # Descending, so that the smallest of a class is written last.
    smallest = {number >> 25: number & 255 for number in triples}
    if len(smallest) < PLACES:
        smallest = dict(_filled(smallest))
    return bytes(map(smallest.__getitem__, range(PLACES)))


def _filled(smallest: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Give each empty place the value of a full one, found by a walk that is the same for all texts."""
    for place in range(PLACES):
        step, found = 0, place
        while found not in smallest:
            step += 1
            found = (place * 40_503 + step * 30_011 ^ step * step * 2_654_435_761 >> 7) % PLACES
        yield place, smallest[found]


def agreement(one: bytes, other: bytes) -> int:
    """In how many of the 128 places two sketches agree: about 128 times their share of common triples."""
    return sum(map(eq, one, other))


def fingerprint(*parts: str | bytes) -> int:
    """A number of 47 bits for these parts together, the same everywhere."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part.encode("utf-8", "replace") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return int.from_bytes(digest.digest(), "big") >> 17


def part_fingerprint(whose: str, number: int, part: bytes) -> int:
    """A number of 47 bits for the part `number` of a sketch, among what belongs to `whose`."""
    data = b"%b\0%d\0%b" % (whose.encode("utf-8", "replace"), number, part)
    return int.from_bytes(hashlib.blake2b(data, digest_size=6).digest(), "big") >> 1
