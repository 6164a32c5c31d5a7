"""The vaults of several watchers in one: each mail once, with every place where it arrived.

A message is known by the sha256 of its bytes. The vault that is merged into gives each its number when it
comes for the first time, and keeps it: that number is the id in newsletters.db, the same after any number of
merges. Each folder of each vault is a mailbox of its own here, so a delivery that two machines saw is there
twice, and a daemon that writes into the same vault is not disturbed.

How far a vault was read is the cursor of a mailbox too, `merge` and the vault's identity. It moves behind
what is committed; what an interrupted merge has done twice is known the second time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from watcher.vault import Arrived, Mailbox

INBOX = "merge"
"""The inbox of the mailboxes that hold cursors."""

_UIDVALIDITY = 1  # the deliveries of a vault are named by `Arrived.merged_uid`, for ever
_PAGE = 200  # deliveries
_BYTES = 16 << 20


@dataclass(slots=True)
class Merged:
    """What came from one vault, in deliveries. `known` ones were merged before."""

    seen: int = 0
    stored: int = 0  # their mail is new
    duplicate: int = 0  # their mail was there, from elsewhere
    known: int = 0


def owed(target: Vault, paths: Sequence[Path]) -> int:
    """How many deliveries are still to be merged."""
    total = 0
    for path in paths:
        with Vault.look(path) as source:
            total += source.delivery_count(_Reading(source, target).cursor)
    return total


def merge(
    target: Vault,
    path: Path,
    *,
    stopped: Callable[[], bool] = lambda: False,
    on_batch: Callable[[int], None] = lambda _count: None,
) -> Merged:
    """Take over what the vault at `path` has since it was merged last; it is only read, its daemon may run.

    `on_batch` hears of each commit how many deliveries it held. Raises `VaultError`.
    """
    outcome = Merged()
    with Vault.look(path) as source:
        target.take_keys(source.all_keys())
        for batch in _Reading(source, target).batches():
            _store(source, target, batch, outcome)
            on_batch(len(batch))
            if stopped():
                break
    return outcome


class _Reading:
    """Where in a source the merge is."""

    def __init__(self, source: Vault, target: Vault) -> None:
        self._source = source
        self._target = target
        self._identity = source.identity()
        self.cursor = self._trusted_cursor()

    def _trusted_cursor(self) -> int:
        """The last delivery that was merged; 0 when the source is not the one that it was."""
        if self._identity is None:
            return 0
        cursor = self._cursor_box().last_uid
        last = self._source.arrived(cursor - 1, 1) if cursor else []
        if not last or last[0].id != cursor:
            return 0  # it was restored from an older copy: delivery numbers may have been given anew
        box = _mailbox(self._target, self._identity, last[0])
        return cursor if self._target.has_delivery(box.id, _UIDVALIDITY, last[0].merged_uid) else 0

    def _cursor_box(self) -> Mailbox:
        return self._target.mailbox(INBOX, str(self._identity))

    def batches(self) -> Iterator[list[Arrived]]:
        """The deliveries that are still to be merged; the cursor moves when the next batch is asked for."""
        if self._identity is None:
            return
        while page := self._source.arrived(self.cursor, _PAGE):
            for batch in _limited(page):
                yield batch
                self.cursor = batch[-1].id
                self._target.store(self._cursor_box().id, [], uidvalidity=_UIDVALIDITY, last_uid=self.cursor)


def _limited(page: Sequence[Arrived]) -> Iterator[list[Arrived]]:
    batch: list[Arrived] = []
    size = 0
    for each in page:
        if batch and size + each.size > _BYTES:
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += each.size
    yield batch


def _mailbox(target: Vault, identity: str, arrived: Arrived) -> Mailbox:
    return target.mailbox(arrived.inbox, f"{identity}/{arrived.folder}")


def _store(source: Vault, target: Vault, batch: Sequence[Arrived], outcome: Merged) -> None:
    digests = source.digests(each.message for each in batch if each.message is not None)
    folders: defaultdict[tuple[str, str], list[Arrived]] = defaultdict(list)
    for each in batch:
        folders[each.inbox, each.folder].append(each)
    identity = str(source.identity())
    for arrived in folders.values():
        box = _mailbox(target, identity, arrived[0])
        arrivals = [_arrival(source, target, each, digests) for each in arrived]
        stored = target.store(box.id, arrivals, uidvalidity=_UIDVALIDITY, last_uid=0)
        outcome.stored += len(stored.new)
        outcome.duplicate += stored.duplicates
        outcome.known += stored.known
    outcome.seen += len(batch)


def _arrival(source: Vault, target: Vault, arrived: Arrived, digests: dict[int, bytes]) -> Arrival:
    there = target.with_digest(digests[arrived.message]) if arrived.message is not None else None
    wanted = arrived.message is not None and there is None
    return Arrival(
        uid=arrived.merged_uid,
        raw=source.raw(arrived.message) if wanted and arrived.message is not None else None,
        internal_date=arrived.internal_date,
        size=arrived.size,
        skipped=arrived.skipped,
        message=there,
        left_alone=True,
    )
