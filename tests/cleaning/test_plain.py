"""The plain part: Mailchimp's conventions, and what its HTML sibling knows about it."""

from __future__ import annotations

import pytest

from watcher.cleaning import Identity, Policy, clean, to_text

DASHES, EQUALS = "-" * 60, "=" * 60
TRACKED = "https://x.us1.list-manage.com/track/click?u=1a2b&id=3c4d&e=5e6f"
PROSE = "\n\n".join(
    f"Paragraph {number} of the letter tells what happened at the harbour." for number in range(6)
)


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (f"** Heading\n{DASHES}\n\nbody", "## Heading\n\nbody"),
        ("** Starred but no heading\nbody", "Starred but no heading\nbody"),
        (f"a\n{DASHES}\nb", "a\n\nb"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("> quoted\n>> twice", "> quoted\n> > twice"),
        (f"see ({TRACKED}) now", "see ([link removed]) now"),
        (f"see <{TRACKED}> now", "see [link removed] now"),
        (f"{TRACKED}\nlinked words", "[link removed]\nlinked words"),
        ("see <https://a.example.org/x> now", "see <https://a.example.org/x> now"),
        ("see (https://a.example.org/x_(y)).", "see (https://a.example.org/x_(y))."),
        ("Hello *|FNAME|*, hello", "Hello , hello"),
        ("a\u034f \u200c\u034f\u200c b", "a b"),
        ("![x](http://t.example.com/)", "\\![x]\\(http://t.example.com/)"),
    ],
)
def test_conventions_of_plain_text(plain: str, text: str) -> None:
    """Stars and rules are markup, URLs go through the link rules, the words stay."""
    assert to_text(plain, kind="text") == text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_line_ends(end: str) -> None:
    """A body keeps its lines whatever ends them."""
    assert to_text(f"one{end}two", kind="text") == "one\ntwo"


def test_rule_of_equals_signs_begins_the_footer() -> None:
    """The strongest mark of all in a plain part."""
    footer = "** Website (https://a.example.org/)\n\nHarbour Trust . 12 Quay Street . Anytown"
    text = to_text(f"{PROSE}\n\n{EQUALS}\n{footer}", kind="text")
    assert text == PROSE


def test_lines_of_the_siblings_footer_go_however_they_are_broken() -> None:
    """What the HTML part showed to be boilerplate is boilerplate here, piece by piece."""
    html = "".join(f"<p>{line}</p>" for line in PROSE.split("\n\n"))
    html += "<div id='templateFooter'>Harbour Trust on the Quay, a friendly society of the town</div>"
    text = to_text(f"{PROSE}\n\nHarbour Trust on the Quay,\na friendly society\nof the town", html, "text")
    assert text == PROSE


def test_a_line_that_stays_in_the_sibling_stays() -> None:
    """The same words in the article and in the footer prove nothing."""
    html = "".join(f"<p>{line}</p>" for line in PROSE.split("\n\n"))
    html += "<p>Harbour Trust</p><div id='templateFooter'>Harbour Trust</div>"
    assert to_text(f"{PROSE}\n\nHarbour Trust", html, "text").endswith("Harbour Trust")


def test_kind_is_told_by_the_content() -> None:
    """Without a kind, tags make HTML; an address in angle brackets does not."""
    assert to_text("<p>a <b>b</b></p>") == "a **b**"
    assert to_text("Jo <jo@example.org> and a < b") == "Jo \\<jo@example.org> and a < b"


def test_plain_field_keeps_everything_but_links_and_reader() -> None:
    """As sent: rules, stars and footer stay."""
    plain = f"** Head\r\n{DASHES}\r\nsee ({TRACKED})\r\n{EQUALS}\r\nunsubscribe\x1b jo@example.org"
    result = clean("", plain, Identity.of(["jo@example.org"]), Policy.UNWRAP)
    assert result.plain == f"** Head\n{DASHES}\nsee ([link removed])\n{EQUALS}\nunsubscribe [redacted]"
