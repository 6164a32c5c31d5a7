"""Links that say what they do: a path segment, a query field or a host named `unsubscribe` and the like.

A word inside a longer slug belongs to an article and means nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from watcher.cleaning.links.rules import table

if TYPE_CHECKING:
    from watcher.cleaning.links.url import Url

_WORDS = {row["word"]: row for row in table("words.csv")}
_SEGMENTS = {word: row["role"] for word, row in _WORDS.items() if "segment" in row["where"]}
_HOSTS = {word: row["role"] for word, row in _WORDS.items() if "host" in row["where"]}
_FIELDS = "|".join(re.escape(word) for word, row in _WORDS.items() if "query" in row["where"])
# A field named so, or with such a value; what a person searched for is no action.
_QUERY = re.compile(
    rf"(?:^|&)(?:amp;)*(?!(?:q|s|query|search|keyword|tag|topic)=)(?:[^=&]*=)?(?:{_FIELDS})(?=[=&]|$)",
    re.IGNORECASE,
)
_KNOWN = frozenset(_SEGMENTS)
_TOKEN = re.compile(r"(?=[^/]*\d)[\w=.~-]{8,}")

ALWAYS = frozenset({"unsubscribe", "preferences"})  # these go whatever follows them


def role_by_word(url: Url) -> tuple[str, bool]:
    """Read what the words of a URL say it does (empty: nothing), and whether it acts for one reader.

    Unsubscribe and preference pages always do. A view, confirmation or forward page does when something that
    can tell readers apart, a query or a token, comes with it.
    """
    role = _role_of_host(url.host)
    if role:
        return role, True
    path = url.path
    if url.fragment and url.fragment.lstrip("!").startswith("/"):  # the route of a single-page application
        path += url.fragment.lstrip("!")
    if len(path) > 1 and (found := _in_path(path)):
        role, rest = found
        return role, role in ALWAYS or bool(url.query) or any(map(_TOKEN.fullmatch, rest))
    if url.query and _QUERY.search(url.query):
        return "unsubscribe", True
    return "", False


@lru_cache(maxsize=2_048)
def _role_of_host(host: str) -> str:
    first = host.partition(".")[0]
    if "-" not in first:
        return _HOSTS.get(first, "")
    return next((_HOSTS[word] for word in (first, *first.split("-")) if word in _HOSTS), "")


def _in_path(path: str) -> tuple[str, list[str]] | None:
    if "%" in path:
        path = unquote(path)
    low = path.lower()
    parted = low.replace(".", "/") if "." in low else low
    if _KNOWN.isdisjoint((parted.replace(";", "/") if ";" in parted else parted).split("/")):
        return None
    segments = [_stem(segment) for segment in low.split("/")]
    if _KNOWN.isdisjoint(segments):
        return None
    place = next(place for place, segment in enumerate(segments) if segment in _SEGMENTS)
    return _SEGMENTS[segments[place]], path.split("/")[place + 1 :]


def _stem(segment: str) -> str:
    """Drop an extension and path parameters (`;jsessionid=`)."""
    return segment.partition(".")[0].partition(";")[0]
