"""A whole run, and then a search of everything that it leaves behind.

Files with all of their pages, output, what `ps` shows, what the web pages and the published copy say, and
the documents that a browser drew.
"""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import sqlite3
import stat
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.test_impersonation import SENDERS
from tests.rendering.conftest import mail as html_mail
from tests.support import disguises
from tests.support.home import ended, mail
from tests.support.reading_worker import documents, read_back
from tests.support.watched import PATIENCE
from tests.support.web import CONFIG, serving
from watcher.rendering import Camera, CameraUnusableError, Media, Reader
from watcher.rendering.browser import BrowserMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.dovecot import Dovecot, MailUser
    from tests.support.home import Home

pytestmark = pytest.mark.slow  # it reads all that a whole run leaves behind

PASSWORD = "swordfish-4711-unlikely"
READER = "hidden.reader@example.net"
NAME = "Hortensia Q. Hidden"
TOKEN = "8f14e45fceea167a5a36dedd4bea2543"
MEMBER = "5f6e7d8c9b"
INBOX = "attic4711"
PRIVATE = "zwetschgenrummel4711"  # of a mail that is no newsletter
LINK = "https://news.us7.list-manage.com/track/click?u=00112233445566778899aabbc&id=0a1b2c3d4e&e=" + MEMBER


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
    tracked = f"https://example.org/t?e={READER.replace('@', '%40')}&t={TOKEN}"
    html = (
        f"<!-- for {READER}, {TOKEN} --><style>b{{background:url({tracked})}}"
        f"i::after{{content:'{READER}'}}/* {TOKEN} */</style>"
        f"<p>Dear {NAME}, the baths are open again.</p><p>Sent to {READER}.</p>"
        f'<a href="https://example.org/read?e={READER.replace("@", "%40")}&t={TOKEN}">Read</a>'
        f'<a href="{LINK}">more</a><a href="https://example.org/u/{coded}">leave</a>'
        f'<img src="https://example.org/o.gif?r={_md5(READER)}" width="1" height="1">'
        f'<img alt="for {READER}" src="https://example.org/i.png" width="300" height="90">'
        f'<p title="{READER}" data-token="{TOKEN}" style="background:url({tracked})">{READER.upper()}, '
        f"{coded}, {_md5(READER)}, {tracked}, www.example.org/t?e={READER}&t={TOKEN}</p>"
        f'<table background="{tracked}"><tr><td>hidden.<b>reader</b>@example.<i>net</i></table>'
        f'<form action="{tracked}"><input type="hidden" value="{TOKEN}"><input value="{READER}"></form>'
        f'<map><area href="{tracked}" alt="{NAME}"></map>'
        f'<svg><a xlink:href="{tracked}"><text>{NAME}</text></a></svg>'
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
        name=INBOX,
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
            own = b""
            for process in _family(self.parent):
                with suppress(OSError):
                    line = Path(f"/proc/{process}/cmdline").read_bytes()
                    self.seen.add(line)
                    own = own or line  # the parent comes first
                    if line not in {own, b""}:  # until its exec a child is its parent, environment and all
                        self.children.add(line)
                        self.seen.add(Path(f"/proc/{process}/environ").read_bytes())


def _family(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


@pytest.fixture(scope="module")
def can_draw() -> bool:
    """Whether there is a browser; without one all but the pictures is searched."""
    try:
        with Camera() as camera:
            camera.take(html_mail("<p>hello"), Reader())
    except (CameraUnusableError, BrowserMissingError):
        return False
    return True


@pytest.fixture
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where browsers put down what they drew."""
    return tmp_path_factory.mktemp("drawn") / "notes"


@pytest.fixture
def left(
    home: Home, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, notes: Path, can_draw: bool
) -> dict[str, bytes]:
    """What a run leaves: each file but the private ones, each output, what `ps` showed. By where it was."""
    user = dovecot.user(PASSWORD)
    _configure(home, user, 9)  # nothing listens there: the heartbeat fails, and says so
    environ = {"POLITICS_PASSWORD": PASSWORD}
    monkeypatch.setenv("POLITICS_PASSWORD", PASSWORD)
    found: dict[str, bytes] = {}
    for number in range(3):
        user.deliver(_letter(number))
    user.deliver(mail(PRIVATE, f"Dear {NAME}, {PRIVATE}.", message_id="<private@example.org>"))
    (home.root / "letter.eml").write_bytes(_letter(7))
    found |= _ran(home, environ, "check", "poll", "status", "explain letter.eml", "explain --json letter.eml")
    found |= _crashed(home, user, environ)
    if can_draw:
        read_back(monkeypatch, notes)
        found["out of screenshots"] = repr(home.run("screenshots")).encode()
        found["documents"] = notes.read_bytes()
    found |= _ran(
        home,
        environ,
        "backup",
        "rebuild",
        "senders unknown",
        f"import --inbox {INBOX} letter.eml",
        "status --json",
        "publish public",
    )
    found |= _served("archive", home.store, CONFIG, home.media if can_draw else None)
    found |= _served("public", home.root / "public/newsletters.db", home.root / "public/datasette.yaml", None)
    found |= _ran(home, {"POLITICS_PASSWORD": f"{PASSWORD}-wrong"}, "check", "poll", "-v poll", "status")
    (home.root / "letter.eml").unlink()
    for path in sorted(home.root.rglob("*")):
        if path.is_file() and not _is_private(home, path):
            place = str(path.relative_to(home.root))
            found[place] = path.read_bytes()
            if path.suffix == ".db":
                found |= {f"{table} of {place}": values for table, values in _values(path).items()}
    return found


def _values(path: Path) -> dict[str, bytes]:
    """Every value of every table, whole, where in the file it may be cut by the end of a page.

    And the words of the full-text index, which holds of each one only what it has not from the one before.
    """
    found = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        db.text_factory = bytes
        tables = [
            name.decode() for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in tables:
            rows = db.execute(f"SELECT * FROM {table}")  # noqa: S608  # of the schema
            cells = [cell for row in rows for cell in row]
            found[table] = b"\n".join(
                cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells
            )
        if "newsletters_fts" in tables:
            db.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, newsletters_fts, row)")
            words = b"\n".join(word for (word,) in db.execute("SELECT term FROM temp.words"))
            assert b"bath" in words
            found["words"] = words
    return found


def _served(name: str, store: Path, config: Path, media: Path | None) -> dict[str, bytes]:
    """What Datasette answers: the feed, the lists, a record page, tables as CSV and JSON."""
    database = f"/{store.stem}"
    paths = ["/", "/-/newsletters.atom", f"{database}/newsletters/1", f"{database}/newsletters.csv"]
    paths += [f"{database}/{table}.json?_shape=array&_size=max" for table in ("bodies", "links", "evidence")]
    with serving(store, config, media) as web:
        answers = {path: web.get(path) for path in paths}
    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(paths, 200)
    assert "the baths are open again" in answers["/-/newsletters.atom"].text
    return {f"{name}: {path}": answer.text.encode() for path, answer in answers.items()}


def _ran(home: Home, environ: dict[str, str], *commands: str) -> dict[str, bytes]:
    found = {}
    for command in commands:
        words = [str(home.root / w) if w.endswith((".eml", "public")) else w for w in command.split()]
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
        _await(lambda: len(home.subjects()) == 5)
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
    """In databases and their WAL, copies, metrics, logs, output, `ps`, pages, feeds, what a browser drew."""
    assert len(home.subjects()) >= 5
    assert {"newsletters.db of the running daemon", "newsletters.db-wal of the running daemon"} <= left.keys()
    assert any(b"login" in text.lower() for place, text in left.items() if "wrong" in place)
    found = [
        (place, secret, form)
        for secret in (PASSWORD, READER, NAME, TOKEN, MEMBER)
        for form in _forms(secret)
        for place, text in left.items()
        if (form.lower() if place.startswith("words of") else form) in text
    ]
    assert found == []
    files = [path for path in home.root.rglob("*.db*") if path.parent.name != "public"]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in files}
    assert {mode for path, mode in modes.items() if path.name.startswith("vault")} == {0o600}
    assert not [path for path, mode in modes.items() if mode & 0o007]
    _require_public(home, left)
    assert not list(home.root.rglob("core*"))
    assert not [
        path for path in Path.cwd().glob("core*") if path.is_file() and path.stat().st_uid == os.geteuid()
    ]


def _require_public(home: Home, left: dict[str, bytes]) -> None:
    """The published copy is three files, without a trace of what was taken out of it."""
    public = {place: text for place, text in left.items() if "public" in place}
    files = sorted(path.name for path in (home.root / "public").rglob("*"))
    assert files == ["README.md", "datasette.yaml", "newsletters.db"]
    for private in (INBOX.encode(), PRIVATE.encode()):
        assert private in left["data/newsletters.db"]
        assert [place for place, text in public.items() if private in text] == []


def test_no_document_that_was_drawn_names_its_reader(
    home: Home, monkeypatch: pytest.MonkeyPatch, notes: Path, can_draw: bool
) -> None:
    """Read back from the browser: text as laid out, each text, attribute and name of the tree, in any coding.

    A picture has no other text: what its file holds beside the pixels is a colour profile.
    """
    if not can_draw:
        pytest.skip("there is no browser to draw with")
    home.configure(
        f"inboxes:\n  - {{name: {INBOX}, host: imap.example.org, username: {READER}, "
        f"password: {{env: UNUSED}}, redact: [{NAME}]}}"
    )
    (home.root / "letter.eml").write_bytes(_letter(1))
    assert home.run("import", "--inbox", INBOX, str(home.root / "letter.eml")).code == 0
    read_back(monkeypatch, notes)
    outcome = home.run("screenshots")
    assert outcome.out.startswith("drew 1, 0 have none"), outcome.err
    (document,) = documents(notes)
    assert "the baths are open again" in document["shown"]
    assert "[redacted]" in document["shown"]
    texts = [document["given"], document["shown"], *document["read"]]
    found = [
        (secret, form)
        for secret in (READER, NAME, TOKEN, MEMBER)
        for form in _forms(secret)
        for text in texts
        if form in text.encode()
    ]
    assert found == []
    assert not [text for text in texts if disguises.names_reader(text, READER)]
    with closing(Media.look(home.media)) as media:
        pictures = media._db.rows("SELECT content FROM screenshots UNION ALL SELECT content FROM thumbnails")
    assert len(pictures) == 3
    kinds = {kind for (content,) in pictures for kind in _chunks(content)}
    assert kinds <= {b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L"}  # neither EXIF nor XMP


def _chunks(webp: bytes) -> Iterator[bytes]:
    """The kinds of a WebP's chunks (RFC 9649, section 2.3)."""
    assert (webp[:4], webp[8:12]) == (b"RIFF", b"WEBP")
    at = 12
    while at < len(webp):
        yield webp[at : at + 4]
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        at += 8 + size + size % 2


def test_the_search_finds_each_form() -> None:
    """A search that finds nothing must be one that could."""
    coded = base64.b64encode(b"xx" + READER.encode() + b"yy")
    assert any(form in coded for form in _forms(READER))
    assert any(form in b"t=" + TOKEN.encode() for form in _forms(TOKEN))
