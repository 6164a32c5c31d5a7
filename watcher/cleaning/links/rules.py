"""The rule tables: senders, wrappers and places on the web, and the index that finds the right one at once.

A rule binds a path grammar to a host, or to any host when the sender runs on its customers' domains; then
the grammar demands the structure of a token as well, because `/c/word` is an ordinary page. Rules are found
by the label that names the owner of a host (`list-manage` in `news.us1.list-manage2.com`) or by a literal
path segment: a URL meets a handful of expressions, however long the tables are.

Columns of `trackers.csv` and `roles.csv`:

- `rule`, `owner`, `kind`: see `Rule`.
- `hosts`: `name.example` this host; `.name.example` its subdomains too; `#` any digits; `*` anything;
  `~` any public suffix; empty: any host.
- `segments`: where to look for a rule without an owner's host: the first path segment (`/` when it is empty),
  `*name` any segment, `?name` a query field.
- `path`: an expression for path and query, anchored at the start.
- `decoder`, `argument`: how the destination is read (see `decoders`); `keep` leaves the URL; empty: opaque.
- `status`, `source`, `checked`: how sure the fact is, where from, and when it was last checked.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING

from watcher.cleaning.links.decoders import DECODERS, Decoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.cleaning.links.url import Url

_DIGITS = "0123456789"
_KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what a URL of this form is, and how its destination is read."""

    id: str
    kind: str  # click, wrapper, pixel, unsubscribe, preferences, view, forward, confirm, archive, short, ...
    pattern: re.Pattern[str]  # for `Url.subject`
    decoder: Decoder | None  # None: opaque, unless it is kept
    argument: str
    keeps: bool

    def open(self, url: Url) -> str | None:
        """Give the destination, or None when the URL does not hold it or the token is damaged."""
        return self.decoder(url, self.argument) if self.decoder is not None else None


class Rules:
    """Rules by owner's label, by first path segment, by any path segment and by query field."""

    def __init__(self, rows: Iterator[dict[str, str]]) -> None:
        self.by_owner: dict[str, tuple[Rule, ...]] = {}
        self.by_first: dict[str, tuple[Rule, ...]] = {}
        self.by_segment: dict[str, tuple[Rule, ...]] = {}
        self.by_field: dict[str, tuple[Rule, ...]] = {}
        for row in rows:
            self._add(row)
        self._anywhere = frozenset(self.by_segment)
        self._of_host = lru_cache(maxsize=2_048)(self._of_owner)  # the same few hosts are all over the mail

    def _add(self, row: dict[str, str]) -> None:
        hosts = row["hosts"].split()
        rule = Rule(
            row["rule"],
            row["kind"],
            re.compile(f"(?:{'|'.join(map(host_expression, hosts)) or '[^/]+'}){row['path']}"),
            DECODERS[row["decoder"]] if row["decoder"] not in {"", _KEEP} else None,
            row["argument"],
            row["decoder"] == _KEEP,
        )
        segments = row["segments"].split()
        if not segments:
            for owner in {_owner(pattern) for pattern in hosts}:
                _append(self.by_owner, owner, rule)
        for segment in segments:
            if segment.startswith("*"):
                _append(self.by_segment, segment[1:], rule)
            elif segment.startswith("?"):
                _append(self.by_field, segment[1:], rule)
            else:
                _append(self.by_first, segment.removeprefix("/"), rule)

    def match(self, url: Url) -> Rule | None:
        """Find the first rule that the URL obeys, host-bound rules before those for any host."""
        path = url.path
        found = self._of_host(url.host)
        anyone = self.by_first.get(path.split("/", 2)[1] if path else "")
        if anyone is not None:
            found += anyone
        if found:
            subject = url.subject
            for rule in found:
                if rule.pattern.match(subject):
                    return rule
        return self._match_anywhere(url)

    def _of_owner(self, host: str) -> tuple[Rule, ...]:
        """Look up the owner, who stands before a suffix of one label, or of two: google.co.uk."""
        labels = host.rsplit(".", 3)
        found: tuple[Rule, ...] = ()
        if len(labels) > 1:
            found = self.by_owner.get(labels[-2].rstrip(_DIGITS), ())
        if len(labels) > 2:
            found += self.by_owner.get(labels[-3].rstrip(_DIGITS), ())
        return found

    def _match_anywhere(self, url: Url) -> Rule | None:
        segments = url.path.split("/")
        if not self._anywhere.isdisjoint(segments):
            for segment in dict.fromkeys(segments):
                if found := _first(self.by_segment.get(segment, ()), url.subject):
                    return found
        query = url.query
        if query:
            for field, rules in self.by_field.items():
                if field in query and (found := _first(rules, url.subject)):
                    return found
        return None


def _first(rules: tuple[Rule, ...], subject: str) -> Rule | None:
    for rule in rules:
        if rule.pattern.match(subject):
            return rule
    return None


def _append(table: dict[str, tuple[Rule, ...]], key: str, rule: Rule) -> None:
    table[key] = (*table.get(key, ()), rule)


def host_expression(pattern: str) -> str:
    """Write the regular expression of a host pattern."""
    subdomains, pattern = ("(?:[^/]+\\.)?", pattern[1:]) if pattern.startswith(".") else ("", pattern)
    wild = {"#": r"\d*", "*": "[^/]+", "~": r"[a-z]{2,4}(?:\.[a-z]{2})?"}
    return subdomains + "".join(wild.get(character) or re.escape(character) for character in pattern)


def _owner(pattern: str) -> str:
    return pattern.strip(".").replace("#", "").split(".")[-2].rstrip(_DIGITS)


def table(name: str) -> Iterator[dict[str, str]]:
    """Read the rows of a rule file of this package."""
    text = (files(__package__) / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


RULES = Rules(chain(table("trackers.csv"), table("roles.csv")))
