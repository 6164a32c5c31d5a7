"""The nightly work: both databases tidied, what was lost derived again, a copy made; and the look for damage.

The copy is made in a thread of its own with connections of its own, so that mail that arrives meanwhile is
searchable as fast as ever. A night that was slept through is made up for at the next start.
"""

from __future__ import annotations

import threading
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from watcher import malloc
from watcher.service import backup
from watcher.store import Store
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from watcher.settings import Backup, Settings
    from watcher.settings import Store as Places

AT = time(3, 30)
"""Local time of day: late enough that a clock change does not skip it, early enough that nobody waits."""

CHECK_SECONDS = 10.0
"""How long the look for damage at a start may take for each database."""


def night_before(now: datetime) -> datetime:
    """Return the last moment for housekeeping at or before `now`, aware, in the machine's zone."""
    local = now.astimezone()
    tonight = local.replace(hour=AT.hour, minute=AT.minute, second=0, microsecond=0)
    return tonight if tonight <= local else tonight - timedelta(days=1)


def is_due(last: datetime, now: datetime) -> bool:
    """Whether a night has passed since the `last` time."""
    return last < night_before(now)


def look_for_damage(settings: Settings, log: FilteringBoundLogger, seconds: float = CHECK_SECONDS) -> None:
    """Have SQLite look through both databases, for so long at most. Raises `VaultError` and `StoreError`.

    It is for the start after an unclean end: a power cut or a crash of the machine is when a disk loses or
    mixes up pages. After a clean end nothing can have happened that the last check did not see, and every
    start would read gigabytes. What the time does not suffice for is read by the nightly copy.
    """
    checked = {}
    with Vault.look(settings.store.vault) as vault:
        checked["vault"] = vault.quick_check(seconds)
    if settings.store.newsletters.exists():
        with Store.look(settings.store.newsletters) as store:
            checked["store"] = store.quick_check(seconds)
    log.info(
        "checked_after_unclean_end", **{name: "all" if whole else "part" for name, whole in checked.items()}
    )


class Copier:
    """Makes the nightly copies, one at a time, in a thread of its own."""

    def __init__(self, log: Callable[[], FilteringBoundLogger], clock: Callable[[], datetime]) -> None:
        self._log = log
        self._clock = clock
        self._thread: threading.Thread | None = None
        self.error = ""  # why the last copy could not be made; empty when it was

    def begin(self, settings: Settings) -> None:
        """Make a copy, if the settings want any; returns at once."""
        if settings.backup is None:
            self.error = ""
            return
        if self._thread is not None and self._thread.is_alive():
            return
        arguments = (settings.store, settings.backup)
        self._thread = threading.Thread(target=self._copy, args=arguments, name="backup", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Give the copy that is being made so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _copy(self, places: Places, wanted: Backup) -> None:
        began = self._clock()
        try:
            made = backup.make(places, wanted.directory, began, media=wanted.media)
            gone = backup.rotate(wanted.directory, wanted.keep)
        except backup.BackupError as error:
            self.error = str(error)
            self._log().error("backup_failed", error=str(error))
        # The boundary of the thread: an error here must show in `status`, and not only end the thread.
        except Exception as error:  # noqa: BLE001
            self.error = f"a defect ({type(error).__name__}); see the log"
            self._log().exception("backup_defect", error=type(error).__name__)
        else:
            self.error = ""
            seconds = round((self._clock() - began).total_seconds(), 1)
            self._log().info("backed_up", bytes=made.size, seconds=seconds, deleted=len(gone))
        finally:
            malloc.trim()  # the caches of four databases are free again, below what others took meanwhile
