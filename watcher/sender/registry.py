"""The sender registry, compiled into one dict for each way of recognising a sender.

The ways, most telling first: the List-Id (RFC 2919, made to outlive changes of address and of platform), the
alias that the subscriber gave to this sender alone, the sender's account at a platform, the address in From,
its domain. The first that knows the mail decides. Headers can be forged: the reason goes with the match, and
whether our own receiver vouches for it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from watcher.record import ProviderStatus, SenderMatch
from watcher.sender.authentication import is_authenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from watcher.message import Message
    from watcher.record import Authentication, Provider, Sender


@dataclass(frozen=True, slots=True)
class Registered:
    """A sender and what its mail is recognised by. No wildcards; case does not count, except in account ids.

    `list_ids`: the id between the angle brackets. `aliases`: recipient addresses given to this sender alone,
    each as a full address, its local part or the tag after its `+`. `accounts`: `provider:account`, as in
    `mailchimp:0123456789abcdef`. `domains`: of From, with everything below; of several the longest wins.
    """

    sender: Sender
    list_ids: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """One entry that several senders have: the first of `slugs` gets the mail."""

    key: str  # `list_ids`, `aliases`, `accounts`, `addresses` or `domains`
    value: str
    slugs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registry:
    """All registered senders. `match` takes the same time for ten as for ten thousand."""

    senders: tuple[Sender, ...]
    conflicts: tuple[Conflict, ...]
    _list_ids: Mapping[str, str]  # each of these to the sender's slug
    _aliases: Mapping[str, str]
    _accounts: Mapping[str, str]
    _addresses: Mapping[str, str]
    _domains: Mapping[str, str]
    _by_author: frozenset[str]  # slugs that are known by an address or a domain

    @classmethod
    def compile(cls, senders: Sequence[Registered]) -> Registry:
        """Compile the registry; an entry that two senders have goes to the first, see `conflicts`."""
        conflicts: list[Conflict] = []
        tables = {key: _table(key, normal, senders, conflicts) for key, normal in _NORMAL.items()}
        return cls(
            tuple(each.sender for each in senders),
            tuple(conflicts),
            tables["list_ids"],
            tables["aliases"],
            tables["accounts"],
            tables["addresses"],
            tables["domains"],
            frozenset((*tables["addresses"].values(), *tables["domains"].values())),
        )

    @property
    def by_alias(self) -> bool:
        """Whether any sender is known by an alias; if not, `match` needs no recipients."""
        return bool(self._aliases)

    @property
    def by_account(self) -> bool:
        """Whether any sender is known by an account; if not, `match` needs no providers."""
        return bool(self._accounts)

    def match(
        self, message: Message, providers: tuple[Provider, ...], results: Sequence[Authentication] = ()
    ) -> SenderMatch | None:
        """Find the sender of a mail; None when nobody registered it. The reason never shows an alias.

        `results`: what our own receiver found. A match is vouched for by an alias, which only this sender
        knows; by the account of a platform that the receiver verified; and by a From that it authenticated,
        if that is the author whom the registry names, or it names none.
        """
        match = (
            self._by_list_id(message)
            or self._by_alias(message)
            or self._by_account(providers)
            or self._by_from(message)
        )
        if match is not None and match.unauthenticated and self._vouched(match.slug, message, results):
            return replace(match, unauthenticated=False)
        return match

    def _vouched(self, slug: str, message: Message, results: Sequence[Authentication]) -> bool:
        if not is_authenticated(_domain(message.author.domain), results):
            return False
        if slug not in self._by_author:
            return True
        author = self._by_from(message)
        return author is not None and author.slug == slug

    def _by_list_id(self, message: Message) -> SenderMatch | None:
        list_id = _list_id(message.list_id)
        slug = self._list_ids.get(list_id)
        return SenderMatch(slug, f"list_id: {list_id}") if slug is not None else None

    def _by_alias(self, message: Message) -> SenderMatch | None:
        if not self._aliases:
            return None
        forms = [_forms(recipient) for recipient in sorted(message.recipients)]
        for same_form in zip(*forms, strict=True):  # every full address before any local part
            for form in same_form:
                slug = self._aliases.get(form)
                if slug is not None:
                    return SenderMatch(slug, "alias", unauthenticated=False)
        return None

    def _by_account(self, providers: Iterable[Provider]) -> SenderMatch | None:
        for provider in providers:
            if provider.account and provider.status is not ProviderStatus.CONTRADICTED:
                account = f"{provider.slug}:{provider.account}"
                slug = self._accounts.get(account)
                if slug is not None:
                    verified = provider.status is ProviderStatus.VERIFIED
                    return SenderMatch(slug, f"account: {account}", unauthenticated=not verified)
        return None

    def _by_from(self, message: Message) -> SenderMatch | None:
        address = _address(message.author.address)
        slug = self._addresses.get(address)
        if slug is not None:
            return SenderMatch(slug, f"address: {address}")
        for domain in _upwards(_domain(message.author.domain)):
            slug = self._domains.get(domain)
            if slug is not None:
                return SenderMatch(slug, f"domain: {domain}")
        return None


def normalised(key: str, text: str) -> str:
    """Write an entry as `Conflict.value` has it: what is equal so is one entry."""
    return _NORMAL[key](text)


def _table(
    key: str, normal: Callable[[str], str], senders: Sequence[Registered], conflicts: list[Conflict]
) -> dict[str, str]:
    owners: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for each in senders:
        for value in getattr(each, key):
            entry = normal(value)
            if entry:
                owners[entry][each.sender.slug] = None
    for entry, slugs in owners.items():
        if len(slugs) > 1:
            conflicts.append(Conflict(key, entry, tuple(slugs)))
    return {entry: next(iter(slugs)) for entry, slugs in owners.items()}


def _upwards(domain: str) -> Iterator[str]:
    """Yield a domain and its parents, the most specific first."""
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def _forms(recipient: str) -> tuple[str, str, str]:
    """Write a recipient as an alias may be registered: full address, local part, tag or nothing."""
    address = _address(recipient)
    local = address.rpartition("@")[0]
    return address, local, local.partition("+")[2]


def _list_id(text: str) -> str:
    """Normalise a List-Id, given bare or as a whole header value: `Weekly <weekly.example.org>`."""
    return _domain(text.rpartition("<")[2].partition(">")[0] or text)


def _alias(text: str) -> str:
    return _address(text.strip().removeprefix("+"))


def _account(text: str) -> str:
    provider, _, account = text.partition(":")
    return f"{provider.strip().lower()}:{account.strip()}" if account.strip() else ""


def _address(text: str) -> str:
    local, at, domain = text.strip().rpartition("@")
    return f"{local.lower()}@{_domain(domain)}" if at else domain.lower()


def _domain(text: str) -> str:
    """Normalise a domain to lower-case ASCII: `Bücher.example` and its `xn--` form are one."""
    domain = text.strip().strip("@.").lower()
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:  # no host name at all: compared as it stands
        return domain


_NORMAL: Final[Mapping[str, Callable[[str], str]]] = {
    "list_ids": _list_id,
    "aliases": _alias,
    "accounts": _account,
    "addresses": _address,
    "domains": _domain,
}
