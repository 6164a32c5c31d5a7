"""The vault as a whole: opening, closing, and keeping house."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from watcher.clock import utc_now
from watcher.sqlite import Database
from watcher.sqlite_errors import Format
from watcher.vault.derivations import Derivations
from watcher.vault.errors import VaultError
from watcher.vault.mailboxes import Mailboxes
from watcher.vault.merging import Merging
from watcher.vault.messages import Messages
from watcher.vault.overview import Overview
from watcher.vault.signatures import Signatures

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

VERSION = 3
"""How many migrations `watcher.vault.schema` has."""

_FORMAT = Format(
    name="vault",
    application_id=0x4E575600,  # "NWV\0"
    version=VERSION,
    migrations="watcher.vault.schema",
    synchronous="FULL",
    mode=0o600,
    private=True,
    error=VaultError,
    damaged="restore it from a backup; keep the damaged file, most of its mail can be recovered",
)


class Vault(Mailboxes, Messages, Derivations, Signatures, Overview, Merging):
    """An open vault.db. A context manager, for one thread; any number of them may be open at once."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        now: Callable[[], datetime] = utc_now,
        patience: float = 30.0,
        turn: threading.Lock | None = None,
    ) -> Self:
        """Open the vault, made 0600 when it is missing and `create` allows it.

        `now` is the clock. `patience`: seconds that any later call may wait for another writer. `turn`: for
        threads that write in turn, the same for all of them. Raises
        `VaultError` when it cannot be read and written, before anything in it is touched.
        """
        return cls(Database.open(Path(path), _FORMAT, create=create, patience=patience, turn=turn), now)

    @classmethod
    def look(cls, path: Path, *, now: Callable[[], datetime] = utc_now, still: bool = False) -> Self:
        """Open the vault for reading alone, on a full disk too.

        `still`: on whatever machine, while another process keeps it `standing_still`. Raises `VaultError`.
        """
        return cls(Database.look(Path(path), _FORMAT, still=still), now)

    def standing_still(self) -> AbstractContextManager[None]:
        """Keep the file as it is for readers on other machines; nothing can be written here meanwhile.

        Others go on writing. Raises `VaultError`.
        """
        return self._db.standing_still()

    def keep_house(self, runs_before: datetime) -> None:
        """Train the dictionary when it is due, forget the notes of old passes, tidy the file."""
        self.train_dictionary()
        self.forget_runs(runs_before)
        self._db.tidy()
