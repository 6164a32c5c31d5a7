"""`parse` in the shape that the corpus' comparison of parsers asks for.

The suites differ from us in two things on purpose: they merge the text of forwarded messages into the body,
and they state file names as declared, before anything makes them safe. Both are taken from the rooms' own
steps.
"""

from __future__ import annotations

from typing import Any

from watcher.message import Limits, fields, parse, structure, transfer


def for_check(raw: bytes) -> dict[str, Any]:
    """The fields that other projects state about their own test messages."""
    message = parse(raw)
    found: dict[str, Any] = {
        "subject": message.subject,
        "from": [message.author.address] if message.author.address else [],
        "to": [each.address for each in message.to],
        "date": message.date,
        "text": message.plain,
        "html": message.html,
        "attachments": [{"filename": each.name} for each in message.attachments],
    }
    block = fields.read(raw, fields.first_byte(raw), Limits())
    for part in structure.walk(raw, block, Limits()).leaves:
        found["attachments"].append({"filename": part.declared_name})
        body = transfer.decode(raw[part.start : part.end], part.encoding).data
        if part.media_type == "message/rfc822" and body.strip():
            inner = for_check(body)
            found["text"] += f"\n{inner['text']}"
            found["html"] += f"\n{inner['html']}"
            found["attachments"] += inner["attachments"]
    return found
