"""Every way in which a text may hold an address: the decoded views of a token, and the search in them.

Senders percent-encode the recipient (up to four deep on real mail), write him as base64 at any offset inside
a longer token, compress the token with zlib, or send his hash. So a text is searched as it stands, after each
percent-decoding, as base64 from each of the four alignments, as hex and as base32; what a token opens to is
searched again, a few encodings deep. Nothing here is a guess: a view either holds a needle or it does not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from watcher.cleaning.addresses import REACH, Written, begin_of_address, known, spelled_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_INFLATED = 65_536  # bytes that one compressed stream may open to
_FALSE_STARTS = 64  # what looks like a compressed stream in a short view, and is none
_AUTOMATIC = 47  # window bits of zlib: the header says which format it is
_DAMAGED = 4_096  # bytes of a damaged stream that are still read
_PERCENT_LEVELS = 6
_NESTING = 4  # encodings inside encodings
_SHORT_NAME = 4  # letters; a shorter name turns up in decoded binary by chance

_ALNUM = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# Base64 and base64url in one. Any other byte becomes a data byte too: a token that starts after it is met at
# one of the four alignments, whatever precedes it.
_BASE64 = bytes(
    byte if byte in _ALNUM + b"+/" else {ord("-"): ord("+"), ord("_"): ord("/")}.get(byte, ord("A"))
    for byte in range(256)
)


def _class(members: bytes) -> bytes:
    """Map the members to `1` and the rest to `0`: a run of them is then found by a plain search."""
    return bytes(49 if byte in members else 48 for byte in range(256))


_STANDARD_RUN = _class(_ALNUM + b"+/")
_URL_SAFE_RUN = _class(_ALNUM + b"-_")
_INNER_RUN = _class(_ALNUM + b"%+/_=~.-")
_TOKEN_RUN = _class(_ALNUM + b"+/_-")  # base64 in both forms, and thereby hex and base32
_HEX_RUN = _class(b"0123456789abcdef")
_BASE32_RUN = _class(b"abcdefghijklmnopqrstuvwxyz234567")
_RUN_OF_10, _RUN_OF_12, _RUN_OF_16 = b"1" * 10, b"1" * 12, b"1" * 16
_BASE64_LENGTH = 20  # characters; a shorter run holds neither a usual address nor a digest

_STREAM = re.compile(rb"x[\x9c\xda\x01\x5e]|\x1f\x8b\x08")  # zlib (RFC 1950) at each level, gzip (RFC 1952)
_DIGEST_LENGTH = 12  # bytes that are compared; no two texts share so many by chance
_INNER = re.compile(rb"[A-Za-z0-9%+/_=~.-]{10,}")  # text long enough to hold another encoding
_HEX = re.compile(rb"[0-9a-f]{12,}")


@dataclass(frozen=True, slots=True)
class Needles:
    """What is searched for, ready to search with. Bytes are lower case where the searched text is lowered."""

    written: Written
    locals_of: tuple[tuple[bytes, tuple[bytes, ...]], ...]  # each domain, and the local parts known there
    mirrored: tuple[bytes, ...]  # addresses backwards and in rot13; both keep the `@`
    base32: tuple[bytes, ...]
    hashes: tuple[bytes, ...]  # in hex
    digests: tuple[bytes, ...]  # their beginnings, in binary
    wide: tuple[bytes, ...]  # UTF-16
    run: bytes  # as many ones as characters of base64 are needed to hold an address
    shortest_run: bytes  # as many as any encoding needs
    capitals: bool  # whether all of this, in base64, shows a capital letter: a slug in small letters has none
    words: tuple[bytes, ...]  # of each name the longest word
    hidden_name: re.Pattern[str] | None  # names long enough to be looked for in decoded binary

    def found_in(self, data: bytes, depth: int = 0) -> bool:
        """Search a text at all its percent-decoded levels, and what its tokens decode to."""
        for level in range(_PERCENT_LEVELS + 1):
            low = data.lower()
            if self._addressed_in(low) or self._mirrored_in(low):
                return True
            # Everything else takes a run of letters, digits and the signs of base64: usual links have none.
            if self.shortest_run in data.translate(_TOKEN_RUN) and self._coded_in(data, low, depth):
                return True
            if level and not data.isascii() and self._compressed_in(data, depth):
                return True
            if b"%" not in data:
                break
            decoded = unquote_to_bytes(data)
            if decoded == data:
                break
            data = decoded
        return False

    def might_be_written_in(self, text: str, data: bytes) -> bool:
        """Whether a closer look at readable text can find anything; never wrongly no. `data` is its UTF-8."""
        if not text.isascii():
            low = text.lower().encode("utf-8", "surrogatepass")
            return any(domain in low for domain, _ in self.locals_of) or self._mirrored_in(low)
        low = data.lower()
        for domain, local_parts in self.locals_of:
            if domain in low and any(local in low for local in local_parts):
                return True
        return self._mirrored_in(low)

    def _mirrored_in(self, low: bytes) -> bool:
        return b"@" in low and any(form in low for form in self.mirrored)

    def _addressed_in(self, low: bytes) -> bool:
        """Find a known domain after an `@` of any form and one of its local parts, plus-tags allowed."""
        for domain, local_parts in self.locals_of:
            place = low.find(domain)
            while place > 0:
                if _follows_local_part(low, place, local_parts):
                    return True
                place = low.find(domain, place + 1)
        return False

    def _coded_in(self, data: bytes, low: bytes, depth: int) -> bool:
        if _RUN_OF_16 in low.translate(_BASE32_RUN) and any(needle in low for needle in self.base32):
            return True
        if _RUN_OF_12 in low.translate(_HEX_RUN) and self._hexed_in(low, depth):
            return True
        if depth > _NESTING or (self.capitals and data == low):
            return False
        tokens = self._tokens(data, low, _STANDARD_RUN) + self._tokens(data, low, _URL_SAFE_RUN)
        return bool(tokens) and self._opens(_unbase64(b" ".join(dict.fromkeys(tokens))), depth)

    def _hexed_in(self, low: bytes, depth: int) -> bool:
        if any(needle in low for needle in self.hashes):
            return True
        # An address in hex holds its `@` (40) or, as VERP, its `=` (3d).
        if depth > _NESTING or not (b"40" in low or b"3d" in low):
            return False
        return any(self._opens(text, depth) for text in _unhexed(low))

    def _tokens(self, data: bytes, low: bytes, alphabet: bytes) -> list[bytes]:
        """Cut out the runs of one alphabet of base64 that can hold an address."""
        mask, found = data.translate(alphabet), []
        place = mask.find(self.run)
        while place >= 0:
            end = mask.find(b"0", place)
            token = data[place:] if end < 0 else data[place:end]
            if not self.capitals or token != low[place : place + len(token)]:
                found.append(token)
            place = mask.find(self.run, end) if end > 0 else -1
        return found

    def _opens(self, decoded: bytes, depth: int) -> bool:
        """Search what a token decoded to: text, binary digests, further encodings, compressed streams."""
        low = decoded.lower()
        if self._addressed_in(low):
            return True
        if b"@\0" in decoded and any(needle in low for needle in self.wide):
            return True
        for word in self.words:
            if word in low and self.hidden_name and self.hidden_name.search(decoded.decode("latin-1")):
                return True
        if _RUN_OF_10 in decoded.translate(_INNER_RUN) and self.found_in(
            b" ".join(_INNER.findall(decoded)), depth + 1
        ):
            return True
        if any(digest in decoded for digest in self.digests):
            return True
        return _STREAM.search(decoded) is not None and self._compressed_in(decoded, depth)

    def _compressed_in(self, data: bytes, depth: int) -> bool:
        if depth > _NESTING:
            return False
        try:
            return any(self.found_in(text, depth + 1) for text in _inflated(data))
        except OverflowError:
            return True  # made to exhaust the search: what it hides is taken to be the reader


def _follows_local_part(low: bytes, end: int, local_parts: tuple[bytes, ...]) -> bool:
    """Whether a local part, perhaps a tag, and any form of `@` stand before `end`, read in any way."""
    # As characters of one byte each: what a token decodes to has no character set.
    before = low[max(0, end - REACH - max(map(len, local_parts))) : end].decode("latin-1")
    names = tuple([part.decode("latin-1") for part in local_parts])
    return begin_of_address(before, len(before), names) >= 0


@lru_cache(maxsize=256)
def needles(addresses: tuple[str, ...], names: tuple[str, ...]) -> Needles:
    """Prepare the search for lower-case addresses and for names; the same ones are prepared once."""
    locals_of = known(addresses)
    written = Written.of(locals_of)
    full = spelled_out(locals_of)
    digests = tuple(digest for text in full for digest in _digests(text.encode()))
    shortest = min((len(text) for text in full), default=0)
    run = b"1" * (min(_BASE64_LENGTH, shortest * 4 // 3) or _BASE64_LENGTH)
    return Needles(
        written=written,
        locals_of=tuple(
            (domain.encode(), tuple(map(str.encode, found))) for domain, found in locals_of.items()
        ),
        mirrored=tuple(form.encode() for form in written.mirrored),
        base32=tuple(form for text in full for form in _base32(text.encode())),
        hashes=tuple(digest.hex().encode() for digest in digests),
        digests=tuple(digest[:_DIGEST_LENGTH] for digest in digests),
        wide=tuple(text.encode(codec) for text in full for codec in ("utf-16-le", "utf-16-be")),
        capitals=_shows_capitals(full, digests) and not names,
        run=run,
        shortest_run=run[: len(_RUN_OF_12)],
        words=tuple(sorted({max(name.lower().split(), key=len).encode() for name in names})),
        hidden_name=name_pattern([name for name in names if len(name) >= _SHORT_NAME]),
    )


def name_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Write an expression for names as whole words, with whatever stands for a space between them."""
    words = [r"(?:[\s+_.-]|%20)+".join(map(re.escape, name.split())) for name in names]
    if not words:
        return None
    longest_first = "|".join(sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![^\W_])(?:{longest_first})(?![^\W_])", re.IGNORECASE)


def runs(data: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """Find the runs of token characters that are long enough to hold an encoded address."""
    mask = data.translate(_INNER_RUN)
    needle, place = b"1" * max(7, shortest), 0
    while (place := mask.find(needle, place)) >= 0:
        end = mask.find(b"0", place)
        end = len(mask) if end < 0 else end
        yield place, end
        place = end


def readable(data: bytes) -> str:
    """Decode the percent-escapes, as whoever looks for a name would."""
    for _ in range(_PERCENT_LEVELS):
        if b"%" not in data:
            break
        data = unquote_to_bytes(data)
    return data.decode("utf-8", "replace")


def _digests(address: bytes) -> Iterator[bytes]:
    for name in ("md5", "sha1", "sha256", "sha512"):
        yield hashlib.new(name, address, usedforsecurity=False).digest()


def _base32(address: bytes) -> Iterator[bytes]:
    """Encode an address in base32, which packs five bytes into eight letters, at each of its alignments."""
    for offset in range(5):
        whole = base64.b32encode(b"\0" * offset + address).lower().rstrip(b"=")
        yield whole[-(-offset * 8 // 5) : (offset + len(address)) * 8 // 5]


def _shows_capitals(addresses: Iterable[str], digests: Iterable[bytes]) -> bool:
    """Whether base64 of each of these has a capital letter at every alignment, however the address is cased.

    Base64 packs three bytes into four characters, so one group of three without a way out is enough.
    """
    for digest in digests:
        if any(base64.b64encode(digest[start:-3]).islower() for start in range(3)):
            return False
    for address in addresses:
        domain = address.rpartition("@")[2]
        for start in range(3):
            groups = [domain[place : place + 3] for place in range(start, len(domain) - 2, 3)]
            if all(any(_without_capitals(group, pick) for pick in range(8)) for group in groups):
                return False
    return True


def _without_capitals(group: str, pick: int) -> bool:
    cased = "".join(letter.upper() if pick >> place & 1 else letter for place, letter in enumerate(group))
    coded = base64.b64encode(cased.encode())
    return coded == coded.lower()


def _unbase64(data: bytes) -> bytes:
    """Decode the text as base64 from each of the four alignments, one after the other."""
    coded = data.translate(_BASE64) + b"AAAA"
    size = len(coded)
    groups = coded[: size & ~3] + coded[1 : 1 + (size - 1 & ~3)]
    groups += coded[2 : 2 + (size - 2 & ~3)] + coded[3 : 3 + (size - 3 & ~3)]
    return binascii.a2b_base64(groups)  # whole groups of the alphabet: cannot fail


def _unhexed(low: bytes) -> Iterator[bytes]:
    for run in _HEX.findall(low):
        for start in (0, 1):
            yield bytes.fromhex(run[start : start + (len(run) - start) // 2 * 2].decode())


def _inflated(data: bytes) -> Iterator[bytes]:
    """Open what looks like a compressed stream, as far as it can be read; at most 64 KiB each.

    Chance makes two bytes look like a stream once in 16 KiB, so false starts are passed over. Their number is
    bounded all the same: `OverflowError` when there are too many to be chance, or when one opens to more.
    """
    most = _FALSE_STARTS + len(data) // 4_096
    for tried, match in enumerate(_STREAM.finditer(data)):
        if tried == most:
            raise OverflowError("more compressed streams than a token holds")
        if opened := _inflate(data[match.start() : match.start() + _INFLATED]):
            yield opened


def _inflate(stream: bytes) -> bytes:
    """Open a zlib or gzip stream up to 64 KiB; of a damaged one, what comes before the damage."""
    opener = zlib.decompressobj(_AUTOMATIC)
    with suppress(zlib.error):
        opened = opener.decompress(stream, _INFLATED)
        if opener.unconsumed_tail:
            raise OverflowError("a compressed stream opens to more than a token holds")
        return opened
    opener, opened, place = zlib.decompressobj(_AUTOMATIC), b"", 0
    try:
        for place in range(0, min(len(stream), _DAMAGED), 16):
            opened += opener.decompress(stream[place : place + 16], _INFLATED)
    except zlib.error:
        opener = zlib.decompressobj(_AUTOMATIC)  # once more, byte by byte where it broke
        opened = opener.decompress(stream[:place], _INFLATED)
        with suppress(zlib.error):
            for byte in stream[place : place + 16]:
                opened += opener.decompress(bytes((byte,)), _INFLATED)
    return opened
