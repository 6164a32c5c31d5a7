"""What a list is asked for in its address: words to search, values to narrow by, where the page begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from watcher.web.plugin.search import fts_query

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

ANY: Final = "any"  # `kind=any` shows what is no newsletter, too

_BY_SENDER: Final = "n.sender IN (SELECT slug FROM senders WHERE {column} = :{column})"

# What a list can be narrowed by: the parameter in the address, and the condition that it stands for.
CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sender": "n.sender = :sender",
        "address": "n.from_address = :address",
        "domain": "n.from_domain = :domain",
        "platform": "n.platform = :platform",
        "provider": (
            "n.id IN (SELECT newsletter_id FROM newsletter_providers WHERE provider = :provider"
            " AND layer IN ('platform', 'delivery') AND status NOT IN ('contradicted', 'unknown'))"
        ),
        "month": "n.month = :month",
        "language": "n.language = :language",
        "kind": "n.kind = :kind",
        "inbox": "n.inbox = :inbox",
        "party": _BY_SENDER.format(column="party"),
        "country": _BY_SENDER.format(column="country"),
        "locality": _BY_SENDER.format(column="locality"),
        "office": _BY_SENDER.format(column="office"),
    }
)
_MATCHES: Final = "n.id IN (SELECT rowid FROM newsletters_fts WHERE newsletters_fts MATCH :q)"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the archive."""

    words: str = ""
    narrowed: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, int] | None = None  # received_at and id of the last newsletter of the page before

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Ask:
        """Read the address' parameters; what is not known is ignored, as everywhere on the web."""
        narrowed = {name: value for name in CONDITIONS if (value := arguments.get(name, ""))}
        moment, _, identity = arguments.get("before", "").rpartition("~")
        # SQLite has no integer beyond 64 bits; a longer one is nobody's id.
        before = (
            (moment, int(identity))
            if identity.isascii() and identity.isdigit() and len(identity) < 19
            else None
        )
        return cls(arguments.get("q", "").strip(), MappingProxyType(narrowed), before)

    @property
    def query(self) -> str:
        """The FTS5 query of the words; empty when there is nothing to search for."""
        return fts_query(self.words)

    def address(self, **changes: str) -> str:
        """Return the query string of this list with some parameters set, or left out where empty."""
        parameters = {"q": self.words, **self.narrowed, **changes}
        return urlencode({name: value for name, value in parameters.items() if value})

    def where(
        self, *, without: AbstractSet[str] = frozenset(), after: bool = False
    ) -> tuple[str, dict[str, str | int]]:
        """Return the SQL condition on the newsletters `n` and its parameters.

        `without` names conditions that are left out (`words` for the search); `after` adds where the page
        begins. Newsletters alone are meant unless the list is narrowed by another kind.
        """
        conditions = []
        parameters: dict[str, str | int] = {}
        for name, value in {"kind": "newsletter", **self.narrowed}.items():
            if name not in without and (name, value) != ("kind", ANY):
                conditions.append(CONDITIONS[name])
                parameters[name] = value
        if self.words and "words" not in without:
            conditions.append(_MATCHES if self.query else "0")
            parameters["q"] = self.query
        if after and self.before:
            conditions.append("(n.received_at, n.id) < (:moment, :identity)")
            parameters["moment"], parameters["identity"] = self.before
        return " AND ".join(conditions) or "1", parameters
