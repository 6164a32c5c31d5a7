"""Copies: made while others write, looked at, put back; and what is refused."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.home import mail
from watcher import settings as settings_room
from watcher.rendering import Media, Picture, Shot
from watcher.service import backup, restoring
from watcher.service.presence import alone, is_running
from watcher.vault import Vault, VaultError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.home import Home

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)


@pytest.fixture
def filled(home: Home) -> Home:
    """A watcher with three mails."""
    for number in range(3):
        (home.root / f"{number}.eml").write_bytes(mail(f"no. {number}", message_id=f"<{number}@example.org>"))
    letters = [str(home.root / f"{number}.eml") for number in range(3)]
    assert home.run("import", *letters).code == 0
    return home


def places(home: Home) -> settings_room.Store:
    return settings_room.load(home.config).store


def copy(home: Home, folder: Path, at: datetime = NOW) -> Path:
    return backup.make(places(home), folder, at).path


@pytest.fixture
def pictured(filled: Home) -> Home:
    """The same, with pictures of two of the mails, and one that was fetched for the third."""
    with closing(Media.open(filled.media)) as media:
        for number in (1, 2):
            shot = Shot((Picture(640, 9, b"wide %d" % number),), Picture(160, 200, b"small %d" % number))
            media.keep(number, shot)
        media.keep_images(3, {"https://example.org/a.png": ("image/png", b"fetched")}, {})
    return filled


def held(path: Path) -> tuple[set[int], dict[str, bytes]]:
    """The mails that a media.db knows, and what was fetched for the third."""
    with closing(Media.look(path)) as media:
        assert all(map(media.is_whole, media.pictures()))
        return media.ids(), media.images(3)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_copy_is_closed_to_others_whatever_the_umask_allows(filled: Home, tmp_path: Path) -> None:
    """The vault's copy holds the mail: folder 0700, files 0600."""
    before = os.umask(0)
    try:
        made = copy(filled, tmp_path / "copies")
    finally:
        os.umask(before)
    assert made.name == "watcher-2026-11-23T033000Z"
    assert {path.name: mode(path) for path in made.iterdir()} == {"vault.db": 0o600, "newsletters.db": 0o600}
    assert mode(made) == mode(made.parent) == 0o700


def test_a_copy_is_made_beside_a_writer(filled: Home, tmp_path: Path) -> None:
    """An open transaction neither waits for the copy nor gets into it."""
    with closing(sqlite3.connect(filled.vault, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE derivations SET error = 'not committed'")
        made = copy(filled, tmp_path / "copies")
        writer.execute("ROLLBACK")
    with closing(Vault.look(made / "vault.db")) as vault:
        assert vault.counts().messages == 3
        assert vault._db.one("SELECT max(error) FROM derivations") == ""


def test_the_oldest_copies_go(filled: Home, tmp_path: Path) -> None:
    """The newest stay; what is no copy of ours is left alone."""
    folder = tmp_path / "copies"
    made = [copy(filled, folder, NOW + timedelta(days=day)) for day in range(4)]
    (folder / "holiday").mkdir()
    assert set(backup.rotate(folder, 2)) == set(made[:2])
    assert sorted(path.name for path in folder.iterdir()) == ["holiday", made[2].name, made[3].name]
    assert [each.path for each in backup.copies(folder)] == [made[3], made[2]]


def test_a_copy_that_failed_leaves_nothing_that_looks_like_one(
    filled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was copied and the vault was not: no copy, and the next one sweeps up after a crash."""
    folder = tmp_path / "copies"
    (folder / ".partial-of-a-crash").mkdir(parents=True)

    def full(_vault: Vault, _target: Path) -> None:
        raise VaultError("vault: the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Vault, "copy_to", full)
        with pytest.raises(backup.BackupError, match="no copy was made: vault: the disk is full"):
            copy(filled, folder)
    assert list(folder.iterdir()) == []


def test_a_copy_that_does_not_fit_is_not_begun(
    filled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names what is needed and what is free."""

    def almost_full(_path: object) -> os.statvfs_result:
        return os.statvfs_result((4096, 4096, 100, 1, 1, 0, 0, 0, 0, 255))

    monkeypatch.setattr(backup.os, "statvfs", almost_full)
    with pytest.raises(backup.BackupError, match=r"needs 1\d\.\d MB and 5 kB are free"):
        copy(filled, tmp_path / "copies")


def test_a_copy_comes_back_as_it_was(filled: Home, tmp_path: Path) -> None:
    """Row for row; the modes are those of a vault and a store, and the daemon goes on where the copy was."""
    dump = filled.dump()
    copy(filled, tmp_path / "copies")
    for path in (filled.vault, filled.store):
        path.unlink()
    outcome = filled.run("restore", str(tmp_path / "copies"))
    assert outcome.code == 0, outcome.err
    assert f"restored {filled.vault}" in outcome.out
    assert filled.dump() == dump
    assert mode(filled.vault) == 0o600
    assert filled.run("rebuild").code == 0
    assert filled.dump() == dump


def test_what_is_there_is_replaced_with_force_alone_and_kept(filled: Home, tmp_path: Path) -> None:
    """And what was written since the copy, still in its -wal file, is in what is kept."""
    copy(filled, tmp_path / "copies")
    (filled.root / "later.eml").write_bytes(mail("later", message_id="<later@example.org>"))
    with Vault.open(filled.vault):  # keeps the -wal file from being folded in
        assert filled.run("import", str(filled.root / "later.eml")).code == 0
        refused = filled.run("restore", str(tmp_path / "copies"))
        assert refused.code == 1
        assert "--force" in refused.err
        assert len(filled.subjects()) == 4
        forced = filled.run("restore", "--force", str(tmp_path / "copies"))
    assert forced.code == 0, forced.err
    assert len(filled.subjects()) == 3
    (kept,) = filled.vault.parent.glob("vault.db.replaced-*Z")
    with closing(Vault.look(kept)) as vault:
        assert vault.counts().messages == 4


def test_nothing_is_put_back_under_a_running_daemon(filled: Home, tmp_path: Path) -> None:
    """Its lock says that it runs, also when --force is given."""
    copy(filled, tmp_path / "copies")
    with alone(filled.vault):
        assert is_running(filled.vault)
        outcome = filled.run("restore", "--force", str(tmp_path / "copies"))
    assert outcome.code == 1
    assert "`watcher run` is running on it" in outcome.err
    assert not is_running(filled.vault)


def test_restore_without_the_store_puts_the_old_one_aside(filled: Home, tmp_path: Path) -> None:
    """Its ids would be those of other mails soon: the store is derived again from the vault."""
    made = copy(filled, tmp_path / "copies")
    (made / "newsletters.db").unlink()
    assert filled.run("restore", "--force", str(made)).code == 0
    assert not filled.store.exists()
    assert filled.run("poll").code == 0
    assert len(filled.subjects()) == 3


def test_check_unpacks_and_counts(filled: Home, tmp_path: Path) -> None:
    """Both databases, with what is in them; nothing is written beside them."""
    made = copy(filled, tmp_path / "copies")
    outcome = filled.run("restore", "--check", str(tmp_path / "copies"))
    assert outcome.code == 0, outcome.out
    assert f"{made}/vault.db: 3 mails, 0 still to derive, 0 failed, 3 unpacked and compared" in outcome.out
    assert f"{made}/newsletters.db: 3 newsletters" in outcome.out
    assert outcome.out.endswith("sound\n")
    assert sorted(path.name for path in made.iterdir()) == ["newsletters.db", "vault.db"]


@pytest.mark.parametrize("everything", [True, False], ids=["all", "sample"])
def test_check_finds_a_mail_whose_bytes_changed(filled: Home, tmp_path: Path, everything: bool) -> None:
    """SQLite sees nothing wrong with it; its sha256 does. Such a copy is not put back."""
    made = copy(filled, tmp_path / "copies")
    with closing(sqlite3.connect(made / "vault.db")) as db, db:
        db.execute("UPDATE messages SET raw = (SELECT raw FROM messages WHERE id = 1) WHERE id = 2")
    outcome = filled.run("restore", "--check", *(["--all"] if everything else []), str(made / "vault.db"))
    assert outcome.code == 1
    assert "1 mails are damaged: 2" in outcome.out
    assert filled.run("restore", "--force", str(made)).code == 1
    assert list(filled.vault.parent.glob("*.replaced-*")) == []


def test_check_finds_a_page_that_changed(filled: Home, tmp_path: Path) -> None:
    """A block of the disk that holds something else."""
    made = copy(filled, tmp_path / "copies")
    content = bytearray((made / "vault.db").read_bytes())
    content[8192 * 2 : 8192 * 2 + 4096] = bytes(4096)
    (made / "vault.db").write_bytes(content)
    outcome = filled.run("restore", "--check", str(made))
    assert outcome.code == 1
    assert "damaged" in outcome.err


def test_check_finds_a_store_of_another_vault(filled: Home, tmp_path: Path) -> None:
    """A newsletter without its mail: the two files are not of one copy."""
    made = copy(filled, tmp_path / "copies")
    with closing(sqlite3.connect(made / "newsletters.db")) as db, db:
        db.execute("UPDATE newsletters SET id = 99 WHERE id = 3")
    outcome = filled.run("restore", "--check", str(made))
    assert outcome.code == 1
    assert "1 newsletters have no mail in the vault" in outcome.out


def test_a_sample_is_spread_over_the_vault() -> None:
    """The first mails and the last ones, not the first ones alone."""
    assert list(restoring._spread(range(100), 4)) == [0, 25, 50, 75]
    assert list(restoring._spread(range(3), 4)) == [0, 1, 2]
    assert list(restoring._spread(range(3), None)) == [0, 1, 2]


def test_backup_by_hand(filled: Home, tmp_path: Path) -> None:
    """Into a named folder, or that of the settings, where old ones go; without either it is a usage error."""
    assert filled.run("backup").code == 2
    assert filled.run("backup", str(tmp_path / "here")).code == 0
    assert len(backup.copies(tmp_path / "here")) == 1
    filled.configure("backup: {directory: copies, keep: 1}\ninboxes: []\n")
    copy(filled, filled.root / "copies", NOW - timedelta(days=1000))
    outcome = filled.run("backup")
    assert outcome.code == 0
    assert f"deleted {filled.root}/copies/watcher-2024-02-27T033000Z" in outcome.out
    assert len(backup.copies(filled.root / "copies")) == 1


def test_pictures_are_copied_and_come_back(pictured: Home, tmp_path: Path) -> None:
    """What was fetched from a sender cannot be had again: media.db is copied, checked, and put back."""
    before = held(pictured.media)
    made = copy(pictured, tmp_path / "copies")
    assert mode(made / "media.db") == 0o600
    assert held(made / "media.db") == before
    checked = pictured.run("restore", "--check", str(made))
    assert f"{made}/media.db: 5 pictures, 5 unpacked and compared" in checked.out
    assert checked.out.endswith("sound\n")
    with closing(Media.open(pictured.media)) as media:
        media.keep(2, Shot(reason="drawn since"))
    outcome = pictured.run("restore", "--force", str(tmp_path / "copies"))
    assert outcome.code == 0, outcome.err
    assert held(pictured.media) == before == ({1, 2, 3}, before[1])
    assert mode(pictured.media) & ~0o660 == 0
    (kept,) = pictured.media.parent.glob("media.db.replaced-*Z")
    with closing(Media.look(kept)) as media:
        assert media.failed() == {2}


def test_a_copy_without_pictures_is_one_too(pictured: Home, tmp_path: Path) -> None:
    """By option or setting. When it is put back, the pictures in use go aside: their ids mean other mails."""
    assert pictured.run("backup", "--without-media", str(tmp_path / "here")).code == 0
    pictured.configure("backup: {directory: copies, media: false}\ninboxes: []\n")
    assert pictured.run("backup").code == 0
    for folder in (tmp_path / "here", pictured.root / "copies"):
        (made,) = backup.copies(folder)
        assert sorted(path.name for path in made.path.iterdir()) == ["newsletters.db", "vault.db"]
    assert pictured.run("restore", "--force", str(pictured.root / "copies")).code == 0
    assert not pictured.media.exists()
    (kept,) = pictured.media.parent.glob("media.db.replaced-*Z")
    assert held(kept)[0] == {1, 2, 3}


def test_pictures_of_an_older_version_are_copied_as_they_are(pictured: Home, tmp_path: Path) -> None:
    """The night after an update comes before the first picture: the copy does not wait for the new schema."""
    with closing(sqlite3.connect(pictured.media)) as db, db:
        db.execute("DROP TABLE thumbnails")
        db.execute("PRAGMA user_version = 1")
    made = copy(pictured, tmp_path / "copies")
    outcome = pictured.run("restore", "--check", str(made))
    assert f"{made}/media.db: 3 pictures, 3 unpacked and compared" in outcome.out


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE screenshots SET content = x'00' WHERE newsletter_id = 2", "1 pictures are damaged"),
        ("UPDATE images SET content = x'00'", "1 pictures are damaged"),
        ("UPDATE fetched SET newsletter_id = 99", "pictures of 1 mails that are not in the vault"),
    ],
)
def test_check_finds_pictures_that_are_not_those_that_were_kept(
    pictured: Home, tmp_path: Path, change: str, problem: str
) -> None:
    """Such a copy is not put back; without that file it is, as the message says."""
    made = copy(pictured, tmp_path / "copies")
    with closing(sqlite3.connect(made / "media.db")) as db, db:
        db.execute(change)
    outcome = pictured.run("restore", "--check", "--all", str(made))
    assert (outcome.code, outcome.out.count(problem)) == (1, 1)
    assert pictured.run("restore", "--force", str(made)).code == 1
    assert list(pictured.media.parent.glob("*.replaced-*")) == []
    (made / "media.db").unlink()
    assert pictured.run("restore", "--force", str(made)).code == 0


@pytest.mark.parametrize(
    ("size", "words"), [(1, "1 kB"), (640_000, "640 kB"), (3_440_000, "3.4 MB"), (12 * 10**9, "12.0 GB")]
)
def test_sizes_are_said_as_people_say_them(size: int, words: str) -> None:
    assert backup.megabytes(size) == words
