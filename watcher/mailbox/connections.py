"""How many connections an account may keep open at its server without being in anybody's way."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

USUAL = 4
"""For servers that nothing is known of. Courier allows four from one address as it comes (MAXPERIP in its
imapd configuration), Dovecot ten for each user (mail_max_userip_connections); people read their mail too."""


def connection_limit(host: str) -> int:
    """Return how many connections to keep open for one account at `host`; at least 1."""
    return _limits().get(host.lower().rstrip("."), USUAL)


@cache
def _limits() -> dict[str, int]:
    with Path(__file__).with_name("connections.csv").open(encoding="utf-8", newline="") as file:
        return {row["host"]: int(row["connections"]) for row in csv.DictReader(file)}
