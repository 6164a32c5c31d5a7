"""Small facts about a clean text: language, words, reading time, excerpt."""

from __future__ import annotations

import csv
import math
import re
from functools import lru_cache
from importlib.resources import files

from watcher.cleaning.characters import in_western_bytes
from watcher.cleaning.document import LINK_REMOVED

_WORDS_A_MINUTE = 230
_EXCERPT = 280  # characters
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_URL = re.compile(r"(?:https?://|mailto:|tel:)\S+", re.IGNORECASE)
_SAMPLE = 600  # words that are looked at for the language
_SAMPLE_LENGTH = 7_200  # characters, which hold about twice as many
_MIN_HITS = 4
_MARGIN = 1.15  # how far the best language must be ahead of the next
_MASK = bytes(  # of code page 1252: letters and digits stay, joiners become hyphens, all else becomes a space
    ord("-") if sign in "'\u2019-" else byte if sign.isalnum() else ord(" ")
    for byte in range(256)
    for sign in (bytes((byte,)).decode("cp1252", "replace"),)
)


def measure(text: str) -> tuple[int, str]:
    """The number of words (URLs are none), and the language; most texts are taken apart once for both."""
    without = _URL.sub(" ", text) if _may_hold_url(text) else text
    words = _western_words(without)
    count = len(_WORD.findall(without) if words is None else words)
    if words is None or len(text) > _SAMPLE_LENGTH or without != text:
        sample = text[:_SAMPLE_LENGTH]
        words = _western_words(sample)
        if words is None:
            words = _WORD.findall(sample.casefold())
    return count, _language(words[:_SAMPLE])


def count_words(text: str) -> int:
    """The words of a text; URLs are none."""
    return measure(text)[0]


def language(text: str) -> str:
    """ISO 639-1 code of the language a text is written in; empty when the words do not settle it."""
    return measure(text)[1]


def _may_hold_url(text: str) -> bool:
    """Whether a look for URLs can find any; the ends of the schemes have no other case but ASCII's."""
    if ":" not in text:
        return False
    low = text.lower()
    return "://" in low or "lto:" in low or "tel:" in low


def _western_words(text: str) -> list[str] | None:
    """The words, case-folded, of a text whose letters code page 1252 can hold; None for any other.

    It is cut into as many words as by `_WORD`. All joiners look the same then; no stopword has one.
    """
    western = in_western_bytes(text.casefold())
    if western is None:
        return None
    coded = b" %b " % western.translate(_MASK)
    if b"-" in coded:  # a joiner counts between two letters only
        coded = coded.replace(b"--", b"  ").replace(b" -", b"  ").replace(b"- ", b"  ")
    return coded.decode("cp1252").split()


def reading_minutes(words: int) -> int:
    """Minutes at an even pace, rounded up; 0 for no words."""
    return math.ceil(words / _WORDS_A_MINUTE)


def excerpt(lines: list[str]) -> str:
    """The beginning of a text without markup, cut at a word."""
    taken: list[str] = []
    length = 0
    for line in lines:
        text = line.replace(LINK_REMOVED, "")
        if _may_hold_url(text):
            text = _URL.sub("", text)
        text = " ".join(text.split()).replace("()", "").strip()
        if text:
            taken.append(text)
            length += len(text) + 1
        if length > _EXCERPT:
            break
    joined = " ".join(taken)
    if len(joined) <= _EXCERPT:
        return joined
    cut = joined[:_EXCERPT].rpartition(" ")[0] or joined[:_EXCERPT]
    return f"{cut.rstrip(' ,;:.-')}\u2026"


@lru_cache(maxsize=1)
def _stopwords() -> dict[str, tuple[str, ...]]:
    """Word -> the languages in which it is among the most frequent."""
    found: dict[str, tuple[str, ...]] = {}
    raw = files(__package__).joinpath("languages.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(raw.splitlines()):
        for word in dict.fromkeys(row["words"].split()):
            found[word] = (*found.get(word, ()), row["language"])
    return found


def _language(words: list[str]) -> str:
    matched = list(filter(None, map(_stopwords().get, words)))
    weights: dict[str, float] = {}
    for languages in matched:
        share = 1 / len(languages)  # a word of many languages says little about any
        for each in languages:
            weights[each] = weights.get(each, 0.0) + share
    ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        return ""
    best, weight = ranked[0]
    if [best in languages for languages in matched].count(True) < _MIN_HITS:
        return ""
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return best if weight >= second * _MARGIN else ""
