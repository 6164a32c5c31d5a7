"""How to reach a mailbox: server, security, login and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Security(StrEnum):
    """What protects the connection. No value ever falls back to a weaker one."""

    TLS = "tls"  # from the first byte, port 993 (RFC 8314)
    STARTTLS = (
        "starttls"  # begins in plain text, the login comes after the handshake (RFC 9051, section 6.2.1)
    )
    NONE = "none"  # plain text; to this machine only, unless the account says `insecure`


@dataclass(frozen=True, slots=True)
class Account:
    """One mailbox account. It logs in with `password`, or with `token`: an OAuth 2 access token.

    Either is called at each login, so that a changed secret needs no restart. `token` is called with nothing,
    or with the token that the server has just refused, and then returns another one if it can.
    Timeouts are seconds. `connect_timeout` bounds the connection, the TLS handshake and the greeting, each;
    `read_timeout` one silence of the server; `command_timeout` a whole command, with time on top for the
    bytes that were asked for.
    """

    name: str
    host: str
    port: int
    security: Security
    username: str
    password: Callable[[], str] | None = None
    token: Callable[[str], str] | None = None
    insecure: bool = False  # plain text to another machine was insisted on
    cafile: str | None = None  # PEM; trusted instead of the system's authorities
    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    command_timeout: float = 120.0

    def secret(self) -> str:
        """What to log in with; raises whatever `password` or `token` raises."""
        if self.token is not None:
            return self.token("")
        if self.password is None:
            raise ValueError(f"{self.where} has neither password nor token")
        return self.password()

    @property
    def where(self) -> str:
        """The account in an error: its name in the settings and the server."""
        return f"inbox {self.name} ({self.host}:{self.port})"
