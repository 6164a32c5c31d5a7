"""What else a newsletter was sent as: copies in other inboxes, and variants with the lines that differ."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

MOST: Final = 50
"""Newsletters of an issue that a page reads."""

# Of the same issue, the newest last; one more than is shown, to know that there are more.
COPIES: Final = f"""
    select n.id, n.subject, n.from_name, n.inbox, n.received_at, b.text
    from newsletters n join bodies b on b.newsletter_id = n.id
    where n.issue = (select issue from newsletters where id = :id) and n.id <> :id
    order by n.received_at, n.id limit {MOST + 1}
"""  # noqa: S608  # a constant

_LINES = 2_000  # of a text that are compared
_SHOWN = 40  # lines that differ
_VARIANTS = 10  # that are compared: more of them read like noise


@dataclass(frozen=True, slots=True)
class Line:
    """A line that this newsletter has and the other has not, or the other way round."""

    sign: str  # `-`: here alone, `+`: there alone
    text: str


@dataclass(frozen=True, slots=True)
class Variant:
    """Copies with the same subject and text; `lines` is empty when the text is the one of this page."""

    subject: str
    is_same: bool  # subject and text are those of this page
    copies: tuple[sqlite3.Row, ...]  # the first one first
    lines: tuple[Line, ...]
    more_lines: bool = False


def variants(row: sqlite3.Row, copies: Sequence[sqlite3.Row]) -> list[Variant]:
    """The other copies by what they say, those with this page's words first."""
    groups: dict[tuple[str, str], list[sqlite3.Row]] = {}
    for copy in copies[:MOST]:
        groups.setdefault((copy["subject"], copy["text"]), []).append(copy)
    own = (row["subject"], row["text"])
    found: list[Variant] = []
    for key, alike in sorted(groups.items(), key=lambda each: (each[0] != own, each[0][1] != own[1])):
        lines = _differing(row["text"], key[1]) if len(found) < _VARIANTS else []
        found.append(Variant(key[0], key == own, tuple(alike), tuple(lines[:_SHOWN]), len(lines) > _SHOWN))
    return found


def _differing(here: str | None, there: str) -> list[Line]:
    if here == there:
        return []
    compared = difflib.unified_diff(_lines(here or ""), _lines(there), lineterm="", n=0)
    named = islice(compared, 2, None)  # two lines name the files that a diff is usually of
    return [Line(line[0], line[1:]) for line in named if line[0] in "-+"]


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n")[:_LINES] if line.strip()]
