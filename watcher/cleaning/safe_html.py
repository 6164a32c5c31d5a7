"""Writes the safe HTML: our own tags around escaped text, and nothing that was cut.

An element that is left without content goes with it, so a cut footer leaves no empty table behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.cleaning.document import Break, Closing, Opening
from watcher.cleaning.elements import BLOCKS, GAPS

if TYPE_CHECKING:
    from watcher.cleaning.document import Document, Event

_CELLS = frozenset({"td", "th"})
# Between the parts of a table or list there is no place for a line break.
_PARTS = frozenset({"caption", "dd", "dt", "li", "tbody", "td", "tfoot", "th", "thead", "tr"})
_BLANK = frozenset({"<br>", "\n", " "})
_PARTING = _BLANK | {"<hr>"}


def write_html(document: Document) -> str:
    """Serialise what is left of a document."""
    writer = _Writer()
    for event in document.events:
        writer.write(event)
    out = writer.out
    while out and out[-1] in _BLANK:
        out.pop()
    return "".join(out)


class _Opened:
    """An open element: where in the output it begins, and what has happened in it."""

    __slots__ = ("cut", "filled", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.filled = False  # text of it was written
        self.cut = False  # ... was cut


class _Writer:
    def __init__(self) -> None:
        self.out: list[str] = []
        self._opened = [_Opened(0)]  # the document itself first
        self._cut = False  # the text before was cut

    def write(self, event: Event) -> None:
        """Add one event."""
        if isinstance(event, Opening):
            self._opened.append(_Opened(len(self.out)))
            self.out.append(event.html)
        elif isinstance(event, Closing):
            self._close(event.tag)
        elif isinstance(event, Break):
            self._break(event)
        elif not event.text:
            return
        elif event.line.cut is None:
            self.out.append(_escape(event.text))
            if not event.text.isspace():
                self._opened[-1].filled, self._cut = True, False
        else:
            self._opened[-1].cut = self._cut = True

    def _break(self, event: Break) -> None:
        if event.line is not None:
            if event.line.cut is None:
                self.out.append(event.html)
        elif not (self._cut and self._ends_blank()):  # of the empty lines around what was cut, one stays
            self.out.append(event.html)

    def _ends_blank(self) -> bool:
        """Whether an empty line would stand at the end of what is written."""
        out = self.out
        return not out or (out[-1] == "<br>" and (len(out) == 1 or out[-2][:1] == "<"))

    def _close(self, tag: str) -> None:
        opened, out = self._opened.pop(), self.out
        around = self._opened[-1]
        around.cut = around.cut or opened.cut
        if opened.filled:
            around.filled = True
        elif tag in _CELLS:
            del out[opened.start + 1 :]  # the row keeps its columns
        else:
            inside = out[opened.start + 1 :]
            del out[opened.start :]
            if tag not in BLOCKS:
                # What an inline element held of white space still parts its neighbours.
                out.extend([piece for piece in inside if piece in _PARTING])
            elif tag not in _PARTS and not opened.cut:
                self._part(blank=tag in GAPS or "<br>" in inside)
            return
        out.append(f"</{tag}>")

    def _part(self, *, blank: bool) -> None:
        """Leave what an empty block was: the end of the line before it; where it is high, an empty line."""
        if self.out and self.out[-1][:1] != "<":
            self.out.append("<br>")
        if blank and not self._ends_blank():
            self.out.append("<br>")


def _escape(text: str) -> str:
    if "&" in text or "<" in text or ">" in text:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text
