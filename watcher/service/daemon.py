"""The daemon: scheduler threads poll, the main thread derives and writes.

Each inbox is polled at its interval, spread by jitter, through a vault connection of its own, and backs off
alone. Mail that a poll has committed wakes the main thread, the one writer of the store. A stop is obeyed
between two batches; what is not derived by then is derived after the next start.
"""

from __future__ import annotations

import os
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.archive import Archive, utc_now
from watcher.log import get_logger
from watcher.service.backoff import Backoff
from watcher.service.inbox import Pass, poll_inbox
from watcher.service.stopping import stop_on_signals
from watcher.vault import Vault, VaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apscheduler.schedulers.background import BackgroundScheduler

    from watcher.service.notify import Notifier
    from watcher.settings import Inbox, SenderSettings, Settings

_MAX_POLLS = 20  # polls at once; they wait for servers, so there may be more of them than processors
_JITTER = 0.1  # share of the interval by which the inboxes of one interval are spread
_HOUSEKEEPING = timedelta(hours=24)
_BEAT = 10.0  # seconds between two looks of the main thread at the clock, the watchdog and the stop flag
_DRAIN = timedelta(seconds=20)  # for what is in the vault and not derived when the stop comes
_RUNS_KEPT = timedelta(days=30)


class Daemon:
    """Watches the inboxes until it is told to stop. One a process; not reusable."""

    def __init__(self, settings: Settings, senders: Sequence[SenderSettings], notifier: Notifier) -> None:
        self._settings = settings
        self._senders = senders
        self._notifier = notifier
        self._log = get_logger()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._untidy = threading.Event()
        self._backoff = {inbox.name: Backoff() for inbox in settings.inboxes}
        self._spread = random.Random()  # noqa: S311  # spreads load, protects nothing
        self._last_finished = utc_now()

    def stop(self) -> None:
        """Ask the daemon to stop; returns at once."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Run until `stop()`, SIGTERM or SIGINT.

        Raises `VaultError` or `StoreError` when a database fails.
        """
        with Archive.open(self._settings, self._senders) as archive, stop_on_signals(self.stop):
            scheduler = self._scheduler()
            scheduler.start()
            try:
                self._notifier.ready()
                self._log.info("started", inboxes=len(self._settings.inboxes))
                self._work(archive)
            finally:
                self._notifier.stopping()
                self._stop.set()
                scheduler.shutdown(wait=True)
            deadline = utc_now() + _DRAIN
            archive.derive_pending(stopped=lambda: utc_now() > deadline)
            self._log.info("stopped")

    def _work(self, archive: Archive) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            derived = archive.derive_pending(
                stopped=self._stop.is_set, on_batch=lambda _: self._report(archive)
            )
            if derived.done or derived.failed:
                self._log.info("derived", done=derived.done, failed=derived.failed)
            if self._untidy.is_set():
                self._untidy.clear()
                self._keep_house(archive)
            self._report(archive)
            self._wake.wait(_BEAT)

    def _report(self, archive: Archive) -> None:
        """Tell systemd how it goes. The watchdog is fed only while polls really finish."""
        failing = sum(1 for state in self._backoff.values() if state.failures)
        counts = archive.vault.counts()
        words = [f"{len(self._backoff)} inboxes", f"{counts.messages} mails"]
        if failing:
            words.append(f"{failing} failing")
        self._notifier.status(", ".join(words))
        if not self._settings.inboxes or utc_now() - self._last_finished < self._patience():
            self._notifier.watchdog()

    def _patience(self) -> timedelta:
        return 3 * max(inbox.every for inbox in self._settings.inboxes) + timedelta(minutes=5)

    def _scheduler(self) -> BackgroundScheduler:
        from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: PLC0415  # only the daemon pays for it
        from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415

        workers = max(1, min(_MAX_POLLS, len(self._settings.inboxes) + 1))
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(workers)},
            # Without these a busy pool silently drops a run that is a second late.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        for inbox in self._settings.inboxes:
            seconds = inbox.every.total_seconds()
            scheduler.add_job(
                self._poll,
                "interval",
                (inbox,),
                id=f"poll {inbox.name}",
                seconds=seconds,
                jitter=max(1, int(seconds * _JITTER)),
                next_run_time=utc_now(),
            )
        scheduler.add_job(
            self._ask_for_housekeeping, "interval", seconds=_HOUSEKEEPING.total_seconds(), id="housekeeping"
        )
        return scheduler

    def _poll(self, inbox: Inbox) -> None:
        """One scheduled pass. Nothing may leave this method: the scheduler would only log it."""
        state = self._backoff[inbox.name]
        if self._stop.is_set() or not state.due(utc_now()):
            return
        try:
            with Vault.open(self._settings.store.vault) as vault:
                outcome = poll_inbox(inbox, vault, os.environ, stopped=self._stop.is_set)
        except VaultError as error:
            self._failed(inbox, error)
        # The boundary that isolates an inbox: a defect here must not end the polling of the others.
        except Exception as error:  # noqa: BLE001
            self._log.exception("poll_defect", inbox=inbox.name, error=type(error).__name__)
            self._failed(inbox, error)
        else:
            self._finished(inbox, outcome)

    def _finished(self, inbox: Inbox, outcome: Pass) -> None:
        self._last_finished = utc_now()
        polled = outcome.polled
        if polled.stored or polled.skipped or polled.failed:
            self._log.info(
                "polled",
                inbox=inbox.name,
                stored=polled.stored,
                duplicate=polled.duplicate,
                skipped=polled.skipped,
                failed=polled.failed,
            )
            self._wake.set()
        if outcome.errors:
            self._failed(inbox, outcome.errors[0])
        else:
            if self._backoff[inbox.name].failures:
                self._log.info("recovered", inbox=inbox.name, failures=self._backoff[inbox.name].failures)
            self._backoff[inbox.name] = Backoff()

    def _failed(self, inbox: Inbox, error: Exception) -> None:
        state = self._backoff[inbox.name].after(error, utc_now(), self._spread)
        self._backoff[inbox.name] = state
        # One warning when it begins; after that the count is in `status`, not in the log.
        write = self._log.warning if state.failures == 1 else self._log.debug
        write("inbox_failed", inbox=inbox.name, error=str(error), failures=state.failures)

    def _keep_house(self, archive: Archive) -> None:
        """Tidy both databases, and derive again what a rebuild beside us may have overwritten."""
        archive.vault.keep_house(runs_before=utc_now() - _RUNS_KEPT)
        archive.store.keep_house()
        lost = archive.reconcile()
        self._log.info("kept_house", derived_again=lost)

    def _ask_for_housekeeping(self) -> None:
        self._untidy.set()
        self._wake.set()
