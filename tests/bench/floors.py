"""The least that an import can cost with today's C and Rust parts: three loops without any rule.

Floor A reads a file, parses it with lexbor and inserts a row. Floor B takes the mail apart in Rust
(fast-mail-parser), takes the text out of the HTML, and fills the full-text index. Floor C also visits links
and images, writes the HTML anew, hashes and compresses the mail, and keeps all of it: what our import does,
without its decisions. All of them write as our vault does (WAL, synchronous=FULL), a hundred mails at a time.
"""

from __future__ import annotations

import email
import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_TRANSACTION = 100
_SCHEMA = """
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE newsletters (
        id INTEGER PRIMARY KEY, subject TEXT, author TEXT, sent_at TEXT, sha256 BLOB UNIQUE, text TEXT
    );
    CREATE INDEX newsletters_author ON newsletters (author);
    CREATE INDEX newsletters_sent_at ON newsletters (sent_at);
    CREATE TABLE htmls (id INTEGER PRIMARY KEY, html TEXT);
    CREATE TABLE raws (id INTEGER PRIMARY KEY, raw BLOB);
    CREATE VIRTUAL TABLE newsletters_fts USING fts5(
        subject, text, content='newsletters', content_rowid='id',
        tokenize='porter unicode61 remove_diacritics 2'
    );
"""
_ROW = "INSERT INTO newsletters (id, subject, author, sent_at, sha256, text) VALUES (?, ?, ?, ?, ?, ?)"
_INDEX = "INSERT INTO newsletters_fts (rowid, subject, text) VALUES (?, ?, ?)"


def floor_a(files: Iterable[Path], home: Path) -> None:
    """Read, parse as HTML, insert."""
    from selectolax.lexbor import LexborHTMLParser

    def take(database: sqlite3.Connection, number: int, raw: bytes) -> None:
        LexborHTMLParser(raw)
        database.execute(_ROW, (number, "", "", "", number.to_bytes(32), ""))

    _loop(files, home, take)


def floor_b(files: Iterable[Path], home: Path) -> None:
    """Also: take the mail apart, take the text out of its HTML, index it."""
    from selectolax.lexbor import LexborHTMLParser

    def take(database: sqlite3.Connection, number: int, raw: bytes) -> None:
        subject, author, sent_at, plain, html = parts(raw)
        body = LexborHTMLParser(html).body if html else None
        text = body.text(separator=" ") if body else plain
        database.execute(_ROW, (number, subject, author, sent_at, number.to_bytes(32), _clean(text)))
        database.execute(_INDEX, (number, subject, _clean(text)))

    _loop(files, home, take)


def floor_c(files: Iterable[Path], home: Path) -> None:
    """Also: visit links and images, write the HTML anew, hash, compress, and keep HTML and mail."""
    import zstandard
    from selectolax.lexbor import LexborHTMLParser

    compress = zstandard.ZstdCompressor(3).compress

    def take(database: sqlite3.Connection, number: int, raw: bytes) -> None:
        subject, author, sent_at, plain, html = parts(raw)
        text, safe = plain, ""
        if html:
            tree = LexborHTMLParser(html)
            for node in tree.css("a[href], img[src]"):
                node.attrs["href" if node.tag == "a" else "src"] = "#"
            body = tree.body
            text = body.text(separator=" ") if body else ""
            safe = tree.html or ""
        digest = hashlib.sha256(raw).digest() + number.to_bytes(8)  # the corpus may have a mail twice
        database.execute(_ROW, (number, subject, author, sent_at, digest, _clean(text)))
        database.execute(_INDEX, (number, subject, _clean(text)))
        database.execute("INSERT INTO htmls VALUES (?, ?)", (number, _clean(safe)))
        database.execute("INSERT INTO raws VALUES (?, ?)", (number, compress(raw)))

    _loop(files, home, take)


def parts(raw: bytes) -> tuple[str, str, str, str, str]:
    """Return subject, author, date, plain text and HTML: in Rust, and where that gives up, by the library."""
    from fast_mail_parser import ParseError, parse_email

    try:
        mail = parse_email(raw, mode="lazy")
        return mail.subject, str(mail.from_), mail.date, "\n".join(mail.text_plain), "\n".join(mail.text_html)
    except ParseError:
        return _parts_tolerantly(raw)


def _parts_tolerantly(raw: bytes) -> tuple[str, str, str, str, str]:
    mail = email.message_from_bytes(raw)
    found = {"text/plain": "", "text/html": ""}
    for part in mail.walk():
        content = part.get_payload(decode=True)
        if part.get_content_type() in found and isinstance(content, bytes):
            found[part.get_content_type()] += content.decode("utf-8", "replace")
    head = [_clean(str(mail.get(name, ""))) for name in ("Subject", "From", "Date")]
    return head[0], head[1], head[2], found["text/plain"], found["text/html"]


def _clean(text: str) -> str:
    """Let SQLite have it, whatever it is."""
    return text.encode("utf-8", "replace").decode()


def _loop(files: Iterable[Path], home: Path, take: Callable[[sqlite3.Connection, int, bytes], None]) -> None:
    with closing(sqlite3.connect(home / "floor.db", isolation_level=None)) as database:
        database.executescript(_SCHEMA)
        for number, file in enumerate(files, 1):
            if number % _TRANSACTION == 1:
                database.execute("BEGIN")
            take(database, number, file.read_bytes())
            if number % _TRANSACTION == 0:
                database.execute("COMMIT")
        if database.in_transaction:
            database.execute("COMMIT")
