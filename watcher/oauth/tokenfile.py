"""The file of a token: 0600, replaced in one step, and changed by one process at a time.

Beside `NAME.json` lie `NAME.json.lock`, which stays, and for a moment `NAME.json.new`. Only the holder of the
lock writes; reading needs no lock, because the file is whole at any time.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from watcher.oauth.errors import EndpointBusy, TokenFileError
from watcher.oauth.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MOST_BYTES = 65_536
"""A token of Microsoft's has about 2,500 characters, twice that with the refresh token."""

_LOCK_SECONDS = 90.0  # longer than a request to an endpoint can take
_LOCK_PAUSE = 0.05
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TokenFile:
    """Where a token is kept. Any number of processes and threads may use the same path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Token | None:
        """Return the token; None when there is none yet. Raises `TokenFileError`."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error("cannot be opened", error) from None
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is a descriptor, not a path
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise TokenFileError(f"{self.path} is not a regular file")
            if status.st_mode & _OTHERS:
                raise TokenFileError(
                    f"others may use the token file {self.path}: run `chmod 600 {self.path}`"
                )
            content = file.read(_MOST_BYTES)
        try:
            return Token.from_json(content)
        except (ValueError, RecursionError):  # without the cause: it quotes the content
            raise TokenFileError(f"{self.path} is not a token file: delete it and sign in again") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process and thread from changing the token meanwhile.

        Raises `TokenFileError` when nothing can be written here, and `EndpointBusy` when another holds the
        lock for more than a minute and a half.
        """
        self._make_directory()
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._error("cannot be locked", error) from None
        try:
            try:
                _give_to_owner_of_directory(descriptor, self.path)
            except OSError as error:
                raise self._error("cannot be given to the owner of its directory", error) from None
            self._wait_for_lock(descriptor)
            yield
        finally:
            os.close(descriptor)  # lets the lock go

    def _wait_for_lock(self, descriptor: int) -> None:
        # flock belongs to the open file, so threads exclude each other too; it ends with its process.
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() > deadline:
                raise EndpointBusy("another process has been renewing the token for too long")
            time.sleep(_LOCK_PAUSE)

    @contextmanager
    def replacing(self) -> Iterator[Callable[[Token], None]]:
        """Lend the function that replaces the token; the caller holds the lock.

        Room on the disk is taken first: a provider may make the old token worthless when it gives the new
        one, so nothing may go wrong between having it and keeping it. Raises `TokenFileError`.
        """
        new = self.path.with_name(self.path.name + ".new")
        try:
            with suppress(FileNotFoundError):
                new.unlink()  # of a process that was killed
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._error("cannot be replaced", error) from None
        written = False

        def write(token: Token) -> None:
            nonlocal written
            content = token.to_json()
            if len(content) > _MOST_BYTES:
                raise TokenFileError(f"the token is longer than the {_MOST_BYTES:,} bytes that are kept")
            try:
                os.pwrite(descriptor, content, 0)
                os.ftruncate(descriptor, len(content))
                os.fsync(descriptor)
                new.replace(self.path)
                written = True
                _sync_directory(self.path)
            except OSError as error:
                raise self._error("cannot be written", error) from None

        try:
            try:
                os.fchmod(descriptor, 0o600)
                _give_to_owner_of_directory(descriptor, self.path)
                os.posix_fallocate(descriptor, 0, _MOST_BYTES)
            except OSError as error:
                raise self._error("cannot be replaced", error) from None
            yield write
        finally:
            os.close(descriptor)
            if not written:
                with suppress(OSError):
                    new.unlink()

    def _make_directory(self) -> None:
        directory = self.path.parent
        try:
            if not directory.exists():
                directory.parent.mkdir(parents=True, exist_ok=True)
                directory.mkdir(mode=0o700, exist_ok=True)
                if os.geteuid() == 0:
                    owner = directory.parent.stat()
                    os.chown(directory, owner.st_uid, owner.st_gid)
            mode = directory.stat().st_mode
        except OSError as error:
            raise self._error("has no directory", error) from None
        if mode & stat.S_IWOTH:
            raise TokenFileError(f"everybody may change files in {directory}: run `chmod o-w {directory}`")

    def _error(self, what: str, error: OSError) -> TokenFileError:
        remedy = (
            "; does it belong to the user that the watcher runs as?"
            if isinstance(error, PermissionError)
            else ""
        )
        return TokenFileError(f"the token file {self.path} {what}: {error.strerror}{remedy}")


def _give_to_owner_of_directory(descriptor: int, path: Path) -> None:
    """Let the service's user read what root wrote for it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
