"""An import whose files are read and derived by a cluster; this process alone writes, vault first."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

from watcher.archive import Derived
from watcher.batch.cluster.client import Task
from watcher.batch.cluster.filing import Filed, Known
from watcher.batch.importing import INBOX, UIDVALIDITY, Imported, batches, store
from watcher.batch.slices import Whole, slices
from watcher.batch.sources import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from watcher.archive import Archive
    from watcher.batch.cluster.client import Cluster
    from watcher.batch.slices import Names, Range, Slice
    from watcher.batch.sources import OnMbox

_FEW = 500
"""Mails that this machine derives alone: the cluster would take longer to hear of them."""


class ClusterImport:
    """One import. What is in the vault already is not stored again, so it can be resumed."""

    def __init__(
        self,
        cluster: Cluster,
        archive: Archive,
        *,
        inbox: str = INBOX,
        max_bytes: int,
        stopped: Callable[[], bool] = lambda: False,
        on_bytes: Callable[[int], None] = lambda _count: None,
        on_mbox: OnMbox = lambda _name, _reading: None,
    ) -> None:
        """`on_bytes` hears how many bytes of the files are done."""
        self._cluster = cluster
        self._archive = archive
        self._inbox = inbox
        self._rules = Rules(max_bytes, on_mbox=on_mbox)
        self._stopped = stopped
        self._on_bytes = on_bytes
        self._numbers = itertools.count()
        self.imported = Imported()
        self.derived = Derived()

    def take(self, paths: Iterable[Path]) -> None:
        """Store and derive every mail below `paths`. Raises what `take_in` does, and `ClusterError`."""
        vault = self._archive.vault
        run = vault.begin_run(self._inbox, "import")
        error = "interrupted"
        try:
            for path in paths:
                self._path(path)
            if not self._stopped():
                error = ""
        except BaseException as problem:
            error = type(problem).__name__
            raise
        finally:
            counted = self.imported
            vault.end_run(
                run,
                seen=counted.seen,
                stored=counted.stored,
                duplicate=counted.duplicate,
                failed=0,
                error=error,
            )

    def _path(self, path: Path) -> None:
        before = self.imported.seen
        for whole, run in _runs(slices(path, self._rules)):
            if whole is not None:
                self._here(whole)
            self._there(run)
            if self._stopped():
                return
        if self.imported.seen == before:
            self._here(Whole(path, str(path), None, 0))  # which says what is missing

    def _here(self, piece: Slice) -> None:
        """Take in what must be read in one go; it is derived in the end."""
        for batch in batches(piece.mails(self._rules)):
            store(self._archive.vault, self._inbox, batch, self._rules.limit, self.imported)
            if self._stopped():
                return
        self._on_bytes(piece.size)

    def _there(self, pieces: Iterable[Names | Range]) -> None:
        """Have the workers read these slices, and store what they send."""
        from watcher.batch.cluster import site  # noqa: PLC0415  # it needs the extra

        under_way: list[Names | Range] = []
        known = ""

        def tasks() -> Iterator[Task]:
            nonlocal known
            for piece in pieces:
                known = known or self._known(piece.source)
                under_way.append(piece)
                arguments = (piece, self._inbox, self._rules.limit, known)
                yield Task(f"{next(self._numbers):08d}", site.file_slice, arguments)

        for values in self._cluster.shards(tasks(), self._stopped):
            piece = under_way.pop(0)
            self._store(piece.source, [Filed.unpacked(value) for value in values])
            self._on_bytes(piece.size)
        if known:
            self._cluster.directory.forget(known)

    def _known(self, source: str) -> str:
        """Write down what is in the vault of this source, for the workers to leave out."""
        mailbox = self._archive.vault.mailbox(self._inbox, source)
        name = f"{next(self._numbers):08d}.known"
        known = Known(self._archive.vault.uids_with_message(mailbox.id, UIDVALIDITY))
        known.write(self._cluster.directory.path / name)
        return name

    def _store(self, source: str, filed: list[Filed]) -> None:
        """Commit mails to the vault, and then the records of those that are new."""
        vault = self._archive.vault
        arrivals = [each.arrival for each in filed if each.arrival.raw is not None or each.arrival.skipped]
        self.imported.seen += len(filed)
        self.imported.known += len(filed) - len(arrivals)
        if not arrivals:
            return
        stored = vault.store(
            vault.mailbox(self._inbox, source).id, arrivals, uidvalidity=UIDVALIDITY, last_uid=0
        )
        self.imported.stored += len(stored.new)
        self.imported.duplicate += stored.duplicates
        self.imported.known += stored.known
        records = {
            hashlib.sha256(each.arrival.raw).digest(): each.record
            for each in filed
            if each.record is not None and each.arrival.raw is not None
        }
        digests = vault.digests(stored.new)
        rows = [
            (number, record) for number in stored.new if (record := records.get(digests[number])) is not None
        ]
        if rows:
            self.derived += self._archive.commit(rows)

    def derive_rest(self) -> None:
        """Derive what has no record yet: archives, what an earlier run left. Raises `ClusterError`."""
        ids = self._archive.vault.pending_ids()
        found = (
            self._cluster.derive(ids, stopped=self._stopped)
            if len(ids) > _FEW
            else self._cluster.pending(self._archive.vault, self._stopped)
        )
        for rows in found:
            self.derived += self._archive.commit(rows)


def _runs(pieces: Iterable[Slice]) -> Iterator[tuple[Whole | None, Iterator[Names | Range]]]:
    """Each `Whole`, if there is one, with the slices up to the next, to be read before that is asked for."""
    remaining = iter(pieces)
    whole: Whole | None = None
    ended = False

    def slices_up_to_whole() -> Iterator[Names | Range]:
        nonlocal whole, ended
        for piece in remaining:
            if isinstance(piece, Whole):
                whole = piece
                return
            yield piece
        ended = True

    while not ended:
        this, whole = whole, None
        yield this, slices_up_to_whole()
