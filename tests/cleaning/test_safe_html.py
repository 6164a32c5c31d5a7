"""The safe HTML: what may stand in it, and what never does."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.newsletters import mailchimp_html
from watcher.cleaning import Identity, Policy, clean
from watcher.cleaning.elements import ATTRIBUTES, KINDS

NOBODY = Identity.of(())
TAGS = {kind.name for kind in KINDS.values()} - {""} | {"a", "br", "hr"}
BEACON = "https://beacon.example.com/x.gif"


def safe(html: str) -> str:
    return clean(html, "", NOBODY, Policy.UNWRAP).html


class _Audit(HTMLParser):
    """Collects what an independent parser finds outside the allow-list."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append(tag)
        for name, value in attrs:
            if name == "href" and re.match(r"(?:https?://|mailto:|tel:|sms:)", value or ""):
                continue
            if name not in {*ATTRIBUTES, "style", "rel"} or "url(" in (value or "").lower():
                self.found.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"declaration {decl}")


def audited(html: str) -> list[str]:
    audit = _Audit()
    audit.feed(html)
    audit.close()
    return audit.found


TRICKS = [
    f'<img src="{BEACON}">',
    f'<img srcset="{BEACON} 2x">',
    f'<picture><source srcset="{BEACON}"><img></picture>',
    f'<input type=image src="{BEACON}">',
    f'<video poster="{BEACON}" src="{BEACON}"></video>',
    f'<audio src="{BEACON}"></audio>',
    f'<object data="{BEACON}">fallback</object>',
    f'<embed src="{BEACON}">',
    f'<iframe src="{BEACON}" srcdoc="<img src={BEACON}>"></iframe>',
    f'<frameset><frame src="{BEACON}"></frameset>',
    f"<script src='{BEACON}'></script>",
    f"<table background='{BEACON}'><tr><td background='{BEACON}'>x</td></tr></table>",
    f"<body background='{BEACON}'>x</body>",
    f"<link rel=stylesheet href='{BEACON}'>",
    f"<link rel=dns-prefetch href='{BEACON}'>",
    f"<link rel=preconnect href='{BEACON}'>",
    f"<base href='{BEACON}'>",
    f"<meta http-equiv=refresh content='0;url={BEACON}'>",
    f"<style>@import '{BEACON}'; p{{background:url({BEACON})}}</style>",
    f"<p style='background:url({BEACON})'>x</p>",
    f"<p style='background:u\\72l({BEACON})'>x</p>",
    f"<p style='--x:url({BEACON});background:var(--x)'>x</p>",
    f"<svg><image href='{BEACON}'/><style>*{{fill:url({BEACON})}}</style></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    f"<math><mtext><img src='{BEACON}'></mtext></math>",
    f"<noscript><img src='{BEACON}'></noscript>",
    f"<template><img src='{BEACON}'></template>",
    f"<form action='{BEACON}'><button formaction='{BEACON}'>go</button></form>",
    f"<select><option><img src='{BEACON}'></select>",
    "<details open ontoggle=alert(1)>x</details>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<p onclick=alert(1) id=x class=y title=z>x</p>",
    "<p style=\"color:red\" onmouseover='alert(1)'>x</p>",
    f"<!--><img src='{BEACON}'>-->",
    f"<!--[if mso]><img src='{BEACON}'><![endif]-->x",
    f"<![if !mso]><img src='{BEACON}'><![endif]>x",
    f"<textarea></textarea><img src='{BEACON}'></textarea>",
    f"<title></title><img src='{BEACON}'></title>",
    f"<xmp><img src='{BEACON}'></xmp>",
    f"<plaintext><img src='{BEACON}'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    f"<p align='left\"><img src={BEACON}>'>x</p>",
    f"<math><mi><style><!--</style><img title='--&gt;&lt;img src={BEACON}&gt;'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src='{BEACON}'>",
    "<area href='javascript:alert(1)' alt='a region'>",
    f"<img alt='<img src={BEACON}>' src='cid:x'>",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_leaves_anything_that_loads_or_runs(trick: str) -> None:
    """Seen by an independent parser, there is nothing but allowed tags and attributes."""
    assert audited(safe(f"<p>before</p>{trick}<p>after</p>")) == []


NAMES = "div p b i ul li pre h1 blockquote svg math style textarea select option script form font table tr td"
FRAGMENTS = st.sampled_from(
    [
        *(f"<{name}>" for name in NAMES.split()),
        *(f"</{name}>" for name in f"{NAMES} a span".split()),
        "<a href='https://a.example.org/'>",
        "<img src=x alt='a picture of it'>",
        "<font color=red>",
        "<span style='color:red'>",
        "<td style='display:none'>",
        *("<br>", "<hr>", "<!--", "-->", "<template>", "<object>", "<center>", "<ol start=3>"),
        *("word ", " ", "\n", '"', "'", "<", ">", "&lt;img src=x&gt;", "&nbsp;", "[a](b)", "*"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_any_soup_becomes_allowed_html(soup: str) -> None:
    """Whatever tags are stirred together, only allowed ones come out."""
    assert audited(safe(soup)) == []


@pytest.mark.parametrize(
    "html",
    [
        mailchimp_html(),
        "<p>one<br>two</p><ul><li>a<li>b <b>c</b></ul>",
        "<h2>Title</h2><blockquote><p>quoted</p></blockquote><pre>a\n  b</pre>",
        "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
        "<p>text <a href='javascript:x'>with</a> a removed link</p>",
        "<p>a <img src=x alt='A drawing of it'> b</p>",
        "<p><a href='https://a.example.org/'><img src=x></a></p>",
        "a<div></div>b<p></p>c<br><br>d<hr>e",
        "<div>a</div><table><tr><td>&nbsp;</td></tr></table><div><br></div><div>b</div>",
        "<p><b>so <a href='https://u5.ct.sendgrid.net/ls/click?upn=u001.Q'>here</a> it is</b></p>",
        "<p>a<img src=x alt='A drawing of it'><br>b</p>",
    ],
)
def test_safe_html_is_a_fixed_point(html: str) -> None:
    """Cleaning the outcome again changes nothing, neither in it nor in the text."""
    once = clean(html, "", NOBODY, Policy.UNWRAP)
    again = clean(once.html, "", NOBODY, Policy.UNWRAP)
    assert (again.html, again.text) == (once.html, once.text)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a &lt; b &amp; c</p>", "<p>a &lt; b &amp; c</p>"),
        ("<p align=left style='color:red;position:fixed'>a</p>", '<p align="left" style="color:red">a</p>'),
        ("<td>x", "x"),
        ("<table><tr><td></td><td>x</td></tr><tr><td> </td></tr></table>",
         "<table><tbody><tr><td></td><td>x</td></tr></tbody></table>"),
        ("<section><button>go</button></section>", "<div>go</div>"),
        ("<p></p><p>a</p>", "<p>a</p>"),
        ("<b>a<br></b>b", "<b>a<br></b>b"),
        ("<p>a<br><br></p>b", "<p>a<br><br></p>b"),
        ("a<div></div>b", "a<br>b"),
        ("a<p></p>b", "a<br><br>b"),
        ("<div>a</div><div><br></div><div>b</div>", "<div>a</div><br><div>b</div>"),
        ("<div>a</div><table><tr><td><br></td></tr></table><div>b</div>", "<div>a</div><br><div>b</div>"),
        ("<p>a</p><b><hr></b>b", "<p>a</p><hr>b"),
        ("a<i> </i>b", "a b"),
        ("<p>x <a href='javascript:y'>go</a>!</p>", "<p>x go ([link removed])!</p>"),
        ("<a href='https://a.example.org/?x=1&amp;y=2'>go</a>",
         '<a href="https://a.example.org/?x=1&amp;y=2" rel="noopener noreferrer nofollow">go</a>'),
        ("<a href='#top'>up</a>", "up"),
        ("<table width=600 border=0 role=presentation><tr><td>x</td></tr></table>",
         '<table width="600" border="0" role="presentation"><tbody><tr><td>x</td></tr></tbody></table>'),
        ("<td colspan=99999>x</td>", "x"),
        ("<ol start=3><li>x</ol>", '<ol start="3"><li>x</li></ol>'),
    ],
)  # fmt: skip
def test_html_is_written_with_our_own_tags(html: str, expected: str) -> None:
    """Escaped text in allowed elements; empty elements go, a row keeps its columns."""
    assert safe(html) == expected
