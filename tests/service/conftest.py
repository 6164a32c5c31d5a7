"""A scripted server for the tests of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fake_imap import FakeImap
from tests.support.home import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[FakeImap]:
    """One with a single mail."""
    with FakeImap() as running:
        running.add(1, numbered(1))
        yield running
