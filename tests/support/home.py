"""A watcher of its own for a test: settings, databases and the command line, in a temporary directory."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.dovecot import MailUser

READER = "reader@example.org"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


class Home:
    """Where one watcher lives."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config" / "inboxes.yaml"
        self.store = root / "data" / "newsletters.db"
        self.vault = root / "data" / "vault.db"
        self.media = root / "data" / "media.db"
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.configure("inboxes: []")

    def configure(self, text: str, senders: str = "senders: []\n") -> None:
        """Write inboxes.yaml (the store's place is added) and senders.yaml."""
        store = "store:\n  newsletters: data/newsletters.db\n  vault: data/vault.db\n"
        self.config.write_text(store + textwrap.dedent(text), encoding="utf-8")
        self.config.with_name("senders.yaml").write_text(senders, encoding="utf-8")

    def watch(self, user: MailUser, *, senders: str = "senders: []\n", **settings: object) -> None:
        """Configure one inbox, `test`, for an account of the test server.

        Keywords add or replace its keys.
        """
        secret = self.root / "secret"
        secret.write_text(user.password, encoding="utf-8")
        secret.chmod(0o600)
        keys: dict[str, object] = {
            "name": "test",
            "host": user.server.host,
            "port": user.server.port,
            "security": "none",
            "username": user.name,
            "password": f"{{file: {secret}}}",
            "addresses": f"[{READER}]",
            **settings,
        }
        lines = [
            f"{'  - ' if not n else '    '}{key}: {value}" for n, (key, value) in enumerate(keys.items())
        ]
        self.configure("inboxes:\n" + "\n".join(lines) + "\n", senders)

    def run(self, *arguments: str, stdin: bytes = b"") -> Outcome:
        """Run a command in this process, as the console script does."""
        from watcher.cli import main

        out, err = io.StringIO(), io.StringIO()
        before = sys.stdin
        umask = os.umask(0o022)
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    main(["--config", str(self.config), *arguments])
                except SystemExit as stop:
                    code = stop.code if isinstance(stop.code, int) else 1
        finally:
            sys.stdin = before
            os.umask(umask)
        return Outcome(code, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command as a process of its own; its output is captured."""
        command = [sys.executable, "-m", "watcher", "--config", str(self.config), *arguments]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environ or {})},
        )

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """What a query on newsletters.db answers."""
        return _rows(self.store, sql, parameters)

    def vault_rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """What a query on vault.db answers."""
        return _rows(self.vault, sql, parameters)

    def subjects(self) -> list[str]:
        """Every subject of the store, in the order of arrival."""
        return [row["subject"] for row in self.rows("select subject from newsletters order by id")]

    def dump(self) -> str:
        """Every row of every table and every term of the full-text index: equal dumps are equal stores.

        Left out are the day on which the schema was made, and how SQLite lays the index out.
        """
        with contextlib.closing(sqlite3.connect(self.store)) as db:
            tables = db.execute(
                "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' "
                "and name not like '%fts%' and name not like '%migrations' order by name"
            )
            lines = []
            for (name,) in tables.fetchall():
                rows = db.execute(f"select * from {name} order by 1, 2")  # noqa: S608  # of the schema
                lines += [f"{name} {row}" for row in rows]
            db.execute("create virtual table temp.terms using fts5vocab(main, newsletters_fts, instance)")
            terms = db.execute("select * from temp.terms order by doc, col, offset")
            lines += [f"term {row}" for row in terms]
            return "\n".join(lines)


def _rows(path: Path, sql: str, parameters: tuple[object, ...]) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql, parameters)]


def mail(
    subject: str | None = "A subject",
    body: str = "Some words to read.",
    *,
    sender: str | None = "Example News <news@example.org>",
    message_id: str | None = "<1@example.org>",
    date: str = "Sun, 01 Mar 2026 09:30:00 +0000",
    headers: str = "",
    content_type: str = "text/plain; charset=utf-8",
) -> bytes:
    """A raw mail to the reader, with CRLF; a field that is None is left out."""
    lines = [f"To: {READER}", f"Date: {date}", "MIME-Version: 1.0", f"Content-Type: {content_type}"]
    lines += [f"From: {sender}"] if sender is not None else []
    lines += [f"Subject: {subject}"] if subject is not None else []
    lines += [f"Message-ID: {message_id}"] if message_id is not None else []
    lines += headers.splitlines()
    return ("\r\n".join(lines) + "\r\n\r\n" + body.replace("\n", "\r\n") + "\r\n").encode()


def numbered(number: int) -> bytes:
    """A mail like all others but for its number."""
    return mail(f"no. {number}", message_id=f"<{number}@example.org>")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A watcher with no inbox."""
    return Home(tmp_path)


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Make sure that the process is gone afterwards."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
