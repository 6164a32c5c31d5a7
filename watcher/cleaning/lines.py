"""Builds lines out of the texts that a walk meets, the way a browser lays them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watcher.cleaning.document import LINK_REMOVED, Anchor, Break, Closing, Cut, Document, Line, Run
from watcher.cleaning.elements import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.cleaning.rules import NodeRule


_MAX_LINES = 20_000  # preformatted text is parted into this many; an endless rest stays one
_NOTE = re.compile(r"( ?\(" + re.escape(LINK_REMOVED) + r"\)|" + re.escape(LINK_REMOVED) + ")")


class Around:
    """What the open elements say about the text between them; a change is made to a copy."""

    __slots__ = (
        "anchor", "code", "emphasis", "heading", "hidden", "node", "pre", "quote", "row", "strong", "table",
    )  # fmt: skip

    def __init__(self) -> None:
        self.strong = False
        self.emphasis = False
        self.code = False
        self.pre = False
        self.heading = 0
        self.quote = 0
        self.table = 0  # number of the data table, 0 outside
        self.row = False  # inside one of its rows: nothing ends the line
        self.anchor: Anchor | None = None
        self.node: NodeRule | None = None
        self.hidden: Cut | None = None

    def copy(self) -> Around:
        """The same, to be changed."""
        other = Around()
        other.strong = self.strong
        other.emphasis = self.emphasis
        other.code = self.code
        other.pre = self.pre
        other.heading = self.heading
        other.quote = self.quote
        other.table = self.table
        other.row = self.row
        other.anchor = self.anchor
        other.node = self.node
        other.hidden = self.hidden
        return other


class Lines:
    """The line that is being written, and the document it goes to."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.around = Around()
        self._line: Line | None = None
        self._gap = False
        self._space = True  # the line ends with white space, or has not begun
        self.numbers: list[int] = []  # of the open lists: the next item's number, -1 where they have none
        self._marker = ""
        self.begun = False  # a line that is displayed has ended
        self._break_owed = False  # the line before ended where the HTML alone would not end it

    def space(self, text: str) -> None:
        """Add a text node of white space alone."""
        if self.around.pre and not self.around.row:
            self._preformatted(text)
        elif not self._space:
            self._add(" ")
            self._space = True

    def text(self, text: str, *, image: bool = False, urls: Sequence[Anchor] = ()) -> None:
        """Add a text node: white space collapses unless preformatted. `urls` are those it holds as words."""
        if self.around.pre and not self.around.row:
            self._preformatted(text)
            return
        core = " ".join(text.split())
        if not core:
            if text:
                self.space(text)
            return
        if text[0].isspace() and not self._space:
            core = f" {core}"
        self._space = text[-1].isspace()
        self._add(f"{core} " if self._space else core, image=image)
        if urls and self._line is not None:
            self._line.urls.extend(urls)

    def _preformatted(self, text: str) -> None:
        for number, part in enumerate(text.split("\n", max(0, _MAX_LINES - len(self._document.lines)))):
            if number:
                self.end()
                self._document.events.append(Break("\n", None))
            if part:
                self._add(part.rstrip())
                self._space = False

    def _add(self, text: str, *, image: bool = False, note: bool = False) -> None:
        if LINK_REMOVED in text and not note:
            for part in filter(None, _NOTE.split(text)):  # cleaned before: the notes are known again
                self._add(part, image=image, note=LINK_REMOVED in part)
            return
        around = self.around
        line = self._line or self._begin()
        run = Run(
            text,
            line,
            strong=around.strong,
            emphasis=around.emphasis,
            code=around.code,
            image=image,
            note=note,
            anchor=around.anchor,
        )
        line.runs.append(run)
        self._document.events.append(run)
        if around.anchor is not None:
            around.anchor.runs.append(run)

    def _begin(self) -> Line:
        around = self.around
        if self._break_owed:
            self._document.events.append(Break("<br>", None))
            self._break_owed = False
        line = Line(gap=self._gap)
        line.heading = around.heading
        line.quote = around.quote
        line.indent = len(self.numbers)
        line.marker = self._marker
        line.preformatted = around.pre
        line.row = around.table if around.row else 0
        if around.node is not None:
            line.node, line.soft = around.node.cut, around.node.soft
        line.hidden = around.hidden
        self._line, self._gap, self._marker = line, False, ""
        return line

    def end(self, *, gap: bool = False) -> None:
        """End the line, if one is open; in a table row a space is all that is left of it."""
        if self.around.row:
            if not self._space:
                self._add(" ")
                self._space = True
            return
        line, self._line, self._space = self._line, None, True
        self._break_owed = False
        if line is not None:
            while line.runs and line.runs[-1].text.isspace():
                line.runs.pop().text = ""
            if line.runs:
                line.runs[-1].text = line.runs[-1].text.rstrip()
                self._document.lines.append(line)
                self.begun = self.begun or line.hidden is None
            else:
                self._gap, self._marker = self._gap or line.gap, self._marker or line.marker
        self._gap = self._gap or gap

    def stand_alone(self) -> None:
        """End the line before, or after, what stands alone in the text and would not in the HTML."""
        owed = self._line is not None or self._break_owed
        self.end()
        self._break_owed = owed and not self.around.row

    def cell(self, *, header: bool) -> None:
        """Begin a further cell of a table row."""
        line = self._line or self._begin()
        line.cells.append(len(line.runs))
        line.header = line.header or header
        self._space = True

    def end_row(self) -> None:
        """End a table row, whose cells may all be empty."""
        self.around = self.around.copy()
        self.around.row = False
        self.end()

    def line_break(self, html: str) -> None:
        """`<br>` or `<hr>`; a `<br>` where no line is open leaves an empty one."""
        line = self._line
        empty = line is None and not self._break_owed
        self.end(gap=empty or html == "<hr>")
        self._document.events.append(Break(html, line))

    def item(self) -> None:
        """Begin a list item: its marker stands on the first line that follows."""
        number = self.numbers[-1] if self.numbers else -1
        if number >= 0:
            self.numbers[-1] += 1
        self._marker = "- " if number < 0 else f"{number}. "

    def set_aside(self) -> Line | None:
        """Interrupt the line for an inline element that is not displayed; give the result to `take_up`."""
        line, self._line, self._space = self._line, None, True
        return line

    def take_up(self, line: Line) -> None:
        """Go on with the line that was set aside."""
        self.end()
        self._line = line
        self._space = line.runs[-1].text.endswith(" ") if line.runs else True

    def removed(self, anchor: Anchor) -> None:
        """Write what stands for a removed link, at its end: behind its text, or alone for a picture."""
        seen = [run for run in anchor.runs if run.text.strip()]
        if not seen:
            self._alone(LINK_REMOVED)
            return
        last = seen[-1].line
        if last is self._line:
            self._add(f"{'' if self._space else ' '}({LINK_REMOVED})", note=True)
            self._space = False
            return
        # The anchor held blocks: its last line is closed, and the note belongs there.
        run = Run(f" ({LINK_REMOVED})", last, note=True, anchor=anchor)
        last.runs.append(run)
        events = self._document.events
        place = next(number for number in range(len(events) - 1, -1, -1) if events[number] is seen[-1]) + 1
        while place < len(events) and isinstance(end := events[place], Closing) and end.tag not in BLOCKS:
            place += 1
        events.insert(place, run)

    def lone_picture(self, anchor: Anchor) -> None:
        """Write the URL of a link that holds a picture and no word."""
        self._alone(anchor.url or LINK_REMOVED)

    def _alone(self, note: str) -> None:
        self.stand_alone()
        self._add(note, note=True)
        self.stand_alone()
