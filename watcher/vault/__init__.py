"""vault.db, private: the exact bytes of every mail, where each came from, and what still has to be derived.

The vault is the truth that everything else is made from. It is committed with `synchronous=FULL` before
anything else happens to a mail, no mail is ever deleted from it, and its owner alone may read the file.
"""

from __future__ import annotations

from watcher.vault.derivations import Counts, PassRecord, Pending
from watcher.vault.errors import MessageDamaged, MessageMissing, VaultError
from watcher.vault.mailboxes import InboxState, Mailbox
from watcher.vault.merging import Arrived
from watcher.vault.messages import Arrival, Source, Stored
from watcher.vault.overview import Backlog, Failure, Skip
from watcher.vault.signatures import PENDING, Examined, KeptKey, Lookup, SignatureNote, Unexamined
from watcher.vault.vault import Vault

__all__ = [
    "PENDING",
    "Arrival",
    "Arrived",
    "Backlog",
    "Counts",
    "Examined",
    "Failure",
    "InboxState",
    "KeptKey",
    "Lookup",
    "Mailbox",
    "MessageDamaged",
    "MessageMissing",
    "PassRecord",
    "Pending",
    "SignatureNote",
    "Skip",
    "Source",
    "Stored",
    "Unexamined",
    "Vault",
    "VaultError",
]
