"""The page that is shown while the archive cannot be read: modes were changed, or the file is being replaced.

It names no path: whoever reads it is a stranger. The log and `watcher check` say more to the owner.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from datasette.utils.asgi import Response

_REFUSED: Final = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_BUSY", "SQLITE_IOERR")
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The archive cannot be read just now</title></head>
<body><h1>The archive cannot be read just now</h1>
<p>Please come back in a while. If it is yours: <code>watcher check</code>, as root, says what is wrong.</p>
</body></html>
"""


def unreadable(exception: Exception) -> Response | None:
    """Return the page when it was the file that failed, and not the question."""
    name = getattr(exception, "sqlite_errorname", None) or ""
    if isinstance(exception, sqlite3.OperationalError) and name.startswith(_REFUSED):
        return Response.html(_PAGE, status=503, headers={"Retry-After": "60"})
    return None
