"""The daemon: `Watches` brings mail into the vault, workers derive it, the main thread writes the store.

Mail that a pass has committed wakes the main thread, the one writer of the store. A stop is obeyed between
two batches; what is not derived by then is derived after the next start. Settings are read again on SIGHUP:
the databases are opened anew with them, connections to mail servers stay unless they changed.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher import malloc
from watcher.archive import Archive
from watcher.clock import utc_now
from watcher.derivation import Lanes
from watcher.log import get_logger
from watcher.service import shutter
from watcher.service.arrivals import Arrivals
from watcher.service.housekeeping import look_for_damage
from watcher.service.hub import RENEWAL
from watcher.service.inbox import account_of
from watcher.service.outside import Outside
from watcher.service.presence import alone
from watcher.service.reloading import ReloadRefused, read_again
from watcher.service.stopping import Bell, reload_on_signal, stop_on_signals
from watcher.service.storage import opened_when_possible
from watcher.service.watches import Watches
from watcher.settings import Images
from watcher.sqlite_errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from watcher.derivation.protocol import Row
    from watcher.service.notify import Notifier
    from watcher.settings import SenderSettings, Settings

_BEAT = 10.0  # seconds between two looks of the main thread at the clock, the watchdog and the stop flag
_REPORT = 1.0  # seconds between two reports, at least: mail comes first
_DRAIN = timedelta(seconds=20)  # for what is in the vault and not derived when the stop comes
_RUNS_KEPT = timedelta(days=30)


class Daemon:
    """Watches the inboxes until it is told to stop. One a process; not reusable.

    `renewal` is for how many seconds a connection idles before IDLE is begun again.
    """

    def __init__(
        self,
        settings: Settings,
        senders: Sequence[SenderSettings],
        notifier: Notifier,
        *,
        renewal: float = RENEWAL,
    ) -> None:
        self._settings = settings
        self._senders = senders
        self._notifier = notifier
        self._log = get_logger()
        self._stopping = False  # this and `_reread` are set by the handlers of signals: no events, see `Bell`
        self._reread = False
        self._wake = Bell()
        self._untidy = threading.Event()
        self._reported = 0.0  # time.monotonic()
        self._outside = Outside(settings, notifier, lambda: self._log, utc_now)
        self._arrivals = Arrivals(lambda: self._log)
        self._watches = Watches(
            settings.store.vault,
            lambda inbox: account_of(inbox, os.environ),
            self._arrived,
            lambda: self._log,
            renewal=renewal,
            witness=self._outside,
        )

    def _arrived(self) -> None:
        self._arrivals.arrived()
        self._wake.ring()

    def stop(self) -> None:
        """Ask the daemon to stop; returns at once."""
        self._stopping = True
        self._wake.ring()

    def reload(self) -> None:
        """Ask the daemon to read its settings again; returns at once."""
        self._reread = True
        self._wake.ring()

    def _is_stopping(self) -> bool:
        return self._stopping

    def run(self) -> None:
        """Run until `stop()`, SIGTERM or SIGINT; SIGHUP is `reload()`.

        Raises `VaultError` or `StoreError` when a database fails; a disk that is full or read-only is waited
        for.
        """
        vault = self._settings.store.vault
        mine = opened_when_possible(lambda: alone(vault), self._outside.storage, self._wait_for_disk)
        with stop_on_signals(self.stop), reload_on_signal(self.reload), mine:
            if self._outside.start().unclean and vault.exists():
                look_for_damage(self._settings, self._log)
            try:
                while not self._stopping:
                    self._run_with_settings()
            finally:
                self._watches.stop()
            self._outside.stop()
            self._log.info("stopped")

    def _wait_for_disk(self) -> bool:
        """Nothing can be opened: say so, and wait a little; whether the stop came meanwhile."""
        self._notifier.ready()
        self._outside.show_waiting()
        self._notifier.watchdog()
        self._wake.wait(_BEAT)
        return self._stopping

    def _run_with_settings(self) -> None:
        """Work until the stop, or until there are other settings."""
        lanes = Lanes.of(self._settings, self._senders)
        opened = opened_when_possible(
            lambda: self._opened(lanes),
            self._outside.storage,
            self._wait_for_disk,
        )
        with lanes, opened as archive, _keeping_keys(self._settings), _fetching_images(self._settings):
            if archive is None:  # the stop came first
                return
            if not self._watches.started:
                self._watches.start(self._settings.inboxes)
                self._log.info("started", inboxes=len(self._settings.inboxes))
            self._notifier.ready()
            while not self._stopping and not self._reloaded():
                self._work(archive)
            if self._stopping:
                self._end(archive)

    @contextmanager
    def _opened(self, lanes: Lanes) -> Iterator[Archive]:
        with Archive.open(self._settings, self._senders, lanes) as archive:
            archive.retry_failed()
            yield archive

    def _work(self, archive: Archive) -> None:
        """Derive what there is, look after the rest, then wait for more."""
        try:
            self._work_now(archive)
            wait = self._report(archive)
        except DatabaseError as error:
            if not self._outside.explains(error):
                raise
            self._outside.show_waiting()
            self._notifier.watchdog()
            wait = _BEAT
        self._wake.wait(wait)

    def _work_now(self, archive: Archive) -> None:
        def committed(rows: Sequence[Row]) -> None:
            self._outside.storage.works(vault=False)
            self._arrivals.stored(archive.vault, rows)
            self._report(archive)

        self._arrivals.begin()
        derived = archive.derive_pending(stopped=self._is_stopping, on_rows=committed)
        if derived.total:
            self._log.info("derived", done=derived.done, failed=derived.failed, refused=derived.refused)
            shutter.press(self._settings.store.media)
            archive.fold()
        if self._untidy.is_set() or self._outside.night_is_over:
            self._untidy.clear()
            self._keep_house(archive)

    def _end(self, archive: Archive) -> None:
        self._notifier.stopping()
        self._watches.stop()
        deadline = utc_now() + _DRAIN
        try:
            archive.derive_pending(stopped=lambda: utc_now() > deadline)
        except DatabaseError as error:
            if not self._outside.explains(error):  # the mail is in the vault; the next start derives it
                raise

    def _reloaded(self) -> bool:
        """Read the settings again if that was asked for; whether there are others now."""
        if not self._reread:
            return False
        self._reread = False
        self._notifier.reloading()
        try:
            settings, senders = read_again(self._settings)
        except ReloadRefused as refusal:
            self._log.error("reload_refused", reason=str(refusal))
            self._notifier.ready()
            return False
        self._settings, self._senders = settings, senders
        self._outside.change(settings)
        changes = self._watches.apply(settings.inboxes)
        self._log.info("reloaded", new=changes.new, changed=changes.changed, gone=changes.gone)
        return True

    def _report(self, archive: Archive) -> float:
        """Tell systemd how it goes; returns after how many seconds it is to be told again."""
        now = time.monotonic()
        if now - self._reported < _REPORT:
            return _REPORT
        self._reported = now
        self._outside.report(archive.vault, archive.store, self._watches.failing)
        # The watchdog is fed only while passes really end.
        if self._watches.alive(self._patience()):
            self._notifier.watchdog()
        return _BEAT

    def _patience(self) -> float:
        longest = max(inbox.every for inbox in self._settings.inboxes)
        return (3 * longest + timedelta(minutes=5)).total_seconds()

    def _keep_house(self, archive: Archive) -> None:
        """Tidy both databases, and derive again what a rebuild beside us may have overwritten."""
        archive.vault.keep_house(runs_before=utc_now() - _RUNS_KEPT)
        archive.store.keep_house()
        lost = archive.reconcile()
        malloc.trim()
        self._outside.kept_house()
        self._log.info("kept_house", derived_again=lost)

    def _ask_for_housekeeping(self) -> None:
        self._untidy.set()
        self._wake.ring()


def _keeping_keys(settings: Settings) -> AbstractContextManager[None]:
    """Keep the keys of signatures, if an inbox asks for it: parsing mail here takes 8 MB for good."""
    if not any(inbox.preserve_dkim for inbox in settings.inboxes):
        return nullcontext()
    from watcher.service.dkim_keys import keeping_keys  # noqa: PLC0415

    return keeping_keys(settings)


def _fetching_images(settings: Settings) -> AbstractContextManager[None]:
    """Fetch the pictures of newsletters, if an inbox asks for it: whoever does not never loads the code."""
    if not any(inbox.images is Images.FETCH for inbox in settings.inboxes):
        return nullcontext()
    from watcher.service.image_fetching import fetching_images  # noqa: PLC0415

    return fetching_images(settings)
