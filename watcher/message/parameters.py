"""Content-Type and Content-Disposition: value and parameters (RFC 2045, 2183, 2231), as mail has them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from watcher.message import encoded_words
from watcher.message.charsets import decode_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watcher.message.limits import Limits

_VALUE = re.compile(r"\s*+([^\s;]*+)")
# A quoted string may lack its end, a token may hold blanks; a comment after a value is no part of it.
_PARAMETER = re.compile(
    r"""[;\s]*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;]*+))""", re.DOTALL
)
_NEXT = re.compile(r"[;\s]*+[^;]*+")  # what cannot be read goes at once: one semicolon at a time is quadratic
_ESCAPED = re.compile(r"\\([\"\\])")  # and not `C:\temp`, which Windows programs write unescaped
_COMMENT = re.compile(r"\s+\(.*\Z", re.DOTALL)
_PIECE = re.compile(r"([^*]+)\*(\d{1,3})?(\*)?\Z")


@dataclass(frozen=True, slots=True)
class Parametrised:
    """A field's value, lower case, and its parameters by lower-case name, decoded."""

    value: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    def get(self, name: str) -> str:
        """The parameter; empty when it is not there."""
        return self.parameters.get(name, "")


# The fields of most leaves are a few phrases: `text/html; charset=utf-8`, `inline`.
@lru_cache(maxsize=256)
def read(text: str, limits: Limits) -> Parametrised:
    """Read an unfolded field. The first of several parameters of one name counts."""
    value = _VALUE.match(text)
    assert value is not None  # noqa: S101 - the pattern matches the empty string
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    position, seen = value.end(), 0
    while position < len(text) and seen < limits.parameters:
        found = _PARAMETER.match(text, position)
        if found is None:
            skipped = _NEXT.match(text, position)
            position = skipped.end() if skipped is not None and skipped.end() > position else len(text)
            continue
        position, seen = found.end(), seen + 1
        name = found[1].lower()
        content = (
            _ESCAPED.sub(r"\1", found[2]) if found[2] is not None else _COMMENT.sub("", found[3]).rstrip()
        )
        piece = _PIECE.match(name)
        if piece is None:
            plain.setdefault(name, content)
        else:
            encoded = piece[3] is not None or piece[2] is None
            pieces.setdefault(piece[1], {}).setdefault(int(piece[2] or 0), (content, encoded))
    if pieces or "=?" in text:
        plain = {name: encoded_words.decode(content, limits.encoded_words) for name, content in plain.items()}
        plain |= {name: _joined(numbered) for name, numbered in pieces.items()}
    cut = seen >= limits.parameters and position < len(text)
    return Parametrised(value[1].lower(), plain, cut)


def _joined(numbered: Mapping[int, tuple[str, bool]]) -> str:
    """Put the pieces of a long or encoded value together (RFC 2231, sections 3 and 4)."""
    charset = ""
    data: list[bytes] = []
    for position, (number, (content, encoded)) in enumerate(sorted(numbered.items())):
        if number != position:
            break
        text = content
        if encoded and position == 0 and content.count("'") >= 2:
            charset, _language, text = content.split("'", 2)
        data.append(unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace"))
    return decode_word(b"".join(data), charset)
