"""Cleaning: the bodies of a mail in, clean text and safe HTML out, with a reason for all that was removed.

`clean` is the whole of it. Facts live in the data files beside the code: `boilerplate.csv` (platforms' nodes,
link targets, phrases in twelve languages), `languages.csv`, and the tables of the link room.
"""

from __future__ import annotations

from watcher.cleaning.cleaner import Cleaned, clean, to_text
from watcher.cleaning.identity import Identity
from watcher.cleaning.policy import Policy
from watcher.cleaning.rules import load as _load

RULES_VERSION = _load().version
"""Names the state of the boilerplate rules; changes when a row changes."""

__all__ = ["RULES_VERSION", "Cleaned", "Identity", "Policy", "clean", "to_text"]
