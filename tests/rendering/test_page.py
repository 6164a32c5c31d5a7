"""The page that the browser is given: nobody's name, no reference, boxes for pictures."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from tests.rendering.conftest import png
from watcher.cleaning import Identity
from watcher.rendering.model import source_of
from watcher.rendering.page import NotDrawableError, prepare
from watcher.rendering.placeholder import box

NOBODY = Identity.of(())
READER = Identity.of(["reader@example.org"], ["Rita Reader"])
PICTURE = png(2, 2, (255, 0, 0))


def page(html: str, identity: Identity = NOBODY, parts: dict[str, bytes] | None = None) -> str:
    return prepare(html, identity, parts or {}).html


@pytest.mark.parametrize(
    "html",
    [
        "<p>Hello reader@example.org",
        "<p>Hello READER@example.org",
        "<p>Hello rea<b>der@exam</b>ple.org, and bye",
        "<p>Dear Rita Reader",
        "<p>Dear Rita <b>Reader</b>",
        "<p>reader&#64;example.org",
        '<input value="reader@example.org">',
        '<p title="for reader@example.org">x',
        "<style>p::after{content:'reader@example.org'}</style><p>x",
        '<img alt="Hello reader@example.org" src="https://img.example.com/a.png" width="300" height="80">',
        "<table><tr><td>x<td>reader@<i>example</i>.<b>org</b></table>",
    ],
)
def test_the_subscriber_is_nowhere_in_the_page(html: str) -> None:
    """Address and names go from text, across elements, from attributes, style sheets and boxes."""
    made = unquote(page(html, READER))
    shown = re.sub(r"<(?!svg|div)[^>]*>", "", made)
    assert "reader@example.org" not in made.lower()
    assert "reader@example.org" not in shown.lower()
    assert "Rita Reader" not in shown


def test_text_beside_the_subscriber_stays() -> None:
    """Only what names the reader goes."""
    made = page("<p>Hello <b>you</b> (reader@example.org), <i>welcome</i>", READER)
    assert "<b>you</b> ([redacted]), <i>welcome</i>" in made


def test_an_address_for_one_reader_that_is_written_out_is_removed() -> None:
    """A link in the text is shown as the archive's text shows it."""
    url = "https://list.example.com/unsubscribe?u=0123456789abcdef0123456789abcdef"
    for html in (f"<p>Leave: {url} now", f"<img alt='{url}' width=300 height=90>", f"<input value='{url}'>"):
        made = unquote(page(html))
        assert "0123456789abcdef" not in made
        assert "[link removed]" in made


@pytest.mark.parametrize(
    "html",
    [
        "<script>fetch('https://x.invalid/')</script>",
        "<link rel=preconnect href=https://x.invalid>",
        "<link rel=stylesheet href=https://x.invalid/a.css>",
        "<base href=https://x.invalid/>",
        "<meta http-equiv=refresh content='0;url=https://x.invalid/'>",
        "<iframe src=https://x.invalid/></iframe>",
        "<object data=https://x.invalid/></object>",
        "<embed src=https://x.invalid/>",
        "<video poster=https://x.invalid/a.png><source src=https://x.invalid/a.mp4></video>",
        "<img srcset='https://x.invalid/a.png 2x'>",
        "<img src=https://x.invalid/a.png>",
        "<img src=//x.invalid/a.png>",
        "<input type=image src=https://x.invalid/a.png>",
        "<td background=https://x.invalid/a.png>x",
        "<picture><source srcset=https://x.invalid/a.png><img src=a.png></picture>",
    ],
)
def test_elements_that_load_or_run_are_gone(html: str) -> None:
    """What the browser would ask for is taken out before it sees it; its cage is the second wall."""
    assert "x.invalid" not in page(f"<body>{html}<p>the words stay</p>")
    assert "the words stay" in page(f"<p>the words stay</p>{html}")


TOKEN = "0123456789abcdef0123456789abcdef"
TRACKED = f"https://x.invalid/t?e=reader@example.org&t={TOKEN}"


@pytest.mark.parametrize(
    "html",
    [
        f"<a href='{TRACKED}'>read</a>",
        f"<a href='mailto:leave-{TOKEN}@x.invalid'>leave</a>",
        f"<a href='/t?{TOKEN}' title='{TOKEN}' target='{TOKEN}' onclick='{TOKEN}' data-id={TOKEN}>read</a>",
        f"<map><area href='{TRACKED}'></map>",
        f"<form action='{TRACKED}'><input type=hidden value={TOKEN}><input type=radio value={TOKEN}></form>",
        f"<button value={TOKEN}>b</button><select><option value={TOKEN}>o</select>",
        f"<!-- {TOKEN} --><p>x<!--[if mso]><b>{TOKEN}</b><![endif]--><?xml {TOKEN}?>",
        f"<p style='background:red url({TRACKED})'>x",
        f'<p style="background:url(&quot;/t?(a)={TOKEN}&quot;)">x',
        f"<p style='background:URL( t.gif?{TOKEN} )'>x",
        f"<style>/* {TOKEN} */@import '{TRACKED}';@font-face{{src:url('{TRACKED}')}}</style>",
        f"<style>p{{background:url({TRACKED}}}</style><style>/* {TOKEN}</style>",
        f"<style>p{{background:\\75rl({TRACKED})}}p::after{{content:'//x.invalid/{TOKEN}'}}</style>",
        f"<td background='{TRACKED}' class='{TRACKED}'>x",
        f"<svg><a xlink:href='{TRACKED}' data-id={TOKEN}><use href='{TRACKED}'/></a></svg>",
        f"<svg><image href='{TRACKED}'/></svg>",
        f"<svg fill='url({TRACKED})'><foreignObject><img srcset='{TRACKED} 2x'></foreignObject></svg>",
        f"<p>See {TRACKED}, or (www.x.invalid/t?e=reader@example.org&t={TOKEN}).",
        f"<a href='{TRACKED}'>x.invalid/t?e=reader@example.org&amp;t={TOKEN}</a>",
        f"<img alt='{TRACKED}.' width=300 height=90>",
    ],
)
def test_no_reference_is_left_in_the_page(html: str) -> None:
    """Neither where it would be loaded or followed nor where it is written out: it may name its reader."""
    made = unquote(page(f"<body><p>the words stay</p>{html}", READER))
    assert TOKEN not in made
    assert "reader@" not in made
    assert "the words stay" in made


@pytest.mark.parametrize(
    "kept",
    [
        '<a href="tel:">',
        '<a href="https://link.invalid/">',
        'width="3" bgcolor="#fff" class="a b"',
        "background:url(data:image/png;base64,AA//AA==)",
        "content:'\\2022';font-family:\"A B\"",
        '<rect fill="url(#g)" viewBox="0 0 1 1">',
        '<use xlink:href="#g">',
        '<input value="Search">',
        '<li value="3">',
    ],
)
def test_what_is_drawn_stays(kept: str) -> None:
    """Sizes, colours, names for style sheets, what the mail brings along, and that a link is one."""
    source = (
        "<style>p{background:url(data:image/png;base64,AA//AA==);content:'\\2022';"
        'font-family:"A B"}</style><a href=" TEL:+123">a</a><a href="https://example.com">b</a>'
        "<table><td width=3 bgcolor=#fff class='a b'>"
        "</table><svg><rect fill='url(#g)' viewBox='0 0 1 1'/><use xlink:href='#g'/></svg>"
        "<input value=Search><ol><li value=3></ol>"
    )
    assert kept in page(source)


def test_a_comment_before_the_doctype_does_not_change_the_layout() -> None:
    """The doctype still says in which mode the page is laid out."""
    assert page("<!-- made by a program --><!doctype html><p>x").startswith("<!DOCTYPE html><style>")


def test_inline_parts_are_shown_by_their_bytes() -> None:
    """cid: leads to the part in img, style and background; what is no picture by its bytes is a box."""
    parts = {"logo@example.com": PICTURE, "fake@example.com": b"<svg onload=alert(1)>"}
    made = prepare(
        "<img src='cid:logo@example.com'><img src='cid:logo%40example.com'><img src='cid:fake@example.com'>"
        "<p style=\"background:url('cid:logo@example.com')\"><style>b{background:url(cid:logo@example.com)}"
        "</style><body background='cid:logo@example.com'>",
        NOBODY,
        parts,
    )
    assert list(made.pictures.values()) == [PICTURE]
    (path,) = made.pictures
    assert made.html.count(path) == 5
    assert "cid:" not in made.html
    assert made.html.count("data:image/svg+xml") == 1


def test_fetched_pictures_take_the_place_of_boxes() -> None:
    """What the owner fetched is found by its URL."""
    url = "https://img.example.com/a.png"
    made = prepare(f"<img src='{url}'>", NOBODY, {}, {source_of(url): PICTURE})
    assert list(made.pictures.values()) == [PICTURE]
    assert "svg" not in made.html


def test_data_pictures_stay_unless_they_are_drawings() -> None:
    """A data: picture needs no request; an SVG may hold text that nobody looked at."""
    assert "data:image/png;base64,AAAA" in page("<img src='data:image/png;base64,AAAA'>")
    made = page(
        "<img alt=x src='data:image/svg+xml,secret'><p style='background:url(data:image/svg+xml,secret)'>"
    )
    assert "svg+xml,secret" not in made


def test_the_doctype_and_the_mails_own_styles_stay() -> None:
    """The layout mode is the mail's, and our styles stand before its own."""
    made = page("<!doctype html><html><head><style>body{color:red}</style></head><body class=x>x")
    assert made.startswith("<!DOCTYPE html><style>")
    assert made.index("Arial") < made.index("color:red")
    assert not page("<p>x").lower().startswith("<!doctype")


@pytest.mark.parametrize(
    ("html", "reason"),
    [("<div>" * 3000, "more than 1,000 tags"), ("<b " + "a=1 " * 9000 + ">", "attributes")],
)
def test_html_that_no_engine_may_have_is_refused_with_the_reason(html: str, reason: str) -> None:
    """The prescan's limits hold here too."""
    with pytest.raises(NotDrawableError, match=reason):
        page(html)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"width": "600", "height": "200"}, (600, 200)),
        ({"width": "600px", "height": "200"}, (600, 200)),
        ({"width": "600"}, (600, 300)),
        ({"width": "1000"}, (1000, 320)),
        ({"width": "32"}, (32, 32)),
        ({"height": "100"}, (200, 100)),
        ({"style": "width: 300px; height:50px"}, (300, 50)),
        ({"width": "600", "style": "max-width:100px;width:120px"}, (120, 60)),
        ({"width": "100%"}, (160, 80)),
        ({}, (160, 80)),
    ],
)
def test_a_box_has_the_size_of_the_picture(attributes: dict[str, str], size: tuple[int, int]) -> None:
    """What the tag says is the natural size; what it does not say is guessed."""
    assert f"width='{size[0]}' height='{size[1]}'" in unquote(box(attributes))


@pytest.mark.parametrize(
    ("attributes", "shown"),
    [
        ({"alt": "Our <spring> sale", "width": "300", "height": "100"}, "Our &lt;spring&gt; sale"),
        ({"alt": "tiny", "width": "10", "height": "10"}, ""),
        ({"alt": "a\x00\u202eb", "width": "300", "height": "100"}, "a b"),
    ],
)
def test_a_box_says_the_alternative_text(attributes: dict[str, str], shown: str) -> None:
    """Escaped, without controls, and only where there is room."""
    drawing = unquote(box(attributes))
    assert ("foreignObject" in drawing) is bool(shown)
    assert shown in drawing


def test_a_spacer_is_not_drawn() -> None:
    """A line of one pixel keeps its room and shows nothing."""
    assert "rect" not in unquote(box({"width": "600", "height": "1"}))
