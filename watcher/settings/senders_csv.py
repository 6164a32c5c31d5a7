"""Senders from a spreadsheet: rows of a CSV file as entries for senders.yaml.

The columns have the names of the settings; in those of `match` a cell may hold several values, separated by
`;` or `|`. What a value must look like is not known here: the entries are checked as part of the file that
they go into, and a problem there is told at the cell that it came from (`Entry.place`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from watcher.settings import csv_table
from watcher.settings.fields import slugified
from watcher.settings.problems import Place, Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from watcher.settings.csv_table import Cell

FACTS = ("name", "slug", "kind", "party", "country", "locality", "office", "website", "source")
MATCHES = {
    "list_id": "list_ids",
    "alias": "aliases",
    "account": "accounts",
    "address": "addresses",
    "domain": "domains",
}
"""Column -> key below `match`; the plural is understood as well."""

COLUMNS = (*FACTS, *MATCHES)

_ELSEWHERE = {
    "state": "locality",
    "region": "locality",
    "title": "name",
    "organisation": "name",
    "organization": "name",
    "sender": "name",
    "url": "website",
    "homepage": "website",
    "type": "kind",
    "email": "address",
    "from": "address",
    "nation": "country",
}
"""What other tables call our columns."""

_SEPARATOR = re.compile(r"[;|]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as an entry of senders.yaml, and where each of its values stands in the CSV file."""

    slug: str
    values: Mapping[str, Any]  # in the order and by the keys of senders.yaml
    place: Place  # of the row
    places: Mapping[str, Place]  # by key, those of `match` without it: `name`, `list_ids`

    def at(self, key: str) -> Place:
        """Where the value of a dotted key below the entry stands: `website`, `match.list_ids.0`."""
        return next((self.places[part] for part in key.split(".") if part in self.places), self.place)


def read_senders(path: Path) -> list[Entry]:
    """Read the rows of a CSV file. Raises `SettingsError` with every problem of its columns and rows."""
    header, *rows = csv_table.read(path)
    columns, problems = _columns(path, header)
    entries = []
    for row in rows:
        problems += _shape(path, row, len(columns))
        cells = {key: cell for key, cell in zip(columns, row, strict=False) if cell.text}
        if "name" in cells:
            entries.append(_entry(cells, row[0].place))
        elif "name" in columns:
            problems.append(Problem(path, "this row has no name", row[0].place))
    if problems:
        raise SettingsError(problems)
    return entries


def _columns(path: Path, header: list[Cell]) -> tuple[list[str], list[Problem]]:
    columns: list[str] = []
    problems = []
    for cell in header:
        name = re.sub(r"[\s-]+", "_", cell.text.lower())
        name = next((column for column, key in MATCHES.items() if key == name), name)
        if name not in COLUMNS:
            problems.append(Problem(path, _unknown(cell.text, name), cell.place))
        elif name in columns:
            problems.append(Problem(path, f"the column `{name}` stands here twice: delete one", cell.place))
        columns.append(name)
    if "name" not in columns and not problems:
        message = f"there is no column `name`; the columns are: {', '.join(COLUMNS)}"
        problems.append(Problem(path, message, header[0].place))
    return columns, problems


def _unknown(written: str, name: str) -> str:
    if not name:
        return "this column has no name: write one, or delete the column"
    meant = _ELSEWHERE.get(name) or next(iter(get_close_matches(name, COLUMNS, n=1, cutoff=0.6)), "")
    hint = f"did you mean `{meant}`?" if meant else f"allowed are: {', '.join(COLUMNS)}"
    return f"unknown column `{written[:40]}` ({hint})"


def _shape(path: Path, row: list[Cell], columns: int) -> Iterator[Problem]:
    for cell in row[columns:]:
        if cell.text:
            message = "there is no column for this value; a value that holds the delimiter needs quotes"
            yield Problem(path, message, cell.place)
            return


def _entry(cells: Mapping[str, Cell], place: Place) -> Entry:
    name = cells["name"].text
    slug = cells["slug"].text if "slug" in cells else slugified(name)
    values: dict[str, Any] = {"name": name, **({"slug": slug} if slug else {})}
    values |= {key: cells[key].text for key in FACTS[2:] if key in cells}
    match = {key: _split(cells[column].text) for column, key in MATCHES.items() if column in cells}
    if match:
        values["match"] = match
    places = {MATCHES.get(column, column): cell.place for column, cell in cells.items()}
    return Entry(slug, values, place, {"slug": cells["name"].place, **places})


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(part for each in _SEPARATOR.split(text) if (part := each.strip())))
