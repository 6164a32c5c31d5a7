"""The DKIM-Signature field (RFC 6376, section 3.5): its tags, read strictly and within limits.

Whoever sends a mail writes this field, so it is read as hostile input: every size is bounded before anything
that costs time sees it, and what is malformed becomes a `Malformed` with its reason, never an exception.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

MAX_SIGNATURES = 10
"""Signatures of one mail that are looked at, from the top; the most in 720 real mails were 6."""

_LONGEST_FIELD = 16_384  # bytes
_MOST_NAMES = 500  # in h=
_LONGEST_RUN = re.compile(rb"\s{200}")  # the patterns of dkimpy are quadratic in white space
_SPACE = re.compile(rb"\s+")
_TAG_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*")
_NUMBER = re.compile(rb"[0-9]{1,76}")
_FIELD_NAME = re.compile(rb"[!-9;-~]+")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_SELECTOR = re.compile(
    r"(?=.{1,200}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_REQUIRED = (b"v", b"a", b"b", b"bh", b"d", b"h", b"s")


class Canonicalization(StrEnum):
    """How much the transport may change without breaking the signature (RFC 6376, section 3.4)."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


class Signer(NamedTuple):
    """Who signed, as DNS knows it: the key is the TXT record of SELECTOR._domainkey.DOMAIN. In lower case."""

    domain: str
    selector: str


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature field, well-formed. `number` counts from the top of the mail, from 1."""

    number: int
    signer: Signer
    algorithm: str  # a=, such as rsa-sha256
    header: Canonicalization
    body: Canonicalization
    names: tuple[bytes, ...]  # h=, the signed fields in lower case
    body_hash: bytes
    value: bytes  # b=
    length: int | None  # l=: only so many bytes of the canonical body are signed
    expires_at: int | None  # x=, seconds since 1970
    identity: str  # the domain of i=
    field: tuple[bytes, bytes]  # name and value as they stand in the mail


@dataclass(frozen=True, slots=True)
class Malformed:
    """A DKIM-Signature that cannot be checked, and why. `signer` is None when it does not even name one."""

    number: int
    signer: Signer | None
    reason: str


class TagError(ValueError):
    """A tag list that breaks the rules; the text is the reason."""


def tags(value: bytes) -> dict[bytes, bytes]:
    """Read a tag list (RFC 6376, section 3.2). Raises `TagError`; a tag that comes twice makes it invalid."""
    found: dict[bytes, bytes] = {}
    for piece in value.split(b";"):
        if not piece.strip():
            continue  # after the last semicolon; strictly, nowhere else
        name, equals, content = piece.partition(b"=")
        name = name.strip()
        if not equals or not _TAG_NAME.fullmatch(name):
            raise TagError("it is no list of tags")
        if name in found:
            raise TagError(f"the tag {name.decode()}= comes twice")
        found[name] = content.strip()
    return found


def signature(number: int, name: bytes, value: bytes) -> Signature | Malformed:
    """Read one DKIM-Signature field, the `number`th of its mail."""
    if len(value) > _LONGEST_FIELD or _LONGEST_RUN.search(value):
        return Malformed(number, None, f"the signature is longer than {_LONGEST_FIELD} bytes or padded")
    who: Signer | None = None
    try:
        written = tags(value)
        who = signer(written)
        return _signature(number, (name, value), written, who)
    except TagError as error:
        return Malformed(number, who, f"the signature is malformed: {error}")


def signer(written: dict[bytes, bytes]) -> Signer:
    """The names in d= and s=, as ASCII in lower case. Raises `TagError` when DNS could not have them."""
    return Signer(
        _name(written, b"d", _DOMAIN).rstrip("."),
        _name(written, b"s", _SELECTOR),
    )


def _name(written: dict[bytes, bytes], tag: bytes, pattern: re.Pattern[str]) -> str:
    text = _SPACE.sub(b"", written.get(tag, b"")).decode("utf-8", "replace").lower().rstrip(".")
    if not text.isascii():
        try:
            text = text.encode("idna").decode()  # RFC 8616: U-labels may stand in the field, A-labels in DNS
        except UnicodeError:
            text = ""
    if not pattern.fullmatch(text):
        raise TagError(f"{tag.decode()}= is no name of DNS")
    return text


def _signature(
    number: int, field: tuple[bytes, bytes], written: dict[bytes, bytes], who: Signer
) -> Signature:
    for tag in _REQUIRED:
        if not written.get(tag):
            raise TagError(f"{tag.decode()}= is missing")
    if written[b"v"] != b"1":
        raise TagError("v= is not 1")
    if b"dns/txt" not in [each.strip() for each in written.get(b"q", b"dns/txt").split(b":")]:
        raise TagError("q= asks for another way to get the key than dns/txt")
    header, body = _canonicalizations(written.get(b"c", b"simple/simple"))
    signed_at, expires_at = _number(written, b"t"), _number(written, b"x")
    if signed_at is not None and expires_at is not None and expires_at < signed_at:
        raise TagError("x= is before t=")
    return Signature(
        number=number,
        signer=who,
        algorithm=_SPACE.sub(b"", written[b"a"]).decode("ascii", "replace").lower(),
        header=header,
        body=body,
        names=_names(written[b"h"]),
        body_hash=_base64(written, b"bh"),
        value=_base64(written, b"b"),
        length=_number(written, b"l"),
        expires_at=expires_at,
        identity=_identity(written, who),
        field=field,
    )


def _names(listed: bytes) -> tuple[bytes, ...]:
    names = tuple(each.strip().lower() for each in listed.split(b":"))
    if len(names) > _MOST_NAMES:
        raise TagError(f"h= names more than {_MOST_NAMES} fields")
    if not all(map(_FIELD_NAME.fullmatch, names)):
        raise TagError("h= has something that is no field's name")
    if b"from" not in names:
        raise TagError("h= does not name From")  # RFC 6376, section 6.1.1
    return names


def _canonicalizations(value: bytes) -> tuple[Canonicalization, Canonicalization]:
    header, _, body = value.decode("ascii", "replace").lower().partition("/")
    try:
        return Canonicalization(header), Canonicalization(body or Canonicalization.SIMPLE)
    except ValueError:
        raise TagError("c= names an unknown canonicalization") from None


def _number(written: dict[bytes, bytes], tag: bytes) -> int | None:
    if tag not in written:
        return None
    if not _NUMBER.fullmatch(written[tag]):
        raise TagError(f"{tag.decode()}= is no number")
    return int(written[tag])


def _base64(written: dict[bytes, bytes], tag: bytes) -> bytes:
    try:
        return base64.b64decode(_SPACE.sub(b"", written[tag]), validate=True)
    except binascii.Error:
        raise TagError(f"{tag.decode()}= is no base64") from None


def _identity(written: dict[bytes, bytes], who: Signer) -> str:
    """The domain of i=, which must be d= or lie below it (RFC 6376, section 3.5)."""
    if b"i" not in written:
        return who.domain
    identity = _name({b"i": written[b"i"].rpartition(b"@")[2]}, b"i", _DOMAIN)
    if not is_at_or_below(identity, who.domain):
        raise TagError("i= does not belong to d=")
    return identity


def is_at_or_below(name: str, domain: str) -> bool:
    """Whether `name` is `domain` or a name below it."""
    return name == domain or name.endswith("." + domain)
