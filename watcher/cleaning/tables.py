"""Tells a table of data from the tables that mail is laid out with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from selectolax.lexbor import LexborNode

_GROUPS = frozenset({"tbody", "thead", "tfoot"})
# What a cell of data may hold.
_INLINE = frozenset(
    {
        "-text", "-comment", "a", "abbr", "b", "br", "code", "em", "font", "i", "p", "small", "span",
        "strong", "sub", "sup", "u",
    }
)  # fmt: skip
_MAX_CELL = 80  # characters
_MAX_COLUMNS = 12
_MIN_ROWS = 2


def is_data_table(table: LexborNode, attributes: Mapping[str, str | None]) -> bool:
    """Whether rows and columns mean something.

    Every row has the same two to twelve cells, each short and without pictures or blocks; there are three
    rows, or two with a `<th>`. What is marked as presentation, or is one row or column, is layout.
    """
    if (attributes.get("role") or "").lower() in {"presentation", "none"}:
        return False
    columns = rows = 0
    heads = False
    for row in _rows(table):
        if row is None:
            return False
        cells = 0
        for cell in row.iter():
            if cell.tag not in {"td", "th"} or not _is_short(cell):
                return False
            heads = heads or cell.tag == "th"
            cells += 1
        rows += 1
        columns = columns or cells
        if cells != columns or not 1 < cells <= _MAX_COLUMNS:
            return False
    return rows > _MIN_ROWS or (heads and rows == _MIN_ROWS)


def _rows(table: LexborNode) -> list[LexborNode | None]:
    """The rows; None stands for a child that is no row."""
    found: list[LexborNode | None] = []
    for child in table.iter():
        if child.tag == "tr":
            found.append(child)
        elif child.tag in _GROUPS:
            found.extend(row if row.tag == "tr" else None for row in child.iter())
        elif child.tag not in {"caption", "colgroup"}:
            found.append(None)
        if found and found[-1] is None:
            break
    return found


def _is_short(cell: LexborNode) -> bool:
    length = 0
    for node in cell.traverse(include_text=True):
        tag = node.tag
        if tag == "-text":
            length += len((node.text_content or "").strip())
        elif tag not in _INLINE and node.mem_id != cell.mem_id:
            return False
        if length > _MAX_CELL:
            return False
    return True
