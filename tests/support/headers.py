"""Messages made from header text, for tests of rooms that read nothing but the headers."""

from __future__ import annotations

from watcher.message import Message, parse


def mail(headers: str, body: str = "Hello.") -> Message:
    """Make a mail of these header lines, written as they stand on the wire but with bare line feeds.

    Margins of the whole text are removed, so that a test may indent it; a folded line keeps its own.
    """
    lines = headers.strip("\n").split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    block = "\r\n".join(line[margin:] for line in lines)
    return parse(f"{block}\r\n\r\n{body}\r\n".encode())
