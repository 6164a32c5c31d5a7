"""Which systemd files an installation gets, and what they say.

The files of `systemd/` are written for an installation in /opt/watcher/venv and settings in /etc/watcher;
here they are fitted to the installation that runs. Nothing is written: `watcher.cli.install` does that.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

INSTANCE: Final = re.compile(r"[a-z][a-z0-9-]{0,22}")
"""Names of instances: `watcher-NAME` is an account, and Linux takes 31 characters for those."""

_LAUNCHER: Final = "/opt/watcher/venv/bin/watcher"  # in every shipped unit
_SYSTEM_SETTINGS: Final = "/etc/watcher/inboxes.yaml"
_USER_SETTINGS: Final = "%E/watcher/inboxes.yaml"  # %E: ~/.config, systemd.unit(5)
_NOTIFY_RELOAD: Final = 253  # the first systemd with that type, systemd.service(5)
_NOTIFY: Final = "\nType=notify\n"
_HANGUP: Final = "ExecReload=/bin/kill -HUP $MAINPID\n"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
# ProtectHome= hides the first three (systemd.exec(5)), PrivateTmp= the others.
_HIDDEN: Final = tuple(Path(each) for each in ("/home", "/root", "/run/user", "/tmp", "/var/tmp"))  # noqa: S108


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be installed."""

    launcher: tuple[str, ...]  # the words that start the watcher
    settings: Path | None = None  # None: where such a unit keeps them
    user: bool = False  # for `systemctl --user`
    datasette: bool = False  # the web pages as well
    screenshots: bool = False  # the unit that draws as well
    instance: str = ""  # of the template; empty for the one daemon of the machine
    systemd: int = 0  # version that the units are for; 0: any

    @property
    def services(self) -> tuple[str, ...]:
        """The services to enable."""
        daemon = f"watcher@{self.instance}.service" if self.instance else "watcher.service"
        web = ("watcher-datasette.service",) if self.datasette else ()
        drawing = ("watcher-screenshots.path", "watcher-screenshots.timer") if self.screenshots else ()
        return (daemon, *web, *drawing)

    @property
    def account(self) -> str:
        """The account that sysusers.d makes for the daemon; its state is in the directory of that name."""
        return f"watcher-{self.instance}" if self.instance else "watcher"

    @property
    def settings_file(self) -> Path:
        """The settings that the daemon will read."""
        if self.settings is not None:
            return self.settings
        if self.user:
            return config_home() / "watcher" / "inboxes.yaml"
        return Path(_SYSTEM_SETTINGS).with_stem(self.instance or "inboxes")


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One file to install; `target` is relative to `/`, for a user's to the configuration directory."""

    target: Path
    text: str


def launcher() -> tuple[str, ...]:
    """The words that start this installation: its console script, else its interpreter with `-m watcher`."""
    script = Path(sys.executable).with_name("watcher")
    if script.is_file() and os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-m", "watcher")


def systemd_version() -> int:
    """The version of this machine's systemd; 0 when there is none that says so."""
    try:
        command = ["systemctl", "--version"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else 0


def config_home() -> Path:
    """The user's configuration directory, as systemd and the XDG base directory specification find it."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def unit_files(plan: Plan) -> list[UnitFile]:
    """Return all files that `plan` needs, fitted to this installation.

    Raises `FileNotFoundError` when the package was installed without them.
    """
    return [UnitFile(Path(target), _fitted(shipped(name), plan)) for name, target in _sources(plan)]


def _sources(plan: Plan) -> Iterator[tuple[str, str]]:
    """The shipped files, and where each goes."""
    units = [*(["watcher@.service"] if plan.instance else ["watcher.service"])]
    units += ["watcher-datasette.service"] if plan.datasette else []
    units += [f"watcher-screenshots.{kind}" for kind in ("service", "path", "timer") if plan.screenshots]
    for unit in units:
        yield (f"user/{unit}", f"systemd/user/{unit}") if plan.user else (unit, f"etc/systemd/system/{unit}")
    if not plan.user:
        kind = "watcher@" if plan.instance else "watcher"
        yield f"{kind}.sysusers", f"etc/sysusers.d/{plan.account}.conf"
        yield f"{kind}.tmpfiles", f"etc/tmpfiles.d/{plan.account}.conf"


def shipped(name: str) -> str:
    """Return the text of a file of `systemd/`: a package carries it, a checkout has it beside it."""
    package = files("watcher")
    candidates: list[Traversable] = [package / "_files" / "systemd"]
    if isinstance(package, Path):
        candidates.append(package.parent / "systemd")
    for folder in candidates:
        if (file := folder / name).is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError(f"systemd/{name} is not part of this installation: install the package again")


def _fitted(text: str, plan: Plan) -> str:
    first, *rest = plan.launcher
    text = text.replace(_LAUNCHER, " ".join([word(first, program=True), *map(word, rest)]))
    if plan.settings is not None:
        for place in (_SYSTEM_SETTINGS, _USER_SETTINGS):
            text = text.replace(place, word(str(plan.settings)))
    if plan.systemd >= _NOTIFY_RELOAD:
        text = text.replace(_NOTIFY, _NOTIFY.replace("notify", "notify-reload")).replace(_HANGUP, "")
    # In a unit %i is for systemd; sysusers.d and tmpfiles.d have another meaning for it, or none.
    return text if "[Service]" in text else text.replace("%i", plan.instance)


def word(text: str, *, program: bool = False) -> str:
    """Quote one word of a command line (systemd.service(5), COMMAND LINES).

    In the path of the program itself no variables are replaced, so its `$` stands as it is.
    """
    escaped = text.replace("%", "%%")
    if not program:
        escaped = escaped.replace("$", "$$")
    if _PLAIN.fullmatch(escaped.replace("%", "").replace("$", "")):
        return escaped
    escaped = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def hidden_parts() -> list[Path]:
    """What this installation is made of and a service of another user cannot reach.

    Those are home directories, closed and hidden by ProtectHome=, and the temporary ones, which are private.
    A virtual environment is only a link to an interpreter that may be somewhere else.
    """
    package = Path(str(files("watcher")))
    parts = [Path(sys.executable), *_links(Path(sys.executable)), Path(sys.base_prefix), package]
    return [each for each in dict.fromkeys(parts) if is_hidden(each)]


def is_hidden(path: Path) -> bool:
    """Whether a path, as written, leads into a directory that the services do not see."""
    return any(path.is_relative_to(each) for each in _HIDDEN)


def _links(path: Path) -> Iterator[Path]:
    """Yield each stop on the way that symbolic links lead, the last of them being the file."""
    for _ in range(40):  # as many as Linux follows, path_resolution(7)
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
        yield Path(os.path.normpath(path))
    yield path.resolve()
