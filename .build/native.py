"""Compiles the cleaning room while a wheel is built; where there is no C compiler the wheel is pure Python.

mypyc turns the typed modules as they stand into C: there is no second source, and the records are the same
byte for byte. An editable install (`pip install -e`) is never compiled, for there a stale library would hide
the source that somebody is editing. WATCHER_PURE=1 keeps a wheel from being compiled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = Path("watcher") / "cleaning"
"""Where nearly all of the time of a record goes."""


class NativeBuildHook(BuildHookInterface[Any]):
    """Adds the compiled modules to a wheel, beside their sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the compilation needs; nothing where there is none."""
        return ["mypy>=1.15", "setuptools>=70", "selectolax>=1.0"] if is_possible() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless the install is editable. A failure costs speed, never the build."""
        if version == "editable" or not is_possible():
            return
        self._directory = tempfile.TemporaryDirectory()
        try:
            built = compiled(Path(self.root), Path(self._directory.name))
        except subprocess.CalledProcessError as error:
            self.app.display_warning(f"the wheel stays pure Python, and slower:\n{error.stderr}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update({str(path): name for name, path in built.items()})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was built on the way."""
        del version, build_data, artifact_path
        if hasattr(self, "_directory"):
            self._directory.cleanup()


def is_possible() -> bool:
    """Whether there is a compiler with the headers of this Python, and nobody asked for pure Python."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return not os.environ.get("WATCHER_PURE") and shutil.which(compiler) is not None and headers.exists()


def compiled(root: Path, into: Path) -> dict[str, Path]:
    """Compile the room into the folder `into`: the libraries by their path in the wheel.

    Raises `subprocess.CalledProcessError` with the compiler's words in `stderr`.
    """
    # A process of its own: the compilers write to the terminal, change what Python has loaded, and may exit.
    subprocess.run(
        [sys.executable, __file__, str(into.absolute())], cwd=root, check=True, capture_output=True, text=True
    )
    libraries = into / "libraries"
    return {path.relative_to(libraries).as_posix(): path for path in sorted(libraries.rglob("*.*"))}


def _compile(into: Path) -> None:
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    modules = sorted(str(path) for path in ROOM.rglob("*.py") if path.name != "__init__.py")
    # No settings file: what the project asks of mypy is checked elsewhere, with plugins that are not here.
    extensions = mypycify(
        ["--config-file=", f"--cache-dir={into / 'cache'}", "--follow-imports=silent", *modules],
        opt_level="2",
        debug_level="0",
        group_name="watcher",
        multi_file=True,
        target_dir=str(into / "c"),
    )
    command = build_ext(Distribution({"name": "watcher", "ext_modules": extensions}))
    command.build_lib, command.build_temp = str(into / "libraries"), str(into / "objects")
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    _compile(Path(sys.argv[1]))
