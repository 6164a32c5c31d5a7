"""The count at the end: what the mail server has, against what is in the archive."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.dovecot import MailUser
    from tests.support.home import Home


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Balance:
    """How many mails are not where they belong, or are there more than once. All zero: nothing was lost."""

    delivered: int  # mails that the server accepted
    lost: int  # whose exact bytes are not in the vault's messages, or whose Message-ID is not
    undelivered: int  # without a row in deliveries
    unreadable: int  # without a row in newsletters.db
    doubled: int  # Message-IDs that are twice in messages, newsletters.db or, by one UIDVALIDITY, deliveries
    strange: int  # messages in the vault that the server never had: half a mail, or an altered one

    @property
    def exact(self) -> bool:
        """Whether each mail is there once."""
        return not any((self.lost, self.undelivered, self.unreadable, self.doubled, self.strange))

    def __str__(self) -> str:
        return (
            f"{self.delivered} delivered: {self.lost} lost, {self.undelivered} without a delivery, "
            f"{self.unreadable} without a newsletter, {self.doubled} doubled, {self.strange} altered"
        )


def hashes(user: MailUser) -> set[bytes]:
    """SHA-256 of each mail of the account, as IMAP hands it over: Dovecot keeps lines that end with LF."""
    files = [path for name in ("new", "cur") for path in (user.maildir / name).iterdir()]
    return {hashlib.sha256(_crlf(path.read_bytes())).digest() for path in files}


def _crlf(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def balance(home: Home, user: MailUser, sent: set[str]) -> Balance:
    """Compare the archive with the account; `sent` are the Message-IDs that the server accepted."""
    messages = home.vault_rows("select id, message_id, sha256 from messages")
    deliveries = home.vault_rows(
        "select m.message_id as name, d.uidvalidity as uidvalidity from deliveries d "
        "join messages m on m.id = d.message"
    )
    rows = home.rows("select id, subject from newsletters")
    name_of = {row["id"]: row["message_id"] for row in messages}
    on_server = hashes(user)
    in_vault = {row["sha256"] for row in messages}
    doubled = _twice(name_of.values())
    doubled |= _twice(name_of.get(row["id"], str(row["id"])) for row in rows)
    doubled |= _twice(row["subject"] for row in rows)
    doubled |= {name for name, _ in _twice((row["name"], row["uidvalidity"]) for row in deliveries)}
    return Balance(
        delivered=len(sent),
        lost=max(len(sent - set(name_of.values())), len(on_server - in_vault)),
        undelivered=len(sent - {row["name"] for row in deliveries}),
        unreadable=len(sent - {name_of.get(row["id"]) for row in rows}),
        doubled=len(doubled),
        strange=len(in_vault - on_server),
    )


def _twice(values: Iterable[_T]) -> set[_T]:
    return {value for value, count in Counter(values).items() if count > 1}


def stored(home: Home) -> int:
    """How many newsletters are in the store now; 0 while there is none."""
    with contextlib.suppress(sqlite3.OperationalError):
        return int(home.rows("select count(*) as n from newsletters")[0]["n"])
    return 0


def resting(home: Home) -> int:
    """How many mails the watcher leaves alone for an hour: twice the line broke while it asked for one."""
    with contextlib.suppress(sqlite3.OperationalError):
        return int(home.vault_rows("select count(*) as n from fetch_failures where attempts > 0")[0]["n"])
    return 0
