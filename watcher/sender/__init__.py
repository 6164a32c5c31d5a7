"""Which registered sender a mail belongs to, and why.

`Registry.compile(...)` once from senders.yaml, then `match(message, providers)` for each mail: a handful of
dict lookups, however many senders there are. `Acceptance` says which mail an inbox takes into the archive.
"""

from __future__ import annotations

from watcher.sender.acceptance import Acceptance
from watcher.sender.registry import Conflict, Registered, Registry, normalised

__all__ = ["Acceptance", "Conflict", "Registered", "Registry", "normalised"]
