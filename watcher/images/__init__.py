"""Pictures that a mail refers to, fetched from its sender: for those who ask for it, and no one else.

To fetch a picture tells its sender that the mail arrived, when, and from which address. `wanted` leaves out
what is there for nothing else, and `Fetcher` asks once, says nothing of the reader, and never speaks to a
machine of the owner's own network.
"""

from __future__ import annotations

from watcher.images.fetching import Fetcher, Image, Refused
from watcher.images.wanted import MOST, Wanted, wanted

__all__ = ["MOST", "Fetcher", "Image", "Refused", "Wanted", "wanted"]
