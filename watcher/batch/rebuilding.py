"""Deriving again: the whole store into a new file that replaces the old one, or single records in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from watcher.archive import Archive, Derived, Outcome, outcome_of
from watcher.batch.workers import Derivers
from watcher.derivation import sender_of
from watcher.store import build_beside
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from watcher.derivation import Ready
    from watcher.derivation.protocol import Row
    from watcher.settings import SenderSettings, Settings

_PAGE = 5_000  # ids read from the vault at once


class Interrupted(Exception):  # noqa: N818  # it is no error
    """The work was stopped on request, and nothing was changed."""


class DerivingInOrder(Protocol):
    """Who derives a whole vault: the processes of this machine, or a cluster."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def rules(self) -> Ready:
        """Which rules the records will be made by."""

    def derive(self, ids: Iterable[int], *, stopped: Callable[[], bool]) -> Iterator[list[Row]]:
        """The records of these messages, in order."""

    def pending(self, vault: Vault, stopped: Callable[[], bool]) -> Iterator[list[Row]]:
        """Derive what is pending; a batch is committed before the next is asked for."""


def rebuild(
    settings: Settings,
    senders: Sequence[SenderSettings],
    *,
    workers: int = 1,
    crew: DerivingInOrder | None = None,
    stopped: Callable[[], bool] = lambda: False,
    on_batch: Callable[[Derived], None] | None = None,
) -> Derived:
    """Derive every mail of the vault into a new newsletters.db, which then replaces the old one at once.

    `crew`: who derives instead of `workers` processes; it is entered here. Readers see the old store or the
    new one, never half of one. When this fails, or is interrupted, or `stopped()` says so, which raises
    `Interrupted`, the old store stays as it was.
    """
    outcomes: list[Outcome] = []
    with crew or Derivers(settings, senders, workers=workers) as derivers:
        with Vault.open(settings.store.vault, create=False) as vault:
            with build_beside(settings.store.newsletters) as store:
                store.write_senders(sender_of(each) for each in senders)
                store.write_providers(derivers.rules().providers)
                for rows in derivers.derive(all_ids(vault), stopped=stopped):
                    store.write(rows)
                    outcomes.append(outcome_of(rows))
                    if on_batch is not None:
                        on_batch(outcomes[-1].counted)
                if stopped():
                    raise Interrupted("stopped; the store stays as it was")
            # Only now: had the machine stopped earlier, the vault would still describe the old store.
            for outcome in outcomes:
                outcome.note_in(vault)
        total = sum((outcome.counted for outcome in outcomes), Derived())
        # A daemon may have written to the old store meanwhile: opening the archive queues what is missing.
        with Archive.open(settings, senders, derivers) as archive:
            total += archive.derive_pending(on_batch=on_batch)
    return total


def rebuild_some(
    archive: Archive,
    ids: Sequence[int],
    *,
    on_batch: Callable[[Derived], None] | None = None,
) -> Derived:
    """Derive these messages again and replace their rows in place."""
    archive.vault.requeue(ids)
    return archive.derive_pending(on_batch=on_batch)


def all_ids(vault: Vault) -> Iterator[int]:
    """Every message id of the vault, ascending.

    Ids that arrive meanwhile are included when they come in time.
    """
    last = 0
    while page := vault.message_ids(after=last, limit=_PAGE):
        yield from page
        last = page[-1]
