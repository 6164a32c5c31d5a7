"""The MIME structure: boundaries that lie, miss, nest and multiply."""

from __future__ import annotations

import pytest

from tests.support.raw_mail import mail, multipart, part
from watcher.message import Limits, parse

UNCLOSED = "structure: the closing boundary is missing"
MISSING = "structure: the declared boundary never appears, the body was read as one text"
GUESSED = "structure: the declared boundary never appears, another one was found"
NO_BOUNDARY = "structure: a multipart without a boundary was read as one text"
PARTS_CUT = "structure: more parts, or larger headers of parts, than the limit: the rest was left out"
DEPTH_CUT = "structure: nested deeper than the limit, the inner part was kept as one attachment"
MIXED = b"Content-Type: multipart/mixed; boundary=edge\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "plain", "said"),
    [
        (MIXED + b"--edge\r\n\r\none\r\n--edge--\r\n", "one", ()),
        (MIXED + b"preamble\r\n--edge\r\n\r\none\r\n--edge--\r\nepilogue", "one", ()),
        (MIXED + b"--edge  \r\n\r\none\r\n--edge--\t\r\n", "one", ()),
        (MIXED + b"--edge\r\n\r\none\r\n--edger\r\ntwo\r\n--edge--", "one\n--edger\ntwo", ()),
        (MIXED + b"--edge\r\n\r\none --edge two\r\n--edge--", "one --edge two", ()),
        (MIXED + b"--edge\r\n\r\none\r\n\r\n--edge\r\n\r\ntwo", "one\n\ntwo", (UNCLOSED,)),
        (MIXED + b"--edge\r\n\r\n--edge\r\n\r\ntwo\r\n--edge--", "two", ()),
        (MIXED + b"--edge\r\nContent-Type: text/plain\r\n--edge\r\n\r\ntwo\r\n--edge--", "two", ()),
        (MIXED + b"--edge\r\nno empty line before me\r\n--edge--", "no empty line before me", ()),
        (MIXED + b"--edge--\r\n", "", (MISSING,)),
        (MIXED + b"words alone", "words alone", (MISSING,)),
        (MIXED, "", (MISSING,)),
        (MIXED + b"--other\r\nContent-Type: text/plain\r\n\r\nfound\r\n--other--", "found", (GUESSED,)),
        (b"Content-Type: multipart/mixed\r\n\r\nwords", "words", (NO_BOUNDARY,)),
        (b'Content-Type: multipart/mixed; boundary=""\r\n\r\nwords', "words", (NO_BOUNDARY,)),
        (
            b'Content-Type: multipart/mixed; boundary="a b:c?"\r\n\r\n--a b:c?\r\n\r\none\r\n--a b:c?--',
            "one",
            (),
        ),
        (
            b'Content-Type: multipart/mixed; boundary="edge--"\r\n\r\n--edge--\r\n\r\none\r\n--edge----',
            "one",
            (),
        ),
        (b"Content-Type: multipart/mixed; boundary=edge\r\n--edge\r\n\r\none\r\n--edge--", "one", None),
        (MIXED.replace(b"\r\n", b"\n") + b"--edge\n\none\n--edge--\n", "one", ()),
        (MIXED.replace(b"\r\n", b"\r") + b"--edge\r\rone\r--edge--\r", "one", ()),
        (MIXED + b"--edge\r\r\n\r\r\none\r\r\n--edge--", "one", ()),
        (MIXED + b"--edge\n\none\r--edge\r\n\r\ntwo\n--edge--", "one\n\ntwo", ()),
    ],
)
def test_parts_are_found(raw: bytes, plain: str, said: tuple[str, ...] | None) -> None:
    """The line break before a delimiter is its own; what is declared wrongly is still read."""
    message = parse(raw)
    assert message.plain == plain
    if said is not None:
        assert message.warnings == said


def test_html_under_a_boundary_that_never_appears_is_html() -> None:
    """The text itself tells."""
    message = parse(MIXED + b"<!DOCTYPE html><p>words</p>")
    assert (message.html, message.plain) == ("<!DOCTYPE html><p>words</p>", "")


def test_an_inner_multipart_without_its_end_is_ended_by_the_outer_one() -> None:
    """Parts after it belong to the outer one again."""
    inner = b"Content-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\ninner words"
    raw = MIXED + b"--edge\r\n" + inner + b"\r\n--edge\r\n\r\nouter words\r\n--edge--"
    message = parse(raw)
    assert message.plain == "inner words\n\nouter words"
    assert message.warnings == (UNCLOSED,)


def test_an_inner_multipart_whose_boundary_never_appears_is_one_text() -> None:
    """Its neighbours are read as they are."""
    inner = b"Content-Type: multipart/alternative; boundary=in\r\n\r\ninner words"
    message = parse(MIXED + b"--edge\r\n" + inner + b"\r\n--edge\r\n\r\nouter words\r\n--edge--")
    assert message.plain == "inner words\n\nouter words"
    assert message.warnings == (MISSING,)


def test_a_multipart_in_one_of_the_same_boundary_is_read() -> None:
    """The innermost one is meant."""
    message = parse(
        MIXED + b"--edge\r\n" + multipart("alternative", part("text/plain", "words")) + b"\r\n--edge--"
    )
    assert message.plain == "words"
    assert message.warnings == ()


def test_the_first_of_several_content_types_counts() -> None:
    """A second field is no part of the first."""
    message = parse(mail("Content-Type: text/html", "Content-Type: text/plain", body="<p>words"))
    assert (message.html, message.plain) == ("<p>words", "")


@pytest.mark.parametrize(
    ("field", "html"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/HTML", True),
        ("text/html charset=utf-8", True),
        ("text/html;;; charset = utf-8 ;", True),
        ("text/html (comment)", True),
        ("text/html; charset=utf-8 (comment)", True),
        ("=?utf-8?q?text/html?=", False),
        ("html", False),
        ("/", False),
        ("", False),
    ],
)
def test_a_content_type_is_read_as_written(field: str, html: bool) -> None:
    """What is no media type counts as text/plain (RFC 2045, section 5.2)."""
    message = parse(mail(f"Content-Type: {field}", body="<p>é"))
    assert (message.html, message.plain) == (("<p>é", "") if html else ("", "<p>é"))


def test_parts_over_the_limit_are_left_out_and_said() -> None:
    """Those before it are read."""
    message = parse(multipart("mixed", *[part("text/plain", "x")] * 9), Limits(parts=3))
    assert message.plain.split() == ["x", "x", "x"]
    assert message.warnings == (PARTS_CUT,)


def test_depth_over_the_limit_becomes_one_attachment() -> None:
    """What stands beside the deep part is read."""
    raw = part("text/plain", "deep")
    for level in range(5):
        raw = multipart("mixed", raw, part("text/plain", f"level {level}"), boundary=f"b{level}")
    message = parse(raw, Limits(depth=3))
    assert message.plain.split("\n\n") == ["level 2", "level 3", "level 4"]
    assert [each.media_type for each in message.attachments] == ["multipart/mixed"]
    assert message.warnings == (DEPTH_CUT,)
    assert parse(raw).plain.startswith("deep")


def test_parameters_over_the_limit_are_left_out_and_said() -> None:
    """The first ones count."""
    field = "Content-Type: text/plain; a=1; b=2; c=3; charset=koi8-r"
    message = parse(mail(field, body=b"\xd0"), Limits(parameters=3))
    assert message.plain == "Ð"
    assert "structure: a field has more parameters than the limit, the rest was left out" in message.warnings
