"""All inboxes under watch: a safety poll at each interval, a pass at each hint of the server, later retries.

The scheduler and the hub only ask; the passes themselves are made by `Polls`, each through a vault connection
of its own. So no inbox is in two passes at once, and no server holds another one's inboxes up.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.clock import utc_now
from watcher.mailbox import ChangeRefused, FolderMissing, Session
from watcher.service.backoff import Backoff
from watcher.service.hub import RENEWAL, Hub
from watcher.service.polling import Polled
from watcher.service.polls import Polls
from watcher.service.watch import Line, Watch
from watcher.vault import PassRecord, Vault, VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from apscheduler.schedulers.background import BackgroundScheduler
    from structlog.typing import FilteringBoundLogger

    from watcher.mailbox import Account
    from watcher.service.inbox import Pass
    from watcher.settings import Inbox

_SLICE = 30.0  # seconds of one pass while other inboxes of the server wait: the first one may take hours
_JITTER = 0.1  # share of the interval by which the inboxes of one interval are spread
_GRACE = 3.0  # seconds that passes have to end by themselves, after the batch that they are at
_FORCE = 5.0  # seconds that they have after their connections were closed


_DISK = timedelta(seconds=30)
"""After which a pass is made again that the disk did not let finish."""


class Witness:
    """Who hears how passes end, in the threads that make them. This one keeps it to itself."""

    def passed(self, inbox: str, polled: Polled, *, well: bool) -> None:
        """A pass over the inbox ended, and what it brought is committed."""

    def failed(self, inbox: str) -> None:
        """A pass broke off."""

    def explains(self, error: Exception) -> bool:
        """Whether the disk is to blame and no inbox: then the pass is made again soon."""
        del error
        return False


@dataclass(frozen=True, slots=True)
class Changes:
    """The names of the inboxes that other settings concern."""

    new: list[str]
    changed: list[str]
    gone: list[str]


class _Turn:
    """The question of a pass whether to stop: at the end of the daemon, and when others have waited enough.

    What an inbox that was stopped still owes is brought by its next turn.
    """

    def __init__(self, stop: threading.Event, others_wait: Callable[[], bool]) -> None:
        self.over = False
        self._stop = stop
        self._others_wait = others_wait
        self._until: float | None = None

    def stored(self) -> None:
        """Note that a batch was committed: only a pass that got somewhere is stopped."""
        if self._until is None:
            self._until = time.monotonic() + _SLICE

    def __call__(self) -> bool:
        if not self.over and self._until is not None and time.monotonic() >= self._until:
            self.over = self._others_wait()
        return self.over or self._stop.is_set()


class Watches:
    """See the module.

    `account_of` says how to reach an inbox, `on_stored` is called after each commit, `log` gives the logger,
    `witness` hears how passes end.
    """

    def __init__(
        self,
        vault: Path,
        account_of: Callable[[Inbox], Account],
        on_stored: Callable[[], None],
        log: Callable[[], FilteringBoundLogger],
        *,
        renewal: float = RENEWAL,
        witness: Witness | None = None,
    ) -> None:
        self._vault = vault
        self._witness = witness or Witness()
        self._account_of = account_of
        self._wake = on_stored
        self._log = log
        self._spread = random.Random()  # noqa: S311  # spreads load, protects nothing
        self._stop = threading.Event()
        self._progress = time.monotonic()  # when a batch was last committed
        self._lock = threading.Lock()
        self._turn = threading.Lock()  # of the threads that write the vault
        self._watches: dict[str, Watch] = {}
        self._hub: Hub[Line] = Hub(self._hint, renewal=renewal)
        self._polls = Polls(self._pass)
        self._scheduler: BackgroundScheduler = _scheduler()
        self.started = False

    @property
    def scheduler(self) -> BackgroundScheduler:
        """For jobs that return at once: it has one thread."""
        return self._scheduler

    def start(self, inboxes: Iterable[Inbox]) -> None:
        """Begin to watch these inboxes; returns at once."""
        self.started = True
        self._hub.start()
        self.apply(inboxes)
        self._scheduler.start()

    def apply(self, inboxes: Iterable[Inbox]) -> Changes:
        """Watch these inboxes from now on; connections that the settings leave as they are stay open."""
        wanted = {inbox.name: inbox for inbox in inboxes}
        with self._lock:
            known = {name: watch.planned for name, watch in self._watches.items()}
        changes = Changes(
            new=[name for name in wanted if known.get(name) is None],
            changed=[
                name
                for name, inbox in wanted.items()
                if (before := known.get(name)) is not None and before != inbox
            ],
            gone=[name for name, inbox in known.items() if inbox is not None and name not in wanted],
        )
        for name in changes.gone:
            self._unschedule(name)
            self._change(name, None)
        for name in changes.changed:
            self._change(name, wanted[name])
        for name in changes.new:
            self._begin(wanted[name])
        for name in (*changes.changed, *changes.new):
            self._schedule(wanted[name])
        return changes

    def _begin(self, inbox: Inbox) -> None:
        with self._lock:
            watch = self._watches.get(inbox.name)
            if watch is None:
                watch = Watch(inbox, connect=self._connect, hub=self._hub, spread=self._spread)
                self._watches[inbox.name] = watch
        self._change(inbox.name, inbox)

    def _change(self, name: str, inbox: Inbox | None) -> None:
        watch = self._watches[name]
        watch.change(inbox)
        self._polls.ask(name, watch.server)

    def stop(self) -> None:
        """End all passes and close all connections; no server is waited for beyond a few seconds.

        Nothing happens at the second call.
        """
        if self._stop.is_set() or not self.started:
            return
        self._stop.set()
        self._scheduler.shutdown(wait=True)
        self._polls.stop()
        if not self._polls.join(_GRACE):
            for watch in self._watches.values():
                watch.interrupt()
            self._polls.join(_FORCE)
        self._hub.stop()
        for watch in self._watches.values():
            watch.leave()

    @property
    def failing(self) -> dict[str, Backoff]:
        """The inboxes that have a problem, and until when each is left alone."""
        with self._lock:
            return {name: watch.backoff for name, watch in self._watches.items() if watch.failing}

    @property
    def pushed(self) -> int:
        """How many folders are watched by push."""
        return len(self._hub)

    def __len__(self) -> int:
        """How many inboxes there are."""
        return len(self._watches)

    def alive(self, patience: float) -> bool:
        """Whether passes really end, and the hub comes round; `patience` in seconds."""
        stood_still = min(self._polls.waited(), time.monotonic() - self._progress)
        return stood_still < patience and self._hub.silent_for < patience

    def _connect(self, inbox: Inbox) -> Session:
        return Session.connect(self._account_of(inbox))

    def _hint(self, line: Line) -> None:
        line.watch.hint(line.folder)
        self._polls.ask(line.watch.inbox.name, line.watch.server)

    def _ask(self, name: str) -> None:
        with self._lock:
            watch = self._watches.get(name)
        if watch is not None:
            watch.want_poll()
            self._polls.ask(name, watch.server)

    def _pass(self, name: str) -> bool:
        """One pass; whether its server took part. Nothing may leave this method: it would end the thread."""
        with self._lock:
            watch = self._watches.get(name)
        if watch is None or self._stop.is_set():
            return True
        started = utc_now()
        turn = _Turn(self._stop, lambda: self._polls.in_line(watch.server))
        try:
            with Vault.open(self._vault, turn=self._turn) as vault:
                outcome = watch.run(vault, stopped=turn, on_stored=lambda: self._on_stored(turn))
                if outcome is not None and _is_worth_a_record(outcome):
                    vault.record_pass(_record(vault, outcome, started))
        except VaultError as error:
            if self._witness.explains(error):
                self._ask_later(watch, utc_now() + _DISK)
            else:
                self._witness.failed(name)
                self._failed(watch, error)
        # The boundary that isolates an inbox: a defect here must not end the polling of the others.
        except Exception as error:  # noqa: BLE001
            self._log().exception("poll_defect", inbox=name, error=type(error).__name__)
            self._witness.failed(name)
            self._failed(watch, error)
        else:
            if outcome is not None:
                self._finished(watch, outcome)
            elif watch.planned is None:
                self._forget(name)
        if turn.over:
            self._ask(name)
        return not watch.backoff.failures

    def _on_stored(self, turn: _Turn) -> None:
        turn.stored()
        self._progress = time.monotonic()
        self._wake()

    def _forget(self, name: str) -> None:
        with self._lock:
            if self._watches[name].planned is None:  # it was not taken up again meanwhile
                del self._watches[name]

    def _finished(self, watch: Watch, outcome: Pass) -> None:
        polled = outcome.polled
        self._witness.passed(outcome.inbox, polled, well=not outcome.errors)
        if polled.stored or polled.skipped or polled.failed:
            self._log().info(
                "polled",
                inbox=outcome.inbox,
                trigger=outcome.trigger,
                stored=polled.stored,
                duplicate=polled.duplicate,
                skipped=polled.skipped,
                failed=polled.failed,
            )
        if outcome.errors:
            self._failed(watch, outcome.errors[-1])
            return
        if outcome.trigger == "poll":
            if watch.failing:
                self._log().info("recovered", inbox=outcome.inbox, failures=watch.backoff.failures)
            watch.failing = False
            watch.backoff = Backoff()
        self._schedule_retry(watch)

    def _failed(self, watch: Watch, error: Exception) -> None:
        # One warning when it begins; after that the count is in `status`, not in the log.
        write = self._log().debug if watch.failing else self._log().warning
        watch.failing = True
        if isinstance(error, (FolderMissing, ChangeRefused)):  # the inbox as such is well
            watch.backoff = Backoff()
        else:
            watch.backoff = watch.backoff.after(error, utc_now(), self._spread)
        write("inbox_failed", inbox=watch.inbox.name, error=str(error), failures=watch.backoff.failures)
        self._schedule_retry(watch)

    def _schedule(self, inbox: Inbox) -> None:
        """Have the inbox polled at its interval; the first time soon, so that inboxes drift apart."""
        seconds = inbox.every.total_seconds()
        self._scheduler.add_job(
            self._ask,
            "interval",
            (inbox.name,),
            id=f"poll {inbox.name}",
            seconds=seconds,
            jitter=max(1, int(seconds * _JITTER)),
            next_run_time=utc_now() + inbox.every * self._spread.random(),
            replace_existing=True,
        )

    def _schedule_retry(self, watch: Watch) -> None:
        if (moment := watch.retry_at()) is not None:
            self._ask_later(watch, moment)

    def _ask_later(self, watch: Watch, moment: datetime) -> None:
        if not self._stop.is_set():
            name = watch.inbox.name
            self._scheduler.add_job(
                self._ask, "date", (name,), id=f"retry {name}", run_date=moment, replace_existing=True
            )

    def _unschedule(self, name: str) -> None:
        for job in (f"poll {name}", f"retry {name}"):
            if self._scheduler.get_job(job) is not None:
                self._scheduler.remove_job(job)


def _scheduler() -> BackgroundScheduler:
    from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: PLC0415  # only the daemon pays for it
    from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415

    return BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1)},
        # Without these a busy pool silently drops a run that is a second late.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone="UTC",
    )


def _is_worth_a_record(outcome: Pass) -> bool:
    """Whether a pass belongs into the vault: a hint that led to nothing, or a renewal, does not."""
    return outcome.trigger == "poll" or bool(outcome.errors) or outcome.polled != Polled()


def _record(vault: Vault, outcome: Pass, started: datetime) -> PassRecord:
    polled = outcome.polled
    return PassRecord(
        inbox=outcome.inbox,
        trigger=outcome.trigger,
        started=started,
        seen=polled.seen,
        stored=polled.stored,
        duplicate=polled.duplicate,
        failed=polled.failed,
        error="; ".join(str(error) for error in outcome.errors),
        folders={vault.mailbox(outcome.inbox, name).id: text for name, text in outcome.folders.items()},
    )
