"""The shipped units by themselves: systemd's own judgement, and that each decision in them has its reason."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.nspawn import ROOT
from watcher.cli.units import Plan, launcher, shipped, unit_files

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM = ["watcher.service", "watcher@.service", "watcher-datasette.service", "watcher-screenshots.service"]
USER = ["user/watcher.service", "user/watcher-datasette.service"]
MOST_EXPOSED = 13  # tenths, on the scale of systemd-analyze(1): 0 is best, 100 worst

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze: apt-get install systemd"
)


def options(unit: str) -> list[str]:
    """The lines of a unit that are not comments."""
    return [line for line in shipped(unit).splitlines() if line and not line.startswith("#")]


def left_out(unit: str) -> str:
    """The comment at the end that says what is left out."""
    return shipped(unit).partition("# Left out")[2]


@needs_analyze
@pytest.mark.parametrize("unit", [*SYSTEM, *USER])
def test_systemd_finds_nothing_wrong(unit: str, tmp_path: Path) -> None:
    """No unknown key, no value that it ignores, no program that is not there."""
    plan = Plan(
        launcher(),
        user=unit in USER,
        datasette=True,
        screenshots=unit not in USER,
        instance="museum" if "@" in unit else "",
    )
    for file in unit_files(plan):
        path = tmp_path / file.target.name
        path.write_text(file.text)
    path = tmp_path / unit.removeprefix("user/").replace("@.", "@museum.")
    if not path.exists():
        path.symlink_to("watcher@.service")
    command = ["systemd-analyze", *(["--user"] if plan.user else []), "verify", "--man=no", path]
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}  # as in a session
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_analyze
@pytest.mark.parametrize("unit", SYSTEM)
def test_little_is_exposed_and_the_rest_has_a_reason(unit: str) -> None:
    """What `systemd-analyze security` still counts is named in the unit, under `Left out, and why`."""
    path = ROOT / "systemd" / unit
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}"]
    done = subprocess.run([*command, "--json=short", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    exposed = [each["name"] for each in json.loads(done.stdout) if float(each["exposure"] or 0) > 0]
    names = {re.split("[=/]", name)[0] for name in exposed}
    assert names
    assert {name for name in names if f"{name}=" not in left_out(unit)} == set()


def test_the_template_differs_in_its_names_only() -> None:
    """A daemon among several is hardened like the only one."""
    template = [
        line.replace("watcher-%i", "watcher").replace("%i.yaml", "inboxes.yaml")
        for line in options(SYSTEM[1])
    ]
    alone = options(SYSTEM[0])
    assert [line for line in template if not line.startswith("Description=")] == [
        line for line in alone if not line.startswith("Description=")
    ]


def test_the_user_s_unit_says_what_it_lacks() -> None:
    """Each option of the system's unit is in the user's, or is named there as left out."""
    names = {line.partition("=")[0] for line in options(SYSTEM[0])} - {"After", "Wants"}
    there = {line.partition("=")[0] for line in options(USER[0])}
    patterns = re.findall(r"([A-Za-z*]+)=", left_out(USER[0]))
    assert {
        name for name in names - there if not any(fnmatch.fnmatch(name, each) for each in patterns)
    } == set()


@pytest.mark.parametrize(
    ("version", "kind", "hangup"), [(0, "notify", True), (252, "notify", True), (253, "notify-reload", False)]
)
def test_systemd_sends_the_signal_itself_where_it_can(version: int, kind: str, hangup: bool) -> None:
    """Type=notify-reload came with 253; an older one would not know the type, and not start the daemon."""
    daemon = unit_files(Plan(("/opt/a/bin/watcher",), systemd=version))[0].text
    assert f"\nType={kind}\n" in daemon
    assert ("kill -HUP" in daemon) == hangup
    assert "check --settings-only" in daemon
