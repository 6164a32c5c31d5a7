"""What `watcher check` says about who can read vault and store, tried with real accounts and real files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from watcher.cli import accounts, permissions
from watcher.cli.accounts import Account, acting
from watcher.store import Store
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.support.home import Home

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")

# Numbers that no account of the machine has.
OWNER = Account("owner", 61001, 61001, frozenset({61001}))
READER = Account("reader", 61002, 61002, frozenset({61001, 61002}))
STRANGER = Account("stranger", 61003, 61003, frozenset({61003}))


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that every account can enter, unlike pytest's own."""
    base = Path(tempfile.mkdtemp(prefix="matrix-", dir="/tmp"))
    base.chmod(0o755)
    yield base
    shutil.rmtree(base)


@pytest.fixture
def store(open_path: Path) -> Path:
    """A store of `OWNER` (of who runs the tests, without root) that is shared as it should be."""
    path = open_path / "archive" / "newsletters.db"
    Store.open(path).close()
    for each in (path, path.parent) if os.geteuid() == 0 else ():
        os.chown(each, OWNER.uid, OWNER.gid)
    path.parent.chmod(0o2770)
    path.chmod(0o660)
    return path


def sharing(store: Path, reader: Account) -> permissions.Finding:
    """What the check finds out about `reader`."""
    return permissions._sharing(store, reader)


@root_only
@pytest.mark.parametrize(
    ("folder", "file", "reader", "problem"),
    [
        (0o2770, 0o660, READER, ""),
        (0o2770, 0o640, READER, "after reader has read it, the daemon cannot write"),
        (0o0770, 0o660, READER, "after reader has read it, the daemon cannot write"),
        (0o2750, 0o660, READER, "reader cannot read it while the daemon rests"),
        (0o0750, 0o640, READER, "reader cannot read it while the daemon rests"),
        (0o2770, 0o600, READER, "reader cannot read it while the daemon runs"),
        (0o0700, 0o660, READER, "reader cannot read it while the daemon runs"),
        (0o2770, 0o660, STRANGER, "stranger cannot read it while the daemon runs"),
        (0o0550, 0o660, READER, "who owns the store, cannot write beside it"),
    ],
)
def test_the_matrix_of_modes(store: Path, folder: int, file: int, reader: Account, problem: str) -> None:
    """Each row fails in its own way and at its own time; one is right."""
    store.chmod(file)
    store.parent.chmod(folder)
    found = sharing(store, reader)
    assert found.well == (not problem)
    assert problem in found.text
    assert list(store.parent.glob(".*")) == []


def test_one_account_for_both_shares_with_itself(store: Path) -> None:
    """Daemon and web pages of one user: any mode will do, as long as the directory can be written."""
    me = Account("me", os.geteuid(), os.getegid(), frozenset({os.getegid()}))
    for each in (store, store.parent):
        os.chown(each, me.uid, me.gid)
    store.parent.chmod(0o700)
    assert permissions._try_sharing(store, me) == ""
    assert list(store.parent.glob(".*")) == []
    store.write_bytes(b"this is no database, however long one reads" * 100)
    assert "cannot read it now (file is not a database)" in permissions._try_sharing(store, me)


@root_only
@pytest.mark.parametrize(("folder", "file"), [(0o2770, 0o640), (0o0750, 0o640), (0o0700, 0o600)])
def test_the_remedy_heals(store: Path, folder: int, file: int) -> None:
    """What the message tells to run makes the next check well."""
    store.chmod(file)
    store.parent.chmod(folder)
    steps = re.findall("`(.*?)`", sharing(store, READER).text)
    for step in steps:
        subprocess.run(step.split(), check=True)
    assert steps
    assert sharing(store, READER).well


@root_only
def test_side_files_that_lock_the_daemon_out_are_found(store: Path) -> None:
    """As a reader leaves them beside a store that was 0640."""
    for name in ("newsletters.db-wal", "newsletters.db-shm"):
        side = store.with_name(name)
        side.touch()
        side.chmod(0o600)
    found = sharing(store, READER)
    assert "reader cannot read it now" in found.text
    assert re.search(r"`chmod 660 \S+-wal \S+-shm`", found.text)


@root_only
@pytest.mark.parametrize(
    ("reader", "remedy"),
    [(STRANGER, "usermod --append --groups 61001 stranger"), (READER, "chmod o+x {base}")],
    ids=["group", "closed above"],
)
def test_the_remedy_names_group_and_closed_directories(store: Path, reader: Account, remedy: str) -> None:
    """Modes of the store's own directory are not all that it takes."""
    store.parent.parent.chmod(0o755 if reader is STRANGER else 0o700)
    os.chown(store.parent.parent, OWNER.uid, OWNER.gid if reader is STRANGER else 61004)
    assert f"`{remedy.format(base=store.parent.parent)}`" in sharing(store, reader).text


def test_a_store_that_is_not_there_yet_is_no_failure(tmp_path: Path) -> None:
    """Before the first start there is nothing to try."""
    found = sharing(tmp_path / "newsletters.db", READER)
    assert found.well
    assert "not there yet" in found.text


def test_without_root_it_says_that_nobody_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that was not made must not look like one that was."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    path = tmp_path / "newsletters.db"
    Store.open(path).close()
    assert "run this as root" in sharing(path, READER).text


def test_the_web_pages_account_reads_only_the_service_s_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of one's own is not shared because the machine runs a service, too."""
    accounts = {"watcher": OWNER, "watcher-datasette": READER}
    monkeypatch.setattr(Account, "named", accounts.get)
    assert permissions.reader_of(tmp_path) is None
    service = Account("watcher", 61001, 61001, frozenset())
    monkeypatch.setattr(Account, "owning", lambda _: service)
    assert permissions.reader_of(tmp_path) is READER


def test_an_unknown_reader_is_a_usage_error(home: Home) -> None:
    """And not a store that nobody can read."""
    outcome = home.run("check", "--offline", "--reader", "nobody-of-this-name")
    assert outcome.code == 2
    assert "there is no account nobody-of-this-name" in outcome.err


def test_open_side_files_of_the_vault_are_a_failure(home: Home) -> None:
    """The exact mails are in them."""
    with Vault.open(home.vault):  # while it is open, they are there
        side = home.vault.with_name("vault.db-shm")
        side.chmod(0o644)
        outcome = home.run("check", "--offline")
    assert outcome.code == 1
    assert f"vault: FAILED: others may read or write the vault: run `chmod 600 {side}" in outcome.out


@pytest.mark.parametrize(
    ("mode", "others", "well"),
    [
        (0o700, {"alice", "bob"}, True),
        (0o770, {"alice"}, True),
        (0o770, {"alice", "bob"}, False),
        (0o777, set(), False),
    ],
)
def test_who_may_replace_the_vault(
    home: Home, monkeypatch: pytest.MonkeyPatch, mode: int, others: set[str], well: bool
) -> None:
    """A file 0600 protects no mail when others may put another file in its place."""
    monkeypatch.setattr(permissions, "members", lambda _: frozenset(others))
    owner = Account("alice", os.geteuid(), os.getegid(), frozenset())
    monkeypatch.setattr(Account, "owning", lambda _: owner)
    Vault.open(home.vault).close()
    home.vault.parent.chmod(mode)
    outcome = home.run("check", "--offline")
    assert (outcome.code == 0) == well
    assert ("may delete or replace the vault: move it to a directory of its own" in outcome.out) != well


def test_a_vault_of_its_own_directory_only_needs_a_mode(home: Home, tmp_path: Path) -> None:
    """The remedy is the smallest that works."""
    folder = tmp_path / "private"
    findings = permissions._who_reads_the_vault(folder / "vault.db", home.store)
    assert list(findings) == []
    folder.mkdir()
    folder.chmod(0o777)
    (found,) = permissions._who_reads_the_vault(folder / "vault.db", home.store)
    assert f"`chmod 700 {folder}`" in found.text
    folder.chmod(0o1777)
    assert list(permissions._who_reads_the_vault(folder / "vault.db", home.store)) == []


@root_only
def test_root_checks_as_the_owner_and_leaves_nothing_of_its_own(store: Path, home: Home) -> None:
    """A database that root makes is one that the daemon cannot write."""
    vault = store.parent.parent / "vault" / "vault.db"
    vault.parent.mkdir()
    os.chown(vault.parent, OWNER.uid, OWNER.gid)
    settings = store.parent.parent / "inboxes.yaml"
    settings.write_text(f"store: {{newsletters: {store}, vault: {vault}}}\ninboxes: []\n")
    settings.chmod(0o600)
    outcome = home.run("check", "--offline", "--config", str(settings))
    assert f"vault: {vault} is not there yet; the first `watcher run` or `poll` makes it" in outcome.out
    assert f"store: {store} is writable, 0 newsletters" in outcome.out
    assert f"run `chgrp 61001 {settings}` and `chmod 640 {settings}`" in outcome.out
    assert outcome.code == 1
    assert not vault.exists()
    store.parent.chmod(0o500)
    assert "store: FAILED" in home.run("check", "--offline", "--config", str(settings)).out


@root_only
def test_what_goes_wrong_in_another_account_is_told() -> None:
    """And ends there: the copy of the process must not go on."""

    def part() -> AbstractContextManager[str]:
        raise ValueError("no such thing")

    with pytest.raises(RuntimeError, match="as owner: ValueError: no such thing"), acting(OWNER, part):
        pass


def test_check_tries_the_reader_that_is_named(home: Home) -> None:
    """`--reader` is for stores that are not the service's; who may not try says so."""
    Vault.open(home.vault).close()
    Store.open(home.store).close()
    outcome = home.run("check", "--offline", "--reader", "root")
    assert outcome.code == 0
    expected = "root can read it while the daemon runs" if os.geteuid() == 0 else "run this as root"
    assert f"store: {expected}" in outcome.out


def test_a_store_that_cannot_be_opened_is_a_failure(home: Home) -> None:
    """With what the store itself says."""
    home.store.mkdir(parents=True)
    outcome = home.run("check", "--offline")
    assert outcome.code == 1
    assert "store: FAILED: " in outcome.out
    assert "this is a directory" in outcome.out


@root_only
def test_the_remedy_names_a_directory_of_another_group(store: Path) -> None:
    """Side files get the directory's group."""
    os.chown(store.parent, OWNER.uid, 61004)
    assert f"`chgrp 61001 {store.parent}`" in sharing(store, READER).text


def test_a_refusal_without_a_wrong_mode_points_elsewhere(store: Path) -> None:
    """An ACL or a security module is seen by trying only."""
    group = store.stat().st_gid
    reader = Account("reader", 61002, 61002, frozenset({61002, group}))
    assert permissions._remedy(store, reader).startswith("modes and groups are right")


@pytest.mark.parametrize(
    ("mode", "account", "enters"),
    [
        (0o700, OWNER, True),
        (0o070, OWNER, False),
        (0o710, READER, True),
        (0o707, READER, False),
        (0o701, STRANGER, True),
    ],
)
@root_only
def test_who_may_enter_a_directory(open_path: Path, mode: int, account: Account, enters: bool) -> None:
    """The owner's bits, else the group's, else everybody's: the first that applies, path_resolution(7)."""
    os.chown(open_path, OWNER.uid, OWNER.gid)
    open_path.chmod(mode)
    assert permissions._may_enter(open_path, account) == enters


def test_accounts_and_groups_have_names_or_numbers(tmp_path: Path) -> None:
    """Containers have owners that no file names."""
    assert accounts.group_name(0) == "root"
    assert accounts.group_name(61999) == "61999"
    assert "root" in accounts.members(0)
    assert accounts.members(61999) == frozenset()
    assert Account.named("root") == Account.owning(Path("/etc/passwd"))
    assert Account.named("nobody-of-this-name") is None
    assert Account.owning(tmp_path / "not" / "there") == Account.owning(tmp_path)


def test_a_new_vault_s_directory_is_its_owner_s_alone(home: Home) -> None:
    """Whatever the umask leaves to a group of which others are members."""
    before = os.umask(0o007)
    try:
        Vault.open(home.vault).close()
    finally:
        os.umask(before)
    assert home.vault.parent.stat().st_mode & 0o777 == 0o700


def test_check_makes_no_database(home: Home) -> None:
    """One that root makes before the first start would stay root's; it looks whether one can be made."""
    outcome = home.run("check", "--offline")
    assert outcome.code == 0
    assert f"store: {home.store} is not there yet" in outcome.out
    assert not home.store.parent.exists()
    home.config.write_text("store: {newsletters: /proc/none/newsletters.db}\ninboxes: []\n")
    outcome = home.run("check", "--offline")
    assert outcome.code == 1
    problem = f"user id {os.geteuid()} may not write in /proc"
    assert f"vault: FAILED: /proc/none/vault.db cannot be made: {problem}" in outcome.out
