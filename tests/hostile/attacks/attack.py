"""What an attack is, and the plain mail around the ones that need no more than a field or a body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

READER = "reader@example.org"

_HEAD = (
    b"From: Example News <news@example.org>",
    b"To: " + READER.encode(),
    b"Date: Sun, 01 Mar 2026 09:30:00 +0000",
    b"MIME-Version: 1.0",
)


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile mail. It is made when it is asked for: some are large."""

    name: str  # of a file, and of the test
    make: Callable[[], bytes]
    said: str = ""  # a part of a warning that the record must have; a limit of ours that was met

    def __str__(self) -> str:
        return self.name


def head(*fields: bytes) -> bytes:
    """A header block; a field that is given replaces the one of its name."""
    given = {field.partition(b":")[0].strip().lower() for field in fields}
    kept = [field for field in _HEAD if field.partition(b":")[0].lower() not in given]
    return b"\r\n".join((*kept, *fields)) + b"\r\n\r\n"


def plain(*fields: bytes, body: bytes = b"Some words to read.\r\n") -> bytes:
    """A mail of one text part, with these fields."""
    kind = (
        () if any(f.lower().startswith(b"content-type:") for f in fields) else (b"Content-Type: text/plain",)
    )
    return (
        head(b"Subject: A subject", *kind, *fields) + body
        if _subjectless(fields)
        else head(*kind, *fields) + body
    )


def _subjectless(fields: tuple[bytes, ...]) -> bool:
    return not any(field.lower().startswith(b"subject:") for field in fields)


def html(markup: bytes | str, *fields: bytes) -> bytes:
    """A mail of one HTML part."""
    data = markup.encode("utf-8", "surrogatepass") if isinstance(markup, str) else markup
    return plain(b"Content-Type: text/html; charset=utf-8", *fields, body=data)
