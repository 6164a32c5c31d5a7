"""The daemon's mark beside the vault: a lock while it runs, and what nobody but it knows.

`vault.db.lock` is locked (flock(2)) by the one daemon of a vault for as long as it lives; the kernel lets go
of it however the process ends. `vault.db.daemon` is a small JSON file, replaced as a whole, for `status` and
for the next start: until when an inbox is left alone, why nothing can be stored, whether the end was clean.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from watcher.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PATIENCE = 2.0  # seconds; who only asks whether a daemon runs holds the lock for a moment
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class InboxHealth:
    """The failures in a row of an inbox, and the moment (ISO 8601) before which it is left alone."""

    failures: int = 0
    not_before: str = ""


@dataclass(frozen=True, slots=True)
class DaemonState:
    """What a daemon leaves beside the vault. Moments are UTC, ISO 8601; empty when they have not come."""

    since: str = ""  # the first start of a daemon on this vault
    started_at: str = ""
    ended_at: str = ""  # empty while it runs, and for ever after a crash
    waiting: str = ""  # why nothing can be stored; empty when it can
    inboxes: Mapping[str, InboxHealth] = field(default_factory=dict)  # those that fail
    quiet: tuple[str, ...] = ()  # the senders that the log has named as quiet
    kept_house_at: str = ""
    backup_error: str = ""  # why the last copy could not be made

    @property
    def unclean(self) -> bool:
        """Whether a daemon began and never ended: a power cut, kill -9. Ask before the next one begins."""
        return bool(self.started_at) and not self.ended_at


def lock_path(vault: Path) -> Path:
    """Return the file that a running daemon keeps locked."""
    return vault.with_name(vault.name + ".lock")


def state_path(vault: Path) -> Path:
    """Return the file of the daemon's state."""
    return vault.with_name(vault.name + ".daemon")


@contextmanager
def alone(vault: Path, purpose: str = "only one daemon may work on a vault") -> Iterator[None]:
    """Hold the daemon's lock. Raises `VaultError` when another process holds it, or it cannot be made."""
    try:
        vault.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # as the vault itself makes it
        descriptor = os.open(lock_path(vault), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise VaultError(f"vault {vault}: its lock cannot be made: {error.strerror or error}") from error
    try:
        if not _locked(descriptor, fcntl.LOCK_EX, _PATIENCE):
            raise VaultError(f"vault {vault}: `watcher run` is running on it; {purpose}: stop it first")
        yield
    finally:
        os.close(descriptor)


def is_running(vault: Path) -> bool:
    """Whether a daemon holds the vault now."""
    try:
        descriptor = os.open(lock_path(vault), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # there never was one
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH, 0)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def read_state(vault: Path) -> DaemonState:
    """Return what the last daemon left; an empty state when there was none, or when it cannot be read."""
    try:
        content: Any = json.loads(state_path(vault).read_text(encoding="utf-8"))
        inboxes = {name: InboxHealth(**health) for name, health in content.pop("inboxes").items()}
        return DaemonState(**{**content, "inboxes": inboxes, "quiet": tuple(content["quiet"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # a newer version's, or half a file
        return DaemonState()


def write_state(vault: Path, state: DaemonState) -> None:
    """Replace what is beside the vault. Raises `OSError`."""
    write_whole(state_path(vault), json.dumps(asdict(state), indent=1).encode(), 0o600)


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Replace a file at once: who reads it sees the old or the new content. Raises `OSError`."""
    # The name ends otherwise than what it becomes: a collector that reads *.prom must not read half of it.
    draft = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor
            os.fchmod(descriptor, mode)  # whatever the umask says
            file.write(content)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
