"""The watch over one inbox: its connections, what it is asked to do, and how it went.

Each folder has a connection of its own that idles between two passes, as far as the server has IDLE and
allows so many; other folders, and servers without IDLE, are polled. After a pass every connection is idling
in the hub or closed.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from watcher.clock import utc_now
from watcher.mailbox import (
    ChangeRefused,
    ConnectionLost,
    FolderMissing,
    MailboxError,
    PushRefused,
    TemporarilyRefused,
)
from watcher.mailbox.connections import connection_limit
from watcher.service.backoff import Backoff
from watcher.service.inbox import Pass
from watcher.service.polling import Polled, poll_folder
from watcher.settings import SecretError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from watcher.mailbox import Session
    from watcher.service.hub import Hub
    from watcher.settings import Inbox
    from watcher.vault import Vault

STEADY = 60.0
"""Seconds for which IDLE must have held when its end is not to count as a failure: servers end it after half
an hour, or with a token; one that ends it at once must not be met with a storm of logins."""

_REFUSED = timedelta(days=1)
"""How long a server that refuses IDLE is not asked for it again: it may be updated."""

_CROWDED = timedelta(hours=1)
"""How long an account is content with the connections that it got when another one was refused."""


_Problem = TypeVar("_Problem", bound=Exception)


class Line:
    """A connection that stays open for one folder."""

    def __init__(self, watch: Watch, folder: str, session: Session) -> None:
        self.watch = watch
        self.folder = folder
        self.session = session
        self.idling = False
        self.began = 0.0  # time.monotonic() of the last IDLE

    def fileno(self) -> int:
        """For the hub."""
        return self.session.fileno()

    def heard(self) -> bool:
        """For the hub."""
        return self.session.heard()

    def idle(self) -> None:
        """Have the server tell of arrivals."""
        self.session.idle()
        self.idling = True
        self.began = time.monotonic()

    def awake(self) -> None:
        """Make the connection take commands."""
        if self.idling:
            self.idling = False
            self.session.awake()

    @property
    def steady(self) -> bool:
        """Whether IDLE has held for so long that its end is nothing unusual."""
        return time.monotonic() - self.began >= STEADY


class Watch:
    """See the module. `run` is for one thread at a time, everything else for any.

    `connect` logs in; `clock` and `spread` time the retries.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        connect: Callable[[Inbox], Session],
        hub: Hub[Line],
        spread: random.Random,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.inbox = inbox
        self.backoff = Backoff()  # of connecting and polling
        self.failing = False  # the last look at some folder went wrong
        self._connect = connect
        self._hub = hub
        self._spread = spread
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._drops = Backoff()  # of IDLE: connections that ended soon after they began
        self._no_push_before: datetime | None = None
        self._limit = connection_limit(inbox.host)
        self._crowded_until: datetime | None = None
        self._lock = threading.Lock()
        self._next: Inbox | None = inbox  # the settings from the next pass on; None: the watch is over
        self._due = False
        self._hints: set[str] = set()

    def want_poll(self) -> None:
        """Have the next pass look at every folder."""
        with self._lock:
            self._due = True

    def hint(self, folder: str) -> None:
        """Have the next pass look at this folder: its server spoke, or is gone, or IDLE must be renewed."""
        with self._lock:
            self._hints.add(folder)

    def change(self, inbox: Inbox | None) -> None:
        """Take over other settings with the next pass; None ends the watch with it."""
        with self._lock:
            self._next = inbox
            self._due = True

    @property
    def server(self) -> str:
        """The server's name and port, for whoever shares it out."""
        return f"{self.inbox.host}:{self.inbox.port}"

    @property
    def planned(self) -> Inbox | None:
        """The settings that the next pass goes by; None when it ends the watch."""
        return self._next

    def retry_at(self) -> datetime | None:
        """Return when a pass must be made after failures, None when the interval is soon enough."""
        now = self._clock()
        moments = [each.not_before for each in (self.backoff, self._drops) if not each.due(now)]
        return max((moment for moment in moments if moment is not None), default=None)

    def interrupt(self) -> None:
        """Make a pass that waits for the server fail now."""
        for line in list(self._lines.values()):
            line.session.interrupt()

    def leave(self) -> None:
        """Close all connections without waiting for anybody; no pass may be under way."""
        for line in list(self._lines.values()):
            self._hub.take(line)
            line.session.leave()
        self._lines.clear()

    def run(self, vault: Vault, *, stopped: Callable[[], bool], on_stored: Callable[[], None]) -> Pass | None:
        """Do what was asked for since the last pass; None when there was nothing to do.

        What concerns this inbox alone is returned, not raised. Raises `VaultError`, before the mailbox is
        touched, when the vault cannot be written.
        """
        with self._lock:
            wanted, due, hints = self._next, self._due, self._hints
            self._due, self._hints = False, set()
        if wanted is None:
            self.leave()
            return None
        self._adopt(wanted)
        errand = _Errand(self, vault, stopped, on_stored)
        try:
            for folder in hints:
                with errand.noting_failure():
                    due |= not errand.follow(folder)
            if due:
                with errand.noting_failure():
                    errand.poll_all()
        finally:
            self._close_awake()
        return errand.outcome()

    def _adopt(self, inbox: Inbox) -> None:
        """Keep the connections that the new settings leave as they are, and close the others."""
        if inbox is self.inbox:
            return
        same_server = _connection_of(inbox) == _connection_of(self.inbox)
        for folder, line in list(self._lines.items()):
            if not same_server or folder not in inbox.folders:
                self._hub.take(line)
                line.session.leave()
                del self._lines[folder]
        if not same_server:
            self.backoff = self._drops = Backoff()
            self._no_push_before = self._crowded_until = None
            self._limit = connection_limit(inbox.host)
        self.inbox = inbox

    def _close_awake(self) -> None:
        for folder, line in list(self._lines.items()):
            if not line.idling:
                line.session.leave()
                del self._lines[folder]

    def line(self, folder: str) -> Line | None:
        """Return the folder's connection, ready for commands; None when there is none, or it was lost."""
        line = self._lines.get(folder)
        if line is None:
            return None
        self._hub.take(line)
        try:
            line.awake()
        except ConnectionLost as error:
            del self._lines[folder]
            steady = line.steady
            self._drops = Backoff() if steady else self._drops.after(error, self._clock(), self._spread)
            return None
        if line.steady:
            self._drops = Backoff()
        return line

    def new_line(self, folder: str) -> Line:
        """Connect for this folder. Raises `MailboxError` and `SecretError`."""
        self._lines[folder] = line = Line(self, folder, self._connect(self.inbox))
        return line

    def watch(self, line: Line) -> None:
        """Let the folder's connection idle; when the server refuses, the inbox is polled instead."""
        try:
            line.idle()
        except PushRefused:
            self._no_push_before = self._clock() + _REFUSED
        else:
            self._hub.watch(line)

    def may_push(self, session: Session) -> bool:
        """Whether connections of this inbox shall idle now."""
        refused = self._no_push_before is not None and self._clock() < self._no_push_before
        return session.push and not refused and self._drops.due(self._clock())

    def room(self) -> int:
        """Return how many connections there may be."""
        if self._crowded_until is not None and self._clock() >= self._crowded_until:
            self._crowded_until = None
            self._limit = connection_limit(self.inbox.host)
        return self._limit

    def crowded(self) -> None:
        """The server refused one more connection: be content with those that there are."""
        self._limit = max(1, len(self._lines))
        self._crowded_until = self._clock() + _CROWDED


class _Errand:
    """One pass: which folders it looks at, by which connections, and what comes of it."""

    def __init__(
        self, watch: Watch, vault: Vault, stopped: Callable[[], bool], on_stored: Callable[[], None]
    ) -> None:
        self._watch = watch
        self._vault = vault
        self._stopped = stopped
        self._on_stored = on_stored
        self._trigger = "push"
        self._polled = Polled()
        self._errors: list[MailboxError | SecretError] = []
        self._wanted: set[str] = set()
        self._folders: dict[str, str] = {}  # looked at: what went wrong, or nothing

    def follow(self, folder: str) -> bool:
        """Look at a folder of which the server told; False when its connection is lost."""
        line = self._watch.line(folder)
        if line is None:
            return False
        self._wanted.add(folder)
        if self._look(line.session, folder, is_open=True) and not self._stopped():
            self._watch.watch(line)
        return True

    def poll_all(self) -> None:
        """Look at every folder. Raises what concerns the inbox as a whole."""
        watch = self._watch
        if not watch.backoff.due(utc_now()):
            return
        self._trigger = "poll"
        first, *others = watch.inbox.folders
        self._wanted.update(watch.inbox.folders)
        primary = watch.line(first) or watch.new_line(first)
        if watch.may_push(primary.session):
            for folder in others[: watch.room() - 1]:
                if not self._poll_line(folder):
                    break
        for folder in others:
            if folder not in self._folders and not self._stopped():
                self._look(primary.session, folder)
        # Last, because the connection idles in the folder that it opened last.
        sound = not self._stopped() and self._look(primary.session, first)
        if sound and watch.may_push(primary.session) and not self._stopped():
            watch.watch(primary)

    def _poll_line(self, folder: str) -> bool:
        """Look at a folder by a connection of its own; False when the server allows no more of them."""
        try:
            line = self._watch.line(folder) or self._watch.new_line(folder)
        except TemporarilyRefused:
            self._watch.crowded()
            return False
        if self._look(line.session, folder) and not self._stopped():
            self._watch.watch(line)
        return True

    def _look(self, session: Session, folder: str, *, is_open: bool = False) -> bool:
        """Poll a folder; whether it went well. What concerns this folder alone is noted, not raised."""
        try:
            self._polled += poll_folder(
                session,
                self._vault,
                self._watch.inbox,
                folder,
                is_open=is_open,
                stopped=self._stopped,
                on_stored=self._on_stored,
            )
        except (FolderMissing, ChangeRefused) as error:  # the other folders go on
            self._errors.append(_bare(error))
            self._folders[folder] = str(error)
            return isinstance(error, ChangeRefused)
        self._folders[folder] = ""
        return True

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Note what keeps the folders that are wanted from being looked at; other connections go on."""
        try:
            yield
        except (MailboxError, SecretError) as error:
            self._errors.append(_bare(error))
            for folder in self._wanted - self._folders.keys():
                self._folders[folder] = str(error)

    def outcome(self) -> Pass | None:
        """Return what came of it, None when no folder was looked at."""
        if not self._folders:
            return None
        name = self._watch.inbox.name
        return Pass(name, self._polled, tuple(self._errors), self._trigger, self._folders)


def _bare(error: _Problem) -> _Problem:
    """Return the error without the way that it came by.

    The errand is on that way: it would keep itself alive, and its vault and all that the server has said,
    until a collection of garbage, which comes rarely to a process that does little.
    """
    error.__context__ = error.__traceback__ = None
    return error


def _connection_of(inbox: Inbox) -> tuple[object, ...]:
    """Return what decides whether a connection is still the right one."""
    return (
        inbox.host,
        inbox.port,
        inbox.security,
        inbox.insecure,
        inbox.username,
        inbox.password,
        inbox.oauth,
        inbox.cafile,
    )
