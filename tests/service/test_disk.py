"""A disk that is full or read-only: the daemon waits, says so once, and loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.support.home import mail
from tests.support.watched import watching
from watcher.service import daemon as daemon_module
from watcher.service import watches as watches_module
from watcher.sqlite_errors import is_storage_trouble
from watcher.vault import Vault, VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.dovecot import MailUser
    from tests.support.home import Home

_MIB = 1 << 20


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[None]:
    """A file system of so many MiB at `folder`; skips, saying so, where none can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave nothing free; returns the file that takes it."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        for size in (_MIB, 4096):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for minutes waits for a moment."""
    monkeypatch.setattr(daemon_module, "_BEAT", 0.1)
    monkeypatch.setattr(daemon_module, "_REPORT", 0.05)
    monkeypatch.setattr(watches_module, "_DISK", watches_module._DISK / 300)


def numbered(number: int) -> bytes:
    words = os.urandom(20_000).hex()  # does not compress
    return mail(f"no. {number}", words, message_id=f"<{number}@example.org>")


@pytest.mark.usefixtures("quick")
def test_a_full_disk_is_waited_for(home: Home, mail_user: MailUser) -> None:
    """What comes meanwhile is in the archive once there is space, each mail once, without a restart."""
    with small_disk(home.vault.parent, 32):
        home.watch(mail_user, every="6h")
        with watching(home) as (_, log):
            mail_user.deliver(numbered(1))
            log.until_derived(1)
            filler = fill(home.vault.parent)
            mail_user.deliver(numbered(2))
            log.until("storage_waiting")
            mail_user.deliver(numbered(3))
            status = home.run("status")
            assert status.code == 1
            assert "PROBLEM: nothing can be stored" in status.out
            filler.unlink()
            log.until("storage_recovered")
            log.until_derived(3)
        assert sorted(home.subjects()) == ["no. 1", "no. 2", "no. 3"]
        assert len([event for event, _ in log.lines if event == "storage_waiting"]) == 1
        assert not [event for event, _ in log.lines if event == "inbox_failed"]
        assert home.run("status").code == 0


@pytest.mark.usefixtures("quick")
def test_a_store_that_cannot_grow_does_not_keep_mail_from_the_vault(home: Home, mail_user: MailUser) -> None:
    """It lies on a disk of its own, which is full: the mail is safe, and is derived once there is space."""
    store = home.root / "published" / "newsletters.db"
    with small_disk(store.parent, 32):
        home.watch(mail_user, every="6h")
        text = home.config.read_text().replace("newsletters: data/", "newsletters: published/")
        home.config.write_text(text)
        with watching(home) as (_, log):
            mail_user.deliver(numbered(1))
            log.until_derived(1)
            filler = fill(store.parent)
            # What the store's -wal file has room for is used again: enough mail to need more.
            for number in range(2, 32):
                mail_user.deliver(numbered(number))
            log.until("storage_waiting")
            log.until_true(lambda: sum(int(str(each["stored"])) for each in log.of("polled")) == 31)
            filler.unlink()
            log.until("storage_recovered")
            log.until_derived(31)
    assert len(log.of("storage_waiting")) == 1
    assert len(home.vault_rows("select * from derivations where state = 'done'")) == 31


@pytest.mark.usefixtures("quick")
def test_a_daemon_that_starts_on_a_full_disk_waits(home: Home, mail_user: MailUser) -> None:
    """Not restarted over and over: it is ready, and begins when there is space."""
    with small_disk(home.vault.parent, 32):
        home.watch(mail_user, every="6h")
        mail_user.deliver(numbered(1))
        filler = fill(home.vault.parent)
        with watching(home) as (_, log):
            log.until("storage_waiting")
            filler.unlink()
            log.until_derived(1)
        assert home.subjects() == ["no. 1"]


@pytest.mark.usefixtures("quick")
def test_a_read_only_disk_is_waited_for(home: Home, mail_user: MailUser) -> None:
    """As after an error of the disk, when the kernel mounts it read-only; `status` can still be asked."""
    folder = home.vault.parent
    with small_disk(folder, 32):
        home.watch(mail_user, every="6h")
        mail_user.deliver(numbered(1))
        assert home.run("poll").code == 0
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        mail_user.deliver(numbered(2))
        with watching(home) as (_, log):
            log.until("storage_waiting")
            assert "1 mails in the vault" in home.run("status").out
            subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
            log.until_derived(1)
        assert sorted(home.subjects()) == ["no. 1", "no. 2"]


def test_a_stop_does_not_wait_for_the_disk(home: Home, mail_user: MailUser) -> None:
    """SIGTERM ends a daemon that waits, and cleanly."""
    with small_disk(home.vault.parent, 32):
        home.watch(mail_user, every="6h")
        fill(home.vault.parent)
        with watching(home) as (_, log):
            log.until("storage_waiting")
        assert [event for event, _ in log.lines][-1] == "stopped"


def test_a_file_that_may_not_grow_is_the_disks_trouble(tmp_path: Path) -> None:
    """A limit that no look at the disk shows: the commit finds out, and nothing is half written."""
    path = tmp_path / "vault.db"
    with Vault.open(path) as vault:
        vault.mailbox("politics", "INBOX")
    code = f"""
import os, resource, sys
from pathlib import Path
from watcher.sqlite_errors import is_storage_trouble
from watcher.vault import Arrival, Vault, VaultError
path = Path({str(path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
with Vault.open(path) as vault:
    try:
        vault.store(1, [Arrival(1, os.urandom(1_000_000), None, 1)], uidvalidity=1, last_uid=1)
    except VaultError as error:
        sys.exit(0 if is_storage_trouble(error, path) else 1)
sys.exit(2)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with closing(Vault.look(path)) as vault:
        assert vault.counts().messages == 0
        assert vault.mailbox("politics", "INBOX").last_uid == 0


def test_a_file_that_is_closed_to_us_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody opens it by waiting: the daemon ends and says who must be let in."""
    (tmp_path / "vault.db").mkdir()
    with pytest.raises(VaultError) as caught:
        Vault.open(tmp_path / "vault.db")
    assert not is_storage_trouble(caught.value, tmp_path / "vault.db")
