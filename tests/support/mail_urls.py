"""The URLs of mail files, and who each mail was sent to."""

from __future__ import annotations

import email
import re
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IN_TEXT = re.compile(r"""(?:https?://|www\.|mailto:)[^\s<>"']+""", re.IGNORECASE)
_ADDRESS = re.compile(r"[\w.+=-]+@[\w.-]+")
_RECIPIENT_FIELDS = ("To", "Delivered-To", "X-Original-To", "Envelope-To")


def urls_of(path: Path) -> tuple[list[str], tuple[str, ...]]:
    """Read the URLs in `href`, `src` and plain text of one mail, and its recipients."""
    message = email.message_from_bytes(path.read_bytes())
    fields = " ".join(str(value) for name in _RECIPIENT_FIELDS for value in message.get_all(name, []))
    found: list[str] = []
    for part in message.walk():
        if part.get_content_maintype() != "text":
            continue
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        if part.get_content_subtype() == "html":
            for node in LexborHTMLParser(text).css("[href],[src]"):
                found += [value for name in ("href", "src") if (value := node.attributes.get(name))]
        else:
            found += _IN_TEXT.findall(text)
    return found, tuple(sorted(set(_ADDRESS.findall(fields))))


def corpus_urls(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every URL of the mails below a folder with the recipients of its mail."""
    for path in sorted(folder.rglob("*.eml")):
        try:
            urls, recipients = urls_of(path)
        except (LookupError, ValueError, AttributeError, TypeError):
            continue  # some corpus mails break the standard library's parser
        yield from ((url, recipients) for url in urls)
