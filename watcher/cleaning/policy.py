"""What an inbox wants done with its links: the setting `links:` of inboxes.yaml."""

from __future__ import annotations

from enum import StrEnum


class Policy(StrEnum):
    """How far a link may survive. Unsubscribe, preference and view-in-browser links go under every policy."""

    UNWRAP = "unwrap"  # wrappers are opened offline, trackers stripped; what stays opaque or personal goes
    REMOVE = "remove"  # every link becomes `[link removed]`, as on a public archive page
    KEEP = "keep"  # private use: links stay as they came
