"""Which registered sender a mail belongs to, and why.

`Registry.compile(...)` once from senders.yaml, then `match(message, providers)` for each mail: a handful of
dict lookups, however many senders there are.
"""

from __future__ import annotations

from watcher.sender.registry import Conflict, Registered, Registry, normalised

__all__ = ["Conflict", "Registered", "Registry", "normalised"]
