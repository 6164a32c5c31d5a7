"""Cleaning: the bodies of a mail in, clean text and safe HTML out, with a reason for all that was removed.

`clean` is the whole of it. Facts live in the data files beside the code: `boilerplate.csv` (platforms' nodes,
link targets, phrases in twelve languages), `languages.csv`, and the tables of the link room.
"""

from __future__ import annotations

import hashlib
import importlib.resources

from watcher.cleaning import walk
from watcher.cleaning.cleaner import Cleaned, clean, to_text
from watcher.cleaning.identity import Identity
from watcher.cleaning.policy import Policy
from watcher.cleaning.prescan import HtmlLimits


def _version() -> str:
    room = importlib.resources.files(__name__)
    tables = [
        each for folder in (room, room / "links") for each in folder.iterdir() if each.name.endswith(".csv")
    ]
    content = b"".join(each.read_bytes() for each in sorted(tables, key=lambda each: each.name))
    return hashlib.sha256(content).hexdigest()[:8]


RULES_VERSION = _version()
"""Names the state of all tables of this room, the links' included; changes when a row changes."""

COMPILED = not walk.__file__.endswith(".py")
"""Whether this is the compiled build of the room: the same results, sooner."""

__all__ = ["COMPILED", "RULES_VERSION", "Cleaned", "HtmlLimits", "Identity", "Policy", "clean", "to_text"]
