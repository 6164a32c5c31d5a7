"""What a part is by its own bytes, whatever its header says (WHATWG MIME Sniffing, https://mimesniff.spec.whatwg.org).

The signatures are rows of `signatures.csv`. Only the first bytes are looked at; of an archive, the names in
it, which tell a document from a mere archive.
"""

from __future__ import annotations

import csv
import re
from importlib import resources
from typing import Final, NamedTuple

UNKNOWN: Final = "application/octet-stream"

_HEAD: Final = 1_445  # bytes: as many as a browser looks at, section 5.2
_NAMES: Final = 65_536  # bytes of an archive, at both ends, in which names of files are looked for
_MARKUP: Final = re.compile(
    rb"\s*+(?:<!--.{0,400}?-->\s*+)*+<(!doctype html|html|head|body|script|iframe|table|div|p|h1|a|br)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_XML: Final = re.compile(rb"\s*+<\?xml[\s?]")
_SVG: Final = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # section 3, binary data byte
_MARKS: Final = (b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf")  # byte order marks: text, section 7.1

_IN_ARCHIVES: Final = (
    (b"word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/workbook.", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/presentation.xml", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
# OpenDocument 1.3, part 2, section 3.3, and EPUB OCF 3.3, section 4.3: the first file names the type.
_MIMETYPE: Final = re.compile(rb"\APK\x03\x04.{26}mimetype(application/[a-z0-9.+-]{1,80})", re.DOTALL)


class _Signature(NamedTuple):
    offset: int
    start: bytes
    media_type: str


def _load() -> tuple[_Signature, ...]:
    table = resources.files(__package__).joinpath("signatures.csv").read_text(encoding="utf-8")
    return tuple(
        _Signature(int(row["offset"]), bytes.fromhex(row["bytes"]), row["media_type"])
        for row in csv.DictReader(table.splitlines())
    )


_SIGNATURES: Final = _load()


def media_type_of(data: bytes) -> str:
    """The media type that the bytes show: `text/plain` for any text, `UNKNOWN` where they show none."""
    for offset, start, media_type in _SIGNATURES:
        if data.startswith(start, offset):
            return _inside(data) if media_type == "application/zip" else media_type
    head = data[:_HEAD]
    if head.startswith(_MARKS):
        return "text/plain"
    if not head or _BINARY.search(head) is not None:
        return UNKNOWN
    if _XML.match(head) is not None or head.lstrip().startswith(b"<svg"):
        return "image/svg+xml" if _SVG.search(head) is not None else "text/xml"
    return "text/html" if _MARKUP.match(head) is not None else "text/plain"


def _inside(data: bytes) -> str:
    if (named := _MIMETYPE.match(data)) is not None:
        return named[1].decode("ascii")
    names = data[:_NAMES] + data[-_NAMES:]
    return next((media_type for name, media_type in _IN_ARCHIVES if name in names), "application/zip")
