"""The shape of what inboxes.yaml says about how much of a mail is looked at."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema

from watcher.settings import fields
from watcher.settings.fields import invalid
from watcher.settings.model import Model
from watcher.settings.values import Limits as Usual

_USUAL = Usual()
_LESS, _MORE = 10, 100
"""A tenth of the usual limit still lets ordinary mail pass; beyond a hundred times that only the deadline and
the memory of the workers hold."""


def _range(info: ValidationInfo) -> tuple[int, int]:
    usual: int = getattr(_USUAL, info.field_name or "")
    return usual // _LESS, usual * _MORE


def _count(value: object, info: ValidationInfo) -> int:
    written = fields.text(value)
    least, most = _range(info)
    if not re.fullmatch(r"[0-9]{1,12}", written) or not least <= int(written) <= most:
        raise invalid(f"must be a number between {least} and {most}")
    return int(written)


def _size(value: object, info: ValidationInfo) -> int:
    least, most = _range(info)
    return fields.size(value, -(-least // 1000) * 1000, most // 1000 * 1000)


_Count = Annotated[int, BeforeValidator(_count), WithJsonSchema({"type": "integer", "minimum": 1})]
_Size = Annotated[int, BeforeValidator(_size), fields.SIZE_SCHEMA]


class Limits(Model):
    """How much of a mail is looked at: what exceeds a limit is left out, and a warning says so."""

    header_size: _Size = Field(
        "256KiB",
        validate_default=True,
        description="Of the header.",
        examples=["256KiB"],
    )
    field_size: _Size = Field(
        "64KiB", validate_default=True, description="Of one header field.", examples=["64KiB"]
    )
    headers: _Count = Field(_USUAL.headers, description="Fields of a header.", examples=[1000])
    encoded_words: _Count = Field(
        _USUAL.encoded_words,
        description="Encoded words of one field; the others stay as they are.",
        examples=[500],
    )
    addresses: _Count = Field(_USUAL.addresses, description="Addresses of From, and of To.", examples=[1000])
    parameters: _Count = Field(
        _USUAL.parameters, description="Parameters of Content-Type or Content-Disposition.", examples=[100]
    )
    parts: _Count = Field(_USUAL.parts, description="Parts of a mail.", examples=[500])
    part_headers_size: _Size = Field(
        "1MiB", validate_default=True, description="Of the headers of all parts together.", examples=["1MiB"]
    )
    depth: _Count = Field(_USUAL.depth, description="Multiparts within multiparts.", examples=[50])
    text_size: _Size = Field(
        "10MB",
        validate_default=True,
        description="Of the decoded text, and of the decoded HTML, of a mail.",
        examples=["10MB"],
    )
    html_size: _Size = Field(
        "5MB",
        validate_default=True,
        description="Of HTML that is parsed. What exceeds this or a limit below gives its text, and no HTML.",
        examples=["5MB"],
    )
    tags: _Count = Field(_USUAL.tags, description="Tags of the HTML.", examples=[100000])
    tag_depth: _Count = Field(_USUAL.tag_depth, description="Tags open at once.", examples=[1000])
    formatting_depth: _Count = Field(
        _USUAL.formatting_depth, description="Formatting tags, such as `<b>`, open at once.", examples=[200]
    )
    attributes: _Count = Field(_USUAL.attributes, description="Attributes of one tag.", examples=[256])
    roots: _Count = Field(_USUAL.roots, description="`<html>` and `<body>` tags.", examples=[200])
    options: _Count = Field(_USUAL.options, description="`<option>` tags.", examples=[1000])
    links: _Count = Field(
        _USUAL.links, description="Links in the table of links; all are treated.", examples=[2000]
    )
