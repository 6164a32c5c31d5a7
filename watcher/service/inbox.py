"""One pass over one inbox: log in, poll each folder, and note how it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watcher.clock import utc_now
from watcher.mailbox import Account, FolderMissing, MailboxError, Security, Session
from watcher.service.polling import Polled, poll_folder
from watcher.service.tokens import token_source
from watcher.settings import SecretError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watcher.settings import Inbox
    from watcher.vault import Vault


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over an inbox brought, and what went wrong; mail that came before an error is kept."""

    inbox: str
    polled: Polled
    errors: tuple[MailboxError | SecretError, ...] = ()
    trigger: str = "poll"  # push: looked at what the server told of, in folders that were open
    folders: Mapping[str, str] = field(default_factory=dict)  # those looked at, and what went wrong there


def account_of(inbox: Inbox, environ: Mapping[str, str]) -> Account:
    """How to reach the inbox.

    The password is read, or the token asked for, at each login, from where the settings say.
    """
    secret = inbox.password
    return Account(
        name=inbox.name,
        host=inbox.host,
        port=inbox.port,
        security=Security(inbox.security),
        insecure=inbox.insecure,
        username=inbox.username,
        password=None if secret is None else lambda: secret.read(environ),
        token=None if inbox.oauth is None else token_source(inbox, environ),
        cafile=str(inbox.cafile) if inbox.cafile else None,
    )


def poll_inbox(
    inbox: Inbox,
    vault: Vault,
    environ: Mapping[str, str],
    *,
    trigger: str = "poll",
    stopped: Callable[[], bool] = lambda: False,
) -> Pass:
    """Take in what is new in every folder. What concerns this inbox alone is returned, not raised.

    Raises `VaultError`, before the mailbox is touched, when the vault cannot be written.
    """
    account = account_of(inbox, environ)
    total = Polled()
    errors: list[MailboxError | SecretError] = []
    run = vault.begin_run(inbox.name, trigger)
    try:
        with Session.open(account) as session:
            for folder in inbox.folders:
                if stopped():
                    break
                try:
                    total += poll_folder(session, vault, inbox, folder, stopped=stopped)
                except FolderMissing as error:  # the other folders go on
                    errors.append(error)
                    _note(vault, inbox.name, folder, error)
                else:
                    _note(vault, inbox.name, folder, None)
    except (MailboxError, SecretError) as error:
        errors.append(error)
        for folder in inbox.folders:
            _note(vault, inbox.name, folder, error)
    finally:
        vault.end_run(
            run,
            seen=total.seen,
            stored=total.stored,
            duplicate=total.duplicate,
            failed=total.failed,
            error="; ".join(str(error) for error in errors),
        )
    return Pass(inbox.name, total, tuple(errors))


def _note(vault: Vault, inbox: str, folder: str, error: Exception | None) -> None:
    mailbox = vault.mailbox(inbox, folder)
    if error is None:
        vault.record_success(mailbox.id, utc_now())
    else:
        vault.record_error(mailbox.id, utc_now(), str(error))
