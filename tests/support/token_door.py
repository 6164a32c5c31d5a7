"""A login with tokens for the scripted IMAP server: it takes one token, and keeps what clients said."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.fake_imap import Exchange, FakeImap


class TokenDoor:
    """Makes a fake server take one token, and keeps what clients said, decoded."""

    def __init__(self, fake: FakeImap, accepts: str = "", reason: object = None, says: str = "") -> None:
        self.said: list[bytes] = []
        self.mechanisms: list[str] = []
        self.accepts = accepts  # nothing: no token at all
        self._reason = reason or {"status": "invalid_token", "scope": "mail"}
        self._says = says or "[AUTHENTICATIONFAILED] Invalid credentials"
        fake.on("AUTHENTICATE", self._authenticate)

    def _authenticate(self, exchange: Exchange) -> None:
        self.mechanisms.append(exchange.arguments)
        exchange.send(b"+ \r\n")
        self.said.append(base64.b64decode(exchange.line(), validate=True))
        if self.accepts and f"auth=Bearer {self.accepts}\1".encode() in self.said[-1]:
            exchange.ok("[CAPABILITY IMAP4rev1 IDLE] logged in")
            return
        exchange.send(b"+ " + base64.b64encode(json.dumps(self._reason).encode()) + b"\r\n")
        self.said.append(base64.b64decode(exchange.line(), validate=True))
        exchange.no(self._says)
