"""What a rebuild would change, before it does: fields with counts and a few examples. Nothing is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watcher.batch.rebuilding import all_ids
from watcher.batch.workers import Derivers
from watcher.record import Status
from watcher.store import Store
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from watcher.record import Record
    from watcher.settings import SenderSettings, Settings

EXAMPLES = 5
"""Newsletters that are named for each field."""


@dataclass(frozen=True, slots=True)
class Example:
    """A newsletter of which a field would change, and from what to what: text of the mail."""

    id: int
    before: Any
    after: Any


@dataclass(slots=True)
class Review:
    """The outcome. Ids are those of newsletters."""

    looked_at: int = 0
    changed: int = 0
    new: list[int] = field(default_factory=list)  # in the vault, not in the store
    gone: list[int] = field(default_factory=list)  # in the store, and not in the vault or no longer accepted
    fields: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)  # by field, `EXAMPLES` at most
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)  # rules of the row, rules of today

    @property
    def is_empty(self) -> bool:
        """Whether a rebuild would give the rows that are there, whatever version made them."""
        return not (self.changed or self.new or self.gone)


def review(
    settings: Settings,
    senders: Sequence[SenderSettings],
    *,
    failed: bool = False,
    where: str | None = None,
    workers: int = 1,
    on_begin: Callable[[int], None] = lambda _total: None,
    on_batch: Callable[[int], None] = lambda _count: None,
) -> Review:
    """Derive every mail, or those that failed and those of the condition `where`, and compare.

    `on_begin` gets how many there are, `on_batch` how many more were compared. Raises `VaultError` and
    `StoreError`.
    """
    found = Review()
    with (
        Derivers(settings, senders, workers=workers) as derivers,  # first: see `Seat`
        Vault.look(settings.store.vault) as vault,
        Store.look(settings.store.newsletters) as store,
    ):
        everything = not failed and where is None
        ids: Iterable[int]
        if everything:
            total = vault.counts().messages
            ids = all_ids(vault)
        else:
            chosen = (vault.failed_ids() if failed else set()) | (store.ids(where) if where else set())
            total, ids = len(chosen), sorted(chosen)
        on_begin(total)
        unseen = store.ids() if everything else set()
        for rows in derivers.derive(ids):
            archived = [row for row in rows if row[1].status is not Status.REFUSED]
            _compare(store, archived, found)
            unseen.difference_update(number for number, _ in archived)
            on_batch(len(rows))
        found.gone = sorted(unseen)
    return found


def _compare(store: Store, rows: Sequence[tuple[int, Record]], found: Review) -> None:
    records = dict(rows)
    found.looked_at += len(rows)
    for each in store.differences(rows):
        if each.version is None:
            found.new.append(each.id)
            continue
        found.versions[each.version, records[each.id].pipeline_version] += 1
        found.changed += bool(each.changes)
        for change in each.changes:
            found.fields[change.field] += 1
            examples = found.examples.setdefault(change.field, [])
            if len(examples) < EXAMPLES:
                examples.append(Example(each.id, change.before, change.after))
