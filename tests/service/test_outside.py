"""What the daemon shows and does by night: state, metrics, signs of life, quiet senders, copies, damage."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.home import ended, mail
from tests.support.records import record
from tests.support.watched import Log, watching
from watcher import settings as settings_room
from watcher.record import Author
from watcher.service import backup, housekeeping
from watcher.service.backoff import Backoff
from watcher.service.notify import Notifier
from watcher.service.outside import Outside
from watcher.service.polling import Polled
from watcher.service.presence import DaemonState, alone, is_running, read_state, write_state
from watcher.store import Store
from watcher.vault import Vault, VaultError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.dovecot import MailUser
    from tests.support.home import Home

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
INBOX = "inboxes:\n  - {name: politics, host: imap.example.org, username: u, password: {env: P}}\n"


class Notes(Notifier):
    """What the service manager would be told."""

    def __init__(self) -> None:
        super().__init__("")
        self.lines: list[str] = []

    def status(self, text: str) -> None:
        self.lines.append(text)


class Stage:
    """An `Outside` with its databases, a clock, a log, and no daemon around it."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self.home = home
        self.now = NOW
        self.log = Log()
        self.notes = Notes()
        self.vault = stack.enter_context(Vault.open(home.vault, now=lambda: self.now))
        self.store = stack.enter_context(Store.open(home.store))
        self.failing: dict[str, Backoff] = {}
        self._stack = stack

    def begin(self, more: str = "") -> Outside:
        """Start with these lines in the settings."""
        self.home.configure(more + INBOX)
        loaded = settings_room.load(self.home.config)
        outside = Outside(loaded, self.notes, lambda: self.log, lambda: self.now)  # type: ignore[arg-type, return-value]
        outside.start()
        self._stack.callback(outside.stop)
        return outside

    def polled(self) -> None:
        self.vault.record_success(self.vault.mailbox("politics", "INBOX").id, self.now)

    def report(self, outside: Outside) -> None:
        outside.report(self.vault, self.store, self.failing)


@pytest.fixture
def stage(home: Home) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(home, stack)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def health(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status


def test_until_when_an_inbox_is_left_alone_is_beside_the_vault(stage: Stage) -> None:
    """For `status`, which is another process; closed to others, and gone with a clean end."""
    outside = stage.begin()
    stage.failing = {"politics": Backoff(3, NOW + timedelta(minutes=20))}
    stage.report(outside)
    kept = read_state(stage.home.vault)
    assert kept.inboxes["politics"].failures == 3
    assert kept.inboxes["politics"].not_before == "2026-11-23T12:20:00Z"
    assert kept.unclean
    outside.stop()
    assert not read_state(stage.home.vault).unclean
    assert read_state(stage.home.vault).inboxes == {}


def test_a_sender_gone_quiet_is_warned_of_once(stage: Stage) -> None:
    """Not at every look, not after a restart; again when it wrote and fell silent once more. No address."""
    author = Author("River News", "letters@river.example.com", "river.example.com")

    def newsletters(last: datetime, first: int) -> None:
        moments = [(last - timedelta(days=7 * n)).strftime("%Y-%m-%dT%H:%M:%SZ") for n in range(5)]
        stage.store.write(
            (first + n, record(sender=None, author=author, received_at=at)) for n, at in enumerate(moments)
        )

    def warnings() -> list[dict[str, Any]]:
        return stage.log.of("sender_quiet")

    newsletters(NOW - timedelta(days=22), 1)
    outside = stage.begin()
    for _ in range(3):
        stage.report(outside)
        stage.now += timedelta(hours=2)
    assert warnings() == [
        {
            "sender": "river.example.com",
            "inbox": "politics",
            "last_at": "2026-11-01T12:00:00Z",
            "usual_days": 7.0,
        }
    ]
    outside.stop()
    outside = stage.begin()
    stage.report(outside)
    assert len(warnings()) == 1
    newsletters(stage.now, 10)
    stage.now += timedelta(hours=2)
    stage.report(outside)
    stage.now += timedelta(days=22)
    stage.report(outside)
    assert len(warnings()) == 2


def test_metrics_go_to_the_file_and_the_port(stage: Stage) -> None:
    """The same text; /healthz goes by the success of the inbox."""
    port = free_port()
    outside = stage.begin(f"metrics_file: watcher.prom\nmetrics_listen: 127.0.0.1:{port}\n")
    stage.polled()
    outside.passed("politics", Polled(seen=1, stored=1), well=True)
    stage.report(outside)
    text = (stage.home.root / "watcher.prom").read_text()
    assert 'watcher_mails_total{inbox="politics",outcome="stored"} 1\n' in text
    assert 'watcher_inbox_well{inbox="politics"} 1\n' in text
    assert health(port) == 200
    stage.now += timedelta(minutes=16)
    stage.report(outside)
    assert health(port) == 503


def test_changed_settings_are_taken_over(stage: Stage) -> None:
    """Another port after SIGHUP, and none after the next."""
    first, second = free_port(), free_port()
    outside = stage.begin(f"metrics_listen: 127.0.0.1:{first}\n")
    for port in (second, None):
        stage.home.configure((f"metrics_listen: 127.0.0.1:{port}\n" if port else "") + INBOX)
        outside.change(settings_room.load(stage.home.config))
        with pytest.raises(ConnectionRefusedError):
            health(first)
        if port:
            stage.report(outside)
            assert health(port) == 200
    with pytest.raises(ConnectionRefusedError):
        health(second)


def test_what_cannot_be_shown_is_said_once_and_stops_nothing(stage: Stage) -> None:
    """A port that is taken, a folder that is not there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outside = stage.begin(f"metrics_file: none/such.prom\nmetrics_listen: 127.0.0.1:{port}\n")
        for _ in range(3):
            stage.report(outside)
    assert [each["what"] for each in stage.log.of("not_shown")] == ["metrics_listen", "metrics_file"]
    assert stage.notes.lines


def test_a_sign_of_life_follows_a_good_round_alone(stage: Stage) -> None:
    """Not without a pass since the last one, not while an inbox fails, not while nothing can be stored."""
    signs = stage.home.root / "signs"
    outside = stage.begin(f"heartbeat: {{command: [sh, -c, 'echo >> {signs}']}}\n")
    heart = outside._heart
    assert heart is not None

    def signed() -> int:
        stage.now += timedelta(minutes=2)
        stage.report(outside)
        heart.wait(30)
        return len(signs.read_text()) if signs.exists() else 0

    assert signed() == 0, "never polled"
    stage.polled()
    outside.passed("politics", Polled(), well=True)
    assert signed() == 1
    assert signed() == 1, "no pass since"
    outside.passed("politics", Polled(), well=True)
    stage.vault.record_error(stage.vault.mailbox("politics", "INBOX").id, stage.now, "refused")
    assert signed() == 1, "it fails"
    stage.polled()
    assert signed() == 2


def test_a_single_round_shows_itself_too(home: Home, mail_user: MailUser) -> None:
    """From cron: metrics, and a sign of life when all inboxes were read; neither fails the round."""
    home.watch(mail_user)
    mail_user.deliver(mail())
    text = home.config.read_text()
    sign = home.root / "sign"
    home.config.write_text(f"metrics_file: w.prom\nheartbeat: {{command: [touch, {sign}]}}\n{text}")
    assert home.run("poll").code == 0
    assert 'watcher_inbox_well{inbox="test"} 1\n' in (home.root / "w.prom").read_text()
    assert sign.exists()
    home.config.write_text(f"metrics_file: none/w.prom\nheartbeat: {{command: [none]}}\n{text}")
    outcome = home.run("poll")
    assert outcome.code == 0
    assert "not shown: metrics_file: " in outcome.err
    assert "not shown: heartbeat: the command cannot be run" in outcome.err


def test_two_daemons_do_not_share_a_vault(home: Home) -> None:
    """The second one says so and ends; the lock goes with its holder."""
    assert not is_running(home.vault)
    with alone(home.vault):
        home.configure(INBOX)
        outcome = home.run("run")
    assert outcome.code == 1
    assert "only one daemon may work on a vault" in outcome.err
    assert not is_running(home.vault)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        ("2026-11-23T03:29:00", "2026-11-23T03:31:00", True),
        ("2026-11-23T03:31:00", "2026-11-24T03:29:00", False),
        ("2026-11-23T03:31:00", "2026-11-24T03:31:00", True),
        ("2026-11-20T12:00:00", "2026-11-23T12:00:00", True),
        ("2026-11-23T12:00:00", "2026-11-23T23:00:00", False),
    ],
)
def test_the_house_is_kept_once_a_night(last: str, now: str, due: bool) -> None:
    """At half past three of the machine's zone; a night that was slept through is made up for."""
    local = datetime.now().astimezone().tzinfo
    before, after = (datetime.fromisoformat(text).replace(tzinfo=local) for text in (last, now))
    assert housekeeping.is_due(before, after) is due


def test_a_new_archive_has_its_first_night_before_it(stage: Stage) -> None:
    """And one that was restarted every day has its night all the same."""
    outside = stage.begin()
    assert not outside.night_is_over
    outside.stop()
    stage.now += timedelta(days=1)
    outside = stage.begin()
    assert outside.night_is_over
    outside.kept_house()
    assert not outside.night_is_over


def test_the_nightly_copy_is_made_and_its_failure_shows(stage: Stage) -> None:
    """In STATUS= and `status`, until a copy succeeds, across a restart."""
    (stage.home.root / "copies").write_text("a file where the folder should be")
    settings = "backup: {directory: copies, keep: 2}\n"
    outside = stage.begin(settings)
    stage.polled()
    outside.kept_house()
    outside._copier.wait(30)
    stage.report(outside)
    assert "backup" in stage.log.of("backup_failed")[0]["error"]  # type: ignore[operator]
    assert "; backup: " in stage.notes.lines[-1]
    outside.stop()
    outside = stage.begin(settings)
    stage.report(outside)
    assert "; backup: " in stage.notes.lines[-1]
    (stage.home.root / "copies").unlink()
    for _ in range(3):
        stage.now += timedelta(days=1)
        outside.kept_house()
        outside._copier.wait(30)
    stage.polled()
    stage.report(outside)
    assert "; backup: " not in stage.notes.lines[-1]
    assert len(backup.copies(stage.home.root / "copies")) == 2
    assert [each["deleted"] for each in stage.log.of("backed_up")] == [0, 0, 1]


@pytest.mark.parametrize("problem", [False, True])
def test_what_a_copy_took_is_given_back(stage: Stage, monkeypatch: pytest.MonkeyPatch, problem: bool) -> None:
    """Whether it could be made or not: else the caches of one night stay until the next one."""
    if problem:
        (stage.home.root / "copies").write_text("a file where the folder should be")
    seen: list[int] = []
    monkeypatch.setattr(
        "watcher.malloc.trim", lambda: seen.append(len(backup.copies(stage.home.root / "copies")))
    )
    outside = stage.begin("backup: {directory: copies, keep: 2}\n")
    stage.polled()
    outside.kept_house()
    outside._copier.wait(30)
    assert seen == [0 if problem else 1]


def test_a_defect_in_the_copy_shows_and_ends_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was: the class in `status`, the way in the log."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(backup, "make", broken)
    outside = stage.begin("backup: {directory: copies}\n")
    outside.kept_house()
    outside._copier.wait(30)
    stage.report(outside)
    assert "a defect (ZeroDivisionError)" in stage.notes.lines[-1]
    assert stage.log.of("backup_defect")


def test_after_an_unclean_end_the_databases_are_looked_through(home: Home, mail_user: MailUser) -> None:
    """Not after a clean one: it would cost every start what reading gigabytes costs."""
    home.watch(mail_user)
    with watching(home) as (_, log):
        log.until("started")
    assert log.of("checked_after_unclean_end") == []
    state = read_state(home.vault)
    write_state(home.vault, DaemonState(since=state.since, started_at=state.started_at))
    with watching(home) as (_, log):
        log.until("started")
    assert log.of("checked_after_unclean_end") == [{"vault": "all", "store": "all"}]


def test_a_killed_daemon_is_an_unclean_end(home: Home, mail_user: MailUser) -> None:
    """The state stays as it was after kill -9, and nobody holds the lock."""
    home.watch(mail_user)
    mail_user.deliver(mail())
    with ended(home.start("run")) as process:
        assert process.stderr is not None
        while "derived" not in process.stderr.readline():
            assert process.poll() is None
    assert read_state(home.vault).unclean
    assert not is_running(home.vault)


def test_a_damaged_vault_is_not_written_to(home: Home, mail_user: MailUser) -> None:
    """The daemon ends and says where to get it back from."""
    home.watch(mail_user)
    mail_user.deliver(mail())
    assert home.run("poll").code == 0
    content = bytearray(home.vault.read_bytes())
    content[8192 * 3 : 8192 * 4] = bytes(8192)
    home.vault.write_bytes(content)
    write_state(home.vault, DaemonState(started_at="2026-11-23T12:00:00Z"))
    outcome = home.run("run")
    assert outcome.code == 1
    assert "the file is damaged" in outcome.err
    assert "restore it from a backup" in outcome.err


def test_the_look_for_damage_ends_in_time(home: Home) -> None:
    """A file of many gigabytes does not keep the mail waiting: the rest is read by the nightly copy."""
    with Vault.open(home.vault) as vault:
        vault._db.execute("CREATE TABLE big (x)")
        vault._db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
            "INSERT INTO big SELECT randomblob(100) FROM n"
        )
        assert vault.quick_check(0) is False
        assert vault.quick_check(60) is True


def test_status_says_when_the_vault_is_of_another_version(home: Home) -> None:
    """It changes nothing in it: `check` and `run` do."""
    with Vault.open(home.vault) as vault:
        vault._db.execute("PRAGMA user_version = 0")
    home.configure(INBOX)
    outcome = home.run("status", "--json")
    assert outcome.code == 1
    assert "an older version of this program wrote it" in outcome.err
    with pytest.raises(VaultError, match="no such file"):
        Vault.look(home.root / "none.db")


def test_state_is_json_for_whoever_looks(stage: Stage) -> None:
    """A person with an editor, a script with jq."""
    stage.begin()
    found = json.loads(stage.home.vault.with_name("vault.db.daemon").read_text())
    assert found["started_at"] == "2026-11-23T12:00:00Z"
