"""What travels between the first process and a worker, on every Python that the package runs on."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from watcher.derivation.protocol import Frames, Ready, answer, frame
from watcher.record import Layer, ProviderEntry

if TYPE_CHECKING:
    import pytest


def test_an_answer_names_no_function_on_any_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11.2, that of Debian 12, pickles the member of an enum as a call of `getattr`."""
    monkeypatch.setattr(Enum, "__reduce_ex__", lambda self, _: (getattr, (type(self), self.name)))
    ready = Ready("1", (ProviderEntry("example", "Example", next(iter(Layer)), ""),))
    (body,) = Frames().feed(frame(ready))
    assert answer(body) == ready
