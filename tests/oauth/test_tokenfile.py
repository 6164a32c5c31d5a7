"""The token file: closed to others, whole at any time, and refused where it cannot be trusted."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.oauth.conftest import keep
from watcher.oauth import Token, TokenFile, TokenFileError

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = Token("access-1", "refresh-1", 1.0, 2.0, "mail", "client", "https://login.example.org/token")


def mode(path: Path) -> str:
    """Return the permissions, in octal."""
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


@pytest.mark.parametrize("umask", [0o000, 0o007, 0o077])
def test_file_and_directory_are_closed_to_others(file: TokenFile, umask: int) -> None:
    """Whatever the umask is."""
    before = os.umask(umask)
    try:
        keep(file, TOKEN)
    finally:
        os.umask(before)
    assert file.read() == TOKEN
    assert mode(file.path) == mode(file.path.with_name("politics.json.lock")) == "600"
    assert mode(file.path.parent) == "700"


def test_a_reader_never_sees_half_a_token(file: TokenFile) -> None:
    """The new one is another file until it is whole."""
    keep(file, TOKEN)
    before = file.path.stat().st_ino
    with file.locked(), file.replacing() as write:
        assert file.read() == TOKEN
        write(TOKEN)
    assert file.path.stat().st_ino != before
    assert file.path.stat().st_size == len(TOKEN.to_json())


def test_nothing_changes_when_nothing_is_written(file: TokenFile) -> None:
    """An error between taking the room and having the token leaves the old one."""
    keep(file, TOKEN)
    with pytest.raises(RuntimeError), file.locked(), file.replacing():
        raise RuntimeError
    assert file.read() == TOKEN
    assert sorted(each.name for each in file.path.parent.iterdir()) == ["politics.json", "politics.json.lock"]


@pytest.mark.parametrize("permissions", [0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_may_use_is_refused(file: TokenFile, permissions: int) -> None:
    """With the command that mends it."""
    keep(file, TOKEN)
    file.path.chmod(permissions)
    with pytest.raises(TokenFileError, match=r"others may use the token file .*: run `chmod 600 "):
        file.read()


def test_a_directory_that_everybody_may_change_is_refused(file: TokenFile) -> None:
    """They could put another file there."""
    keep(file, TOKEN)
    file.path.parent.chmod(0o707)
    with pytest.raises(TokenFileError, match="run `chmod o-w "):
        keep(file, TOKEN)


CONTENTS = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"access-1",
    b"\xff\xfe",
    b"[" * 60_000,
    TOKEN.to_json()[:-5],
    TOKEN.to_json().replace(b'"access-1"', b"1"),
    TOKEN.to_json().replace(b"1.0", b'"1.0"'),
    TOKEN.to_json().replace(b'"scope"', b'"scopes"'),
]


@pytest.mark.parametrize("content", CONTENTS)
def test_what_is_no_token_is_not_repeated(file: TokenFile, content: bytes) -> None:
    """A damaged file may hold half a token."""
    keep(file, TOKEN)
    file.path.write_bytes(content)
    with pytest.raises(TokenFileError) as caught:
        file.read()
    assert "is not a token file: delete it and sign in again" in str(caught.value)
    assert "access-1" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_token_file_is_an_ordinary_file(file: TokenFile) -> None:
    """A pipe would block, a directory cannot be read."""
    file.path.parent.mkdir(mode=0o700)
    os.mkfifo(file.path, 0o600)
    with pytest.raises(TokenFileError, match="not a regular file"):
        file.read()
    file.path.unlink()
    file.path.symlink_to(file.path)
    with pytest.raises(TokenFileError, match="cannot be opened"):
        file.read()


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file where a directory should be, and a lock that is no file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenFileError, match="has no directory"):
        keep(TokenFile(tmp_path / "file" / "tokens" / "a.json"), TOKEN)
    (tmp_path / "a.json.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TokenFileError, match="cannot be locked"):
        keep(TokenFile(tmp_path / "a.json"), TOKEN)
    (tmp_path / "b.json.new").mkdir()
    with pytest.raises(TokenFileError, match="cannot be replaced"):
        keep(TokenFile(tmp_path / "b.json"), TOKEN)


def test_a_write_that_fails_leaves_the_old_token(file: TokenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says why."""
    keep(file, TOKEN)

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(TokenFileError, match="cannot be written: Input/output error"):
        keep(file, TOKEN)
    assert file.read() == TOKEN


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another user")
def test_what_root_writes_belongs_to_the_service(tmp_path: Path) -> None:
    """`sudo watcher auth` must not leave a file that the daemon cannot read."""
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    file = TokenFile(state / "tokens" / "a.json")
    keep(file, TOKEN)
    keep(file, TOKEN)
    paths = [file.path.parent, file.path, file.path.with_name("a.json.lock")]
    assert [(each.stat().st_uid, each.stat().st_gid) for each in paths] == [(65534, 65534)] * 3


def test_a_root_that_may_not_give_files_away_says_so(
    file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container, root may lack that right; the lock is let go all the same."""
    keep(file, TOKEN)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as without:
        without.setattr(os, "fchown", refuse)
        with pytest.raises(TokenFileError, match="cannot be given to the owner of its directory"):
            keep(file, TOKEN)
    keep(file, TOKEN)
    assert file.read() == TOKEN


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_another_user_is_named(file: TokenFile) -> None:
    """With the question that leads to the remedy."""
    keep(file, TOKEN)
    file.path.chmod(0)
    with pytest.raises(TokenFileError, match="does it belong to the user"):
        file.read()
