"""What is left of an element's attributes and styles: what is drawn, and no address of the web.

A reference may name the reader in more ways than anybody can list, and a picture needs none: nothing is
loaded, and no link is followed. So the document has none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

# From the HTML standard, section 15 (rendering), and what the style sheets of mails choose by.
_DRAWN: Final = frozenset(
    """
    align alink alt background bgcolor border bordercolor bottommargin cellpadding cellspacing checked class
    clear color cols colspan compact dir disabled face frame height hidden high hspace id lang leftmargin link
    low marginheight marginwidth max media min multiple noshade nowrap open optimum reversed rightmargin role
    rows rowspan rules selected size span start text topmargin type valign vlink vspace width wrap
    """.split()  # noqa: SIM905  # a line for each would be two screens
)
_TEXTS: Final = frozenset({"alt", "placeholder", "label"})  # an address in them was judged as one in the text
_REFERENCES: Final = frozenset(
    {
        "href",
        "xlink:href",
        "src",
        "srcset",
        "lowsrc",
        "dynsrc",
        "imagesrcset",
        "ping",
        "longdesc",
        "loading",
        "autofocus",
    }
)
_WITH_VALUE: Final = frozenset({"input", "li", "meter", "progress"})
_UNSEEN_VALUES: Final = frozenset({"hidden", "checkbox", "radio", "file"})  # types of <input>
_ELSEWHERE: Final = "https://link.invalid/"  # which nobody ever followed (RFC 2606, section 2)
_CONTACT = re.compile(r"\s*(mailto|tel|sms):", re.IGNORECASE)
_ADDRESS = re.compile(r"//|\bwww\.", re.IGNORECASE)

# The tokens of a style that may hold an address: https://www.w3.org/TR/css-syntax-3/#tokenization
_TOKEN = re.compile(
    r"/\*.*?(?:\*/|\Z)"
    r"|url\(\s*+(?:\"(?P<a>[^\"]*+)\"|'(?P<b>[^']*+)'|(?P<c>[^(\"')]*+))\s*+\)"
    r"|(?P<string>\"[^\"\n]*+\"|'[^'\n]*+')"
    r"|(?:[a-z][a-z0-9+.-]{1,20}:)?//[^\s\"'();]++",
    re.IGNORECASE | re.DOTALL,
)
_AT_HAND = re.compile(r"\s*(?:data:image/(?:png|jpe?g|gif|webp|bmp)[;,]|part-[0-9]+\s*$|#)", re.IGNORECASE)


def keep_drawn(node: LexborNode, *, in_drawing: bool) -> None:
    """Delete the attributes that nothing is drawn by, and have a link lead nowhere.

    `src` of an `<img>`, `style` and `background` are the caller's affair. `in_drawing`: inside an `<svg>` or
    `<math>`, whose shapes have hundreds of attributes; there only what refers or acts goes.
    """
    for name, value in node.attributes.items():
        if name == "href" and node.tag in {"a", "area"}:
            node.attrs["href"] = _nowhere(value or "")
        elif not (_is_shape if in_drawing else _is_drawn)(node, name, value or ""):
            del node.attrs[name]


def _is_drawn(node: LexborNode, name: str, value: str) -> bool:
    if name == "src":
        return node.tag == "img"
    if name == "value":
        kind = (node.attributes.get("type") or "").lower()
        return node.tag in _WITH_VALUE and kind not in _UNSEEN_VALUES
    if name in _TEXTS or name in {"style", "background"}:
        return True
    return name in _DRAWN and _ADDRESS.search(value) is None


def _is_shape(node: LexborNode, name: str, value: str) -> bool:
    if name == "src":
        return node.tag == "img"
    if name in {"href", "xlink:href"}:
        return value.startswith("#")
    if name in _REFERENCES or name.startswith(("on", "data-", "aria-")):
        return False
    return name == "style" or name.startswith("xmlns") or _ADDRESS.search(value) is None


def _nowhere(href: str) -> str:
    """Return what style sheets tell links by, their scheme, and nothing else of a link."""
    contact = _CONTACT.match(href)
    return f"{contact[1].lower()}:" if contact is not None else _ELSEWHERE


def without_addresses(css: str) -> str:
    """Return a style that loads nothing but what the mail brings along, and names nothing of the web."""
    return _TOKEN.sub(_emptied, css) if "url(" in css.lower() or "/" in css else css


def _emptied(token: re.Match[str]) -> str:
    reference = next((token[group] for group in "abc" if token[group] is not None), None)
    if reference is not None:
        return token[0] if _AT_HAND.match(reference) else "url()"
    if string := token["string"]:
        return '""' if _ADDRESS.search(string) and not _AT_HAND.match(string[1:-1]) else string
    return " "
