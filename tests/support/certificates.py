"""Certificates for test servers, good and bad ones, made by the openssl command in a temporary folder."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
LOOPBACK = "DNS:localhost,IP:127.0.0.1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A PEM certificate and its private key."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A certification authority of our own; `cafile` is what a client must trust to accept what it signs."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Make the authority's key and certificate in `folder`; skips the test when openssl is missing."""
        if shutil.which("openssl") is None:
            pytest.skip("no openssl command: apt-get install openssl")
        folder.mkdir(parents=True, exist_ok=True)
        _openssl(
            folder, "req", "-x509", *NEW_KEY,
            "-days", "3650", "-subj", "/CN=Test Authority",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout", "ca-key.pem", "-out", "ca.pem",
        )  # fmt: skip
        return cls(folder)

    @property
    def cafile(self) -> Path:
        """The authority's own certificate."""
        return self.folder / "ca.pem"

    def issue(self, label: str, names: str = LOOPBACK, *, days: int = 3650) -> Certificate:
        """Return a certificate for `names` (subjectAltName syntax); negative `days`: it has expired."""
        made = _request(self.folder, label)
        extensions = self.folder / f"{label}.ext"
        extensions.write_text(f"subjectAltName={names}\n", encoding="ascii")
        _openssl(
            self.folder, "x509", "-req", "-in", f"{label}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem",
            "-CAcreateserial", "-days", str(days), "-extfile", extensions.name, "-out", made.cert.name,
        )  # fmt: skip
        return made

    def self_signed(self, label: str, names: str = LOOPBACK) -> Certificate:
        """Return a certificate that nobody but itself vouches for."""
        made = Certificate(self.folder / f"{label}.pem", self.folder / f"{label}-key.pem")
        _openssl(
            self.folder, "req", "-x509", *NEW_KEY,
            "-days", "3650", "-subj", "/CN=localhost", "-addext", f"subjectAltName={names}",
            "-keyout", made.key.name, "-out", made.cert.name,
        )  # fmt: skip
        return made


def _request(folder: Path, label: str) -> Certificate:
    made = Certificate(folder / f"{label}.pem", folder / f"{label}-key.pem")
    _openssl(
        folder, "req", *NEW_KEY,
        "-subj", "/CN=localhost", "-keyout", made.key.name, "-out", f"{label}.csr",
    )  # fmt: skip
    return made


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr}")
