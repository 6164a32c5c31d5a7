"""What decides how a record comes out, besides the mail and the settings: it must be the same everywhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

_LIBRARIES = ("newsletter-watcher", "mail-parser", "selectolax")


@dataclass(frozen=True, slots=True)
class Edition:
    """Names and versions. Python's counts because its tables of Unicode and of charsets do."""

    parts: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls) -> Self:
        """What this process would derive with."""
        from watcher.pipeline import PIPELINE_VERSION  # noqa: PLC0415  # it loads the rules

        return cls(
            (
                ("rules", PIPELINE_VERSION),
                ("Python", f"{sys.version_info.major}.{sys.version_info.minor}"),
                *((name, version(name)) for name in _LIBRARIES),
            )
        )

    def beside(self, other: Edition) -> str:
        """Where this one differs from `other`, which is that of the reader; empty when it does not."""
        theirs = dict(other.parts)
        return ", ".join(
            f"{name} {has} (here {theirs.get(name)})" for name, has in self.parts if theirs.get(name) != has
        )
