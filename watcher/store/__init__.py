"""newsletters.db, publishable: the records in the shape in which Datasette shows them best.

Everything in it is derived: `watcher rebuild` makes the file again from the vault. So it is committed with
`synchronous=NORMAL`, and what a power cut may take is derived again at the next start.
"""

from __future__ import annotations

from watcher.store.attribution import Account, Attributed, Stranger, Tally
from watcher.store.beside import build_beside
from watcher.store.errors import StoreError
from watcher.store.rhythm import Quiet
from watcher.store.store import Store
from watcher.store.summary import Summary, summary

__all__ = [
    "Account",
    "Attributed",
    "Quiet",
    "Store",
    "StoreError",
    "Stranger",
    "Summary",
    "Tally",
    "build_beside",
    "summary",
]
