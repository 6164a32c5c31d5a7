"""Characters that nobody sees, and tokens that nobody filled in."""

from __future__ import annotations

import re

import pytest

from watcher.cleaning.characters import drop_control, drop_filler, drop_merge_tags, is_ordinary, word_set

ZWNJ, ZWJ, JOIN, NBSP = "\u200c", "\u200d", "\u034f", "\xa0"


@pytest.mark.parametrize(
    ("text", "clean", "runs"),
    [
        ("plain", "plain", 0),
        (f"end{JOIN} {ZWNJ}{NBSP}{JOIN}{ZWNJ} next", "end  next", 1),
        ("soft\u00adhyphen", "softhyphen", 0),
        ("\ufeffstart", "start", 0),
        (f"می{ZWNJ}خواهم", f"می{ZWNJ}خواهم", 0),
        (f"👩{ZWJ}🚀", f"👩{ZWJ}🚀", 0),
        (f"end{ZWNJ}", "end", 0),
        (f"a {ZWNJ}b", "a b", 0),
        ("a\u2007b", "a b", 0),
        ("\u2800" * 40, " ", 1),
    ],
)
def test_filler_goes_and_joiners_between_signs_stay(text: str, clean: str, runs: int) -> None:
    """Runs of two and more are filler; one joiner between two visible signs has a meaning."""
    assert drop_filler(text) == (clean, runs)


def test_controls_go_and_line_ends_stay() -> None:
    """ESC and C1 are no text; tab, line feed and carriage return are white space."""
    assert drop_control("a\x1b[31mb\x9bc\td\ne\x00") == "a[31mbc\td\ne"


@pytest.mark.parametrize(
    ("text", "clean", "count"),
    [
        ("Hi *|FNAME|*!", "Hi !", 1),
        ("*|IFNOT:ARCHIVE_PAGE|*x*|END:IF|*", "x", 2),
        ("%%first_name%%, hello", ", hello", 1),
        ("{{ subscriber.first_name }} hello", " hello", 1),
        ("100%% sure", "100%% sure", 0),
        ("a || b |* c", "a || b |* c", 0),
        ("use {{ x + y }} here", "use {{ x + y }} here", 0),
    ],
)
def test_merge_tags_go_as_tokens(text: str, clean: str, count: int) -> None:
    """The token goes, its line stays; what only looks like one stays."""
    assert drop_merge_tags(text) == (clean, count)


def test_ordinary_text_is_told_from_what_needs_a_closer_look() -> None:
    """The quick check misses nothing that the other functions act on."""
    assert is_ordinary("A sentence, with (brackets) & signs!")
    for text in ("*|A|*", "%%ab%%", "{{ ab }}", "a\x1b", "a\u200bb", "http://x", "WWW.x", "mailto:x"):
        assert not is_ordinary(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one two_2 caf\u00e9",
        "a\u2019b \u0153uvre\u20ac",
        "\u4e00\u4e8c \n \U0001f600x\nplain y",
        "caf\u00e9\U0001f600bar\u200dx",
    ],
)
def test_word_set_is_what_the_expression_finds(text: str) -> None:
    """Whatever code page a text fits into, its words are runs of letters, digits and underscores."""
    assert word_set(text) == set(re.findall(r"\w+", text))
