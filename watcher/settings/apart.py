"""Reading the settings in a process of its own: YAML and pydantic take 14 MB, and a daemon needs them once.

    reading = Reading(path)          # it begins at once; meanwhile other things can be done
    settings, senders = reading.result()

What comes back are the plain frozen values, pickled. `python -m watcher.settings.apart FILE` is that process.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from watcher import settings as room
from watcher.settings.problems import SettingsError

if TYPE_CHECKING:
    from watcher.settings.values import SenderSettings, Settings


class Reading:
    """Reads an inboxes.yaml and the senders.yaml that it names, beside this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found_here = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603  # ourselves
                [sys.executable, "-P", "-m", "watcher.settings.apart", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env={**_environment(), "PYTHONPATH": found_here},
            )
        except OSError:  # no process is to be had now
            self._process = None

    def result(self) -> tuple[Settings, tuple[SenderSettings, ...]]:
        """Wait for the settings; to be called once. Raises `SettingsError` with every problem of the file.

        Where no process can do it they are read here: it is only dearer.
        """
        if self._process is None:
            return _read(self._path)
        said, _ = self._process.communicate()
        if self._process.returncode:
            return _read(self._path)
        outcome = pickle.loads(said)  # noqa: S301  # our own program wrote it, for us alone
        if isinstance(outcome, SettingsError):
            raise outcome
        settings, senders = outcome
        return settings, senders


def _environment() -> dict[str, str]:
    """What Python and a `~` in a path need; no password, which `{env: NAME}` may have anywhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in {"HOME", "LANG", "PATH", "TMPDIR"}
        or name.startswith(("COVERAGE_", "LC_", "LD_", "PYTHON"))
    }


def _read(path: Path) -> tuple[Settings, tuple[SenderSettings, ...]]:
    settings = room.load(path)
    return settings, room.load_senders(settings.senders)


def main() -> None:
    """Read the file that is named, and write what it says, or what is wrong with it, to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is for the one who waits to report
    try:
        outcome: object = _read(Path(sys.argv[1]))
    except SettingsError as error:
        outcome = error
    sys.stdout.buffer.write(pickle.dumps(outcome))


if __name__ == "__main__":
    main()
