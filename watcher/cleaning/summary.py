"""Small facts about a clean text: language, words, reading time, excerpt."""

from __future__ import annotations

import csv
import math
import re
from functools import lru_cache
from importlib.resources import files

from watcher.cleaning.document import LINK_REMOVED

_WORDS_A_MINUTE = 230
_EXCERPT = 280  # characters
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_URL = re.compile(r"(?:https?://|mailto:|tel:)\S+", re.IGNORECASE)
_SAMPLE = 600  # words that are looked at for the language
_MIN_HITS = 4
_MARGIN = 1.25  # how far the best language must be ahead of the next
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
        for word in row["words"].split():
            found[word] = (*found.get(word, ()), row["language"])
    return found


def language(text: str) -> str:
    """ISO 639-1 code of the language a text is written in; empty when the words do not settle it."""
    known = _stopwords()
    words = _WORD.findall(text[: _SAMPLE * 12].casefold())[:_SAMPLE]
    scores: dict[str, float] = {}
    for word in words:
        languages = known.get(word)
        if languages:
            for each in languages:
                scores[each] = scores.get(each, 0.0) + 1 / len(languages)
    if not scores:
        return ""
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    best, second = ranked[0], ranked[1][1] if len(ranked) > 1 else 0.0
    enough = best[1] >= _MIN_HITS or (best[1] >= 2 and best[1] >= len(words) / 4)  # a short text
    return best[0] if enough and best[1] >= second * _MARGIN else ""
