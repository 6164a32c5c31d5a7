"""Content-Transfer-Encoding (RFC 2045, section 6): from the bytes on the wire to those of the part, once.

Tolerant the way mail clients are: padding and alphabet errors are repaired, and nothing raises.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_OUTSIDE_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_BLANKS_BEFORE_BREAK = re.compile(rb"=[ \t]+(?=\r?\n|\Z)")
_BEGIN = re.compile(rb"^begin(?:-base64)? +[0-7]{3,4} [^\n]*\n", re.MULTILINE)


class Transferred(NamedTuple):
    """The bytes of a part, and whether all of what was sent could be decoded."""

    data: bytes
    whole: bool = True
    known: bool = True  # whether the encoding's name is one


def decode(data: bytes, encoding: str) -> Transferred:
    """Decode a body by its Content-Transfer-Encoding, lower case; an unknown one is taken as identity."""
    decoder = _DECODERS.get(encoding)
    return decoder(data) if decoder is not None else Transferred(data, known=False)


def base64_bytes(data: bytes) -> Transferred:
    """Decode base64 up to its padding; missing padding, foreign characters and a lone last one do no harm."""
    try:
        return Transferred(binascii.a2b_base64(data))
    except binascii.Error:
        pass
    letters = _OUTSIDE_BASE64.sub(b"", data.partition(b"=")[0])
    usable = len(letters) - (len(letters) % 4 == 1)
    return Transferred(
        binascii.a2b_base64(letters[:usable] + b"=" * (-usable % 4)), whole=usable == len(letters)
    )


def _identity(data: bytes) -> Transferred:
    return Transferred(data)


def _quoted_printable(data: bytes) -> Transferred:
    if b"\r" in data and b"\n" not in data:
        data = data.replace(
            b"\r", b"\n"
        )  # the decoder would drop what follows a soft break up to a line feed
    data = _BLANKS_BEFORE_BREAK.sub(b"=", data)  # added in transport (RFC 2045, section 6.7, rule 3)
    return Transferred(binascii.a2b_qp(data))


def _uuencode(data: bytes) -> Transferred:
    begin = _BEGIN.search(data.replace(b"\r\n", b"\n"))
    if begin is None:
        return Transferred(data, whole=False)
    decoded: list[bytes] = []
    for line in begin.string[begin.end() :].split(b"\n"):
        if line.strip() in (b"end", b"`", b""):
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders leave garbage after the bytes that the first character announces.
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                decoded.append(binascii.a2b_uu(line[:wanted]))
            except binascii.Error:
                return Transferred(b"".join(decoded), whole=False)
    return Transferred(b"".join(decoded))


_DECODERS: dict[str, Callable[[bytes], Transferred]] = {
    "": _identity,
    "7bit": _identity,
    "8bit": _identity,
    "binary": _identity,
    "base64": base64_bytes,
    "quoted-printable": _quoted_printable,
    "x-uuencode": _uuencode,
    "uuencode": _uuencode,
    "x-uue": _uuencode,
    "uue": _uuencode,
}
