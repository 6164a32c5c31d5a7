"""Fixtures for every room: the corpora beside the project, and a network that ends at loopback."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.dovecot", "tests.support.home"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A test process for each processor, and one for the tests that wait for a server or a browser.

    None beside this one for files by name: they would start longer.
    """
    return 0 if any(".py" in each for each in config.args) else len(os.sched_getaffinity(0)) + 1


def pytest_collection(session: pytest.Session) -> None:
    """In a plain run measure no coverage in the processes that tests start: that costs a fifth more."""
    if session.config.option.markexpr == "not slow":
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


SHARED = Path(os.environ.get("WATCHER_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def _beside(name: str) -> Path:
    folder = SHARED / name
    if not (folder / "MANIFEST.csv").is_file():
        pytest.skip(f"no ../shared/{name} beside the project: these tests are left out")
    return folder


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real mail; test input only."""
    return _beside("corpus")


@pytest.fixture(scope="session")
def gold() -> Path:
    """The folder of labelled newsletters; test input only."""
    return _beside("gold")


class OutsideConnectionError(AssertionError):
    """Something under test tried to reach a host that is not this machine."""


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a unix socket's path
    host = str(address[0])
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in {"", "localhost"}


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail any test that connects to, or resolves, a host other than this machine."""
    connect, connect_ex, resolve = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: object) -> None:
        if not _is_local(address):
            raise OutsideConnectionError(f"connection attempted to {address!r}")
        connect(self, address)  # type: ignore[arg-type]

    def guarded_connect_ex(self: socket.socket, address: object) -> int:
        if not _is_local(address):
            raise OutsideConnectionError(f"connection attempted to {address!r}")
        return connect_ex(self, address)  # type: ignore[arg-type]

    def guarded_resolve(host: object, *args: object, **kwargs: object) -> object:
        text = host.decode() if isinstance(host, bytes) else str(host or "")
        if text not in {"", "None"} and not _is_local((text,)) and not text.endswith(".invalid"):
            raise OutsideConnectionError(f"name looked up: {text!r}")
        return resolve(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)
