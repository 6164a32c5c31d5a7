"""Names that stand beside a provider's: the sender's account, the campaign, the author before a relay.

An account ties From addresses together that look unrelated. What names a recipient is never read: each
pattern of `identifiers.csv` captures one group and leaves the tokens around it alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from watcher.provider.facts import FEEDBACK_HEADERS
from watcher.provider.rules import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watcher.message import Headers

_LONGEST = 2_048
_LONGEST_NAME = 320
"""Characters kept: an address has at most 320 (RFC 3696, erratum 1690), and no id comes near."""

ANY = "*"


class What(StrEnum):
    """What a row reads."""

    ACCOUNT = "account"
    CAMPAIGN = "campaign"
    AUTHOR = "author"  # before a relay rewrote From


@dataclass(frozen=True, slots=True)
class Identifier:
    """One row: where a provider's mail carries it, and the regex whose first group is the name."""

    provider: str  # slug, or `*`
    headers: tuple[str, ...]
    pattern: re.Pattern[str]

    def read(self, headers: Headers) -> str:
        """Find the name in any occurrence of the header; empty when the mail does not carry it."""
        for header in self.headers:
            for value in headers.all(header):
                found = self.pattern.search(value[:_LONGEST].strip())
                if found is not None:
                    return found[1].strip()[:_LONGEST_NAME]
        return ""


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The rows by what they read and for whom, compiled."""

    rows: Mapping[tuple[What, str], tuple[Identifier, ...]]

    @classmethod
    def compile(cls, rows: Iterable[Mapping[str, str]]) -> Identifiers:
        """Compile rows with the columns of `identifiers.csv`; raises `RuleError` for a bad one."""
        found: defaultdict[tuple[What, str], list[Identifier]] = defaultdict(list)
        for row in rows:
            what, identifier = _identifier(row)
            found[what, identifier.provider].append(identifier)
        return cls({key: tuple(each) for key, each in found.items()})

    def read(self, what: What, provider: str, headers: Headers) -> str:
        """Return the first name that a row for this provider finds, or nothing."""
        for identifier in self.rows.get((what, provider), ()):
            name = identifier.read(headers)
            if name:
                return name
        return ""


def _identifier(row: Mapping[str, str]) -> tuple[What, Identifier]:
    where = f"identifier of {row.get('provider', '?')} in {row.get('header', '?')}"
    try:
        what, pattern = What(row["what"]), re.compile(row["pattern"], re.IGNORECASE)
        provider, header = row["provider"], row["header"].lower()
    except (KeyError, ValueError, re.error) as error:
        raise RuleError(f"{where}: {error}; correct the column") from None
    if pattern.groups != 1:
        raise RuleError(f"{where}: the pattern needs exactly one group, around the name")
    return what, Identifier(provider, FEEDBACK_HEADERS if header in FEEDBACK_HEADERS else (header,), pattern)
