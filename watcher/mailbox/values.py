"""What a session answers with: frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder as it was opened (RFC 9051, section 2.3.1.1). 0 stands for what the server did not tell."""

    uidvalidity: int
    uidnext: int
    exists: int  # messages in it


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message, whole. `raw` is the truth; `size` is what the server had announced.

    The two differ on servers that estimate (Exchange does): the length of `raw` was announced once more with
    the bytes themselves, and the connection breaks when they do not come.
    """

    uid: int
    raw: bytes
    internal_date: datetime  # aware, UTC
    size: int


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells a message apart without its body. `message_id` is the field's value, with `<` and `>`."""

    message_id: str
    size: int  # as announced
    internal_date: datetime  # aware, UTC
