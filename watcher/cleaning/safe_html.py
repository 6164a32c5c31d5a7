"""Writes the safe HTML: our own tags around escaped text, and nothing that was cut.

An element that is left without content goes with it, so a cut footer leaves no empty table behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.cleaning.document import Break, Closing, Opening
from watcher.cleaning.elements import BLOCKS

if TYPE_CHECKING:
    from watcher.cleaning.document import Document, Event

_CELLS = frozenset({"td", "th"})
_BLANK = frozenset({"<br>", "\n", " "})


def write_html(document: Document) -> str:
    """Serialise what is left of a document."""
    writer = _Writer()
    for event in document.events:
        writer.write(event)
    out = writer.out
    while out and out[-1] in _BLANK:
        out.pop()
    return "".join(out)


class _Writer:
    def __init__(self) -> None:
        self.out: list[str] = []
        self._opened: list[int] = []  # where in `out` each open element begins
        self._filled = [False]  # whether it has content, the document itself first

    def write(self, event: Event) -> None:
        """Add one event."""
        if isinstance(event, Opening):
            self._opened.append(len(self.out))
            self._filled.append(False)
            self.out.append(event.html)
        elif isinstance(event, Closing):
            self._close(event.tag)
        elif isinstance(event, Break):
            if event.line is None or event.line.cut is None:
                self.out.append(event.html)
        elif event.text and event.line.cut is None:
            self.out.append(_escape(event.text))
            if not self._filled[-1]:
                self._filled[-1] = not event.text.isspace()

    def _close(self, tag: str) -> None:
        start, filled = self._opened.pop(), self._filled.pop()
        out = self.out
        block = tag in BLOCKS
        if filled:
            self._filled[-1] = True
            while block and out[-1] == "<br>":
                out.pop()
        elif tag in _CELLS:
            del out[start + 1 :]  # the row keeps its columns
        else:
            # What an inline element held of white space still parts its neighbours.
            out[start:] = () if block else [piece for piece in out[start + 1 :] if piece in _BLANK]
            return
        out.append(f"</{tag}>")


def _escape(text: str) -> str:
    if "&" in text or "<" in text or ">" in text:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text
