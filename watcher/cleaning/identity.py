"""The subscriber: who must not be found in anything that comes out, in clear or encoded.

An `Identity` is made of the inbox's addresses, the recipients of one message and the names that its
settings list. Senders write the address into links in clear, percent-encoded, as base64 at any offset,
zlib-compressed, as hex or as a hash; `carried_by` looks through all of these views, and `redact` takes them
out of text.

Only the whole address counts: a local part or a domain alone identifies nobody.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REDACTED = "[redacted]"

_INFLATED = 65_536  # bytes that one compressed token may open to; a longer one is refused unread
_PERCENT_LEVELS = 6  # how often a text is percent-decoded; real links go four deep
_NESTING = 4  # encodings inside encodings, such as base64 of zlib of percent
_STREAMS = 4  # compressed streams tried in one view
_SHORT_NAME = 4  # letters; a shorter name turns up in decoded binary by chance

# What stands for the `@`: itself, the `=` of VERP, an escape of either, or the word `at` between separators.
_AT = r"(?:@|=|[^a-z0-9](?:25)*(?:40|3d)|&#0*64;|&#x0*40;|&commat;|[\\%]u0040|[^a-z0-9]{1,2}at[^a-z0-9]{1,2})"
_TAG = r"(?:\+[\w.+-]{0,64})?"  # the plus-tag of RFC 5233

# Base64 and its dialects: `-` and `.` for `+`, `_` and `,` for `/`. Any other byte becomes a data byte too: a
# token that starts after it is met at one of the four alignments, whatever precedes it.
_ALNUM = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BASE64 = bytes(
    byte if byte in _ALNUM + b"+/" else {45: 43, 46: 43, 95: 47, 44: 47}.get(byte, 65) for byte in range(256)
)


def _class(members: bytes) -> bytes:
    """Map the members to `1` and the rest to `0`: a run of them is then found by a plain search."""
    return bytes(49 if byte in members else 48 for byte in range(256))


_STANDARD_RUN = _class(_ALNUM + b"+/")
_URL_SAFE_RUN = _class(_ALNUM + b"-_.,")
_INNER_RUN = _class(_ALNUM + b"%+/_=~.-")
_HEX_RUN = _class(b"0123456789abcdef")
_BASE32_RUN = _class(b"abcdefghijklmnopqrstuvwxyz234567")
_RUN_OF_10, _RUN_OF_12, _RUN_OF_16 = b"1" * 10, b"1" * 12, b"1" * 16
_BASE64_LENGTH = 20  # characters; a run this short holds neither a usual address nor a digest

_ZLIB = re.compile(rb"x[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_INNER = re.compile(rb"[A-Za-z0-9%+/_=~.-]{10,}")  # text long enough to hold another encoding
_HEX = re.compile(rb"[0-9a-f]{12,}")
_ESCAPED = re.compile(r"%[0-9a-f]|&#|=[0-9a-f]{2}|[\u00ad\u200b-\u200d\u2060\ufeff]", re.IGNORECASE)
_INVISIBLE = "[\u00ad\u200b-\u200d\u2060\ufeff]*"
_ROT13 = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"nopqrstuvwxyzabcdefghijklm")
_BASE32 = b"abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who reads the mail. Equal, hashable and picklable by its addresses and names; make it with `of`."""

    addresses: tuple[str, ...] = ()  # lower case, sorted
    names: tuple[str, ...] = ()
    _needles: _Needles = field(default=None, compare=False)  # type: ignore[assignment]

    @classmethod
    def of(cls, addresses: Iterable[str], names: Iterable[str] = ()) -> Self:
        """Compile an identity. What is no address (`undisclosed-recipients:;`) is passed over."""
        found = sorted(
            {text for raw in addresses if (text := raw.strip().strip("<>").lower()) and _is_address(text)}
        )
        called = sorted({" ".join(raw.split()) for raw in names if len(raw.strip()) > 1})
        return cls(tuple(found), tuple(called), _compile(tuple(found), tuple(called)))

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process as addresses and names; the needles are compiled (once) over there."""
        return Identity.of, (self.addresses, self.names)

    def __repr__(self) -> str:
        """Say how much is known, never who it is: a repr ends up in logs."""
        return f"<Identity: {len(self.addresses)} addresses, {len(self.names)} names>"

    def __bool__(self) -> bool:
        """Whether there is anybody to look for."""
        return bool(self.addresses or self.names)

    def carried_by(self, url: str) -> bool:
        """Tell whether any decoded view of the URL holds an address, a hash of it, or a name in its query."""
        if not self:
            return False
        needles = self._needles
        if needles.seen_in(_encoded(url), 0):
            return True
        if needles.name is None:
            return False
        base, mark, rest = url.partition("?")
        if not mark:
            base, mark, rest = url.partition("#")
        return needles.named_in(base, needles.long_name) or needles.named_in(rest, needles.name)

    def redact(self, text: str) -> tuple[str, int]:
        """Replace every visible or encoded occurrence by `[redacted]`; return the text and their number."""
        if not self or not text:
            return text, 0
        return self._needles.redacted(text)


@dataclass(frozen=True, slots=True)
class _Needles:
    """What is searched for, ready to search with. Bytes are lower case unless said otherwise."""

    domains: tuple[tuple[bytes, re.Pattern[bytes]], ...]  # a domain, and its addresses written in any form
    mirrored: tuple[bytes, ...]  # written backwards, in rot13
    base32: tuple[bytes, ...]
    hashes: tuple[bytes, ...]  # hexadecimal
    binary: re.Pattern[bytes]  # what needs a closer look in decoded data: a digest, a compressed stream
    wide: tuple[bytes, ...]  # UTF-16
    run: bytes  # as many ones as characters of base64 are needed to hold an address
    words: tuple[bytes, ...]  # the longest word of each name
    name: re.Pattern[str] | None
    long_name: re.Pattern[str] | None  # names of two words, which count in a path as well
    hidden_name: re.Pattern[str] | None  # names long enough to be looked for in decoded binary
    plain: re.Pattern[str] | None  # the addresses in readable text
    escaped: re.Pattern[str] | None  # the same with any letter escaped
    token: re.Pattern[str] | None  # runs long enough to hold an encoded address

    def seen_in(self, data: bytes, depth: int) -> bool:
        """Search one text in all its percent-decoded levels, and what its tokens decode to."""
        for level in range(_PERCENT_LEVELS + 1):
            if self._written_in(data.lower(), depth) or self._encoded_in(data, depth):
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

    def named_in(self, text: str, name: re.Pattern[str] | None) -> bool:
        """Tell whether readable text, percent-decoded, holds one of the names as whole words."""
        if name is None or not text:
            return False
        text = _readable(text)
        low = text.lower()
        return any(word.decode() in low for word in self.words) and name.search(text) is not None

    def _written_in(self, low: bytes, depth: int) -> bool:
        for domain, addresses in self.domains:
            if domain in low and addresses.search(low):
                return True
        if b"@" in low and any(needle in low for needle in self.mirrored):
            return True
        if _RUN_OF_16 in low.translate(_BASE32_RUN) and any(needle in low for needle in self.base32):
            return True
        hexadecimal = low.translate(_HEX_RUN)
        if _RUN_OF_12 not in hexadecimal:
            return False
        if any(needle in low for needle in self.hashes):
            return True
        # An address in hex holds its `@` (40) or, as VERP, its `=` (3d).
        return (
            depth <= _NESTING
            and (b"40" in low or b"3d" in low)
            and any(self._opens(text, depth) for text in _unhexed(low))
        )

    def _encoded_in(self, data: bytes, depth: int) -> bool:
        if depth > _NESTING:
            return False
        if self.run not in data.translate(_STANDARD_RUN) and self.run not in data.translate(_URL_SAFE_RUN):
            return False
        return self._opens(_unbase64(data), depth)

    def _opens(self, decoded: bytes, depth: int) -> bool:
        """Search what a token decoded to: text, binary digests, further encodings."""
        low = decoded.lower()
        for domain, addresses in self.domains:
            if domain in low and addresses.search(low):
                return True
        if b"@\0" in decoded and any(needle in low for needle in self.wide):
            return True
        for word in self.words:
            if (
                word in low
                and self.hidden_name is not None
                and self.hidden_name.search(decoded.decode("latin-1"))
            ):
                return True
        if _RUN_OF_10 in decoded.translate(_INNER_RUN) and self.seen_in(
            b" ".join(_INNER.findall(decoded)), depth + 1
        ):
            return True
        match = self.binary.search(decoded)
        return match is not None and (match.lastgroup == "digest" or self._compressed_in(decoded, depth))

    def _compressed_in(self, data: bytes, depth: int) -> bool:
        return any(self.seen_in(text, depth + 1) for text in _inflated(data, depth))

    def redacted(self, text: str) -> tuple[str, int]:
        count = 0
        for pattern in (self.plain, self.escaped if _ESCAPED.search(text) else None):
            if pattern is not None:
                text, found = pattern.subn(REDACTED, text)
                count += found
        if self.token is not None:
            found = 0

            def replaced(match: re.Match[str]) -> str:
                nonlocal found
                if not self.seen_in(_encoded(match[0]), 0):
                    return match[0]
                pieces = match[0].split("/")
                hits = [self.seen_in(_encoded(piece), 0) for piece in pieces]
                found += sum(hits) or 1
                if not any(hits):
                    return REDACTED
                return "/".join(REDACTED if hit else piece for hit, piece in zip(hits, pieces, strict=True))

            text = self.token.sub(replaced, text)
            count += found
        if self.name is not None:
            text, found = self.name.subn(REDACTED, text)
            count += found
        return text, count


def _is_address(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return bool(local and domain) and not any(character.isspace() for character in text)


@lru_cache(maxsize=256)
def _compile(addresses: tuple[str, ...], names: tuple[str, ...]) -> _Needles:
    by_domain: dict[str, set[str]] = {}
    for address in addresses:
        local, _, domain = address.rpartition("@")
        untagged = local.partition("+")[0] or local
        for spelling in _spellings(domain):
            by_domain.setdefault(spelling, set()).update((local, untagged))
    full = sorted({f"{local}@{domain}" for domain, locals_ in by_domain.items() for local in locals_})
    domains = tuple(
        (domain.encode(), re.compile(_address(domain, locals_).encode(), re.IGNORECASE))
        for domain, locals_ in sorted(by_domain.items())
    )
    digests = [digest for text in full for digest in _hashes(text)]
    shortest = min((len(text) for text in full), default=0)
    escaped_digests = b"|".join(map(re.escape, digests)) or b"(?!)"
    mirrored = tuple(form for text in full for form in (text.encode().translate(_ROT13), text.encode()[::-1]))
    readable = [_address(*pair) for pair in sorted(by_domain.items())]
    readable += [re.escape(form.decode("utf-8", "ignore")) for form in mirrored]
    return _Needles(
        domains=domains,
        mirrored=mirrored,
        base32=tuple(form for text in full for form in _base32(text.encode())),
        hashes=tuple(digest.hex().encode() for digest in digests),
        binary=re.compile(rb"(?P<digest>%s)|(?P<stream>%s)" % (escaped_digests, _ZLIB.pattern), re.DOTALL),
        wide=tuple(text.encode(codec) for text in full for codec in ("utf-16-le", "utf-16-be")),
        run=b"1" * (min(_BASE64_LENGTH, shortest * 4 // 3) or _BASE64_LENGTH),
        words=tuple(sorted({max(name.lower().split(), key=len).encode() for name in names})),
        name=_name_pattern(names),
        long_name=_name_pattern([name for name in names if " " in name]),
        hidden_name=_name_pattern([name for name in names if len(name) >= _SHORT_NAME]),
        plain=re.compile("|".join(readable), re.IGNORECASE) if full else None,
        escaped=re.compile("|".join(map(_escaped, full)), re.IGNORECASE) if full else None,
        token=re.compile(rf"[A-Za-z0-9+/_=~.%-]{{{max(7, shortest)},}}") if full else None,
    )


def _spellings(domain: str) -> set[str]:
    """Give a domain as written and in its IDNA forms."""
    found = {domain}
    try:
        found.add(domain.encode("idna").decode("ascii"))
        found.add(domain.encode("ascii").decode("idna"))
    except UnicodeError:
        pass  # too long or not convertible: searched as written
    return found


def _address(domain: str, locals_: Iterable[str]) -> str:
    """Write an expression for the addresses of one domain: plus-tags, VERP and an escaped `@` included."""
    alternatives = "|".join(
        re.escape(local) for local in sorted(locals_, key=lambda local: (-len(local), local))
    )
    return f"(?:{alternatives}){_TAG}{_AT}{re.escape(domain)}"


def _escaped(address: str) -> str:
    """Write an expression for an address of which any character may be percent-, QP- or entity-escaped."""
    return _INVISIBLE.join(_character(character) for character in address)


def _character(character: str) -> str:
    forms = {character, character.upper()} if len(character.upper()) == 1 else {character}
    if character == "@":
        forms.add("=")
    codes = sorted({form.encode().hex() for form in forms if form.isascii()})
    points = sorted({ord(form) for form in forms})
    escapes = [rf"(?:%(?:25)*|=){code}" for code in codes]
    escapes += [rf"&#0*{point};|&#x0*{point:x};" for point in points]
    return f"(?:{'|'.join([*(re.escape(form) for form in sorted(forms)), *escapes])})"


def _hashes(address: str) -> Iterator[bytes]:
    data = address.encode()
    for name in ("md5", "sha1", "sha256", "sha512"):
        yield hashlib.new(name, data, usedforsecurity=False).digest()


def _base32(address: bytes) -> Iterator[bytes]:
    """Encode an address in base32, which packs five bytes into eight letters, at each of its alignments."""
    for offset in range(5):
        bits = "".join(f"{byte:08b}" for byte in b"\0" * offset + address)
        first, last = -(-offset * 8 // 5), len(bits) // 5
        yield bytes(_BASE32[int(bits[place * 5 : place * 5 + 5], 2)] for place in range(first, last))


def _name_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    words = [r"(?:[\s+_.-]|%20)+".join(re.escape(word) for word in name.split()) for name in names]
    if not words:
        return None
    return re.compile(
        rf"(?<![^\W_])(?:{'|'.join(sorted(words, key=len, reverse=True))})(?![^\W_])", re.IGNORECASE
    )


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _readable(text: str) -> str:
    """Decode the percent-escapes, as whoever looks for a name would."""
    data = _encoded(text)
    for _ in range(_PERCENT_LEVELS):
        if b"%" not in data:
            break
        data = unquote_to_bytes(data)
    return data.decode("utf-8", "replace")


def _unbase64(data: bytes) -> bytes:
    """Decode the text as base64 from each of the four alignments."""
    coded = data.translate(_BASE64) + b"AAAA"
    size = len(coded)
    return b"".join(
        binascii.a2b_base64(
            coded[start : start + (size - start) // 4 * 4]
        )  # always whole groups: cannot fail
        for start in range(4)
    )


def _unhexed(low: bytes) -> Iterator[bytes]:
    for run in _HEX.findall(low):
        for start in (0, 1):
            yield bytes.fromhex(run[start : start + (len(run) - start) // 2 * 2].decode())


def _inflated(data: bytes, depth: int) -> Iterator[bytes]:
    """Open the compressed streams in `data`, as far as they can be read; at most 64 KiB each."""
    if depth > _NESTING:
        return
    for tried, match in enumerate(_ZLIB.finditer(data)):
        if tried == _STREAMS:
            return
        stream = data[match.start() : match.start() + _INFLATED]
        if (opened := _inflate(stream)) is not None:
            yield opened


def _inflate(stream: bytes) -> bytes | None:
    """Open a zlib or gzip stream up to 64 KiB; of a damaged one, what comes before the damage."""
    try:
        return zlib.decompressobj(47).decompress(
            stream, _INFLATED
        )  # 47: the header says which of the two it is
    except zlib.error:
        pass
    opener, opened = zlib.decompressobj(47), b""
    try:
        for place in range(0, min(len(stream), 4096), 16):
            opened += opener.decompress(stream[place : place + 16], _INFLATED)
    except zlib.error:
        pass
    return opened or None
