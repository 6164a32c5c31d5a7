"""What goes wrong with the vault."""

from __future__ import annotations

from watcher.sqlite_errors import DatabaseError


class VaultError(DatabaseError):
    """The vault cannot be used, or a message in it is damaged; the message says what to do."""


class MessageMissing(VaultError):  # noqa: N818 - as below
    """The vault has no message of this number."""


class MessageDamaged(VaultError):  # noqa: N818 - the name says what happened
    """The stored bytes of one message are not what was stored; its neighbours are not concerned."""
