"""Screenshots on the record page: from media.db where it is served, and a word where there is none."""

from __future__ import annotations

import sqlite3
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support.web import serving
from tests.support.web_archive import write_archive
from watcher.rendering import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.web import Web

CONTENT = b"RIFF\x00\x00\x00\x00WEBPVP8 made up"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """An archive with a media.db: pictures of the first newsletter, a reason for the second."""
    folder = tmp_path_factory.mktemp("pictures")
    media = folder / "media.db"
    connection = sqlite3.connect(media)
    for statement in schema._FIRST:
        connection.execute(statement)
    connection.execute("insert into shots values (1, '1', '', '2026-11-20T00:00:00Z')")
    connection.execute("insert into shots values (2, '1', 'it has no body', '2026-11-20T00:00:00Z')")
    connection.execute(schema._THUMBNAILS)
    connection.execute("insert into thumbnails values (1, 160, 200, 'webp', ?, ?)", ("cd" * 32, CONTENT))
    for width in (700, 390):
        connection.execute(
            "insert into screenshots values (1, ?, 900, ?, 'webp', ?, ?, ?)",
            (width, width == 390, len(CONTENT), "ab" * 32, CONTENT),
        )
    connection.execute("insert into screenshots values (3, 700, 9, 0, 'svg', 1, 'x', x'00')")
    connection.commit()
    connection.close()
    with serving(write_archive(folder / "newsletters.db"), media=media) as web:
        yield web


def test_the_screenshot_stands_on_the_record_page(shown: Web) -> None:
    """The widest first, with its size, so that the page does not jump; a cut one says so."""
    page = shown.get("/newsletters/newsletters/1").text
    panel = page[page.index("panel-screenshot") :]
    assert panel.index('width="700" height="900"') < panel.index('width="390" height="900"')
    assert panel.count("the mail goes on below") == 1
    assert 'src="/-/newsletters/media/1/screenshot-700?abababababababab"' in panel


def test_the_picture_is_sent_as_what_it_is(shown: Web) -> None:
    """Its bytes, its type, not to be sniffed, and kept by this reader's browser."""
    address = shown.base + "/-/newsletters/media/1/screenshot-390"
    with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310  (loopback)
        assert answer.read() == CONTENT
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"].startswith("private")
        assert "immutable" in answer.headers["Cache-Control"]
        tag = answer.headers["ETag"]
    again = urllib.request.Request(address, headers={"If-None-Match": tag})  # noqa: S310  (loopback)
    with pytest.raises(urllib.error.HTTPError, match="304"):
        urllib.request.urlopen(again, timeout=20)  # noqa: S310


def test_a_list_shows_small_pictures(shown: Web) -> None:
    """One for each newsletter that has one, loaded when it comes into sight."""
    page = shown.get("/-/newsletters?kind=any").text
    address = "/-/newsletters/media/1/thumbnail"
    assert page.count('class="thumbnail"') == page.count(f'src="{address}?cdcdcdcdcdcdcdcd"') == 1
    with urllib.request.urlopen(shown.base + address, timeout=20) as answer:  # noqa: S310  (loopback)
        assert answer.read() == CONTENT
    assert shown.get("/-/newsletters/media/2/thumbnail").status == 404


def test_a_mail_without_a_picture_says_why(shown: Web) -> None:
    """A reason where it was tried, a hint where it was not."""
    assert "no screenshot of this newsletter: it has no body" in shown.get("/newsletters/newsletters/2").text
    assert "No screenshot of this newsletter has been made" in shown.get("/newsletters/newsletters/4").text


def test_without_media_there_is_no_screenshot(web: Web) -> None:
    """An archive alone is read as well."""
    assert "No screenshot of this newsletter has been made" in web.get("/newsletters/newsletters/1").text


@pytest.mark.parametrize(
    "path",
    [
        "/-/newsletters/media/1/screenshot-1",
        "/-/newsletters/media/3/screenshot-700",  # no format that a browser may be told
        "/-/newsletters/newsletters/1/screenshot-700",
        "/-/newsletters/nothing/1/screenshot-700",
    ],
)
def test_what_is_no_screenshot_is_not_found(shown: Web, path: str) -> None:
    """A width, a format, a database that there is not."""
    assert shown.get(path).status == 404


def test_who_may_not_see_the_screenshots_sees_none(tmp_path: Path) -> None:
    """Datasette's permissions hold for the pictures and for the page that shows them."""
    media = tmp_path / "media.db"
    connection = sqlite3.connect(media)
    for statement in schema._FIRST:
        connection.execute(statement)
    connection.execute("insert into shots values (1, '1', 'a secret reason', '')")
    connection.commit()
    connection.close()
    config = tmp_path / "datasette.yaml"
    config.write_text("databases:\n  media:\n    allow: false\n")
    with serving(write_archive(tmp_path / "newsletters.db"), config, media) as web:
        assert web.get("/-/newsletters/media/1/screenshot-700").status == 403
        assert "a secret reason" not in web.get("/newsletters/newsletters/1").text
