"""A Datasette with a small archive, shared by the room's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.web import Web, serving
from tests.support.web_archive import newsletters, write_archive

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """Datasette with a small archive of our own newsletters."""
    with serving(write_archive(tmp_path_factory.mktemp("web") / "newsletters.db")) as running:
        yield running


@pytest.fixture(scope="session")
def ids() -> dict[str, int]:
    """The id of each newsletter by a word of its subject."""
    words = ("creek", "Kingfishers", "Gartenbrief", "script", "bestätigen", "no one", "gauge", "Minutes")
    return {word: number for word in words for number, record in newsletters() if word in record.subject}
