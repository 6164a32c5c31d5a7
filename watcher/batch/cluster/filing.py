"""What an import's task sends back: the mails of a slice of files, each with its record.

The bytes come along, because the vault has them before anything else happens: the one writer stores them
first, and finds out then which of them are new.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from watcher.batch.importing import UIDVALIDITY, arrival
from watcher.batch.workers import Crew
from watcher.derivation.protocol import canonical, plain
from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watcher.batch.filemail import FileMail
    from watcher.derivation import Assignment, Limits
    from watcher.record import Record

_MAILS = 5_000  # after which a desk is worn out: it keeps every mail that it has derived
_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Filed:
    """A mail of a slice. Without a record it was known before, or too large, or somebody else derives it."""

    arrival: Arrival
    record: Record | None

    def packed(self) -> bytes:
        """As it travels: the same bytes for equal values."""
        mail = self.arrival
        moment = mail.internal_date.isoformat() if mail.internal_date else ""
        return canonical(((mail.uid, mail.raw, moment, mail.size, mail.skipped), self.record))

    @classmethod
    def unpacked(cls, value: bytes) -> Self:
        """Raises `pickle.UnpicklingError` for anything else."""
        (uid, raw, moment, size, skipped), record = plain(value)
        date = datetime.fromisoformat(moment) if moment else None
        return cls(Arrival(uid=uid, raw=raw, internal_date=date, size=size, skipped=skipped), record)


class Known:
    """UIDs of deliveries whose mail is in the vault, as a file that the workers share."""

    def __init__(self, uids: Sequence[int]) -> None:
        """`uids` ascend."""
        self._uids = uids

    def __contains__(self, uid: int) -> bool:
        at = bisect_left(self._uids, uid)
        return at < len(self._uids) and self._uids[at] == uid

    def write(self, path: Path) -> None:
        """Write them for the workers. Raises `OSError`."""
        path.write_bytes(array("Q", self._uids).tobytes())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`."""
        uids = array("Q")
        uids.frombytes(path.read_bytes())
        return cls(uids)


class Desk:
    """A crew of one process with a vault of its own, into which files are put for it to derive from."""

    def __init__(self, assignment: Assignment, limits: Limits, directory: str) -> None:
        """`directory`: of this machine; there is mail in it as long as the desk is there."""
        self._directory = TemporaryDirectory(prefix="watcher-", dir=directory)
        path = Path(self._directory.name) / "vault.db"
        self._crew = Crew(replace(assignment, vault=path, still=False), limits, seats=1)
        self._vault_path = path
        self._mails = 0
        self._bytes = 0

    def file(self, mails: Iterable[FileMail], inbox: str, max_bytes: int, known: Known) -> Iterator[Filed]:
        """Derive the mails of a slice, as mail of this inbox; in order. Raises `VaultError` and `OSError`."""
        arrivals: list[Arrival] = []
        for mail in mails:
            if mail.uid in known:
                arrivals.append(Arrival(uid=mail.uid, raw=None, internal_date=None, size=0))
            else:
                arrivals.append(arrival(mail, max_bytes))
        records = self._derive([each for each in arrivals if each.raw is not None], inbox)
        for each in arrivals:
            record = records.pop(hashlib.sha256(each.raw).digest(), None) if each.raw is not None else None
            yield Filed(each, record)

    def _derive(self, arrivals: Sequence[Arrival], inbox: str) -> dict[bytes, Record]:
        """Records by the sha256 of the bytes.

        None for bytes that lie here since another slice: they came with another time of arrival, perhaps.
        """
        with Vault.open(self._vault_path) as vault:
            mailbox = vault.mailbox(inbox, "")
            new = vault.store(mailbox.id, arrivals, uidvalidity=UIDVALIDITY, last_uid=0).new
            digests = vault.digests(new)
        self._mails += len(arrivals)
        self._bytes += sum(each.size for each in arrivals)
        return {digests[number]: record for rows in self._crew.derive(new) for number, record in rows}

    @property
    def worn(self) -> bool:
        """Whether it has had enough mail, and a new one should take its place."""
        return self._mails >= _MAILS or self._bytes >= _BYTES

    def close(self) -> None:
        """End its process, and remove its vault."""
        self._crew.close()
        self._directory.cleanup()
