"""The archive: vault, derivation and store tied together, for the daemon and for batches alike.

Mail is in the vault before anything here happens. What the vault holds as pending is derived, written to
the store,
and only then marked as done: a crash between any two steps leaves work that the next run finds and does
again, and
writing a record a second time replaces the first.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watcher import provider
from watcher.cleaning.policy import Policy
from watcher.pipeline import PIPELINE_VERSION, Context, derive, failed
from watcher.provider import Receiver
from watcher.record import Record, Sender, Status
from watcher.sender import Registered, Registry
from watcher.store import Store
from watcher.vault import MessageDamaged, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from watcher.settings import Inbox, SenderSettings, Settings

BATCH = 100
"""Mails derived between two commits.

Batches of ten already saturate SQLite, and a crash repeats at most one.
"""


class Contexts:
    """What derive() must know about each inbox, made once from the settings.

    The subscriber's addresses are those of every inbox: mail for one may quote another.
    """

    def __init__(self, settings: Settings, senders: Iterable[SenderSettings] = ()) -> None:
        self._addresses = frozenset(address for inbox in settings.inboxes for address in _addresses(inbox))
        self._default_policy = Policy(settings.links)
        self._inboxes = {inbox.name: inbox for inbox in settings.inboxes}
        self.registry = Registry.compile(tuple(_registered(each) for each in senders))

    def of(self, inbox: str, received_at: datetime) -> Context:
        """The context of a mail that arrived in `inbox`.

        One that is no longer configured has no trust and no names.
        """
        known = self._inboxes.get(inbox)
        return Context(
            inbox=inbox,
            received_at=received_at,
            policy=Policy(known.links) if known and known.links else self._default_policy,
            addresses=self._addresses,
            names=frozenset(known.redact) if known else frozenset(),
            receiver=_receiver(known) if known else Receiver(),
            registry=self.registry,
        )


@dataclass(frozen=True, slots=True)
class Derived:
    """How many records were written, and how many of them are failed ones."""

    done: int = 0
    failed: int = 0

    def __add__(self, other: Derived) -> Derived:
        return Derived(self.done + other.done, self.failed + other.failed)


class Archive:
    """An open vault and an open store, and the way from one to the other."""

    def __init__(self, vault: Vault, store: Store, contexts: Contexts) -> None:
        self.vault = vault
        self.store = store
        self.contexts = contexts

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, senders: Iterable[SenderSettings] = ()) -> Iterator[Archive]:
        """Open both databases, making them when they are missing, and queue again what the store has lost.

        Raises `VaultError` and `StoreError` before any mail is touched.
        """
        contexts = Contexts(settings, senders)
        with ExitStack() as stack:
            vault = stack.enter_context(Vault.open(settings.store.vault))
            store = stack.enter_context(Store.open(settings.store.newsletters))
            archive = cls(vault, store, contexts)
            archive.register()
            archive.reconcile()
            yield archive

    def register(self) -> None:
        """Bring the store's senders and providers in line with the settings and the rule files."""
        self.store.write_senders(self.contexts.registry.senders)
        self.store.write_providers(provider.catalogue())

    def reconcile(self) -> int:
        """Queue what the vault calls derived and the store does not hold; returns how many.

        The store commits without waiting for the disk, so a power cut may take its last records; and
        someone may
        have deleted the file.
        """
        lost = self.vault.derived_ids() - self.store.ids()
        if lost:
            self.vault.requeue(sorted(lost))
        return len(lost)

    def derive_pending(
        self,
        *,
        stopped: Callable[[], bool] = lambda: False,
        on_batch: Callable[[Derived], None] | None = None,
    ) -> Derived:
        """Derive what is pending, a batch at a time, until nothing is left or `stopped()` says so."""
        total = Derived()
        while not stopped():
            ids = [each.message_id for each in self.vault.pending(BATCH)]
            if not ids:
                break
            batch = self.commit(self.derive(ids))
            total += batch
            if on_batch is not None:
                on_batch(batch)
        return total

    def derive(self, ids: Sequence[int]) -> list[tuple[int, Record]]:
        """The records of these vault messages, in the order of `ids`."""
        return derive_rows(self.vault, self.contexts, ids)

    def commit(self, rows: Sequence[tuple[int, Record]]) -> Derived:
        """Write records to the store, then tell the vault: in this order, each in its own transaction."""
        self.store.write(rows)
        outcome = outcome_of(rows)
        self.vault.finish(outcome.done, outcome.failed, PIPELINE_VERSION)
        return outcome.counted


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which messages became records, and which a failed record with which reason."""

    done: list[int]
    failed: list[tuple[int, str]]

    @property
    def counted(self) -> Derived:
        """How many of each."""
        return Derived(len(self.done), len(self.failed))


def outcome_of(rows: Sequence[tuple[int, Record]]) -> Outcome:
    """Sort records into done and failed ones."""
    failed = [(number, record.warnings[0]) for number, record in rows if record.status is Status.FAILED]
    done = [number for number, record in rows if record.status is not Status.FAILED]
    return Outcome(done, failed)


def derive_rows(vault: Vault, contexts: Contexts, ids: Sequence[int]) -> list[tuple[int, Record]]:
    """The records of these vault messages, in the order of `ids`.

    A message that is damaged gets a failed one.
    """
    sources = vault.sources(ids)
    records = []
    for message_id in ids:
        source = sources[message_id]
        context = contexts.of(source.inbox, source.internal_date)
        try:
            raw = vault.raw(message_id)
        except MessageDamaged:
            record = failed(context, "the vault's copy is damaged: restore vault.db from a backup")
        else:
            record = derive(raw, context)
        records.append((message_id, record))
    return records


def utc_now() -> datetime:
    """The one clock, where a moment is recorded."""
    return datetime.now(UTC)


def _addresses(inbox: Inbox) -> Iterator[str]:
    for address in (inbox.username, *inbox.addresses):
        if "@" in address:
            yield address.lower()


def _receiver(inbox: Inbox) -> Receiver:
    return Receiver(inbox.trusted_authserv_id, tuple(inbox.trusted_mx), tuple(inbox.trusted_arc))


def _registered(settings: SenderSettings) -> Registered:
    return Registered(
        sender=Sender(
            slug=settings.slug,
            name=settings.name,
            kind=settings.kind,
            party=settings.party,
            country=settings.country,
            locality=settings.locality,
            office=settings.office,
            website=settings.website,
        ),
        list_ids=tuple(settings.match.list_ids),
        aliases=tuple(settings.match.aliases),
        accounts=tuple(settings.match.accounts),
        addresses=tuple(settings.match.addresses),
        domains=tuple(settings.match.domains),
    )
