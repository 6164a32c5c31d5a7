"""What to say, and what to show, when a settings file is not YAML.

Without a tree nobody knows which words of a line are a password, so a line is shown only as far as it is
certainly none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watcher.settings.problems import Excerpt, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ruamel.yaml.error import MarkedYAMLError

HIDDEN = "[hidden]"
ALIAS = "a value that begins with `*` needs quotes (YAML's aliases are not used here)"
ANCHOR = "a value that begins with `&` needs quotes (YAML's anchors are not used here)"

_KEY_AND_VALUE = re.compile(r"(?P<before>\s*(?:- +)*(?P<key>[a-z_]+)\s*:)(?P<gap>\s*)(?P<value>.*)")
_MAY_BE_SECRET = re.compile(r"[{},#]|pass|pw|secret|token|key|credential|env|command", re.IGNORECASE)

# What ruamel.yaml calls it, whether the beginning of the construct is the place to show, and what we say.
_EXPLANATIONS: tuple[tuple[re.Pattern[str], bool, str], ...] = tuple(
    (re.compile(pattern), at_beginning, message)
    for pattern, at_beginning, message in (
        (r"character '\\t'", False, "a tab stands where spaces are needed: indent with spaces only"),
        (r"found character", False, "this character cannot begin a value: put the value in quotes"),
        (
            r"mapping values are not allowed",
            False,
            "a `:` is not expected here: check the indentation; a value that contains `: ` needs quotes",
        ),
        (
            r"could not find expected ':'",
            True,
            "a key needs a `:` and a space after it, as in `host: imap.example.org`",
        ),
        (r"unexpected end of stream|document separator", True, "this quote is never closed"),
        (
            r"expected ',' or",
            True,
            "this bracket is never closed, or a comma is missing, or a value with brackets needs quotes",
        ),
        (
            r"unknown escape|escape sequence",
            False,
            "in double quotes a `\\` begins an escape: use single quotes",
        ),
        (
            r"expected <block end>",
            False,
            "this line does not line up with the ones above it: check its indentation",
        ),
        (r"undefined alias", False, ALIAS),
        (r"bad indentation|indentation", False, "this line is indented wrongly"),
    )
)
_EMPTY_LIST = re.compile(r"\s*\w+:\s*\[\s*\]\s*(?:#.*)?")


def explain(error: MarkedYAMLError, lines: tuple[str, ...]) -> tuple[Place, str]:
    """Say where to look and what to do there.

    The parser's own words may quote the file: they are not passed on.
    """
    problem = error.problem or ""
    mark, message = error.problem_mark or error.context_mark, "this is not YAML"
    for pattern, at_beginning, explanation in _EXPLANATIONS:
        if pattern.search(problem):
            message = explanation
            if at_beginning and error.context_mark is not None:
                mark = error.context_mark
            break
    if mark is None:
        return Place(1, 1), message
    if _follows_empty_list(lines, mark.line):
        message = "a list item begins here, but the key above it has the value `[]` already: delete the `[]`"
    return Place(mark.line + 1, mark.column + 1), message


def of_broken_line(line: str, column: int, keys: Mapping[str, bool]) -> Excerpt:
    """Return the line as far as it is certainly harmless.

    `keys` has each known key, and whether its value may be shown; even such a value is hidden when it holds a
    bracket, a comma, or a word that goes with secrets.
    """
    matched = _KEY_AND_VALUE.fullmatch(line)
    if matched is None or matched["key"] not in keys:
        start = len(line) - len(line.lstrip(" \t"))
    elif keys[matched["key"]] and not _MAY_BE_SECRET.search(matched["value"]):
        start = len(line)
    else:
        start = matched.start("value")
    return Excerpt(line[:start] + (HIDDEN if line[start:].strip() else ""), min(column - 1, start))


def _follows_empty_list(lines: tuple[str, ...], index: int) -> bool:
    if not (index < len(lines) and lines[index].lstrip().startswith("- ")):
        return False
    above = [line for line in lines[:index] if line.strip() and not line.lstrip().startswith("#")]
    return bool(above) and _EMPTY_LIST.fullmatch(above[-1]) is not None
