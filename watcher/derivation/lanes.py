"""Mail as it arrives, in two worker processes: one for all that goes well, one for what does not.

The quick lane keeps a warm worker: a mail is derived within milliseconds. It gives no mail more than a
second. An inbox whose mail breaks the worker, or is slow, goes to the slow lane until nothing of it is
pending; there each mail has the full deadline, and the inboxes take turns. So an inbox full of bad mail
delays itself.

A mail that a worker did not survive is tried once more, in a fresh one; then it has failed. The vault knows
about the first time, so that the rule holds across a restart of the whole program.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Self

from watcher.derivation.here import failed_row
from watcher.derivation.limits import Limits
from watcher.derivation.protocol import Assignment
from watcher.derivation.seat import Seat
from watcher.derivation.worker import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from watcher.derivation.protocol import Ready, Row
    from watcher.derivation.seat import Lost
    from watcher.settings import SenderSettings, Settings
    from watcher.vault import Vault

_BATCH = 20
"""Mails derived between two commits, and between two looks at what else has arrived."""

_PATIENCE = 1.0  # seconds for a mail of the quick lane; an ordinary one takes a thousandth
_ROUND = 5.0  # seconds after which a batch was slow as a whole, and its slowest inbox leaves the quick lane
_LOOK = 0.1  # seconds between two looks for new mail while only the slow lane works
_IDLE = 15 * 60.0  # seconds without mail after which the warm worker ends, too


class Lanes:
    """Derives what a vault has pending. A context manager; for one thread."""

    def __init__(self, assignment: Assignment, limits: Limits, *, program: str = PROGRAM) -> None:
        self._quick = Seat(assignment, limits, program)
        self._slow = Seat(assignment, limits, program)
        self._patience = min(_PATIENCE, limits.deadline)
        self._suspects: deque[str] = deque()  # inboxes of the slow lane; the first is the next
        self._worked_at = time.monotonic()

    @classmethod
    def of(cls, settings: Settings, senders: Sequence[SenderSettings]) -> Self:
        """Lanes for the mail of these inboxes, with the limits of the settings."""
        return cls(Assignment.of(settings, senders), Limits.of(settings))

    def rules(self) -> Ready:
        """Which rules there are; waits until a worker has loaded them."""
        return self._quick.rules()

    def pending(self, vault: Vault, stopped: Callable[[], bool]) -> Iterator[list[Row]]:
        """Derive what `vault` has pending, until nothing is; each batch must be committed before the next.

        Raises `VaultError`, and `WorkersUnusableError` when no process can be started.
        """
        if self._quick.owed:  # an earlier call was given up in the midst of a batch
            self._quick.close()
        while not stopped():
            ids = [each.message_id for each in vault.pending(_BATCH, without=self._suspects)]
            if ids:
                yield from self._quick_batch(vault, ids)
            yield from self._slow_mail(vault, 0 if ids else _LOOK)
            if not ids and not self._suspects:
                break
            self._worked_at = time.monotonic()
        self._rest()

    def _quick_batch(self, vault: Vault, ids: list[int]) -> Iterator[list[Row]]:
        """The records of these messages, up to one that its worker did not survive."""
        rows: list[Row] = []
        spent: defaultdict[str, float] = defaultdict(float)
        began = before = time.monotonic()
        self._quick.give(ids)
        while self._quick.owed:
            harvest = self._quick.take(self._patience, self._patience)
            now = time.monotonic()
            for row in harvest.rows:
                spent[row[1].inbox] += now - before
                before = now
            rows += harvest.rows
            if harvest.lost is not None:
                rows += self._judge(vault, harvest.lost, again=harvest.lost.late)
        if before - began > _ROUND:
            self._suspect(max(spent, key=spent.__getitem__))
        if rows:
            yield rows

    def _slow_mail(self, vault: Vault, seconds: float) -> Iterator[list[Row]]:
        """The record of a mail of the slow lane, if there is one within so many seconds."""
        if not self._slow.owed:
            number = self._next_suspect(vault)
            if number is None:
                self._slow.close()
                return
            self._slow.give((number,))
        harvest = self._slow.take(seconds)
        rows = harvest.rows
        if harvest.lost is not None:
            rows += self._judge(vault, harvest.lost, again=False)
        if rows:
            yield rows

    def _judge(self, vault: Vault, lost: Lost, *, again: bool) -> list[Row]:
        """Leave a mail that its worker did not survive pending for another one, or give it up.

        `again`: it was merely slow for the quick lane, which is nothing to note.
        """
        self._suspect(vault.source(lost.message_id).inbox)
        if again or vault.strike(lost.message_id, lost.reason):
            return []
        return [failed_row(vault, lost.message_id, lost.reason)]

    def _suspect(self, inbox: str) -> None:
        if inbox not in self._suspects:
            self._suspects.append(inbox)

    def _next_suspect(self, vault: Vault) -> int | None:
        """The next mail of the slow lane; an inbox of which nothing is pending leaves the lane."""
        while self._suspects:
            inbox = self._suspects[0]
            if waiting := vault.pending(1, inbox=inbox):
                self._suspects.rotate(-1)
                return waiting[0].message_id
            self._suspects.popleft()
        return None

    def _rest(self) -> None:
        """Keep a worker warm while mail is coming in, and none when hardly any does."""
        if time.monotonic() - self._worked_at > _IDLE:
            self._quick.close()
        else:
            self._quick.warm()

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        self._quick.close()
        self._slow.close()

    def __enter__(self) -> Self:
        self._quick.warm()  # it loads the rules while the databases are opened
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
