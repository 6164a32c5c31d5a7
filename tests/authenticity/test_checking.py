"""check: which signatures hold, what they cover, and that no mail and no key can hurt."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.signed_mail import KeyPair, ed25519_key, letter, rsa_key, sign
from watcher.authenticity import MAX_SIGNATURES, Malformed, Result, Verdict, check, read

ARRIVED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "relaxed")


def verdicts(raw: bytes, *records: str, at: datetime | None = ARRIVED) -> list[Verdict]:
    mail = read(raw)
    return [check(mail, each, records, at) for each in mail.signatures()]


def verdict(raw: bytes, *records: str, at: datetime | None = ARRIVED) -> Verdict:
    (only,) = verdicts(raw, *records, at=at)
    return only


def altered(old: bytes, new: bytes) -> Verdict:
    """What is said of a signed mail in which something was replaced after that."""
    raw = sign(letter(), rsa_key())
    assert old in raw
    return verdict(raw.replace(old, new, 1), rsa_key().record)


@pytest.mark.parametrize("canonicalization", FORMS)
@pytest.mark.parametrize("make", [rsa_key, ed25519_key])
def test_a_signature_holds_in_every_canonicalization(make: object, canonicalization: str) -> None:
    """What another implementation signed passes here, with RSA and ed25519 (RFC 6376, RFC 8463)."""
    key: KeyPair = make()  # type: ignore[operator]
    found = verdict(sign(letter(), key, canonicalization=canonicalization), key.record)
    assert (found.result, found.reason, found.aligned) == (Result.PASS, "", True)
    assert found.key_bits == (2048 if make is rsa_key else 256)
    assert found.coverage is not None
    assert found.coverage.words() == "From, Subject, the whole body"


@pytest.mark.parametrize("canonicalization", FORMS)
def test_line_ends_of_a_saved_file_do_not_matter(canonicalization: str) -> None:
    """A mail saved with LF, or behind an mbox line, is the mail that was signed with CR LF."""
    raw = sign(letter(), rsa_key(), canonicalization=canonicalization)
    saved = b"From news@example.org Sun Mar  1 09:30:00 2026\n" + raw.replace(b"\r\n", b"\n")
    assert verdict(saved, rsa_key().record).result is Result.PASS


def test_relaxed_forgives_white_space_and_simple_does_not() -> None:
    """RFC 6376, section 3.4: only runs of blanks, and empty lines at the end, may change."""
    for canonicalization, result in (("relaxed/relaxed", Result.PASS), ("simple/simple", Result.FAIL)):
        raw = sign(letter(), rsa_key(), canonicalization=canonicalization)
        changed = raw.replace(b"Subject: The river", b"SUBJECT:  The\r\n   river").replace(b"\tto", b"   to")
        assert verdict(changed, rsa_key().record).result is result


TAMPERED = [
    ("body", b"Some ", b"Much ", "the body was changed"),
    ("appended", b"And more.", b"And more. Buy now.", "the body was changed"),
    ("subject", b"Subject: The river", b"Subject: The lake", "a signed header field was changed"),
    ("from", b"news@example.org>", b"evil@example.org>", "a signed header field was changed"),
    ("second From", b"To: ", b"From: <evil@example.org>\r\nTo: ", "a signed header field was changed"),
    ("domain", b"s=s1", b"s=s2", "a signed header field was changed"),
]


@pytest.mark.parametrize(
    ("old", "new", "reason"), [case[1:] for case in TAMPERED], ids=[c[0] for c in TAMPERED]
)
def test_a_changed_mail_fails_with_the_reason(old: bytes, new: bytes, reason: str) -> None:
    """Each change of what is signed is found, and the answer says where."""
    found = altered(old, new)
    assert found.result is Result.FAIL
    assert found.reason.startswith(reason)
    assert found.coverage is None


def test_a_part_of_the_body_is_never_called_the_whole() -> None:
    """With l= anything can be added below (RFC 6376, section 8.2): the answer says how much is covered."""
    for length, words in ((9, "only the first 9 of "), (0, "nothing of the body (l=0)")):
        raw = sign(letter(), rsa_key(), length=length)
        found = verdict(raw + b"Buy now.\r\n", rsa_key().record)
        assert found.result is Result.PASS
        assert found.coverage is not None
        assert not found.coverage.whole_body
        assert words in found.coverage.words()


def test_a_body_shorter_than_its_signed_length_fails() -> None:
    """RFC 6376, section 3.5: l= must not be more than there is."""
    found = verdict(sign(letter(), rsa_key(), length=9, l="99999"), rsa_key().record)
    assert (found.result, found.reason) == (Result.FAIL, "the body is shorter than what was signed (l=)")


def test_a_second_subject_is_not_covered_by_one_mention() -> None:
    """The signature covers the lowest Subject, a reader shows the first: not the one that was signed."""
    raw = sign(letter(), rsa_key())
    found = verdict(b"Subject: Buy now\r\n" + raw, rsa_key().record)
    assert found.result is Result.PASS
    assert found.coverage is not None
    assert found.coverage.words() == "From, not Subject, the whole body"


@pytest.mark.parametrize(
    ("sender", "aligned"),
    [
        ("News <news@example.org>", True),
        ("News <news@list.example.org>", True),
        ("News <news@EXAMPLE.ORG>", True),
        ("News <news@notexample.org>", False),
        ("News <news@org>", False),
        ('"news@example.org" <news@example.com>', False),
        ("<news@example.org>, <news@example.com>", False),
        ("no address", False),
    ],
)
def test_a_signature_is_aligned_when_it_answers_for_the_address(sender: str, aligned: bool) -> None:
    """The signing domain is that of every address in From, or one above it."""
    found = verdict(sign(letter(sender=sender), rsa_key()), rsa_key().record)
    assert (found.result, found.aligned) == (Result.PASS, aligned)


def test_a_tenant_below_a_domain_does_not_answer_for_it() -> None:
    """`d=tenant.example.org` proves nothing about news@example.org."""
    found = verdict(sign(letter(), rsa_key(), "tenant.example.org"), rsa_key().record)
    assert (found.result, found.aligned) == (Result.PASS, False)


def test_expiry_is_judged_at_arrival_and_not_today() -> None:
    """A signature that has expired since (x=) still proves the mail; one that came too late does not."""
    arrived = datetime(2020, 3, 1, tzinfo=UTC)
    expires = int(arrived.timestamp()) + 60
    raw = sign(letter(), rsa_key(), t=str(expires - 600), x=str(expires))
    assert verdict(raw, rsa_key().record, at=arrived).result is Result.PASS
    assert verdict(raw, rsa_key().record, at=None).result is Result.PASS
    late = verdict(raw, rsa_key().record, at=arrived + timedelta(days=1))
    assert (late.result, late.reason) == (
        Result.FAIL,
        "the signature had expired when the mail arrived (x=)",
    )


def test_without_a_key_nobody_can_say() -> None:
    """No key is another answer than fail; a body that was changed fails all the same."""
    raw = sign(letter(), rsa_key())
    assert verdict(raw).result is Result.NO_KEY
    assert verdict(raw.replace(b"Some ", b"Much ")).result is Result.FAIL


def test_the_right_one_of_several_keys_counts() -> None:
    """A key that was replaced under the same selector does not hide the one that signed."""
    raw = sign(letter(), rsa_key())
    others = (rsa_key(name="other").record, ed25519_key().record, "v=DKIM1; p=")
    assert verdict(raw, *others, rsa_key().record).result is Result.PASS
    assert verdict(raw, *others).result is Result.FAIL


def _with(record: str, old: str, new: str) -> str:
    assert old in record
    return record.replace(old, new)


RECORDS = [
    ("revoked", lambda r: re.sub("p=.*", "p=", r), "the domain has revoked the key"),
    ("no p", lambda _: "v=DKIM1; k=rsa", "holds no key"),
    ("not base64", lambda r: re.sub("p=.*", "p=A", r), "no base64"),
    ("not DER", lambda r: re.sub("p=.*", "p=AAAA", r), "no RSA key"),
    ("cut DER", lambda r: r[:100], "no "),
    ("other version", lambda r: _with(r, "DKIM1", "DKIM2"), "another version"),
    ("not for mail", lambda r: r + "; s=tlsrpt", "not for mail"),
    ("sha1 alone", lambda r: r + "; h=sha1", "not for sha256"),
    ("unknown kind", lambda r: _with(r, "k=rsa", "k=falcon"), "unknown kind"),
    ("wrong kind", lambda _: ed25519_key().record, "the key ed25519"),
    ("short ed25519", lambda _: "k=ed25519; p=AAAA", "has 3 bytes"),
    ("tag twice", lambda r: r + "; k=rsa", "comes twice"),
    ("no tags", lambda _: "hello", "no list of tags"),
    ("huge", lambda r: r + "; n=" + "x" * 20_000, "longer than"),
    ("small key", lambda _: rsa_with(bits=512), "512 bits"),
    ("huge key", lambda _: rsa_with(bits=65_536), "65536 bits"),
    ("huge exponent", lambda _: rsa_with(bits=2048, exponent=1 << 2000 | 1), "an exponent"),
]  # fmt: skip


def rsa_with(bits: int, exponent: int = 65_537) -> str:
    """The record of a well-formed RSA key of this size, which nobody can sign with (RFC 8017, A.1.1)."""
    numbers = [(1 << (bits - 1)) | 1, exponent]
    der = _der(0x30, b"".join(_der(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in numbers))
    return "p=" + base64.b64encode(der).decode()


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x83]) + len(content).to_bytes(3, "big") + content


@pytest.mark.parametrize(("change", "reason"), [case[1:] for case in RECORDS], ids=[c[0] for c in RECORDS])
def test_a_key_record_that_cannot_be_used_is_said_and_costs_nothing(change: object, reason: str) -> None:
    """Whatever stands in DNS, the answer is a reason."""
    found = verdict(sign(letter(), rsa_key()), change(rsa_key().record))  # type: ignore[operator]
    assert found.result is Result.FAIL
    assert reason in found.reason


def test_a_domain_that_is_testing_is_said() -> None:
    """t=y: the pass counts, with the note that the domain itself does not rely on it."""
    found = verdict(sign(letter(), rsa_key()), rsa_key().record + "; t=y")
    assert found.result is Result.PASS
    assert "t=y" in found.reason


def test_a_strict_key_is_not_for_names_below_its_domain() -> None:
    """t=s: the domain of i= must be d= itself (RFC 6376, section 3.6.1)."""
    raw = sign(letter(), rsa_key(), i="@sub.example.org")
    assert verdict(raw, rsa_key().record).result is Result.PASS
    assert "t=s" in verdict(raw, rsa_key().record + "; t=s").reason


SIGNATURES = [
    (b"v=1;", b"v=2;", "v= is not 1"),
    (b"v=1;", b"", "v= is missing"),
    (b"a=rsa-sha256", b"a=rsa-sha1", "rsa-sha1 proves nothing"),
    (b"a=rsa-sha256", b"a=rsa-sha512", "unknown algorithm"),
    (b"c=relaxed/relaxed", b"c=nofws", "unknown canonicalization"),
    (b"d=example.org", b"d=localhost", "d= is no name of DNS"),
    (b"d=example.org", b"d=exa mple..org", "d= is no name of DNS"),
    (b"d=example.org", b"d=\xff\xfe.org", "no name of DNS"),
    (b"s=s1", b"s=" + b"s" * 300, "s= is no name of DNS"),
    (b"s=s1", b"s=s1; s=s1", "comes twice"),
    (b"s=s1", b"s=s1; x=soon", "x= is no number"),
    (b"s=s1", b"s=s1; t=9; x=8", "x= is before t="),
    (b"s=s1", b"s=s1; q=dns/other", "dns/txt"),
    (b"s=s1", b"s=s1; i=@example.com", "i= does not belong"),
    (b"s=s1", b"s=s1; l=-1", "l= is no number"),
    (b"s=s1", b"s=s1; garbage", "no list of tags"),
    (b"h=from", b"h=to", "does not name From"),
    (b"h=from", b"h=from:" + b"x:" * 600, "more than 500"),
    (b"h=from", b"h=from:a b", "no field's name"),
    (b"bh=", b"bh=!", "bh= is no base64"),
    (b"v=1;", b"v=1;" + b" " * 300, "or padded"),
    (b"v=1;", b"v=1; n=" + b"x" * 20_000 + b";", "longer than"),
]


@pytest.mark.parametrize(("old", "new", "reason"), SIGNATURES)
def test_a_malformed_signature_fails_with_its_reason(old: bytes, new: bytes, reason: str) -> None:
    """A field that breaks the rules of RFC 6376, section 3.5, is a fail, never an exception."""
    found = altered(old, new)
    assert found.result is Result.FAIL
    assert reason in found.reason


def test_names_are_read_as_dns_has_them() -> None:
    """Case, folds and letters beyond ASCII in d= and s= lead to one name (RFC 8616)."""
    raw = sign(letter(), rsa_key()).replace(b"d=example.org", "d=BÜCHER.Example.".encode(), 1)
    mail = read(raw.replace(b"s=s1", b"s=S\r\n 1", 1))
    assert mail.signers() == [("xn--bcher-kva.example", "s1")]


def test_the_keys_of_arc_seals_are_named_too() -> None:
    """What a mailing list has sealed (RFC 8617) is signed with keys like DKIM's; each name comes once."""
    seal = b"ARC-Seal: i=1; a=rsa-sha256; d=lists.example.com; s=arc; cv=none; b=AAAA\r\n"
    raw = seal + seal.replace(b"Seal", b"Message-Signature") + b"ARC-Seal: i=2; junk\r\n"
    raw += sign(letter(), rsa_key())
    assert read(raw).signers() == [("example.org", "s1"), ("lists.example.com", "arc")]


def test_work_is_limited_to_the_topmost_signatures() -> None:
    """A mail of a thousand signatures is a mail of ten."""
    raw = letter()
    for number in range(MAX_SIGNATURES + 2):
        raw = sign(raw, ed25519_key(), selector=f"s{number}")
    found = verdicts(raw, ed25519_key().record)
    assert [each.selector for each in found] == [f"s{number}" for number in range(11, 1, -1)]
    assert {each.result for each in found} == {Result.PASS}


def test_a_header_over_the_limits_is_not_judged() -> None:
    """Fields that were not read may be signed: the answer is fail with that reason."""
    raw = b"X: y\r\n" * 1_100 + sign(letter(), rsa_key())
    assert verdicts(raw, rsa_key().record) == []
    raw = sign(b"X-Long: " + b"y" * 70_000 + b"\r\n" + letter(), rsa_key())
    assert "larger than what is checked" in verdict(raw, rsa_key().record).reason


@pytest.mark.parametrize(
    "body",
    [b" " * 3_000_000, b"\r\n" * 1_500_000, b" \t" * 1_000_000 + b"x", b"\n\r" * 1_000_000, b""],
    ids=["blanks", "empty lines", "blanks and a letter", "reversed line ends", "nothing"],
)
def test_a_hostile_body_costs_no_more_than_another(body: bytes) -> None:
    """The suite's time limit is the assertion: a quadratic pattern would take hours."""
    raw = sign(letter(), ed25519_key()).partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    assert verdict(raw, ed25519_key().record).reason == "the body was changed"


@given(st.binary(max_size=400), st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_signature_and_any_record_give_a_verdict(value: bytes, record: str) -> None:
    """For any bytes in the field and any text in DNS there is an answer, and it is no pass."""
    raw = b"DKIM-Signature: " + value.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" + letter()
    for found in verdicts(raw, record):
        assert found.result is not Result.PASS
        assert found.reason


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_flipped_bit_of_a_signed_mail_passes_unnoticed(data: st.DataObject) -> None:
    """Every byte of the body, and of a signed field, is covered under `simple`."""
    raw = sign(letter(), ed25519_key(), canonicalization="simple/simple")
    start = raw.index(b"From: ")
    place = data.draw(st.integers(start, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.sampled_from([1, 4, 32]))
    covered = any(
        at <= place < at + len(field)
        for field in (
            b"From: Example News <news@example.org>",
            b"Subject: The river is low",
            b"words\tto read",
        )
        for at in [raw.index(field)]
    )
    result = {each.result for each in verdicts(bytes(changed), ed25519_key().record)}
    assert not covered or result == {Result.FAIL}


def test_a_mail_without_signature_has_no_verdict() -> None:
    """Nothing is made up."""
    assert verdicts(letter()) == []
    assert verdicts(b"") == []
    assert read(letter()).signers() == []


def test_a_malformed_signature_keeps_the_name_of_its_key() -> None:
    """The key may be looked up for what other checkers make of it."""
    (only,) = read(sign(letter(), rsa_key()).replace(b"v=1;", b"v=2;", 1)).signatures()
    assert isinstance(only, Malformed)
    assert only.signer == ("example.org", "s1")
