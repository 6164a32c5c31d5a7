"""The faults: each strikes once at a random moment while mail is coming in, and leaves things to recover."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tests.support.fault_proxy import Fault, FaultProxy

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.service import Service
    from tests.faults.stream import Stream
    from tests.support.dovecot import MailUser
    from tests.support.home import Home

_MIB = 1 << 20
_STRUCK_WITHIN = 20.0  # seconds in which some answer of the server must pass


class SkippedError(Exception):
    """This fault cannot be made on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Who takes part."""

    home: Home
    user: MailUser
    stream: Stream
    service: Service
    random: random.Random


class Strike(Protocol):
    """One kind of fault."""

    def strike(self, scene: Scene) -> bool:
        """Do it once and undo it; whether the watcher was at work in that moment."""


class Cut:
    """The network is cut by the proxy after a random number of bytes, for a random while."""

    def __init__(self, proxy: FaultProxy, fault: Fault, most: int) -> None:
        self._proxy = proxy
        self._fault = fault
        self._most = most  # bytes that pass before

    def strike(self, scene: Scene) -> bool:
        """See `Strike`."""
        self._proxy.shift = scene.random.choice((-400, -7, 7, 4_000))
        self._proxy.harm(self._fault, scene.random.randrange(self._most + 1))
        struck = self._proxy.struck.wait(_STRUCK_WITHIN)
        time.sleep(0.3 * scene.random.random())
        self._proxy.fault = Fault.NONE
        return struck


class ServerGone:
    """The mail server is killed, and started again after a while."""

    def strike(self, scene: Scene) -> bool:
        """See `Strike`."""
        server = scene.user.server
        time.sleep(0.5 * scene.random.random())
        with scene.stream.server_up:  # LMTP in the midst of a death may deliver and deny it
            server.stop()
            time.sleep(0.3 * scene.random.random())
            server.start()
        return True


class OtherUidvalidity:
    """Every UID changes its meaning, as after a mailbox was restored."""

    def __init__(self) -> None:
        self._next = 2_000_000_000

    def strike(self, scene: Scene) -> bool:
        """See `Strike`."""
        time.sleep(0.5 * scene.random.random())
        self._next += 1
        scene.user.set_uidvalidity(self._next)
        return True


class FullDisk:
    """The disk of the archive has no byte left for a while."""

    def strike(self, scene: Scene) -> bool:
        """See `Strike`."""
        filler = scene.home.vault.parent / "filler"
        time.sleep(0.2 * scene.random.random())
        with filler.open("wb", buffering=0) as file:
            for size in (_MIB, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        before = len(scene.stream.sent)
        scene.service.until(lambda: len(scene.stream.sent) > before, 5)
        time.sleep(0.5 * scene.random.random())
        filler.unlink()
        return len(scene.stream.sent) > before


@contextlib.contextmanager
def small_disk(folder: Path, mails: int) -> Iterator[None]:
    """A tmpfs that has room for so many mails, and not for much more."""
    if os.geteuid() != 0:
        raise SkippedError("only root may mount a small file system")
    folder.mkdir(parents=True, exist_ok=True)
    size = 16 + mails * 60 // 1_000
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SkippedError(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
