"""The parts that are no displayed body, with their bytes: attachments to write out, inline pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.message import bodies, calendars, charsets, fields, structure
from watcher.message.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.record import Attachment

_DEFAULT = Limits()
_TEXTS = frozenset({"text/plain", "text/calendar"})
_LONGEST_TEXT = 200_000  # characters of one part


@dataclass(frozen=True, slots=True)
class Content:
    """One part: what `Message.attachments` says of it, how the HTML may refer to it, and its bytes."""

    attachment: Attachment
    content_id: str  # without its angle brackets (RFC 2392); empty where there is none
    charset: str  # as declared
    data: bytes


def contents(raw: bytes, limits: Limits = _DEFAULT) -> Iterator[Content]:
    """Read the parts of a mail one by one, in the order of `Message.attachments`."""
    block = fields.read(raw, fields.first_byte(raw), limits)
    for part in bodies.attached(structure.walk(raw, block, limits).leaves):
        attachment, data = bodies.described(raw, part, {})
        yield Content(attachment, part.content_id.strip().strip("<>"), part.content.get("charset"), data)


def texts_of_contents(raw: bytes, limits: Limits = _DEFAULT) -> Iterator[str]:
    """What can be read of each part that `contents` gives: of plain text all, of a calendar its events.

    Empty for any other part. A part must be declared as text and be text by its bytes.
    """
    for each in contents(raw, limits):
        declared, detected = each.attachment.media_type, each.attachment.detected
        if declared not in _TEXTS or detected not in _TEXTS:
            yield ""
            continue
        text = charsets.decode(each.data, each.charset, html=False).text[:_LONGEST_TEXT].replace("\0", "")
        yield calendars.readable(text) if "text/calendar" in {declared, detected} else text
