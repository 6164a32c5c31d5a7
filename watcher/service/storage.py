"""A disk that is full or read-only: the daemon waits, says so once, and goes on by itself.

Nothing is lost meanwhile. A fetch that cannot be committed leaves the cursor where it was, so the mail is
fetched again; what is in the vault and cannot be written to the store stays pending.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from watcher.sqlite_errors import DatabaseError, is_storage_trouble
from watcher.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from structlog.typing import FilteringBoundLogger

    from watcher.settings import Store as Places

_T = TypeVar("_T")


class Storage:
    """Whether the databases can be written now, as the last attempt found. May be used by any thread."""

    def __init__(self, places: Places, log: Callable[[], FilteringBoundLogger]) -> None:
        self._places = places
        self._log = log
        self._lock = threading.Lock()
        self._waiting: dict[bool, str] = {}  # by whether it is the vault's

    @property
    def waiting(self) -> str:
        """Why nothing can be stored, for people; empty when it can."""
        with self._lock:
            return next(iter(self._waiting.values()), "")

    def explains(self, error: Exception) -> bool:
        """Whether this error is the disk's, which passes; it is noted then, and logged the first time."""
        if not isinstance(error, DatabaseError):
            return False
        vault = isinstance(error, VaultError)
        if not is_storage_trouble(error, self._places.vault if vault else self._places.newsletters):
            return False
        with self._lock:
            first = not self._waiting
            self._waiting[vault] = str(error)
        if first:
            self._log().error("storage_waiting", reason=str(error))
        return True

    def works(self, *, vault: bool) -> None:
        """Note that something was committed: to the vault, or else to the store."""
        with self._lock:
            over = self._waiting.pop(vault, None) is not None and not self._waiting
        if over:
            self._log().info("storage_recovered")


@contextmanager
def opened_when_possible(
    attempt: Callable[[], AbstractContextManager[_T]], storage: Storage, stopped: Callable[[], bool]
) -> Iterator[_T | None]:
    """Enter what `attempt` makes, again and again while the disk refuses; None when `stopped()` came first.

    `stopped` waits a moment before it answers. Raises what is not the disk's trouble.
    """
    with ExitStack() as stack:
        while True:
            try:
                opened = stack.enter_context(attempt())
            except DatabaseError as error:
                if not storage.explains(error):
                    raise
                if stopped():
                    yield None
                    return
            else:
                break
        for vault in (True, False):  # to open is to try
            storage.works(vault=vault)
        yield opened
