"""Derivation in this process: for one mail, for a sample, and for what a worker does."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Self

from watcher.derivation.protocol import Ready
from watcher.vault import MessageDamaged, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from watcher.derivation.contexts import Contexts
    from watcher.derivation.protocol import Assignment, Row

_BATCH = 100
"""Mails derived between two commits.

Batches of ten already saturate SQLite, and a crash repeats at most one.
"""


class Here:
    """Derives in this process; vault and rules are opened with the first mail, when the vault is there.

    A mail that never ends, or kills its process, does so to this one.
    """

    def __init__(
        self, assignment: Assignment, exhausted: str = "it needed more memory than there is"
    ) -> None:
        """`exhausted` is the reason of a mail for which the memory did not suffice."""
        self._assignment = assignment
        self._exhausted = exhausted
        self._vault: Vault | None = None
        self._contexts: Contexts | None = None

    def rules(self) -> Ready:
        """Which rules there are."""
        from watcher import provider  # noqa: PLC0415  # the rules are loaded where they are needed
        from watcher.pipeline import PIPELINE_VERSION  # noqa: PLC0415

        return Ready(PIPELINE_VERSION, provider.catalogue())

    def pending(self, vault: Vault, stopped: Callable[[], bool]) -> Iterator[list[Row]]:
        """Derive what `vault` has pending, a batch at a time; each must be committed before the next."""
        while not stopped() and (waiting := vault.pending(_BATCH)):
            yield list(self.derive(each.message_id for each in waiting))

    def derive(self, ids: Iterable[int]) -> Iterator[Row]:
        """The records of these messages, one at a time; one whose bytes are damaged gets a failed one.

        Raises `VaultError`.
        """
        from watcher.pipeline import derive, failed  # noqa: PLC0415

        vault, contexts = self._opened()
        numbers = list(ids)
        sources = vault.sources(numbers)
        for number in numbers:
            source = sources[number]
            context = contexts.of(source.inbox, source.internal_date)
            try:
                record = derive(vault.raw(number), context)
            except MessageDamaged:
                record = failed(context, "the vault's copy is damaged: restore vault.db from a backup")
            except MemoryError:
                record = failed(context, self._exhausted)
            yield number, record

    def _opened(self) -> tuple[Vault, Contexts]:
        from watcher.derivation.contexts import Contexts  # noqa: PLC0415

        if self._contexts is None:
            self._contexts = Contexts(self._assignment)
            # The rules stay for as long as the process: without this, the collector walks through them again
            # and again while mail is derived, which takes a twentieth of the time.
            gc.freeze()
        if self._vault is None:
            self._vault = Vault.look(self._assignment.vault, still=self._assignment.still)
        return self._vault, self._contexts

    def close(self) -> None:
        """Close the vault, if it was opened."""
        if self._vault is not None:
            self._vault.close()
            self._vault = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def failed_row(vault: Vault, message_id: int, reason: str) -> Row:
    """The record of a mail that no process could derive."""
    # A process that leaves the deriving to others has no rules until the first mail fails like this.
    from watcher.pipeline import Context, failed  # noqa: PLC0415

    source = vault.source(message_id)
    return message_id, failed(Context(source.inbox, source.internal_date), reason)
