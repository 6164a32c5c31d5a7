"""What a pass took is given back when it ends, not when the garbage collector comes round.

The collector comes when there is a quarter more than there was: for a daemon at rest, after hours. Until then
a vault that was closed keeps its compiled statements, and a connection that broke all that the server said.
"""

from __future__ import annotations

import gc
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.home import numbered
from tests.support.watched import inbox_at, watching
from watcher.deadline import Deadline
from watcher.mailbox.client import Client
from watcher.service import backoff
from watcher.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.fake_imap import Exchange, FakeImap
    from tests.support.home import Home

PASSES = 6
AT_ONCE = 3  # vaults: of the main thread, of who derives, of the pass under way


@pytest.fixture
def there() -> Iterator[Callable[[], Counter[type]]]:
    """Count what passes have made and what is still in memory of it; nobody tidies up behind them."""
    gc.unfreeze()
    gc.collect()
    gc.disable()
    before = _there()
    yield lambda: _there() - before
    gc.enable()


def _there() -> Counter[type]:
    gc.unfreeze()  # whoever derives has put aside what was there when the rules were loaded
    return Counter(type(each) for each in gc.get_objects() if isinstance(each, (Vault, Client, Deadline)))


def test_a_pass_gives_its_vault_and_its_deadlines_back(
    home: Home, server: FakeImap, there: Callable[[], Counter[type]]
) -> None:
    """Each opens the vault for itself and gives each command an end."""
    home.configure("inboxes:\n" + inbox_at(home, server, every="6h"))
    with watching(home) as (_, log):
        for uid in range(2, PASSES + 2):
            assert server.idlers()
            server.add(uid, numbered(uid))
            server.announce()
            log.until_derived(uid)
        assert server.idlers()
        found = there()
    assert found[Vault] <= AT_ONCE
    assert found[Deadline] <= AT_ONCE
    assert found[Client] == 1


@pytest.mark.parametrize("moment", ["CAPABILITY", "EXAMINE", "UID SEARCH"])
def test_a_pass_that_failed_gives_its_connection_back(
    home: Home,
    server: FakeImap,
    there: Callable[[], Counter[type]],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Its error is kept for the report; on it are the frames that it came through, and all they had."""
    monkeypatch.setattr(backoff, "_CONNECTION", (timedelta(seconds=0.01),))
    calls = 0

    def fail(exchange: Exchange) -> None:
        nonlocal calls
        calls += 1
        exchange.hang_up()

    server.on(moment, fail)
    home.configure("inboxes:\n" + inbox_at(home, server, every="6h"))
    with watching(home) as (_, log):
        log.until("inbox_failed", PASSES)
        found = there()
    assert calls >= PASSES
    assert found[Vault] <= AT_ONCE
    assert found[Client] <= AT_ONCE
    assert found[Deadline] <= AT_ONCE
