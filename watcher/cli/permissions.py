"""Who can read what: the part of `watcher check` about the permissions of vault and store.

WAL needs `-wal` and `-shm` beside the store. They vanish when the last writer closes, and then the next
*reader* must be able to make them, in a way that the writer can use them afterwards. Which modes give that is
not obvious (a directory 0750 fails only while the daemon rests; a file 0640 in a directory 2770 locks the
daemon out), so it is tried: beside the store, on a small database with its owner, its group and its mode.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.cli.accounts import Account, acting, group_name, members
from watcher.store import Store, StoreError
from watcher.vault import Vault, VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from watcher.settings import Settings

DAEMON = "watcher"
"""The account of the service, by `systemd/watcher.sysusers`."""

READER = "watcher-datasette"
"""The account of the web pages, by the same file."""

_SIDES = ("-wal", "-shm")
_PATIENCE = 10.0  # seconds to wait for a lock; nobody else knows the trial's database
_BEYOND_OWNER = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `text` says what to do when it is not well."""

    subject: str
    well: bool
    text: str


def look(settings: Settings, reader: Account | None) -> Iterator[Finding]:
    """Open both databases as the account that they belong to, and try who else can use them.

    `reader` is who reads the store beside its owner, see `reader_of`.
    """
    store, vault = settings.store.newsletters, settings.store.vault
    yield _as_owner("vault", vault, lambda: _vault_opens(vault))
    yield _as_owner("store", store, lambda: _store_opens(store))
    yield from _who_reads_the_vault(vault, store)
    yield from _settings_for_owner(settings.path, store)
    if reader is not None:
        yield _sharing(store, reader)


def reader_of(store: Path, named: str | None = None) -> Account | None:
    """Return who beside its owner reads `store`: who is named, else the web pages' account.

    None: nobody that we know of; the web pages' account is meant for the store of the service only. Raises
    `LookupError` when there is no account of that name.
    """
    if named is not None:
        if (account := Account.named(named)) is None:
            raise LookupError(f"there is no account {named} on this machine")
        return account
    if Account.owning(store).name != DAEMON:
        return None
    return Account.named(READER)


def _as_owner(subject: str, path: Path, opens: Callable[[], tuple[bool, str]]) -> Finding:
    """What `opens` answers as the account that `path` belongs to: to root everything is open.

    Who is not root looks as who they are.
    """
    owner = Account.owning(path)
    if not path.exists():
        return _not_there(subject, path)
    if os.geteuid() != 0 or owner.is_this_process:
        return Finding(subject, *opens())

    @contextmanager
    def part() -> Iterator[str]:
        well, text = opens()
        yield f"{'well' if well else 'ill'} {text}"

    word, _, text = _as(owner, part).partition(" ")
    return Finding(subject, word == "well", text)


def _not_there(subject: str, path: Path) -> Finding:
    """A database that is not made yet, and not made here: one that root makes the daemon could not write."""
    folder = next(each for each in path.absolute().parents if each.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".watcher-check-", dir=folder):
            pass
    except OSError as error:
        who = f"user id {os.geteuid()} may not write in {folder}"
        return Finding(subject, False, f"{path} cannot be made: {who} ({error.strerror})")
    return Finding(subject, True, f"{path} is not there yet; the first `watcher run` or `poll` makes it")


def _vault_opens(path: Path) -> tuple[bool, str]:
    try:
        with Vault.open(path, create=False) as vault:
            return True, f"{path} is writable, {vault.counts().messages} mails"
    except VaultError as error:
        return False, str(error)


def _store_opens(path: Path) -> tuple[bool, str]:
    try:
        with Store.open(path, create=False) as store:
            return True, f"{path} is writable, {store.count()} newsletters"
    except StoreError as error:
        return False, str(error)


def _who_reads_the_vault(vault: Path, store: Path) -> Iterator[Finding]:
    """Whether the mails as they came are their owner's alone."""
    files = [each for each in (vault, *_beside(vault)) if each.exists()]
    if opened := [each for each in files if each.stat().st_mode & _BEYOND_OWNER]:
        names = " ".join(map(str, opened))
        yield Finding("vault", False, f"others may read or write the vault: run `chmod 600 {names}`")
    folder = vault.parent
    if not folder.exists() or not (others := _who_else_may_write(folder)):
        return
    what = f"{', '.join(others)} may delete or replace the vault"
    if folder == store.parent:
        own = folder / "vault"
        remedy = f"move it to a directory of its own, `mkdir -m 700 {own}`, and write that in the settings"
    else:
        remedy = f"run `chmod 700 {folder}`"
    yield Finding("vault", False, f"{what}: {remedy}")


def _settings_for_owner(settings: Path, store: Path) -> Iterator[Finding]:
    """Whether the account that owns the store can read the settings; only root can try."""
    owner = Account.owning(store)
    if os.geteuid() != 0 or owner.is_this_process:
        return
    if refusal := _as(owner, lambda: _readable(settings)):
        group = group_name(owner.gid)
        yield Finding(
            "settings",
            False,
            f"{owner.name}, who owns the store, cannot read {settings} ({refusal}): "
            f"run `chgrp {group} {settings}` and `chmod 640 {settings}`",
        )


def _sharing(store: Path, reader: Account) -> Finding:
    """Whether `reader` can read the store at any time, and the daemon use it afterwards."""
    if not store.exists():
        return Finding("store", True, f"not there yet, so nobody tried to read it as {reader.name}")
    if os.geteuid() != 0:
        return Finding("store", True, f"run this as root to try whether {reader.name} can read it")
    problem = _try_sharing(store, reader)
    if problem:
        return Finding("store", False, f"{problem}: {_remedy(store, reader)}")
    return Finding(
        "store",
        True,
        f"{reader.name} can read it while the daemon runs and while it rests, and the daemon goes on",
    )


def _try_sharing(store: Path, reader: Account) -> str:
    """The first thing that goes wrong; empty when all is well."""
    owner = Account.owning(store)
    trial = store.with_name(f".{store.name}.check-{os.getpid()}")
    try:
        if refusal := _as(owner, lambda: _make(trial, store)):
            return f"{owner.name}, who owns the store, cannot write beside it ({refusal})"
        with acting(owner, lambda: _writing(trial)) as problem:
            if refusal := problem or _as(reader, lambda: _reading(trial)):
                return f"{reader.name} cannot read it while the daemon runs ({refusal})"
        if refusal := _as(reader, lambda: _reading(trial)):
            return f"{reader.name} cannot read it while the daemon rests ({refusal})"
        if refusal := _as(owner, lambda: _writing(trial)):
            return f"after {reader.name} has read it, the daemon cannot write ({refusal})"
        if refusal := _as(reader, lambda: _reading(store)):
            return f"{reader.name} cannot read it now ({refusal})"
    finally:
        _as(owner, lambda: _removed(trial))
    return ""


def _as(account: Account, part: Callable[[], AbstractContextManager[str]]) -> str:
    with acting(account, part) as answer:
        return answer


@contextmanager
def _readable(path: Path) -> Iterator[str]:
    try:
        with path.open("rb"):
            yield ""
    except OSError as error:
        yield error.strerror or str(error)


@contextmanager
def _make(trial: Path, store: Path) -> Iterator[str]:
    """Make the file of the trial, as like the store as its owner can."""
    status = store.stat()
    try:
        handle = os.open(trial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        yield error.strerror or str(error)
        return
    with suppress(PermissionError):  # of a group that its owner is not in
        os.fchown(handle, -1, status.st_gid)
    os.fchmod(handle, stat.S_IMODE(status.st_mode))
    os.close(handle)
    yield ""


@contextmanager
def _writing(trial: Path) -> Iterator[str]:
    """Write a row, as the daemon does, and stay connected."""
    try:
        with closing(sqlite3.connect(trial, isolation_level=None, timeout=_PATIENCE)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE IF NOT EXISTS trial (row)")
            database.execute("INSERT INTO trial VALUES (1)")
            yield ""
    except sqlite3.Error as error:
        yield str(error)


@contextmanager
def _reading(path: Path) -> Iterator[str]:
    """Read as Datasette does: read-only."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield ""
    except sqlite3.Error as error:
        yield str(error)


@contextmanager
def _removed(trial: Path) -> Iterator[str]:
    for path in (trial, *_beside(trial)):
        with suppress(OSError):
            path.unlink()
    yield ""


def _remedy(store: Path, reader: Account) -> str:
    """What to change, of all that sharing needs."""
    folder, status = store.parent, store.stat()
    group = group_name(status.st_gid)
    steps = []
    if status.st_gid not in reader.groups:
        steps.append(f"usermod --append --groups {group} {reader.name}")
    if folder.stat().st_gid != status.st_gid:
        steps.append(f"chgrp {group} {folder}")
    if folder.stat().st_mode & 0o2070 != 0o2070:
        steps.append(f"chmod 2770 {folder}")
    files = [
        each for each in (store, *_beside(store)) if each.exists() and each.stat().st_mode & 0o060 != 0o060
    ]
    if files:
        steps.append(f"chmod 660 {' '.join(map(str, files))}")
    steps += [f"chmod o+x {each}" for each in reversed(folder.parents) if not _may_enter(each, reader)]
    if not steps:
        return "modes and groups are right; look for an ACL, a mount option or a security module"
    return "run " + ", ".join(f"`{step}`" for step in steps)


def _may_enter(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid in account.groups:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _who_else_may_write(folder: Path) -> list[str]:
    """Return the accounts beside its owner and root that may delete what is in `folder`."""
    status = folder.stat()
    if status.st_mode & stat.S_ISVTX:  # then only the owner of a file may delete it
        return []
    if status.st_mode & stat.S_IWOTH:
        return ["everybody"]
    if not status.st_mode & stat.S_IWGRP:
        return []
    return sorted(members(status.st_gid) - {Account.owning(folder).name, "root"})


def _beside(database: Path) -> tuple[Path, ...]:
    return tuple(database.with_name(database.name + side) for side in _SIDES)
