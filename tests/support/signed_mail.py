"""Mail with real DKIM signatures: keys made by openssl and PyNaCl, signatures made by dkimpy."""

from __future__ import annotations

import base64
import functools
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dkim
import pytest
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import parse_pem_private_key
from nacl.encoding import Base64Encoder
from nacl.signing import SigningKey

from tests.support.home import mail

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNED_FIELDS = ("from", "subject", "to", "date")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key to sign with, and the record that its domain publishes."""

    algorithm: str
    private: Any
    record: str


@functools.cache
def rsa_key(bits: int = 2048, name: str = "") -> KeyPair:
    """An RSA key, made once a process for each size and name; skips the test without openssl."""
    del name
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command: apt-get install openssl")
    pem = _openssl("genrsa", str(bits))
    public = base64.b64encode(_openssl("rsa", "-pubout", "-outform", "DER", stdin=pem)).decode()
    return KeyPair("rsa-sha256", parse_pem_private_key(pem), f"v=DKIM1; k=rsa; p={public}")


@functools.cache
def ed25519_key(name: str = "") -> KeyPair:
    """An ed25519 key (RFC 8463), made once a process for each name."""
    del name
    private = SigningKey.generate()
    public = private.verify_key.encode(Base64Encoder).decode()
    return KeyPair("ed25519-sha256", private, f"v=DKIM1; k=ed25519; p={public}")


def sign(
    raw: bytes,
    key: KeyPair,
    domain: str = "example.org",
    selector: str = "s1",
    *,
    canonicalization: str = "relaxed/relaxed",
    names: tuple[str, ...] = SIGNED_FIELDS,
    length: int | None = None,
    field: str = "DKIM-Signature",
    **tags: str,
) -> bytes:
    """The mail with one more signature on top. `length`: how many bytes of the body are signed (l=)."""
    signer = dkim.DKIM(raw, signature_algorithm=key.algorithm.encode())
    policy = CanonicalizationPolicy.from_c_value(canonicalization.encode())
    body = policy.canonicalize_body(signer.body)[:length]
    written: Mapping[str, str] = {
        "v": "1",
        "a": key.algorithm,
        "c": canonicalization,
        "d": domain,
        "s": selector,
        **({} if length is None else {"l": str(length)}),
        **tags,
        "h": ":".join(names),
        "bh": base64.b64encode(hashlib.sha256(body).digest()).decode(),
        "b": "0" * 60,
    }
    signer.hasher = hashlib.sha256
    value = signer.gen_header(
        [(name.encode(), content.encode()) for name, content in written.items()],
        [name.encode() for name in names],
        policy,
        field.encode(),
        key.private,
    )
    return field.encode() + b": " + bytes(value) + raw


def letter(**parts: str) -> bytes:
    """A newsletter to be signed, with a body that canonicalization has something to do on."""
    return mail("The river is low", "Some  words\tto read. \n\nAnd more.\n\n\n", **parts)


def _openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True)
    return done.stdout
