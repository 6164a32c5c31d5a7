"""A camera: a worker with a browser in it, started for the first mail, watched, and replaced when it breaks.

A mail gets so many seconds and its browser so much memory; whoever takes more loses that mail alone, with the
reason, and the next one finds a new browser.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from watcher.rendering import isolation, processes, protocol
from watcher.rendering.browser import find_browser
from watcher.rendering.model import Picture, Reader, Shot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

DEADLINE: Final = 20.0  # seconds for all pictures of one mail
MEMORY: Final = 1 << 30  # bytes for the worker and its browser; ordinary mail leaves half of it free

_WORKER: Final = "watcher.rendering.worker"
_START: Final = 60.0  # seconds until the browser is up, on a busy machine with a cold disk
_FAREWELL: Final = 3.0  # seconds for a browser to close by itself
_LOOK: Final = 0.1  # seconds between two looks at the memory
_ENV: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "FONTCONFIG_FILE",
    "COVERAGE_PROCESS_CONFIG",
    "COVERAGE_PROCESS_START",
)

_Frame = tuple[dict[str, Any], list[bytes]]


class CameraUnusableError(Exception):
    """No picture can be made on this machine; the message says what to do. No mail is to blame."""


class Camera:
    """Makes pictures of mails, one at a time. A context manager; nothing is started before the first mail."""

    def __init__(self, browser: str = "", *, deadline: float = DEADLINE, memory: int = MEMORY) -> None:
        self._program = browser
        self._deadline = deadline
        self._memory = memory
        self._worker: _Worker | None = None
        self.alone = False  # the last browser had no network at all
        self.peak = 0  # bytes that a worker and its browser held at most
        self.started = 0  # browsers

    def take(self, raw: bytes, reader: Reader, fetched: Mapping[str, bytes] | None = None) -> Shot:
        """Make the pictures of one mail.

        `fetched`: pictures that the owner has of it, by `source_of` their URL. Raises `CameraUnusableError`
        when there can be no browser.
        """
        pictures = dict(fetched or {})
        header = {
            "addresses": sorted(reader.addresses),
            "names": sorted(reader.names),
            "fetched": list(pictures),
        }
        worker = self._ready()
        frame, reason = worker.ask(header, [raw, *pictures.values()], self._deadline, self._memory)
        self.peak = max(self.peak, worker.peak)
        if frame is None:
            self._end(patience=0)
            return Shot(reason=reason)
        if frame[0].get("ended"):
            self._end(patience=0)
        return _shot(frame)

    def _ready(self) -> _Worker:
        if self._worker is None:
            self._worker = _Worker(find_browser(self._program))
            self.started += 1
            self.alone = self._worker.begin()
        return self._worker

    def close(self) -> None:
        """End the browser, if there is one; the next mail starts another."""
        self._end(patience=_FAREWELL)

    def _end(self, patience: float) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end(patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _shot(frame: _Frame) -> Shot:
    header, blobs = frame
    if header["reason"]:
        return Shot(reason=str(header["reason"]))
    thumbnail, *pictures = (
        Picture(int(width), int(height), content, bool(cut))
        for (width, height, cut), content in zip(header["pictures"], blobs, strict=True)
    )
    return Shot(tuple(pictures), thumbnail)


class _Worker:
    """One process of `watcher.rendering.worker`."""

    def __init__(self, program: str) -> None:
        self.peak = 0
        self._home = Path(tempfile.mkdtemp(prefix="watcher-browser-"))
        if os.geteuid() == 0:
            os.chown(self._home, isolation.owner(), isolation.owner())
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", _WORKER, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Nothing of ours: no credentials directory, no notification socket, no desktop session.
            env={name: os.environ[name] for name in _ENV if name in os.environ}
            | {"HOME": str(self._home), "TMPDIR": str(self._home)},
            start_new_session=True,
        )
        self._reader = ThreadPoolExecutor(1, "camera")

    def begin(self) -> bool:
        """Wait until the browser is up; whether it has no network. Raises `CameraUnusableError`."""
        frame, reason = self._answer(_START, None)
        said = frame[0] if frame is not None else {}
        if said.get("ready"):
            return bool(said.get("alone"))
        self.end()
        raise CameraUnusableError(_remedy(str(said.get("trouble", "")), reason))

    def ask(
        self, header: dict[str, Any], blobs: list[bytes], deadline: float, memory: int
    ) -> tuple[_Frame | None, str]:
        """Hand a mail over and wait; the answer, or why there is none."""
        assert self._process.stdin is not None  # noqa: S101  # a pipe
        # A worker reads all of a mail before it does anything with it: this cannot wait for long.
        with suppress(BrokenPipeError):
            protocol.write(self._process.stdin, header, blobs)  # type: ignore[arg-type]
        return self._answer(deadline, memory)

    def _answer(self, deadline: float, memory: int | None) -> tuple[_Frame | None, str]:
        assert self._process.stdout is not None  # noqa: S101  # a pipe
        answer: Future[_Frame | None] = self._reader.submit(protocol.read, self._process.stdout)  # type: ignore[arg-type]
        until = time.monotonic() + deadline
        while not wait([answer], _LOOK).done:
            if memory is not None:
                held = processes.memory(self._process.pid)
                self.peak = max(self.peak, held)
                if held > memory:
                    return None, f"the browser took more than {memory >> 20} MB"
            if time.monotonic() > until:
                return None, f"it was not drawn within {deadline:g} seconds"
        try:
            return answer.result(), "the browser ended"
        except protocol.Broken as error:
            return None, f"the worker's answer cannot be read: {error}"

    def end(self, patience: float = 0) -> None:
        """End the worker and its browser, whatever they do; `patience`: seconds to do it by themselves."""
        if patience and self._process.stdin is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                self._process.stdin.close()
                self._process.wait(patience)
        processes.end(self._process.pid)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._reader.shutdown()
        shutil.rmtree(self._home, ignore_errors=True)


def _remedy(trouble: str, reason: str) -> str:
    if "No module named" in trouble:
        return "Playwright is not installed; run: pip install 'newsletter-watcher[screenshots]'"
    if "sandbox" in trouble.lower():
        return (
            "Chromium cannot make its sandbox: this system lets no ordinary user have a user namespace "
            "(kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, or a "
            "container's seccomp profile). Allow that; mail is not drawn without the sandbox"
        )
    if "EACCES" in trouble or "Permission" in trouble:
        return (
            "root's browser runs as nobody, who cannot read this installation; install below /opt, or run "
            "the command as the user who owns the archive"
        )
    return f"the browser did not start: {trouble.splitlines()[0] if trouble else reason}"
