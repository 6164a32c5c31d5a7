"""What is wrong with a settings file, said so that the line can be mended without a manual."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WIDEST_LINE = 110
_INDENT = "    "


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file: line and column, both counted from 1, the column in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The line of a problem as it may be shown, and how many of its characters stand before the caret."""

    line: str
    caret: int

    def __str__(self) -> str:
        start = max(0, self.caret - _WIDEST_LINE // 2) if len(self.line) > _WIDEST_LINE else 0
        before, after = printable(self.line[start : self.caret]), printable(self.line[self.caret :])
        line = before + after[: _WIDEST_LINE - len(before)].rstrip()
        return f"{_INDENT}{line}\n{_INDENT}{' ' * _cells(before)}^"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `key` is the dotted path of the setting, empty when it is about the file as a whole.

    `message` says what is allowed. Neither it nor `excerpt` holds a secret or an address of the subscriber.
    """

    path: Path | None  # None: there is no file
    message: str
    place: Place | None = None  # None: the file could not be read at all
    key: str = ""
    excerpt: Excerpt | None = None

    def __str__(self) -> str:
        where = f"{self.path}:{self.place.line}:{self.place.column}" if self.place else str(self.path or "")
        head = ": ".join(part for part in (printable(where), printable(self.key), self.message) if part)
        return f"{head}\n{self.excerpt}" if self.excerpt else head


class SettingsError(Exception):
    """The settings cannot be used. `problems` has every one that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda each: each.place or Place(0, 0)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def printable(text: str) -> str:
    """`text` with every character that could move the cursor or turn the direction of writing made a `?`."""
    return "".join(
        " " if char == "\t" else "?" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char
        for char in text
    )


def _cells(text: str) -> int:
    """Count the columns of a terminal that `text` takes: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
