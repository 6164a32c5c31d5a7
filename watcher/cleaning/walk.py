"""One walk over the parsed HTML: to lines of runs, and to safe tags in the order of the HTML.

The walk decides nothing about boilerplate: it notes which node rules and hiding styles lie around each
line. It is iterative, because a mail may nest deeper than Python recurses.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser

from watcher.cleaning import css
from watcher.cleaning.characters import drop_control, drop_filler, drop_merge_tags, is_address, is_ordinary
from watcher.cleaning.document import Anchor, Closing, Cut, Document, Line, Opening
from watcher.cleaning.elements import CLOSINGS, KINDS, UNKNOWN, Kind, Role
from watcher.cleaning.lines import Around, Lines
from watcher.cleaning.pictures import alternative, is_pixel, is_sign, picture_trackers, srcset_hosts
from watcher.cleaning.tables import is_data_table
from watcher.record import Tracker

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from watcher.cleaning.anchors import Links
    from watcher.cleaning.attributes import Attributes, Meaning, Meanings

_HIDDEN = Cut("hidden", "style")
_EMPHASIS = Opening("em", "<em>")
_MAX_START = 5  # digits of an ordered list's first number


# An open element, and what to restore when it ends: what was around it, its end tag, and the line that waits
# while a hidden inline element is read. A bare tuple, for there is one for each element of the mail.
_Frame = tuple[Kind, Around, "Closing | None", "Line | None"]


def read_html(source: str, links: Links, meanings: Meanings) -> Document:
    """Parse HTML that passed the pre-scan, and walk it once."""
    walk = _Walk(links, meanings)
    root = LexborHTMLParser(source).root
    if root is not None:
        walk.run(root)
    walk.document.anchors = links.anchors
    return walk.document


class _Walk:
    def __init__(self, links: Links, meanings: Meanings) -> None:
        self.document = Document()
        self._links, self._meanings = links, meanings
        self._events = self.document.events
        self._lines = Lines(self.document)
        self._frames: list[_Frame] = []
        self._tables = 0

    def run(self, root: LexborNode) -> None:
        """Visit every node below the root, in document order."""
        node: LexborNode | None = root
        parents: list[LexborNode] = []
        while node is not None:
            tag = node.tag or "-"
            child = None
            if tag == "-text":
                text = node.text_content or ""
                if text.isspace():
                    self._lines.space(text)
                else:
                    self._text(text)
            elif tag[0] != "-" and self._enter(node, tag):
                child = node.first_child
                if child is None:
                    self._leave()
                else:
                    parents.append(node)
            following = child or (node.next if parents else None)
            while following is None and parents:
                node = parents.pop()
                self._leave()
                following = node.next if parents else None
            node = following
        self._lines.end()

    def _text(self, text: str) -> None:
        lines = self._lines
        if is_ordinary(text) and (lines.around.anchor is None or not is_address(text)):
            lines.text(text)
            return
        text, fillers = drop_filler(drop_control(text))
        if fillers:
            self.document.trackers.append(Tracker("filler", "", "zero-width"))
        text, _ = drop_merge_tags(text)
        anchored = lines.around.anchor is not None
        if anchored:
            bare = text.strip()
            text = text.replace(bare, self._links.bare(bare)) if bare else text
        text, urls = self._links.in_text(text, register=not anchored)
        if text:
            lines.text(text, urls=urls)

    # --- elements ----------------------------------------------------------------------------

    def _enter(self, node: LexborNode, tag: str) -> bool:
        """Open an element; False when nothing below it is read."""
        kind = KINDS.get(tag, UNKNOWN)
        if kind.acts:
            if kind.role is Role.UNSEEN:
                self._unseen(node, tag)
                return False
            if kind.role is Role.VOID:
                self._void(tag, node.attributes)
                return False
        attributes = node.attributes
        lines = self._lines
        around, aside = lines.around, None
        if kind.block:
            lines.end(gap=kind.gap and not (kind.role is Role.LIST and lines.numbers))
        opening = kind.bare
        if attributes:
            meaning = self._meanings.of(kind, attributes)
            opening = meaning.opening
            if meaning.noted:
                aside = self._note(kind, meaning)
        if kind.acts and (around.table or not kind.tabular):
            opening = self._act(node, kind, attributes, opening)
        closing = None
        if opening is not None:
            self._events.append(opening)
            closing = CLOSINGS[opening.tag]
        self._frames.append((kind, around, closing, aside))
        return True

    def _note(self, kind: Kind, meaning: Meaning) -> Line | None:
        """Remember that a node rule or a hiding style begins here; gives the line that it interrupts."""
        lines, around = self._lines, self._lines.around
        self.document.trackers.extend(meaning.trackers)
        node = around.node or meaning.node
        hides = meaning.hidden or (meaning.hidden_in_outlook and not lines.begun)
        hidden = around.hidden or (_HIDDEN if hides else None)
        if node is around.node and hidden is around.hidden:
            return None
        aside = None if kind.block else lines.set_aside()
        lines.around = around.copy()
        lines.around.node, lines.around.hidden = node, hidden
        return aside

    def _act(
        self, node: LexborNode, kind: Kind, attributes: Attributes, opening: Opening | None
    ) -> Opening | None:
        """Do what only this kind of element wants; gives the start tag."""
        lines, around, role = self._lines, self._lines.around, kind.role
        if role is Role.ANCHOR:
            return self._anchor(attributes, opening)
        if role is Role.FORMAT:
            lines.around = _formatted(around, kind)
        elif role is Role.QUOTE:
            lines.around = around.copy()
            lines.around.quote += 1
        elif role is Role.ITEM:
            lines.item()
        elif role is Role.LIST:
            lines.numbers.append(_first_number(attributes) if kind.tag == "ol" else -1)
        elif not around.row:
            self._begin_table_part(node, role, attributes)
        elif role is Role.CELL:
            lines.cell(header=kind.tag == "th")
        return opening

    def _begin_table_part(self, node: LexborNode, role: Role, attributes: Attributes) -> None:
        lines, around = self._lines, self._lines.around
        if role is Role.TABLE:
            data = is_data_table(node, attributes)
            self._tables += data
            if data or around.table:
                lines.around = around.copy()
                lines.around.table = self._tables if data else 0
        elif role is Role.ROW:
            lines.around = around.copy()
            lines.around.row = True

    def _anchor(self, attributes: Attributes, opening: Opening | None) -> Opening | None:
        around = self._lines.around
        anchor = None if around.anchor else self._links.anchor(attributes.get("href") or "")
        if anchor is None:
            return opening
        self._lines.around = around.copy()
        self._lines.around.anchor = anchor
        if anchor.url is None:
            return opening
        rest = opening.html[len("<span") : -1] if opening is not None else ""
        return Opening("a", f'<a href="{escape(anchor.url)}" rel="noopener noreferrer nofollow"{rest}>')

    def _leave(self) -> None:
        kind, around, closing, aside = self._frames.pop()
        lines = self._lines
        inside = lines.around
        if inside.anchor is not around.anchor and inside.anchor is not None:
            self._end_anchor(inside.anchor)
        if inside.row and not around.row:
            lines.end_row()
        elif kind.block:
            lines.end(gap=kind.gap and not (kind.role is Role.LIST and len(lines.numbers) > 1))
        if kind.role is Role.LIST:
            lines.numbers.pop()
        if closing is not None:
            self._events.append(closing)
        if aside is not None:
            lines.take_up(aside)
        elif inside is not around and (inside.hidden is not around.hidden or inside.node is not around.node):
            lines.end()
        lines.around = around

    def _end_anchor(self, anchor: Anchor) -> None:
        """Write what stands for a removed link, or for one that holds a picture and no word."""
        worded = any(run.text.strip() for run in anchor.runs)
        if anchor.url is None:
            if worded or anchor.has_image:
                self._lines.removed(anchor)
        elif anchor.has_image and not worded:
            self._lines.lone_picture(anchor)

    # --- elements without content ---------------------------------------------------------------

    def _void(self, tag: str, attributes: Attributes) -> None:
        if tag == "br":
            self._lines.line_break("<br>")
        elif tag == "hr":
            self._lines.line_break("<hr>")
        elif tag in {"img", "image"} or (tag == "input" and "src" in attributes):
            self._picture(attributes)
        elif tag == "source":
            self.document.trackers.extend(
                Tracker("srcset", host, "srcset") for host in srcset_hosts(attributes)
            )
        elif tag == "area":
            self._area(attributes)

    def _picture(self, attributes: Attributes) -> None:
        """Leave the alternative text where a picture stood."""
        lines = self._lines
        seen = not is_pixel(attributes)
        self.document.trackers.extend(picture_trackers(attributes, seen=seen))
        if not seen:
            return
        self.document.images += 1
        anchor = lines.around.anchor
        text = alternative(attributes)
        if anchor is not None:
            anchor.has_image = True
            if text and not anchor.target and self._meanings.rules.names_network(text):
                anchor.target = "social"
        if not text or (anchor is not None and anchor.target):
            return
        text, _ = drop_filler(drop_control(text))
        text, _ = drop_merge_tags(self._links.in_text(text, register=False)[0])
        if is_sign(text):
            lines.text(text, image=True)
        else:
            self._standing_for(text)

    def _standing_for(self, text: str) -> None:
        """Write what stands for a picture as an emphasised line of its own."""
        lines, around = self._lines, self._lines.around
        lines.stand_alone()
        lines.around = around.copy()
        lines.around.emphasis = True
        self._events.append(_EMPHASIS)
        lines.text(text, image=True)
        self._events.append(CLOSINGS["em"])
        lines.around = around
        lines.stand_alone()

    def _area(self, attributes: Attributes) -> None:
        """Write a link that lies on a region of a picture as one of its own."""
        lines, around = self._lines, self._lines.around
        anchor = self._links.anchor(attributes.get("href") or "")
        if anchor is None:
            return
        anchor.has_image = True
        lines.around = around.copy()
        lines.around.anchor = anchor
        text = alternative(attributes)
        if text:
            self._standing_for(text)
        self._end_anchor(anchor)
        lines.stand_alone()
        lines.around = around

    def _unseen(self, node: LexborNode, tag: str) -> None:
        """Count what an element without visible content would have loaded."""
        trackers = self.document.trackers
        if tag == "head":
            for child in node.iter():
                if (name := child.tag or "") in {"link", "style"}:
                    self._unseen(child, name)
        elif tag == "style":
            trackers.extend(Tracker(kind, host, "style") for kind, host in css.sheet_references(node.text()))
        elif tag != "meta":
            attributes = node.attributes
            for name in ("href", "src", "data"):
                host = css.host_of(attributes.get(name) or "") if name in attributes else ""
                if host:
                    trackers.append(Tracker(tag, host, f"{tag} {name}"))


def _formatted(around: Around, kind: Kind) -> Around:
    """What is around the text inside an element that changes how text looks."""
    inside = around.copy()
    if kind.heading:
        inside.heading = kind.heading
    elif kind.format == "strong":
        inside.strong = True
    elif kind.format == "emphasis":
        inside.emphasis = True
    elif kind.format == "code":
        inside.code = True
    else:
        inside.pre = True
    return inside


def _first_number(attributes: Attributes) -> int:
    start = (attributes.get("start") or "1").strip()
    return int(start) if start.isdecimal() and start.isascii() and len(start) <= _MAX_START else 1
