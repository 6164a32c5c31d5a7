"""The unit that draws, under a real systemd: with its own sandbox, Chromium's inside, and no network."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support import nspawn
from tests.support.home import mail
from tests.support.nspawn import ROOT, VENV, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

UNIT = "watcher-screenshots.service"
ARCHIVE = "/var/lib/watcher/archive"
SETTINGS = (
    f"store: {{newsletters: {ARCHIVE}/newsletters.db, vault: /var/lib/watcher/vault/vault.db}}\ninboxes: []\n"
)
WATCHER = VENV / "bin/watcher"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine with one mail in its archive, and the units as they are shipped."""
    if reason := nspawn.missing():
        pytest.skip(reason)
    if shutil.which("chromium") is None:
        pytest.skip("no chromium: apt-get install chromium")
    pytest.importorskip("playwright")
    try:
        with nspawn.booted() as machine:
            machine.write("/etc/watcher/inboxes.yaml", SETTINGS)
            machine.write("/etc/sysusers.d/watcher.conf", (ROOT / "systemd/watcher.sysusers").read_text())
            machine.write("/etc/tmpfiles.d/watcher.conf", (ROOT / "systemd/watcher.tmpfiles").read_text())
            for kind in ("service", "path", "timer"):
                name = f"watcher-screenshots.{kind}"
                machine.write(f"/etc/systemd/system/{name}", (ROOT / "systemd" / name).read_text())
            machine.write("/srv/a.eml", mail(body="<h1>A headline</h1>", content_type="text/html").decode())
            machine.run("systemd-sysusers")
            machine.run("systemd-tmpfiles", "--create", "watcher.conf", check=False)
            machine.run("systemctl", "daemon-reload")
            machine.run_as("watcher", "env", "UMASK=7", WATCHER, "import", "/srv/a.eml")
            yield machine
    except nspawn.BootError as refusal:
        pytest.skip(f"no container starts here: {refusal}")


def test_the_unit_draws_in_its_sandbox(machine: Machine) -> None:
    """Both pictures are in media.db, made without a network, and the web pages' group may read them."""
    machine.run("systemctl", "start", UNIT, check=False)
    said = machine.journal(UNIT)
    assert "drew 1, 0 have none" in said, said
    assert "had no network" in said
    media = machine.path(f"{ARCHIVE}/media.db")
    assert media.stat().st_mode & 0o777 == 0o660
    rows = (
        sqlite3.connect(media).execute("SELECT width, bytes > 100 FROM screenshots ORDER BY width").fetchall()
    )
    assert rows == [(400, 1), (640, 1)]


def test_the_path_unit_draws_when_the_daemon_says_so(machine: Machine) -> None:
    """The touch of the file starts the service; the daemon does no more than that."""
    machine.run("systemctl", "start", "watcher-screenshots.path")
    machine.write("/srv/b.eml", mail(body="<h1>Another</h1>", content_type="text/html").decode())
    machine.run_as("watcher", WATCHER, "import", "/srv/b.eml")
    code = "from pathlib import Path; from watcher.service.shutter import press; press(Path({!r}))"
    machine.run_as("watcher", VENV / "bin/python", "-c", code.format(f"{ARCHIVE}/media.db"))
    machine.wait_for(lambda: machine.journal(UNIT).count("drew 1, 0 have none") == 2, UNIT)
    drawn = sqlite3.connect(machine.path(f"{ARCHIVE}/media.db")).execute("SELECT count(*) FROM screenshots")
    assert drawn.fetchone() == (4,)
