"""T7: the watcher dies at each boundary between two transactions; afterwards every mail is there once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import driven
from tests.support.home import mail

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser
    from tests.support.home import Home

ROOT = Path(__file__).resolve().parents[2]


def die(home: Home, point: str, *command: str) -> int:
    arguments = [
        sys.executable,
        "-m",
        "tests.support.driven",
        "die",
        point,
        "--config",
        str(home.config),
        *command,
    ]
    return subprocess.run(arguments, check=False, capture_output=True, cwd=ROOT).returncode


@pytest.mark.parametrize("point", driven.boundaries())
def test_t07_death_at_a_boundary_costs_nothing(home: Home, mail_user: MailUser, point: str) -> None:
    """The next run finds what was left and does it; mail that came meanwhile is taken in as well."""
    home.watch(mail_user, after="seen")
    mail_user.deliver_many([mail(f"no. {n}", message_id=f"<{n}@example.org>") for n in range(5)])
    assert die(home, point, "poll") == driven.DIED
    mail_user.deliver(mail("no. 5", message_id="<5@example.org>"))
    assert home.run("poll").code == 0
    assert home.subjects() == [f"no. {n}" for n in range(6)]
    assert len(home.vault_rows("select * from deliveries")) == 6
    assert {row["state"] for row in home.vault_rows("select state from derivations")} == {"done"}
    assert all(mail_user.flags(uid) == {r"\Seen"} for uid in mail_user.uids())


@pytest.mark.parametrize(
    "point",
    [
        "before the vault commits",
        "after the vault committed",
        "before the store commits",
        "after the store committed",
    ],
)
def test_an_import_that_dies_is_resumed(home: Home, point: str) -> None:
    """The same command again takes in the rest and doubles nothing."""
    letters = home.root / "letters"
    letters.mkdir()
    for n in range(5):
        (letters / f"{n}.eml").write_bytes(mail(f"no. {n}", message_id=f"<{n}@example.org>"))
    assert die(home, point, "import", str(letters)) == driven.DIED
    assert home.run("import", str(letters)).code == 0
    assert home.subjects() == [f"no. {n}" for n in range(5)]
    assert len(home.vault_rows("select * from deliveries")) == 5


def test_a_rebuild_that_dies_leaves_the_old_store(home: Home) -> None:
    """The new store replaces the old one at once, or not at all."""
    letter = home.root / "1.eml"
    letter.write_bytes(mail())
    home.run("import", str(letter))
    before = home.dump()
    assert die(home, "after the store committed", "rebuild") == driven.DIED
    assert home.dump() == before
    assert home.run("rebuild").code == 0
    assert home.dump() == before
    assert sorted(path.name for path in home.store.parent.iterdir() if "newsletters" in path.name) == [
        "newsletters.db"
    ]
