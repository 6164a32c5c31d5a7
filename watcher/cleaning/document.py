"""A body between parsing and output: lines of text runs, and the same runs in HTML order.

Both outputs are written from the same runs: what is cut or redacted here is gone from the text and from
the HTML. These values are the working state of one cleaning and never leave the room.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watcher.record import LinkAction, Tracker

LINK_REMOVED = "[link removed]"
"""What stands where a link was; the archive page's own words."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Why something goes: what it is (footer, preheader, unsubscribe, ...) and the rule that says so."""

    what: str
    rule: str


@dataclass(slots=True)
class Anchor:
    """A link of the body with its verdict, and the runs that are its text."""

    action: LinkAction
    url: str | None
    host: str
    role: str
    rule: str
    target: str = ""  # what the link target says about its line: unsubscribe, browser, social, ... or nothing
    runs: list[Run] = field(default_factory=list)
    has_image: bool = False


@dataclass(slots=True)
class Run:
    """A stretch of text in one format on one line."""

    text: str
    line: Line
    strong: bool = False
    emphasis: bool = False
    code: bool = False
    image: bool = False  # the alternative text of an image
    note: bool = False  # `[link removed]`, put there by us
    anchor: Anchor | None = None


@dataclass(slots=True)
class Line:
    """What a reader sees as one line, before wrapping."""

    gap: bool = False  # a blank line stands before it
    heading: int = 0
    quote: int = 0
    indent: int = 0  # depth of list nesting, 0 outside lists
    marker: str = ""  # "- " or "3. " on an item's first line
    preformatted: bool = False
    row: int = 0  # number of the data table it is a row of, 0 outside
    cells: list[int] = field(default_factory=list)  # in a row: the runs at which each further cell begins
    header: bool = False  # the row is the table's head
    runs: list[Run] = field(default_factory=list)
    text: str = ""  # the visible text, set by `settle`
    urls: list[Anchor] = field(default_factory=list)  # URLs that stand in its text as words
    node: Cut | None = None  # a node around it is known as boilerplate
    soft: bool = False  # ... in which long prose is kept
    hidden: Cut | None = None  # a node around it is not displayed
    cut: Cut | None = None  # the decision

    def settle(self) -> str:
        """Join the runs to the visible text, without our own notes, and remember it."""
        self.text = "".join([run.text for run in self.runs if not run.note]).strip()
        return self.text


@dataclass(frozen=True, slots=True)
class Opening:
    """A start tag in the order of the HTML; `html` is complete and safe."""

    tag: str
    html: str


@dataclass(frozen=True, slots=True)
class Closing:
    """An end tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class Break:
    """A line break or rule that goes with the line before it."""

    html: str
    line: Line | None


Event = Opening | Closing | Break | Run


@dataclass(slots=True)
class Document:
    """One body, parsed."""

    lines: list[Line] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    trackers: list[Tracker] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    images: int = 0  # pictures that are no pixels
