"""A vault for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with Vault.open(tmp_path / "vault.db") as opened:
        yield opened
