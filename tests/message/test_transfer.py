"""Content-Transfer-Encoding: tolerant, and decoded once."""

from __future__ import annotations

import base64

import pytest

from tests.support.raw_mail import mail
from watcher.message import Message, parse, transfer

DAMAGED = "body: the transfer encoding is damaged, what could be decoded was kept"
UNKNOWN = "body: the transfer encoding is unknown, the bytes were taken as they are"
SENT = "caf\u00e9 = 1"
AS_BASE64 = base64.b64encode(SENT.encode()).decode()


def read(encoding: str, body: bytes) -> Message:
    """Parse a text in UTF-8 that was sent with that transfer encoding."""
    return parse(
        mail("Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}", body=body)
    )


@pytest.mark.parametrize(
    ("encoding", "body", "text", "said"),
    [
        ("7bit", b"plain", "plain", ()),
        ("8bit", SENT.encode(), SENT, ()),
        ("binary", SENT.encode(), SENT, ()),
        ("", SENT.encode(), SENT, ()),
        ("quoted-printable", b"caf=C3=A9 =3D 1", SENT, ()),
        ("Quoted-Printable", b"caf=c3=a9 =3d 1", SENT, ()),
        ("quoted-printable", b"soft =\r\nbreak", "soft break", ()),
        ("quoted-printable", b"soft = \t\r\nbreak", "soft break", ()),
        ("quoted-printable", b"soft =\nbreak", "soft break", ()),
        ("quoted-printable", b"a=ZZb = c", "a=ZZb = c", ()),
        ("quoted-printable", b"https://example.org/?a=3D1&b=3DXY", "https://example.org/?a=1&b=XY", ()),
        ("quoted-printable", b"caf\xc3\xa9", "café", ()),
        ("base64", AS_BASE64.encode(), SENT, ()),
        ("BASE64 ", AS_BASE64.encode(), SENT, ()),
        ("base64;", AS_BASE64.encode(), SENT, ()),
        ("base64 (comment)", AS_BASE64.encode(), SENT, ()),
        ("base64", AS_BASE64.rstrip("=").encode(), SENT, ()),
        ("base64", b"Y2Fm\r\n w6kg *PSAx!", SENT, ()),
        ("base64", b"Y2Fmw6kgPSAxQ", SENT, (DAMAGED,)),
        ("base64", b"", "", ()),
        ("8-bits", SENT.encode(), SENT, (UNKNOWN,)),
        ("x-uuencode", b"begin 644 x.txt\r\n#0V%T\r\n`\r\nend\r\n", "Cat", ()),
        ("x-uuencode", b"words before\r\nbegin 644 x.txt\r\n#0V%Tgarbage\r\nend\r\n", "Cat", ()),
        ("x-uuencode", b"no begin line", "no begin line", (DAMAGED,)),
    ],
)
def test_a_body_is_decoded(encoding: str, body: bytes, text: str, said: tuple[str, ...]) -> None:
    """What is damaged is repaired as mail clients do, or kept and said."""
    message = read(encoding, body)
    assert message.plain == text
    assert message.warnings == said


def test_a_body_is_decoded_once() -> None:
    """`=3D` that was itself encoded stays; so does base64 within base64."""
    assert read("quoted-printable", b"https://example.org/?x=3D=3D3D").plain == "https://example.org/?x==3D"
    assert read("base64", base64.b64encode(AS_BASE64.encode())).plain == AS_BASE64


def test_soft_breaks_before_a_bare_return_lose_nothing() -> None:
    """The decoder under it would drop everything up to a line feed."""
    assert parse(b"Content-Transfer-Encoding: quoted-printable\r\rone=\rtwo\rthree").plain == "onetwo\nthree"


def test_uuencode_that_breaks_off_keeps_what_came_before() -> None:
    """A line that cannot be decoded ends it."""
    found = transfer.decode(b"begin 644 x\n#0V%T\n\xff\xff\xff\n", "uuencode")
    assert (found.data, found.whole) == (b"Cat", False)
