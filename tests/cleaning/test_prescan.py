"""The linear scan before the engine, and the tag stripper behind it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.cleaning.prescan import HtmlLimits, over_limit, strip_tags

MANY = 20_000


def _parted(value: str) -> str:
    """Attributes, each 200th of which has this value."""
    return " ".join(f"a{n}{value}" if n % 200 == 0 else f"a{n}" for n in range(MANY))


HOSTILE = {
    "open divs": ("<div>" * MANY + "end", "tags are open"),
    "lists": ("<ul><li>" * MANY + "end", "tags are open"),
    "foreign end tags between them": ("<div></span>" * MANY + "end", "tags are open"),
    "end tags hidden in comments": (("<div>" * 900 + "<!--" + "</div>" * 900 + "-->") * 9, "tags are open"),
    "end tags hidden in values": ('<div><img alt="</div>">' * MANY, "tags are open"),
    "end tags hidden in raw text": ("<div><style></div></style>" * MANY, "tags are open"),
    "a comment that is over at once": ("<!-->" + "<div>" * MANY + "-->", "tags are open"),
    "distinct formatting": ("".join(f"<b id={n}><p>x" for n in range(MANY)), "formatting tags"),
    "named attributes": ("<p " + " ".join(f"a{n}" for n in range(MANY)) + ">end", "attributes"),
    "quoted attributes": ("<p " + " ".join(f'a{n}="x"' for n in range(MANY)) + ">end", "attributes"),
    "attributes that hold the sign": (
        "<p " + " ".join(f'a{n}=">"' for n in range(MANY)) + ">end",
        "attributes",
    ),
    "attributes with a sign in a value now and then": ("<p " + _parted('="<"') + ">end", "attributes"),
    "attributes with a sign that no quote holds": ("<p " + _parted("=<") + ">end", "attributes"),
    "attributes with both signs in a value": ("<p " + _parted("='><'") + ">end", "attributes"),
    "the same among many tags": ("<b>x</b>" * 300 + "<p " + _parted('="<"') + ">end", "attributes"),
    "attributes parted by slashes": ("<p " + "/".join(f"a{n}" for n in range(MANY)) + ">end", "attributes"),
    "roots": ("".join(f"<body a{n}=1>" for n in range(MANY)), "root"),
    "options": ("<select>" + "<option>x" * MANY, "options"),
    "tags": ("<p>x" * 100_001, "tags"),
    "size": ("x" * 5_000_001, "characters"),
}
HARMLESS = {
    "many paragraphs without end tags": "<p>text<br>" * MANY,
    "many closed tags": "<div><b>x</b></div>" * MANY,
    "closed in another case": "<DIV><B>x</b></div>" * MANY,
    "table rows without end tags": "<table>" + "<tr><td>x" * MANY + "</table>",
    "long attributes": f'<p style="{"color:red;" * 500}" title="{"word " * 500}">x</p>',
    "stray quotes": "<p style=\"font-family:'x'\" alt='\"'>it's \"fine\"</p>" * 500,
    "a picture in the mail": f'<img src="data:image/png;base64,{"A" * 400_000}">',
    "sixty nested tables": "<table><tr><td>" * 60 + "x" + "</td></tr></table>" * 60,
    "signs": "a < b > c & d <3 " * MANY,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_is_found(name: str) -> None:
    """What an engine answers in quadratic time or memory never reaches it."""
    source, reason = HOSTILE[name]
    assert reason in over_limit(source)


@pytest.mark.parametrize("name", HARMLESS)
def test_ordinary_html_passes(name: str) -> None:
    """Sloppy and large mail is no attack."""
    assert over_limit(HARMLESS[name]) == ""


def test_the_limit_itself_passes() -> None:
    """A limit is the last value that is allowed."""
    limits = HtmlLimits(depth=3, formatting=2, attributes=4)
    assert over_limit("<div>" * 3, limits) == ""
    assert over_limit("<div>" * 4, limits) != ""
    assert over_limit("<b><i>", limits) == ""
    assert over_limit("<b><i><u>", limits) != ""
    assert over_limit('<p aaa=1 bbb=2 ccc="3" ddd>', limits) == ""
    assert over_limit('<p aaa=1 bbb=2 ccc="3" ddd eee>', limits) != ""


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one<p>two", "one\ntwo"),
        ("a <b>bold</b>&nbsp;word &amp; more", "a bold word & more"),
        ("x<script>if (a < b) {}</script>y", "xy"),
        ("<head><title>no</title></head>yes", "yes"),
        ("<!-- <p>no --> yes", "yes"),
        ("<!-->yes", "yes"),
        ('<img alt="a > b">yes', "yes"),
        ("a < b", "a < b"),
        ("cut off <a href=", "cut off"),
        ("<td>one</td><td>two</td>", "one\ntwo"),
    ],
)
def test_stripper_keeps_the_text_and_drops_the_tags(source: str, text: str) -> None:
    """The fallback gives the text that a parser would have given."""
    assert strip_tags(source) == text


def test_stripper_loses_no_word_of_a_deep_document() -> None:
    """Depth costs nothing and no text."""
    words = [f"word{number}" for number in range(3_000)]
    assert strip_tags("".join(f"<div>{word}" for word in words)).split() == words


@given(st.text(alphabet="<>/!-=\"' abdiv", max_size=300))
def test_any_text_is_scanned_and_stripped(source: str) -> None:
    """Neither function raises, whatever the markup."""
    assert isinstance(over_limit(source), str)
    assert isinstance(strip_tags(source), str)
