"""Derivation: from a message of the vault to its record, in this process or behind a wall.

`Here` derives in this process. `Lanes` derives mail as it arrives, in worker processes that a hostile mail
may fill, stall or kill: it costs that mail and no other. `Seat` is a place for one such process, `Limits` is
what it may take. Who derives opens the vault for itself: ids go to a worker, records come back.

The rules, which take most of the time of a start and most of the memory, are imported where mail is derived
and nowhere else: a process that leaves the work to others stays small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from watcher.derivation.here import Here, failed_row
from watcher.derivation.lanes import Lanes
from watcher.derivation.limits import Limits
from watcher.derivation.protocol import Assignment, Ready
from watcher.derivation.registered import sender_of
from watcher.derivation.seat import Seat, WorkersUnusableError
from watcher.derivation.worker import wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watcher.derivation.protocol import Row
    from watcher.vault import Vault

__all__ = [
    "Assignment",
    "Derivation",
    "Here",
    "Lanes",
    "Limits",
    "Ready",
    "Seat",
    "WorkersUnusableError",
    "failed_row",
    "sender_of",
    "wait",
]


class Derivation(Protocol):
    """Who derives what a vault has pending: `Here`, `Lanes`, or the processes of a batch."""

    def rules(self) -> Ready:
        """Which rules there are; waits until they are loaded."""

    def pending(self, vault: Vault, stopped: Callable[[], bool]) -> Iterator[list[Row]]:
        """Derive what is pending until nothing is; a batch is committed before the next is asked for."""
