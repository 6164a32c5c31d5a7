"""What `watcher status` and the service manager's line say."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.home import mail
from tests.support.records import CATALOGUE, SENDER, record
from watcher import settings as settings_room
from watcher.service import backup
from watcher.service.presence import DaemonState, InboxHealth, alone, state_path, write_state
from watcher.service.status import BackupReport, FolderReport, Report, report, status_line
from watcher.store import Store
from watcher.vault import Arrival, Vault, VaultError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.home import Home

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
INBOX = """
inboxes:
  - {name: politics, host: imap.example.org, username: u, password: {env: P}, folders: [INBOX, News]}
"""


class Desk:
    """A vault that was polled, without a server."""

    def __init__(self, home: Home, settings: str = INBOX) -> None:
        home.configure(settings)
        self.home = home
        self.settings = settings_room.load(home.config)
        self.now = NOW
        self.vault = Vault.open(home.vault, now=lambda: self.now)

    def poll(self, folder: str, at: datetime = NOW, error: str = "") -> int:
        mailbox = self.vault.mailbox("politics", folder)
        if error:
            self.vault.record_error(mailbox.id, at, error)
        else:
            self.vault.record_success(mailbox.id, at)
        return mailbox.id

    def store(self, folder: str, uid: int, raw: bytes | None, skipped: str = "") -> None:
        number = self.vault.mailbox("politics", folder).id
        arrival = Arrival(uid, raw, NOW, len(raw or b""), skipped)
        self.vault.store(number, [arrival], uidvalidity=1, last_uid=uid)

    def report(self, **changes: Any) -> Report:
        return report(self.settings, self.vault, None, NOW, **changes)


@pytest.fixture
def desk(home: Home) -> Any:
    made = Desk(home)
    with closing(made.vault):
        yield made


def folders(found: Report) -> dict[str, FolderReport]:
    return {each.folder: each for each in found.folders}


def test_each_folder_tells_what_it_lacks(desk: Desk) -> None:
    """Not derived yet, not handed over yet, left out for good; a mail in two folders is pending in both."""
    mailbox = desk.poll("INBOX")
    desk.poll("News")
    desk.store("INBOX", 1, mail())
    desk.store("News", 7, mail())
    desk.store("INBOX", 2, mail("second", message_id="<2@example.org>"))
    desk.store("News", 8, None, "too large")
    desk.vault.note_failure(mailbox, 1, 3, "NO")
    desk.vault.suspect(mailbox, 1, [4])
    found = folders(desk.report())
    assert (found["INBOX"].pending, found["INBOX"].owed, found["INBOX"].skipped) == (2, 1, 0)
    assert (found["News"].pending, found["News"].owed, found["News"].skipped) == (1, 0, 1)


@pytest.mark.parametrize(
    ("minutes", "running", "problem"),
    [
        (15, True, ""),
        (16, True, "no poll succeeded for more than 3 intervals; see the log of `watcher run`"),
        (16, False, "no poll succeeded for more than 3 intervals; is `watcher run` running?"),
    ],
)
def test_a_folder_is_late_after_three_intervals(
    desk: Desk, minutes: int, running: bool, problem: str
) -> None:
    """And the hint fits: whether a daemon is there at all."""
    for folder in ("INBOX", "News"):
        desk.poll(folder, NOW - timedelta(minutes=minutes))
    found = desk.report(running=running)
    assert {each.problem for each in found.folders} == {problem}
    assert found.well is (not problem)


def test_failed_mails_are_told_by_reason_and_are_no_alarm(desk: Desk) -> None:
    """The most frequent reason first, with the first ids; a sender must not be able to raise an alarm."""
    for folder in ("INBOX", "News"):
        desk.poll(folder)
    for uid in range(1, 15):
        desk.store("INBOX", uid, mail(message_id=f"<{uid}@example.org>"))
    desk.vault.finish([1], [(2, "no header"), *((n, "took too long") for n in range(3, 15))], "1")
    found = desk.report()
    assert [(each.reason, each.count, len(each.ids)) for each in found.failures] == [
        ("took too long", 12, 10),
        ("no header", 1, 1),
    ]
    assert found.failures[1].ids == (2,)
    assert found.well


def test_skipped_mails_are_named_with_the_reason(desk: Desk) -> None:
    """The newest first, ten of them."""
    for uid in range(1, 13):
        desk.store("INBOX", uid, None, f"reason {uid}")
    found = desk.report()
    assert found.skipped == 12
    assert [each.uid for each in found.skipped_mails] == list(range(12, 2, -1))
    assert found.skipped_mails[0].reason == "reason 12"


def test_what_only_a_running_daemon_knows(desk: Desk) -> None:
    """Until when it leaves an inbox alone, and why it waits; of a dead one nothing is believed."""
    desk.poll("INBOX", error="the login was refused")
    desk.poll("News", error="the login was refused")
    later = "2026-11-23T12:20:00Z"
    state = DaemonState(
        started_at="2026-11-01T00:00:00Z",
        waiting="the disk is full",
        inboxes={"politics": InboxHealth(3, later)},
    )
    found = desk.report(state=state, running=True)
    assert [(each.failures, each.next_try) for each in found.folders] == [(3, later), (3, later)]
    assert (found.waiting, found.started_at) == ("the disk is full", "2026-11-01T00:00:00Z")
    dead = desk.report(state=state, running=False)
    assert [(each.failures, each.next_try) for each in dead.folders] == [(0, ""), (0, "")]
    assert (dead.waiting, dead.started_at) == ("", "")


BACKUP = "backup: {directory: copies, keep: 3}\n" + INBOX


@pytest.mark.parametrize(
    ("age", "error", "since", "problem"),
    [
        (timedelta(hours=20), "", 9, ""),
        (timedelta(hours=51), "", 9, "the newest copy is 2 days old; is `watcher run` running?"),
        (None, "", 1, ""),
        (None, "", 9, "there is no copy; `watcher backup` makes one"),
        (timedelta(hours=20), "backup: no space", 9, "backup: no space"),
    ],
    ids=["last night", "missed", "the first night is to come", "never made", "failed"],
)
def test_copies_are_looked_after(
    home: Home, age: timedelta | None, error: str, since: int, problem: str
) -> None:
    """A copy that is not made any more is found out on the day that it is needed, unless somebody says so."""
    desk = Desk(home, BACKUP)
    with closing(desk.vault):
        for folder in ("INBOX", "News"):
            desk.poll(folder)
        if age is not None:
            backup.make(desk.settings.store, home.root / "copies", NOW - age)
        state = DaemonState(since=f"2026-11-{23 - since:02}T12:00:00Z", backup_error=error)
        found = desk.report(state=state)
    assert found.backup is not None
    assert found.backup.problem == problem
    assert found.backup.copies == (age is not None)
    assert found.well is (not problem)


def well(**changes: Any) -> Report:
    fine = Report(
        folders=(FolderReport("politics", "INBOX", "2026-11-23T11:58:00+00:00", ""),),
        messages=12345,
        pending=0,
        failed=0,
        skipped=0,
        newest_mail="2026-11-23T11:57:00Z",
    )
    return replace(fine, **changes)


WELL = "1 inboxes, 12345 mails, the newest came 11:57 UTC"
REFUSED = FolderReport("politics", "INBOX", "", "the login was refused", 3, "2026-11-23T12:20:00Z")


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (well(), WELL),
        (
            well(newest_mail="2026-11-20T08:01:00Z", pending=4),
            "1 inboxes, 12345 mails, the newest came 2026-11-20 08:01 UTC, 4 to derive",
        ),
        (
            well(folders=(REFUSED, replace(REFUSED, folder="News"))),
            f"{WELL}; 1 failing: politics: the login was refused, next try 12:20 UTC",
        ),
        (
            well(waiting="vault /v: the disk is full; try again"),
            f"WAITING, nothing can be stored: vault /v: the disk is full; try again; {WELL}",
        ),
        (
            well(backup=BackupReport("/c", 0, "", "no space")),
            f"{WELL}; backup: no space",
        ),
        (well(newest_mail="", messages=0), "1 inboxes, 0 mails"),
    ],
    ids=["well", "backlog", "failing", "waiting", "backup", "new"],
)
def test_one_line_for_the_service_manager(found: Report, line: str) -> None:
    """It names moments: it stands there for a while."""
    assert status_line(found, NOW) == line


def test_a_long_error_is_cut_in_the_line() -> None:
    """The line is for one glance; the whole of it is in `watcher status`."""
    line = status_line(well(folders=(replace(REFUSED, problem="x" * 500, next_try=""),)), NOW)
    assert len(line) < 250
    assert line.endswith("x…")


def test_status_for_a_person(desk: Desk) -> None:
    """A table, then what is wrong, then what may concern you; control characters of a mail do nothing."""
    home = desk.home
    desk.poll("INBOX", datetime.now(UTC) - timedelta(minutes=4))
    desk.poll("News", error="no such folder")
    desk.store("INBOX", 1, None, "999 bytes are over the limit")
    desk.store("INBOX", 2, mail())
    desk.vault.finish([], [(1, "no header")], "1")
    with Store.open(home.store) as store:
        store.write_senders([replace(SENDER, name="River\x1b[31m News\u202e")])
        store.write_providers(CATALOGUE)
        days = [datetime.now(UTC) - timedelta(days=30 + 7 * n) for n in range(4)]
        store.write((n, record(received_at=f"{day:%Y-%m-%d}T09:00:00Z")) for n, day in enumerate(days, 1))
    state = DaemonState(
        started_at="2026-11-01T00:00:00Z", inboxes={"politics": InboxHealth(4, "2999-01-01T00:00:00Z")}
    )
    write_state(home.vault, state)
    with alone(home.vault):
        outcome = home.run("status")
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    assert lines[0].split() == [
        *("Inbox", "Folder", "State", "Last", "success", "To", "derive", "Owed", "Left", "out")
    ]
    assert lines[1].split() == ["politics", "INBOX", "ok", "4", "min", "ago", "-", "-", "1"]
    assert lines[2].split() == ["politics", "News", "PROBLEM", "never", "-", "-", "-"]
    assert lines[3] == (
        "PROBLEM politics/News: no such folder; 4 failures in a row; left alone until 2999-01-01T00:00:00Z"
    )
    assert lines[4] == "1 mails in the vault, 0 to derive, 1 failed, 1 skipped"
    assert "failed: 1 mails (no. 1): no header" in lines
    assert "skipped: politics/INBOX, UID 1: 999 bytes are over the limit" in lines
    assert f"quiet: nothing from River[31m News since {days[0]:%Y-%m-%d}; usually every 7 days" in lines
    assert "daemon: running since 2026-11-01T00:00:00Z" in lines
    assert "\x1b" not in outcome.out


def test_status_for_a_program(desk: Desk) -> None:
    """Everything that a person is told, by name."""
    for folder in ("INBOX", "News"):
        desk.poll(folder, datetime.now(UTC))
    outcome = desk.home.run("status", "--json")
    found = json.loads(outcome.out)
    assert outcome.code == 0
    assert found["well"] is True
    assert found["running"] is False
    assert [each["name"] for each in found["databases"]] == ["vault"]
    assert set(found["folders"][0]) >= {"inbox", "folder", "last_success", "problem", "next_try", "pending"}
    assert found["quiet_senders"] == found["confirmations"] == found["failures"] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_status_of_files_that_may_only_be_read(desk: Desk) -> None:
    """Somebody else's archive, or a read-only disk: to look is not to write."""
    desk.poll("INBOX")
    desk.vault.close()
    folder = desk.home.vault.parent
    desk.home.vault.chmod(0o400)
    folder.chmod(0o500)
    try:
        outcome = desk.home.run("status", "--json")
    finally:
        folder.chmod(0o700)
    assert json.loads(outcome.out)["messages"] == 0


def test_a_state_that_cannot_be_read_is_none(desk: Desk) -> None:
    """Half a file, or one of a newer version: `status` goes on without it."""
    for folder in ("INBOX", "News"):
        desk.poll(folder, datetime.now(UTC))
    for content in ("{", "[]", '{"new": 1, "inboxes": {}, "quiet": []}', '{"inboxes": 3}'):
        state_path(desk.home.vault).write_text(content)
        assert desk.home.run("status").code == 0, content


def test_looking_cannot_write(desk: Desk) -> None:
    """Not even by a defect of ours."""
    with closing(Vault.look(desk.home.vault)) as vault, pytest.raises(VaultError, match="cannot be written"):
        vault.mailbox("a new", "one")


def test_looking_leaves_nothing_behind(desk: Desk, tmp_path: Path) -> None:
    """No table, no lock, no state is made by asking."""
    desk.poll("INBOX")
    desk.vault.close()
    before = sorted(path.name for path in desk.home.vault.parent.iterdir())
    desk.home.run("status")
    assert sorted(path.name for path in desk.home.vault.parent.iterdir()) == before
