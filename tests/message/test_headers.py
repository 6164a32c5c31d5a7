"""The header block: fields, folds, encoded words, raw 8-bit bytes."""

from __future__ import annotations

import pytest

from tests.support.raw_mail import mail
from watcher.message import Field, Headers, Limits, Unparseable, parse, parse_headers


def test_fields_keep_their_order_and_are_found_without_regard_to_case() -> None:
    """All occurrences are kept, topmost first; a name that is absent gives nothing."""
    headers = parse(mail("Received: one", "X-Token: a", "RECEIVED: two", body="x")).headers
    assert headers.fields == (Field("Received", "one"), Field("X-Token", "a"), Field("RECEIVED", "two"))
    assert headers.all("received") == ("one", "two")
    assert headers.first("reCeived") == "one"
    assert "x-TOKEN" in headers
    assert headers.names == {"received", "x-token"}
    assert (headers.first("Absent"), headers.all("Absent"), "Absent" in headers) == ("", (), False)


def test_headers_are_equal_when_their_fields_are() -> None:
    """The lookup tables are no part of the value."""
    assert Headers((Field("A", "b"),)) == Headers((Field("A", "b"),))
    assert Headers((Field("A", "b"),)) != Headers((Field("A", "c"),))


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r", b"\r\r\n"])
def test_every_kind_of_line_end_is_one(line_end: bytes) -> None:
    """A header block may end its lines in any of the ways that mail programs have."""
    raw = line_end.join([b"Subject: one", b" two", b"From: a@example.org", b"", b"first", b"second"])
    message = parse(raw)
    assert message.subject == "one two"
    assert message.author.address == "a@example.org"
    assert message.plain.split() == ["first", "second"]
    assert "\r" not in message.plain


def test_mixed_line_ends_are_read() -> None:
    """One block may mix them."""
    message = parse(b"Subject: a\r\n b\nTo: x@example.org\rDate: Thu, 1 Jan 2026 00:00:00 +0000\n\r\nbody")
    assert message.subject == "a b"
    assert [each.address for each in message.to] == ["x@example.org"]
    assert message.date is not None
    assert message.plain == "body"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"X: \r\n value\r\n", "value"),
        (b"X:\r\n\tvalue\r\n", "value"),
        (b"X: one\r\n\ttwo\r\n  three\r\n", "one two three"),
        (b"X : spaced\r\n", "spaced"),
        (b"X:tight\r\n", "tight"),
        (b"X:\r\n", ""),
        (b"X: one\r\n \r\n two\r\n", "one two"),
        (b"X: a\x00b\r\n", "ab"),
    ],
)
def test_values_are_unfolded_into_one_line(raw: bytes, value: str) -> None:
    """A fold is one blank; an empty first line is nothing (SendGrid folds like that)."""
    assert parse(raw + b"\r\nbody").headers.first("X") == value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=?utf-8?q?Caf=C3=A9?=", "Café"),
        ("=?UTF-8?B?Q2Fmw6k=?=", "Café"),
        ("=?utf-8?B?Q2Fmw6k?=", "Café"),
        ("=?iso-8859-1?Q?Caf=E9_au_lait?=", "Café au lait"),
        ("plain =?utf-8?q?w=C3=B6rd?= plain", "plain wörd plain"),
        ("plain\r\n =?utf-8?q?w=C3=B6rd?=\r\n plain", "plain wörd plain"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
        ("=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"),
        ("=?utf-8?B?w4PCqcO?= =?utf-8?B?qQ==?=", "Ã©é"),  # the last letter is cut between the two words
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=A9?=", "é"),
        ("=?utf-8*en?q?lang?=", "lang"),
        ("=?utf-8?q?with blanks inside?=", "with blanks inside"),
        ("=?utf-8?q?why??=", "why?"),
        ("=?utf-8?q?broken", "=?utf-8?q?broken"),
        ("=?utf-8?x?broken?=", "=?utf-8?x?broken?="),
        ("no=?utf-8?q?space?=here", "nospacehere"),
        ("=?nope?q?abc?=", "abc"),
        ("=?rot13?q?abc?=", "abc"),
        ("=?punycode?b?w6k=?=", "é"),
        ("=?iso-8859-1?q?=C3=A9?=", "é"),
        ("=?utf-8?q?=E9?=", "é"),
        ("=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "テスト"),
        ("=?iso-2022-jp?B?GyRCLWIbKEI=?=", "№"),
        ("=?gb2312?B?suLK1A==?=", "测试"),
        ("=?utf-8?q?two=0D=0Alines?=", "two  lines"),
        ("=?utf-8?q?nul=00?=", "nul"),
    ],
)
def test_encoded_words_are_decoded(written: str, read: str) -> None:
    """RFC 2047 as senders really write it: no space lost, no space won, no character lost."""
    assert parse(mail(f"Subject: {written}", body="x")).subject == read


@pytest.mark.parametrize(
    ("value", "body_type", "read"),
    [
        ("Grüße".encode(), "text/plain", "Grüße"),
        ("Grüße".encode("cp1252"), "text/plain", "Grüße"),
        ("Привет".encode("cp1251"), "text/plain; charset=windows-1251", "Привет"),
        ("Привет".encode("koi8-r"), "text/html; charset=koi8-r", "Привет"),
        ("Grüße".encode(), "text/plain; charset=windows-1251", "Grüße"),
        (b"=?utf-8?q?a?= \xc3\xa9", "text/plain", "a é"),
    ],
)
def test_raw_8_bit_values_are_utf_8_else_the_charset_of_the_body(
    value: bytes, body_type: str, read: str
) -> None:
    """A subject never has U+FFFD where its bytes can be read."""
    assert parse(mail(b"Subject: " + value, f"Content-Type: {body_type}", body="x")).subject == read


def test_a_line_that_is_no_field_does_not_end_the_block() -> None:
    """The rest of a badly folded field is left out and said, when a well-known field follows it."""
    message = parse(b"Subject: a long\r\nsubject line\r\nFrom: a@example.org\r\n\r\nbody")
    assert message.author.address == "a@example.org"
    assert message.plain == "body"
    assert any("no field" in each for each in message.warnings)


def test_a_body_without_an_empty_line_before_it_is_kept() -> None:
    """Where the first line is no field, the body has begun."""
    message = parse(b"Subject: a\r\nThis is the body\r\nand more")
    assert message.plain == "This is the body\nand more"
    assert any("no empty line" in each for each in message.warnings)


@pytest.mark.parametrize(
    "before",
    [
        b"From reader@example.org Thu Jan  1 00:00:00 2026\r\n",
        b">From x\n",
        b"\r\n\r\n",
        b"\xef\xbb\xbf",
        b" \r\n",
    ],
)
def test_what_stands_before_the_first_field_is_skipped(before: bytes) -> None:
    """An mbox line, empty lines and a byte order mark are no header fields."""
    message = parse(before + b"Subject: here\r\n\r\nbody")
    assert (message.subject, message.plain, message.warnings) == ("here", "body", ())


def test_a_mail_without_fields_is_a_body() -> None:
    """Text alone is a message."""
    assert parse(b"just some words").plain == "just some words"


def test_a_mail_of_fields_alone_has_no_body() -> None:
    """Also when its last line is not ended."""
    message = parse(b"Subject: alone")
    assert (message.subject, message.plain, message.html, message.warnings) == ("alone", "", "", ())


@pytest.mark.parametrize(
    ("value", "list_id"),
    [
        ("<news.example.org>", "news.example.org"),
        ("Weekly News <news.example.org>", "news.example.org"),
        ('"A <b> list" < News.Example.org >', "News.Example.org"),
        ("news.example.org", "news.example.org"),
        ("only a description", ""),
        ("=?utf-8?q?W=C3=B6rter?= <w.example.org>", "w.example.org"),
        ("", ""),
    ],
)
def test_list_id_is_what_stands_in_the_brackets(value: str, list_id: str) -> None:
    """RFC 2919, section 3."""
    assert parse(mail(f"List-Id: {value}", body="x")).list_id == list_id


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["List-Unsubscribe: <https://example.org/u/1>"], "http"),
        (["List-Unsubscribe: <mailto:u@example.org>"], "mailto"),
        (["List-Unsubscribe: <mailto:u@example.org>,\r\n <http://example.org/u>"], "http mailto"),
        (
            [
                "List-Unsubscribe:\r\n <HTTPS://example.org/u>",
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            ],
            "http one-click",
        ),
        (["List-Unsubscribe: =?us-ascii?Q?=3Chttps=3A=2F=2Fexample=2Eorg=2Fu=3E?="], "http"),
        (["List-Unsubscribe-Post: List-Unsubscribe=One-Click"], ""),
        ([], ""),
    ],
)
def test_list_unsubscribe_is_told_in_words_without_the_address(fields: list[str], words: str) -> None:
    """RFC 2369 and RFC 8058: one click needs a web address to post to."""
    assert parse(mail(*fields, "X: y", body="x")).list_unsubscribe == words


def test_a_field_over_a_limit_is_cut_and_said() -> None:
    """Bytes, fields and encoded words have bounds; the mail is still read."""
    limits = Limits(header_field_bytes=100, headers=3, encoded_words=2)
    long = parse(mail("Subject: " + "a" * 500, "From: a@example.org", body="body"), limits)
    assert (len(long.subject), long.author.address, long.plain) == (99, "a@example.org", "body")
    assert long.warnings == ("headers: a field is longer than the limit and was cut",)
    many = parse(mail("A: 1", "B: 2", "C: 3", "Subject: lost", body="body"), limits)
    assert (many.subject, many.plain, len(many.headers.fields)) == ("", "body", 3)
    assert many.warnings == ("headers: more fields or bytes than the limit, the rest was left out",)
    words = parse(mail("Subject: =?a?q?1?= =?a?q?2?= =?a?q?3?=", body="body"), limits)
    assert words.subject == "12 =?a?q?3?="
    assert words.warnings == (
        "headers: a field has more encoded words than the limit, the rest was left as it is",
    )


@pytest.mark.parametrize(
    "raw",
    [
        mail("From: a@example.org", "To: b@example.org", "List-Id: <x.example.org>", body="x"),
        mail("Subject: caf\xe9", "Content-Type: text/plain; charset=iso-8859-1", body="x"),
        (
            b"Subject: caf\xe9 \xa4\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: text/plain; charset=iso-8859-15\r\n\r\nx\r\n--b--\r\n"
        ),
        b"no field at all",
    ],
)
def test_the_header_block_alone_says_the_same(raw: bytes) -> None:
    """`parse_headers` reads what `parse` reads, also where the charset of its bytes stands in the body."""
    whole, outer = parse(raw), parse_headers(raw)
    for name in ("headers", "subject", "author", "to", "date", "list_id", "recipients", "list_unsubscribe"):
        assert getattr(outer, name) == getattr(whole, name)
    assert (outer.plain, outer.html, outer.attachments) == ("", "", ())


def test_nothing_has_no_header_block() -> None:
    """As in `parse`."""
    with pytest.raises(Unparseable):
        parse_headers(b" \n")
