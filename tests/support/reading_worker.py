"""A camera's worker that also writes down what its browser was given, and what the browser says of it.

Started by `watcher.rendering.camera` in the place of its own (`read_back`), so that everything but this is
the real thing: the pipes, the browser, its cage.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watcher.rendering import camera, worker
from watcher.rendering.browser import Browser

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from watcher.rendering.model import Picture
    from watcher.rendering.page import Page

_FILE = "READ_BACK"  # environment: where to write


def read_back(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """From now on cameras append to `file`; `documents` reads it."""
    monkeypatch.setenv(_FILE, str(file))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr(camera, "_ENV", (*camera._ENV, _FILE, "PYTHONPATH"))
    monkeypatch.setattr(camera, "_WORKER", __name__)


def documents(file: Path) -> list[dict[str, Any]]:
    """Return what was put down for each drawn mail.

    `given`: the document; `shown`: its text as the browser lays it out; `read`: each text, attribute and name
    that the browser has of it; `parts`: the pictures beside it, in base64.
    """
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


class _Reading(Browser):
    """Chromium, asked once more before the next mail comes."""

    def _draw(self, page: Page, widths: Sequence[int]) -> tuple[Picture, ...]:
        drawn = super()._draw(page, widths)
        assert self._tab is not None
        assert self._session is not None
        tree = self._session.send("DOMSnapshot.captureSnapshot", {"computedStyles": []})
        spoken = self._session.send("Accessibility.getFullAXTree")
        note = {
            "given": page.html,
            "shown": self._tab.evaluate("document.documentElement.innerText"),
            "read": [*tree["strings"], json.dumps(spoken, ensure_ascii=False)],
            "parts": [base64.b64encode(part).decode() for part in page.pictures.values()],
        }
        _NOTES.write(json.dumps(note).encode() + b"\n")
        return drawn


if __name__ == "__main__":
    # Root's worker becomes nobody, who could not open it any more.
    _NOTES = open(os.environ[_FILE], "ab", buffering=0)  # noqa: PTH123, SIM115  # as long as the process
    worker.Browser = _Reading  # type: ignore[attr-defined]
    sys.exit(worker.main(sys.argv[1]))
