"""The mailbox: connecting, logging in, finding what is new and fetching it, by IMAP (RFC 9051, RFC 3501).

`Session.open(account)` is the way in; every error is a `MailboxError`. This room knows nothing of what
becomes of the mail.
"""

from watcher.mailbox.account import Account, Security
from watcher.mailbox.errors import (
    AuthenticationFailed,
    CertificateInvalid,
    ChangeRefused,
    ConnectionLost,
    EncryptionMissing,
    FolderMissing,
    MailboxError,
    MessageUnavailable,
    PushRefused,
    TemporarilyRefused,
    Unreachable,
)
from watcher.mailbox.session import Session
from watcher.mailbox.values import Fetched, Fingerprint, FolderState

__all__ = [
    "Account",
    "AuthenticationFailed",
    "CertificateInvalid",
    "ChangeRefused",
    "ConnectionLost",
    "EncryptionMissing",
    "Fetched",
    "Fingerprint",
    "FolderMissing",
    "FolderState",
    "MailboxError",
    "MessageUnavailable",
    "PushRefused",
    "Security",
    "Session",
    "TemporarilyRefused",
    "Unreachable",
]
