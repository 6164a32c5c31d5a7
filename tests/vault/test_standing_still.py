"""A vault that is read where its shared memory does not reach: as a file, on another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.derivation import arrive, do
from watcher.vault import Vault, VaultError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_alone_holds_all_that_came_before(tmp_path: Path) -> None:
    """What others write meanwhile stays out of the file, however much it is, and is there afterwards."""
    path = tmp_path / "vault.db"
    with Vault.open(path) as writer, Vault.open(path) as holder:
        before = arrive(writer, "import", *(do("", f"no. {n}") for n in range(3)))
        with holder.standing_still():
            content = path.read_bytes()
            later = arrive(writer, "import", *(do("", f"later {n}") for n in range(300)))
            writer.keep_house(writer.source(1).internal_date)
            assert path.read_bytes() == content
            with Vault.look(path, still=True) as reader:
                assert reader.message_ids() == before == holder.message_ids()
                assert b"no. 2" in reader.raw(before[2])
        assert holder.message_ids() == before + later


def test_a_reader_that_does_not_end_is_named(tmp_path: Path) -> None:
    """As long as somebody reads what only the -wal has, the file cannot hold everything."""
    path = tmp_path / "vault.db"
    with Vault.open(path) as writer, Vault.open(path, patience=0.05) as holder, Vault.open(path) as reader:
        arrive(writer, "import", do("", "one"))
        reader._db.execute("BEGIN")
        reader.message_ids()
        arrive(writer, "import", do("", "two"))
        with (
            pytest.raises(VaultError, match=r"always being read or written; try again"),
            holder.standing_still(),
        ):
            pass
