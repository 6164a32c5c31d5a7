"""What each HTML element is to a cleaner: seen or not, block or inline, allowed in the safe HTML or not."""

# ruff: noqa: SIM905 - names in the order of the alphabet read best as one text
from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from watcher.cleaning.document import Closing, Opening


class Role(Enum):
    """What the walk must do at an element beside opening and closing it."""

    NONE = 0
    UNSEEN = 1  # its content is no text and leaves no trace in the safe HTML
    VOID = 2  # it has no content
    ANCHOR = 3
    TABLE = 4
    ROW = 5
    CELL = 6
    LIST = 7
    ITEM = 8
    FORMAT = 9  # the text inside looks different
    QUOTE = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """One element name."""

    tag: str
    role: Role = Role.NONE
    block: bool = False  # begins and ends a line
    gap: bool = False  # a blank line stands around it
    name: str = ""  # of the element that stands for it in the safe HTML; empty when its content alone stays
    acts: bool = False  # there is more to do than to open and close it
    tabular: bool = False  # ... but only in a table of data
    bare: Opening | None = None  # its start tag without attributes; None where that would say nothing
    format: str = ""  # how the text inside looks: strong, emphasis, code, pre
    heading: int = 0  # ... or its level as a heading


_UNSEEN = frozenset(
    """
    applet base basefont bgsound datalist embed frame frameset head iframe link meta noembed noframes
    param script style svg template title track
    """.split()
)
_VOID = frozenset("area br col hr image img input keygen source wbr".split())
BLOCKS = frozenset(
    """
    address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset
    figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup legend li listing main menu nav ol
    optgroup option p plaintext pre search section select summary table tbody td textarea tfoot th thead
    tr ul xmp
    """.split()
)
GAPS = frozenset("blockquote dl figure h1 h2 h3 h4 h5 h6 ol p pre table ul".split())
_LISTS = frozenset({"dir", "menu", "ol", "ul"})
_ALLOWED = frozenset(
    """
    abbr b bdi bdo big blockquote caption center cite code dd del dfn div dl dt em figcaption figure
    font h1 h2 h3 h4 h5 h6 i ins kbd li mark ol p pre q s samp small span strike strong sub sup table
    tbody td tfoot th thead tr tt u ul var
    """.split()
)
# Elements that do something, or that few know, and what they are shown as.
_SHOWN_AS = {
    **dict.fromkeys(
        "address article aside details dialog fieldset footer form header hgroup legend main".split(), "div"
    ),
    **dict.fromkeys("nav optgroup option search section select summary".split(), "div"),
    **dict.fromkeys(("listing", "plaintext", "textarea", "xmp"), "pre"),
    "a": "span",
    "button": "span",
    "dir": "ul",
    "menu": "ul",
}
# Without an attribute they say nothing.
_BARE = frozenset({"abbr", "bdi", "big", "font", "span"})
_FORMATS = {
    **dict.fromkeys(("b", "strong"), "strong"),
    **dict.fromkeys(("cite", "dfn", "em", "i", "var"), "emphasis"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "code"),
    **dict.fromkeys(("listing", "plaintext", "pre", "textarea", "xmp"), "pre"),
}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ROLES = {
    **dict.fromkeys(_UNSEEN, Role.UNSEEN),
    **dict.fromkeys(_VOID, Role.VOID),
    **dict.fromkeys((*_FORMATS, *_HEADINGS), Role.FORMAT),
    **dict.fromkeys(_LISTS, Role.LIST),
    "a": Role.ANCHOR,
    "table": Role.TABLE,
    "tr": Role.ROW,
    "td": Role.CELL,
    "th": Role.CELL,
    "li": Role.ITEM,
    "blockquote": Role.QUOTE,
}


def _kind(tag: str) -> Kind:
    name = _SHOWN_AS.get(tag, tag if tag in _ALLOWED else "")
    bare = Opening(name, f"<{name}>") if name and name not in _BARE else None
    role = _ROLES.get(tag, Role.NONE)
    return Kind(
        tag=tag,
        role=role,
        block=tag in BLOCKS,
        gap=tag in GAPS,
        name=name,
        acts=role is not Role.NONE,
        tabular=role in {Role.ROW, Role.CELL},
        bare=bare,
        format=_FORMATS.get(tag, ""),
        heading=_HEADINGS.get(tag, 0),
    )


KINDS = {tag: _kind(tag) for tag in sorted({*_ROLES, *BLOCKS, *_ALLOWED, *_SHOWN_AS})}
"""Every element that is treated in a way of its own."""

UNKNOWN = Kind("")
"""Any other element: inline, and only its content stays."""

CLOSINGS = {name: Closing(name) for name in sorted({kind.name for kind in KINDS.values()} | {"a"})}

_WORDS = re.compile(r"[A-Za-z-]{1,20}")
_LENGTH = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?(?:px|%)?")
_COUNT = re.compile(r"[0-9]{1,3}")
_COLOUR = re.compile(r"#?[A-Za-z0-9]{1,20}")
ATTRIBUTES = {
    **dict.fromkeys(("align", "valign", "dir", "lang"), _WORDS),
    **dict.fromkeys(("width", "height"), _LENGTH),
    **dict.fromkeys(("border", "cellpadding", "cellspacing", "colspan", "rowspan", "start", "value"), _COUNT),
    **dict.fromkeys(("bgcolor", "color"), _COLOUR),
    "face": re.compile(r"[A-Za-z0-9 ,'_-]{1,120}"),
    "size": re.compile(r"[+-]?[0-9]"),
    "role": re.compile(r"presentation|none"),
    "type": re.compile(r"[1aAiI]"),
}
"""The attributes of the safe HTML, with the values that each may have; `style` has a module of its own."""
