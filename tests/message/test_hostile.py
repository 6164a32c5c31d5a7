"""Any bytes at all: a message or `Unparseable`, in linear time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.raw_mail import mail
from watcher.message import Limits, Message, Unparseable, kind_of, parse

_TOKENS = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"\r\r\n",
            b" ",
            b"\t",
            b"\0",
            b":",
            b";",
            b"=",
            b'"',
            b"\\",
            b"(",
            b")",
            b"<",
            b">",
        ),
        *(
            b"@",
            b",",
            b"'",
            b"*",
            b"*0*=",
            b"--",
            b"--b",
            b"--b--",
            b"+9999",
            b"99999",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
        ),
        *(
            b"From ",
            b"From: ",
            b"To: ",
            b"Date: ",
            b"Subject: ",
            b"List-Id: ",
            b"Content-Type: message/rfc822",
        ),
        *(b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: multipart/digest; boundary="),
        *(
            b"multipart/alternative; boundary=",
            b"Content-Type: text/html; charset=",
            b"format=flowed; delsp=yes",
        ),
        *(b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable"),
        *(
            b"Content-Transfer-Encoding: x-uuencode",
            b"begin 644 x\n",
            b"Content-Disposition: attachment; filename",
        ),
        *(
            b"=?utf-8?q?",
            b"=?idna?b?",
            b"=?utf-7?b?",
            b"?=",
            b"=C3",
            b"+2AA-",
            b"\x1b$B",
            b"\xc3\xa9",
            b"\xe9",
        ),
        *(b"utf-8", b"utf-7", b"utf-16", b"idna", b"iso-2022-jp", b"punycode", b"a@example.org", b"word"),
        *(b"Thu, 1 Jan 2026 00:00:00 +0000", b"<meta charset=", b"confirm your subscription"),
    ]
)
_MAILS = st.one_of(
    st.binary(max_size=400),
    st.lists(_TOKENS, max_size=60).map(b"".join),
    st.tuples(*[st.lists(_TOKENS, max_size=30).map(b"".join)] * 2).map(b"\r\n\r\n".join),
)


def _is_sound(message: Message) -> bool:
    texts = [message.subject, message.html, message.plain, message.author.name, *message.warnings]
    names = [each.name for each in message.attachments]
    assert all(
        "\0" not in text and text.encode() is not None for text in (message.html, message.plain, *names)
    )
    assert all("\r" not in text for text in (message.html, message.plain))
    assert all(text.encode() is not None for text in texts)
    assert all(name and "/" not in name and len(name.encode()) <= 255 for name in names)
    assert all(value.encode() is not None and "\n" not in value for _, value in message.headers.fields)
    assert message.date is None or (message.date.tzinfo is not None and 1970 <= message.date.year <= 2100)
    return True


@settings(max_examples=400, deadline=None)
@given(_MAILS)
def test_any_bytes_give_a_message_or_unparseable(raw: bytes) -> None:
    """No exception of a library gets out, and every text can be written as UTF-8."""
    if not raw.strip():
        with pytest.raises(Unparseable):
            parse(raw)
        return
    message = parse(raw)
    assert _is_sound(message)
    assert kind_of(message, platform=False)[1]
    assert parse(raw) == message


@settings(max_examples=150, deadline=None)
@given(_MAILS)
def test_any_bytes_are_read_within_the_narrowest_limits(raw: bytes) -> None:
    """The limits cut, and never make a mail unreadable."""
    narrow = Limits(
        header_bytes=40,
        header_field_bytes=20,
        headers=2,
        encoded_words=1,
        addresses=1,
        parameters=1,
        parts=1,
        depth=1,
        text_part_bytes=8,
    )
    if raw.strip():
        message = parse(raw, narrow)
        assert len(message.headers.fields) <= 2
        assert max(len(message.plain), len(message.attachments)) <= 8


@pytest.mark.parametrize("raw", [b"", b" ", b"\r\n\r\n"])
def test_nothing_but_white_space_is_unparseable(raw: bytes) -> None:
    """There is neither a field nor a body."""
    with pytest.raises(Unparseable) as caught:
        parse(raw)
    assert caught.value.reason == "the message is empty"


@pytest.mark.parametrize("raw", [b"x", b"\0", b":", b"a:", b"\xff", b"--", b"From ", b"\xef\xbb\xbf"])
def test_the_smallest_mails_are_messages(raw: bytes) -> None:
    """One byte is a body."""
    assert isinstance(parse(raw), Message)


def _nested(depth: int) -> bytes:
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    return head + b"\r\ninner"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(_nested(2_000), id="multiparts 2,000 deep"),
        pytest.param(b"Content-Type: message/rfc822\r\n\r\n" * 1_000, id="messages 1,000 deep"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 100_000,
            id="100,000 parts",
        ),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--\r\n" * 200_000,
            id="200,000 lines of --",
        ),
        pytest.param(mail(b"From: " + b'"' * 50_000, body="x"), id="50,000 quotes"),
        pytest.param(mail(b"To: " + b"(" * 50_000, body="x"), id="50,000 comments"),
        pytest.param(mail(b"From: " + b"a@" * 30_000, body="x"), id="30,000 addresses without an end"),
        pytest.param(mail(b"From: " + b"a" * 60_000, body="x"), id="a word of 60,000 letters"),
        pytest.param(mail(b"Subject: " + b"=?utf-8?q?a?= " * 60_000, body="x"), id="60,000 encoded words"),
        pytest.param(
            mail(b"Subject: " + b"=?x?q?a" * 9_000, body="x"), id="9,000 encoded words without an end"
        ),
        pytest.param(
            mail(b"Subject: =?punycode?q?" + b"a-b=ff" * 9_000 + b"?=", body="x"), id="punycode word"
        ),
        pytest.param(
            mail(b"Content-Type: text/plain; " + b"a=b; " * 20_000, body="x"), id="20,000 parameters"
        ),
        pytest.param(
            mail(b"Content-Type: text/plain; " + b"a " * 30_000, body="x"), id="30,000 parameter names"
        ),
        pytest.param(mail(b"Date: " + b"(" * 60_000, body="x"), id="a date of comments"),
        pytest.param(b"A: b\r\n" * 200_000, id="200,000 fields"),
        pytest.param(b"a" * 5_000_000, id="one long line"),
        pytest.param(
            mail("Content-Type: text/plain; charset=punycode", body=b"a-b\xff" * 500_000), id="punycode body"
        ),
        pytest.param(
            mail("Content-Type: text/html", body=b"<meta " * 100_000 + b"\xff"), id="100,000 meta tags"
        ),
        pytest.param(
            mail("Content-Transfer-Encoding: base64", body=b"=" * 1_000_000), id="a million paddings"
        ),
        pytest.param(
            mail("Content-Transfer-Encoding: x-uuencode", body=b"begin 644 " * 100_000),
            id="uuencode beginnings",
        ),
    ],
)
def test_what_is_made_to_exhaust_a_parser_is_read(raw: bytes) -> None:
    """No recursion, nothing quadratic: the limits cut and a warning says so where something was left out."""
    message = parse(raw)
    assert _is_sound(message)
    assert kind_of(message, platform=False)[1]
    assert len(message.headers.fields) <= Limits().headers
    assert len(message.attachments) <= Limits().parts
