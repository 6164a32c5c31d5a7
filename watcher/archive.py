"""The archive: vault, derivation and store tied together, for the daemon and for batches alike.

Mail is in the vault before anything here happens. What the vault holds as pending is derived, written to the
store, and only then marked as done: a crash between any two steps leaves work that the next run finds and
does again, and writing a record a second time replaces the first.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.derivation import Assignment, Here, sender_of
from watcher.record import Status
from watcher.store import Store
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from watcher.derivation import Derivation
    from watcher.record import Record, Sender
    from watcher.settings import SenderSettings, Settings

_BLOCK = 10_000
"""Ids of vault and store that are compared at once: all of a large archive would take the memory for good."""

_ATTEMPTS = 3
"""How often a failing message is tried by the same rules, in all, before `rebuild --failed` alone does it."""


@dataclass(frozen=True, slots=True)
class Derived:
    """How many records were written, how many of them are failed ones, and how many mails were refused."""

    done: int = 0
    failed: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """How many mails have an outcome."""
        return self.done + self.failed + self.refused

    def __str__(self) -> str:
        refused = f", refused {self.refused}" if self.refused else ""
        return f"derived {self.done}, failed {self.failed}{refused}"

    def __add__(self, other: Derived) -> Derived:
        return Derived(self.done + other.done, self.failed + other.failed, self.refused + other.refused)


class Archive:
    """An open vault and an open store, and the way from one to the other."""

    def __init__(
        self, vault: Vault, store: Store, derivation: Derivation, senders: Sequence[Sender] = ()
    ) -> None:
        self.vault = vault
        self.store = store
        self._derivation = derivation
        self._senders = senders

    @classmethod
    @contextmanager
    def open(
        cls,
        settings: Settings,
        senders: Iterable[SenderSettings] = (),
        derivation: Derivation | None = None,
    ) -> Iterator[Archive]:
        """Open both databases, making them when they are missing, and queue again what the store has lost.

        `derivation`: who derives; this process, unless said. Raises `VaultError` and `StoreError` before any
        mail is touched.
        """
        registered = tuple(senders)
        with ExitStack() as stack:
            vault = stack.enter_context(Vault.open(settings.store.vault))
            store = stack.enter_context(Store.open(settings.store.newsletters))
            if derivation is None:
                derivation = stack.enter_context(Here(Assignment.of(settings, registered)))
            archive = cls(vault, store, derivation, [sender_of(each) for each in registered])
            archive.register()
            archive.reconcile()
            yield archive

    def register(self) -> None:
        """Bring the store's senders and providers in line with the settings and the rule files."""
        self.store.write_senders(self._senders)
        self.store.write_providers(self._derivation.rules().providers)

    def retry_failed(self) -> int:
        """Queue failed messages again: those of other rules, and a few times those of the same.

        A machine short of memory, or busy, may have failed them. Returns how many.
        """
        return self.vault.requeue_failed(_ATTEMPTS, self._derivation.rules().version)

    def reconcile(self) -> int:
        """Queue what the vault calls derived and the store does not hold; returns how many.

        The store commits without waiting for the disk, so a power cut may take its last records; and
        someone may
        have deleted the file.
        """
        lost = 0
        for first in range(1, self.vault.last_message_id() + 1, _BLOCK):
            last = first + _BLOCK - 1
            derived, stored = self.vault.derived_between(first, last), self.store.ids_between(first, last)
            if derived != stored:  # hardly ever
                missing = _numbers(derived) - _numbers(stored)
                self.vault.requeue(sorted(missing))
                lost += len(missing)
        return lost

    def derive_pending(
        self,
        *,
        stopped: Callable[[], bool] = lambda: False,
        on_batch: Callable[[Derived], None] | None = None,
        on_rows: Callable[[Sequence[tuple[int, Record]]], None] | None = None,
    ) -> Derived:
        """Derive what is pending, a batch at a time, until nothing is left or `stopped()` says so.

        `on_rows` and `on_batch` hear of each batch once it is committed.
        """
        total = Derived()
        for rows in self._derivation.pending(self.vault, stopped):
            batch = self.commit(rows)
            total += batch
            if on_rows is not None:
                on_rows(rows)
            if on_batch is not None:
                on_batch(batch)
        return total

    def fold(self) -> None:
        """Use a moment in which no mail waits: what was committed is written to its place in the files."""
        self.vault.fold()
        self.store.fold()

    def commit(self, rows: Sequence[tuple[int, Record]]) -> Derived:
        """Write records to the store, then tell the vault: in this order, each in its own transaction."""
        self.store.write(rows)
        outcome = outcome_of(rows)
        outcome.note_in(self.vault)
        return outcome.counted


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which messages became records, and which a failed record, or none, with which reason."""

    done: list[int]
    failed: list[tuple[int, str]]
    refused: list[tuple[int, str]]
    pipeline_version: str

    @property
    def counted(self) -> Derived:
        """How many of each."""
        return Derived(len(self.done), len(self.failed), len(self.refused))

    def note_in(self, vault: Vault) -> None:
        """Tell the vault, once the records are in the store."""
        vault.finish(self.done, self.failed, self.pipeline_version, self.refused)


def _numbers(listed: str) -> set[int]:
    return {int(number) for number in listed.split(",") if number}


def outcome_of(rows: Sequence[tuple[int, Record]]) -> Outcome:
    """Sort records by their status. All are of one version: only a start reads the rules."""
    done = [number for number, record in rows if record.status is Status.DONE]
    failed = [(number, record.warnings[0]) for number, record in rows if record.status is Status.FAILED]
    refused = [(number, record.warnings[0]) for number, record in rows if record.status is Status.REFUSED]
    return Outcome(done, failed, refused, rows[0][1].pipeline_version if rows else "")
