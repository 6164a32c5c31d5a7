"""Writes the lines that were kept as Markdown-flavoured text.

Text of the mail that would become a link, a picture or HTML when somebody renders it is escaped;
everything else stays as it was written.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from watcher.cleaning.document import LINK_REMOVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.cleaning.document import Anchor, Line, Run

# `![`, `](`, `][`, `]:` load or link; `<` before a letter or sign begins HTML or an autolink.
_ACTIVE = re.compile(r"!(?=\[)|(?<=\])[(\[:]|<(?=[A-Za-z/!?])")
_BRACKET = re.compile(r"[\[\]]")
_PLAIN_TARGET = re.compile(r"[^\s()<>]+")


def write_text(lines: Sequence[Line]) -> str:
    """The kept lines, one below the other, blank lines where the layout has a gap."""
    out: list[str] = []
    fenced = gap = False
    row = 0
    for line in lines:
        gap = gap or line.gap  # that of a line that was cut parts its neighbours
        if line.cut is not None:
            continue
        if fenced and not line.preformatted:
            out.append("```")
            fenced = False
        table_begins = bool(line.row) and line.row != row
        if out and (gap or table_begins or (row and not line.row)) and out[-1]:
            out.append("")
        gap, row = False, line.row
        if line.preformatted and not fenced:
            out.append("```")
            fenced = True
        if line.row:
            out.extend(_row(line, begins=table_begins))
        else:
            out.append(_prefix(line) + (_bare(line) if line.preformatted else _inline(line.runs, line)))
    if fenced:
        out.append("```")
    return "\n".join(out).strip("\n")


def _prefix(line: Line) -> str:
    quote = "> " * line.quote
    if line.preformatted:
        return ""
    if line.heading:
        return f"{quote}{'#' * line.heading} "
    if line.indent:
        return f"{quote}{'  ' * (line.indent - 1)}{line.marker or '  '}"
    return quote


def _bare(line: Line) -> str:
    return "".join([run.text for run in line.runs]).replace("```", "'''")


def _row(line: Line, *, begins: bool) -> list[str]:
    """Write a table row; the first one brings the line that Markdown wants below the head."""
    bounds = [*line.cells, len(line.runs)]
    cells = [
        _inline(line.runs[start:end], line).strip().replace("|", "\\|") for start, end in pairwise(bounds)
    ]
    written = f"| {' | '.join(cells)} |"
    if not begins:
        return [written]
    rule = f"|{' --- |' * len(cells)}"
    return [written, rule] if line.header else [f"|{'  |' * len(cells)}", rule, written]


def _inline(runs: Sequence[Run], line: Line) -> str:
    """Write runs with their emphasis and links."""
    if len(runs) == 1 and runs[0].anchor is None and not any(_style(runs[0], line)):  # as most lines are
        only = runs[0]
        return (only.text if only.note else _escape(only.text, linked=False)).strip()
    out: list[str] = []
    at = 0
    while at < len(runs):
        anchor = _link_of(runs[at])
        end = at
        while end < len(runs) and _link_of(runs[end]) is anchor and runs[end].note == runs[at].note:
            end += 1
        if runs[at].note:
            out.append("".join([run.text for run in runs[at:end]]))
        elif anchor is None:
            out.append(_formatted(runs, at, end, line))
        else:
            out.append(_link(_formatted(runs, at, end, line), anchor))
        at = end
    return _joined(out).strip()


def _link_of(run: Run) -> Anchor | None:
    """The link that a run is written as; None for one whose link was removed."""
    return run.anchor if run.anchor is not None and run.anchor.url is not None else None


def _joined(parts: Sequence[str]) -> str:
    """Join parts that were escaped one by one, so that no two of them make a link between them."""
    out: list[str] = []
    for part in parts:
        inert = out and out[-1].endswith("]") and part[:1] in {"(", ":"} and part
        out.append(f"\\{part}" if inert else part)
    return "".join(out)


def _link(text: str, anchor: Anchor) -> str:
    core = text.strip()
    if not core:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    url = anchor.url or ""
    if core in {url, url.removesuffix("/")}:
        return f"{before}{url}{after}"
    target = url if _PLAIN_TARGET.fullmatch(url) else f"<{url.replace('<', '%3C').replace('>', '%3E')}>"
    return f"{before}[{core}]({target}){after}"


def _formatted(runs: Sequence[Run], start: int, end: int, line: Line) -> str:
    """Write the runs of one link, or between links; equal formats are joined."""
    out: list[str] = []
    at = start
    while at < end:
        style = _style(runs[at], line)
        stop = at + 1
        while stop < end and _style(runs[stop], line) == style:
            stop += 1
        text = "".join([run.text for run in runs[at:stop]])
        if any(style) and not _touches(runs, at, stop, text, line):
            text = _marked(_escape(text, linked=_link_of(runs[at]) is not None), style)
        else:
            text = _escape(text, linked=_link_of(runs[at]) is not None)
        out.append(text)
        at = stop
    return _joined(out)


def _style(run: Run, line: Line) -> tuple[bool, bool, bool]:
    return run.strong and not line.heading, run.emphasis, run.code


def _touches(runs: Sequence[Run], start: int, stop: int, text: str, line: Line) -> bool:
    """Whether marks would stand inside a word, or against the marks of the run before."""
    before = runs[start - 1] if start else None
    after = runs[stop] if stop < len(runs) else None
    if before is not None and not (text[:1].isspace() or before.text[-1:].isspace()):
        inside = before.text[-1:].isalnum() and text[:1].isalnum()
        if inside or (any(_style(before, line)) and not before.note):
            return True
    return after is not None and after.text[:1].isalnum() and text[-1:].isalnum()


def _marked(text: str, style: tuple[bool, bool, bool]) -> str:
    core = text.strip()
    if not core:
        return text
    lead, trail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    strong, emphasis, code = style
    if code and "`" not in core:
        core = f"`{core}`"
    if emphasis and "_" not in core:
        core = f"_{core}_"
    if strong and "*" not in core:
        core = f"**{core}**"
    return f"{lead}{core}{trail}"


def _escape(text: str, *, linked: bool) -> str:
    if "[" not in text and "]" not in text and "<" not in text:
        return text
    kept = text.split(LINK_REMOVED)
    return LINK_REMOVED.join([_escape_part(part, linked=linked) for part in kept])


def _escape_part(text: str, *, linked: bool) -> str:
    if linked:
        text = _BRACKET.sub(r"\\\g<0>", text)
    return _ACTIVE.sub(r"\\\g<0>", text)
