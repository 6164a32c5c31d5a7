"""Bytes to text: declared, guessed, and never handed to a codec that is no charset."""

from __future__ import annotations

import codecs

import pytest

from tests.support.raw_mail import mail
from watcher.message import charsets, parse

LYING = "charset: the bytes do not fit the declared name, so the text was read by its bytes"
UNKNOWN = "charset: the declared name is none that we know, so the text was read by its bytes"
DAMAGED = "charset: some bytes have no character in the declared charset"
GUESSED = "charset: none is declared and the text is not UTF-8, so it was read as windows-1252"


def test_every_codec_of_the_table_is_a_charset_of_python() -> None:
    """And none of them is one of the codecs that are not for text."""
    named = set(charsets._CODECS.values())
    assert all(codecs.lookup(each)._is_text_encoding for each in named)  # type: ignore[attr-defined]
    assert not named & {"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape"}


def test_no_label_stands_in_the_table_twice_with_different_codecs() -> None:
    """A later row would silently win."""
    rows = charsets._table()
    labels = [label for row in rows for label in row["labels"].split()]
    assert sorted(labels) == sorted(set(labels))


@pytest.mark.parametrize(
    ("declared", "data", "text", "said"),
    [
        ("utf-8", "café ✓".encode(), "café ✓", ()),
        ("UTF8", "café".encode(), "café", ()),
        ("iso-8859-1", "café".encode("latin-1"), "café", ()),
        ("iso-8859-1", "“quoted”".encode("cp1252"), "“quoted”", ()),
        ("us-ascii", "café".encode("latin-1"), "café", ()),
        ("us-ascii", "café".encode(), "café", (LYING,)),
        ("iso-8859-1", "café".encode(), "café", (LYING,)),
        ("windows-1252", b"a\x81b", "a\x81b", ()),
        ("iso-8859-2", "žluť".encode("iso8859-2"), "žluť", ()),
        ("iso-8859-9", "ığ".encode("cp1254"), "ığ", ()),
        ("windows-1251", "Привет".encode("cp1251"), "Привет", ()),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет", ()),
        ("gb2312", "測试".encode("gbk"), "測试", ()),
        ("big5", "測試".encode("big5"), "測試", ()),
        ("shift_jis", "①テスト".encode("cp932"), "①テスト", ()),
        ("iso-2022-jp", "テスト".encode("iso2022_jp"), "テスト", ()),
        ("iso-2022-jp", b"\x1b$B-!%F\x1b(B", "①テ", ()),
        ("iso-2022-kr", "한글".encode("iso2022_kr"), "한글", ()),
        ("hz-gb-2312", "测试".encode("hz"), "测试", ()),
        ("euc-kr", "똠방각하".encode("cp949"), "똠방각하", ()),
        ("utf-7", b"caf+AOk-", "café", ()),
        ("utf-7", b"+2AA-", "\ufffd", ()),
        ("utf-16", "café".encode("utf-16"), "café", ()),
        ("utf-16le", "café".encode("utf-16-le"), "café", ()),
        ("utf-16", "plain ✓".encode(), "plain ✓", (LYING,)),
        ("utf-8", "café".encode("latin-1"), "café", (LYING,)),
        ("utf-8", "ééééé".encode() + b"\xe9", "ééééé\ufffd", (LYING,)),
        ("big5", b"\xb4\xfa\xff", "測\ufffd", (DAMAGED,)),
        ("koi8-r-nope", "café".encode(), "café", (UNKNOWN,)),
        ("nope", "café".encode("cp1252"), "café", (UNKNOWN,)),
        ("", "café".encode(), "café", ()),
        ("", "café".encode("cp1252"), "café", (GUESSED,)),
        ("", b"\xef\xbb\xbfcaf\xc3\xa9", "café", ()),
        ("iso-8859-1", b"\xef\xbb\xbfcaf\xc3\xa9", "café", ()),
        ("", b"\xff\xfec\x00a\x00", "ca", ()),
        ("", b"\xff\xfec\x00a", "c\ufffd", (DAMAGED,)),
    ],
)
def test_text_is_read_in_its_charset(declared: str, data: bytes, text: str, said: tuple[str, ...]) -> None:
    """The declared one where the bytes fit it; what is guessed is said."""
    content = f'Content-Type: text/plain; charset="{declared}"' if declared else "Content-Type: text/plain"
    message = parse(mail(content, body=data))
    assert message.plain == text
    assert message.warnings == said


@pytest.mark.parametrize(
    "label",
    ["punycode", "idna", "rot13", "rot_13", "zlib", "base64", "hex", "bz2", "uu", "quopri", "undefined"],
)
def test_a_codec_that_is_no_charset_is_never_used(label: str) -> None:
    """The declared name never reaches Python's registry."""
    assert charsets.codec(label) == ""
    message = parse(mail(f"Content-Type: text/plain; charset={label}", body=b"a-b \xc3\xa9"))
    assert message.plain == "a-b é"
    assert message.warnings == (UNKNOWN,)


@pytest.mark.parametrize(
    ("meta", "data", "text"),
    [
        ('<meta charset="windows-1251">', "Привет".encode("cp1251"), "Привет"),
        (
            '<META http-equiv="Content-Type" content="text/html; charset=koi8-r">',
            "Привет".encode("koi8-r"),
            "Привет",
        ),
        ('<meta charset="utf-16">', "é".encode(), "é"),
        ('<meta charset="zlib">', "é".encode("cp1252"), "é"),
        ('<meta charset="utf-8">', "é".encode("cp1252"), "é"),
    ],
)
def test_an_html_document_without_a_declared_charset_may_name_its_own(
    meta: str, data: bytes, text: str
) -> None:
    """Where its bytes fit; the header field, if there is one, comes first."""
    message = parse(mail("Content-Type: text/html", body=meta.encode() + data))
    assert message.html == meta + text
    declared = parse(mail("Content-Type: text/html; charset=windows-1251", body=meta.encode() + b"\xcf"))
    assert declared.html == meta + "П"


def test_a_plain_text_does_not_name_its_own_charset() -> None:
    """`<meta>` in plain text is text."""
    message = parse(mail("Content-Type: text/plain", body=b'<meta charset="koi8-r">\xe9'))
    assert message.plain.endswith("é")


def test_nul_is_stripped_and_line_ends_are_line_feeds() -> None:
    """The rest of the text is as sent, also decomposed letters."""
    message = parse(mail("Content-Type: text/plain; charset=utf-8", body="a\0b\r\nc\rd\ne\u0301".encode()))
    assert message.plain == "ab\nc\nd\ne\u0301"
