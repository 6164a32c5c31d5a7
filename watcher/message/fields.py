"""The header block: where it ends, its fields, and their values as one line of text (RFC 5322, section 2.2).

One pass over the bytes with one pattern a field. All three kinds of line ends are read, also mixed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from watcher.message.limits import Limits

# The quantifiers are possessive: a line without a colon is looked at once.
_FIELD = re.compile(
    rb"([^\s:]++)[ \t]*+:"
    rb"([^\r\n]*+(?:(?:\r\r?\n|\r|\n)(?=[ \t])[^\r\n]*+)*+)(?:\r\r?\n|\r|\n|\Z)"
)
_EMPTY_LINE = re.compile(rb"[ \t]*+(?:\r\r?\n|\r|\n|\Z)")
_PREAMBLE = re.compile(rb"(?:\xef\xbb\xbf)?\s*+(?:>?From [^\r\n]*+(?:\r\r?\n|\r|\n))?", re.IGNORECASE)
_STRAY = re.compile(
    rb"(?!--)[^\r\n]++(?:\r\r?\n|\r|\n)(?:[ \t][^\r\n]*+(?:\r\r?\n|\r|\n))*+"
    rb"(?=(?:received|from|to|cc|subject|date|reply-to|message-id|mime-version"
    rb"|content-[a-z-]{2,25})[ \t]*+:)",
    re.IGNORECASE,
)
"""A line that is no field, such as the rest of a badly folded one, with a well-known field after it."""


class RawField(NamedTuple):
    """A field as its bytes: the name, and the value with its folds."""

    name: bytes
    value: bytes


class Block(NamedTuple):
    """The fields of one header block and where its body begins."""

    fields: tuple[RawField, ...]
    body: int
    separated: bool  # an empty line, or the end of the bytes, follows the fields
    cut: bool  # some fields or bytes were over a limit
    field_cut: bool
    stray: bool  # a line that is no field was left out

    def firsts(self) -> dict[bytes, bytes]:
        """The values by name (lower case); of several fields of one name the first counts."""
        return {name.lower(): value for name, value in reversed(self.fields)}


def first_byte(raw: bytes) -> int:
    """Where the header block of a message begins: after a byte order mark, empty lines, an mbox line."""
    found = _PREAMBLE.match(raw)
    return found.end() if found is not None else 0


def read(raw: bytes, start: int, limits: Limits) -> Block:
    """Read the header block that begins at `start`, of a message or of a part."""
    fields: list[RawField] = []
    cut = field_cut = stray = False
    position = start
    last = start + limits.header_bytes
    while True:
        found = _FIELD.match(raw, position)
        if found is None:
            skipped = _STRAY.match(raw, position) if fields and not stray else None
            if skipped is None:
                break
            stray, position = True, skipped.end()
            continue
        position = found.end()
        if len(fields) >= limits.headers or found.start() >= last:
            cut = True
            continue
        name, value = found.groups()
        if len(value) + len(name) > limits.header_field_bytes:
            name, value = name[:1_024], value[: limits.header_field_bytes]
            field_cut = True
        fields.append(RawField(name, value))
    empty = _EMPTY_LINE.match(raw, position)
    body = empty.end() if empty is not None else position
    return Block(tuple(fields), body, empty is not None, cut, field_cut, stray)


def unfold(value: str) -> str:
    """The value in one line. NUL goes; a fold and the white space around it are one blank, or nothing."""
    if "\r" in value:
        value = value.replace("\r", "\n")
    if "\n" in value:
        value = " ".join(filter(None, map(str.strip, value.split("\n"))))
    return (value.replace("\0", "") if "\0" in value else value).strip()
