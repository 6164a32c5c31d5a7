"""T10: no socket but IMAP is opened by run, poll, import, rebuild and explain."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.balance import stored
from tests.support.home import ended, mail

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser
    from tests.support.home import Home

ROOT = Path(__file__).resolve().parents[2]

BAIT = """<html><head><link rel="stylesheet" href="https://bait.example.com/a.css">
<style>@import url(https://bait.example.com/b.css); body{background:url(https://bait.example.com/c.png)}</style></head>
<body><p>Words to read, and <a href="https://bait.example.com/track/click?u=1">a link</a>.</p>
<img src="https://bait.example.com/open.gif" width="1" height="1"></body></html>"""


def connections(home: Home, *command: str) -> list[str]:
    """Every connection, look-up and child process of a command, as lines."""
    log = home.root / "connections"
    log.write_text("")
    arguments = [
        sys.executable,
        "-m",
        "tests.support.driven",
        "audit",
        str(log),
        "--config",
        str(home.config),
        *command,
    ]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return log.read_text().splitlines()


def test_t10_poll_connects_to_the_imap_server_alone(home: Home, mail_user: MailUser) -> None:
    """One connection to the configured host and port; nothing in the mail is asked for."""
    home.watch(mail_user)
    mail_user.deliver(mail(body=BAIT, content_type="text/html; charset=utf-8"))
    lines = connections(home, "poll")
    port = mail_user.server.port
    assert set(lines) == {
        "watched: command",
        "watched: worker",
        "subprocess.Popen -P -m watcher.derivation.process",
        f"socket.connect 127.0.0.1 {port}",
        "socket.getaddrinfo 127.0.0.1",
    }
    assert home.rows("select words from newsletters")[0]["words"] > 0


def test_t10_the_daemon_and_its_processes_connect_to_the_imap_server_alone(
    home: Home, mail_user: MailUser
) -> None:
    """Who reads the settings, who watches and who derives: all of them are watched, until the clean end."""
    home.watch(mail_user)
    mail_user.deliver(mail(body=BAIT, content_type="text/html; charset=utf-8"))
    log = home.root / "connections"
    arguments = ["-m", "tests.support.driven", "audit", str(log), "--config", str(home.config), "run"]
    with ended(_started(*arguments)) as daemon:
        end = time.monotonic() + 60
        while not stored(home) and time.monotonic() < end:
            time.sleep(0.05)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
    lines = log.read_text().splitlines()
    port = mail_user.server.port
    assert set(lines) == {
        "watched: command",
        "watched: worker",
        f"subprocess.Popen -P -m watcher.settings.apart {home.config}",
        "subprocess.Popen -P -m watcher.derivation.process",
        f"socket.connect 127.0.0.1 {port}",
        "socket.getaddrinfo 127.0.0.1",
    }
    assert lines.count("watched: worker") == sum(line.startswith("subprocess.Popen") for line in lines)
    assert home.rows("select words from newsletters")[0]["words"] > 0


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )


def test_t10_import_rebuild_and_explain_connect_to_nothing(home: Home) -> None:
    """Not even a name is looked up, and no other program is started."""
    letter = home.root / "1.eml"
    letter.write_bytes(mail(body=BAIT, content_type="text/html; charset=utf-8"))
    for command in (["import", str(letter)], ["rebuild"], ["explain", str(letter), "--json"]):
        assert connections(home, *command) == ["watched: command"]


def test_the_audit_sees_a_connection(home: Home, mail_user: MailUser) -> None:
    """The two tests above prove something only because this one is not empty."""
    home.watch(mail_user)
    assert any(line.startswith("socket.connect") for line in connections(home, "check"))
