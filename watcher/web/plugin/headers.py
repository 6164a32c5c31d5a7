"""Headers that every answer of this server carries, Datasette's own pages included.

A stored link is followed by a person now and then. Neither that site nor anyone on the way needs to know
which page of the archive it was on, and no name of a linked host is looked up before somebody clicks. And
whatever a page may come to hold, a browser asks nobody but this server for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import wraps
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

PAGES: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
"""The policy of our own pages, which have no script (https://www.w3.org/TR/CSP3/)."""

# Datasette's pages have scripts inside them, and chart plugins compile theirs; what is shown is escaped. The
# policy is for the other half of the promise: nothing is loaded from, or sent to, another server.
_DATASETTE: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
_POLICY: Final = b"content-security-policy"
_QUIET: Final = (
    (b"referrer-policy", b"no-referrer"),
    (b"x-dns-prefetch-control", b"off"),
    (b"x-content-type-options", b"nosniff"),
)
_OURS: Final = "newsletter_watcher.ours"


def mark_ours(scope: MutableMapping[str, Any]) -> None:
    """Say that the answer to this request is a page of ours; its policy forbids scripts, too."""
    scope.get(_OURS, set()).add(True)


def with_quiet_headers(app: Application) -> Application:
    """Wrap an ASGI application so that its answers carry the headers above, unless they set their own."""

    @wraps(app)
    async def quiet(scope: Message, receive: Receive, send: Send) -> None:
        ours: set[bool] = set()  # Datasette hands copies of the scope on; this is the same in all of them

        async def send_quietly(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                policy = PAGES if ours else _DATASETTE
                headers = ((_POLICY, policy.encode()), *_QUIET)
                added = [[name, value] for name, value in headers if name not in present]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        await app({**scope, _OURS: ours}, receive, send_quietly)

    return quiet
