"""Imported by every Python that starts with this folder on its path: a worker is watched like its parent."""

from __future__ import annotations

import os

from tests.support.driven import LOG, audit

audit(os.environ[LOG], "worker")
