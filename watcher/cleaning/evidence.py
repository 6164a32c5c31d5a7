"""What is known about each visible line: where its links lead, what its words say, what it looks like.

All phrases are searched for in all lines at once, and only those of which the mail has the longest
word: a newsletter asks for a few dozen of a thousand.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from watcher.cleaning.characters import word_set
from watcher.cleaning.rules import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.cleaning.document import Line
    from watcher.cleaning.rules import Rules

SOCIAL_LINE = 60  # characters
FOOT_LINE = 110
_CAPTION = 30

_DIGIT = re.compile(r"\d")
_TOKEN = re.compile(r"[\w'&@+|;·•.-]+")
_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|\bcopyright\b)\W{0,6}(?:(?:©|\(c\))\W{0,3})?(?:19|20)\d\d\b|©[^.\n]{1,60}\b(?:19|20)\d\d\b"
)
# Forms of a postal address. None of them proves one: they count only beside lines that are known as footer.
_STREET_EN = r"(?:St|Street|Ave|Avenue|Rd|Road|Blvd|Boulevard|Drive|Dr|Lane|Ln|Way|Square|Suite|Floor)"
_POSTAL = re.compile(
    r"\b[A-Z]{2},?\s+\d{5}(?:-\d{4})?\b"  # state and ZIP
    r"|\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b|\b[A-Z]\d[A-Z]\s?\d[A-Z]\d\b"  # United Kingdom, Canada
    r"|\b(?:[A-Z]{1,2}-)?\d{5},?\s+[^\W\d_a-z][^\W\d_]+|\b[A-Z]{1,2}-\d{4}\b"  # Germany, France, Spain, Italy
    r"|\b\d{4}\s?[A-Z]{2}\b|\b\d{2}-\d{3}\s|\b\d{5}-\d{3}\b|\b\d{3}\s\d{2}\s[^\W\d_]"  # nl, pl, br, se
    r"|\b\d{1,5}[a-z]?,?\s+(?:[^\W\d_]+\.?\s+){1,4}" + _STREET_EN + r"\b"
    r"|(?:[Ss]tr\.|[Ss]tra(?:ß|ss)e|platz|weg|allee|gasse|laan|straat|gatan|vej|katu)\s*\d{1,4}\b"
    r"|\b(?:[Rr]ue|[Aa]venue|Calle|[Vv]ia|Viale|Piazza|Rua|ul\.)\s+[^\d]{2,40}\d{1,4}\b|\bP\.?\s?O\.?\s?Box\b"
)
_COMPANY = re.compile(
    r"\b(?:GmbH|gGmbH|mbH|AG|KG|KGaA|e\.\s?V\.|Inc|LLC|Ltd|PLC|Pty|S\.A\.S?|SAS|S\.?r\.?l|B\.?V|Oy|AB|A/S|ApS"
    r"|Sp\. z o\.o|A\.Ş)(?!\w)"
)
_CONTACT = re.compile(
    r"\b(?:tel|phone|fon|telefon|téléphone|teléfono|telefono|fax)\b[\s.:]{0,4}[+(\d]|\be-?mail\s?:",
    re.IGNORECASE,
)
_LONE_ADDRESS = re.compile(
    r"\S{1,64}@\S{1,200}\.\w{2,20}|(?:https?://)?(?:www\.)?[\w-]{1,60}(?:\.[\w-]{1,60}){0,3}\.\w{2,20}/?"
)
# Which of several phrases names a line.
_RANK = {
    name: rank
    for rank, name in enumerate(
        ("unsubscribe", "preferences", "why", "copyright", "address", "browser", "forward", "badge")
    )
}


class Evidence:
    """What is known about one visible line."""

    __slots__ = ("at", "folded", "hint", "length", "line", "linked", "phrase", "rule", "social", "target")

    def __init__(self, line: Line, folded: str) -> None:
        self.line = line
        self.at = 0.0  # share of the text above it, set by `place`
        self.folded = folded
        self.length = len(line.text)
        self.linked = 0.0  # share of its text that is linked
        self.target = ""  # what its links say
        self.phrase = ""  # what its words say
        self.rule = ""
        self.hint = ""  # what its words say in a footer
        self.social = False  # nothing but names of networks and the words beside them

    @property
    def looks_like_footer(self) -> bool:
        """Whether it is short and has the form of an address, a company or a contact."""
        if self.length > FOOT_LINE:
            return False
        text = self.line.text
        # Each expression is asked only where the signs stand that it cannot do without.
        digits = _DIGIT.search(text) is not None
        return bool(
            "©" in text
            or ((digits or "Box" in text) and _POSTAL.search(text))
            or ((digits or ":" in text or "+" in text or "(" in text) and _CONTACT.search(text))
            or _COMPANY.search(text)
            or ("." in text and " " not in text and _LONE_ADDRESS.fullmatch(text))
        )

    @property
    def is_unknown(self) -> bool:
        """Whether nothing speaks for boilerplate."""
        told = self.line.cut or self.phrase or self.hint or self.social or self.target
        return not (told or self.looks_like_footer)


def gather(lines: Sequence[Line], rules: Rules) -> list[Evidence]:
    """Look at the visible lines of a body, in order."""
    text = fold("\n".join([line.text for line in lines]))
    folded = text.split("\n") if lines else []
    if len(folded) != len(lines):  # an endless rest is one line that holds line feeds
        folded = [fold(line.text) for line in lines]
    found: list[Evidence] = []
    words = word_set(text)
    networks = [name for name in rules.networks if name in text] if words & rules.networks else []
    for line, its_text in zip(lines, folded, strict=True):
        each = Evidence(line, its_text)
        if 0 < each.length <= _CAPTION and rules.fillers.issuperset(_TOKEN.findall(its_text)):
            each.hint = "social"  # "Follow us" and the like, above a row of icons
        runs = line.runs
        if line.urls or len(runs) > 1 or (runs and runs[0].anchor is not None):
            _look_at_links(each)
        if each.target or any(name in its_text for name in networks):
            each.social = _is_social(each, rules)
        found.append(each)
    _look_for_phrases(found, text, words, rules)
    place(found)
    return found


def place(found: Sequence[Evidence]) -> None:
    """Note how much of the text stands above each line."""
    total = sum([len(each.folded) for each in found]) or 1
    above = 0
    for each in found:
        each.at = above / total
        above += len(each.folded)


def _look_at_links(each: Evidence) -> None:
    line = each.line
    linked = 0
    social = acting = ""
    for run in line.runs:
        anchor = run.anchor
        if anchor is not None:
            if not run.note:
                linked += len(run.text)
            if anchor.target == "social":
                social = "social"
            else:
                acting = acting or anchor.target
    for anchor in line.urls:
        if anchor.target == "social":
            social = "social"
        else:
            acting = acting or anchor.target
    each.linked = linked / max(1, each.length)
    each.target = acting or social


def _is_social(each: Evidence, rules: Rules) -> bool:
    if each.length > 2 * SOCIAL_LINE or each.line.heading == 1:
        return False
    words = _TOKEN.findall(each.folded)
    if not words:
        return each.target in {"social", "share"}
    named = not rules.networks.isdisjoint(words)
    if not named and not each.target:
        return False
    rest = sum(1 for word in words if not (word in rules.networks or word in rules.fillers or word[0] == "@"))
    if each.target in {"social", "share"}:
        return each.linked > 0.8 and each.length <= SOCIAL_LINE and (named or rest <= 2)
    if named and words[0] in {"share", "tweet"} and each.linked > 0.8 and each.length <= SOCIAL_LINE:
        each.target = "share"  # the link is opaque; the words say what it does
        return True
    return named and not rest


def _look_for_phrases(found: Sequence[Evidence], text: str, words: set[str], rules: Rules) -> None:
    starts: list[int] = []
    at = 0
    for each in found:
        starts.append(at)
        at += len(each.folded) + 1
    cut_elsewhere = "_" in text  # a letter to `word_set`, but a phrase may begin and end beside it
    for word in rules.phrases.keys() & words:
        for phrase in rules.phrases[word]:
            begin = text.find(phrase.text) if cut_elsewhere or phrase.words <= words else -1
            while begin >= 0:
                end = begin + len(phrase.text)
                if not (text[begin - 1 : begin].isalnum() or text[end : end + 1].isalnum()):
                    each = found[bisect_right(starts, begin) - 1]
                    _note_phrase(each, phrase.text, phrase.what, hint=phrase.hint)
                begin = text.find(phrase.text, end)
    if not _may_show_copyright(text):
        return
    for each in found:
        if not each.phrase and _may_show_copyright(each.folded) and _COPYRIGHT.search(each.folded):
            each.phrase, each.rule = "copyright", "words:copyright and year"


def _may_show_copyright(folded: str) -> bool:
    return "©" in folded or "(c)" in folded or "copyright" in folded


def _note_phrase(each: Evidence, text: str, what: str, *, hint: bool) -> None:
    if hint:
        each.hint = min(each.hint or what, what)
        return
    known = _RANK.get(each.phrase, len(_RANK)), each.rule
    # The order in which phrases are met is not fixed: the better rank wins, then the alphabet.
    if not each.phrase or (_RANK.get(what, len(_RANK)), f"words:{text}") < known:
        each.phrase, each.rule = what, f"words:{text}"
