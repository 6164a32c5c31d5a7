"""Headers that every answer of this server carries, Datasette's own pages included.

A stored link is followed by a person now and then. Neither that site nor anyone on the way needs to know
which page of the archive it was on, and no name of a linked host is looked up before somebody clicks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import wraps
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_QUIET: Final = (
    (b"referrer-policy", b"no-referrer"),
    (b"x-dns-prefetch-control", b"off"),
    (b"x-content-type-options", b"nosniff"),
)


def with_quiet_headers(app: Application) -> Application:
    """Wrap an ASGI application so that its answers carry the headers above, unless they set their own."""

    @wraps(app)
    async def quiet(scope: Message, receive: Receive, send: Send) -> None:
        async def send_quietly(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                added = [[name, value] for name, value in _QUIET if name not in present]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        await app(scope, receive, send_quietly)

    return quiet
