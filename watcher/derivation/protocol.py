"""What the first process and a worker say to each other: frames of a length and a pickle, over a socket pair.

To the worker: one `Assignment`, then lists of message ids. From the worker: one `Ready`, then a `Row` for
each id, in the order given. `Retiring` or `Trouble` is the last thing that it says; a worker that ends
without a word died of the mail that it worked on.
"""

from __future__ import annotations

import io
import pickle
import struct
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from watcher.settings import Attachments
from watcher.settings.values import Limits as Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from watcher.record import ProviderEntry, Record
    from watcher.settings import Inbox, Links, SenderSettings, Settings

    Row = tuple[int, Record]

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a process must know to derive: the vault, and of the settings what concerns a record."""

    vault: Path
    inboxes: tuple[Inbox, ...]  # without their logins
    links: Links
    senders: tuple[SenderSettings, ...]
    index_attachments: bool = False
    reading: Reading = field(default_factory=Reading)  # how much of a mail is looked at
    still: bool = False  # whether the vault is kept standing still, for processes on other machines

    @classmethod
    def of(cls, settings: Settings, senders: Sequence[SenderSettings]) -> Self:
        """Leave out how to log in: who derives has no business with a mailbox."""
        inboxes = tuple(replace(inbox, password=None, oauth=None) for inbox in settings.inboxes)
        index = settings.attachments is Attachments.INDEX
        return cls(settings.store.vault, inboxes, settings.links, tuple(senders), index, settings.limits)


@dataclass(frozen=True, slots=True)
class Ready:
    """The rules are loaded: which they are, and the providers that they can name."""

    version: str
    providers: tuple[ProviderEntry, ...]


@dataclass(frozen=True, slots=True)
class Retiring:
    """The worker ends because a fresh one does better; what it was given and did not answer goes to that."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The vault cannot be read; the sentence is that of its error, and no mail is to blame."""

    sentence: str


_SAYABLE = ("watcher.record", "watcher.derivation.protocol")  # modules whose classes an answer is made of


class _Answers(pickle.Unpickler):
    """Reads what a worker says: records, and nothing that could be called.

    The worker has read what strangers wrote; a pickle may name any function of the program.
    """

    def find_class(self, module: str, name: str, /) -> Any:
        found = super().find_class(module, name) if module in _SAYABLE else None
        if not isinstance(found, type) or found.__module__ != module:
            raise pickle.UnpicklingError(f"a worker's answer names {module}.{name}")
        return found


class _Speech(pickle.Pickler):
    """Writes a member of an enum as class and value; Python 3.11.2 (Debian 12) would name `getattr`."""

    def reducer_override(self, obj: Any, /) -> Any:
        return (type(obj), (obj.value,)) if isinstance(obj, Enum) else NotImplemented


def frame(value: object) -> bytes:
    """One value as it travels."""
    body = io.BytesIO()
    _Speech(body, protocol=5).dump(value)
    return _LENGTH.pack(body.tell()) + body.getvalue()


def canonical(value: object) -> bytes:
    """Values and records as bytes that are the same for equal ones, whoever made them; `plain` reads them.

    A pickle otherwise says which of its values are one object, which says how they came about.
    """
    body = io.BytesIO()
    speech = _Speech(body, protocol=5)
    speech.fast = True
    speech.dump(value)
    return body.getvalue()


class Frames:
    """Cuts a stream of bytes into the values that were sent."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come, and give each frame that is whole."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield body


def plain(body: bytes) -> Any:
    """What `canonical` wrote. Raises `pickle.UnpicklingError` for anything that could be called."""
    return _Answers(io.BytesIO(body)).load()


def answer(body: bytes) -> Row | Ready | Retiring | Trouble:
    """What a worker said. Raises `pickle.UnpicklingError` for anything else than it may say."""
    said: Row | Ready | Retiring | Trouble = _Answers(io.BytesIO(body)).load()
    return said
