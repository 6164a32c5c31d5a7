"""The values that `parse` gives: a message, its header fields, an address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watcher.record import Attachment


class Unparseable(ValueError):  # noqa: N818 - it names what the bytes are
    """Nothing can be made of the bytes. The sentence says why and never quotes them."""

    @property
    def reason(self) -> str:
        """The sentence."""
        return str(self.args[0])


class Address(NamedTuple):
    """A mailbox (RFC 5322, section 3.4); empty strings for what is not there."""

    name: str = ""
    address: str = ""

    @property
    def domain(self) -> str:
        """What follows the `@`, lower case; an internationalised name as it was written."""
        return self.address.rpartition("@")[2].rstrip(".").lower() if "@" in self.address else ""


class Field(NamedTuple):
    """One header field in one line, its encoded words decoded; the name as written."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Headers:
    """The fields of the outermost header block in order, and by their names without regard to case."""

    fields: tuple[Field, ...] = ()
    names: frozenset[str] = field(init=False, repr=False, compare=False)  # lower case
    _values: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[str, tuple[str, ...]] = {}
        for name, value in self.fields:
            key = name.lower()
            values[key] = (*values[key], value) if key in values else (value,)
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "names", frozenset(values))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def all(self, name: str) -> tuple[str, ...]:
        """The values of every field of that name, topmost first."""
        return self._values.get(name.lower(), ())

    def first(self, name: str) -> str:
        """The value of the topmost field of that name; empty when there is none."""
        values = self._values.get(name.lower())
        return values[0] if values else ""


@dataclass(frozen=True, slots=True)
class Message:
    """A mail, read. Texts are as sent but for NUL, which goes, and line ends, which are all line feeds."""

    headers: Headers = field(default_factory=Headers)
    subject: str = ""
    author: Address = field(default_factory=Address)  # the first of the header From
    to: tuple[Address, ...] = ()
    date: datetime | None = None  # the sender's Date in UTC; never trusted
    message_id: str = ""  # with its angle brackets, as in the header
    list_id: str = ""  # what stands inside the angle brackets of List-Id (RFC 2919)
    html: str = ""
    plain: str = ""
    attachments: tuple[Attachment, ...] = ()
    warnings: tuple[str, ...] = ()
    recipients: frozenset[str] = frozenset()  # addresses it was sent or delivered to, lower case
    amp: bool = (
        False  # it has an AMP view, which runs scripts of its sender and is neither shown nor attached
    )
    list_unsubscribe: str = ""  # any of `http mailto one-click`
