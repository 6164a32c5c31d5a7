"""A real Dovecot for tests: started once per test process, on loopback, with throw-away accounts.

Use the session fixture `dovecot`; `dovecot.user()` gives an empty account that no other test sees. It works
as root (mail then belongs to nobody) and as an ordinary user. This module is a pytest plugin.
"""

from __future__ import annotations

import base64
import contextlib
import grp
import hmac
import itertools
import json
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from imapclient import imap_utf7

from tests.support.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

NOBODY = 65534
PATIENCE_SECONDS = 20.0

CONFIGURATION = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
instance_name = test-{port}
first_valid_uid = 1
last_valid_uid = 0
default_vsz_limit = 0
mail_location = maildir:~/Maildir
mail_max_userip_connections = 200
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
{unprivileged}
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {root}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%n {root}/users/%n
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {root}/users/%n
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
  {chroot}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0600
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
  {chroot}
}}
service stats {{
  {chroot}
}}
protocol lmtp {{
  postmaster_address = postmaster@localhost
}}
"""


OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={root}/keys/
username_attribute = email
username_format = %n
"""
TOKEN_KEY = b"a made-up key that signs tokens"


@dataclass(frozen=True, slots=True)
class MailUser:
    """An account of the test server. Its INBOX starts empty; folders are made by delivering into them."""

    server: Dovecot
    name: str
    password: str

    @property
    def maildir(self) -> Path:
        """The Maildir of INBOX; other folders are its `.Name` subfolders (Maildir++)."""
        return self.server.root / "mail" / self.name / "Maildir"

    def folder_path(self, folder: str) -> Path:
        """Where the messages of `folder` are, `.` separating levels as in IMAP."""
        if folder.upper() == "INBOX":
            return self.maildir
        encoded: bytes = imap_utf7.encode(folder)
        return self.maildir / f".{encoded.decode('ascii')}"

    def create_folder(self, folder: str) -> Path:
        """Make an empty folder; nothing happens when it exists."""
        path = self.folder_path(folder)
        for part in (path, path / "tmp", path / "new", path / "cur"):
            if not part.is_dir():
                part.mkdir(mode=0o700)
                self.server.own(part)
        return path

    def deliver(self, raw: bytes, folder: str = "INBOX", *, internal_date: datetime | None = None) -> None:
        """Put exactly these bytes into `folder`, as a mail server does: written to tmp/, renamed into new/.

        `internal_date` (aware) becomes the message's INTERNALDATE. UIDs follow the order of deliveries.
        """
        path = self.create_folder(folder)
        name = self.server.unique_name()
        draft = path / "tmp" / name
        draft.write_bytes(raw)
        if internal_date is not None:
            os.utime(draft, (internal_date.timestamp(),) * 2)
        self.server.own(draft)
        draft.rename(path / "new" / name)

    def deliver_many(self, raws: Iterable[bytes], folder: str = "INBOX") -> None:
        """Deliver each in turn."""
        for raw in raws:
            self.deliver(raw, folder)

    def deliver_lmtp(self, raw: bytes) -> None:
        """Deliver into INBOX by LMTP: on return it is on disk, with the server's Return-Path and Received."""
        with smtplib.LMTP(str(self.server.root / "run" / "lmtp"), 0) as lmtp:
            lmtp.sendmail("bounce@example.org", [f"{self.name}@localhost"], raw)

    def set_uidvalidity(self, uidvalidity: int, folder: str = "INBOX") -> None:
        """Change UIDVALIDITY on the running server."""
        self.create_folder(folder)
        self.server.doveadm("mailbox", "update", "-u", self.name, "--uid-validity", str(uidvalidity), folder)

    def raise_uidnext(self, uidnext: int, folder: str = "INBOX") -> None:
        """Leave a gap: the next delivery gets at least this UID. Mail that is there gets its UID first."""
        self.create_folder(folder)
        self.uids(folder)
        self.server.doveadm("mailbox", "update", "-u", self.name, "--min-next-uid", str(uidnext), folder)

    def uids(self, folder: str = "INBOX") -> list[int]:
        """Return the UIDs in `folder`, ascending, as the server knows them."""
        answer = self.server.doveadm("-f", "flow", "fetch", "-u", self.name, "uid", "mailbox", folder)
        return sorted(int(word.partition("=")[2]) for word in answer.split() if word.startswith("uid="))

    def flags(self, uid: int, folder: str = "INBOX") -> frozenset[str]:
        r"""Return the flags of one message, as in `{"\\Seen"}`; without `\\Recent`."""
        query = ("flags", "mailbox", folder, "uid", str(uid))
        answer = self.server.doveadm("-f", "tab", "fetch", "-u", self.name, *query)
        return frozenset(answer.splitlines()[1].split()) - {r"\Recent"}

    def expunge(self, uid: int, folder: str = "INBOX") -> None:
        """Remove one message, as another client of the account would."""
        self.server.doveadm("expunge", "-u", self.name, "mailbox", folder, "uid", str(uid))


class Dovecot:
    """The running server. Plain text and STARTTLS are on `port`, implicit TLS is on `tls_port`."""

    host = "127.0.0.1"

    def __init__(self, root: Path, authority: Authority) -> None:
        self.root = root
        self.authority = authority
        self.cafile = authority.cafile
        self._uid, self._gid = (NOBODY, NOBODY) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        self._names = itertools.count(1)
        self._deliveries = itertools.count()
        self._started = int(time.time())
        self.port, self.tls_port = _free_ports(2)

    def user(self, password: str = "a secret") -> MailUser:  # noqa: S107 - it guards invented mail
        """Make an account with an empty INBOX."""
        name = f"user{next(self._names)}"
        home = self.root / "mail" / name
        home.mkdir(mode=0o700)
        self.own(home)
        # A file for each account: Dovecot looks whether a known file has changed at most once a second.
        line = f"{name}:{{PLAIN}}{password}:{self._uid}:{self._gid}::{home}::\n"
        (self.root / "users" / name).write_text(line, encoding="utf-8")
        user = MailUser(self, name, password)
        maildir = user.maildir
        maildir.mkdir(mode=0o700)
        self.own(maildir)
        user.create_folder("INBOX")
        return user

    def token(self, user: MailUser, *, lifetime: int = 3600, key: bytes = TOKEN_KEY) -> str:
        """Make an access token for an account: a JWT (RFC 7519), good for `lifetime` seconds."""
        now = int(time.time())
        claims = {"email": f"{user.name}@localhost", "sub": user.name, "iat": now - 120, "nbf": now - 120}
        parts = ({"alg": "HS256", "typ": "JWT"}, {**claims, "exp": now + lifetime})
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_base64url(hmac.digest(key, signed.encode(), 'sha256'))}"

    def own(self, path: Path) -> None:
        """Hand a file or folder to the user whom the mail belongs to."""
        if os.geteuid() == 0:
            os.chown(path, self._uid, self._gid)

    def unique_name(self) -> str:
        """Return a Maildir file name; they sort in the order in which they were asked for."""
        seconds, micros = divmod(next(self._deliveries), 1_000_000)
        return f"{self._started + seconds}.M{micros:06}P{os.getpid()}.localhost"

    def doveadm(self, *arguments: str) -> str:
        """Run doveadm against this server; what it printed."""
        done = subprocess.run(
            ["doveadm", "-c", str(self.root / "dovecot.conf"), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"doveadm {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def start(self) -> None:
        """Start, or start again after `stop`, on the same ports; returns when the ports answer."""
        self._write_configuration()
        log = self.root / "start.log"
        with log.open("wb") as output:  # a pipe would be inherited by the daemon and never close
            subprocess.run(
                ["dovecot", "-c", str(self.root / "dovecot.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if not _wait_until(lambda: _answers(self.port) and _answers(self.tls_port)):
            self.stop()
            raise AssertionError(f"Dovecot did not start: {log.read_text()} {self.log()}")

    def stop(self) -> None:
        """Kill the server with all its processes, as a power cut would; returns when the ports are closed."""
        with contextlib.suppress(OSError, ValueError):
            pid_file = self.root / "run" / "master.pid"
            os.killpg(int(pid_file.read_text()), signal.SIGKILL)  # the daemon leads a group of its own
            pid_file.unlink()
            # The last to die holds this socket, and the next start would take it for a running server.
            last = self.root / "run" / "log-errors"
            _wait_until(lambda: not (_answers(self.port) or _answers(self.tls_port) or _listens(last)))

    def log(self) -> str:
        """Return the server's log, for the message of a failed test."""
        with contextlib.suppress(OSError):
            return (self.root / "dovecot.log").read_text(errors="replace")
        return ""

    def _write_configuration(self) -> None:
        certificate = self.authority.folder / "server.pem"
        unprivileged = chroot = ""
        if os.geteuid() != 0:
            who, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
            chroot = "chroot ="
            unprivileged = (
                f"default_internal_user = {who}\ndefault_internal_group = {group}\ndefault_login_user = {who}"
            )
        text = CONFIGURATION.format(
            root=self.root,
            port=self.port,
            tls_port=self.tls_port,
            cert=certificate,
            key=certificate.with_name("server-key.pem"),
            unprivileged=unprivileged,
            chroot=chroot,
        )
        (self.root / "dovecot.conf").write_text(text, encoding="utf-8")
        (self.root / "oauth2.conf").write_text(OAUTH2.format(root=self.root), encoding="utf-8")
        keys = self.root / "keys" / "default" / "HS256"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / "default").write_bytes(base64.b64encode(TOKEN_KEY))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _listens(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False


def _wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return met


def _missing() -> str:
    """Why Dovecot cannot be started here; empty when it can."""
    if shutil.which("dovecot") is None or shutil.which("doveadm") is None:
        return "no Dovecot: apt-get install dovecot-imapd dovecot-lmtpd"
    if not any(
        Path(folder, "dovecot", "lmtp").exists() for folder in ("/usr/lib", "/usr/libexec", "/usr/lib64")
    ):
        return "Dovecot without LMTP: apt-get install dovecot-imapd dovecot-lmtpd"
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=False).stdout
    if not version.startswith("2.3."):
        return f"Dovecot {version.split()[0]} has another configuration syntax: these tests want 2.3"
    return ""


@contextlib.contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """Start a server of one's own, for tests that stop and start it; others take the fixture `dovecot`."""
    if reason := _missing():
        pytest.skip(reason)
    # Not pytest's tmp_path: unix sockets end at 107 characters, and the mail's owner must be able to enter.
    base = "/tmp" if os.access("/tmp", os.W_OK) else None  # noqa: S108 - mkdtemp makes the name
    root = Path(tempfile.mkdtemp(prefix="dovecot-", dir=base))
    root.chmod(0o755)
    try:
        for name in ("run", "state", "mail", "users"):
            (root / name).mkdir(mode=0o755)
        authority = Authority.create(root / "tls")
        authority.issue("server")
        server = Dovecot(root, authority)
        server.own(root / "mail")
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """One Dovecot for all tests of this process; skips where it is not installed."""
    with running_dovecot() as server:
        yield server


@pytest.fixture
def mail_user(dovecot: Dovecot) -> MailUser:
    """Make an account with an empty INBOX."""
    return dovecot.user()
