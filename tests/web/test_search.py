"""The search box: any words make a query, any snippet makes safe markup."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watcher.web.plugin.search import MARK_BEGIN as B
from watcher.web.plugin.search import MARK_END as E
from watcher.web.plugin.search import fts_query, highlighted


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("creek", '"creek"'),
        ("Creek AND council", '"Creek" "AND" "council"'),
        ('"two words" three', '"two words" "three"'),
        ('"not closed', '"not closed"'),
        ("vot*", '"vot*"*'),
        ("subject:x", '"subject:x"'),
        ("NEAR(a b", '"NEAR(a" "b"'),
        ('*** -- "" ()', ""),
        ("", ""),
    ],
)
def test_operators_are_plain_words(words: str, query: str) -> None:
    """Terms are quoted; what holds no letter or digit is left out."""
    assert fts_query(words) == query


@given(st.text())
@example("\x00\"'*^:+-~|{}()NEAR")
@example("a\x00b")
@example("\ud800")
def test_no_words_are_an_error(words: str) -> None:
    """FTS5 accepts the query of anything that can be typed."""
    with_index = sqlite3.connect(":memory:")
    with_index.execute("create virtual table t using fts5(text)")
    try:
        assert with_index.execute(
            "select count(*) from t where t match ?", (fts_query(words) or '""',)
        ).fetchone()
    finally:
        with_index.close()


@pytest.mark.parametrize(
    ("snippet", "markup"),
    [
        (f"a {B}hit{E} b", "a <mark>hit</mark> b"),
        (f"<b>{B}<i>{E}", "&lt;b&gt;<mark>&lt;i&gt;</mark>"),
        (f"{E}{B}{B}x", "x"),
        (f"see [the {B}map{E}](https://x.example/a) now", "see the <mark>map</mark> now"),
        ("## Title **bold**", "Title bold"),
        (None, ""),
    ],
)
def test_snippets_are_escaped_before_they_are_marked(snippet: str | None, markup: str) -> None:
    """Marks come from us alone, even where the text holds the private-use characters itself."""
    assert str(highlighted(snippet)) == markup
