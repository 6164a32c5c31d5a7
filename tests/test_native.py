"""The compiled build: the same records as from the source, and a wheel even where nothing can be compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
CORPUS = PROJECT.parent / "shared" / "corpus"

DERIVE = """
import hashlib, importlib.resources, pathlib, sys
from datetime import UTC, datetime
from watcher.cleaning import COMPILED
from watcher.pipeline import Context, derive
context = Context("inbox", datetime(2026, 1, 1, tzinfo=UTC), addresses=frozenset({"reader@example.org"}))
samples = importlib.resources.files("watcher.demo").joinpath("samples")
mails = [each.read_bytes() for each in sorted(samples.iterdir(), key=lambda each: each.name)]
mails += [each.read_bytes() for each in sorted(pathlib.Path(sys.argv[1]).rglob("*.eml"))]
records = hashlib.sha256("".join(repr(derive(mail, context)) for mail in mails).encode())
print(len(mails), COMPILED, records.hexdigest())
"""


def wheel(into: Path, **environ: str) -> Path:
    """Build a wheel as pip would, with the packages that are installed here."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)],
        cwd=PROJECT,
        env=os.environ | environ,
        check=True,
        capture_output=True,
    )
    (built,) = into.glob("*.whl")
    return built


def records(package: Path) -> tuple[str, str, str]:
    """How many mails were derived, whether by compiled modules, and the digest of all their records."""
    done = subprocess.run(
        [sys.executable, "-c", DERIVE, str(CORPUS)],
        cwd=package,
        env=os.environ | {"PYTHONPATH": str(package)},
        check=True,
        capture_output=True,
        text=True,
    )
    count, compiled, digest = done.stdout.split()
    return count, compiled, digest


def test_a_wheel_without_a_compiler_is_pure_python(tmp_path: Path) -> None:
    """It fits every machine, and holds no library."""
    built = wheel(tmp_path, WATCHER_PURE="1")
    assert built.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(built).namelist() if name.endswith(".so")]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_compiled_wheel_gives_the_same_records(tmp_path: Path) -> None:
    """Byte for byte, for the samples and, where it lies beside the project, for the corpus."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if not (shutil.which(compiler) and Path(sysconfig.get_path("include"), "Python.h").exists()):
        pytest.skip("needs a C compiler and the headers of this Python")
    built = wheel(tmp_path)
    package = tmp_path / "package"
    zipfile.ZipFile(built).extractall(package)
    count, compiled, digest = records(package)
    assert compiled == "True"
    assert (count, "False", digest) == records(PROJECT)
