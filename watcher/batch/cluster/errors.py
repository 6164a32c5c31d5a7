"""What may be wrong with a cluster."""

from __future__ import annotations


class ClusterError(Exception):
    """The work could not be done there; the message says why, and what to do."""


class ClusterUnreachable(ClusterError):  # noqa: N818  # named like the mailbox room's
    """Nobody answers at the scheduler's address, or no longer; it may be there later."""
