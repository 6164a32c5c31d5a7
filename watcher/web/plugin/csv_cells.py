"""CSV that is safe to open in a spreadsheet: no cell of a stranger's text begins a formula.

A subject such as `=HYPERLINK(...)` is text to us and a command to a spreadsheet
(https://owasp.org/www-community/attacks/CSV_Injection). Datasette writes cells as they are, so its CSV
answers are read record by record on their way out, and an apostrophe is put before what would be a formula.
Numbers stay numbers: `-3.5` is none.
"""

from __future__ import annotations

import csv
import io
import re
from codecs import getincrementaldecoder
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from watcher.web.plugin.headers import Application, Message, Receive, Send

_FORMULA: Final = re.compile(r"\s*[=+\-@\t\r|]|\s*[\uff1d\uff0b\uff0d\uff20]")
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_TYPES: Final = (b"text/csv", b"text/plain")  # the second is what Datasette calls CSV that is looked at


def defused(cell: str) -> str:
    """Return the cell with an apostrophe before it when a spreadsheet would take it for a formula."""
    return "'" + cell if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


class Records:
    """Takes CSV in pieces of any size and gives back whole records with their cells defused."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")(errors="replace").decode
        self._rest = ""  # a record that is not complete yet
        self._quoted = False  # whether `_rest` ends within a quoted cell

    def feed(self, piece: bytes, *, last: bool) -> bytes:
        """Return what is complete by now."""
        complete = []
        for line in self._decode(piece, final=last).splitlines(keepends=True):
            self._rest += line
            self._quoted ^= line.count('"') % 2 == 1
            if line.endswith("\n") and not self._quoted:
                complete.append(self._rest)
                self._rest = ""
        if last:
            complete.append(self._rest)
        return "".join(map(_rewritten, complete)).encode()


def _rewritten(record: str) -> str:
    if not record:
        return ""
    out = io.StringIO()
    end = "\r\n" if record.endswith("\r\n") else "\n" if record.endswith("\n") else ""
    writer = csv.writer(out, lineterminator=end)
    writer.writerows([defused(cell) for cell in row] for row in csv.reader([record]))
    return out.getvalue()


def with_safe_csv(app: Application) -> Application:
    """Wrap an ASGI application so that the cells of its CSV answers are defused."""

    @wraps(app)
    async def safe(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not str(scope.get("path", "")).endswith(".csv"):
            await app(scope, receive, send)
            return
        records: Records | None = None

        async def send_defused(message: Message) -> None:
            nonlocal records
            if message["type"] == "http.response.start" and _is_csv(message):
                records = Records()
                headers = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
                message = {**message, "headers": headers}
            elif message["type"] == "http.response.body" and records is not None:
                last = not message.get("more_body", False)
                message = {**message, "body": records.feed(message.get("body", b""), last=last)}
            await send(message)

        await app(scope, receive, send_defused)

    return safe


def _is_csv(message: Message) -> bool:
    headers: dict[bytes, Any] = {name.lower(): value for name, value in message.get("headers", ())}
    return message["status"] == 200 and bytes(headers.get(b"content-type", b"")).startswith(_TYPES)
