"""Small facts about a clean text: language, words, reading time, excerpt."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from functools import lru_cache
from importlib.resources import files

from watcher.cleaning.document import LINK_REMOVED

_WORDS_A_MINUTE = 230
_EXCERPT = 280  # characters
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_URL = re.compile(r"(?:https?://|mailto:|tel:)\S+", re.IGNORECASE)
_SAMPLE = 600  # words that are looked at for the language
_MIN_HITS = 4
_MARGIN = 1.15  # how far the best language must be ahead of the next
_SPACE = re.compile(r"\s+")


def count_words(text: str) -> int:
    """The words of a text; URLs are none."""
    return len(_WORD.findall(_URL.sub(" ", text) if ":" in text else text))


def reading_minutes(words: int) -> int:
    """Minutes at an even pace, rounded up; 0 for no words."""
    return math.ceil(words / _WORDS_A_MINUTE)


def excerpt(lines: list[str]) -> str:
    """The beginning of a text without markup, cut at a word."""
    taken: list[str] = []
    length = 0
    for line in lines:
        text = _SPACE.sub(" ", _URL.sub("", line.replace(LINK_REMOVED, ""))).replace("()", "").strip()
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


def language(text: str) -> str:
    """ISO 639-1 code of the language a text is written in; empty when the words do not settle it."""
    known = _stopwords()
    words = _WORD.findall(text[: _SAMPLE * 12].casefold())[:_SAMPLE]
    hits: Counter[str] = Counter()
    weights: dict[str, float] = {}
    for word in words:
        languages = known.get(word, ())
        hits.update(languages)
        for each in languages:  # a word of many languages says little about any
            weights[each] = weights.get(each, 0.0) + 1 / len(languages)
    ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    if not ranked or hits[ranked[0][0]] < _MIN_HITS:
        return ""
    best, weight = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return best if weight >= second * _MARGIN else ""
