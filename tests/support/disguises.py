"""Every form in which a sender may write a subscriber's address, and a slow, independent search for them.

The search shares no code with `watcher.cleaning`: it decodes everything it can and looks for plain needles.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import html
import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

READER = "someone@inbox.invalid"


def percent(text: str, times: int = 1, *, every: bool = False) -> str:
    """Percent-encode, also what needs no encoding when `every` is set."""
    for _ in range(times):
        text = "".join(f"%{byte:02x}" for byte in text.encode()) if every else quote(text, safe="")
    return text


def zipped(text: str, level: int = 6) -> str:
    """Compress with zlib and encode as base64url, as Mailgun does."""
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), level)).decode().rstrip("=")


def _base64(offset: int, *, url_safe: bool, upper: bool = False) -> Callable[[str], str]:
    def form(address: str) -> str:
        data = b"\xff\xfe\xfd"[:offset] + (address.upper() if upper else address).encode() + b'","n":5}'
        coded = base64.urlsafe_b64encode(data) if url_safe else base64.b64encode(data)
        return coded.decode().rstrip("=")

    return form


def _digest(name: str) -> Callable[[str], str]:
    return lambda address: hashlib.new(name, address.encode()).hexdigest()


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "plus-tag": lambda address: address.replace("@", "+spring@"),
    "VERP": lambda address: "bounce-" + address.replace("@", "=") + "-c0ffee",
    "percent": percent,
    "percent twice": lambda address: percent(address, 2),
    "percent four times": lambda address: percent(address, 4),
    "percent, every letter": lambda address: percent(address, every=True),
    "percent, every letter, twice": lambda address: percent(percent(address, every=True)),
    **{f"base64 at offset {offset}": _base64(offset, url_safe=False) for offset in range(4)},
    **{f"base64url at offset {offset}": _base64(offset, url_safe=True) for offset in range(4)},
    "base64, upper case": _base64(1, url_safe=True, upper=True),
    "base64 of base64": lambda address: _base64(0, url_safe=True)(_base64(0, url_safe=True)(address)),
    "base64 of percent": lambda address: _base64(0, url_safe=True)(percent(address)),
    "base64 of percent, every letter": lambda address: _base64(2, url_safe=True)(
        percent(address, every=True)
    ),
    "percent of base64": lambda address: percent(_base64(1, url_safe=False)(address) + "="),
    "zlib": lambda address: zipped(f"h=5&l=https%3A%2F%2Fdest.invalid&r={percent(address)}"),
    "zlib, stored": lambda address: zipped(f"r={address}", 0),
    "zlib, fast": lambda address: zipped(f"r={address}&l=https://dest.invalid/", 1),
    "hex": lambda address: address.encode().hex(),
    "hex, upper case": lambda address: address.upper().encode().hex().upper(),
    **{name: _digest(name) for name in ("md5", "sha1", "sha256")},
    "sha256, upper case": lambda address: _digest("sha256")(address).upper(),
    "md5 in binary": lambda address: base64.b64encode(hashlib.md5(address.encode()).digest()).decode(),
    "sha1 in binary": lambda address: base64.urlsafe_b64encode(
        hashlib.sha1(address.encode()).digest()
    ).decode(),
    "base64 of a hash": lambda address: _base64(0, url_safe=True)(_digest("md5")(address)),
    "base32": lambda address: base64.b32encode(address.encode()).decode().rstrip("="),
    "base32 inside": lambda address: base64.b32encode(b"u=5;" + address.encode() + b";").decode(),
    "backwards": lambda address: address[::-1],
    "rot13": lambda address: codecs.encode(address, "rot13"),
    "UTF-16 in base64": lambda address: base64.b64encode(address.encode("utf-16-le")).decode(),
    "SendGrid escapes": lambda address: address.replace("@", "-40"),
    "entity": lambda address: address.replace("@", "&#64;"),
    "spelled out": lambda address: address.replace("@", "-at-"),
}


def needles(address: str) -> list[bytes]:
    """What must occur in no view, lower case."""
    data = address.lower().encode()
    digests = [hashlib.new(name, data).hexdigest().encode() for name in ("md5", "sha1", "sha256")]
    return [data, data.replace(b"@", b"="), *digests]


def views(text: str, depth: int = 3) -> list[bytes]:
    """Decode in every way, again and again."""
    found = [text.encode("utf-8", "surrogatepass"), html.unescape(text).encode("utf-8", "surrogatepass")]
    for _ in range(4):
        found.append(unquote_to_bytes(found[-1]))
    if not depth:
        return found
    for view in list(dict.fromkeys(found)):
        for run in re.findall(rb"[A-Za-z0-9+/_=~-]{6,}", view):
            for piece in {run, *run.split(b"/"), *re.split(rb"[=~]+", run)}:
                for opened in _opened(piece):
                    found.append(opened)
                    found += views(opened.decode("latin-1"), depth - 1) if b"%" in opened else []
    return found


def _opened(piece: bytes) -> list[bytes]:
    found = []
    plain = piece.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=~")
    for start in range(4):
        part = plain[start:]
        part = part[: len(part) - 1] if len(part) % 4 == 1 else part
        try:
            decoded = binascii.a2b_base64(part + b"=" * (-len(part) % 4))
        except binascii.Error:
            continue
        found.append(decoded)
        if decoded[:1] == b"x":
            with suppress(zlib.error):
                found.append(zlib.decompressobj().decompress(decoded, 65_536))
    if re.fullmatch(rb"[0-9a-fA-F]+", piece):
        found.append(bytes.fromhex(piece[: len(piece) & ~1].decode()))
    return found


def names_reader(text: str, address: str = READER) -> bool:
    """Whether any view of the text holds the address or a hash of it."""
    wanted = needles(address)
    return any(needle in view.lower() for view in views(text) for needle in wanted)
