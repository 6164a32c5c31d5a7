"""Decides which lines are boilerplate.

The link target decides before the words, the words before the place. Cuts happen at the top and at the
bottom; a line in the middle goes only when its own link target or node says so. A long line is prose
and stays. A rule that would take more than half of what is visible is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.cleaning.document import Cut
from watcher.cleaning.evidence import Evidence, gather, place
from watcher.cleaning.rules import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.cleaning.document import Line
    from watcher.cleaning.rules import Rules

# Characters up to which a line of a kind is believed to be no prose (measured on labelled newsletters).
_GUARDS = {"browser": 130, "address": 110, "badge": 130, "share": 80, "app": 60, "legal": 110}
_GUARD = 260  # the other kinds, anywhere
_GUARD_BELOW = 420  # the same, in the lower part
_LOWER_PART = 0.6  # share of the text above a line
_LOWER_HALF = 0.5
_UPPER_PART = 0.2
_TAIL_FROM = 0.35  # no tail begins above this share of the text
_TAIL_LINE = 170
_STRANGER = 60  # a line that nothing is known about, between two lines of a footer
_STRANGERS = 2
_FIRST_LINES = 4
_MOSTLY_LINKED = 0.3
_UNKNOWN_LINES = 10  # that a tail may hold at most
_UNKNOWN_CHARACTERS = 250
_MAX_FOOT = 60  # lines above a marker that are looked at
_ISLANDS = 20  # footers in the middle
_ROUNDS = 4
_ROW = 3  # lines beside each other that name networks

PREHEADER = Cut("preheader", "style:first text")
_SIBLING = Cut("footer", "sibling")
_MARKERS = frozenset({"unsubscribe", "preferences", "why", "copyright", "address", "rule"})
_ACTING = frozenset(
    {"unsubscribe", "preferences", "why", "address", "browser", "badge", "share", "forward", "app", "legal"}
)
_DISCLAIMER = re.compile(
    r"\W{0,3}(?:paid for|paid political|authori[sz]ed by|authori[sz]ed and paid|not authori[sz]ed|approved by"
    r"|ad paid|political ad)\b"
)
_DISCLAIMER_WORDS = ("paid", "authori", "approved by", "political ad")  # each of them has one of these
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Known:
    """What one body of a mail has shown about the other, as keys (see `key`) of lines."""

    gone: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    all_gone: str = ""  # what was cut, in order: a line may be broken differently there

    def covers(self, words: str, *, low: bool) -> bool:
        """Whether a line was boilerplate in the other body; in the lower half, or a piece of it."""
        if not words or words in self.kept:
            return False
        return words in self.gone or (low and f" {words} " in self.all_gone)


def key(text: str) -> str:
    """Reduce a line to what two bodies of one mail have in common of it: its words."""
    return " ".join(_WORD.findall(fold(text)))


def decide(lines: Sequence[Line], rules: Rules, known: Known = Known()) -> list[str]:
    """Set `cut` on every line that goes; gives the warnings. `known` is what the other body has shown."""
    found = gather([line for line in lines if line.hidden is None and not _is_preheader(line)], rules)
    warnings: list[str] = []
    # What was the middle may be the foot of what is left: that is looked at as it will stand.
    for _ in range(_ROUNDS):
        _own_evidence(found, known)
        _nodes(lines)
        _social_rows(found)
        _tail(found)
        _keep_disclaimers(lines)
        warnings += _half_rule(lines)
        lines = [line for line in lines if line.cut is None]
        left = [each for each in found if each.line.cut is None]
        if len(left) == len(found):
            break
        found = left
        place(found)
    return list(dict.fromkeys(warnings))


def _keep_disclaimers(lines: Sequence[Line]) -> None:
    """Who paid for a mail is content, wherever it stands."""
    cut = [line for line in lines if line.cut is not None and line.hidden is None]
    texts = [line.text for line in cut]
    if paid := set(disclaimers(texts, "\n".join(texts))):
        for line in cut:
            if line.text in paid:
                line.cut = None


def is_disclaimer(text: str) -> bool:
    """Whether a line says who paid for or authorised the mail."""
    return _DISCLAIMER.match(text.casefold()) is not None


def disclaimers(lines: Sequence[str], text: str) -> list[str]:
    """The lines that are disclaimers; `text` is all of them, looked at first, for few mails have any."""
    folded = text.casefold()
    if not any(words in folded for words in _DISCLAIMER_WORDS):
        return []
    return [line for line in lines if is_disclaimer(line)]


def _own_evidence(found: Sequence[Evidence], known: Known) -> None:
    """Cut lines by what they themselves say, inside the length guards."""
    seen = bool(known.gone)
    above = 0  # lines with words
    for each in found:
        line = each.line
        if seen and known.covers(key(line.text), low=each.at > _LOWER_HALF):
            line.cut = _SIBLING
        elif each.target in _ACTING and _is_short(each, each.target) and _is_about_its_link(each):
            line.cut = Cut(each.target, f"target:{each.target}")
        elif each.phrase and _is_short(each, each.phrase) and _is_placed(each, above):
            line.cut = Cut(each.phrase, each.rule)
        above += each.length > 0


def _is_short(each: Evidence, what: str) -> bool:
    guard = _GUARDS.get(what, _GUARD_BELOW if each.at >= _LOWER_PART else _GUARD)
    return each.length <= guard


def _is_about_its_link(each: Evidence) -> bool:
    """Whether the line says what its link does, is mostly the link, or stands where such lines stand."""
    says = not each.length or bool(each.phrase or each.hint)
    return says or each.linked >= _MOSTLY_LINKED or each.at >= _LOWER_PART or each.at < _UPPER_PART / 4


def _is_placed(each: Evidence, above: int) -> bool:
    """Whether words alone are believed here: at the top and at the bottom, never in the middle."""
    if each.phrase == "browser":
        return above < _FIRST_LINES or each.at < _UPPER_PART or each.at > _LOWER_PART
    if above < _FIRST_LINES and each.at < _UPPER_PART:
        return True
    if each.phrase == "forward" and (each.at < _UPPER_PART or each.linked > _MOSTLY_LINKED / 3):
        return True
    return each.at > _LOWER_HALF or (each.at > _TAIL_FROM and each.linked > 0)


def _nodes(lines: Sequence[Line]) -> None:
    """Cut what is not displayed, and what lies in a node that is boilerplate by name."""
    for line in lines:
        if line.hidden is not None:
            line.cut = line.hidden
        elif line.cut is None and line.node is not None and not (line.soft and len(line.text) > _TAIL_LINE):
            line.cut = line.node


def _social_rows(found: Sequence[Evidence]) -> None:
    """Cut rows of links to networks: anywhere when the links say so, below when the words do."""
    row: list[Evidence] = []
    for each in (*found, None):
        if each is not None and each.social:
            row.append(each)
            continue
        for one in row:
            beside = len(row) > 1 and one.at > _LOWER_HALF
            if one.line.cut is None and (one.target or beside or (len(row) >= _ROW and one.at > _TAIL_FROM)):
                one.line.cut = Cut("social", "target:social" if one.target else "words:social row")
        row.clear()


# --- the foot ----------------------------------------------------------------------------------


def _tail(found: Sequence[Evidence]) -> None:
    """Cut from the first marker that only footer follows, to the end, and upwards what belongs to it.

    A footer in the middle (of a forwarded copy) loses what stands above its own link targets.
    """
    markers = [number for number, each in enumerate(found) if _is_marker(each)]
    begin = _tail_begin(found)
    start = next((number for number in markers if number >= begin), None)
    for number in markers[:_ISLANDS]:
        if number != start and found[number].target in _MARKERS:
            _upwards(found, number)
    if start is None:
        return
    for each in found[start:]:
        if each.line.cut is None and (each.length <= _TAIL_LINE or each.phrase or each.target in _ACTING):
            each.line.cut = Cut("footer", "tail")
    _upwards(found, start)


def _is_marker(each: Evidence) -> bool:
    cut = each.line.cut
    return cut is not None and cut.what in _MARKERS and each.at >= _TAIL_FROM


def _tail_begin(found: Sequence[Evidence]) -> int:
    """Find where only footer is left: no prose, no heading, little that nothing is known about."""
    most = max(_UNKNOWN_CHARACTERS, sum([each.length for each in found]) // 8)
    lines = characters = 0
    for number in range(len(found) - 1, -1, -1):
        each = found[number]
        if not each.is_unknown:
            continue
        lines += 1
        characters += each.length
        content = each.length > _TAIL_LINE or each.line.heading > 0
        if content or lines > _UNKNOWN_LINES or characters > most:
            return number + 1
    return 0


def _upwards(found: Sequence[Evidence], start: int) -> None:
    """Go up while lines look like footer; one or two short strangers between them go along."""
    strangers: list[Evidence] = []
    pictures = False
    for each in reversed(found[max(0, start - _MAX_FOOT) : start]):
        line = each.line
        if each.at < _TAIL_FROM:
            return
        if not each.length:  # a picture that is a link, without words: an icon, a logo
            line.cut = line.cut or Cut("social", "foot")
            pictures = True
        elif line.cut is not None or _belongs_to_foot(each):
            line.cut = line.cut or Cut("social" if each.social else "footer", "foot")
            for stranger in strangers:
                stranger.line.cut = Cut("footer", "foot")
            strangers.clear()
        elif not pictures and len(strangers) < _STRANGERS and _may_be_stranger(each):
            strangers.append(each)
        else:
            return


def _belongs_to_foot(each: Evidence) -> bool:
    if each.social:
        return True
    said = bool(each.hint or each.phrase) and each.length <= _TAIL_LINE
    return not each.line.heading and (said or each.looks_like_footer)


def _may_be_stranger(each: Evidence) -> bool:
    return each.length <= _STRANGER and not each.line.heading and each.line.text[-1:] not in ".!"


# --- the half rule -----------------------------------------------------------------------------


def _half_rule(lines: Sequence[Line]) -> list[str]:
    """Refuse any rule that takes more than half of what is visible, or hidden text that outweighs it.

    What the other body has shown is no rule of its own, and a preheader is not visible.
    """
    exempt = {_SIBLING.rule}
    visible = sum([len(line.text) for line in lines if line.hidden is None and not _is_preheader(line)])
    taken: dict[tuple[str, str], int] = {}  # by what and rule, which are quicker to hash than a `Cut`
    for line in lines:
        cut = line.cut
        if cut is not None and not _is_preheader(line) and cut.rule not in exempt:
            cut = line.hidden or cut
            taken[cut.what, cut.rule] = taken.get((cut.what, cut.rule), 0) + len(line.text)
    refused = {
        Cut(what, rule) for (what, rule), chars in taken.items() if (2 - (what == "hidden")) * chars > visible
    }
    if not refused:
        return []
    for line in lines:
        if line.cut in refused:
            line.cut = None
    names = sorted({cut.rule for cut in refused})
    return [f"rule {name} would have removed more than half of the text: refused" for name in names]


def _is_preheader(line: Line) -> bool:
    cut = line.cut or line.hidden or line.node
    return cut is not None and cut.what == "preheader"


__all__ = ["PREHEADER", "Known", "decide", "is_disclaimer", "key"]
