"""Inline styles, hiding styles, and what style sheets would have loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.cleaning.css import hides, host_of, is_tiny, references, safe_style, sheet_references


@pytest.mark.parametrize(
    ("style", "safe"),
    [
        ("color:red", "color:red"),
        ("COLOR : Red ; margin:0 auto", "color:Red;margin:0 auto"),
        ("font-family:'Open Sans', Arial,sans-serif", "font-family:'Open Sans', Arial,sans-serif"),
        (
            "color:rgb(1, 2, 3);background-color:rgba(0,0,0,.5)",
            "color:rgb(1, 2, 3);background-color:rgba(0,0,0,.5)",
        ),
        ("width:100% !important", "width:100% !important"),
        ("margin:0 !important;padding:10px 5%", "margin:0 !important;padding:10px 5%"),
    ],
)
def test_harmless_declarations_stay(style: str, safe: str) -> None:
    """What says how text looks is kept."""
    assert safe_style(style) == safe


@pytest.mark.parametrize(
    "style",
    [
        "background:url(https://t.example.com/x.gif)",
        "background-color:url(https://t.example.com/x.gif)",
        "background-image:none",
        "list-style:square url(x)",
        "color:\\75rl(x)",
        "width:expression(alert(1))",
        "width:calc(100% - 1px)",
        "color:var(--x)",
        "content:'x'",
        "cursor:pointer",
        "position:fixed",
        "z-index:9",
        "transform:scale(9)",
        "opacity:0",
        "display:none",
        "visibility:hidden",
        "margin-left:-9999px",
        "margin:0 -5px",
        "text-indent:-999em",
        "font-size:0",
        "font-size:0.0px",
        "line-height:0",
        "height:0px",
        "width:0",
        "color:red/*",
        "color:@x",
        "font-family:'x\\'",
        "border-image:image-set('x' 1x)",
        "--x:url(y)",
        "filter:blur(1px)",
        "color:red</style>",
        "color:rgb(url(x))",
        "color",
        "",
    ],
)
def test_what_loads_runs_hides_or_overlays_goes(style: str) -> None:
    """Names and values both have to be on the list."""
    assert safe_style(style) == ""


def test_a_bad_declaration_takes_no_other_with_it() -> None:
    """Each declaration is judged alone."""
    assert safe_style("color:red;background:url(x);margin:0") == "color:red;margin:0"


@given(st.text(alphabet="abcdeluorx-:;()'\"\\/*@!#% 0123.,\n\t<>", max_size=120))
def test_no_style_can_spell_a_function_a_comment_or_an_escape(style: str) -> None:
    """Nothing that could load comes out, and a second pass agrees."""
    safe = safe_style(style)
    assert not any(sign in safe for sign in ("url(", "\\", "/*", "@", "<", ">"))
    assert safe_style(safe) == safe


@pytest.mark.parametrize(
    ("style", "hidden"),
    [
        ("display:none", True),
        ("color:red; DISPLAY : NONE !important", True),
        ("visibility:hidden", True),
        ("max-height:0;overflow:hidden", True),
        ("max-height:0px", True),
        ("opacity:0", True),
        ("opacity:0.0;", True),
        ("opacity:0.9", False),
        ("max-height:05em", False),
        ("max-height:0.5em", False),
        ("font-size:0", False),
        ("display:block", False),
        ("mso-hide:all", False),
        ("x-display:none", False),
    ],
)
def test_hiding_styles_are_known(style: str, *, hidden: bool) -> None:
    """`font-size:0` wraps whole mails and hides nothing; Outlook's own property hides from Outlook alone."""
    assert hides(style) is hidden


def test_tiny_pictures_are_told_by_their_style() -> None:
    """Width or height of two pixels and less; a percentage or a large number is no size of a pixel."""
    assert is_tiny("border:0;width:1px")
    assert is_tiny("height: 0")
    assert not is_tiny("width:100%")
    assert not is_tiny("max-width:1px")
    assert not is_tiny("width:1200px")


def test_references_of_a_style_are_found() -> None:
    """Quotes and white space do not matter."""
    assert references("background:URL( 'https://t.example.com/a.gif' )") == ["https://t.example.com/a.gif"]
    assert references("color:red") == []


def test_references_of_a_sheet_name_kind_and_host() -> None:
    """Fonts, imports and backgrounds are told apart; what stays in the mail is none."""
    sheet = """@import "https://a.example.com/x.css"; @import url(//b.example.com/y.css);
    @font-face {font-family:x; src:url(https://c.example.com/f.woff) format('woff')}
    .a{background:url('https://d.example.com/z.png')} .b{background:url(data:image/png;base64,AA)}"""
    assert sheet_references(sheet) == [
        ("css", "a.example.com"),
        ("css", "b.example.com"),
        ("font", "c.example.com"),
        ("css", "d.example.com"),
    ]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example.com/x", "a.example.com"),
        ("HTTP://a.example.com:8080", "a.example.com"),
        ("//a.example.com/x", "a.example.com"),
        (" \n//user@a.example.com", "a.example.com"),
        ("https:\\\\a.example.com\\x", "a.example.com"),
        ("http://[2001:db8::1]/x", "[2001:db8::1]"),
        ("data:image/png;base64,AA", ""),
        ("cid:part1", ""),
        ("x.png", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_hosts_are_those_of_the_network(url: str, host: str) -> None:
    """What a browser would resolve, and nothing else."""
    assert host_of(url) == host
