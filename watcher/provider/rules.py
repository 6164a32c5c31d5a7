"""Fingerprints: rows of data compiled into tables, so that a mail is looked up and never scanned.

Five kinds of match, in the column `match`:

- `present`: the header field exists. One dict, intersected with the names of the mail.
- `domain`: the value is this domain or below it, on a dot boundary (`smtp.com` is not in `gappssmtp.com`).
  One dict for each signal, asked once for each label of the value.
- `label`: `regex/parent`: one label that fits the regex as a whole, right below the parent domain, and what
  is below that; for providers that number their domains. Asked once for each label whose parent is in a dict.
- `word`: the value is this word; of a Feedback-ID, its last field. One dict for each signal.
- `regex`: what the others cannot say. All patterns of a header are first tried as one.

Everything is compared without regard to case.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from watcher.record import Layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

T = TypeVar("T")


class Signal(StrEnum):
    """Where in the header block a fact stands."""

    HEADER_NAME = "header_name"
    HEADER_VALUE = "header_value"
    RECEIVED_HOST = "received_host"  # the host that handed the mail over: rDNS name or HELO
    RECEIVED_BY = "received_by"  # the host that took it, on the sender's side
    RETURN_PATH_DOMAIN = "return_path_domain"  # the envelope sender
    DKIM_DOMAIN = "dkim_domain"
    DKIM_SELECTOR = "dkim_selector"
    LIST_UNSUBSCRIBE_HOST = "list_unsubscribe_host"
    LIST_ID = "list_id"
    MESSAGE_ID_DOMAIN = "message_id_domain"
    FEEDBACK_ID = "feedback_id"
    FROM_DOMAIN = "from_domain"


class Strength(StrEnum):
    """How much a match of the row proves; only the first two make an answer."""

    DEFINITIVE = "definitive"  # the provider's own domain
    STRONG = "strong"
    WEAK = "weak"
    UNVERIFIED = "unverified"  # no source: shown as evidence, never counted


ANSWERING = frozenset({Strength.DEFINITIVE, Strength.STRONG})


class RuleError(ValueError):
    """A row of a rule file that cannot be used; the message names the row and the column."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fingerprint: a row of `fingerprints.csv`."""

    id: str
    provider: str
    name: str
    layer: Layer
    category: str
    signal: Signal
    header: str
    match: str
    pattern: str
    strength: Strength

    @property
    def answers(self) -> bool:
        """Whether a match may make an answer rather than accompany one."""
        return self.strength in ANSWERING


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fits, with the part of the value that it fits: for a domain, the provider's own."""

    rule: Rule
    value: str


class Patterns:
    """Regexes that are asked together. One search over all of them says no for nearly every value."""

    __slots__ = ("_any", "_each")

    def __init__(self, regexes: Iterable[tuple[str, Rule]], *, whole: bool = False) -> None:
        """Compile regexes with their rules; `whole`: each must fit the value from end to end."""
        frame = r"\A(?:%s)\Z" if whole else "(?:%s)"
        self._each = tuple((_compiled(frame % regex, rule), rule) for regex, rule in regexes)
        self._any = re.compile("|".join(regex.pattern for regex, _ in self._each), re.IGNORECASE).search

    def fitting(self, value: str) -> list[tuple[Rule, str]]:
        """Find the rules that fit, each with the part of the value that it fits."""
        if self._any(value) is None:
            return []
        searched = ((rule, regex.search(value)) for regex, rule in self._each)
        return [(rule, found[0]) for rule, found in searched if found is not None]

    def matches(self, value: str) -> list[Match]:
        """Find the rules that fit, with the part that they fit as evidence."""
        if self._any(value) is None:  # asked here too, for this is the way that nearly every value takes
            return []
        return [Match(rule, found) for rule, found in self.fitting(value)]


@dataclass(frozen=True, slots=True)
class Table:
    """The rules of one signal."""

    domains: Mapping[str, tuple[Match, ...]]
    labels: Mapping[str, Patterns]  # by the parent domain
    words: Mapping[str, tuple[Match, ...]]
    patterns: Patterns | None

    def of_domain(self, domain: str) -> list[Match]:
        """Find rules whose domain is `domain` (lower case) or a parent, the longest first; then regexes."""
        found: list[Match] = []
        suffix = domain
        while suffix:
            if suffix in self.domains:
                found += self.domains[suffix]
            label, _, parent = suffix.partition(".")
            if parent in self.labels:
                found += (Match(rule, suffix) for rule, _ in self.labels[parent].fitting(label))
            suffix = parent
        if self.patterns is not None:
            found += self.patterns.matches(domain)
        return found

    def of_value(self, value: str, word: str) -> list[Match]:
        """Find rules that name exactly this word (lower case), then those whose regex is in the value."""
        found = list(self.words.get(word, ()))
        if self.patterns is not None:
            found += self.patterns.matches(value)
        return found


@dataclass(frozen=True, slots=True)
class Rules:
    """All fingerprints, compiled. A lookup takes time in the length of the mail, not of the table."""

    all: tuple[Rule, ...]
    headers: Mapping[str, tuple[Match, ...]]  # by header name, lower case
    values: Mapping[str, Patterns]  # by header name, lower case
    signals: Mapping[Signal, Table]  # has every signal
    mailbox_hosts: Table  # the hosts that mailbox services send from

    @classmethod
    def compile(cls, rows: Iterable[Mapping[str, str]]) -> Rules:
        """Compile rows with the columns of `fingerprints.csv`; raises `RuleError` for a bad one."""
        rules = tuple(_rule(row) for row in rows)
        _unique(rules)
        values = _grouped(
            (r.header.lower(), (r.pattern, r)) for r in rules if r.signal is Signal.HEADER_VALUE
        )
        return cls(
            all=rules,
            headers=_matches((r.header.lower(), Match(r, "")) for r in rules if r.match == "present"),
            values={header: Patterns(found) for header, found in values.items()},
            signals={signal: _table([r for r in rules if r.signal is signal]) for signal in Signal},
            mailbox_hosts=_table([rule for rule in rules if _is_mailbox_host(rule)]),
        )


def _is_mailbox_host(rule: Rule) -> bool:
    return rule.layer is Layer.MAILBOX_HOST and rule.signal is Signal.RECEIVED_HOST and rule.answers


def _table(rules: Sequence[Rule]) -> Table:
    regexes = [(rule.pattern, rule) for rule in rules if rule.match == "regex"]
    return Table(
        domains=_constants(rules, "domain"),
        labels={parent: Patterns(found, whole=True) for parent, found in _below_parents(rules).items()},
        words=_constants(rules, "word"),
        patterns=Patterns(regexes) if regexes else None,
    )


def _constants(rules: Iterable[Rule], match: str) -> dict[str, tuple[Match, ...]]:
    """Index what matches as a whole, and so shows the same evidence each time."""
    chosen = ((rule.pattern.lower(), rule) for rule in rules if rule.match == match)
    return _matches((text, Match(rule, text)) for text, rule in chosen)


def _below_parents(rules: Iterable[Rule]) -> Mapping[str, Sequence[tuple[str, Rule]]]:
    split = ((rule.pattern.rpartition("/"), rule) for rule in rules if rule.match == "label")
    return _grouped((parent.lower(), (regex, rule)) for (regex, _, parent), rule in split)


def _matches(pairs: Iterable[tuple[str, Match]]) -> dict[str, tuple[Match, ...]]:
    return {key: tuple(found) for key, found in _grouped(pairs).items()}


def _grouped(pairs: Iterable[tuple[str, T]]) -> Mapping[str, Sequence[T]]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


_MATCHES = frozenset({"present", "domain", "label", "word", "regex"})


def _rule(row: Mapping[str, str]) -> Rule:
    try:
        rule = Rule(
            id=row["id"],
            provider=row["provider"],
            name=row["name"],
            layer=Layer(row["layer"]),
            category=row["category"],
            signal=Signal(row["signal"]),
            header=row["header"],
            match=row["match"],
            pattern=row["pattern"],
            strength=Strength(row["strength"]),
        )
    except (KeyError, ValueError) as error:
        raise RuleError(f"fingerprint {row.get('id', '?')}: {error}; correct the column") from None
    if rule.match not in _MATCHES:
        raise RuleError(f"fingerprint {rule.id}: unknown match {rule.match!r}; use one of {sorted(_MATCHES)}")
    if (rule.match == "present") != (rule.signal is Signal.HEADER_NAME):
        raise RuleError(
            f"fingerprint {rule.id}: `present` and `header_name` go together; correct one of them"
        )
    if rule.answers and not row.get("source"):
        raise RuleError(f"fingerprint {rule.id}: no source, so its strength can only be `unverified`")
    return rule


def _compiled(regex: str, rule: Rule) -> re.Pattern[str]:
    try:
        return re.compile(regex, re.IGNORECASE)
    except re.error as error:
        raise RuleError(f"fingerprint {rule.id}: pattern is no regular expression ({error})") from None


def _unique(rules: tuple[Rule, ...]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise RuleError(f"fingerprint {rule.id}: two rows have this id; ids are stable and unique")
        seen.add(rule.id)


def read_rows(text: str) -> list[dict[str, str]]:
    """Split a rule file into rows, by column name."""
    return list(csv.DictReader(text.splitlines()))
