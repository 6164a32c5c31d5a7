"""A stream of numbered mails into one account, by LMTP, while whatever happens to the watcher happens."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Self

from tests.support.home import mail

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser

_WORDS = "river bridge garden kettle lantern harbour winter orchard pebble meadow signal ferry".split()  # noqa: SIM905


class Stream:
    """Delivers mails in a thread of its own, up to the number that `allow` names; a context manager."""

    def __init__(self, user: MailUser, seed: int) -> None:
        self.sent: set[str] = set()  # Message-IDs that the server has accepted
        self.server_up = threading.Lock()  # held while the server is away
        self._user = user
        self._random = random.Random(seed)
        self._allowed = 0
        self._pause = 0.0
        self._changed = threading.Condition()
        self._over = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def allow(self, number: int, seconds: float) -> None:
        """Deliver as many as this in all, the ones that are missing spread over about so many seconds."""
        with self._changed:
            self._allowed = number
            self._pause = seconds / max(1, number - len(self.sent))
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until all that is allowed has been delivered."""
        with self._changed:
            self._pause = 0.0
            self._changed.wait_for(lambda: len(self.sent) >= self._allowed or self._error is not None)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while self._next():
                number = len(self.sent) + 1
                with self.server_up:
                    self._user.deliver_lmtp(self._mail(number))
                with self._changed:
                    self.sent.add(name(number))
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._over, self._pause * 2 * self._random.random())
        except Exception as error:  # noqa: BLE001  # raised in the thread that waits
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _next(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._over or len(self.sent) < self._allowed)
            return not self._over

    def _mail(self, number: int) -> bytes:
        """Return a mail of 0.5 to 30 KB: faults must hit literals in the midst."""
        words = self._random.choices(_WORDS, k=self._random.choice((40, 200, 1_000, 4_000)))
        lines = [" ".join(words[start : start + 11]) for start in range(0, len(words), 11)]
        return mail(f"No. {number}", "\n".join(lines), message_id=name(number))


def name(number: int) -> str:
    """Return the Message-ID of a mail of the stream."""
    return f"<{number}@stream.example.org>"
