"""Bytes to text: charset labels are looked up in an allow-list, and what is not on it is guessed and said.

A declared name never reaches Python's codec registry by itself. The registry knows codecs that are no
charsets (`rot13`, `zlib`), that raise whatever the error handler (`idna`), and one that is quadratic
(`punycode`). The list is the WHATWG Encoding Standard's, which treats ISO-8859-1 and US-ASCII as
windows-1252, and mail's own.
"""

from __future__ import annotations

import csv
import re
from importlib import resources
from typing import NamedTuple

UTF_8 = "utf-8"
WINDOWS_1252 = "cp1252"

_JAPANESE, _JAPANESE_WITH_NEC = "iso2022_jp_ext", "iso2022_jp_2004"
_JIS_X_0208 = re.compile(rb"\x1b\$[@B]")

_BOMS = ((b"\xef\xbb\xbf", UTF_8), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_META = re.compile(rb"<meta\s[^>]{0,512}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_META_REACH = 4_096
"""Bytes in which `<meta charset>` is looked for; browsers stop at 1,024, but mail has longer heads."""

_WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32"})
_C1 = {code: bytes((code,)).decode(WINDOWS_1252, "ignore") or chr(code) for code in range(0x80, 0xA0)}
"""What latin-1 has as controls. windows-1252 leaves five of them open; the WHATWG decoder keeps those."""

UNKNOWN = "charset: the declared name is none that we know, so the text was read by its bytes"
MISLABELLED = "charset: the bytes do not fit the declared name, so the text was read by its bytes"
DAMAGED = "charset: some bytes have no character in the declared charset"
GUESSED = "charset: none is declared and the text is not UTF-8, so it was read as windows-1252"


class Decoded(NamedTuple):
    """Text and, where its charset had to be guessed, a sentence that says so."""

    text: str
    warning: str = ""


def _table() -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath("charsets.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


_CODECS = {label: row["codec"] for row in _table() for label in row["labels"].split()}


def codec(label: str) -> str:
    """Python's codec for a declared charset; empty for a name that is not on the list."""
    return _CODECS.get(label.strip(" \t\"'").lower(), "")


def decode(data: bytes, declared: str, *, html: bool = False) -> Decoded:
    """Decode a text body. Never raises; the text holds no lone surrogate.

    A byte order mark wins, then the declared charset where the bytes fit it, then an HTML document's own
    `<meta charset>`, then UTF-8 if valid, then windows-1252.
    """
    for mark, named in _BOMS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], named) or _damaged(data[len(mark) :], named)
    if data.isascii() and b"\x1b" not in data and (not declared or codec(declared) in (UTF_8, WINDOWS_1252)):
        return Decoded(data.decode("ascii"))
    named = codec(declared)
    if named:
        return _named(data, named)
    warning = UNKNOWN if declared else ""
    own = _of_document(data) if html else ""
    found = _strictly(data, own) if own else None
    found = found or _strictly(data, UTF_8)
    if found is not None:
        return Decoded(found.text, warning)
    return Decoded(_western(data), warning or GUESSED)


def decode_header(data: bytes, likely: str) -> str:
    """Decode raw 8-bit header bytes: UTF-8 (RFC 6532), else the charset that the mail's body declares."""
    if data.isascii():
        return data.decode("ascii")
    found = _strictly(data, UTF_8) or (_strictly(data, codec(likely)) if codec(likely) else None)
    return found.text if found is not None else _western(data)


def decode_word(data: bytes, declared: str) -> str:
    """Decode the bytes of encoded words (RFC 2047) or of a parameter (RFC 2231)."""
    named = codec(declared)
    if named == UTF_8 or not named:
        found = _strictly(data, UTF_8)
        return found.text if found is not None else _repaired(data)
    return _named(data, named).text


def _named(data: bytes, named: str) -> Decoded:
    if named in _WIDE and b"\0" not in data[:1_024]:
        # A document saved as UTF-16 and sent as something else keeps its label; Latin text would hold NULs.
        found = _strictly(data, UTF_8)
        if found is not None:
            return Decoded(found.text, MISLABELLED)
    if named == WINDOWS_1252:
        # Text in windows-1252 is practically never valid UTF-8 by chance: `Ã©` is written by no one.
        found = None if data.isascii() else _strictly(data, UTF_8)
        return Decoded(found.text, MISLABELLED) if found is not None else Decoded(_western(data))
    found = _strictly(data, named)
    if found is None and named == _JAPANESE:
        # Circled numbers and company signs of the NEC row, common in real mail: JIS X 0213 has them too.
        found = _strictly(_JIS_X_0208.sub(b"\x1b$(Q", data), _JAPANESE_WITH_NEC)
    if found is not None:
        return found
    if named == UTF_8:
        return Decoded(_repaired(data), MISLABELLED)
    found = _strictly(data, UTF_8) if not data.isascii() else None
    return Decoded(found.text, MISLABELLED) if found is not None else _damaged(data, named)


def _strictly(data: bytes, named: str) -> Decoded | None:
    try:
        return Decoded(_scalars(data.decode(named), named))
    except UnicodeError:
        return None


def _damaged(data: bytes, named: str) -> Decoded:
    return Decoded(_scalars(data.decode(named, "replace"), named), DAMAGED)


def _scalars(text: str, named: str) -> str:
    """Replace lone surrogates, which some decoders make and no UTF-8 file can hold."""
    if named == UTF_8 or text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _repaired(data: bytes) -> str:
    """Text declared as UTF-8 that is not: UTF-8 with holes where most of it is, else windows-1252."""
    text = data.decode(UTF_8, "replace")
    holes = text.count("\ufffd")
    whole = len(text) - len(text.encode("ascii", "ignore")) - holes
    return text if holes <= whole else _western(data)


def _western(data: bytes) -> str:
    try:
        return data.decode(WINDOWS_1252)
    except UnicodeDecodeError:
        return data.decode("latin-1").translate(_C1)


def _of_document(data: bytes) -> str:
    found = _META.search(data[:_META_REACH])
    named = codec(found[1].decode("ascii", "replace")) if found else ""
    return UTF_8 if named in _WIDE else named  # a document whose head is readable as bytes is not wide
