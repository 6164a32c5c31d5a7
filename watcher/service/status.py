"""How the archive is doing, for a person and for scripts: read from the files, without touching a mailbox.

Wrong is what needs a person: a folder that fails or is late, a disk that takes nothing, a copy that was not
made. Senders gone quiet, confirmations that wait, mails that could not be derived or were left out are notes:
what a sender does must not be able to raise an alarm that nobody can end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.service.backup import copies
from watcher.service.presence import DaemonState, InboxHealth
from watcher.sqlite_errors import shortage
from watcher.vault import Backlog
from watcher.vault.room import moment_of, utc_text

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from watcher.settings import Inbox, Settings
    from watcher.store import Store
    from watcher.vault import InboxState, Vault

CONFIRMABLE = timedelta(days=14)
"""How long a confirmation mail is shown; most of their links have expired by then."""

LATE = 3
"""An inbox is late when its last success is more than this many intervals ago."""

_STALE = timedelta(hours=50)
"""Age at which the newest of the nightly copies is missed: two nights, and time to write it."""

_SKIPS = 10
"""Mails left out that are named; the others are counted."""

_LINE = 120
"""Characters of an error in the line for the service manager."""


@dataclass(frozen=True, slots=True)
class FolderReport:
    """One folder of one inbox; `problem` is empty when it is well. Moments are ISO 8601, or empty."""

    inbox: str
    folder: str
    last_success: str
    problem: str
    failures: int = 0  # in a row, of the inbox
    next_try: str = ""  # before it the inbox is left alone
    pending: int = 0  # in the vault, not derived
    owed: int = 0  # not handed over by the server so far
    skipped: int = 0  # left out for good


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A request to confirm a subscription; its link is in the mailbox and the vault alone."""

    id: int
    sender: str
    received_at: str


@dataclass(frozen=True, slots=True)
class QuietSender:
    """A sender from whom nothing came for three times its usual gap."""

    sender: str
    inbox: str
    last_at: str
    usual_days: float


@dataclass(frozen=True, slots=True)
class FailureReport:
    """Mails that could not be derived, for one reason; `ids` are the first of them."""

    reason: str
    count: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SkippedMail:
    """A mail that was left out for good."""

    inbox: str
    folder: str
    uid: int
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """What a database takes on the disk, in bytes; `wal` is its write-ahead log, not folded in yet."""

    name: str
    bytes: int
    wal: int


@dataclass(frozen=True, slots=True)
class BackupReport:
    """The nightly copies; `last_at` is empty when there is none."""

    directory: str
    copies: int
    last_at: str
    problem: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `watcher status` shows."""

    folders: tuple[FolderReport, ...]
    messages: int
    pending: int
    failed: int
    skipped: int
    confirmations: tuple[Confirmation, ...] = ()
    quiet_senders: tuple[QuietSender, ...] = ()
    failures: tuple[FailureReport, ...] = ()
    skipped_mails: tuple[SkippedMail, ...] = ()
    databases: tuple[DatabaseFile, ...] = ()
    backup: BackupReport | None = None
    waiting: str = ""  # why nothing can be stored
    newest_mail: str = ""
    refused: int = 0  # by what their inbox accepts; in the vault alone
    running: bool = False  # a daemon holds the vault
    started_at: str = ""  # of the daemon

    @property
    def sound(self) -> bool:
        """Whether every folder was read as it should be, and what came can be stored."""
        return not self.waiting and not any(folder.problem for folder in self.folders)

    @property
    def well(self) -> bool:
        """Whether nothing needs a person."""
        return self.sound and (self.backup is None or not self.backup.problem)


def report(
    settings: Settings,
    vault: Vault,
    store: Store | None,
    now: datetime,
    *,
    state: DaemonState | None = None,
    running: bool = False,
) -> Report:
    """The state of every configured folder, of the databases and of the copies, at `now`.

    `store` is None when there is none, or when what only it knows is not asked for. `state` is what the
    daemon left, or has in mind.
    """
    state = state or DaemonState()
    counts = vault.counts()
    newest = vault.newest_at()
    waiting = store.confirmations(utc_text(now - CONFIRMABLE)) if store else []
    quiet = store.quiet_senders(now) if store else []
    return Report(
        folders=_folders(settings, vault, now, state, running),
        messages=counts.messages,
        pending=counts.pending,
        failed=counts.failed,
        skipped=counts.skipped,
        refused=counts.refused,
        confirmations=tuple(Confirmation(*each) for each in waiting),
        quiet_senders=tuple(
            QuietSender(each.name, each.inbox, each.last_at, each.usual_days) for each in quiet
        ),
        failures=tuple(FailureReport(each.reason, each.count, each.ids) for each in vault.failures()),
        skipped_mails=tuple(
            SkippedMail(each.inbox, each.folder, each.uid, each.reason, utc_text(each.at))
            for each in vault.skips(_SKIPS)
        ),
        databases=database_files(settings),
        backup=_backup(settings, state, now),
        waiting=(state.waiting if running else "") or _shortage(settings),
        newest_mail=utc_text(newest) if newest else "",
        running=running,
        started_at=state.started_at if running else "",
    )


def _folders(
    settings: Settings, vault: Vault, now: datetime, state: DaemonState, running: bool
) -> tuple[FolderReport, ...]:
    states = {(each.inbox, each.folder): each for each in vault.inbox_states()}
    backlogs = vault.backlogs()
    found = []
    for inbox in settings.inboxes:
        health = state.inboxes.get(inbox.name, InboxHealth()) if running else InboxHealth()
        for folder in inbox.folders:
            polled = states.get((inbox.name, folder))
            last = polled.last_ok_at if polled else None
            lacks = backlogs.get((inbox.name, folder), Backlog())
            found.append(
                FolderReport(
                    inbox=inbox.name,
                    folder=folder,
                    last_success=last.isoformat() if last else "",
                    problem=_problem(inbox, polled, now, running),
                    failures=health.failures,
                    next_try=health.not_before if health.not_before > utc_text(now) else "",
                    pending=lacks.pending,
                    owed=lacks.owed,
                    skipped=lacks.skipped,
                )
            )
    return tuple(found)


def _problem(inbox: Inbox, polled: InboxState | None, now: datetime, running: bool) -> str:
    if polled is None or (polled.last_ok_at is None and not polled.last_error):
        return "was never polled"
    if polled.last_error:
        return polled.last_error
    if polled.last_ok_at is not None and now - polled.last_ok_at > LATE * inbox.every:
        hint = "see the log of `watcher run`" if running else "is `watcher run` running?"
        return f"no poll succeeded for more than {LATE} intervals; {hint}"
    return ""


def _shortage(settings: Settings) -> str:
    """Look at the disks, too: on a full one the daemon could not even leave word that it waits."""
    for path in (settings.store.vault, settings.store.newsletters):
        if problem := shortage(path):
            return f"{path.parent}: {problem}"
    return ""


def database_files(settings: Settings) -> tuple[DatabaseFile, ...]:
    """What the databases that are there take on the disk."""
    places = (
        ("vault", settings.store.vault),
        ("newsletters", settings.store.newsletters),
        ("media", settings.store.media),
    )
    return tuple(
        DatabaseFile(name, _size(path), _size(path.with_name(f"{path.name}-wal")))
        for name, path in places
        if path.exists()
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _backup(settings: Settings, state: DaemonState, now: datetime) -> BackupReport | None:
    if settings.backup is None:
        return None
    directory = settings.backup.directory
    problem = state.backup_error
    try:
        found = copies(directory)
    except OSError as error:
        found, problem = [], problem or f"the folder cannot be read: {error.strerror or error}"
    if not problem and found and now - found[0].at > _STALE:
        problem = f"the newest copy is {(now - found[0].at).days} days old; is `watcher run` running?"
    if not problem and not found and state.since and now - moment_of(state.since) > _STALE:
        problem = "there is no copy; `watcher backup` makes one"
    return BackupReport(str(directory), len(found), utc_text(found[0].at) if found else "", problem)


def status_line(found: Report, now: datetime) -> str:
    """What a person wants to know, in one line, for the service manager.

    It stands there until it changes, so it names moments and not how long ago they were.
    """
    inboxes = len({folder.inbox for folder in found.folders})
    words = [f"{inboxes} inboxes", f"{found.messages} mails"]
    if found.newest_mail:
        words.append(f"the newest came {_moment(found.newest_mail, now)}")
    if found.pending:
        words.append(f"{found.pending} to derive")
    line = ", ".join(words)
    if found.waiting:
        line = f"WAITING, nothing can be stored: {_short(found.waiting)}; {line}"
    failing: dict[str, FolderReport] = {}
    for folder in found.folders:
        if folder.failures and folder.problem:
            failing.setdefault(folder.inbox, folder)
    if failing:
        first = next(iter(failing.values()))
        line += f"; {len(failing)} failing: {first.inbox}: {_short(first.problem)}"
        line += f", next try {_moment(first.next_try, now)}" if first.next_try else ""
    if found.backup is not None and found.backup.problem:
        line += f"; backup: {_short(found.backup.problem)}"
    return line


def _short(text: str) -> str:
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"


def _moment(text: str, now: datetime) -> str:
    """Return `14:05 UTC`, with the day when it is another one. `text` is of `utc_text`."""
    clock = f"{text[11:16]} UTC"
    return clock if text[:10] == utc_text(now)[:10] else f"{text[:10]} {clock}"
