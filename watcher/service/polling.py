"""One pass over one folder: what is new since the cursor, into the vault, a batch a transaction.

The cursor is (inbox, folder, UIDVALIDITY, last UID) and moves in the transaction that stores the bytes
(RFC 9051, section 2.3.1.1). Flags are never a cursor: people read their mail too.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watcher.clock import utc_now
from watcher.mailbox import ConnectionLost, MessageUnavailable
from watcher.vault import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from watcher.mailbox import Fetched, Session
    from watcher.settings import Inbox
    from watcher.vault import Mailbox, Vault

_ATTEMPTS = 3
"""A message that the server fails to hand over this often is recorded as skipped and not asked for again."""

_REST = timedelta(hours=1)
"""Between two attempts at one message: an outage of the mail store must not look like a broken message."""

ABSENT = 0
"""UIDVALIDITY of a server that sends none: no UID of it means anything in the next connection."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one pass found.

    `duplicate` mails were in the vault already, from another folder or an older UIDVALIDITY.
    """

    seen: int = 0
    stored: int = 0
    duplicate: int = 0
    skipped: int = 0
    failed: int = 0

    def __add__(self, other: Polled) -> Polled:
        return Polled(
            self.seen + other.seen,
            self.stored + other.stored,
            self.duplicate + other.duplicate,
            self.skipped + other.skipped,
            self.failed + other.failed,
        )


def poll_folder(
    session: Session,
    vault: Vault,
    inbox: Inbox,
    folder: str,
    *,
    is_open: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    on_stored: Callable[[], None] = lambda: None,
) -> Polled:
    """Fetch what is new in `folder` and commit it; then, and only then, do what `after` says to the mailbox.

    `is_open`: the session has had the folder open since it was polled last, so its UIDs mean the same.
    `on_stored` is called after each commit. Raises `MailboxError` (what was committed before stays committed)
    and `VaultError`.
    """
    mailbox = vault.mailbox(inbox.name, folder)
    state = session.current() if is_open else session.examine(folder)
    without_meaning = state.uidvalidity == ABSENT and not is_open
    if without_meaning or mailbox.uidvalidity != state.uidvalidity:
        # Every UID changed its meaning: list from the start. Deliveries keep their old UIDVALIDITY, and
        # what the
        # vault has already is recognised below, so nothing is lost and nothing doubled.
        listed_before = mailbox.uidvalidity is not None
        mailbox = vault.restart(mailbox.id, state.uidvalidity)
    else:
        listed_before = mailbox.last_uid == 0  # an earlier listing may have been cut short
    outcome = Polled()
    if state.uidnext == 0 or state.uidnext > mailbox.last_uid + 1:
        sizes = session.arrived(mailbox.last_uid) if is_open else None
        uids = session.new_uids(mailbox.last_uid, state.uidnext) if sizes is None else sorted(sizes)
        # Without UIDVALIDITY no UID is known from before.
        known = (
            vault.known(mailbox.id, state.uidvalidity, mailbox.last_uid)
            if state.uidvalidity != ABSENT
            else set()
        )
        pass_ = FolderPass(session, vault, inbox, mailbox, state.uidvalidity, uids, known, on_stored)
        if mailbox.last_uid == 0 and inbox.since is not None:
            pass_.leave_out_before(inbox.since)
        if listed_before:
            pass_.recognise()
        outcome = pass_.download(sizes, stopped)
    if inbox.after != "leave" and state.uidvalidity != ABSENT and not stopped():
        _touch(session, vault, inbox, folder, mailbox)
    return outcome


class _Cursor:
    """How far the cursor may move: up to the first UID that is still owed, never past it."""

    def __init__(self, last_uid: int, uids: Sequence[int]) -> None:
        self._last = last_uid
        self._owed = deque(sorted(uids))
        self._settled: set[int] = set()

    def settle(self, uids: Sequence[int]) -> int:
        """Count these UIDs as stored or given up, and return the UID up to which all is settled."""
        self._settled.update(uids)
        while self._owed and self._owed[0] in self._settled:
            self._last = max(self._last, self._owed.popleft())
        return self._last


class FolderPass:
    """The new UIDs of one folder on their way into the vault."""

    def __init__(
        self,
        session: Session,
        vault: Vault,
        inbox: Inbox,
        mailbox: Mailbox,
        uidvalidity: int,
        uids: Sequence[int],
        known: Collection[int],
        on_stored: Callable[[], None],
    ) -> None:
        self._on_stored = on_stored
        self._session = session
        self._vault = vault
        self._inbox = inbox
        self._mailbox = mailbox
        self._uidvalidity = uidvalidity
        self._uids = [uid for uid in uids if uid not in known]
        self._cursor = _Cursor(mailbox.last_uid, uids)
        self._outcome = Polled(seen=len(self._uids))
        self._commit([], [uid for uid in uids if uid in known])  # an earlier pass left a gap before them

    def recognise(self) -> None:
        """Settle, without a download, mails that the vault has from this folder under an older UIDVALIDITY.

        Message-ID, size and INTERNALDATE must agree with exactly one message of the vault, and no other
        mail of the
        listing may have the same three. Everything else is fetched and compared by its hash.
        """
        marks = self._session.fingerprints(self._uids) if self._uids else {}
        shared = Counter(marks.values())
        found: list[Arrival] = []
        for uid, mark in marks.items():
            if not mark.message_id or shared[mark] > 1:
                continue
            same = self._vault.lookup(mark.message_id, mark.size, mark.internal_date, self._mailbox.id)
            if len(same) == 1:
                found.append(
                    Arrival(
                        uid=uid, raw=None, internal_date=mark.internal_date, size=mark.size, message=same[0]
                    )
                )
        settled = {arrival.uid for arrival in found}
        self._uids = [uid for uid in self._uids if uid not in settled]
        # Without UIDVALIDITY the next connection lists again: a delivery a listing would grow without end.
        self._commit([] if self._uidvalidity == ABSENT else found, sorted(settled))

    def leave_out_before(self, since: date) -> None:
        """Settle, without a download, what arrived before the day from which the settings want mail."""
        marks = self._session.fingerprints(self._uids) if self._uids else {}
        old = {uid for uid, mark in marks.items() if mark.internal_date.date() < since}
        self._uids = [uid for uid in self._uids if uid not in old]
        self._commit([], sorted(old))

    def download(self, sizes: Mapping[int, int] | None, stopped: Callable[[], bool]) -> Polled:
        """Ask for sizes if they are not known, record what is too large, then fetch and commit in batches."""
        if sizes is None:
            sizes = self._session.sizes(self._uids) if self._uids else {}
        limit = self._inbox.max_message
        oversize = [uid for uid in self._uids if sizes.get(uid, 0) > limit]
        vanished = [
            uid for uid in self._uids if uid not in sizes
        ]  # expunged since the search: nothing is owed
        self._commit([_oversize(uid, sizes[uid], limit) for uid in oversize], [*oversize, *vanished])
        refused = {*oversize, *vanished}
        for batch in self._batches([uid for uid in self._uids if uid not in refused], sizes):
            arrivals = []
            for item in batch:
                if isinstance(item, MessageUnavailable):
                    self._outcome += Polled(failed=1)
                    if given_up := self._failure(item):
                        arrivals.append((item.uid, given_up))
                else:
                    arrivals.append((item.uid, _arrival(item, self._uidvalidity)))
            self._commit([arrival for _, arrival in arrivals], [uid for uid, _ in arrivals])
            if stopped():
                break
        return self._outcome

    def _batches(
        self, uids: Sequence[int], sizes: Mapping[int, int]
    ) -> Iterator[list[Fetched | MessageUnavailable]]:
        """Fetch in batches; what was in a batch that broke the connection before comes last, one by one.

        So the message that is to blame is found, is given up after some attempts, and costs its neighbours
        nothing.
        """
        suspects = self._vault.suspects(self._mailbox.id, self._uidvalidity)
        due = [uid for uid in uids if uid in suspects and _is_due(suspects[uid], utc_now())]
        try:
            yield from self._session.fetch([uid for uid in uids if uid not in suspects], sizes)
            yield from self._session.fetch(due, sizes, messages=1)
        except ConnectionLost as error:
            # A line breaks now and then, whatever it carries: only a mail that was alone on two is to blame.
            self._vault.suspect(self._mailbox.id, self._uidvalidity, error.uids)
            for uid in suspects.keys() & error.uids:
                if given_up := self._failure(
                    MessageUnavailable(str(error), uid, "the connection broke at it")
                ):
                    self._commit([given_up], [uid])
            raise

    def _commit(self, arrivals: Sequence[Arrival], settled: Sequence[int]) -> None:
        if not settled:
            return
        last_uid = self._cursor.settle(settled)
        stored = self._vault.store(
            self._mailbox.id, arrivals, uidvalidity=self._uidvalidity, last_uid=last_uid
        )
        if stored.new:
            self._on_stored()
        skipped = sum(1 for arrival in arrivals if arrival.skipped)
        self._outcome += Polled(stored=len(stored.new), duplicate=stored.duplicates, skipped=skipped)

    def _failure(self, problem: MessageUnavailable) -> Arrival | None:
        attempts = self._vault.note_failure(self._mailbox.id, self._uidvalidity, problem.uid, problem.reason)
        if attempts < _ATTEMPTS:
            return None
        reason = f"the server did not hand it over in {attempts} attempts: {problem.reason}"
        return Arrival(uid=problem.uid, raw=None, internal_date=None, size=0, skipped=reason)


def _is_due(last_failure: datetime | None, now: datetime) -> bool:
    return last_failure is None or now - last_failure >= _REST


def _arrival(fetched: Fetched, uidvalidity: int) -> Arrival:
    # Without UIDVALIDITY a UID names nothing: the copy is named by its bytes instead.
    uid = fetched.uid if uidvalidity != ABSENT else _content_uid(fetched.raw)
    return Arrival(uid=uid, raw=fetched.raw, internal_date=fetched.internal_date, size=len(fetched.raw))


def _content_uid(raw: bytes) -> int:
    return int.from_bytes(hashlib.sha256(raw).digest()[:8], "big") >> 1


def _oversize(uid: int, size: int, limit: int) -> Arrival:
    reason = f"{size} bytes are over the limit of {limit} (max_message)"
    return Arrival(uid=uid, raw=None, internal_date=None, size=size, skipped=reason)


def _touch(session: Session, vault: Vault, inbox: Inbox, folder: str, mailbox: Mailbox) -> None:
    """Mark as seen, or move, what is committed and was not touched yet.

    A failure is tried again at the next pass.
    """
    uidvalidity = mailbox.uidvalidity or ABSENT
    uids = vault.untouched(mailbox.id, uidvalidity)
    if not uids:
        return
    if inbox.after == "seen":
        session.mark_seen(folder, uids)
    else:
        session.move(folder, uids, inbox.move_to)
    vault.touched(mailbox.id, uidvalidity, uids)
