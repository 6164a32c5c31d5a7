"""Old mail of a folder: what the daemon did not take, because it is older than `since`, or than the daemon.

It goes into the folder's own mailbox of the vault, under its own UIDs, so that neither this nor the daemon
fetches a mail that the other has. What is different from a pass of the daemon:

- The cursor stays where it is. Below it is what an import takes; what is above is the daemon's, and comes
  with its next pass. Of a folder that was never polled everything is taken, the cursor stays at its start,
  and the first pass, which lists the folder, finds these UIDs known.
- The mailbox is left alone. `after: move` is for mail that arrives: nobody who asks for old mail wants ten
  years of it moved by the next pass of the daemon.

Interrupted, it goes on where it ended: each batch is committed with its UIDs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watcher.mailbox import Session
from watcher.service.inbox import account_of
from watcher.service.polling import ABSENT, FolderPass, Polled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from watcher.settings import Inbox
    from watcher.vault import Arrival, Vault


def take_in_old(
    inbox: Inbox,
    vault: Vault,
    environ: Mapping[str, str],
    *,
    folders: Sequence[str] = (),
    since: date | None = None,
    stopped: Callable[[], bool] = lambda: False,
    on_found: Callable[[str, int], None] = lambda _folder, _count: None,
    on_batch: Callable[[int], None] = lambda _count: None,
) -> Polled:
    """Store what the vault does not have of the inbox's folders, or of these, from the day `since` on.

    `on_found` hears how many mails of a folder are looked at, `on_batch` how many of them are settled. Raises
    `MailboxError`, `SecretError` and `VaultError`; what was committed before stays.
    """
    total = Polled()
    run = vault.begin_run(inbox.name, "import")
    error = "interrupted"
    try:
        with Session.open(account_of(inbox, environ)) as session:
            for folder in folders or inbox.folders:
                if stopped():
                    break
                old = _begin(session, vault, inbox, folder, on_batch)
                on_found(folder, old.owed)
                if since is not None:
                    old.leave_out_before(since)
                if old.renumbered:
                    old.recognise()
                total += old.download(None, stopped)
        error = "" if not stopped() else error
    except BaseException as problem:
        error = type(problem).__name__
        raise
    finally:
        vault.end_run(
            run,
            seen=total.seen,
            stored=total.stored,
            duplicate=total.duplicate,
            failed=total.failed,
            error=error,
        )
    return total


def _begin(
    session: Session, vault: Vault, inbox: Inbox, folder: str, on_batch: Callable[[int], None]
) -> _OldMail:
    state = session.examine(folder)
    mailbox = vault.mailbox(inbox.name, folder)
    renumbered = mailbox.uidvalidity not in {None, state.uidvalidity}
    if renumbered:
        # Every UID changed its meaning, as the daemon's next pass would find: it lists the folder anew.
        mailbox = vault.restart(mailbox.id, state.uidvalidity)
    uids = session.new_uids(0, state.uidnext)
    if mailbox.last_uid:
        uids = [uid for uid in uids if uid <= mailbox.last_uid]
    known = vault.known(mailbox.id, state.uidvalidity) if state.uidvalidity != ABSENT else set()
    owed = [uid for uid in uids if uid not in known]
    old = _OldMail(session, vault, inbox, mailbox, state.uidvalidity, owed, (), lambda: None)
    old.on_batch = on_batch
    old.renumbered = renumbered
    return old


class _OldMail(FolderPass):
    """UIDs below the cursor on their way into the vault: the cursor does not move."""

    on_batch: Callable[[int], None]
    renumbered: bool

    @property
    def owed(self) -> int:
        """How many mails are still to be looked at."""
        return len(self._uids)

    def _commit(self, arrivals: Sequence[Arrival], settled: Sequence[int]) -> None:
        if arrivals:
            left_alone = [replace(arrival, left_alone=True) for arrival in arrivals]
            stored = self._vault.store(
                self._mailbox.id, left_alone, uidvalidity=self._uidvalidity, last_uid=self._mailbox.last_uid
            )
            skipped = sum(1 for arrival in arrivals if arrival.skipped)
            self._outcome += Polled(stored=len(stored.new), duplicate=stored.duplicates, skipped=skipped)
        if settled:
            self.on_batch(len(settled))
