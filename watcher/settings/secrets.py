"""Passwords are not in the settings: a reference says where each is, and it is read when it is used."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMAND_SECONDS = 10.0
_MOST_BYTES = 65_536  # of a file or a command's output: OAuth tokens reach a few thousand
_OTHERS = stat.S_IRWXO


class SecretError(Exception):
    """A secret is not where the settings say. The message names inbox and place, never what is there."""


class SecretKind(StrEnum):
    """Where a secret can be."""

    CREDENTIAL = "credential"  # a file of that name in $CREDENTIALS_DIRECTORY, put there by systemd
    FILE = "file"
    ENV = "env"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where the password of `inbox` is: `value` is the name, the path, or the command's argument list."""

    inbox: str
    kind: SecretKind
    value: tuple[str, ...] = field(repr=False)  # arguments of a command may be secret themselves

    def read(self, environ: Mapping[str, str]) -> str:
        """Return the secret, one line without its line break.

        A command runs without a shell, without a terminal, and for at most ten seconds. Raises `SecretError`.
        """
        match self.kind:
            case SecretKind.CREDENTIAL:
                return self._one_line(self._credential(environ), f"the credential {self.value[0]}")
            case SecretKind.FILE:
                return self._one_line(
                    self._file(Path(self.value[0]), private=True), f"the file {self.value[0]}"
                )
            case SecretKind.ENV:
                return self._one_line(self._variable(environ), f"the environment variable {self.value[0]}")
            case SecretKind.COMMAND:
                first, _, _ = self._output(environ).partition(b"\n")
                return self._one_line(first, f"the first line that {self._program} prints")

    @property
    def _program(self) -> str:
        return f"the command {Path(self.value[0]).name}"

    def _error(self, what: str) -> SecretError:
        return SecretError(f"inbox {self.inbox}: {what}")

    def _one_line(self, content: bytes, what: str) -> str:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise self._error(f"{what} is not UTF-8 text") from None
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise self._error(f"{what} is empty")
        if any(char in text for char in "\r\n\0"):
            raise self._error(f"{what} has more than one line; a password is one line")
        return text

    def _credential(self, environ: Mapping[str, str]) -> bytes:
        name = self.value[0]
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise self._error(
                f"the credential {name} exists only under systemd ($CREDENTIALS_DIRECTORY is not set): "
                f"put `LoadCredential={name}:/PATH` in the unit, or use {{file: PATH}}"
            )
        return self._file(
            Path(folder, name), private=False, remedy=f"put `LoadCredential={name}:/PATH` in the unit"
        )

    def _file(self, path: Path, *, private: bool, remedy: str = "check the path") -> bytes:
        """Open first and examine then, so that what is examined is what is read; a pipe does not block."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise self._error(f"there is no file {path}: {remedy}") from None
        except OSError as error:
            raise self._error(f"the file {path} cannot be opened: {error.strerror}") from None
        with open(descriptor, "rb") as file:  # noqa: PTH123  # it is a descriptor, not a path
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise self._error(f"{path} is not a regular file")
            if private and status.st_mode & _OTHERS:
                raise self._error(
                    f"everybody on this machine may use the file {path}: run `chmod o-rwx {path}`"
                )
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise self._error(f"the file {path} has more than {_MOST_BYTES:,} bytes; is it the right file?")
        return content

    def _variable(self, environ: Mapping[str, str]) -> bytes:
        value = environ.get(self.value[0])
        if value is None:
            raise self._error(f"the environment variable {self.value[0]} is not set")
        return value.encode(errors="surrogateescape")

    def _output(self, environ: Mapping[str, str]) -> bytes:
        try:
            process = subprocess.Popen(  # noqa: S603  # a list of arguments, from the operator's own settings
                self.value,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # may quote the secret
                env=dict(environ),
                start_new_session=True,  # so that what the command starts ends with it
            )
        except OSError as error:
            raise self._error(f"{self._program} cannot be started: {error.strerror}") from None
        with process:
            try:
                output, status = self._collect(process)
            except SecretError:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        if status != 0:
            how = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
            raise self._error(f"{self._program} {how}; run it by hand to see why")
        return output

    def _collect(self, process: subprocess.Popen[bytes]) -> tuple[bytes, int]:
        """Return all that the command prints, and its exit status."""
        assert process.stdout is not None  # noqa: S101  # it was asked for
        deadline = time.monotonic() + _COMMAND_SECONDS
        poll = select.poll()  # select() ends at 1,024 open files, and a daemon with many inboxes has more
        poll.register(process.stdout, select.POLLIN)
        output = b""
        try:
            while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                piece = os.read(process.stdout.fileno(), _MOST_BYTES)
                output += piece
                if len(output) > _MOST_BYTES:
                    raise self._error(f"{self._program} printed more than {_MOST_BYTES:,} bytes")
                if not piece:
                    return output, process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        raise self._error(
            f"{self._program} did not end within {_COMMAND_SECONDS:.0f} seconds; run it by hand to see why"
        )
