"""What `watcher demo` shows: sample newsletters, and an IMAP server on loopback that holds them.

The samples are mails as a server would have stored them, headers of the receiving side included, and all of
them are written for this purpose: invented societies on example hosts, made-up tokens, one reader,
reader@example.org. Between them they show what the large platforms send.
"""

from __future__ import annotations

import importlib.resources

READER = "reader@example.org"  # the subscriber of every sample


def samples() -> tuple[bytes, ...]:
    """Return the raw sample mails with CRLF line ends, ordered by file name, which begins with the day."""
    folder = importlib.resources.files(__name__) / "samples"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".eml")), key=lambda file: file.name
    )
    # Git may have changed the line ends; on the wire and in a mailbox they are CRLF (RFC 5322, section 2.3).
    return tuple(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for file in files)
