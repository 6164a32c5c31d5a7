"""What one worker process may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from watcher.settings import Settings

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The wall around a mail: what it may cost before its worker is ended, and it with it.

    The worst mails of 50 MB within the limits of the message room take 1.6 s and 340 MB.
    """

    deadline: float = 10.0  # seconds that one mail may take
    memory: int = 512 * _MB  # bytes of address space (RLIMIT_AS) of the whole process

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The limits that the settings name."""
        return cls(settings.workers.deadline.total_seconds(), settings.workers.memory)

    @property
    def too_long(self) -> str:
        """Why a mail that ran into the deadline failed."""
        return f"it took longer than {self.deadline:g} s"

    @property
    def too_much(self) -> str:
        """Why a mail that ran out of memory failed."""
        return f"it needed more than {self.memory // _MB} MB"
