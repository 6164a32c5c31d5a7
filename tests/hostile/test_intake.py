"""Attacks through the real intake: import, vault, worker processes with their limits, store.

A plain run takes one of each family. All of them, in their full size, and the way through a mail server are
long proofs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.hostile.attacks import ROOMS, Attack
from tests.support.home import mail
from watcher.batch.filemail import wire_form

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.dovecot import MailUser
    from tests.support.home import Home

_LARGE = 20_000_000
"""Bytes above which a mail is not handed to the mail server: that would test the mail server."""

_QUICK = 1_000_000
"""Bytes above which an attack is not one of a plain run: most of its time would go into writing it down."""


def _everything(attacks: list[Attack]) -> list[Attack]:
    return attacks


def _of_each_family(attacks: list[Attack]) -> list[Attack]:
    """The last of each family, unless it is large."""
    families = {each.name.rpartition("-")[0]: each for each in attacks}
    return [each for each in families.values() if len(each.make()) <= _QUICK]


def _neighbour(attack: Attack) -> bytes:
    return mail(f"Behind {attack.name}", message_id=f"<{attack.name}@example.org>")


def _write(folder: Path, attacks: list[Attack]) -> dict[bytes, Attack]:
    """Write each attack and a plain mail behind it; returns the attacks by the hash of their bytes."""
    folder.mkdir()
    by_hash = {}
    for number, attack in enumerate(attacks):
        raw = attack.make()
        by_hash[hashlib.sha256(wire_form(raw)).digest()] = attack
        (folder / f"{number:04}-0.eml").write_bytes(raw)
        (folder / f"{number:04}-1.eml").write_bytes(_neighbour(attack))
    return by_hash


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chosen", [_of_each_family, pytest.param(_everything, marks=pytest.mark.slow)])
@pytest.mark.parametrize("room", ROOMS)
def test_an_attack_costs_neither_itself_nor_its_neighbour(
    home: Home, room: str, chosen: Callable[[list[Attack]], list[Attack]]
) -> None:
    """The limits stop it before deadline and memory do, a warning says what was cut, the bytes are whole."""
    home.configure("max_message: 200MB\ninboxes: []\n")
    folder = home.root / "mails"
    attacks = _write(folder, chosen(ROOMS[room]()))
    assert len(attacks) >= 10
    assert home.run("import", "--workers", "2", str(folder)).code == 0
    stored = home.vault_rows("select m.id, sha256, state from messages m join derivations on message = m.id")
    rows = {row["id"]: row for row in home.rows("select id, subject, status, warnings from newsletters")}
    assert {row["state"] for row in stored} == {"done"}
    ids = {row["sha256"]: row["id"] for row in stored}
    assert attacks.keys() <= ids.keys()
    assert rows.keys() == set(ids.values())
    records = {attack: rows[ids[key]] for key, attack in attacks.items()}
    assert {str(each): row["warnings"] for each, row in records.items() if row["status"] != "done"} == {}
    unsaid = {str(each): row["warnings"] for each, row in records.items() if each.said not in row["warnings"]}
    assert unsaid == {}
    behind = {f"Behind {each}" for each in attacks.values()}
    assert behind <= {row["subject"] for row in rows.values() if row["status"] == "done"}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("room", ROOMS)
def test_an_attack_comes_through_a_mail_server_like_any_mail(
    home: Home, mail_user: MailUser, room: str
) -> None:
    """One of each family, each between two plain mails: what was delivered is what is stored."""
    families = {attack.name.rsplit("-", 1)[0]: attack for attack in ROOMS[room]()}
    raws = [raw for attack in families.values() if len(raw := attack.make()) < _LARGE and raw.strip()]
    home.watch(mail_user)
    mail_user.deliver_many([each for n, raw in enumerate(raws) for each in (raw, mail(f"Behind {n}"))])
    delivered = len(mail_user.uids())
    assert home.run("poll").code == 0
    assert len(home.vault_rows("select id from deliveries where message is not null")) == delivered
    rows = home.rows("select subject, status, warnings from newsletters")
    assert [row for row in rows if row["status"] != "done" and not row["warnings"]] == []
    assert {f"Behind {n}" for n in range(len(raws))} <= {row["subject"] for row in rows}
    assert "0 new" in home.run("poll").out


def test_names_of_attacks_differ() -> None:
    """A failure names one attack."""
    names = [attack.name for attacks in ROOMS.values() for attack in attacks()]
    assert len(names) == len(set(names)) > 700
