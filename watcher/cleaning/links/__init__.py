"""The links of a mail: what may remain of each, decided offline from its bytes alone.

`clean_url` opens the click links of some ninety senders and wrappers, takes tracking parameters off, and
removes what is opaque, acts for the reader (unsubscribe, preferences) or names him in any decoded view. The
facts are the tables beside the code: `trackers.csv` (senders and wrappers), `roles.csv` (social and share
links), `words.csv` (segments that say what a link does) and `parameters.csv`.
"""

from __future__ import annotations

from watcher.cleaning.links.clean import clean_url, report, role_of, tracker_of
from watcher.cleaning.links.verdict import Report, Verdict

__all__ = ["Report", "Verdict", "clean_url", "report", "role_of", "tracker_of"]
