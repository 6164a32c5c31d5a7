"""The units as installed, under a real systemd: a machine booted for this file (`tests.support.nspawn`)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nspawn
from tests.support.imap_inside import PASSWORD
from tests.support.nspawn import VENV, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

WATCHER = VENV / "bin/watcher"
STORE = "/var/lib/watcher/archive/newsletters.db"
VAULT = "/var/lib/watcher/vault/vault.db"
SECRET = "credential: test-imap"
STORE_OF = "store: {{newsletters: {0}/archive/newsletters.db, vault: {0}/vault/vault.db}}\ninboxes:\n"
INBOX = """\
  - name: {name}
    host: 127.0.0.1
    port: {port}
    security: none
    username: {username}
    password: {{{secret}}}
    every: 10s
"""
# Quick enough for a test. The watchdog must leave the daemon the 10 s after which it looks at the clock.
DROP_IN = "[Service]\nRestartSec=100ms\nWatchdogSec=14s\n"
CREDENTIAL = "LoadCredential=test-imap:/etc/watcher/credentials/test-imap\n"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A machine with an IMAP server; the daemon and the web pages are installed there as the README says."""
    if reason := nspawn.missing():
        pytest.skip(reason)
    try:
        with nspawn.booted() as machine:
            _start_imap(machine)
            _install(machine)
            yield machine
    except nspawn.BootError as refusal:
        pytest.skip(f"no container starts here: {refusal}")


def _start_imap(machine: Machine) -> None:
    options = ["--unit=imap", "--property=Type=notify", "--property=NotifyAccess=all"]
    server = [VENV / "bin/python", "-m", "tests.support.imap_inside", "/srv/imap.json"]
    done = machine.run("systemd-run", *options, *server, check=False)
    if done.returncode:
        pytest.skip(f"no Dovecot in the machine: {machine.journal('imap')}")


def _install(machine: Machine) -> None:
    """Do what `install-unit` says, in the words in which it says it."""
    machine.write("/etc/systemd/system/watcher.service.d/test.conf", DROP_IN + CREDENTIAL)
    output = machine.run(WATCHER, "install-unit", "--datasette").stdout
    for step in re.findall(r"^  sudo(edit)? (.*)$", output, re.MULTILINE):
        if step[0]:
            machine.write("/etc/watcher/credentials/test-imap", PASSWORD + "\n", 0o600)
            configure(machine)
        else:
            machine.run("sh", "-c", step[1])


def account(machine: Machine) -> dict[str, Any]:
    """Port and username of the account on the machine's IMAP server."""
    found: dict[str, Any] = json.loads(machine.path("/srv/imap.json").read_text())
    return found


def settings(machine: Machine, state: str, secret: str = SECRET) -> str:
    """Settings with one inbox and the databases below `state`."""
    return STORE_OF.format(state) + INBOX.format(name="test", secret=secret, **account(machine))


def configure(machine: Machine, more: str = "") -> None:
    """Write the daemon's settings, with `more` behind them."""
    text = settings(machine, "/var/lib/watcher")
    machine.path("/etc/watcher/inboxes.yaml").write_text(text + more)  # in place: mode and owner stay


def start_instance(machine: Machine, name: str) -> None:
    """Install and start `watcher@NAME`; its password is in a file of its account."""
    password = f"/etc/watcher/{name}.password"
    machine.write(password, PASSWORD + "\n", 0o600)
    machine.write(
        f"/etc/watcher/{name}.yaml", settings(machine, f"/var/lib/watcher-{name}", f"file: {password}")
    )
    machine.write(f"/etc/systemd/system/watcher@{name}.service.d/test.conf", DROP_IN)
    output = machine.run(WATCHER, "install-unit", "--instance", name).stdout
    for step in re.findall(r"^  sudo (.*)$", output, re.MULTILINE):
        if step.startswith("systemd-tmpfiles"):  # the account exists from here on
            machine.run("chown", f"watcher-{name}", password)
        machine.run("sh", "-c", step)


@pytest.fixture(scope="module", autouse=True)
def frozen(machine: Machine) -> str:
    """A daemon that is stopped in its tracks, so that the watchdog's time runs out while other tests run."""
    start_instance(machine, "frozen")
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "watcher@frozen")
    return "watcher@frozen"


@pytest.fixture
def daemon(machine: Machine) -> Machine:
    """The machine, its daemon freshly started."""
    configure(machine)
    machine.run("systemctl", "reset-failed", "watcher")
    machine.run("systemctl", "restart", "watcher")
    return machine


def subjects(machine: Machine) -> str:
    """The subjects in the store."""
    query = "select subject from newsletters"
    code = f"import sqlite3, sys; print([*sqlite3.connect(sys.argv[1]).execute('{query}')])"
    return machine.run_as("watcher", VENV / "bin/python", "-c", code, STORE).stdout


def restarts(machine: Machine, unit: str = "watcher") -> int:
    """How often systemd has restarted a daemon by itself since it was last started by hand."""
    return int(machine.show(unit, "NRestarts"))


def is_back(machine: Machine, unit: str = "watcher") -> bool:
    """Whether a daemon has been restarted once, and is ready."""
    return restarts(machine, unit) == 1 and machine.show(unit, "ActiveState") == "active"


def test_the_printed_steps_lead_to_a_running_daemon(machine: Machine) -> None:
    """It says READY, and `systemctl status` shows what it is doing."""
    assert machine.show("watcher", "ActiveState") == "active"
    machine.wait_for(lambda: "1 mails" in machine.show("watcher", "StatusText"), "watcher")
    status = machine.run("systemctl", "status", "watcher").stdout
    assert re.search('Status: "1 inboxes.* 1 mails', status)
    assert "enabled" in status


def test_a_credential_becomes_the_password(machine: Machine) -> None:
    """The mail behind the login is in the store; the password is in no log and not in the environment."""
    machine.wait_for(lambda: "The first one" in subjects(machine), "watcher")
    assert PASSWORD not in machine.journal("watcher")
    assert PASSWORD not in machine.run("cat", f"/proc/{machine.show('watcher', 'MainPID')}/environ").stdout


def test_vault_and_store_have_the_modes_of_the_matrix(machine: Machine) -> None:
    """The vault is the daemon's alone; the store is its group's as well, with all that is made beside it."""
    machine.wait_for(lambda: "The first one" in subjects(machine), "watcher")
    paths = [VAULT, "/var/lib/watcher/vault", STORE, "/var/lib/watcher/archive", "/var/lib/watcher"]
    modes = machine.run("stat", "--format=%a %U:%G", *paths).stdout.splitlines()
    owner = "watcher:watcher"
    assert modes == [f"600 {owner}", f"700 {owner}", f"660 {owner}", f"2770 {owner}", f"750 {owner}"]


def test_workers_keep_their_limits_in_the_sandbox(daemon: Machine) -> None:
    """The unit refuses @resources; a worker limits itself by prlimit64, which is in @default."""
    main = daemon.show("watcher", "MainPID")
    (worker,) = daemon.run("cat", f"/proc/{main}/task/{main}/children").stdout.split()
    limits = daemon.run("cat", f"/proc/{worker}/limits").stdout
    assert re.search(r"Max address space +512000000 +512000000", limits)


def test_a_killed_daemon_is_started_again(daemon: Machine) -> None:
    """As after a crash: SIGKILL."""
    before = daemon.show("watcher", "MainPID")
    daemon.run("systemctl", "kill", "--signal=KILL", "watcher")
    daemon.wait_for(lambda: is_back(daemon), "watcher")
    assert daemon.show("watcher", "MainPID") != before


def test_a_bad_setting_is_not_tried_again(daemon: Machine) -> None:
    """Exit code 78: waiting does not mend it. (The sub-state of a service that waits is `auto-restart`.)"""
    configure(daemon, "nonsense: 1\n")
    assert daemon.run("systemctl", "restart", "watcher", check=False).returncode == 1
    assert daemon.show("watcher", "ExecMainStatus") == "78"
    assert daemon.show("watcher", "SubState") == "failed"
    assert restarts(daemon) == 0
    assert "inboxes.yaml:10:1" in daemon.journal("watcher")


def test_reloading_a_bad_file_fails_and_changes_nothing(daemon: Machine) -> None:
    """Whoever reloads learns of the mistake, and the daemon runs on."""
    before = daemon.show("watcher", "MainPID")
    configure(daemon, "nonsense: 1\n")
    assert daemon.run("systemctl", "reload", "watcher", check=False).returncode == 1
    assert "unknown key `nonsense`" in daemon.journal("watcher")
    assert daemon.show("watcher", "ActiveState") == "active"
    assert daemon.show("watcher", "MainPID") == before


def test_reloading_puts_a_changed_file_into_force(daemon: Machine) -> None:
    """The same process goes on, with one inbox more."""
    before = daemon.show("watcher", "MainPID")
    configure(daemon, INBOX.format(name="second", secret=SECRET, **account(daemon)))
    daemon.run("systemctl", "reload", "watcher")
    daemon.wait_for(lambda: "2 inboxes" in daemon.show("watcher", "StatusText"), "watcher")
    assert '"event": "reloaded"' in daemon.journal("watcher")
    assert daemon.show("watcher", "MainPID") == before
    assert restarts(daemon) == 0


def test_the_web_pages_and_the_daemon_share_the_store(daemon: Machine) -> None:
    """With the daemon running, with it stopped and the side files gone, and started on what was left."""

    def page() -> str:
        code = (
            "from urllib.request import urlopen; from watcher.web import wait_until_ready as ready;"
            "assert ready('127.0.0.1', 8001);"
            "print(urlopen('http://127.0.0.1:8001/newsletters/newsletters.json?_shape=array').read().decode())"
        )
        return daemon.run(VENV / "bin/python", "-c", code).stdout

    daemon.wait_for(lambda: "The first one" in subjects(daemon), "watcher")
    daemon.run("systemctl", "restart", "watcher-datasette")
    assert "The first one" in page()
    daemon.run("systemctl", "stop", "watcher-datasette", "watcher")
    assert not daemon.path(STORE + "-wal").exists()
    daemon.run("systemctl", "start", "watcher-datasette")
    assert "The first one" in page()
    assert daemon.show("watcher-datasette", "User") == "watcher-datasette"
    daemon.run("systemctl", "start", "watcher")
    # `check` writes into the store, as the daemon does when mail comes
    check = daemon.run_as("watcher", WATCHER, "check", "--offline", "--config", "/etc/watcher/inboxes.yaml")
    assert "is writable, 1 newsletters" in check.stdout
    assert "The first one" in page()


def test_the_web_pages_cannot_reach_the_vault(machine: Machine) -> None:
    """Whoever finds a hole in them finds no mail: as their user, and in their view of the file system."""
    refused = machine.run_as("watcher-datasette", "cat", VAULT, check=False)
    assert "Permission denied" in refused.stderr
    assert "/var/lib/watcher/vault" in machine.show("watcher-datasette", "InaccessiblePaths")


def test_an_instance_has_an_account_of_its_own(frozen: str, machine: Machine) -> None:
    """It runs beside the daemon, and neither may read what the other keeps; senders.yaml is for both."""
    # The other daemon reads this file as well when the watchdog starts it again.
    machine.wait_for(lambda: is_back(machine, frozen), frozen)
    machine.path("/etc/watcher/senders.yaml").chmod(0o600)  # as root's `watcher init` may leave it
    start_instance(machine, "museum")
    machine.wait_for(lambda: "1 mails" in machine.show("watcher@museum", "StatusText"), "watcher@museum")
    assert machine.show("watcher@museum", "User") == "watcher-museum"
    assert machine.run("systemd-tmpfiles", "--create").stderr == ""  # at boot both files are read
    for user, other in (("watcher", "watcher-museum"), ("watcher-museum", "watcher")):
        refused = machine.run_as(user, "ls", f"/var/lib/{other}", check=False)
        assert "Permission denied" in refused.stderr


def test_a_user_s_unit_runs_without_root(machine: Machine) -> None:
    """`install-unit --user` and the steps that it prints, for an ordinary user who is not logged in."""
    machine.run("useradd", "--create-home", "someone")
    machine.run("loginctl", "enable-linger", "someone")
    number = machine.run("id", "-u", "someone").stdout.strip()
    session = ["env", f"XDG_RUNTIME_DIR=/run/user/{number}", "HOME=/home/someone"]
    machine.wait_for(lambda: machine.show(f"user@{number}", "ActiveState") == "active", f"user@{number}")

    def run(*command: str) -> str:
        return machine.run_as("someone", *session, *command).stdout

    output = run(str(WATCHER), "install-unit", "--user")
    drop_in = "[Service]\nLoadCredential=test-imap:%E/watcher/test-imap\n"
    for name, content in {
        "watcher/inboxes.yaml": settings(machine, "/home/someone/data"),
        "watcher/test-imap": PASSWORD,
        "systemd/user/watcher.service.d/test.conf": drop_in,
    }.items():
        machine.write(f"/home/someone/.config/{name}", content)
    machine.run("chown", "-R", "someone:", "/home/someone")
    for step in re.findall(r"^  (systemctl .*)$", output, re.MULTILINE):
        run("sh", "-c", step)
    machine.wait_for(
        lambda: "1 mails" in run("systemctl", "--user", "show", "--value", "-pStatusText", "watcher"),
        "user@*",
    )
    assert run("systemctl", "--user", "is-active", "watcher").strip() == "active"


def test_a_frozen_daemon_is_started_again(frozen: str, machine: Machine) -> None:
    """The watchdog is not fed any more; the journal says where each thread stood."""
    machine.wait_for(lambda: is_back(machine, frozen), frozen)
    journal = machine.journal(frozen)
    assert "Watchdog timeout" in journal
    assert "Fatal Python error: Aborted" in journal
    assert "daemon.py" in journal
