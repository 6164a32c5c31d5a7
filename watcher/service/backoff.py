"""When an inbox that failed may be tried again: later each time, for each inbox alone, never in a storm.

The classes of failure and their waits are those of the errors' table: a refused login waits minutes to an
hour, a
lost connection seconds to five minutes, a certificate until someone acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from watcher.mailbox import (
    AuthenticationFailed,
    CertificateInvalid,
    ChangeRefused,
    EncryptionMissing,
    MailboxError,
    TemporarilyRefused,
)

if TYPE_CHECKING:
    import random

_LOGIN = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
_PERMANENT = (timedelta(minutes=15),)
_REFUSED = tuple(timedelta(seconds=30 * 2**n) for n in range(6))  # 30 s to 16 min
_CONNECTION = tuple(timedelta(seconds=min(300, 2**n)) for n in range(10))  # 1, 2, 4 ... 300 s
_JITTER = 0.25  # a share of the wait: a server that comes back must not meet all its clients at once


@dataclass(frozen=True, slots=True)
class Backoff:
    """The failures in a row of one inbox, and the moment before which it must be left alone."""

    failures: int = 0
    not_before: datetime | None = None

    def due(self, now: datetime) -> bool:
        """Whether the inbox may be tried at `now`."""
        return self.not_before is None or now >= self.not_before

    def after(self, error: Exception, now: datetime, spread: random.Random) -> Backoff:
        """The state after one more failure."""
        steps = _steps(error)
        wait = steps[min(self.failures, len(steps) - 1)]
        return Backoff(self.failures + 1, now + wait * (1 + _JITTER * spread.random()))


def _steps(error: Exception) -> tuple[timedelta, ...]:
    if isinstance(error, AuthenticationFailed):
        return _LOGIN
    if isinstance(error, TemporarilyRefused):
        return _REFUSED
    if isinstance(error, (CertificateInvalid, ChangeRefused, EncryptionMissing)):
        return _PERMANENT
    if isinstance(error, MailboxError):
        return _CONNECTION
    return _PERMANENT
