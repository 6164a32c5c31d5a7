"""How the archive is doing, for a person and for scripts: read from the vault, without touching a mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.pipeline import utc_text

if TYPE_CHECKING:
    from datetime import datetime

    from watcher.settings import Settings
    from watcher.store import Store
    from watcher.vault import Vault

_CONFIRMABLE = timedelta(days=14)
"""How long a confirmation mail is shown; most of their links have expired by then."""

_LATE = 3
"""An inbox is late when its last success is more than this many intervals ago."""


@dataclass(frozen=True, slots=True)
class FolderReport:
    """One folder of one inbox; `problem` is empty when it is well."""

    inbox: str
    folder: str
    last_success: str  # ISO 8601, empty when there was none
    problem: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A request to confirm a subscription; its link is in the mailbox and the vault alone."""

    id: int
    sender: str
    received_at: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `watcher status` shows."""

    folders: tuple[FolderReport, ...]
    messages: int
    pending: int
    failed: int
    skipped: int
    confirmations: tuple[Confirmation, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing needs a person."""
        return not any(folder.problem for folder in self.folders)


def report(settings: Settings, vault: Vault, store: Store | None, now: datetime) -> Report:
    """The state of every configured folder, of the vault, and of the store if there is one, at `now`."""
    states = {(state.inbox, state.folder): state for state in vault.inbox_states()}
    folders = []
    for inbox in settings.inboxes:
        for folder in inbox.folders:
            state = states.get((inbox.name, folder))
            last = state.last_ok_at if state else None
            problem = ""
            if state is None or (last is None and not state.last_error):
                problem = "was never polled"
            elif state.last_error:
                problem = state.last_error
            elif last is not None and now - last > _LATE * inbox.every:
                problem = f"no poll succeeded for more than {_LATE} intervals; is `watcher run` running?"
            folders.append(FolderReport(inbox.name, folder, last.isoformat() if last else "", problem))
    counts = vault.counts()
    waiting = store.confirmations(utc_text(now - _CONFIRMABLE)) if store is not None else []
    return Report(
        tuple(folders),
        counts.messages,
        counts.pending,
        counts.failed,
        counts.skipped,
        tuple(Confirmation(*each) for each in waiting),
    )
