"""Mail as it arrives, some of it deadly: what becomes of it, and of its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import hostile_worker
from tests.support.derivation import arrive, assignment, do
from watcher.archive import outcome_of
from watcher.derivation import Lanes, Limits, WorkersUnusableError, lanes
from watcher.record import Status
from watcher.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watcher.record import Record
    from watcher.vault import Vault

LIMITS = Limits(deadline=0.5, memory=400_000_000)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Lanes]:
    """Lanes whose workers obey mail."""
    with Lanes(assignment(tmp_path / "vault.db"), LIMITS, program=hostile_worker.PROGRAM) as made:
        yield made


def derived(opened: Lanes, vault: Vault) -> list[tuple[int, Record]]:
    """What the lanes bring, in the order in which it came; the vault is told, as the archive does."""
    everything = []
    for rows in opened.pending(vault, lambda: False):
        outcome_of(rows).note_in(vault)
        everything += rows
    return everything


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("hang", "it took longer than 0.5 s"),
        ("spin", "it took longer than 0.5 s"),
        ("allocate", "it needed more than 400 MB"),
        ("exit", "the worker ended with exit code 3"),
        ("leave", "the worker ended with exit code 0"),
        ("kill", "the worker died with signal 9"),
        ("lie", "the worker's answer could not be read"),
    ],
)
def test_a_mail_that_breaks_its_worker_fails_alone(
    opened: Lanes, vault: Vault, what: str, reason: str
) -> None:
    """It is a failed record that says why; the mails around it, and those that come later, are derived."""
    arrive(vault, "noisy", do("", "before"), do(what), do("", "behind"))
    rows = dict(derived(opened, vault))
    assert [rows[number].status for number in (1, 2, 3)] == [Status.DONE, Status.FAILED, Status.DONE]
    assert rows[2].warnings == (reason,)
    assert (rows[2].inbox, rows[2].pipeline_version) == ("noisy", rows[1].pipeline_version)
    assert vault.failed_ids() == {2}
    (late,) = arrive(vault, "noisy", do("", "later"))
    assert [(number, row.subject) for number, row in derived(opened, vault)] == [(late, "later")]


def test_what_kills_a_worker_once_is_tried_again_and_derived(
    opened: Lanes, vault: Vault, tmp_path: Path
) -> None:
    """A machine short of memory kills the best of workers: one death is no verdict on the mail."""
    arrive(vault, str(tmp_path / "inbox"), do("once"))
    assert [row.status for _, row in derived(opened, vault)] == [Status.DONE]
    vault.requeue(None)
    assert vault.pending(1)[0].attempts == 2


def test_a_mail_that_killed_its_worker_before_a_restart_fails_at_the_next_death(
    opened: Lanes, vault: Vault
) -> None:
    """The vault knows about the first time, so a daemon that is killed each time comes to an end with it."""
    arrive(vault, "noisy", do("kill"))
    assert vault.strike(1, "the worker died with signal 9")
    assert [row.status for _, row in derived(opened, vault)] == [Status.FAILED]


def test_an_inbox_full_of_bad_mail_delays_itself_alone(opened: Lanes, vault: Vault) -> None:
    """Behind two mails that hang, another inbox's is derived before the first of them is given up."""
    arrive(vault, "noisy", *(do("hang", f"hang {n}") for n in range(2)), do("", "of the noisy one"))
    quiet = arrive(vault, "quiet", do("", "of the quiet one"))
    rows = derived(opened, vault)
    assert rows[0][0] == quiet[0]
    assert [row.status for _, row in rows].count(Status.FAILED) == 2
    assert rows[-1][1].subject == "of the noisy one"


def test_suspect_inboxes_take_turns(opened: Lanes, vault: Vault) -> None:
    """In the slow lane, too, no inbox waits for all that another one has."""
    arrive(vault, "noisy", do("exit", "a"), *(do("", f"n {n}") for n in range(4)))
    arrive(vault, "other", do("exit", "b"), *(do("", f"o {n}") for n in range(4)))
    inboxes = [row.inbox for _, row in derived(opened, vault)]
    assert len(inboxes) == 10
    assert "other" in inboxes[: inboxes.index("noisy") + 5]


def test_a_batch_that_is_slow_as_a_whole_makes_room(
    opened: Lanes, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No single mail needs to be bad: the inbox that takes most of the time leaves the quick lane."""
    monkeypatch.setattr(lanes, "_ROUND", 0.0)
    arrive(vault, "busy", *(do("", f"n {n}") for n in range(3)))
    batches = opened.pending(vault, lambda: False)
    rows = next(batches)
    assert list(opened._suspects) == ["busy"]
    outcome_of(rows).note_in(vault)
    assert list(batches) == []
    assert list(opened._suspects) == []


def test_a_worker_rests_when_no_mail_comes(
    opened: Lanes, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While mail is coming in it stays; an idle daemon has no second process."""
    arrive(vault, "test", do(""))
    derived(opened, vault)
    assert opened._quick.worker is not None
    monkeypatch.setattr(lanes, "_IDLE", -1.0)
    derived(opened, vault)
    assert opened._quick.worker is None
    arrive(vault, "test", do("", "awake"))
    assert [row.subject for _, row in derived(opened, vault)] == ["awake"]


def test_a_stop_is_obeyed_between_two_batches_and_work_goes_on_later(
    opened: Lanes, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not derived by then is pending still, and a batch that was given up is not counted twice."""
    monkeypatch.setattr(lanes, "_BATCH", 2)
    arrive(vault, "test", *(do("", f"n {n}") for n in range(3)))
    assert list(opened.pending(vault, lambda: True)) == []
    opened._quick.give((1, 2))
    assert [number for number, _ in derived(opened, vault)] == [1, 2, 3]


def test_workers_that_never_get_ready_end_the_work_with_a_remedy(
    vault: Vault, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A defect of the installation is no mail's fault: nothing is marked, and there is no endless restart."""
    arrive(vault, "test", do(""))
    with (
        Lanes(assignment(tmp_path / "vault.db"), LIMITS, program="tests.support.no_such_module") as broken,
        pytest.raises(WorkersUnusableError, match=r"exit code 1.*400 MB"),
    ):
        derived(broken, vault)
    assert vault.pending_ids() == [1]
    assert "no_such_module" in capfd.readouterr().err


def test_a_vault_that_cannot_be_read_is_the_vaults_error(opened: Lanes, vault: Vault, tmp_path: Path) -> None:
    """A worker's trouble with the file is told like our own, and blames no mail."""
    arrive(vault, "test", do(""))
    opened.rules()
    (tmp_path / "vault.db").rename(tmp_path / "elsewhere")
    with pytest.raises(VaultError, match="no such file"):
        derived(opened, vault)
    assert vault.pending_ids() == [1]


def test_nothing_that_a_library_prints_about_a_mail_is_seen(
    opened: Lanes, vault: Vault, capfd: pytest.CaptureFixture[str]
) -> None:
    """A worker's error output ends with the rules loaded: no mail text in any log."""
    arrive(vault, "test", do("chatter"))
    assert [row.status for _, row in derived(opened, vault)] == [Status.DONE]
    assert capfd.readouterr().err == ""
