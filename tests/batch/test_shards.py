"""Shards: what a task has made, complete under a name that says what is in it, or not there at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from watcher.batch.cluster.directory import Directory
from watcher.batch.cluster.errors import ClusterError
from watcher.batch.cluster.shards import Shard, read_shard, write_shard
from watcher.derivation.protocol import canonical, plain
from watcher.record import Author, Kind, Link, LinkAction, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUES = [b"", b"one", b"two" * 700_000, bytes(range(256))]


@pytest.mark.parametrize("values", [[], VALUES])
def test_what_was_written_is_read(tmp_path: Path, values: list[bytes]) -> None:
    """Of any size, and in order."""
    shard = write_shard(tmp_path, "1-9", iter(values))
    assert shard.count == len(values)
    assert read_shard(tmp_path, shard) == values


def test_the_same_task_writes_the_same_shard(tmp_path: Path) -> None:
    """Who repeats it after somebody was lost replaces it by an equal one; other values, another name."""
    first = write_shard(tmp_path, "1-9", VALUES)
    content = (tmp_path / first.name).read_bytes()
    assert write_shard(tmp_path, "1-9", VALUES) == first
    assert (tmp_path / first.name).read_bytes() == content
    assert write_shard(tmp_path, "1-9", VALUES[1:]).name != first.name
    assert len([*tmp_path.iterdir()]) == 2


def test_a_shard_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """The name appears when the file is complete."""

    def values() -> Iterator[bytes]:
        yield b"one"
        assert not [*tmp_path.glob("*.shard")]
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        write_shard(tmp_path, "1-9", values())
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("harm", ["cut", "changed", "swapped", "count"])
def test_a_damaged_shard_is_not_taken(tmp_path: Path, harm: str) -> None:
    """Cut off, changed, exchanged for another, or told otherwise than it is."""
    shard = write_shard(tmp_path, "1-9", VALUES)
    file = tmp_path / shard.name
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:-20])
    elif harm == "changed":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif harm == "swapped":
        (tmp_path / write_shard(tmp_path, "1-9", VALUES[1:]).name).replace(file)
    else:
        shard = replace(shard, count=3)
    with pytest.raises(ClusterError, match="not what the worker has written"):
        read_shard(tmp_path, shard)


def test_a_shard_that_is_elsewhere_is_named(tmp_path: Path) -> None:
    """The commonest mistake: the directory is not shared."""
    with pytest.raises(ClusterError, match="must be the same one on every machine"):
        read_shard(tmp_path, Shard("1-9-00.shard", 1))


def test_equal_records_are_equal_bytes() -> None:
    """Whether two values of a record are one object or two says nothing of it, and is not written."""
    host = "example.org"
    again = host[:7] + host[7:]
    records = [
        Record(
            "politics",
            "2026-03-01T09:30:00Z",
            kind=Kind.NEWSLETTER,
            author=Author(domain=host),
            links=(Link(1, "read", LinkAction.KEPT, f"https://{host}/", other, "content", ""),),
        )
        for other in (host, again)
    ]
    assert canonical((1, records[0])) == canonical((1, records[1]))
    assert plain(canonical((1, records[1]))) == (1, records[0])


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """Another would take the first one's shards away; what a killed one left is taken away."""
    path = tmp_path / "vault.db.shards"
    with Directory(path) as directory:
        with pytest.raises(ClusterError, match="another run on a cluster is at work"), Directory(path):
            pass
        write_shard(path, "1-9", VALUES)
        assert path.stat().st_mode & 0o777 == 0o700
    assert not path.exists()
    path.mkdir()
    (path / "1-9-00.shard").touch()
    (path / "somebody's").touch()
    with Directory(path) as directory:
        assert sorted(file.name for file in path.iterdir()) == ["lock", "somebody's"]
        directory.forget("1-9-00.shard")
    assert [file.name for file in path.iterdir()] == ["somebody's"]


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With what the system says."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(ClusterError, match=r"Not a directory; name a directory that all machines share"),
        Directory(tmp_path / "file" / "shards"),
    ):
        pass
