"""Which parts are shown, in which order, and what is only attached."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.support.raw_mail import mail, multipart, part
from watcher.message import Limits, parse
from watcher.message.file_names import LONGEST, safe

PLAIN = part("text/plain; charset=utf-8", "the plain words")
HTML = part("text/html; charset=utf-8", "<p>the marked-up words</p>")
AMP = part("text/x-amp-html", "<html amp4email>dynamic</html>")
IMAGE = part(
    "image/png", base64.b64encode(b"\x89PNG"), "Content-Transfer-Encoding: base64", "Content-ID: <one>"
)
PDF = part('application/pdf; name="a.pdf"', base64.b64encode(b"%PDF"), "Content-Transfer-Encoding: base64")
PLAIN_TEXT, HTML_TEXT = "the plain words", "<p>the marked-up words</p>"


@pytest.mark.parametrize(
    ("raw", "html", "plain", "attached"),
    [
        (PLAIN, "", PLAIN_TEXT, []),
        (HTML, HTML_TEXT, "", []),
        (multipart("alternative", PLAIN, HTML), HTML_TEXT, PLAIN_TEXT, []),
        (multipart("alternative", HTML, PLAIN), HTML_TEXT, PLAIN_TEXT, []),
        (multipart("alternative", PLAIN, AMP, HTML), HTML_TEXT, PLAIN_TEXT, []),
        (multipart("mixed", HTML), HTML_TEXT, "", []),
        (multipart("mixed", HTML, PDF), HTML_TEXT, "", ["a.pdf"]),
        (
            multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="in"), PDF),
            HTML_TEXT,
            PLAIN_TEXT,
            ["a.pdf"],
        ),
        (multipart("related", HTML, IMAGE), HTML_TEXT, "", ["part-2.png"]),
        (
            multipart("alternative", PLAIN, multipart("related", HTML, IMAGE, boundary="in")),
            HTML_TEXT,
            PLAIN_TEXT,
            ["part-3.png"],
        ),
        (multipart("signed", PLAIN, part("application/pgp-signature", "x")), "", PLAIN_TEXT, ["part-2.asc"]),
        (multipart("signed", HTML, part("application/pkcs7-signature", "x")), HTML_TEXT, "", ["part-2.p7s"]),
        (
            multipart(
                "encrypted",
                part("application/pgp-encrypted", "Version: 1"),
                part("application/octet-stream", "x"),
            ),
            "",
            "",
            ["part-1.bin", "part-2.bin"],
        ),
        (part("application/pkcs7-mime", "x"), "", "", ["part-1.p7m"]),
        (
            multipart("alternative", PLAIN, HTML, part("text/calendar", "BEGIN:VCALENDAR")),
            HTML_TEXT,
            PLAIN_TEXT,
            ["part-3.ics"],
        ),
        (multipart("unheard-of", PLAIN), "", PLAIN_TEXT, []),
        (part("text", "no subtype"), "", "no subtype", []),
        (part("image/png", "x"), "", "", ["part-1.png"]),
    ],
)
def test_the_views_are_chosen(raw: bytes, html: str, plain: str, attached: list[str]) -> None:
    """Ordinary shapes of mail, and the other views of an alternative left aside."""
    message = parse(b"MIME-Version: 1.0\r\n" + raw)
    assert (message.html, message.plain) == (html, plain)
    assert [each.name for each in message.attachments] == attached
    assert message.warnings == ()


def test_text_parts_are_joined_in_their_order() -> None:
    """A footer that a list adds is seen in both views of the mail."""
    footer = part("text/plain", "the list's <footer>")
    raw = multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="in"), footer)
    message = parse(raw)
    assert message.plain == f"{PLAIN_TEXT}\n\nthe list's <footer>"
    assert message.html == f"{HTML_TEXT}\n\n<pre>the list's &lt;footer&gt;</pre>"
    texts = parse(multipart("mixed", PLAIN, footer))
    assert texts.plain == f"{PLAIN_TEXT}\n\nthe list's <footer>"
    assert texts.html == ""


def test_of_two_views_of_one_type_the_last_is_shown() -> None:
    """RFC 2046, section 5.1.4: the last is the best; an empty one is none."""
    assert parse(multipart("alternative", PLAIN, part("text/plain", "better"))).plain == "better"
    assert parse(multipart("alternative", PLAIN, b"Content-Type: text/plain\r\n\r\n")).plain == PLAIN_TEXT


def test_a_forwarded_message_is_attached_and_not_read() -> None:
    """Its text is not the sender's, and its headers say nothing about this mail."""
    inner = mail("Subject: inner", "List-Id: <other.example.org>", body="inner words")
    raw = multipart("mixed", PLAIN, mail("Content-Type: message/rfc822", body=inner))
    message = parse(raw)
    assert message.plain == PLAIN_TEXT
    assert (message.subject, message.list_id) == ("", "")
    assert [(each.name, each.media_type, each.size) for each in message.attachments] == [
        ("part-2.eml", "message/rfc822", len(inner))
    ]


def test_the_parts_of_a_digest_are_messages() -> None:
    """RFC 2046, section 5.1.5: also without a Content-Type."""
    message = parse(multipart("digest", b"\r\nSubject: one\r\n\r\nwords"))
    assert [each.media_type for each in message.attachments] == ["message/rfc822"]


@pytest.mark.parametrize(
    ("raw", "plain", "attached"),
    [
        (part("text/plain; name=a.txt", "words"), "words", []),
        (part("text/plain", "words", "Content-Disposition: inline; filename=a.txt"), "words", []),
        (part("text/plain", "words", "Content-Disposition: attachment"), "", ["part-1.txt"]),
        (multipart("mixed", PLAIN, part("text/plain; name=a.txt", "words")), PLAIN_TEXT, ["a.txt"]),
        (
            multipart("mixed", PLAIN, part("text/plain", "words", "Content-Disposition: attachment")),
            PLAIN_TEXT,
            ["part-2.txt"],
        ),
        (multipart("related", HTML, part("text/plain", "words", "Content-ID: <x>")), "", ["part-2.txt"]),
    ],
)
def test_a_named_text_is_shown_only_where_it_is_the_mail_itself(
    raw: bytes, plain: str, attached: list[str]
) -> None:
    """Some senders name their body; a second text with a name is a file."""
    message = parse(raw)
    assert message.plain == plain
    assert [each.name for each in message.attachments] == attached


def test_an_attachment_is_described_by_its_decoded_bytes() -> None:
    """Size and SHA-256 are those of the file; a picture that the HTML refers to is inline."""
    message = parse(multipart("mixed", multipart("related", HTML, IMAGE, boundary="in"), PDF))
    image, pdf = message.attachments
    assert (image.name, image.media_type, image.size, image.inline) == ("part-2.png", "image/png", 4, True)
    assert (pdf.name, pdf.media_type, pdf.size, pdf.inline) == ("a.pdf", "application/pdf", 4, False)
    assert pdf.sha256 == hashlib.sha256(b"%PDF").hexdigest()
    shown = parse(multipart("mixed", PLAIN, part("image/gif", "x", "Content-Disposition: inline")))
    assert shown.attachments[0].inline


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename=my report.pdf", "my report.pdf"),
        ('ATTACHMENT; FILENAME="report.pdf"', "report.pdf"),
        ("attachment; filename*=utf-8''caf%C3%A9.pdf", "café.pdf"),
        ("attachment; filename*=iso-8859-1'fr'caf%E9.pdf", "café.pdf"),
        ("attachment; filename*0=long; filename*1=er.pdf", "longer.pdf"),
        ("attachment; filename*1*=%A9.pdf; filename*0*=utf-8''caf%C3", "café.pdf"),
        ("attachment; filename*0*=utf-8''a%20; filename*1=\"b.pdf\"", "a b.pdf"),
        ("attachment; filename*0=a; filename*2=lost", "a"),
        ('attachment; filename="=?utf-8?q?caf=C3=A9=2Epdf?="', "café.pdf"),
        ('attachment; filename="a.pdf"; filename="b.pdf"', "a.pdf"),
        ("attachment; filename=\"plain.pdf\"; filename*=utf-8''r%C3%A9el.pdf", "réel.pdf"),
        ('attachment; filename="say \\"hi\\".txt"', 'say "hi".txt'),
        ('attachment; filename="open', "open"),
        ("attachment; filename=a.pdf (a comment)", "a.pdf"),
        ("attachment; junk; =; filename=a.pdf", "a.pdf"),
        ('attachment; filename="C:\\temp\\a.pdf"', "a.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename=""', "part-1.bin"),
    ],
)
def test_file_names_are_read_from_the_disposition(field: str, name: str) -> None:
    """RFC 2183, RFC 2231, and what mail programs write instead."""
    raw = part("application/octet-stream", "x", f"Content-Disposition: {field}")
    assert [each.name for each in parse(raw).attachments] == [name]


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("a.pdf", "a.pdf"),
        ("/etc/cron.d/x", "x"),
        ("..\\..\\x.exe", "x.exe"),
        ("..", "part-7.pdf"),
        ("...", "part-7.pdf"),
        ("", "part-7.pdf"),
        ("/", "part-7.pdf"),
        ("a\0b.pdf", "ab.pdf"),
        ("a\r\nb\x1b[31m.pdf", "a b[31m.pdf"),
        ("cod\u202efdp.exe", "codfdp.exe"),
        ("a\u200b.pdf", "a.pdf"),
        ("\u202e", "part-7.pdf"),
        ("trailing. . ", "trailing"),
        (".hidden", ".hidden"),
        ("日本.pdf", "日本.pdf"),
    ],
)
def test_a_file_name_is_safe(declared: str, name: str) -> None:
    """One component, no controls, no marks that turn the writing round, never empty."""
    assert safe(declared, "application/pdf", 7) == name


def test_a_long_file_name_is_cut_in_bytes_and_keeps_its_extension() -> None:
    """File systems count bytes."""
    name = safe("é" * 300 + ".pdf", "application/pdf", 1)
    assert name.endswith("é.pdf")
    assert LONGEST - 1 <= len(name.encode()) <= LONGEST
    assert len(safe("x" * 300, "application/pdf", 1)) == LONGEST


@pytest.mark.parametrize(
    ("sent", "delsp", "read"),
    [
        ("one \ntwo\nthree", False, "one two\nthree"),
        ("one \ntwo", True, "onetwo"),
        ("> one \n> two\n> three", False, "> one two\n> three"),
        ("> one \nmine", False, "> one \nmine"),
        (">> a \n> b", False, ">> a \n> b"),
        (" From here\n >quoted", False, "From here\n>quoted"),
        ("text \n-- \nname", False, "text \n-- \nname"),
        ("ends \n", False, "ends "),
        ("last line ", False, "last line "),
        ("\n\n", False, ""),
    ],
)
def test_flowed_text_is_unwrapped(sent: str, delsp: bool, read: str) -> None:
    """RFC 3676: soft breaks, quote depth, stuffing, the signature line, DelSp."""
    content = f"Content-Type: text/plain; format=flowed{'; delsp=yes' if delsp else ''}"
    assert parse(mail(content, body=sent)).plain.strip("\n") == read.strip("\n")


def test_text_that_is_not_declared_as_flowed_stays() -> None:
    """A blank at the end of a line means nothing there."""
    assert parse(part("text/plain", "one \ntwo")).plain == "one \ntwo"


def test_texts_share_one_limit_and_are_cut_with_a_warning() -> None:
    """Neither one long text nor many short ones get past it."""
    said = ("body: a text is longer than the limit and was cut",)
    one = parse(part("text/plain", "a" * 50), Limits(text_part_bytes=20))
    assert (one.plain, one.warnings) == ("a" * 20, said)
    many = parse(multipart("mixed", *[part("text/plain", "a" * 15)] * 4), Limits(text_part_bytes=20))
    assert (many.plain.count("a"), many.warnings) == (20, said)
