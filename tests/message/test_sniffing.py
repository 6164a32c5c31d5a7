"""What a part is by its bytes, and the parts themselves."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.support.raw_mail import mail, multipart, part
from watcher.message import contents, parse
from watcher.message.sniffing import UNKNOWN, media_type_of


def archive(*names: str) -> bytes:
    """A ZIP file with these files in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name in names:
            made.writestr(name, "application/vnd.oasis.opendocument.text" if name == "mimetype" else "x")
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\nxx", "image/png"),
        (b"\xff\xd8\xff\xe0xx", "image/jpeg"),
        (b"GIF89axx", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"MZ\x90\0", "application/vnd.microsoft.portable-executable"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0", "text/calendar"),
        (archive("a.txt"), "application/zip"),
        (
            archive("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (archive("mimetype", "content.xml"), "application/vnd.oasis.opendocument.text"),
        (b"<!-- x --> <!DOCTYPE html><p>", "text/html"),
        (b"  <p>words", "text/html"),
        (b"<?xml version='1.0'?><svg xmlns='x'>", "image/svg+xml"),
        (b"<?xml version='1.0'?><a>", "text/xml"),
        ("words, Wörter".encode(), "text/plain"),
        ("words".encode("utf-16"), "text/plain"),
        (b"words\0", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_bytes_say_what_they_are(data: bytes, media_type: str) -> None:
    """Signatures first, then markup, then text; everything else is unknown."""
    assert media_type_of(data) == media_type


def test_contents_are_the_parts_that_the_message_lists() -> None:
    """The same parts in the same order, with their bytes and what the HTML calls them."""
    raw = mail("MIME-Version: 1.0")[:-2] + multipart(
        "mixed",
        part("text/html", "<p>words"),
        part(
            "image/png", b"\x89PNG\r\n\x1a\n", "Content-ID: <logo@example.com>", "Content-Disposition: inline"
        ),
        part("text/plain", "more", 'Content-Disposition: attachment; filename="a.txt"'),
    )
    found = list(contents(raw))
    assert [each.attachment for each in found] == list(parse(raw).attachments)
    assert [(each.content_id, each.data) for each in found] == [
        ("logo@example.com", b"\x89PNG\r\n\x1a\n"),
        ("", b"more"),
    ]
