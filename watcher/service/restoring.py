"""Copies looked at, and put back.

A copy that was never looked at is a hope. `check` opens a database, has SQLite compare every page and index
entry, and unpacks mails and compares them with their sha256. `restore` checks before it touches anything,
keeps what it replaces under another name, and puts the vault back before the store: whatever interrupts it,
what is there can be restored again.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from watcher.service.backup import STORE, VAULT, BackupError, copies, sync
from watcher.service.presence import alone
from watcher.store import Store
from watcher.store.store import FORMAT
from watcher.vault import MessageDamaged, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from watcher.settings import Store as Places

SAMPLE = 500
"""Mails that a check unpacks unless it is told to take all."""

_SIDES = ("", "-wal", "-shm")
_APPLICATION_ID = slice(68, 72)  # https://sqlite.org/fileformat2.html, section 1.3.12


@dataclass(frozen=True, slots=True)
class Checked:
    """One database that was looked at; it is sound when nothing is damaged."""

    path: Path
    rows: dict[str, int]  # what there is of what
    unpacked: int = 0  # mails that were compared with their sha256
    damaged: tuple[int, ...] = ()  # ids of those that are not what was stored


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put where, and where that is which was there before."""

    placed: tuple[Path, ...]
    kept: tuple[Path, ...]


def databases_of(source: Path) -> list[Path]:
    """Return the databases that `source` names: a file, one copy, or a folder of copies (the newest).

    Raises `BackupError` when there are none.
    """
    if source.is_file():
        return [source]
    if not (source / VAULT).is_file():
        found = copies(source)
        if not found:
            raise BackupError(f"backup {source}: here is neither a copy nor a database")
        source = found[0].path
    return [path for path in (source / VAULT, source / STORE) if path.is_file()]


def check(
    path: Path, sample: int | None = SAMPLE, on_mail: Callable[[int], None] = lambda _: None
) -> Checked:
    """Look for damage in a database; of a vault unpack `sample` mails, evenly spread, or all when it is None.

    Nothing is written. `on_mail` hears of each mail. Raises `DatabaseError` when the file cannot be read.
    """
    if _is_store(path):
        with closing(Store.look(path)) as store:
            store.integrity_check()
            return Checked(path, {"newsletters": store.count()})
    with closing(Vault.look(path)) as vault:
        vault.integrity_check()
        counts = vault.counts()
        chosen = _spread(vault.message_ids(), sample)
        damaged = []
        for number in chosen:
            try:
                vault.raw(number)
            except MessageDamaged:
                damaged.append(number)
            on_mail(1)
    rows = {"mails": counts.messages, "still to derive": counts.pending, "failed": counts.failed}
    return Checked(path, rows, len(chosen), tuple(damaged))


def mails_in(path: Path, sample: int | None) -> int:
    """Return how many mails `check` will unpack. Raises `DatabaseError` when the file cannot be read."""
    if _is_store(path):
        return 0
    with closing(Vault.look(path)) as vault:
        there = vault.counts().messages
    return there if sample is None else min(there, sample)


def _is_store(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(100)
    return int.from_bytes(header[_APPLICATION_ID], "big") == FORMAT.application_id


def _spread(ids: Sequence[int], sample: int | None) -> Sequence[int]:
    if sample is None or len(ids) <= sample:
        return ids
    return [ids[n * len(ids) // sample] for n in range(sample)]


def restore(
    source: Path, places: Places, now: datetime, *, force: bool, sample: int | None = SAMPLE
) -> Restored:
    """Put the copy `source` in the place of the databases in use.

    What is there is kept beside it under another name, and only with `force`. Raises `BackupError` and
    `DatabaseError`, before anything is touched when the copy is damaged, incomplete, or a daemon runs.
    """
    found = databases_of(source)
    _require_sound(found, sample)
    targets = {VAULT: places.vault, STORE: places.newsletters}
    there = [target for target in targets.values() if target.exists()]
    if there and not force:
        raise BackupError(
            f"restore: {' and '.join(map(str, there))} would be replaced; --force does it, and keeps the old "
            "under another name"
        )
    with alone(places.vault, "a vault in use is not replaced"):
        try:
            return _replace(found, targets, now.astimezone(UTC).strftime("replaced-%Y%m%dT%H%M%SZ"))
        except OSError as error:
            raise BackupError(f"restore: {error.filename}: {error.strerror or error}") from error


def _require_sound(found: Sequence[Path], sample: int | None) -> None:
    if found[0].name != VAULT:
        raise BackupError(f"restore: {found[0]}: name the folder of a copy, with {VAULT} in it")
    if problem := problem_of([check(path, sample) for path in found]):
        raise BackupError(f"restore: {problem}; take another copy")


def _replace(found: Sequence[Path], targets: dict[str, Path], suffix: str) -> Restored:
    drafts: list[tuple[Path, Path]] = []
    try:
        for path in found:
            target = targets[path.name]
            draft = target.with_name(f"{target.name}.restoring")
            drafts.append((draft, target))
            _copy(path, draft, 0o600 if path.name == VAULT else 0o660)
        # A store without its copy goes too: its ids would be those of other mails soon. It is derived again.
        kept = [_put_aside(target, suffix) for target in targets.values() if target.exists()]
        for draft, target in drafts:
            draft.replace(target)
            sync(target.parent)
    finally:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)
    return Restored(tuple(target for _, target in drafts), tuple(kept))


def _copy(source: Path, draft: Path, mode: int) -> None:
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as target, source.open("rb") as content:  # noqa: PTH123  # a descriptor
        shutil.copyfileobj(content, target, 1 << 20)
        target.flush()
        os.fsync(descriptor)


def _put_aside(target: Path, suffix: str) -> Path:
    """Rename a database with its side files, which hold its last commits."""
    aside = target.with_name(f"{target.name}.{suffix}")
    for side in _SIDES:
        old = target.with_name(target.name + side)
        if old.exists():
            old.rename(aside.with_name(aside.name + side))
    return aside


def problem_of(checked: Sequence[Checked]) -> str:
    """What speaks against this copy; empty when it is sound.

    Raises `DatabaseError` when it cannot be read.
    """
    for each in checked:
        if each.damaged:
            shown = ", ".join(map(str, each.damaged[:10]))
            return f"{each.path}: {len(each.damaged)} mails are damaged: {shown}"
    vaults = [each.path for each in checked if not _is_store(each.path)]
    stores = [each.path for each in checked if _is_store(each.path)]
    if vaults and stores:
        with closing(Vault.look(vaults[0])) as vault, closing(Store.look(stores[0])) as store:
            orphans = store.ids() - set(vault.message_ids())
        if orphans:
            return f"{stores[0]}: {len(orphans)} newsletters have no mail in the vault"
    return ""
