"""check(mail, signature, records): does this signature hold (RFC 6376, section 6.1)?

dkimpy hashes the header and does the RSA, PyNaCl the ed25519. Around them stands what an archive needs and
they do not offer: a signature is judged at the time of its arrival and not of today (every fourth real one
has expired by x= within weeks), the answer says why, and hostile mail costs no more time than other mail.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watcher.authenticity.keys import KeyType, KeyUnusable, PublicKey, read_key
from watcher.authenticity.signatures import Canonicalization, Malformed, Signature, is_at_or_below

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watcher.authenticity.mail import Mail

_ALGORITHMS = {"rsa-sha256": KeyType.RSA, "ed25519-sha256": KeyType.ED25519}
_FORBIDDEN = {"rsa-sha1": "rsa-sha1 proves nothing any more (RFC 8301, section 3.1)"}
_SLACK = 36_000  # seconds by which clocks of mailers are allowed to be wrong


class Result(StrEnum):
    """What became of a signature."""

    PASS = "pass"  # noqa: S105  # the word of RFC 8601
    FAIL = "fail"  # it does not hold, or cannot be read
    NO_KEY = "no key"  # nobody can say: the domain had no key, or it was not kept


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a signature covers. A field counts only when every field of that name in the mail is covered."""

    sender: bool  # From
    subject: bool
    body_bytes: int  # of the canonical body
    body_total: int

    @property
    def whole_body(self) -> bool:
        """Whether nothing could be added to the body."""
        return self.body_bytes == self.body_total

    @property
    def complete(self) -> bool:
        """Whether all that a reader sees is covered."""
        return self.sender and self.subject and self.whole_body

    def words(self) -> str:
        """The coverage for a person, as in `From, Subject, the whole body`."""
        body = (
            "the whole body"
            if self.whole_body
            else f"only the first {self.body_bytes} of {self.body_total} bytes of the body (l=)"
            if self.body_bytes
            else "nothing of the body (l=0)"
        )
        return ", ".join(
            ["From" if self.sender else "not From", "Subject" if self.subject else "not Subject", body]
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one signature. `reason` is empty for a plain pass."""

    number: int
    domain: str
    selector: str
    result: Result
    reason: str = ""
    aligned: bool = False  # the signing domain answers for the address in From
    algorithm: str = ""
    key_bits: int | None = None
    coverage: Coverage | None = None  # None unless the signature passes
    record: str = ""  # the key record that it was judged by


class _Fails(Exception):  # noqa: N818
    """The signature does not hold; the text says why."""


class ToolsMissing(Exception):  # noqa: N818  # the name says what happened
    """The packages that check signatures are not installed; the text says how to get them."""


def need_tools() -> None:
    """Raise `ToolsMissing` unless `check` can work."""
    try:
        import dkim  # noqa: F401, PLC0415
        import nacl.signing  # noqa: F401, PLC0415
    except ImportError:
        raise ToolsMissing(
            "signatures are checked with the extra `dkim`: pip install 'newsletter-watcher[dkim]'"
        ) from None


def check(
    mail: Mail, signature: Signature | Malformed, records: Sequence[str], at: datetime | None
) -> Verdict:
    """Judge one signature of `mail` against the key records that its domain has published.

    The best answer of any record counts. `at`: when the mail arrived, aware; None when nobody knows, and then
    no signature counts as expired.
    """
    signer = signature.signer
    domain, selector = signer or ("", "")
    if isinstance(signature, Malformed):
        return Verdict(signature.number, domain, selector, Result.FAIL, signature.reason)
    known = Verdict(
        signature.number,
        domain,
        selector,
        Result.FAIL,
        aligned=_aligned(mail, domain),
        algorithm=signature.algorithm,
    )
    try:
        coverage = _covered(mail, signature, at)
    except _Fails as failure:
        return replace(known, reason=str(failure))
    if not records:
        return replace(known, result=Result.NO_KEY, reason="no key of this signer was kept")
    verdicts = [_with_record(mail, signature, record, known) for record in records]
    best = min(verdicts, key=lambda each: each.result is not Result.PASS)
    return replace(best, coverage=coverage) if best.result is Result.PASS else best


def _aligned(mail: Mail, domain: str) -> bool:
    """Whether the domain is that of From or one above it: then it answers for the address.

    A name below that of From is not enough. DMARC would take it (RFC 7489, section 3.1.1), with a list of
    public suffixes to know that a tenant of a shared domain cannot sign for the whole of it.
    """
    domains = mail.from_domains()
    return bool(domains) and all(is_at_or_below(each, domain) for each in domains)


def _covered(mail: Mail, signature: Signature, at: datetime | None) -> Coverage:
    """What is covered, once everything holds that needs no key. Raises `_Fails`."""
    if mail.cut:
        raise _Fails("the header of the mail is larger than what is checked")
    if signature.algorithm in _FORBIDDEN:
        raise _Fails(_FORBIDDEN[signature.algorithm])
    if signature.algorithm not in _ALGORITHMS:
        raise _Fails("the signature is of an unknown algorithm (a=)")
    if signature.expires_at is not None and at is not None and at.timestamp() > signature.expires_at + _SLACK:
        raise _Fails("the signature had expired when the mail arrived (x=)")
    body = mail.canonical_body(signature.body)
    length = len(body) if signature.length is None else signature.length
    if length > len(body):
        raise _Fails("the body is shorter than what was signed (l=)")
    if hashlib.sha256(memoryview(body)[:length]).digest() != signature.body_hash:
        raise _Fails("the body was changed")
    return Coverage(
        sender=_all_covered(mail, signature, b"from"),
        subject=_all_covered(mail, signature, b"subject"),
        body_bytes=length,
        body_total=len(body),
    )


def _all_covered(mail: Mail, signature: Signature, name: bytes) -> bool:
    # Each mention of a name covers one field more, from the bottom (RFC 6376, section 5.4.2). A reader shows
    # another one, so a mail with a second Subject is not the mail that was signed.
    return signature.names.count(name) >= mail.count(name)


def _with_record(mail: Mail, signature: Signature, record: str, known: Verdict) -> Verdict:
    try:
        key = read_key(record)
    except KeyUnusable as unusable:
        return replace(known, reason=str(unusable))
    known = replace(known, key_bits=key.bits, record=record)
    try:
        _verify(mail, signature, key)
    except _Fails as failure:
        return replace(known, reason=str(failure))
    note = "the domain says that it is only testing (t=y)" if key.testing else ""
    return replace(known, result=Result.PASS, reason=note)


def _verify(mail: Mail, signature: Signature, key: PublicKey) -> None:
    """Raise `_Fails` unless the signature was made with this key over this header."""
    if _ALGORITHMS[signature.algorithm] is not key.kind:
        raise _Fails(f"the signature is {signature.algorithm}, the key {key.kind}")
    if key.hashes and "sha256" not in key.hashes:
        raise _Fails("the key is not for sha256 (h=)")
    if key.strict and signature.identity != signature.signer.domain:
        raise _Fails("the key is not for names below its domain (t=s)")
    hashed = _hashed_header(mail, signature)
    if isinstance(key.material, bytes):
        good = _ed25519(key.material, hashed.digest(), signature.value)
    else:
        good = _rsa(key.material, hashed, signature.value)
    if not good:
        raise _Fails("a signed header field was changed, or the key is another one")


def _hashed_header(mail: Mail, signature: Signature) -> Any:
    """The signed fields and the signature's own field without its value, hashed."""
    import dkim  # noqa: PLC0415  # 70 ms, for a check alone
    from dkim.canonicalization import Relaxed, Simple  # noqa: PLC0415

    how = Relaxed if signature.header is Canonicalization.RELAXED else Simple
    # One mention of From more than h= has: a From that was added is found (RFC 6376, section 8.15).
    names = [*signature.names, b"from"]
    hashed = dkim.HashThrough(hashlib.sha256())
    dkim.hash_headers(hashed, how, how.canonicalize_headers(mail.fields), names, signature.field, {})
    return hashed


def _rsa(key: Any, hashed: Any, value: bytes) -> bool:
    from dkim.crypto import RSASSA_PKCS1_v1_5_verify  # noqa: PLC0415

    if len(value) != (key["modulus"].bit_length() + 7) // 8:  # RFC 8017, section 8.2.2, step 1
        return False
    return bool(RSASSA_PKCS1_v1_5_verify(hashed, value, key))


def _ed25519(key: bytes, digest: bytes, value: bytes) -> bool:
    from nacl.exceptions import BadSignatureError, CryptoError  # noqa: PLC0415
    from nacl.signing import VerifyKey  # noqa: PLC0415

    try:
        VerifyKey(key).verify(digest, value)
    except (BadSignatureError, CryptoError, ValueError, TypeError):
        return False
    return True
