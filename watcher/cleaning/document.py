"""A body between parsing and output: lines of text runs, and the same runs in HTML order.

Both outputs are written from the same runs: what is cut or redacted here is gone from the text and from
the HTML. These values are the working state of one cleaning and never leave the room. There are thousands of
them in a mail, so they are plain classes, which a compiled build makes without the interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watcher.cleaning.links import Verdict
    from watcher.record import LinkAction, Tracker

LINK_REMOVED = "[link removed]"
"""What stands where a link was; the archive page's own words."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Why something goes: what it is (footer, preheader, unsubscribe, ...) and the rule that says so."""

    what: str
    rule: str


class Anchor:
    """A link of the body with its verdict, and the runs that are its text."""

    __slots__ = ("action", "has_image", "host", "role", "rule", "runs", "target", "url")

    def __init__(self, verdict: Verdict, target: str) -> None:
        self.action: LinkAction = verdict.action
        self.url: str | None = verdict.url
        self.host = verdict.host
        self.role = verdict.role
        self.rule = verdict.rule
        self.target = target  # what it says about its line: unsubscribe, browser, social, ... or nothing
        self.runs: list[Run] = []
        self.has_image = False


class Run:
    """A stretch of text in one format on one line."""

    __slots__ = ("anchor", "code", "emphasis", "image", "line", "note", "strong", "text")

    def __init__(
        self,
        text: str,
        line: Line,
        *,
        strong: bool = False,
        emphasis: bool = False,
        code: bool = False,
        image: bool = False,
        note: bool = False,
        anchor: Anchor | None = None,
    ) -> None:
        self.text = text
        self.line = line
        self.strong = strong
        self.emphasis = emphasis
        self.code = code
        self.image = image  # the alternative text of an image
        self.note = note  # `[link removed]`, put there by us
        self.anchor = anchor


class Line:
    """What a reader sees as one line, before wrapping."""

    __slots__ = (
        "cells", "cut", "gap", "header", "heading", "hidden", "indent", "marker", "node", "preformatted",
        "quote", "row", "runs", "soft", "text", "urls",
    )  # fmt: skip

    def __init__(self, *, gap: bool = False) -> None:
        self.gap = gap  # a blank line stands before it
        self.heading = 0
        self.quote = 0
        self.indent = 0  # depth of list nesting, 0 outside lists
        self.marker = ""  # "- " or "3. " on an item's first line
        self.preformatted = False
        self.row = 0  # number of the data table it is a row of, 0 outside
        self.cells: list[int] = []  # in a row: the runs at which each further cell begins
        self.header = False  # the row is the table's head
        self.runs: list[Run] = []
        self.text = ""  # the visible text, set by `settle`
        self.urls: list[Anchor] = []  # URLs that stand in its text as words
        self.node: Cut | None = None  # a node around it is known as boilerplate
        self.soft = False  # ... in which long prose is kept
        self.hidden: Cut | None = None  # a node around it is not displayed
        self.cut: Cut | None = None  # the decision

    def settle(self) -> str:
        """Join the runs to the visible text, without our own notes, and remember it."""
        self.text = "".join([run.text for run in self.runs if not run.note]).strip()
        return self.text


class Opening:
    """A start tag in the order of the HTML; `html` is complete and safe."""

    __slots__ = ("html", "tag")

    def __init__(self, tag: str, html: str) -> None:
        self.tag = tag
        self.html = html


class Closing:
    """An end tag."""

    __slots__ = ("tag",)

    def __init__(self, tag: str) -> None:
        self.tag = tag


class Break:
    """A line break or rule that goes with the line before it."""

    __slots__ = ("html", "line")

    def __init__(self, html: str, line: Line | None) -> None:
        self.html = html
        self.line = line


Event = Opening | Closing | Break | Run


class Document:
    """One body, parsed."""

    __slots__ = ("anchors", "events", "images", "lines", "trackers", "warnings")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.events: list[Event] = []
        self.anchors: list[Anchor] = []
        self.trackers: list[Tracker] = []
        self.warnings: list[str] = []
        self.images = 0  # pictures that are no pixels
