"""A CSV file (RFC 4180) as cells, each with its place: the `csv` module does not say where a field stands.

The delimiter is what the first line has most of, a comma, a semicolon or a tab, because spreadsheets write
what the language of their user suggests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.settings.problems import Place, Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_BYTES = 16_000_000
_DELIMITERS = ",;\t"
_LINE_BREAK = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of one record, without its quotes and the white space around it."""

    text: str
    place: Place


def read(path: Path) -> list[list[Cell]]:
    """Read the records of a CSV file that are not blank, the header among them.

    Raises `SettingsError` when the file cannot be read, is not UTF-8, or has a quote that is never closed.
    """
    text = _text(path)
    delimiter = max(_DELIMITERS, key=_LINE_BREAK.split(text, 1)[0].count)
    records = [cells for cells in _records(path, text, delimiter) if any(cell.text for cell in cells)]
    if not records:
        message = "the file is empty; its first line must name the columns, such as `name,country,domain`"
        raise SettingsError([Problem(path, message, Place(1, 1))])
    return records


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            what = "this is not a file" if path.exists() else "there is no such file"
            raise SettingsError([Problem(path, what)])
        if path.stat().st_size > _MOST_BYTES:
            raise SettingsError([Problem(path, f"this has more than {_MOST_BYTES:,} bytes; split it")])
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError([Problem(path, f"this file cannot be read: {error.strerror}")]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _LINE_BREAK.split(content[: error.start].decode("utf-8-sig", "replace"))
        message = f"the byte 0x{content[error.start]:02X} is not UTF-8; save the file as `CSV UTF-8`"
        raise SettingsError([Problem(path, message, Place(len(before), len(before[-1]) + 1))]) from None


def _records(path: Path, text: str, delimiter: str) -> Iterator[list[Cell]]:
    # Possessive: a quoted field that is never closed is looked at once.
    quoted = re.compile(rf'[ ]*+"((?:[^"]|"")*+)"[ ]*+(?={re.escape(delimiter)}|\r|\n|\Z)')
    bare = re.compile(rf"[^{re.escape(delimiter)}\r\n]*+")
    record: list[Cell] = []
    line, begin, position = 1, 0, 0  # `begin`: where the line begins
    while True:
        place = Place(line, position - begin + 1)
        found = quoted.match(text, position)
        if found is not None:
            record.append(Cell(found[1].replace('""', '"').strip(), place))
            for break_ in _LINE_BREAK.finditer(text, position, found.end()):
                line, begin = line + 1, break_.end()
        else:
            found = bare.match(text, position)
            assert found is not None  # noqa: S101  # it matches nothing as well
            if found[0].lstrip(" ").startswith('"'):
                message = 'this quote is never closed; a `"` inside a quoted value is written twice'
                raise SettingsError([Problem(path, message, place)])
            record.append(Cell(found[0].strip(), place))
        position = found.end()
        if text.startswith(delimiter, position):
            position += 1
            continue
        yield record
        record = []
        broken = _LINE_BREAK.match(text, position)
        if broken is None:
            return
        line, begin, position = line + 1, broken.end(), broken.end()
