"""The MIME structure (RFC 2046, section 5.1): which bytes belong to which part.

One pass over the lines that begin with two hyphens, with a stack of open multiparts: neither depth nor the
number of lines can hurt, and nothing of a body is copied. A forwarded message is one part: what is in it is
not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from watcher.message import fields, warnings
from watcher.message.charsets import decode_header
from watcher.message.parameters import Parametrised
from watcher.message.parameters import read as read_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watcher.message.fields import Block
    from watcher.message.limits import Limits

_HYPHENS = re.compile(rb"--(?<=[\r\n]--)")  # the literal first: that is what the search is fast for
_LINE = re.compile(rb"[^\r\n]*+(?:\r\r?\n|\r|\n)?")
_GUESS = re.compile(rb"(?:\A|[\r\n])--([^\r\n]{1,200}+)(?:\r\r?\n|\r|\n)content-[a-z-]{2,25}:", re.IGNORECASE)
_GUESS_REACH = 65_536
_HTML = re.compile(rb"\s*+<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")  # RFC 6838, section 4.2
_ENCODING = re.compile(r"[^\s;,(\"']+")

_TEXT, _MESSAGE = "text/plain", "message/rfc822"
_NONE = Parametrised()


@dataclass(slots=True)
class Part:
    """One part: its MIME fields, where its body lies in the raw mail, and the multipart that it stands in."""

    media_type: str  # lower case; text/plain where none or no valid one is declared
    content: Parametrised
    disposition: Parametrised
    encoding: str  # of the transfer, lower case
    content_id: str
    start: int
    parent: Part | None
    position: int  # among the parts of its multipart, from 0
    end: int = 0
    number: int = 0  # among the leaves of the mail, from 1

    @property
    def declared_name(self) -> str:
        """The file name as declared, not yet safe; empty where there is none."""
        return self.disposition.get("filename") or self.content.get("name")

    @property
    def place(self) -> str:
        """The media type of the multipart around it; empty for the message itself."""
        return self.parent.media_type if self.parent is not None else ""


@dataclass(slots=True)
class Structure:
    """The leaves of a mail in order, and what was odd about them."""

    leaves: list[Part] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)  # a set in order


class _Delimiter(NamedTuple):
    before: int  # where the part before it ends: the line break belongs to the delimiter
    after: int
    boundary: bytes
    closing: bool


@dataclass(slots=True)
class _Open:
    part: Part
    boundary: bytes
    count: int = 0


def walk(raw: bytes, block: Block, limits: Limits) -> Structure:
    """Find the parts of the message whose outermost header block is `block`."""
    walker = _Walk(raw, limits)
    walker.run(block)
    if warnings.BOUNDARY_MISSING in walker.structure.warnings and walker.structure.leaves[0].parent is None:
        guessed = _GUESS.search(raw, max(block.body - 1, 0), block.body + _GUESS_REACH)
        if guessed is not None:
            walker = _Walk(raw, limits)
            walker.structure.warnings[warnings.BOUNDARY_GUESSED] = None
            walker.run(block, guessed[1].rstrip())
    return walker.structure


class _Walk:
    def __init__(self, raw: bytes, limits: Limits) -> None:
        self.raw = raw
        self.limits = limits
        self.structure = Structure()
        self.open: list[_Open] = []
        self.leaf: Part | None = None  # begun, its end not yet met
        self.header_bytes = 0  # of all parts so far

    def run(self, block: Block, boundary: bytes = b"") -> None:
        self.begin(block, boundary)
        if self.open:
            self.follow(self.delimiters(block.body))
        self.end(len(self.raw))
        if self.open:
            self.warn(warnings.UNCLOSED)
            self.close(0, len(self.raw))

    def warn(self, sentence: str) -> None:
        self.structure.warnings[sentence] = None

    def follow(self, delimiters: Iterator[_Delimiter]) -> None:
        for delimiter in delimiters:
            self.end(delimiter.before)
            level = next(
                n for n in reversed(range(len(self.open))) if self.open[n].boundary == delimiter.boundary
            )
            if level + 1 < len(self.open):
                self.warn(warnings.UNCLOSED)
                self.close(level + 1, delimiter.before)
            if delimiter.closing:
                self.close(level, delimiter.before)
                if not self.open:
                    return
                continue
            block = fields.read(self.raw, delimiter.after, self.limits)
            self.header_bytes += block.body - delimiter.after
            if (
                len(self.structure.leaves) >= self.limits.parts
                or self.header_bytes > self.limits.part_header_bytes
            ):
                self.warn(warnings.PARTS_CUT)
                self.open.clear()
                return
            self.begin(block)

    def delimiters(self, start: int) -> Iterator[_Delimiter]:
        """The lines that delimit a part of a multipart open at that moment."""
        lines = [found.start() for found in _HYPHENS.finditer(self.raw, start)]
        if start == 0 and self.raw.startswith(b"--"):
            lines.insert(0, 0)
        boundaries = {each.boundary for each in self.open}
        for line in lines:
            found = _LINE.match(self.raw, line)
            assert found is not None  # noqa: S101 - the pattern matches the empty string
            text = found[0][2:].rstrip()
            closing = text not in boundaries and text.endswith(b"--")
            boundary = text[:-2] if closing else text
            if boundary in boundaries:
                yield _Delimiter(self.break_before(line), found.end(), boundary, closing)
                boundaries = {each.boundary for each in self.open}  # the caller opened or closed some

    def break_before(self, line: int) -> int:
        for end in (b"\r\r\n", b"\r\n", b"\n", b"\r"):
            if self.raw.endswith(end, 0, line):
                return line - len(end)
        return line

    def begin(self, block: Block, boundary: bytes = b"") -> None:
        """Take in the part whose header block was read: a multipart is opened, anything else is a leaf."""
        part = self.described(block)
        if part.media_type.startswith("multipart/"):
            boundary = boundary or part.content.get("boundary").rstrip().encode("utf-8", "replace")
            if boundary and len(self.open) < self.limits.depth:
                self.open.append(_Open(part, boundary))
                return
            self.warn(warnings.DEPTH_CUT if boundary else warnings.NO_BOUNDARY)
            if not boundary:
                part.media_type = self.sniffed(part.start)
        self.leaf = part

    def described(self, block: Block) -> Part:
        values = block.firsts()
        content, disposition = (
            self.parametrised(values, b"content-type"),
            self.parametrised(values, b"content-disposition"),
        )
        container = self.open[-1] if self.open else None
        media_type = content.value if _TYPE.fullmatch(content.value) else _TEXT
        if container is not None:
            container.count += 1
            if container.part.media_type == "multipart/digest" and not content.value:
                media_type = _MESSAGE
        encoding = _ENCODING.search(_text(values, b"content-transfer-encoding"))
        return Part(
            media_type=media_type,
            content=content,
            disposition=disposition,
            encoding=encoding[0].lower() if encoding is not None else "",
            content_id=_text(values, b"content-id"),
            start=block.body,
            parent=container.part if container is not None else None,
            position=container.count - 1 if container is not None else 0,
        )

    def parametrised(self, values: Mapping[bytes, bytes], name: bytes) -> Parametrised:
        text = _text(values, name)
        found = read_parameters(text, self.limits) if text else _NONE
        if found.cut:
            self.warn(warnings.PARAMETERS_CUT)
        return found

    def end(self, position: int) -> None:
        if self.leaf is not None:
            self.leaf.end = max(position, self.leaf.start)
            self.structure.leaves.append(self.leaf)
            self.leaf.number = len(self.structure.leaves)
            self.leaf = None

    def close(self, level: int, position: int) -> None:
        """Close the multiparts from `level` inwards; one in which no part ever began is read as one text."""
        for each in self.open[level:]:
            if each.count == 0:
                self.warn(warnings.BOUNDARY_MISSING)
                self.structure.warnings.pop(warnings.UNCLOSED, None)
                each.part.media_type = self.sniffed(each.part.start)
                self.leaf = each.part
                self.end(position)
        del self.open[level:]

    def sniffed(self, start: int) -> str:
        return "text/html" if _HTML.match(self.raw, start) is not None else _TEXT


def _text(values: Mapping[bytes, bytes], name: bytes) -> str:
    value = values.get(name)
    return fields.unfold(decode_header(value, "")) if value else ""
