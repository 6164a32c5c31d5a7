"""parse(raw, limits): from the bytes of a mail to a `Message`.

The order is fixed by what needs what: the header block first, then the structure, which knows the charset
that raw 8-bit header fields are most likely in, then the fields and the bodies.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from watcher.message import bodies, encoded_words, fields, grammar, structure, warnings
from watcher.message.charsets import decode_header
from watcher.message.limits import Limits
from watcher.message.model import Field, Headers, Message, Unparseable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watcher.message.fields import Block
    from watcher.message.structure import Part

_BRACKETS = re.compile(r"<\s*+([^<>]*+)>")
_DELIVERED = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Forwarded-To")

_DEFAULT = Limits()


def parse(raw: bytes, limits: Limits = _DEFAULT) -> Message:
    """Read a mail.

    Any bytes give a message, with what was odd about them in `warnings`; only where there is nothing but
    white space `Unparseable` is raised.
    """
    if not raw or raw.isspace():
        raise Unparseable("the message is empty")
    block = fields.read(raw, fields.first_byte(raw), limits)
    tree = structure.walk(raw, block, limits)
    values = _values(block, _likely_charset(tree.leaves))
    outer = _outermost(values, limits)
    content = bodies.read(raw, tree.leaves, limits)
    said = (*_of_block(block, raw, values, limits), *tree.warnings, *outer.warnings, *content.warnings)
    return replace(
        outer,
        html=content.html,
        plain=content.plain,
        attachments=content.attachments,
        amp=content.amp,
        warnings=tuple(dict.fromkeys(said)),
    )


def parse_headers(raw: bytes, limits: Limits = _DEFAULT) -> Message:
    """Read a mail's header block as `parse` does, and nothing below it: bodies and attachments are empty.

    The structure is walked only where raw 8-bit fields need the charset that the body declares.
    """
    if not raw or raw.isspace():
        raise Unparseable("the message is empty")
    block = fields.read(raw, fields.first_byte(raw), limits)
    ascii_only = all(value.isascii() for _, value in block.fields)
    charset = "" if ascii_only else _likely_charset(structure.walk(raw, block, limits).leaves)
    return _outermost(_values(block, charset), limits)


def _outermost(values: list[tuple[str, str]], limits: Limits) -> Message:
    """Make what the outermost header block alone says; `warnings` are those of From, To and Date."""
    headers = Headers(
        tuple(Field(name, encoded_words.decode(value, limits.encoded_words)) for name, value in values)
    )
    envelope = grammar.read(_of(values, "from"), _of(values, "to"), _of(values, "date"), limits)
    return Message(
        headers=headers,
        subject=headers.first("Subject"),
        author=envelope.author,
        to=envelope.to,
        date=envelope.date,
        message_id=headers.first("Message-ID"),
        list_id=_list_id(headers.first("List-Id")),
        warnings=tuple(envelope.warnings),
        recipients=grammar.addresses_in(value for name in _DELIVERED for value in headers.all(name)),
        list_unsubscribe=_list_unsubscribe(headers),
    )


def _likely_charset(leaves: Iterable[Part]) -> str:
    return next((each.content.get("charset") for each in leaves if each.content.get("charset")), "")


def _values(block: Block, charset: str) -> list[tuple[str, str]]:
    """Names and values as text in one line, encoded words still in them."""
    return [
        (name.decode("ascii", "replace"), fields.unfold(decode_header(value, charset)))
        for name, value in block.fields
    ]


def _of(values: Iterable[tuple[str, str]], wanted: str) -> list[str]:
    return [value for name, value in values if name.lower() == wanted]


def _of_block(block: Block, raw: bytes, values: list[tuple[str, str]], limits: Limits) -> Iterator[str]:
    if block.cut:
        yield warnings.FIELDS_CUT
    if block.stray:
        yield warnings.STRAY_LINE
    if block.field_cut:
        yield warnings.FIELD_CUT
    if not block.separated and block.body < len(raw):
        yield warnings.NO_SEPARATOR
    if any(value.count("=?") > limits.encoded_words for _, value in values):
        yield warnings.WORDS_CUT


def _list_id(value: str) -> str:
    """The identifier (RFC 2919, section 3), also where a sender forgot the brackets around it."""
    bracketed = _BRACKETS.findall(value)
    return (bracketed[-1] if bracketed else value if " " not in value else "").strip()


def _list_unsubscribe(headers: Headers) -> str:
    """The ways that List-Unsubscribe offers (RFC 2369, RFC 8058), never an address."""
    offered = " ".join(headers.all("List-Unsubscribe")).lower()
    web = "http://" in offered or "https://" in offered
    one_click = web and any("one-click" in value.lower() for value in headers.all("List-Unsubscribe-Post"))
    words = (("http", web), ("mailto", "mailto:" in offered), ("one-click", one_click))
    return " ".join(word for word, there in words if there)
