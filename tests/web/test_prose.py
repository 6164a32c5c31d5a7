"""The clean text as markup: readable, and never more than it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.web.plugin.prose import prose

OURS = re.compile(
    r"</?(?:p|h3|h4|ul|ol|li|blockquote|strong|em|code|pre|span|a|div|table|thead|tbody|tr|th|td)>|<(?:br|hr)>"
    r'|<(?:p|h3|h4|li) dir="auto">|<li dir="auto" class="deeper">|<div class="scroll" tabindex="0">'
    r'|<ol start="\d+">|<span class="gone">'
    r'|<a href="(?:https?://|mailto:)[^"<>]*" rel="noopener noreferrer nofollow">',
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("one\ntwo\n\nthree", '<p dir="auto">one<br>two</p>\n<p dir="auto">three</p>'),
        ("# Title #\n### Small", '<h3 dir="auto">Title</h3>\n<h4 dir="auto">Small</h4>'),
        ("- a\n- b", '<ul><li dir="auto">a</li><li dir="auto">b</li></ul>'),
        ("3. c\n4. d", '<ol start="3"><li dir="auto">c</li><li dir="auto">d</li></ol>'),
        ("> said", '<blockquote><p dir="auto">said</p></blockquote>'),
        ("---", "<hr>"),
        (
            "**b _i_ `c`** and _i_",
            '<p dir="auto"><strong>b <em>i</em> <code>c</code></strong> and <em>i</em></p>',
        ),
        ("5 * 3 * 2, a_name_b", '<p dir="auto">5 * 3 * 2, a_name_b</p>'),
        (r"C:\*new* \. file", r'<p dir="auto">C:\*new* \. file</p>'),
        (r"!\[not] \<b> a]\(b)", '<p dir="auto">![not] &lt;b&gt; a](b)</p>'),
        ("- a\n  - b", '<ul><li dir="auto">a</li><li dir="auto" class="deeper">b</li></ul>'),
        (
            "| a | b |\n| --- | --- |\n| **c** | d \\| e |",
            (
                '<div class="scroll" tabindex="0"><table><thead><tr><th>a</th><th>b</th></tr></thead>'
                "<tbody><tr><td><strong>c</strong></td><td>d | e</td></tr></tbody></table></div>"
            ),
        ),
        (
            "|  |\n| --- |\n| c |",
            '<div class="scroll" tabindex="0"><table><tbody><tr><td>c</td></tr></tbody></table></div>',
        ),
        ("```\n# <b>\n\n  x\n```\ny", '<pre># &lt;b&gt;\n\n  x</pre>\n<p dir="auto">y</p>'),
        (
            "[a](<https://x.example/(1) 2>) [m](mailto:a@x.example)",
            (
                '<p dir="auto"><a href="https://x.example/(1) 2" rel="noopener noreferrer nofollow">a</a> '
                '<a href="mailto:a@x.example" rel="noopener noreferrer nofollow">m</a></p>'
            ),
        ),
        (r"\[not\] this", '<p dir="auto">[not] this</p>'),
        ("plan ([link removed])", '<p dir="auto">plan (<span class="gone">link removed</span>)</p>'),
        ("Dear [redacted],", '<p dir="auto">Dear <span class="gone">redacted</span>,</p>'),
        (
            "[a **b**](https://x.test/1?q=1&r=2)",
            (
                '<p dir="auto"><a href="https://x.test/1?q=1&amp;r=2" rel="noopener noreferrer nofollow">'
                "a <strong>b</strong></a></p>"
            ),
        ),
        (
            "at https://x.example.",
            '<p dir="auto">at <a href="https://x.example" rel="noopener noreferrer nofollow">https://x.example</a>.</p>',
        ),
        ("[x](javascript:alert(1))", '<p dir="auto">[x](javascript:alert(1))</p>'),
        ("![x](https://x.example/a.gif)", None),
        ("<script>x</script>", '<p dir="auto">&lt;script&gt;x&lt;/script&gt;</p>'),
        ("", ""),
        (None, ""),
    ],
)
def test_markdown_becomes_markup(text: str | None, markup: str | None) -> None:
    """Paragraphs, headings, lists, quotations and links; nothing becomes an image."""
    found = str(prose(text))
    assert "<img" not in found
    if markup is not None:
        assert found == markup


@given(
    st.text(
        st.sampled_from("ab *_#>-1.)(][\\<\"'&!:/\n") | st.characters(codec="utf-8"),
        max_size=200,
    )
    | st.lists(
        st.sampled_from(
            [
                "[x](https://a.example/",
                '"',
                "<b>",
                "**",
                "*",
                "[link removed]",
                ")",
                "\n",
                "> ",
                "| ",
                "```\n",
                "_",
            ]
        )
    ).map("".join)
)
def test_no_text_makes_markup_of_its_own(text: str) -> None:
    """For any text, only elements and attributes of ours come out."""
    left = OURS.sub("", str(prose(text)))
    assert "<" not in left
    assert ">" not in left


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "[a",
        "**",
        "*a",
        "> ",
        "- ",
        "\\",
        "[x](https://",
        "(",
        "#",
        "<https://",
        "_a",
        "`a",
        "|",
        "| ---",
        "https://a.",
    ],
)
def test_hostile_text_stays_linear(piece: str) -> None:
    """A hundred thousand openings without an end are read within the suite's time limit."""
    assert prose(piece * 100_000)
