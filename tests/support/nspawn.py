"""A machine with a real systemd for tests: this one's files under an overlay, booted by systemd-nspawn.

It boots in about a second, has every program that this machine has and a network of its own that ends at
loopback. What it writes is in memory and gone afterwards; this machine's files stay untouched. Needs root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
VENV = Path("/opt/watcher/venv")
_PROGRAMS = {"systemd-nspawn": "systemd-container", "nsenter": "util-linux", "mount": "mount"}
_BOOT_SECONDS = 20.0
_COMMAND_SECONDS = 30.0
_PATIENCE = 30.0  # seconds until something that must happen counts as never happening
_HOMES = ("/home", "/root", "/run/user", "/tmp")  # noqa: S108  # what the units hide


def missing() -> str:
    """Why no machine can be booted here; empty when it can."""
    if os.geteuid() != 0:
        return "systemd-nspawn needs root"
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            return f"no {program}: apt-get install {package}"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "this kernel has no overlayfs"
    if interpreter() is None:
        return "this Python lives below a home directory, and the system has none of its version"
    return ""


def interpreter() -> Path | None:
    """A Python of the version that runs the tests which a service can reach; None when there is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.base_prefix, "bin", version), Path("/usr/bin", version)):
        if candidate.exists() and not any(candidate.resolve().is_relative_to(home) for home in _HOMES):
            return candidate
    return None


@dataclass(frozen=True, slots=True)
class Machine:
    """The running machine. `root` is its tree as seen from here (without its /run and /tmp)."""

    root: Path
    leader: int  # process id of its systemd

    def run(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "--", *map(str, command)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
        if check and done.returncode:
            words = " ".join(map(str, command))
            raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def run_as(self, user: str, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside as `user`, with all of its groups."""
        return self.run("runuser", "-u", user, "--", *command, check=check)

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, unit: str) -> str:
        """Return all that the unit and systemd have said about it."""
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def wait_for(self, condition: Callable[[], bool], unit: str) -> None:
        """Return when `condition` holds; fail with the unit's journal when it never does."""
        end = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"it did not happen; the journal of {unit}:\n{self.journal(unit)}")
            time.sleep(0.05)  # systemd's properties cannot be awaited without a bus connection

    def write(self, path: str | Path, text: str, mode: int = 0o644) -> None:
        """Write a file into the machine."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def path(self, path: str | Path) -> Path:
        """Where a file of the machine is, seen from here."""
        return self.root / str(path).lstrip("/")


@contextlib.contextmanager
def booted() -> Iterator[Machine]:
    """Boot a machine with the package installed in `VENV` as a wheel would be; power it off in the end.

    Raises `BootError` when this environment does not let a container start.
    """
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="machine-")))
        tree = _overlay(home, stack)
        _empty(tree)
        _install_package(tree)
        with _nspawn(tree, home / "console") as leader:
            machine = Machine(tree, leader)
            machine.run("systemctl", "is-system-running", "--wait", check=False)
            yield machine
            machine.run("systemctl", "poweroff", check=False)


class BootError(Exception):
    """No container starts here; the message says what refused it."""


def _overlay(home: Path, stack: contextlib.ExitStack) -> Path:
    memory, tree = home / "memory", home / "tree"
    memory.mkdir()
    tree.mkdir()
    _mount(stack, memory, "-t", "tmpfs", "-o", "mode=0755", "tmpfs")
    upper, work = memory / "upper", memory / "work"
    upper.mkdir()
    work.mkdir()
    _mount(stack, tree, "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}")
    return tree


def _mount(stack: contextlib.ExitStack, target: Path, *what: str) -> None:
    done = subprocess.run(["mount", *what, target], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BootError(f"mount: {done.stderr.strip()}")
    stack.callback(lambda: subprocess.run(["umount", "--lazy", target], check=True))


def _empty(tree: Path) -> None:
    """Take out what would make it a second copy of this machine: its services, disks and identity."""
    for wants in tree.glob("etc/systemd/system/*.wants"):
        shutil.rmtree(wants)
    for name in ("etc/machine-id", "etc/fstab"):
        (tree / name).write_text("")
    for name in ("cron.service", "ssh.service", "apt-daily.timer", "apt-daily-upgrade.timer", "man-db.timer"):
        mask = tree / "etc/systemd/system" / name
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")


def _install_package(tree: Path) -> None:
    """Make `VENV`: this checkout's package with what the wheel carries, and the tests' own dependencies."""
    python = interpreter()
    assert python is not None
    venv = tree / VENV.relative_to("/")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = venv / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(python)
    (venv / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
    (packages / "dependencies.pth").write_text("/opt/watcher/dependencies\n/opt/watcher/checkout\n")
    for name in ("dependencies", "checkout"):
        (venv.parent / name).mkdir()
    shutil.copytree(ROOT / "watcher", packages / "watcher", ignore=shutil.ignore_patterns("__pycache__"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for source, target in carried.items():
        shutil.copytree(ROOT / source, packages / target)
    shutil.copytree(ROOT / "tests" / "support", venv.parent / "checkout" / "tests" / "support")
    for path in venv.parent.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    script = venv / "bin" / "watcher"
    script.write_text(f"#!{VENV}/bin/python\nfrom watcher.cli import main\n\nmain()\n")
    script.chmod(0o755)


@contextlib.contextmanager
def _nspawn(tree: Path, console: Path) -> Iterator[int]:
    """Boot the tree; the process id of its systemd, once that takes commands."""
    dependencies = next(each for each in sys.path if each.endswith("site-packages"))
    command = ["systemd-nspawn", f"--directory={tree}", "--boot", "--register=no", "--keep-unit"]
    command += ["--private-network", f"--machine=watcher-test-{os.getpid()}", "--console=pipe"]
    command += [f"--bind-ro={dependencies}:/opt/watcher/dependencies", "--quiet"]
    with console.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield _leader(process, console)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    finally:
        # The kernel would end its systemd with it, but not one that has executed itself anew.
        left = [*_children(process.pid)]
        process.kill()
        process.wait()
        for child in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def _leader(process: subprocess.Popen[bytes], console: Path) -> int:
    end = time.monotonic() + _BOOT_SECONDS
    while process.poll() is None and time.monotonic() < end:
        for child in _children(process.pid):
            if _takes_commands(child):
                return child
        time.sleep(0.02)
    said = console.read_text(errors="replace").strip().splitlines()
    raise BootError(f"systemd-nspawn: {said[-1] if said else 'systemd did not come up'}")


def _children(parent: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())


def _takes_commands(leader: int) -> bool:
    """Whether this process is a systemd whose private socket is there."""
    with contextlib.suppress(OSError):
        socket = Path("/proc", str(leader), "root", "run", "systemd", "private")
        return Path(f"/proc/{leader}/comm").read_text() == "systemd\n" and stat.S_ISSOCK(
            socket.stat().st_mode
        )
    return False
