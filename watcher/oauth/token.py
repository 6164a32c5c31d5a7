"""A token as the provider gave it, and for how long it is good."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

_MARGIN = 300.0
"""Seconds before its end at which a token is renewed: a login and a first look must fit in."""

_NEEDED_NOWHERE = frozenset({"offline_access", "openid", "profile", "email"})
"""Scopes that give no access and are not repeated in an answer (OpenID Connect Core, sections 5.4 and 11)."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token with what renews it. Times are seconds since 1970, by the clock of this machine.

    `client_id` and `endpoint` are whom it was issued to and by whom: it is shown to nobody else.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    obtained_at: float
    expires_at: float
    scope: str
    client_id: str
    endpoint: str

    def usable(self, now: float) -> bool:
        """Whether it will do for a login: not about to end, and not from a time that is still to come.

        The latter means that the clock was set back, and then nobody knows when the token ends.
        """
        margin = min(_MARGIN, (self.expires_at - self.obtained_at) / 2)
        return self.obtained_at <= now < self.expires_at - margin

    def missing(self, wanted: str) -> list[str]:
        """Return the scopes of `wanted` that were not granted.

        Only the last part is compared, in any case: Microsoft names one resource by several hosts.
        """
        granted = {_last_part(each) for each in self.scope.split()}
        return [
            each for each in wanted.split() if each not in _NEEDED_NOWHERE and _last_part(each) not in granted
        ]

    def to_json(self) -> bytes:
        """Return the content of a token file."""
        return json.dumps(asdict(self), indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> Token:
        """Read that back. Raises `ValueError` for anything else; its text may quote the content."""
        found = json.loads(content)
        if not isinstance(found, dict) or found.keys() != cls.__dataclass_fields__.keys():
            raise ValueError("not a token")
        for name, value in found.items():
            number = name in {"obtained_at", "expires_at"}
            if not isinstance(value, (int, float) if number else str):
                raise ValueError("not a token")  # noqa: TRY004 - one error for every way of being none
        return cls(**found)


def _last_part(scope: str) -> str:
    return scope.rstrip("/").rpartition("/")[2].lower()
