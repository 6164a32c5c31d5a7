"""One line of the log for each mail that became a row: numbers and constants, no word of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from watcher.record import Layer, Status
from watcher.store.rows import best

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from structlog.typing import FilteringBoundLogger

    from watcher.record import Record
    from watcher.vault import Vault


class Arrivals:
    """Measures the way from the vault to the row. `arrived` may be called by any thread."""

    def __init__(self, log: Callable[[], FilteringBoundLogger]) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._first: float | None = None  # time.monotonic() of the oldest mail that is not a row yet
        self._began = time.monotonic()

    def arrived(self) -> None:
        """Note that mail was committed to the vault."""
        with self._lock:
            if self._first is None:
                self._first = time.monotonic()

    def begin(self) -> None:
        """Derivation begins: what it brings is measured from the first mail that waited for it."""
        with self._lock:
            self._began = self._first if self._first is not None else time.monotonic()
            self._first = None

    def stored(self, vault: Vault, rows: Sequence[tuple[int, Record]]) -> None:
        """Tell of mails that can be searched now. `ms`: since the first of their burst was in the vault."""
        waited = round((time.monotonic() - self._began) * 1000)
        sizes = vault.message_sizes(number for number, _ in rows)
        for number, record in rows:
            well = record.status is not Status.FAILED
            (self._log().info if well else self._log().warning)(
                "stored" if well else "stored_as_failed",
                message=number,
                inbox=record.inbox,
                platform=best(record.providers, Layer.PLATFORM),
                kind=record.kind.value,
                bytes=sizes.get(number, 0),
                ms=waited,
            )
