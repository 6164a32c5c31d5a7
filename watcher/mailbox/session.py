"""One logged-in conversation with an IMAP server: what is there, what is new, and the bytes of it (RFC 9051).

    with Session.open(account) as session:
        state = session.examine("INBOX")
        uids = session.new_uids(after=17, uidnext=state.uidnext)
        for batch in session.fetch(uids, session.sizes(uids)):
            ...

Folders are opened read-only and bodies are peeked at, so reading leaves no trace. Only `mark_seen` and `move`
change anything, and they keep the folder open for writing no longer than that takes.

A session that stays open can be told of arrivals, where the server offers `push`:

    session.idle()                   # from now on the socket does not block
    selector.register(session.fileno(), ...)
    if session.heard():              # at the first moment, and whenever the socket is readable
        session.awake()
        uids = session.new_uids(after=17, uidnext=session.current().uidnext)
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from watcher.clock import utc_now
from watcher.mailbox.conversation import Conversation, Refused
from watcher.mailbox.errors import (
    ChangeRefused,
    ConnectionLost,
    MessageUnavailable,
    PushRefused,
    TemporarilyRefused,
)
from watcher.mailbox.folders import list_folders, missing_folder, open_folder, shown, wire_name
from watcher.mailbox.login import log_in
from watcher.mailbox.messages import (
    BODY,
    FINGERPRINT,
    MESSAGE_ID,
    SIZE,
    fetched,
    fingerprint,
    message_id_of,
    size_of,
)
from watcher.mailbox.reply import Reply, sentence
from watcher.mailbox.transport import connect
from watcher.mailbox.uids import BATCH_MESSAGES, batches, chunks, uid_set
from watcher.mailbox.values import FolderState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from watcher.mailbox.account import Account
    from watcher.mailbox.client import Client, Row
    from watcher.mailbox.values import Fetched, Fingerprint

SEARCH_WINDOW = 50_000
"""UIDs that one SEARCH may answer with: imaplib reads lines of 1,000,000 bytes, some 90,000 UIDs."""

UNTOLD_SIZE = 20_000_000
"""Bytes that are expected of a message whose size the server does not tell: it is fetched alone."""


class Session:
    """See the module. Not for more than one thread at a time; each method may raise `ConnectionLost`."""

    def __init__(self, conversation: Conversation, clock: Callable[[], datetime]) -> None:
        self._conversation = conversation
        self._clock = clock  # for a message whose INTERNALDATE the server does not tell
        self._folder = ""  # the open one
        self._covered = 0  # EXISTS responses that the last listing or search has taken into account
        self._uidvalidity: dict[str, int] = {}  # of each folder, when it was last examined
        self.capabilities: frozenset[str] = frozenset()  # upper case

    @classmethod
    @contextmanager
    def open(cls, account: Account, *, clock: Callable[[], datetime] = utc_now) -> Iterator[Session]:
        """Connect and log in; log out and close at the end, which never raises.

        Raises `Unreachable`, `EncryptionMissing`, `CertificateInvalid`, `AuthenticationFailed`,
        `TemporarilyRefused`, and, before anything is connected, whatever `account.secret` raises.
        """
        session = cls.connect(account, clock=clock)
        try:
            yield session
        finally:
            session.close()

    @classmethod
    def connect(cls, account: Account, *, clock: Callable[[], datetime] = utc_now) -> Session:
        """Connect and log in, like `open`, for a session that outlives a block: `close` or `leave` it."""
        secret = account.secret()
        conversation = Conversation(account, connect(account))
        try:
            session = cls(conversation, clock)
            session._log_in(secret)
        except BaseException:
            conversation.close()
            raise
        return session

    def close(self) -> None:
        """Log out and close; never raises."""
        self._conversation.close()

    def leave(self) -> None:
        """Close without waiting for the server's goodbye; never raises."""
        self._conversation.leave()

    def interrupt(self) -> None:
        """Make whatever waits for this server fail now; from any thread."""
        self._conversation.interrupt()

    @property
    def lost(self) -> bool:
        """Whether the connection is gone, so that only a new session helps."""
        return self._conversation.lost

    @property
    def push(self) -> bool:
        """Whether the server tells of arrivals by itself (RFC 2177)."""
        return "IDLE" in self.capabilities

    @property
    def news(self) -> bool:
        """Whether the server told of messages that no search has asked for yet."""
        return self._conversation.protocol.arrivals != self._covered

    def fileno(self) -> int:
        """Return the socket's descriptor, -1 once it is closed."""
        return self._conversation.fileno()

    def idle(self) -> None:
        """Have the server tell of arrivals in the open folder; no command may be given before `awake`.

        Look at `heard` at once: news may have come before the server's consent, or with it. Raises
        `PushRefused`.
        """
        with self._conversation.command(f"entering IDLE in {shown(self._folder)}") as client:
            refusal = client.protocol.begin_idle()
        if refusal is not None:
            reply = Reply.of(refusal[1], (self._conversation.account.username,))
            where = self._conversation.account.where
            raise PushRefused(
                sentence(where, "the server refuses IDLE", reply.text, "the inbox is polled instead")
            )

    def heard(self) -> bool:
        """Whether the folder must be looked at, as far as is known without waiting; `idle` came before."""
        self._conversation.hear(f"idling in {shown(self._folder)}")
        return self.news or self._conversation.protocol.idle_over

    def awake(self) -> None:
        """End IDLE: the session takes commands again."""
        with self._conversation.command(f"ending IDLE in {shown(self._folder)}") as client:
            client.protocol.end_idle(self._conversation.account.read_timeout)

    def current(self) -> FolderState:
        """Return the state of the open folder as last heard of; its UIDNEXT is unknown."""
        return FolderState(self._uidvalidity[self._folder], 0, self._conversation.protocol.exists)

    def _log_in(self, secret: str) -> None:
        try:
            log_in(self._conversation, secret)
        except ConnectionLost as error:
            if (
                self._conversation.goodbye.text
            ):  # thrown out, for too many connections or logins: do not hurry
                raise TemporarilyRefused(str(error)) from None
            raise
        with self._conversation.command("asking for the capabilities") as client:
            self.capabilities = frozenset(each.decode("ascii", "replace") for each in client.capabilities())

    def folders(self) -> tuple[str, ...]:
        """Return the names of the folders that can be opened."""
        return list_folders(self._conversation)

    def examine(self, folder: str) -> FolderState:
        """Open `folder` read-only; all later reads are of this one.

        Raises `FolderMissing`, which carries the folders that there are.
        """
        before = self._conversation.protocol.arrivals
        state = self._open(folder, readonly=True)
        self._uidvalidity[folder] = state.uidvalidity
        # One EXISTS belongs to the answer; a second one tells of a message that came after UIDNEXT was told.
        self._covered = min(before + 1, self._conversation.protocol.arrivals)
        return state

    def new_uids(self, after: int, uidnext: int) -> list[int]:
        """Return the UIDs above `after` in the open folder, ascending; `uidnext` as examined, 0: unknown.

        Neither gaps nor the size of the folder cost more than a command for each 50,000 messages.
        """
        if uidnext and uidnext <= after + 1:
            return []
        exists = self._conversation.protocol.exists
        self._covered = self._conversation.protocol.arrivals
        above = f"{after + 1}:*"
        if min(exists, uidnext - after if uidnext else exists) <= SEARCH_WINDOW:
            found = set(self._search("UID", above))
        else:
            found = self._search_windows(after, above)
        # `n:*` means "the last message" too when its UID is below n (RFC 9051, section 9, seq-range).
        return sorted(uid for uid in found if uid > after)

    def _search_windows(self, after: int, above: str) -> set[int]:
        # By message numbers, which have no gaps, from the last: numbers that shift because somebody expunges
        # only move messages into windows that are still to come. UIDs ascend with the numbers, so a window
        # that has none above `after` is the last one to look at.
        found: set[int] = set()
        first, last = max(1, self._conversation.protocol.exists - SEARCH_WINDOW + 1), "*"
        while True:
            window = {uid for uid in self._search(f"{first}:{last}", "UID", above) if uid > after}
            found |= window
            if first == 1 or not window:
                return found
            first, last = max(1, first - SEARCH_WINDOW), str(first - 1)

    def arrived(self, after: int) -> dict[int, int]:
        """Return RFC822.SIZE in bytes of each UID above `after` in the open folder; 0 when it is not told.

        One command in place of `new_uids` and `sizes`, for when few can be new.
        """
        self._covered = self._conversation.protocol.arrivals
        with self._conversation.command(f"asking what is new in {shown(self._folder)}") as client:
            rows = client.uid_fetch_above(after, SIZE)
        return {uid: size_of(row) for uid, row in rows.items()}

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Return RFC822.SIZE in bytes of each UID that still exists; 0 when the server does not tell it."""
        sizes: dict[int, int] = {}
        for chunk in chunks(uids):
            rows = self._fetch_rows(chunk, SIZE)
            sizes.update((uid, size_of(row)) for uid, row in rows.items())
            sizes.update((uid, 0) for uid in self._existing(uid for uid in chunk if uid not in rows))
        return sizes

    def fetch(
        self,
        uids: Sequence[int],
        sizes: Mapping[int, int],
        max_bytes: int | None = None,
        *,
        messages: int = BATCH_MESSAGES,
    ) -> Iterator[list[Fetched | MessageUnavailable]]:
        """Yield the messages, ascending, in batches of at most 8 MB or `messages`.

        A message that the server has and does not hand over, or that is larger than `max_bytes` (it is not
        asked for), stands in its place as a `MessageUnavailable`. One that has vanished meanwhile is left
        out. Raises `ConnectionLost` with the UIDs of the batch that broke.
        """
        expected = {uid: sizes.get(uid) or UNTOLD_SIZE for uid in uids}
        for batch in batches(uids, expected, messages):
            wanted = [uid for uid in batch if max_bytes is None or sizes.get(uid, 0) <= max_bytes]
            found: dict[int, Fetched | MessageUnavailable] = {
                uid: self._unavailable(uid, f"{sizes[uid]} bytes are over the limit of {max_bytes}")
                for uid in batch
                if uid not in set(wanted)
            }
            found |= self._fetch_bodies(wanted, sizes)
            if found:
                yield [found[uid] for uid in sorted(found)]

    def _fetch_bodies(
        self, uids: Sequence[int], sizes: Mapping[int, int]
    ) -> dict[int, Fetched | MessageUnavailable]:
        if not uids:
            return {}
        expected = sum(sizes.get(uid) or UNTOLD_SIZE for uid in uids)
        try:
            rows = self._fetch_rows(uids, BODY, expected)
        except Refused as error:
            if error.reply.out_of_order:
                raise
            if len(uids) == 1:
                return {uids[0]: self._unavailable(uids[0], f"the server refused it: {error.reply.text}")}
            half = len(uids) // 2  # one of them is to blame: find it, and have the others
            return self._fetch_bodies(uids[:half], sizes) | self._fetch_bodies(uids[half:], sizes)
        outcomes = {uid: fetched(uid, rows.get(uid), sizes.get(uid, 0), self._clock()) for uid in uids}
        failures = {uid: reason for uid, reason in outcomes.items() if isinstance(reason, str)}
        # A message that was expunged meanwhile has no row, or one with a body of NIL (Dovecot): no failure.
        vanished = failures.keys() - self._existing(failures)
        return {
            uid: self._unavailable(uid, outcome) if isinstance(outcome, str) else outcome
            for uid, outcome in outcomes.items()
            if uid not in vanished
        }

    def message_ids(self, uids: Sequence[int]) -> dict[int, str]:
        """Return the Message-ID field's value of each UID that still exists, with `<` and `>`; or nothing."""
        found: dict[int, str] = {}
        for chunk in chunks(uids):
            found.update(
                (uid, message_id_of(row)) for uid, row in self._fetch_rows(chunk, MESSAGE_ID).items()
            )
        return found

    def fingerprints(self, uids: Sequence[int]) -> dict[int, Fingerprint]:
        """Return Message-ID, size and INTERNALDATE of each UID of which the server tells all three."""
        found: dict[int, Fingerprint] = {}
        for chunk in chunks(uids):
            for uid, row in self._fetch_rows(chunk, FINGERPRINT).items():
                if mark := fingerprint(row):
                    found[uid] = mark
        return found

    def mark_seen(self, folder: str, uids: Sequence[int]) -> None:
        r"""Set the flag \Seen on these messages of `folder`; those that have vanished are passed over.

        Raises `ChangeRefused` when the folder cannot be written, and `ConnectionLost`, before anything is
        changed, when its UIDVALIDITY is no longer the one that was examined.
        """
        with self._writing(folder):
            for chunk in chunks(uids):
                with self._change(folder) as client:
                    client.add_flags(chunk, [rb"\Seen"], silent=True)

    def move(self, folder: str, uids: Sequence[int], target: str) -> None:
        """Move these messages from `folder` to `target`, and no others: a server without MOVE needs UIDPLUS.

        Raises `FolderMissing` for the target, and `ChangeRefused` like `mark_seen`.
        """
        if not self.capabilities & {"MOVE", "UIDPLUS"}:
            raise self._change_refused(
                folder, "the server can only expunge all that is marked as deleted, also by others"
            )
        with self._writing(folder):
            for chunk in chunks(uids):
                try:
                    self._move_chunk(folder, chunk, target)
                except Refused as error:
                    raise missing_folder(self._conversation, target, error) from None

    def _move_chunk(self, folder: str, uids: list[int], target: str) -> None:
        doing = f"moving messages to {shown(target)}"
        with self._conversation.command(doing) as client:
            if "MOVE" in self.capabilities:  # RFC 6851
                client.move(uids, wire_name(target))
                return
            client.copy(uids, wire_name(target))
        with self._change(folder) as client:
            client.add_flags(uids, [rb"\Deleted"], silent=True)
        with self._change(folder) as client:
            client.uid_expunge(uids)  # RFC 4315: these alone

    @contextmanager
    def _writing(self, folder: str) -> Iterator[None]:
        """Open `folder` for writing, then read-only what was open before."""
        before = self._folder or folder
        try:
            try:
                state = self._open(folder, readonly=False)
            except Refused as error:
                raise self._change_refused(folder, error.reply.text) from None
            self._must_be_unchanged(folder, state)
            yield
        finally:
            if not self._conversation.lost:
                self._must_be_unchanged(before, self._open(before, readonly=True))

    def _must_be_unchanged(self, folder: str, state: FolderState) -> None:
        if self._uidvalidity.setdefault(folder, state.uidvalidity) != state.uidvalidity:
            self._conversation.give_up()
            what = f"the UIDVALIDITY of {shown(folder)} has changed: its UIDs are other messages now"
            raise ConnectionLost(
                sentence(self._conversation.account.where, what, remedy="it is listed again")
            )

    @contextmanager
    def _change(self, folder: str) -> Iterator[Client]:
        try:
            with self._conversation.command(f"changing messages of {shown(folder)}") as client:
                yield client
        except Refused as error:
            raise self._change_refused(folder, error.reply.text) from None

    def _change_refused(self, folder: str, reason: str) -> ChangeRefused:
        where = self._conversation.account.where
        what = f"the messages of {shown(folder)} were not changed"
        return ChangeRefused(sentence(where, what, reason, "their archived copies are safe; see `after:`"))

    def _open(self, folder: str, *, readonly: bool) -> FolderState:
        self._folder = ""
        state = open_folder(self._conversation, folder, readonly=readonly)
        self._folder = folder
        return state

    def _search(self, *criteria: str) -> list[int]:
        with self._conversation.command(f"searching {shown(self._folder)}") as client:
            return client.uid_search(*criteria)

    def _existing(self, uids: Iterable[int]) -> list[int]:
        """Return which of these UIDs, missing from an answer, are there after all."""
        missing = list(uids)
        return (
            [uid for uid in self._search("UID", uid_set(missing)) if uid in set(missing)] if missing else []
        )

    def _fetch_rows(self, uids: Sequence[int], items: str, expected: int = 0) -> Mapping[int, Row]:
        doing = f"fetching from {shown(self._folder)}"
        with self._conversation.command(doing, expected=expected, uids=uids) as client:
            return client.uid_fetch(uids, items)

    def _unavailable(self, uid: int, reason: str) -> MessageUnavailable:
        what = f"message {uid} of {shown(self._folder)} could not be read"
        message = sentence(
            self._conversation.account.where, what, reason, "it is tried again at the next poll"
        )
        return MessageUnavailable(message, uid, reason)
