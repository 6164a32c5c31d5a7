"""Vaults of several machines in one: each mail once, each delivery kept, ids that stay."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.home import mail
from watcher.batch.merging import merge, owed
from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.home import Home

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def raw(number: int) -> bytes:
    return mail(f"no. {number}", message_id=f"<{number}@example.org>")


def arrive(path: Path, inbox: str, *numbers: int, folder: str = "INBOX") -> None:
    """Mail arrives at a watcher; the UID is the number."""
    with Vault.open(path) as vault:
        box = vault.mailbox(inbox, folder)
        arrivals = [Arrival(n, raw(n), AT, len(raw(n))) for n in numbers]
        vault.store(box.id, arrivals, uidvalidity=1, last_uid=max(numbers))


@pytest.fixture
def machines(tmp_path: Path) -> list[Path]:
    """Two machines whose inboxes share a name and a mail."""
    paths = [tmp_path / name / "vault.db" for name in ("a", "b")]
    arrive(paths[0], "news", 1, 2)
    arrive(paths[1], "news", 2, 3)
    return paths


def messages(vault: Vault) -> list[tuple[bytes, int]]:
    """Every message in the order of the ids, with the number of its deliveries."""
    return [(vault.raw(number), len(vault.deliveries(number))) for number in vault.message_ids()]


def test_one_mail_of_two_machines_is_one_message_with_two_deliveries(
    tmp_path: Path, machines: list[Path]
) -> None:
    """Messages are known by their bytes, deliveries by machine and folder."""
    with Vault.open(tmp_path / "all.db") as target:
        outcomes = [merge(target, path) for path in machines]
        assert messages(target) == [(raw(1), 1), (raw(2), 2), (raw(3), 1)]
        assert {each.inbox for each in target.deliveries(2)} == {"news"}
        assert target.pending_ids() == [1, 2, 3]
    assert [(each.stored, each.duplicate) for each in outcomes] == [(2, 0), (1, 1)]


def test_ids_stay_whatever_is_merged_later_and_in_which_order(tmp_path: Path, machines: list[Path]) -> None:
    """The merged vault numbers a mail when it comes first; only what is new is looked at again."""
    with Vault.open(tmp_path / "all.db") as target:
        for path in machines:
            merge(target, path)
        before = messages(target)
        arrive(machines[0], "news", 7)
        assert owed(target, machines) == 1
        assert [merge(target, path).seen for path in reversed(machines)] == [0, 1]
        assert messages(target) == [*before, (raw(7), 1)]
        assert [merge(target, path).seen for path in machines] == [0, 0]


def test_a_vault_may_move_and_be_a_copy(tmp_path: Path, machines: list[Path]) -> None:
    """A replica is the vault that it was made from: nothing is doubled."""
    with Vault.open(tmp_path / "all.db") as target:
        merge(target, machines[0])
        shutil.copy(machines[0], tmp_path / "replica.db")
        assert merge(target, tmp_path / "replica.db").seen == 0


def test_two_lives_of_one_copy_lose_nothing(tmp_path: Path, machines: list[Path]) -> None:
    """A vault that was restored elsewhere goes on with the same delivery numbers, and with other mail."""
    copy = tmp_path / "copy.db"
    shutil.copy(machines[0], copy)
    arrive(machines[0], "news", 5, 6)
    arrive(copy, "news", 8, folder="Other")
    arrive(copy, "news", 9, 10)
    with Vault.open(tmp_path / "all.db") as target:
        merge(target, machines[0])
        merge(target, copy)
        assert {content for content, _ in messages(target)} == {raw(n) for n in (1, 2, 5, 6, 8, 9, 10)}
        assert target.delivery_count() == 7


def test_an_interrupted_merge_goes_on(
    tmp_path: Path, machines: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch by batch; what was committed is not looked at again, or known."""
    monkeypatch.setattr("watcher.batch.merging._PAGE", 1)
    with Vault.open(tmp_path / "all.db") as target:
        assert merge(target, machines[0], stopped=lambda: True).seen == 1
        assert len(messages(target)) == 1
        rest = merge(target, machines[0])
        assert (rest.seen, rest.stored, rest.known) == (2, 1, 1)
        assert [content for content, _ in messages(target)] == [raw(1), raw(2)]


def test_a_large_batch_is_cut(tmp_path: Path, machines: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds a few megabytes of mail, not a page of the largest."""
    monkeypatch.setattr("watcher.batch.merging._BYTES", 10)
    batches: list[int] = []
    with Vault.open(tmp_path / "all.db") as target:
        merge(target, machines[0], on_batch=batches.append)
    assert batches == [1, 1]


def test_what_was_left_out_there_is_left_out_here_until_it_comes(tmp_path: Path) -> None:
    """A delivery without a message keeps its reason; when its bytes come, they are merged."""
    path = tmp_path / "a.db"
    arrive(path, "news", 1)
    with Vault.open(path) as source, Vault.open(tmp_path / "all.db") as target:
        box = source.mailbox("news", "INBOX")
        source.store(box.id, [Arrival(2, None, AT, 99, skipped="too large")], uidvalidity=1, last_uid=2)
        merge(target, path)
        assert [each.reason for each in target.skips(9)] == ["too large"]
        source.store(box.id, [Arrival(2, raw(2), AT, 99)], uidvalidity=1, last_uid=2)
        merge(target, path)
        assert (target.skips(9), len(messages(target))) == ([], 2)


def test_keys_of_signatures_are_merged(tmp_path: Path, machines: list[Path]) -> None:
    """What proves old mail goes with it, from the first day that anybody saw it to the last."""
    days = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 5)]
    for path, day in zip(machines, reversed(days), strict=True):
        with Vault.open(path, now=lambda day=day: day) as vault:  # type: ignore[misc]
            vault.note_key("example.org", "s1", ["v=DKIM1; p=AAAA"])
    with Vault.open(tmp_path / "all.db") as target:
        for path in machines:
            merge(target, path)
        (key,) = target.kept_keys("example.org", "s1")
    assert [key.looked_up_at, key.confirmed_at] == days


def test_an_empty_vault_is_nothing_to_merge(tmp_path: Path) -> None:
    """A machine that has no mail yet does no harm."""
    Vault.open(tmp_path / "a.db").close()
    with Vault.open(tmp_path / "all.db") as target:
        assert merge(target, tmp_path / "a.db").seen == 0
        assert owed(target, [tmp_path / "a.db"]) == 0


def test_the_command_makes_one_store_of_several_vaults(home: Home, machines: list[Path]) -> None:
    """The vaults of the machines are as they were; done again, nothing changes."""
    vaults = [str(path) for path in machines]
    into = home.root / "merged"
    outcome = home.run("merge", "--into", str(into), *vaults)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == [
        f"{vaults[0]}: 2 deliveries, 2 new mails, 0 same as another, 0 merged before",
        f"{vaults[1]}: 2 deliveries, 1 new mails, 1 same as another, 0 merged before",
        f"{into}/newsletters.db: derived 3, failed 0",
    ]
    home.store = into / "newsletters.db"
    assert home.subjects() == ["no. 1", "no. 2", "no. 3"]
    before = home.dump()
    assert home.run("merge", "--into", str(into), *reversed(vaults)).code == 0
    assert home.dump() == before


def test_a_vault_is_not_merged_into_itself(home: Home) -> None:
    """A slip of the hand is a usage error."""
    arrive(home.vault, "news", 1)
    assert home.run("merge", str(home.vault)).code == 2
