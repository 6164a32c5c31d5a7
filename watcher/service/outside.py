"""Everything that the daemon shows: STATUS=, its state beside the vault, metrics, heartbeat.

The daemon calls `report` every few seconds and after every batch of mail, from its main thread, and counts in
`tally` from the threads that poll. Nothing here stops the daemon: what cannot be shown is logged once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.service.heartbeat import Heart
from watcher.service.metrics import Tally, exposition, state_metrics, write_textfile
from watcher.service.presence import DaemonState, InboxHealth, read_state, write_state
from watcher.service.status import CONFIRMABLE, report, status_line
from watcher.vault.room import moment_of, utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from structlog.typing import FilteringBoundLogger

    from watcher.service.backoff import Backoff
    from watcher.service.listening import Listener, Seen
    from watcher.service.notify import Notifier
    from watcher.service.status import Report
    from watcher.settings import Settings
    from watcher.store import Store
    from watcher.vault import Vault

_SHOWN_EVERY = timedelta(seconds=1)  # a burst of mail must not be held up by telling of it
_LOOKED_EVERY = timedelta(hours=1)  # for quiet senders and confirmations: they change by the day
_SIGN_EVERY = 60.0  # seconds between two heartbeats, at least


class Outside:
    """See the module. One for each run of the daemon; `start` and `stop` enclose its life."""

    def __init__(
        self,
        settings: Settings,
        notifier: Notifier,
        log: Callable[[], FilteringBoundLogger],
        clock: Callable[[], datetime],
    ) -> None:
        self.tally = Tally()
        self._settings = settings
        self._notifier = notifier
        self._log = log
        self._clock = clock
        self._started = clock()
        self._state = DaemonState()
        self._written = DaemonState()
        self._shown_at: datetime | None = None
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
        self._shown_at = None

    def stop(self) -> None:
        """End, cleanly."""
        self._close_listener()
        self._state = replace(self._state, ended_at=utc_text(self._clock()), inboxes={}, waiting="")
        self._keep_state()

    @property
    def house_kept(self) -> datetime:
        """When the house was kept last; before the first time, when the first daemon began."""
        return moment_of(self._state.kept_house_at or self._state.since)

    def kept_house(self) -> None:
        """Note that the house is being kept now."""
        self._state = replace(self._state, kept_house_at=utc_text(self._clock()))
        self._keep_state()

    def report(
        self,
        vault: Vault,
        store: Store,
        failing: Mapping[str, Backoff],
        *,
        waiting: str = "",
        backup_error: str = "",
    ) -> bool:
        """Show how it goes; whether it was shown, as it is at most once a second.

        `failing` are the inboxes with their failures in a row, `waiting` is why nothing can be stored. Raises
        `VaultError` and `StoreError`.
        """
        now = self._clock()
        self._state = replace(
            self._state,
            waiting=waiting,
            inboxes={name: _health(backoff) for name, backoff in sorted(failing.items()) if backoff.failures},
            backup_error=backup_error,
        )
        changed = self._state != self._written
        if not changed and self._shown_at is not None and now - self._shown_at < _SHOWN_EVERY:
            return False
        self._shown_at = now
        if self._looked_at is None or now - self._looked_at >= _LOOKED_EVERY:
            self._looked_at = now
            self._look(store, now)
        self._keep_state()
        found = report(self._settings, vault, None, now, state=self._state, running=True)
        self._notifier.status(status_line(found, now))
        self._show_metrics(found, now)
        # All inboxes, not the one that has just been read: a monitor must hear when any of them fails.
        good = found.sound and self.tally.passes > self._heard
        if self._heart is not None and good and self._heart.beat(now):
            self._heard = self.tally.passes
        return True

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
                *self.tally.metrics(inbox.name for inbox in self._settings.inboxes),
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


def _health(backoff: Backoff) -> InboxHealth:
    return InboxHealth(backoff.failures, utc_text(backoff.not_before) if backoff.not_before else "")
