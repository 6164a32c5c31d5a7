"""Taking tracking parameters off a query, byte for byte.

The query is split at `&` and joined again: order, case, encoding and empty fields of what stays are
untouched. `parameters.csv` says which names go: everywhere, on some hosts only, or only beside the parameter
that they accompany (`with akid`). Rows with `keep` record decisions: campaign codes that all readers share,
and names that mean something else on most sites.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from watcher.cleaning.links.rules import host_expression, table

if TYPE_CHECKING:
    from watcher.cleaning.links.url import Url


_ESCAPED = re.compile(r"\A(?:amp;)+")


class _Parameters:
    def __init__(self) -> None:
        rows = [row for row in table("parameters.csv") if row["action"] != "keep"]
        everywhere = [row["parameter"] for row in rows if row["action"] == "strip" and not row["hosts"]]
        self.names = frozenset(name for name in everywhere if not name.endswith("*"))
        self.prefixes = tuple(name[:-1] for name in everywhere if name.endswith("*"))
        self.companions = {
            row["parameter"]: row["action"].removeprefix("with ")
            for row in rows
            if row["action"].startswith("with ")
        }
        places: dict[str, list[str]] = {}
        for row in rows:
            if row["hosts"]:
                places.setdefault(row["parameter"], []).extend(map(_place, row["hosts"].split()))
        self.bound = {name: re.compile("|".join(found)) for name, found in places.items()}


def _place(pattern: str) -> str:
    """Write an expression for `host` or `host/path`, subdomains included, on `Url.subject`."""
    host, slash, path = pattern.partition("/")
    return f"{host_expression('.' + host)}/{re.escape(path) if slash else ''}"


_PARAMETERS = _Parameters()


def stripped(url: Url) -> Url:
    """Give the URL without tracking parameters; the same object when it has none."""
    if url.query:
        fields = url.query.split("&")
        names = [_name(field) for field in fields]
        kept = [field for field, name in zip(fields, names, strict=True) if not _tracks(name, names, url)]
        if len(kept) != len(fields):
            url = url._replace(query="&".join(kept) or None)
    if url.fragment and "=" in url.fragment:
        names = [_name(part) for part in url.fragment.split("&")]
        if all(_tracks(name, names, url) for name in names):
            url = url._replace(fragment=None)
    return url


def _name(field: str) -> str:
    name = field.partition("=")[0]
    if "%" in name:
        name = unquote(name)
    name = name.lower()
    if name.startswith("amp;"):  # `&amp;` of a text part that was escaped once too often, or more
        name = _ESCAPED.sub("", name)
    return name


def _tracks(name: str, names: list[str], url: Url) -> bool:
    if name in _PARAMETERS.names or name.startswith(_PARAMETERS.prefixes):
        return True
    leader = _PARAMETERS.companions.get(name)
    if leader is not None and leader in names:
        return True
    bound = _PARAMETERS.bound.get(name)
    return bound is not None and bound.match(url.subject) is not None
