"""T7 at random moments: the watcher is killed, or everything around it fails; each mail is there once.

The full size is a command of its own, `python -m tests.faults.kill_run`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.faults import kill_run
from tests.faults.balance import Balance, balance
from tests.faults.stream import name
from tests.faults.strikes import SkippedError
from tests.support.dovecot import running_dovecot
from tests.support.home import mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dovecot import Dovecot, MailUser
    from tests.support.home import Home

SEED = 20260301


@pytest.mark.slow
def test_t07_kills_at_random_moments_cost_nothing(dovecot: Dovecot, tmp_path: Path) -> None:
    """Twenty times SIGKILL while 200 mails come in: none is lost, doubled or altered."""
    proof = kill_run.prove(kill_run.KILL, 20, 200, SEED, dovecot, tmp_path)
    assert proof.holds, str(proof)
    assert proof.at_work >= 10, "most of the kills met an idle watcher"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in {"black-hole", "stall"} else name  # they wait
        for name in kill_run.FAULTS
        if name not in (kill_run.KILL, "server")
    ],
)
def test_t07_a_fault_in_the_midst_of_a_stream_costs_nothing(
    dovecot: Dovecot, tmp_path: Path, fault: str
) -> None:
    """The network, the mailbox or the disk fails once while mail comes in; the daemon lives on."""
    try:
        proof = kill_run.prove(fault, 1, 20, SEED, dovecot, tmp_path)
    except SkippedError as reason:
        pytest.skip(str(reason))
    assert proof.holds, str(proof)
    assert proof.at_work == 1


def test_t07_a_server_that_goes_away_costs_nothing(tmp_path: Path) -> None:
    """It is killed with all its connections and started again; mail that came before and after is there."""
    with running_dovecot() as server:
        proof = kill_run.prove("server", 1, 20, SEED, server, tmp_path)
    assert proof.holds, str(proof)


def test_the_count_sees_a_lost_and_a_doubled_mail(home: Home, mail_user: MailUser) -> None:
    """The proofs above prove something only because this count is not always even."""
    names = [name(number) for number in range(1, 4)]
    for number in (1, 2):
        mail_user.deliver(mail(f"No. {number}", message_id=names[number - 1]))
    home.watch(mail_user)
    home.run("poll")
    mail_user.deliver(mail("No. 3", message_id=names[2]))
    with contextlib.closing(sqlite3.connect(home.store)) as db, db:
        db.execute("update newsletters set subject = 'No. 1' where subject = 'No. 2'")
    counted = balance(home, mail_user, set(names))
    assert counted == Balance(delivered=3, lost=1, undelivered=1, unreadable=1, doubled=1, strange=0)
    for file in (mail_user.maildir / "new").iterdir():
        file.write_bytes(file.read_bytes() + b"more")
    assert balance(home, mail_user, set(names)).strange == 2
