"""The facts about boilerplate, from `boilerplate.csv`, compiled once.

Kinds of rows:

* `node`: a class (`.name`, `div.name`, `.prefix*`) or id (`#name`) that a platform's templates give to
  boilerplate. With `~` before it, long prose inside stays.
* `target`: where a link leads. `host/path` (subdomains and numbered hosts included), `host/?name` for a query
  field, `*/path` on any host, `*segment` for one whole path segment on any host.
* `phrase`: words that mark a line on their own, inside the length guards; `hint`: words that count in a
  footer only.
* `network`, `filler word`: names of social networks, and the words beside them in a row of links.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from urllib.parse import unquote

from watcher.cleaning.document import Cut

_WORD = re.compile(r"\w+")
_NUMBERED = re.compile(r"(?<!\d)\d++(?=\.)")  # each run of digits is looked at once
_SCHEME = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_MAX_SEGMENTS = 12
_MAX_ICON_WORDS = 6
_EXTENSION = re.compile(r"\.[a-z]{2,5}$")
# What the link room calls a role, and what that makes of the line around it.
_ROLES = {
    "unsubscribe": "unsubscribe",
    "preferences": "preferences",
    "view": "browser",
    "forward": "forward",
    "share": "share",
    "social": "social",
}


@dataclass(frozen=True, slots=True)
class NodeRule:
    """What is boilerplate by the name of its element."""

    cut: Cut
    tag: str = ""  # empty for any element
    soft: bool = False  # long prose inside stays


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words as they are compared: case-folded, straight apostrophes, single spaces."""

    text: str
    what: str
    hint: bool
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """The compiled rows."""

    classes: dict[str, list[NodeRule]] = field(default_factory=dict)
    prefixes: dict[str, NodeRule] = field(default_factory=dict)
    ids: dict[str, NodeRule] = field(default_factory=dict)
    hosts: dict[str, list[tuple[str, str, str]]] = field(
        default_factory=dict
    )  # host -> (path, query field, what)
    paths: list[tuple[str, str]] = field(default_factory=list)
    segments: dict[str, str] = field(default_factory=dict)
    phrases: dict[str, list[Phrase]] = field(default_factory=dict)  # by their longest word
    networks: frozenset[str] = frozenset()
    fillers: frozenset[str] = frozenset()

    def node(self, tag: str, classes: str, identifier: str) -> NodeRule | None:
        """The rule for an element of this name, class and id."""
        if identifier and (rule := self.ids.get(identifier)) is not None:
            return rule
        for name in classes.split() if classes else ():
            for rule in self.classes.get(name, ()):
                if rule.tag in {"", tag}:
                    return rule
            if "-" in name:
                for prefix, rule in self.prefixes.items():
                    if name.startswith(prefix):
                        return rule
        return None

    def target(self, url: str) -> str:
        """Tell what a link target says about its line: unsubscribe, browser, social, ...; empty: nothing."""
        if url[:8].lower() == "mailto:?":  # a mail without a recipient: the reader shall pass it on
            return "share"
        scheme = _SCHEME.match(url)
        if scheme is None:
            return ""
        host, path, query = _split(url[scheme.end() :])
        return self._of_place(host, path, query) or self._of_path(path)

    def _of_place(self, host: str, path: str, query: str) -> str:
        while "." in host:
            for prefix, name, what in self.hosts.get(host, ()):
                if _begins(path, prefix) and (not name or f"&{name}=" in query):
                    return what
            host = host.partition(".")[2]
        return ""

    def _of_path(self, path: str) -> str:
        for prefix, what in self.paths:
            if path.startswith(prefix):
                return what
        for segment in path.split("/")[1:_MAX_SEGMENTS]:
            known = self.segments.get(_EXTENSION.sub("", segment) if "." in segment else segment)
            if known:
                return known
        return ""

    def names_network(self, text: str) -> bool:
        """Whether a short text, such as the alternative of an icon, names a social network."""
        words = _WORD.findall(text.casefold())
        return len(words) <= _MAX_ICON_WORDS and any(word in self.networks for word in words)

    def role(self, role: str) -> str:
        """The same for a role that the link room named."""
        return _ROLES.get(role, "")


def _split(rest: str) -> tuple[str, str, str]:
    """Cut into host (no port, no numbers of numbered hosts), path, and query with `&` before each field."""
    head, _, query = rest.partition("#")[0].partition("?")
    authority, _, path = head.partition("/")
    path = f"/{path}"
    host = _unnumbered(authority.rpartition("@")[2].partition(":")[0].lower())
    return host, (unquote(path) if "%" in path else path).lower(), f"&{query}"


@lru_cache(maxsize=1024)
def _unnumbered(host: str) -> str:
    return _NUMBERED.sub("", host)


def _begins(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and (
        prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in {"", "/"}
    )


def fold(text: str) -> str:
    """A text as phrases are compared with it."""
    return text.casefold().replace("\u2019", "'").replace("\u2018", "'").replace("\u0060", "'")


@lru_cache(maxsize=1)
def load() -> Rules:
    """Read and compile the rule file. A row of an unknown kind is a mistake and raises ValueError."""
    raw = files(__package__).joinpath("boilerplate.csv").read_bytes()
    rules = Rules()
    networks: set[str] = set()
    fillers: set[str] = set()
    for row in csv.DictReader(raw.decode().splitlines()):
        kind, pattern, what = row["kind"], row["pattern"], row["what"]
        if kind == "node":
            _add_node(rules, pattern, what)
        elif kind == "target":
            _add_target(rules, pattern, what)
        elif kind in {"phrase", "hint"}:
            words = _WORD.findall(fold(pattern))
            phrase = Phrase(fold(pattern), what, kind == "hint", frozenset(words))
            word = max(words, key=len)
            rules.phrases.setdefault(word, []).append(phrase)
        elif kind == "network":
            networks.add(pattern)
        elif kind == "filler word":
            fillers.add(pattern)
        else:
            raise ValueError(f"boilerplate.csv: unknown kind {kind!r} beside {pattern!r}")
    return Rules(
        **{
            name: getattr(rules, name)
            for name in Rules.__dataclass_fields__
            if name not in {"networks", "fillers"}
        },
        networks=frozenset(networks),
        fillers=frozenset(fillers),
    )


def _add_node(rules: Rules, pattern: str, what: str) -> None:
    selector = pattern.removeprefix("~")
    rule = NodeRule(Cut(what, f"node:{selector}"), soft=selector != pattern)
    if selector[0] == "#":
        rules.ids[selector[1:]] = rule
        return
    tag, _, name = selector.partition(".")
    if name.endswith("*"):
        rules.prefixes[name[:-1]] = rule
    else:
        rules.classes.setdefault(name, []).append(NodeRule(rule.cut, tag, rule.soft))


def _add_target(rules: Rules, pattern: str, what: str) -> None:
    if pattern.startswith("*/"):
        rules.paths.append((pattern[1:], what))
    elif pattern.startswith("*"):
        rules.segments[pattern[1:]] = what
    else:
        host, _, path = pattern.partition("/")
        path, _, name = path.partition("?")
        rules.hosts.setdefault(_NUMBERED.sub("", host), []).append((f"/{path.lower()}", name, what))
        rules.hosts[_NUMBERED.sub("", host)].sort(key=lambda each: -len(each[0]) - len(each[1]))
