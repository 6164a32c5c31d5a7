"""The one clock: the moment that is put down beside what happened.

Who keeps time by it takes it as an argument (`now=utc_now`), so that a test can have a day of its own. How
long something takes is `time.monotonic`'s affair.
"""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return this moment, aware, in UTC."""
    return datetime.now(UTC)
