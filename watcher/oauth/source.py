"""Where access tokens come from while the watcher runs: the token file, and the token endpoint in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from watcher.oauth.errors import SignInNeeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from watcher.oauth.client import Client
    from watcher.oauth.token import Token
    from watcher.oauth.tokenfile import TokenFile


class TokenSource:
    """Call it for an access token, at each login. For any number of threads and processes at once."""

    def __init__(self, client: Client, file: TokenFile, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._file = file
        self._clock = clock

    def __call__(self, refused: str = "") -> str:
        """Return an access token that will last for a while, and is not the one that a server has `refused`.

        It is renewed when need be, and kept before it is returned: whoever asks next, here or in another
        process, gets the same one. Raises any `OAuthError`.
        """
        token = self._stored()
        if not self._good(token, refused):
            with self._file.locked():
                token = self._stored()  # another may have renewed it while we waited
                if not self._good(token, refused):
                    token = self._renewed(token)
        self._require_scope(token)
        return token.access

    def _stored(self) -> Token:
        token = self._file.read()
        if token is None:
            raise SignInNeeded("nobody has signed in yet")
        client = self._client
        if (token.client_id, token.endpoint) != (client.client_id, client.endpoints.token):
            # A refresh token must not travel to an endpoint that did not issue it.
            raise SignInNeeded(
                "the client or the token endpoint in the settings has changed since the sign-in"
            )
        return token

    def _good(self, token: Token, refused: str) -> bool:
        return token.access != refused and token.usable(self._clock())

    def _renewed(self, token: Token) -> Token:
        from watcher.oauth.grants import refresh  # noqa: PLC0415 - most calls do not need HTTP

        with self._file.replacing() as keep:
            fresh = refresh(self._client, token, self._clock())
            keep(fresh)
        return fresh

    def _require_scope(self, token: Token) -> None:
        missing = token.missing(self._client.endpoints.scope)
        if missing:
            raise SignInNeeded(f"the access to mail was not granted (scope {' '.join(missing)})")
