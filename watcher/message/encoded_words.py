"""Encoded words, `=?charset?Q?text?=` (RFC 2047), in header fields as they are really sent.

Linear in the length of the value. Adjacent words of one charset and encoding are joined before they are
decoded: many senders split a multi-byte character between two words, which section 5 forbids.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from watcher.message.charsets import decode_word
from watcher.message.transfer import base64_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

# The text ends at `?=`. It may hold blanks and question marks, as real mail does, but not the start of
# another word, so that a thousand words without an end cost no more than one.
_WORD = re.compile(
    r"=\?([^?\s*]{1,64}+)(?:\*[^?\s]{0,64}+)?\?([bBqQ])\?([^?=]*+(?:(?:=(?!\?(?!=))|\?(?!=))[^?=]*+)*+)\?="
)
_CONTROLS: dict[int, str | None] = {**dict.fromkeys((*range(0x20), 0x7F), " "), 0: None}


class _Run(NamedTuple):
    """Adjacent encoded words of one charset and encoding, or, where the charset is empty, plain text."""

    charset: str
    encoding: str
    texts: list[str]

    def text(self) -> str:
        if not self.charset:
            return "".join(self.texts)
        data = b"".join(map(_from_base64 if self.encoding == "B" else _from_q, self.texts))
        return decode_word(data, self.charset)


def decode(value: str, most: int) -> str:
    """The value with at most `most` encoded words decoded, in a single line. What is no encoded word stays.

    Only white space between two encoded words goes (section 6.2); between a word and plain text it stays.
    """
    if "=?" not in value:
        return value
    return one_line("".join(run.text() for run in _runs(value, most)))


def one_line(text: str) -> str:
    """The text with a blank for each control but NUL, which goes."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def transcode(value: str, most: int) -> str:
    """The value with each run of encoded words as one in UTF-8, so that a grammar can read around it."""
    if "=?" not in value:
        return value
    return "".join(
        f"=?utf-8?B?{binascii.b2a_base64(one_line(run.text()).encode(), newline=False).decode()}?="
        if run.charset
        else run.text()
        for run in _runs(value, most)
    )


def _runs(value: str, most: int) -> Iterator[_Run]:
    run = _Run("", "", [])
    end = 0
    for number, word in enumerate(_WORD.finditer(value)):
        if number >= most:
            break
        between = value[end : word.start()]
        charset, encoding = word[1].lower(), word[2].upper()
        adjacent = bool(run.charset) and not between.strip(" \t\r\n")
        if adjacent and (run.charset, run.encoding) == (charset, encoding):
            run.texts.append(word[3])
        else:
            if run.charset:
                yield run
            if between and not adjacent:
                yield _Run("", "", [between])
            run = _Run(charset, encoding, [word[3]])
        end = word.end()
    if run.charset:
        yield run
    yield _Run("", "", [value[end:]])


def _from_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except ValueError:  # damaged, or with characters outside ASCII
        return base64_bytes(text.encode("ascii", "ignore")).data


def _from_q(text: str) -> bytes:
    # header=True reads `_` as a blank (section 4.2). Raw 8-bit text inside a word is UTF-8 by now.
    return binascii.a2b_qp(text.encode("utf-8", "replace"), header=True)
