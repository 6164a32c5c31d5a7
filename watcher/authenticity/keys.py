"""The key record, a TXT record in DNS (RFC 6376, section 3.6.1; ed25519: RFC 8463): from text to a key."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watcher.authenticity.signatures import TagError, tags

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_RECORD = 16_384
"""Bytes; a key of 8192 bits takes 1,400."""

_BITS = (1024, 8192)
"""RFC 8301, section 3.2, forbids RSA below 1024; above 8192 no sender publishes and checking takes long."""

_LARGEST_EXPONENT = 1 << 64
"""Everybody uses 65537 or 3. A huge one makes each check thousands of times as dear."""

_ED25519_BYTES = 32
_SPACE = re.compile(rb"\s+")


class KeyType(StrEnum):
    """k=, the kind of key."""

    RSA = "rsa"
    ED25519 = "ed25519"


class KeyUnusable(Exception):  # noqa: N818  # the name says what happened
    """A key record that no signature can be checked with; the text says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key and what its owner says about its use."""

    kind: KeyType
    bits: int
    material: Mapping[str, int] | bytes  # RSA: modulus and publicExponent; ed25519: 32 bytes
    hashes: frozenset[str]  # h=: empty means any
    testing: bool  # t=y: the domain is trying DKIM out
    strict: bool  # t=s: i= must be d= itself


def read_key(record: str) -> PublicKey:
    """Read a key record. Raises `KeyUnusable`, whatever the text is."""
    if len(record) > LONGEST_RECORD:
        raise KeyUnusable(f"the key record is longer than {LONGEST_RECORD} bytes")
    try:
        written = tags(record.encode())
    except TagError as error:
        raise KeyUnusable(f"the key record is malformed: {error}") from None
    if written.get(b"v", b"DKIM1") != b"DKIM1":
        raise KeyUnusable("the record is of another version than DKIM1")
    if not {b"*", b"email"} & set(_list(written, b"s", b"*")):
        raise KeyUnusable("the key is not for mail (s=)")
    kind, bits, material = _material(written)
    flags = _list(written, b"t", b"")
    return PublicKey(
        kind=kind,
        bits=bits,
        material=material,
        hashes=frozenset(
            each.decode("ascii", "replace").lower() for each in _list(written, b"h", b"") if each
        ),
        testing=b"y" in flags,
        strict=b"s" in flags,
    )


def _list(written: Mapping[bytes, bytes], tag: bytes, default: bytes) -> list[bytes]:
    return [each.strip() for each in written.get(tag, default).split(b":")]


def _material(written: Mapping[bytes, bytes]) -> tuple[KeyType, int, Mapping[str, int] | bytes]:
    if b"p" not in written:
        raise KeyUnusable("the record holds no key (p=)")
    encoded = _SPACE.sub(b"", written[b"p"])
    if not encoded:
        raise KeyUnusable("the domain has revoked the key")
    try:
        data = base64.b64decode(encoded)
    except binascii.Error:
        raise KeyUnusable("the key is no base64") from None
    kind = written.get(b"k", b"rsa").lower()
    if kind == b"rsa":
        key = _rsa(data)
        return KeyType.RSA, key["modulus"].bit_length(), key
    if kind == b"ed25519":
        if len(data) != _ED25519_BYTES:
            raise KeyUnusable(f"the ed25519 key has {len(data)} bytes instead of {_ED25519_BYTES}")
        return KeyType.ED25519, 8 * len(data), data
    raise KeyUnusable("the key is of an unknown kind (k=)")


def _rsa(data: bytes) -> Mapping[str, int]:
    from dkim.crypto import parse_public_key  # noqa: PLC0415  # 70 ms, for a check alone

    try:
        key: dict[str, Any] = parse_public_key(data)
        modulus, exponent = int(key["modulus"]), int(key["publicExponent"])
    # dkimpy's reader of ASN.1 raises whatever Python does at the place where odd bytes end.
    except Exception:  # noqa: BLE001
        raise KeyUnusable("the bytes in p= are no RSA key") from None
    least, most = _BITS
    if not least <= modulus.bit_length() <= most:
        raise KeyUnusable(f"the RSA key has {modulus.bit_length()} bits; {least} to {most} are accepted")
    if not 1 < exponent < _LARGEST_EXPONENT:
        raise KeyUnusable("the RSA key has an exponent that nobody uses")
    return {"modulus": modulus, "publicExponent": exponent}
