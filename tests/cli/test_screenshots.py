"""watcher screenshots: the backlog into media.db, as a user runs it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.rendering.conftest import READER
from tests.rendering.conftest import mail as html_mail
from tests.support.home import mail
from watcher.rendering import Camera, CameraUnusableError
from watcher.rendering.browser import BrowserMissingError

if TYPE_CHECKING:
    from tests.support.home import Home


@pytest.fixture(scope="module", autouse=True)
def _can_draw() -> None:
    try:
        with Camera() as camera:
            camera.take(html_mail("<p>hello"), READER)
    except (CameraUnusableError, BrowserMissingError) as error:
        pytest.skip(str(error))


def archived(home: Home) -> None:
    """Two HTML mails and one without."""
    for number in (1, 2):
        body = f"<h1>Number {number}</h1>"
        path = home.root / f"{number}.eml"
        path.write_bytes(mail(body=body, content_type="text/html", message_id=f"<{number}@example.org>"))
    (home.root / "3.eml").write_bytes(mail(message_id="<3@example.org>"))
    assert home.run("import", *(str(home.root / f"{number}.eml") for number in (1, 2, 3))).code == 0


def rows(home: Home, sql: str) -> list[tuple[object, ...]]:
    (media,) = home.root.rglob("media.db")
    connection = sqlite3.connect(media)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_the_backlog_is_drawn_once(home: Home) -> None:
    """The newest first, with a limit; what has an outcome is left alone until it is asked for again."""
    archived(home)
    first = home.run("screenshots", "--limit", "1")
    assert (first.code, first.out.splitlines()[0].partition(";")[0]) == (0, "drew 0, 1 have none")
    assert "1 without: the mail has no HTML" in first.out
    rest = home.run("screenshots", "--workers", "2")
    assert rest.out.startswith("drew 2, 0 have none")
    assert rows(home, "SELECT newsletter_id, width FROM screenshots ORDER BY 1, 2") == [
        (1, 400), (1, 640), (2, 400), (2, 640)
    ]  # fmt: skip
    assert rows(home, "SELECT newsletter_id, width, height FROM thumbnails") == [(1, 160, 200), (2, 160, 200)]
    assert home.run("screenshots").out.startswith("drew 0, 0 have none")
    assert home.run("screenshots", "--failed").out.startswith("drew 0, 1 have none")
    assert home.run("screenshots", "--again").out.startswith("drew 2, 1 have none")
    assert len(rows(home, "SELECT 1 FROM screenshots")) == 4


def test_media_can_be_deleted_and_made_again(home: Home) -> None:
    """It is derived: the same pictures come out."""
    archived(home)
    home.run("screenshots")
    before = rows(home, "SELECT newsletter_id, width, sha256 FROM screenshots ORDER BY 1, 2")
    (media,) = home.root.rglob("media.db")
    media.unlink()
    home.run("screenshots")
    assert rows(home, "SELECT newsletter_id, width, sha256 FROM screenshots ORDER BY 1, 2") == before


def test_without_a_browser_it_says_what_to_install(home: Home) -> None:
    """Exit 1, and no mail is marked as one that cannot be drawn."""
    archived(home)
    done = home.run("screenshots", "--browser", "no-such-browser")
    assert done.code == 1
    assert "apt install chromium" in done.err
    assert rows(home, "SELECT count(*) FROM shots WHERE reason <> 'the mail has no HTML'") == [(0,)]
