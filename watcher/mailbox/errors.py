"""What can go wrong with a mailbox, one class for each thing that the caller does about it.

Each message is one line: the inbox, the server, what happened, the server's reply where there is one, and a
remedy. None holds a password, an address or protocol text beyond that reply.
"""
# ruff: noqa: N818 - the names say what happened

from __future__ import annotations


class MailboxError(Exception):
    """Anything that keeps mail from being read. Catch this where the kind does not matter."""


class AuthenticationFailed(MailboxError):
    """The login was refused for good: wait minutes to an hour, and tell someone; never try in a storm."""


class TemporarilyRefused(MailboxError):
    """The server said no for now: too many connections, in use, out of order. Try again later."""


class FolderMissing(MailboxError):
    """The folder does not exist or cannot be opened; other folders of the inbox are not concerned."""

    def __init__(self, message: str, folder: str = "", available: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.folder = folder
        self.available = available  # the folders that exist


class Unreachable(MailboxError):
    """No conversation came about: no such name, nobody listening, no answer, or not an IMAP server."""


class EncryptionMissing(Unreachable):
    """The connection could not be protected as the settings ask; the password was not sent."""


class CertificateInvalid(MailboxError):
    """The server's certificate was not accepted: nothing helps until someone acts."""


class ConnectionLost(MailboxError):
    """The connection broke, stalled, or spoke nonsense, and was thrown away: open a new session.

    `uids` are those whose messages were being fetched. When the same ones break every connection, ask for
    fewer at once, down to one: that one is to blame.
    """

    def __init__(self, message: str, uids: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.uids = uids


class PushRefused(MailboxError):
    """The server announces IDLE and refuses it: the folder can only be polled."""


class ChangeRefused(MailboxError):
    """The folder was not changed as asked: the mail is archived, only `after:` was not carried out."""


class MessageUnavailable(MailboxError):
    """The server has this message and does not hand it over. Its neighbours are not concerned."""

    def __init__(self, message: str, uid: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.uid = uid
        self.reason = reason  # without the inbox and the UID
