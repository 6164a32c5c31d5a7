"""Everything that the daemon shows: STATUS=, its state beside the vault, metrics, heartbeat; and its nights.

The daemon's main thread calls `report` every few seconds while it works; the threads that poll tell what came
of each pass. Nothing here stops the daemon: what cannot be shown is logged once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.service.heartbeat import Heart, HeartbeatError, send
from watcher.service.housekeeping import Copier, is_due
from watcher.service.metrics import Tally, exposition, state_metrics, write_textfile
from watcher.service.presence import DaemonState, InboxHealth, read_state, write_state
from watcher.service.status import CONFIRMABLE, report, status_line
from watcher.service.storage import Storage
from watcher.service.watches import Witness
from watcher.vault.room import moment_of, utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from structlog.typing import FilteringBoundLogger

    from watcher.service.backoff import Backoff
    from watcher.service.listening import Listener, Seen
    from watcher.service.notify import Notifier
    from watcher.service.polling import Polled
    from watcher.service.status import Report
    from watcher.settings import Settings
    from watcher.store import Store
    from watcher.vault import Vault

_LOOKED_EVERY = timedelta(hours=1)  # for quiet senders and confirmations: they change by the day
_SIGN_EVERY = 60.0  # seconds between two heartbeats, at least
_GRACE = 2.0  # seconds that a copy has to end when the daemon does; half of one is swept up by the next


class Outside(Witness):
    """See the module. One for each run of the daemon; `start` and `stop` enclose its life."""

    def __init__(
        self,
        settings: Settings,
        notifier: Notifier,
        log: Callable[[], FilteringBoundLogger],
        clock: Callable[[], datetime],
    ) -> None:
        self.storage = Storage(settings.store, log)
        self._tally = Tally()
        self._copier = Copier(log, clock)
        self._settings = settings
        self._notifier = notifier
        self._log = log
        self._clock = clock
        self._started = clock()
        self._state = DaemonState()
        self._written = DaemonState()
        self._looked_at: datetime | None = None
        self._quiet = self._confirmations = 0
        self._heard = 0  # passes at the last heartbeat
        self._listener: Listener | None = None
        self._heart: Heart | None = None
        self._troubled: set[str] = set()

    def start(self) -> DaemonState:
        """Begin; returns what the last daemon left."""
        before = read_state(self._settings.store.vault)
        now = utc_text(self._started)
        self._state = replace(before, since=before.since or now, started_at=now, ended_at="", waiting="")
        self._copier.error = before.backup_error
        self._keep_state()
        self.change(self._settings)
        return before

    def change(self, settings: Settings) -> None:
        """Take over settings: at the start, and when they were read again."""
        before, self._settings = self._settings, settings
        if settings.metrics_listen is None or settings.metrics_listen != before.metrics_listen:
            self._close_listener()
        if settings.metrics_listen is not None and self._listener is None:
            self._listen(settings.metrics_listen)
        if settings.heartbeat is None or settings.heartbeat != before.heartbeat:
            self._heart = None
        if settings.heartbeat is not None and self._heart is None:
            self._heart = Heart(settings.heartbeat, _SIGN_EVERY, self._log)

    def stop(self) -> None:
        """End, cleanly."""
        self._close_listener()
        self._copier.wait(_GRACE)
        self._state = replace(self._state, ended_at=utc_text(self._clock()), inboxes={}, waiting="")
        self._keep_state()

    def passed(self, inbox: str, polled: Polled, *, well: bool) -> None:
        """Count a pass."""
        self._tally.passed(inbox, polled, well=well)
        self.storage.works(vault=True)

    def failed(self, inbox: str) -> None:
        """Count a pass that broke off."""
        self._tally.failed(inbox)

    def explains(self, error: Exception) -> bool:
        """Whether this is the disk's trouble, which passes; then it is shown from now on."""
        return self.storage.explains(error)

    @property
    def night_is_over(self) -> bool:
        """Whether the house is to be kept: not since the last night, or since the first daemon began."""
        return is_due(moment_of(self._state.kept_house_at or self._state.since), self._clock())

    def kept_house(self) -> None:
        """The house is kept: make the copy, and do not come again before the next night."""
        self._state = replace(self._state, kept_house_at=utc_text(self._clock()))
        self._keep_state()
        self._copier.begin(self._settings)

    def report(self, vault: Vault, store: Store, failing: Mapping[str, Backoff]) -> None:
        """Show how it goes. `failing` are the inboxes that fail. Raises `VaultError` and `StoreError`."""
        now = self._clock()
        self._state = replace(
            self._state,
            waiting=self.storage.waiting,
            inboxes={name: _health(backoff) for name, backoff in sorted(failing.items())},
            backup_error=self._copier.error,
        )
        if self._looked_at is None or now - self._looked_at >= _LOOKED_EVERY:
            self._looked_at = now
            self._look(store, now)
        self._keep_state()
        found = report(self._settings, vault, None, now, state=self._state, running=True)
        self._notifier.status(status_line(found, now))
        self._show_metrics(found, now)
        # All inboxes, not the one that has just been read: a monitor must hear when any of them fails.
        good = found.sound and self._tally.passes > self._heard
        if self._heart is not None and good and self._heart.beat(now):
            self._heard = self._tally.passes

    def show_waiting(self) -> None:
        """Show that nothing can be stored, while not even the databases can be opened."""
        self._state = replace(self._state, waiting=self.storage.waiting)
        self._keep_state()
        self._notifier.status(f"WAITING, nothing can be stored: {self.storage.waiting}")

    def _look(self, store: Store, now: datetime) -> None:
        """Count what changes by the day, and say once when a sender went quiet."""
        quiet = store.quiet_senders(now)
        for sender in quiet:
            if sender.key not in self._state.quiet:
                self._log().warning(
                    "sender_quiet",
                    sender=sender.label,
                    inbox=sender.inbox,
                    last_at=sender.last_at,
                    usual_days=sender.usual_days,
                )
        self._state = replace(self._state, quiet=tuple(sender.key for sender in quiet))
        self._quiet = len(quiet)
        self._confirmations = len(store.confirmations(utc_text(now - CONFIRMABLE)))

    def _show_metrics(self, found: Report, now: datetime) -> None:
        path = self._settings.metrics_file
        if path is None and self._listener is None:
            return
        text = exposition(
            [
                *state_metrics(found, quiet=self._quiet, confirmations=self._confirmations),
                *self._tally.metrics(inbox.name for inbox in self._settings.inboxes),
            ]
        )
        if path is not None:
            self._attempt("metrics_file", lambda: write_textfile(path, text))
        if self._listener is not None:
            self._listener.show(self._seen(found, now, text))

    def _seen(self, found: Report, now: datetime, text: str) -> Seen:
        from watcher.service.listening import Seen, good_until  # noqa: PLC0415  # who listens has loaded it

        every = {inbox.name: inbox.every for inbox in self._settings.inboxes}
        good: dict[str, datetime] = {}
        for folder in found.folders:
            until = good_until(folder.last_success, self._started, every[folder.inbox])
            good[folder.inbox] = min(until, good.get(folder.inbox, until))
        return Seen(now, text, good, bool(found.waiting))

    def _listen(self, address: tuple[str, int]) -> None:
        from watcher.service.listening import Listener  # noqa: PLC0415  # HTTP is for those who ask for it

        def listen() -> None:
            self._listener = Listener(address, self._clock)

        self._attempt("metrics_listen", listen)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _keep_state(self) -> None:
        """Write the state beside the vault when it has changed."""
        if self._state != self._written:
            self._attempt("state", lambda: write_state(self._settings.store.vault, self._state))
            self._written = self._state

    def _attempt(self, what: str, action: Callable[[], None]) -> None:
        """Do what may fail without harm to the mail; a failure is logged when it begins."""
        try:
            action()
        except OSError as error:
            if what not in self._troubled:
                self._log().warning("not_shown", what=what, error=error.strerror or str(error))
            self._troubled.add(what)
        else:
            self._troubled.discard(what)


def show_once(settings: Settings, vault: Vault, store: Store, now: datetime, *, well: bool) -> list[str]:
    """Show how a single round went, as `watcher poll` makes it; returns what could not be shown.

    The file of metrics has no counters: nobody lives to count. `well`: send the sign of life. Raises
    `VaultError` and `StoreError`.
    """
    problems = []
    if settings.metrics_file is not None:
        found = report(settings, vault, store, now)
        quiet, confirmations = len(found.quiet_senders), len(found.confirmations)
        try:
            metrics = state_metrics(found, quiet=quiet, confirmations=confirmations)
            write_textfile(settings.metrics_file, exposition(metrics))
        except OSError as error:
            problems.append(f"metrics_file: {settings.metrics_file}: {error.strerror or error}")
    if settings.heartbeat is not None and well:
        try:
            send(settings.heartbeat)
        except HeartbeatError as error:
            problems.append(str(error))
    return problems


def _health(backoff: Backoff) -> InboxHealth:
    return InboxHealth(max(1, backoff.failures), utc_text(backoff.not_before) if backoff.not_before else "")
