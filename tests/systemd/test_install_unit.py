"""`watcher install-unit`: what it writes and what it leaves, what it warns of, and what it says is next."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.nspawn import ROOT
from watcher.cli import install, main_command, units
from watcher.cli.units import Plan, unit_files, word

if TYPE_CHECKING:
    from click.testing import Result

UNIT = "etc/systemd/system/watcher.service"
WEB = "etc/systemd/system/watcher-datasette.service"
ACCOUNT = ["etc/sysusers.d/watcher.conf", "etc/tmpfiles.d/watcher.conf"]
MUSEUM = ["etc/sysusers.d/watcher-museum.conf", "etc/tmpfiles.d/watcher-museum.conf"]
DRAWING = [f"etc/systemd/system/watcher-screenshots.{kind}" for kind in ("service", "path", "timer")]
HERE = Path("/opt/watcher/venv/bin/watcher")


@pytest.fixture(autouse=True)
def _installed_below_opt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend to be installed where a service can be."""
    monkeypatch.setattr(install, "launcher", lambda: (str(HERE),))
    monkeypatch.setattr(install, "hidden_parts", list)
    monkeypatch.setattr(install, "systemd_version", lambda: 252)


def run(*arguments: str | Path, config: Path | None = None) -> Result:
    """Run the command as the console script does."""
    before = ["--config", str(config)] if config else []
    return CliRunner().invoke(
        main_command, [*before, "install-unit", *map(str, arguments)], standalone_mode=False
    )


def code(result: Result) -> int:
    """The exit code that the console script would end with."""
    if result.exception is not None:
        assert hasattr(result.exception, "exit_code"), result.exception
        return int(result.exception.exit_code)
    return int(result.return_value)


def test_it_has_help_with_an_example() -> None:
    """Someone who has never seen it finds what to type."""
    assert "watcher install-unit --dry-run" in run("--help").output


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ([], [UNIT, *ACCOUNT]),
        (["--datasette"], [UNIT, WEB, *ACCOUNT]),
        (["--screenshots"], [UNIT, *DRAWING, *ACCOUNT]),
        (["--instance", "museum"], ["etc/systemd/system/watcher@.service", *MUSEUM]),
        (["--user"], ["systemd/user/watcher.service"]),
        (
            ["--user", "--datasette"],
            ["systemd/user/watcher.service", "systemd/user/watcher-datasette.service"],
        ),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("-") else "",
)
def test_each_kind_writes_its_files(tmp_path: Path, options: list[str], files: list[str]) -> None:
    """And no other; everybody may read them, whatever the umask."""
    before = os.umask(0o077)
    try:
        assert code(run(*options, "--prefix", tmp_path)) == 0
    finally:
        os.umask(before)
    written = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*") if path.is_file()}
    assert sorted(written) == sorted(files)
    assert {path.stat().st_mode & 0o777 for path in written.values()} == {0o644}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_dir()} == {0o755}
    assert not any(
        "%i" in path.read_text() for name, path in written.items() if not name.endswith("@.service")
    )


def test_the_unit_starts_this_installation_with_these_settings(tmp_path: Path) -> None:
    """The program and the settings are absolute; the rest is as shipped."""
    settings = tmp_path / "mine" / "inboxes.yaml"
    run("--prefix", tmp_path, config=settings)
    text = (tmp_path / UNIT).read_text()
    assert f"ExecStart={HERE} --config {settings} run\n" in text
    assert f"ExecReload={HERE} --config {settings} check --settings-only\n" in text
    assert "/etc/watcher/inboxes.yaml" not in text
    assert f"z {settings} " in (tmp_path / "etc/tmpfiles.d/watcher.conf").read_text()


def test_a_file_that_differs_is_shown_and_left(tmp_path: Path) -> None:
    """Nobody loses a change without having seen it; nothing at all is written then."""
    run("--prefix", tmp_path)
    unit, users = tmp_path / UNIT, tmp_path / "etc/sysusers.d/watcher.conf"
    changed = unit.read_text().replace("RestartSec=10", "RestartSec=99")
    unit.write_text(changed)
    users.unlink()
    result = run("--prefix", tmp_path)
    assert code(result) == 1
    assert "-RestartSec=99\n+RestartSec=10\n" in result.output
    assert "nothing was written" in result.stderr
    assert unit.read_text() == changed
    assert not users.exists()
    result = run("--prefix", tmp_path, "--force")
    assert code(result) == 0
    assert f"replaced   {unit}" in result.output
    assert "RestartSec=10\n" in unit.read_text()
    assert f"unchanged  {unit}" in run("--prefix", tmp_path).output


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It shows new files whole, changed ones as a diff, and names the others."""
    result = run("--prefix", tmp_path, "--dry-run")
    assert code(result) == 0
    assert f"# would write {tmp_path / UNIT}" in result.output
    assert "WatchdogSec=2min" in result.output
    assert list(tmp_path.iterdir()) == []
    run("--prefix", tmp_path)
    (tmp_path / UNIT).write_text("[Unit]\n")
    result = run("--prefix", tmp_path, "--dry-run")
    assert f"# {tmp_path / UNIT} is there and differs:" in result.output
    assert "+WatchdogSec=2min" in result.output
    assert f"# {tmp_path}/etc/sysusers.d/watcher.conf is there already, unchanged" in result.output
    assert (tmp_path / UNIT).read_text() == "[Unit]\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--instance", "Museum"], "lower-case letters"),
        (["--instance", "x" * 24], "up to 23"),
        (["--instance", "museum", "--user"], "which --user cannot do"),
        (["--instance", "museum", "--datasette"], "not that of an instance"),
        (["--instance", "museum", "--screenshots"], "draws for watcher.service"),
        (["--user", "--screenshots"], "draws for watcher.service"),
        (["--instance", "museum", "--config", "x.yaml"], "reads /etc/watcher/museum.yaml"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    tmp_path: Path, options: list[str], sentence: str
) -> None:
    """With the reason."""
    result = run(*options, "--prefix", tmp_path)
    assert code(result) == 2
    assert sentence in str(getattr(result.exception, "message", ""))


def test_a_refused_write_names_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forgot sudo reads it there."""

    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(install, "_write", refuse)
    result = run("--prefix", tmp_path)
    assert code(result) == 1
    assert "Permission denied; run it with sudo, or use --user or --prefix DIR" in str(result.exception)


def test_an_installation_below_a_home_directory_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever in the chain of links the home directory is: the service would end with 203/EXEC."""
    monkeypatch.setattr(install, "hidden_parts", units.hidden_parts)
    venv, python = tmp_path / "venv", tmp_path / "python3"
    venv.symlink_to(python)
    python.symlink_to("/home/someone/.pyenv/versions/3/bin/python3")
    monkeypatch.setattr(units, "_HIDDEN", (Path("/home"),))
    monkeypatch.setattr(sys, "executable", str(venv))
    result = run("--prefix", tmp_path / "root")
    assert "uses /home/someone/.pyenv/versions/3/bin/python3, which services do not see" in result.stderr
    monkeypatch.setattr(sys, "executable", "/usr/bin/true")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(units, "files", lambda _: Path("/opt/watcher/package"))
    assert units.hidden_parts() == []


@pytest.mark.parametrize(
    ("store", "more", "sentences"),
    [
        ("/var/lib/watcher", "", []),
        ("/srv/mail", "", ["ReadWritePaths=/srv/mail/archive /srv/mail/vault"]),
        ("/home/me/data", "", ["cannot see /home/me/data/archive, /home/me/data/vault"]),
        ("/var/lib/watcher", "metrics_file: /srv/metrics/watcher.prom\n", ["ReadWritePaths=/srv/metrics,"]),
        ("/var/lib/watcher", "backup: {directory: /mnt/backup}\n", ["ReadWritePaths=/mnt/backup,"]),
        ("/var/lib/watcher", "nonsense: 1\n", ["has mistakes; `watcher check"]),
    ],
)
def test_places_that_the_service_cannot_use_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, more: str, sentences: list[str]
) -> None:
    """With the line for the drop-in, or where to move what lies there."""
    file = tmp_path / "inboxes.yaml"
    places = f"{{newsletters: {store}/archive/newsletters.db, vault: {store}/vault/vault.db}}"
    file.write_text(f"store: {places}\ninboxes: []\n{more}")
    monkeypatch.setattr(units, "_HIDDEN", (Path("/home"),))
    monkeypatch.setattr(install, "unit_files", lambda _: [])
    result = run(config=file)
    assert code(result) == 0
    assert len(result.stderr.splitlines()) == len(sentences)
    assert all(sentence in result.stderr for sentence in sentences)


def test_a_vault_beside_the_shared_store_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web pages must be able to write in the store's directory."""
    file = tmp_path / "inboxes.yaml"
    file.write_text("store: {newsletters: /var/lib/watcher/newsletters.db}\ninboxes: []\n")
    monkeypatch.setattr(install, "unit_files", lambda _: [])
    assert (
        "give the vault one of its own, such as /var/lib/watcher/vault"
        in run("--datasette", config=file).stderr
    )
    assert f"{file} is where services cannot see it" in run(config=file).stderr
    assert "share a directory" not in run("--user", config=file).stderr


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        (
            [],
            [
                "systemd-sysusers watcher.conf",
                "watcher init /etc/watcher",
                "newsletters: /var/lib/watcher/archive/newsletters.db",
                "systemd-tmpfiles --create watcher.conf",
                "systemctl daemon-reload",
                "enable --now watcher.service\n",
            ],
        ),
        (["--datasette"], ["enable --now watcher.service watcher-datasette.service\n"]),
        (
            ["--instance", "museum"],
            [
                "sudo mv /etc/watcher/inboxes.yaml /etc/watcher/museum.yaml",
                "vault: /var/lib/watcher-museum/vault/vault.db",
                "enable --now watcher@museum.service\n",
            ],
        ),
        (
            ["--user"],
            ["watcher init ", "systemctl --user enable --now watcher.service", "loginctl enable-linger"],
        ),
    ],
    ids=["system", "datasette", "instance", "user"],
)
def test_it_says_what_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], steps: list[str]
) -> None:
    """The commands in their order, for this plan."""
    monkeypatch.setattr(install, "unit_files", lambda _: [])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    output = run(*options).output.partition("Next:\n")[2]
    places = [output.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


def test_nothing_is_next_for_a_staged_tree(tmp_path: Path) -> None:
    """Below --prefix nothing can be started."""
    assert "Next:" not in run("--prefix", tmp_path).output


@pytest.mark.parametrize(
    ("text", "program", "quoted"),
    [
        ("/opt/watcher/bin/watcher", True, "/opt/watcher/bin/watcher"),
        ("/opt/my watcher", True, '"/opt/my watcher"'),
        ("/srv/100%", False, "/srv/100%%"),
        ("/srv/$HOME", False, "/srv/$$HOME"),
        ("/srv/$HOME", True, "/srv/$HOME"),
        ('/srv/"a"\\b', False, '"/srv/\\"a\\"\\\\b"'),
    ],
)
def test_odd_paths_are_quoted_for_systemd(text: str, program: bool, quoted: str) -> None:
    """A space, a percent sign or a dollar in a path means itself."""
    assert word(text, program=program) == quoted


def test_an_interpreter_without_console_script_is_started_by_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `python -m watcher`; all its words stand in the unit."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert units.launcher() == (str(tmp_path / "python"), "-m", "watcher")
    (tmp_path / "watcher").touch(mode=0o755)
    assert units.launcher() == (str(tmp_path / "watcher"),)
    daemon = unit_files(Plan(("/opt/python", "-m", "watcher")))[0].text
    assert "ExecStart=/opt/python -m watcher --config /etc/watcher/inboxes.yaml run\n" in daemon


@pytest.mark.parametrize(
    ("said", "version"),
    [("systemd 252 (252.39-1~deb12u2)\n+PAM", 252), ("systemd 257~rc1\n", 257), ("", 0), (None, 0)],
)
def test_the_version_of_systemd_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, version: int
) -> None:
    """0 where there is none: the units then are those that any version understands."""
    if said is not None:
        program = tmp_path / "systemctl"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin" if said is not None else str(tmp_path))
    assert units.systemd_version() == version


def test_an_installed_wheel_carries_the_units(tmp_path: Path) -> None:
    """What `pip install` puts on the disk is enough: no checkout is beside it."""
    pytest.importorskip("hatchling", reason="no hatchling: pip install hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    environ = {**os.environ, "HATCH_BUILD_NO_HOOKS": "true"}  # nothing needs to be compiled for this
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, env=environ)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import watcher;"
        f"assert watcher.__file__.startswith({str(tmp_path)!r});"
        f"watcher.cli.main(['install-unit', '--datasette', '--prefix', {str(tmp_path / 'root')!r}])"
    ).replace("import watcher;", "import watcher, watcher.cli;")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "root" / UNIT).read_text().startswith("# Newsletter Watcher, the daemon")


def test_an_installation_without_its_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to do."""
    monkeypatch.setattr(units, "files", lambda _: tmp_path / "watcher")
    with pytest.raises(FileNotFoundError, match="install the package again"):
        units.shipped("watcher.service")


def test_a_write_that_fails_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk must not leave half a unit, nor rubbish beside it."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", refuse)
    result = run("--prefix", tmp_path)
    assert isinstance(result.exception, OSError)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
