"""A whole run, and then a search of everything that it leaves behind: files, output, what `ps` shows."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.test_impersonation import SENDERS
from tests.support.home import ended, mail
from tests.support.watched import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.dovecot import Dovecot, MailUser
    from tests.support.home import Home

PASSWORD = "swordfish-4711-unlikely"
READER = "hidden.reader@example.net"
NAME = "Hortensia Q. Hidden"
TOKEN = "8f14e45fceea167a5a36dedd4bea2543"
LINK = "https://news.us7.list-manage.com/track/click?u=00112233445566778899aabbc&id=0a1b2c3d4e&e=5f6e7d8c9b"


def _forms(secret: str) -> Iterator[bytes]:
    """The ways in which it could stand in a file: as it is, in capitals, encoded, hashed."""
    data = secret.encode()
    yield from (data, data.upper(), data.replace(b"@", b"="), data.replace(b"@", b"%40"), data.hex().encode())
    yield from (secret.encode("utf-16-le"), data[::-1])
    yield from (hashlib.new(name, data).hexdigest().encode() for name in ("md5", "sha1", "sha256"))
    for offset in range(3):  # what is sure of base64, whatever stands around it
        coded = base64.b64encode(b"x" * offset + data)
        yield coded[4 if offset else 0 : -4]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _letter(number: int) -> bytes:
    """A newsletter that names its reader wherever newsletters do."""
    coded = base64.urlsafe_b64encode(READER.encode()).decode().rstrip("=")
    html = (
        f"<p>Dear {NAME}, the baths are open again.</p><p>Sent to {READER}.</p>"
        f'<a href="https://example.org/read?e={READER.replace("@", "%40")}&t={TOKEN}">Read</a>'
        f'<a href="{LINK}">more</a><a href="https://example.org/u/{coded}">leave</a>'
        f'<img src="https://example.org/o.gif?r={_md5(READER)}" width="1" height="1">'
        f'<img alt="for {READER}" src="https://example.org/i.png">'
    )
    headers = "\n".join(
        (
            f"Delivered-To: {READER}",
            f"Return-Path: <bounce-{READER.replace('@', '=')}-{TOKEN}@example.org>",
            f"List-Unsubscribe: <https://example.org/u?e={READER}&t={TOKEN}>",
            f"X-Mid: {base64.b64encode(READER.encode()).decode()}",
            f"Received: from a by mx.example.org for <{READER}>; Sun, 1 Mar 2026 09:30:00 +0000",
        )
    )
    return mail(
        f"No. {number} for {NAME}",
        html,
        message_id=f"<{number}.{coded}@example.org>",
        headers=headers,
        content_type="text/html; charset=utf-8",
    )


def _configure(home: Home, user: MailUser, port: int) -> None:
    secret = home.root / "secret"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o600)
    home.watch(
        user,
        senders=SENDERS,
        addresses=f"[{READER}]",
        redact=f"[{NAME}]",
        password="{env: POLITICS_PASSWORD}",
        every="10s",
    )
    extra = f"""
metrics_file: {home.root}/watcher.prom
backup: {{directory: {home.root}/backups, keep: 2}}
heartbeat: {{url: "http://127.0.0.1:{port}/ping/{TOKEN}"}}
"""
    home.config.write_text(home.config.read_text(encoding="utf-8") + extra, encoding="utf-8")


class _Processes(threading.Thread):
    """Writes down the command line and, of children that we may look into, the environment."""

    def __init__(self, parent: int) -> None:
        super().__init__(daemon=True)
        self.parent = parent
        self.seen: set[bytes] = set()
        self.children: set[bytes] = set()  # command lines
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.005):
            for process in _family(self.parent):
                with suppress(OSError):
                    line = Path(f"/proc/{process}/cmdline").read_bytes()
                    self.seen.add(line)
                    if process != self.parent:
                        self.children.add(line)
                        self.seen.add(Path(f"/proc/{process}/environ").read_bytes())


def _family(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


@pytest.fixture
def left(home: Home, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What a run leaves: each file but the private ones, each output, what `ps` showed. By where it was."""
    user = dovecot.user(PASSWORD)
    _configure(home, user, 9)  # nothing listens there: the heartbeat fails, and says so
    environ = {"POLITICS_PASSWORD": PASSWORD}
    monkeypatch.setenv("POLITICS_PASSWORD", PASSWORD)
    found: dict[str, bytes] = {}
    for number in range(3):
        user.deliver(_letter(number))
    (home.root / "letter.eml").write_bytes(_letter(7))
    found |= _ran(home, environ, "check", "poll", "status", "explain letter.eml", "explain --json letter.eml")
    found |= _crashed(home, user, environ)
    found |= _ran(
        home,
        environ,
        "backup",
        "rebuild",
        "senders unknown",
        "import --inbox test letter.eml",
        "status --json",
    )
    found |= _ran(home, {"POLITICS_PASSWORD": f"{PASSWORD}-wrong"}, "check", "poll", "-v poll", "status")
    (home.root / "letter.eml").unlink()
    for path in sorted(home.root.rglob("*")):
        if path.is_file() and not _is_private(home, path):
            found[str(path.relative_to(home.root))] = path.read_bytes()
    return found


def _ran(home: Home, environ: dict[str, str], *commands: str) -> dict[str, bytes]:
    found = {}
    for command in commands:
        words = [str(home.root / word) if word.endswith(".eml") else word for word in command.split()]
        with ended(home.start(*words, environ=environ)) as process:
            out, err = process.communicate(timeout=PATIENCE)
        label = f"{command} {'wrong' if 'wrong' in environ['POLITICS_PASSWORD'] else ''}"
        found[f"out of {label}"], found[f"err of {label}"] = out.encode(), err.encode()
    return found


def _crashed(home: Home, user: MailUser, environ: dict[str, str]) -> dict[str, bytes]:
    """A daemon that takes mail in, and is killed while its databases are open."""
    with ended(home.start("run", environ=environ)) as process:
        watcher = _Processes(process.pid)
        watcher.start()
        user.deliver(_letter(4))
        _await(lambda: len(home.subjects()) == 4)
        _await((home.root / "watcher.prom").exists)
        files = {
            f"{path.name} of the running daemon": path.read_bytes()
            for path in home.store.parent.glob("newsletters.db*")
        }
        user.deliver(_letter(5))
        process.send_signal(signal.SIGABRT)  # as the watchdog does
        out, err = process.communicate(timeout=PATIENCE)
        watcher.over.set()
        watcher.join(PATIENCE)
    assert any(b"watcher.derivation.process" in line for line in watcher.children)
    return {
        **files,
        "out of run": out.encode(),
        "err of run": err.encode(),
        "ps": b"\n".join(sorted(watcher.seen)),
    }


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def _is_private(home: Home, path: Path) -> bool:
    """The vault, its copies and the settings hold what they hold; nobody else can read them."""
    return path.name.startswith("vault.db") or home.config.parent in path.parents or path.name == "secret"


@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_run_leaves_neither_password_nor_token_nor_reader(home: Home, left: dict[str, bytes]) -> None:
    """In the store and its WAL, copies, metrics, logs, output, errors, and what `ps` shows of any process."""
    assert len(home.subjects()) >= 5
    assert {"newsletters.db of the running daemon", "newsletters.db-wal of the running daemon"} <= left.keys()
    assert any(b"login" in text.lower() for place, text in left.items() if "wrong" in place)
    found = [
        (place, secret, form)
        for place, text in left.items()
        for secret in (PASSWORD, READER, NAME, TOKEN)
        for form in _forms(secret)
        if form in text
    ]
    assert found == []
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in home.root.rglob("*.db*")}
    assert {mode for path, mode in modes.items() if path.name.startswith("vault")} == {0o600}
    assert not [path for path, mode in modes.items() if mode & 0o007]
    assert not list(home.root.rglob("core*"))
    assert not [
        path for path in Path.cwd().glob("core*") if path.is_file() and path.stat().st_uid == os.geteuid()
    ]


def test_the_search_finds_each_form() -> None:
    """A search that finds nothing must be one that could."""
    coded = base64.b64encode(b"xx" + READER.encode() + b"yy")
    assert any(form in coded for form in _forms(READER))
    assert any(form in b"t=" + TOKEN.encode() for form in _forms(TOKEN))
