"""Copies looked at, and put back.

A copy that was never looked at is a hope. `check` opens a database, has SQLite compare every page and index
entry, and compares mails and pictures with their sha256. `restore` checks before it touches anything, keeps
what it replaces under another name, and puts the vault back before the others: whatever interrupts it, what
is there can be restored again.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from watcher.rendering.media import APPLICATION_ID, Media
from watcher.service.backup import MEDIA, STORE, VAULT, BackupError, copies, sync
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
"""Mails, and pictures, that a check looks at unless it is told to take all."""

_Item = TypeVar("_Item")
_WITHOUT = "delete that file to do without it"
_SIDES = ("", "-wal", "-shm")
_APPLICATION_ID = slice(68, 72)  # https://sqlite.org/fileformat2.html, section 1.3.12


class Kind(Enum):
    """Which of the databases a file is; one that is none of ours is opened as a vault, which says so."""

    VAULT = "vault"
    STORE = "store"
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class Checked:
    """One database that was looked at; it is sound when nothing is damaged."""

    path: Path
    kind: Kind
    rows: dict[str, int]  # what there is of what
    unpacked: int = 0  # mails or pictures that were compared with their sha256
    damaged: tuple[int, ...] = ()  # ids of mails that are not what was stored
    spoilt: int = 0  # pictures that are not


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
    return [path for path in (source / VAULT, source / STORE, source / MEDIA) if path.is_file()]


def check(
    path: Path, sample: int | None = SAMPLE, on_item: Callable[[int], None] = lambda _: None
) -> Checked:
    """Look for damage in a database; compare `sample` mails or pictures, spread evenly.

    All of them when it is None. Nothing is written. `on_item` hears of each one. Raises `DatabaseError` when
    the file cannot be read.
    """
    return _CHECKS[_kind(path)](path, sample, on_item)


def _check_vault(path: Path, sample: int | None, on_item: Callable[[int], None]) -> Checked:
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
            on_item(1)
    rows = {"mails": counts.messages, "still to derive": counts.pending, "failed": counts.failed}
    return Checked(path, Kind.VAULT, rows, len(chosen), tuple(damaged))


def _check_store(path: Path, _sample: int | None, _on_item: Callable[[int], None]) -> Checked:
    with closing(Store.look(path)) as store:
        store.integrity_check()
        return Checked(path, Kind.STORE, {"newsletters": store.count()})


def _check_media(path: Path, sample: int | None, on_item: Callable[[int], None]) -> Checked:
    spoilt = 0
    with closing(Media.look(path)) as media:
        media.integrity_check()
        pictures = media.pictures()
        chosen = _spread(pictures, sample)
        for picture in chosen:
            spoilt += not media.is_whole(picture)
            on_item(1)
    return Checked(path, Kind.MEDIA, {"pictures": len(pictures)}, len(chosen), spoilt=spoilt)


_CHECKS: Final = {Kind.VAULT: _check_vault, Kind.STORE: _check_store, Kind.MEDIA: _check_media}


def items_in(path: Path, sample: int | None) -> int:
    """Return how many mails or pictures `check` will compare. Raises `DatabaseError`."""
    kind = _kind(path)
    if kind is Kind.STORE:
        return 0
    if kind is Kind.MEDIA:
        with closing(Media.look(path)) as media:
            there = len(media.pictures())
    else:
        with closing(Vault.look(path)) as vault:
            there = vault.counts().messages
    return there if sample is None else min(there, sample)


def _kind(path: Path) -> Kind:
    with path.open("rb") as file:
        header = file.read(100)
    number = int.from_bytes(header[_APPLICATION_ID], "big")
    return {FORMAT.application_id: Kind.STORE, APPLICATION_ID: Kind.MEDIA}.get(number, Kind.VAULT)


def _spread(items: Sequence[_Item], sample: int | None) -> Sequence[_Item]:
    if sample is None or len(items) <= sample:
        return items
    return [items[n * len(items) // sample] for n in range(sample)]


def restore(
    source: Path, places: Places, now: datetime, *, force: bool, sample: int | None = SAMPLE
) -> Restored:
    """Put the copy `source` in the place of the databases in use.

    What is there is kept beside it under another name, and only with `force`. Raises `BackupError` and
    `DatabaseError`, before anything is touched when the copy is damaged, incomplete, or a daemon runs.
    """
    found = databases_of(source)
    _require_sound(found, sample)
    targets = {VAULT: places.vault, STORE: places.newsletters, MEDIA: places.media}
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
        # Store and pictures without their copy go too: their ids would be those of other mails soon. They are
        # derived and drawn again.
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
        if each.spoilt:
            return f"{each.path}: {each.spoilt} pictures are damaged; {_WITHOUT}"
    there = {each.kind: each.path for each in checked}
    if Kind.VAULT not in there:
        return ""
    with closing(Vault.look(there[Kind.VAULT])) as vault:
        mails = set(vault.message_ids())
    if path := there.get(Kind.STORE):
        with closing(Store.look(path)) as store:
            orphans = store.ids() - mails
        if orphans:
            return f"{path}: {len(orphans)} newsletters have no mail in the vault"
    if path := there.get(Kind.MEDIA):
        with closing(Media.look(path)) as media:
            orphans = media.ids() - mails
        if orphans:
            return f"{path}: pictures of {len(orphans)} mails that are not in the vault; {_WITHOUT}"
    return ""
