"""Entries for a registry, proposed from newsletters that nobody registered yet.

One mark is enough for an entry, the first that is sound: the List-Id, the account at the platform, the
address, the domain. A List-Id that is another one in nearly every issue numbers campaigns; an account that
writes for several domains is the platform's own at its delivery service: neither names a sender.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_FEW = 3  # newsletters of which nothing can be said yet
_LONGEST_NAME = 100
_REDACTED = "[redacted]"


class Unregistered(Protocol):
    """Newsletters without a sender that have the same marks; the times are UTC, ISO 8601."""

    @property
    def list_id(self) -> str:
        """What stands inside the angle brackets of List-Id."""

    @property
    def account(self) -> str:
        """`provider:account`."""

    @property
    def from_address(self) -> str:
        """The author's address."""

    @property
    def from_domain(self) -> str:
        """Its domain."""

    @property
    def from_name(self) -> str:
        """The author's name in the newest."""

    @property
    def platform(self) -> str:
        """The platform's name; empty when unknown."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def first_at(self) -> str:
        """When the first one came."""

    @property
    def last_at(self) -> str:
        """When the last one came."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An entry that would recognise these newsletters. `match` is keyed as in `Registered`."""

    name: str
    match: Mapping[str, tuple[str, ...]]
    newsletters: int
    first_at: str  # UTC, ISO 8601
    last_at: str
    platforms: tuple[str, ...]  # names, the most recent first


class _Mark(NamedTuple):
    way: str
    value: str


def propose(found: Iterable[Unregistered], private: Collection[str] = ()) -> list[Proposal]:
    """Propose an entry for each sender, the most frequent first.

    `private`: addresses of the subscriber, lower case; a mark that holds one is never proposed. What has no
    mark at all is left out.
    """
    strangers = list(found)
    numbered = _numbered_lists(strangers)
    shared = _shared_accounts(strangers)
    by_mark: defaultdict[_Mark, list[Unregistered]] = defaultdict(list)
    for each in strangers:
        mark = _mark(each, numbered, shared, private)
        if mark is not None:
            by_mark[mark].append(each)
    by_author: defaultdict[tuple[str, str], dict[_Mark, list[Unregistered]]] = defaultdict(dict)
    for mark, alike in by_mark.items():
        newest = max(alike, key=lambda each: each.last_at)
        by_author[newest.from_name.casefold(), newest.from_domain][mark] = alike
    proposals = [_proposal(marks, private) for marks in by_author.values()]
    return sorted(proposals, key=lambda each: (-each.newsletters, each.name.casefold(), each.last_at))


def _mark(
    each: Unregistered, numbered: Collection[str], shared: Collection[str], private: Collection[str]
) -> _Mark | None:
    ways = (
        ("list_ids", "" if each.list_id in numbered or "@" in each.list_id else each.list_id),
        ("accounts", "" if each.account in shared else each.account),
        ("addresses", each.from_address if "@" in each.from_address else ""),
        ("domains", each.from_domain if "." in each.from_domain else ""),
    )
    return next((_Mark(way, value) for way, value in ways if _is_sound(value, private)), None)


def _is_sound(value: str, private: Collection[str]) -> bool:
    """Whether a registry takes this value, and nothing of the subscriber is in it or was taken out of it."""
    plain = value.lower()
    return (
        bool(value)
        and _REDACTED not in plain
        and not any(char.isspace() or char in "<>,;" for char in value)
        and not any(address in plain for address in private)
    )


def _numbered_lists(strangers: Iterable[Unregistered]) -> set[str]:
    """List-Ids of authors who use another one for most of their issues."""
    of_author: defaultdict[str, list[Unregistered]] = defaultdict(list)
    for each in strangers:
        if each.list_id:
            of_author[each.from_address].append(each)
    numbered: set[str] = set()
    for same in of_author.values():
        lists, issues = {each.list_id for each in same}, sum(each.count for each in same)
        if issues >= _FEW and 2 * len(lists) > issues:
            numbered |= lists
    return numbered


def _shared_accounts(strangers: Iterable[Unregistered]) -> set[str]:
    domains: defaultdict[str, set[str]] = defaultdict(set)
    for each in strangers:
        domains[each.account].add(each.from_domain)
    return {account for account, of in domains.items() if len(of) > 1}


def _proposal(marks: Mapping[_Mark, Sequence[Unregistered]], private: Collection[str]) -> Proposal:
    alike = sorted((each for same in marks.values() for each in same), key=lambda each: each.last_at)
    newest = alike[-1]
    match: defaultdict[str, list[str]] = defaultdict(list)
    for way, value in sorted(marks, key=lambda mark: (_WAYS.index(mark.way), mark.value)):
        match[way].append(value)
    return Proposal(
        name=_name(newest, next(iter(marks)), private),
        match={way: tuple(values) for way, values in match.items()},
        newsletters=sum(each.count for each in alike),
        first_at=min(each.first_at for each in alike),
        last_at=newest.last_at,
        platforms=tuple(dict.fromkeys(each.platform for each in reversed(alike) if each.platform)),
    )


_WAYS = ("list_ids", "accounts", "addresses", "domains")


def _name(newest: Unregistered, mark: _Mark, private: Collection[str]) -> str:
    name = " ".join(newest.from_name.split())[:_LONGEST_NAME].strip()
    plain = name.lower()
    if not name or _REDACTED in plain or any(address in plain for address in private):
        return newest.from_domain or mark.value
    return name
