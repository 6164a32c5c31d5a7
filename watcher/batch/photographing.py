"""Screenshots of what is in the vault: which mails have none yet, and making them."""

from __future__ import annotations

import queue
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from watcher.derivation import Assignment
from watcher.derivation.contexts import Contexts
from watcher.rendering import Camera, Reader, Shot
from watcher.vault import MessageDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watcher.rendering import Media
    from watcher.settings import Settings
    from watcher.vault import Vault

_AHEAD = 2  # mails for each camera that are read before they are its turn


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the mails."""

    drawn: int = 0
    without: int = 0  # that have a reason in place of pictures
    peak: int = 0  # bytes of memory that one browser and its worker held at most
    browsers: int = 0  # that were started
    alone: bool = True  # each of them without any network


def outstanding(vault: Vault, media: Media, *, again: bool = False, failed: bool = False) -> list[int]:
    """The mails to draw, the newest first: those without an outcome of this version, or what is asked for."""
    if failed:
        return sorted(media.failed(), reverse=True)
    derived = vault.derived_ids()
    return sorted(derived if again else derived - media.settled(), reverse=True)


def photograph(
    settings: Settings,
    vault: Vault,
    media: Media,
    ids: Sequence[int],
    *,
    workers: int = 1,
    browser: str = "",
    stopped: Callable[[], bool] = lambda: False,
    on_mail: Callable[[], None] = lambda: None,
) -> Taken:
    """Draw these mails and keep what comes out, until all are done or `stopped()` says so.

    Raises `CameraUnusableError` when no browser can be had; what was drawn until then stays.
    """
    with _Studio(settings, vault, media, workers, browser) as studio:
        for number in ids:
            if stopped():
                break
            studio.take(number)
            for _ in range(studio.collect(workers * _AHEAD - 1)):
                on_mail()
        for _ in range(studio.collect(0)):
            on_mail()
        return studio.taken


class _Studio:
    """Cameras at work: mails are handed to whichever is free, outcomes are written by this thread alone."""

    def __init__(self, settings: Settings, vault: Vault, media: Media, workers: int, browser: str) -> None:
        self._vault = vault
        self._media = media
        self._contexts = Contexts(Assignment.of(settings, ()))
        self._cameras = [Camera(browser) for _ in range(workers)]
        self._free: queue.SimpleQueue[Camera] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(workers, "camera")
        self._waiting: dict[Future[Shot], int] = {}
        self._drawn = self._without = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for camera in self._cameras:
            self._stack.enter_context(camera)
            self._free.put(camera)
        self._stack.callback(self._pool.shutdown, cancel_futures=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def taken(self) -> Taken:
        """What became of the mails so far."""
        return Taken(
            self._drawn,
            self._without,
            max(camera.peak for camera in self._cameras),
            sum(camera.started for camera in self._cameras),
            all(camera.alone for camera in self._cameras if camera.started),
        )

    def take(self, number: int) -> None:
        """Hand a mail to a camera."""
        try:
            raw = self._vault.raw(number)
        except MessageDamaged:
            self._keep(number, Shot(reason="its bytes in the vault are damaged"))
            return
        source = self._vault.source(number)
        context = self._contexts.of(source.inbox, source.internal_date)
        reader = Reader(context.addresses, context.names)
        self._waiting[self._pool.submit(self._shoot, raw, reader, self._media.images(number))] = number

    def _shoot(self, raw: bytes, reader: Reader, images: dict[str, bytes]) -> Shot:
        camera = self._free.get()
        try:
            return camera.take(raw, reader, images)
        finally:
            self._free.put(camera)

    def collect(self, most: int) -> int:
        """Wait until at most so many mails are on their way; returns how many were settled."""
        settled = 0
        while len(self._waiting) > most:
            done, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
            for future in done:
                self._keep(self._waiting.pop(future), future.result())
                settled += 1
        return settled

    def _keep(self, number: int, shot: Shot) -> None:
        self._media.keep(number, shot)
        if shot.reason:
            self._without += 1
        else:
            self._drawn += 1
