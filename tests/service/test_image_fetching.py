"""Pictures of new newsletters: for the inboxes that ask for it, once, and into media.db."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.rendering.conftest import png
from tests.support.home import mail
from tests.support.picture_server import PictureServer, numeric_names, serving
from watcher import settings as settings_room
from watcher.archive import Archive
from watcher.images import Fetcher
from watcher.rendering import Media
from watcher.rendering.model import source_of
from watcher.service.image_fetching import fetch_images
from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.home import Home
    from watcher.settings import Settings

INBOX = """store: {{newsletters: data/newsletters.db}}
images: {images}
inboxes:
  - {{name: letters, host: 127.0.0.1, security: none, username: reader@example.org, password: {{env: X}}}}
"""
PICTURE = png(20, 10, (1, 2, 3))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureServer]:
    monkeypatch.setattr(socket, "getaddrinfo", numeric_names)
    with serving() as running:
        for path in ("/a.png", "/pixel.png", "/b.png"):
            running.answers[path] = (200, {}, PICTURE)
        running.answers["/away"] = (302, {"Location": "http://169.254.169.254/"}, b"")
        yield running


def configured(home: Home, images: str) -> Settings:
    home.config.write_text(INBOX.format(images=images))
    return settings_room.load(home.config)


def archive(settings: Settings, raw: bytes, *, age: timedelta = timedelta(0)) -> None:
    """Take a mail in as if it had come to the inbox, and derive it."""
    with Vault.open(settings.store.vault) as vault:
        mailbox = vault.mailbox("letters", "INBOX")
        uid = (vault.newest_delivery() or 0) + 1
        arrival = Arrival(uid, raw, datetime.now(UTC) - age, len(raw))
        vault.store(mailbox.id, [arrival], uidvalidity=1, last_uid=uid)
    with Archive.open(settings) as opened:
        opened.derive_pending()


def letter(server: PictureServer, *, bulk: bool = True, number: int = 1) -> bytes:
    html = (
        f"<p>number {number}<img src='{server.url('/a.png')}'><img src='{server.url('/away')}'>"
        f"<img src='{server.url('/pixel.png')}' width=1 height=1>"
    )
    headers = "List-Id: <news.example.com>\nList-Unsubscribe: <https://example.com/u>\nPrecedence: bulk"
    return mail(body=html, content_type="text/html", headers=headers if bulk else "")


def fetch(settings: Settings, server: PictureServer) -> int:
    return fetch_images(settings, fetcher=Fetcher(frozenset({("127.0.0.1", server.port)})))


def test_pictures_of_a_new_newsletter_are_asked_for_once(home: Home, server: PictureServer) -> None:
    """The picture is kept, the pixel is not asked for, a redirect into a cloud's metadata not followed."""
    settings = configured(home, "fetch")
    archive(settings, letter(server))
    assert [fetch(settings, server) for _ in range(2)] == [1, 0]
    assert [path for path, _ in server.asked] == ["/a.png", "/away"]
    with Media.open(settings.store.media) as media:
        assert media.images(1) == {source_of(server.url("/a.png")): PICTURE}
        refusals = dict(media._db.rows("SELECT source, refusal FROM fetches WHERE refusal <> ''"))
        assert refusals == {
            source_of(server.url("/away")): "its address is not one of the public web",
            source_of(server.url("/pixel.png")): "it is too small to be seen",
        }


@pytest.mark.parametrize(
    ("images", "bulk", "age"),
    [
        ("refuse", True, timedelta(0)),
        ("fetch", False, timedelta(0)),
        ("fetch", True, timedelta(days=2)),
    ],
)
def test_nobody_else_is_asked(
    home: Home, server: PictureServer, images: str, bulk: bool, age: timedelta
) -> None:
    """Not without the setting, not for what is no newsletter, not for mail of the time before."""
    settings = configured(home, images)
    archive(settings, letter(server, bulk=bulk), age=age)
    assert fetch(settings, server) == 0
    assert server.asked == []


def test_an_inbox_may_differ_from_the_rest(home: Home) -> None:
    """The inbox' own key wins over the file's."""
    home.config.write_text(
        INBOX.format(images="fetch").replace("security: none,", "security: none, images: refuse,")
    )
    (inbox,) = settings_room.load(home.config).inboxes
    assert inbox.images is settings_room.Images.REFUSE


def test_a_mail_whose_pictures_came_later_is_drawn_again(home: Home, server: PictureServer) -> None:
    """With them; and the same bytes of two mails are kept once."""
    from watcher.rendering import Shot

    settings = configured(home, "fetch")
    archive(settings, letter(server))
    archive(settings, letter(server, number=2))
    with Media.open(settings.store.media) as media:
        media.keep(1, Shot(reason="drawn before"))
        assert media.settled() == {1}
    assert fetch(settings, server) == 2
    with Media.open(settings.store.media) as media:
        assert media.settled() == set()
        assert media._db.one("SELECT count(*) FROM images") == 1
