"""The search box: a person's words as an FTS5 query, and FTS5's snippets as markup.

Whatever is typed must find something or nothing, never an error: every term is quoted, so FTS5's operators,
column filters and brackets are plain words (https://sqlite.org/fts5.html, section 3).
"""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

# Private-use characters as marks around a hit: they pass escaping unchanged and no newsletter needs them.
MARK_BEGIN: Final = "\ue000"
MARK_END: Final = "\ue001"

_TERM: Final = re.compile(r'"([^"]*)"?|([^\s"]+)')
_WORD: Final = re.compile(r"[^\W_]")
_UNSPEAKABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ue000\ue001]")
_MARKED: Final = re.compile(f"{MARK_BEGIN}([^{MARK_BEGIN}{MARK_END}]*){MARK_END}")
_LINK_TARGET: Final = re.compile(r"\]\((?:https?|mailto)[^)\s]*(?:\)|$|(?=\s))", re.IGNORECASE)
_MARKDOWN: Final = re.compile(r"^\s*(?:#{1,6}|>|[-*])\s+|\*\*|[\[\]]|\\(?=[^\w\s])", re.MULTILINE)
_LONGEST: Final = 400  # characters of a query that are read; nobody types more


def fts_query(words: str) -> str:
    """Turn what was typed into an FTS5 query: all terms must occur.

    "Quoted words" are a phrase, `vot*` is the beginning of a word. Returns an empty string when there is
    nothing to look for.
    """
    terms = []
    for match in _TERM.finditer(_UNSPEAKABLE.sub(" ", words[:_LONGEST])):
        term = match[1] if match[1] is not None else match[2]
        if not _WORD.search(term):
            continue
        prefix = "*" if match[2] and term.endswith("*") else ""
        terms.append(f'"{term}"{prefix}')
    return " ".join(terms)


def highlighted(snippet: str | None) -> Markup:
    """Turn a snippet with marks into markup: escape everything, then replace the marks by `<mark>`."""
    plain = _MARKDOWN.sub("", _LINK_TARGET.sub("", snippet or ""))
    marked = _MARKED.sub(r"<mark>\1</mark>", str(escape(plain)))
    return Markup(re.sub(f"[{MARK_BEGIN}{MARK_END}]", "", marked))  # noqa: S704  (escaped one line above)
