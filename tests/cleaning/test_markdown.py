"""The text: its notation, and what is escaped in it."""

from __future__ import annotations

import pytest

from watcher.cleaning import to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>One</h1><h3>Three</h3><p>text</p>", "# One\n\n### Three\n\ntext"),
        ("<p>a<br>b</p><p>c</p>", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<p>a<br><br>b</p>", "a\n\nb"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("a<img src=x alt='A drawing of it'><br>b", "a\n_A drawing of it_\nb"),
        ("<b>so <a href='https://u5.ct.sendgrid.net/ls/click?upn=u001.Q'>here</a> it is</b>",
         "**so here** ([link removed]) **it is**"),
        ("<p>a <b>bold</b>, <i>slanted</i>, <b><i>both</i></b></p>", "a **bold**, _slanted_, **_both_**"),
        ("<p><b>B</b>ig drop cap</p>", "Big drop cap"),
        ("<p><b>a</b><b> b</b></p>", "**a b**"),
        ("<h2><b>Bold heading</b></h2>", "## Bold heading"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "- a\n- b\n  - c"),
        ("<ol start=9><li>a<li>b</ol>", "9. a\n10. b"),
        ("<ul><li>a<br>more</ul>", "- a\n  more"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n\n> > b"),
        ("<p>run <code>ls -l</code></p>", "run `ls -l`"),
        ("<pre>a\n  b</pre><p>c</p>", "```\na\n  b\n```\n\nc"),
        ("<p>a</p><hr><p>b</p>", "a\n\nb"),
        ("<table><tr><td>left</td><td>right</td></tr></table>", "left\nright"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>x|y</td></tr></table>",
         "| a | b |\n| --- | --- |\n| 1 | x\\|y |"),
        ("<table><tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr><tr><td>c</td><td></td></tr></table>",
         "|  |  |\n| --- | --- |\n| a | 1 |\n| b | 2 |\n| c |  |"),
        ("<table role=presentation><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
         "a\nb\n1\n2"),
        ("<p>a&nbsp;&nbsp; b\n\tc</p>", "a b c"),
        ("<p>a<span> </span>b</p>", "a b"),
        ("<p>before <img src=x alt='😀'> after</p>", "before 😀 after"),
        ("<p>before <img src=x alt='A drawing of it'> after</p>", "before\n_A drawing of it_\nafter"),
        ("<p>x<img src=x alt='logo'><img src=x alt='IMG_0001.jpg'><img src=x alt='spacer'></p>", "x"),
        ("<noscript>shown in mail</noscript>", "shown in mail"),
    ],
)  # fmt: skip
def test_structure_is_written_as_markdown(html: str, text: str) -> None:
    """Headings, lists, emphasis, quotes, code and tables of data; layout tables unfold."""
    assert to_text(html, kind="html") == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p><a href='https://a.example.org/x'>Read</a> it</p>", "[Read](https://a.example.org/x) it"),
        ("<p><a href='https://a.example.org/x'><b>Read</b> it</a></p>", "[**Read** it](https://a.example.org/x)"),
        ("<p><a href='https://a.example.org/x'>https://a.example.org/x</a></p>", "https://a.example.org/x"),
        ("<p><a href='https://a.example.org/a_(b)'>x</a></p>", "[x](<https://a.example.org/a_(b)>)"),
        ("<p><a href='https://a.example.org/'>a [b]</a></p>", "[a \\[b\\]](https://a.example.org/)"),
        ("<p><a href='javascript:x'>go</a>.</p>", "go ([link removed])."),
        ("<p>a</p><a href='javascript:x'><img src=x></a><p>b</p>", "a\n\n[link removed]\n\nb"),
        ("<p>a</p><a href='https://a.example.org/'><img src=x></a>", "a\n\nhttps://a.example.org/"),
        ("<a href='https://a.example.org/'><img src=x alt='The new bridge'></a>",
         "[_The new bridge_](https://a.example.org/)"),
        ("<a href='javascript:x'><p>one</p><p>two</p></a><p>x</p>", "one\n\ntwo ([link removed])\n\nx"),
        ("<a href='https://a.example.org/'></a>x", "x"),
        ("<a name=top>x</a>", "x"),
        ("<map><area href='https://a.example.org/' alt='North wing'></map>",
         "[_North wing_](https://a.example.org/)"),
        ("<p>see https://a.example.org/?utm_source=x and more</p>", "see https://a.example.org/ and more"),
        ("<p>(www.example.org/page?utm_source=x)</p>", "(www.example.org/page)"),
    ],
)  # fmt: skip
def test_links_are_written_by_their_verdict(html: str, text: str) -> None:
    """A kept link is Markdown, a removed one leaves its words and a note, a picture's note stands alone."""
    assert to_text(html, kind="html") == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("![x](http://t.example.com/a.gif)", "\\![x]\\(http://t.example.com/a.gif)"),
        ("[x](javascript:alert(1))", "[x]\\(javascript:alert(1))"),
        ("[x]: http://t.example.com/", "[x]\\: http://t.example.com/"),
        ("&lt;img src=x&gt; and &lt;/b&gt;", "\\<img src=x> and \\</b>"),
        ("a &lt; b and c &lt;3", "a < b and c <3"),
        ("<b>[x]</b>(http://t.example.com/)", "**[x]**(http://t.example.com/)"),
        ("[x]<a href='#'>(http://t.example.com/)</a>", "[x]\\(http://t.example.com/)"),
        ("[x]<a href='javascript:y'>(http://t.example.com/)</a>",
         "[x]\\(http://t.example.com/) ([link removed])"),
        ("5 * 3 = 15, snake_case, # no heading", "5 * 3 = 15, snake_case, # no heading"),
        ("[1] a note", "[1] a note"),
    ],
)  # fmt: skip
def test_only_what_would_load_or_link_is_escaped(html: str, text: str) -> None:
    """The mail's own characters stay readable; none of them becomes an active link, a picture or HTML."""
    assert to_text(f"<p>{html}</p>", kind="html") == text
