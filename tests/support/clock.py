"""A clock that a test turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class Clock:
    """Stands in for whatever tells the time: calling it returns `now`, until the test sets another."""

    now: datetime

    def __call__(self) -> datetime:
        """What time it is."""
        return self.now
