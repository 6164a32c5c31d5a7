"""A changed senders.yaml on old mail, without deriving it again: what `rebuild` would say, row for row.

The store itself holds most of what a registry asks for: List-Id, author, accounts. The vault is opened only
for what is not in the store: the recipients, when a sender is known by an alias; a value that was redacted;
a row that an older version of the rules made. And of those mails the header block is read, nothing else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.cleaning.identity import REDACTED, Identity
from watcher.message import Address, Message, Unparseable
from watcher.pipeline import PIPELINE_VERSION, attribute
from watcher.record import Authentication, Layer, Provider, ProviderStatus, SenderMatch
from watcher.vault import MessageDamaged, MessageMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watcher.pipeline import Context
    from watcher.sender import Registry
    from watcher.store import Attributed, Store
    from watcher.vault import Vault

    ContextOf = Callable[[str, datetime], Context]  # of an inbox, for a mail that came then

_PAGE = 2_000  # rows read at once
_NOT_EXACT = (REDACTED, "\N{REPLACEMENT CHARACTER}")  # what stands where the store holds less than the mail


@dataclass(slots=True)
class Change:
    """What a changed registry means for old mail."""

    rows: list[tuple[int, str, str, bool]] = field(default_factory=list)  # what `Store.attribute` takes
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)  # (old slug, new slug), empty for none
    looked_at: int = 0
    from_vault: int = 0  # whose header block had to be read
    unreadable: list[int] = field(default_factory=list)  # their bytes are damaged or gone; left as they are


def compare(
    vault: Vault,
    store: Store,
    context_of: ContextOf,
    *,
    accounts: bool,
    on_batch: Callable[[int], None] | None = None,
) -> Change:
    """Find every newsletter whose sender, or its reason, is another one under the contexts' registry.

    Nothing is written: `Store.attribute` takes the rows. `accounts`: whether the registry knows any sender by
    an account. `on_batch` gets how many were looked at.
    """
    change = Change()
    attributor = _Attributor(vault, context_of)
    for page in _pages(store, accounts=accounts):
        for row in page:
            _compare(row, attributor, change)
        change.looked_at += len(page)
        if on_batch is not None:
            on_batch(len(page))
    change.from_vault = attributor.from_vault
    return change


def _pages(store: Store, *, accounts: bool) -> Iterator[list[Attributed]]:
    last = 0
    while page := store.attributed(last, _PAGE, accounts=accounts):
        yield page
        last = page[-1].id


def _compare(row: Attributed, attributor: _Attributor, change: Change) -> None:
    try:
        match = attributor.match(row)
    except (MessageDamaged, MessageMissing, Unparseable):
        change.unreadable.append(row.id)
        return
    found = (match.slug, match.reason, match.unauthenticated) if match is not None else ("", "", False)
    slug = found[0]
    if found != (row.sender, row.reason, row.unauthenticated):
        change.rows.append((row.id, *found))
    if slug != row.sender:
        change.moved[row.sender, slug] += 1


class _Attributor:
    """Matches rows of the store against the registry, and mails of the vault where a row is not enough."""

    def __init__(self, vault: Vault, context_of: ContextOf) -> None:
        self._vault = vault
        self._context_of = context_of
        self._identities: dict[str, Identity] = {}  # by inbox
        self.from_vault = 0

    def match(self, row: Attributed) -> SenderMatch | None:
        """The sender as `derive` would find it. Raises `VaultError` when the mail is needed and not there."""
        context = self._context_of(row.inbox, datetime.fromisoformat(row.received_at))
        if _is_exact(row):
            match = context.registry.match(_message(row), _providers(row), _results(row))
            if _is_settled(match, context.registry) and self._names_no_reader(match, context):
                return match
        self.from_vault += 1
        return attribute(self._vault.raw(row.id), context)

    def _names_no_reader(self, match: SenderMatch | None, context: Context) -> bool:
        if match is None:
            return True
        identity = self._identities.get(context.inbox)
        if identity is None:
            identity = self._identities[context.inbox] = Identity.of(context.addresses, context.names)
        return not identity.redact(match.reason)[1]


def _is_exact(row: Attributed) -> bool:
    """Whether these rules made the row, and nothing of what identifies a sender was taken out of it."""
    if row.pipeline_version != PIPELINE_VERSION:
        return False
    texts = "\n".join((row.list_id, row.from_address, *(each.account for each in row.accounts)))
    return not any(mark in texts for mark in _NOT_EXACT)


def _is_settled(match: SenderMatch | None, registry: Registry) -> bool:
    """Whether no recipient, which the store does not hold, could say otherwise: aliases come second."""
    return not registry.by_alias or (match is not None and match.reason.startswith("list_id: "))


def _message(row: Attributed) -> Message:
    return Message(author=Address("", row.from_address), list_id=row.list_id)


def _results(row: Attributed) -> tuple[Authentication, ...]:
    return tuple(Authentication(*each) for each in row.results)


def _providers(row: Attributed) -> tuple[Provider, ...]:
    return tuple(
        Provider(each.provider, "", Layer(each.layer), ProviderStatus(each.status), each.account)
        for each in row.accounts
    )
