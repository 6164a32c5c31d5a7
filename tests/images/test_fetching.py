"""One picture over HTTP: what is sent, what is taken, and who is never asked."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.rendering.conftest import png
from tests.support.picture_server import PictureServer, numeric_names, serving
from watcher.images import Fetcher, Refused
from watcher.images.fetching import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE = png(20, 10, (1, 2, 3))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PictureServer]:
    monkeypatch.setattr(socket, "getaddrinfo", numeric_names)
    with serving() as running:
        running.answers["/a.png"] = (200, {"Set-Cookie": "id=1", "Content-Type": "text/html"}, PICTURE)
        yield running


def fetcher(server: PictureServer, **options: Any) -> Fetcher:
    return Fetcher(frozenset({("127.0.0.1", server.port)}), **options)


def test_a_picture_is_what_its_bytes_are(server: PictureServer) -> None:
    """The declared type is not believed, and the same picture costs one question."""
    image = fetcher(server).fetch(server.url("/a.png"))
    assert (image.media_type, image.content) == ("image/png", PICTURE)


def test_nothing_of_the_reader_is_sent(server: PictureServer) -> None:
    """No cookie that a redirect has set, no referrer, no language; the same headers for everybody."""
    server.answers["/moved"] = (302, {"Location": "/a.png", "Set-Cookie": "id=reader"}, b"")
    fetcher(server).fetch(server.url("/moved"))
    assert [path for path, _ in server.asked] == ["/moved", "/a.png"]
    for _, headers in server.asked:
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}


def test_this_machine_is_never_asked(server: PictureServer) -> None:
    """Without the tests' allowance a loopback address is refused before a connection is made."""
    for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001"):
        with pytest.raises(Refused, match=r"public web|connection failed"):
            Fetcher().fetch(server.url("/a.png", host))
    assert server.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{other}/a.png",
        "http://127.0.0.2:{port}/a.png",
        "http://localhost:{other}/",
        "http://[::1]:{port}/a.png",
        "http://[::ffff:127.0.0.1]:{other}/a.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/a.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.png",
        "//127.0.0.1:{other}/a.png",
        "http://user:secret@127.0.0.1:{port}/a.png",
        "http://",
        "",
    ],
)
def test_a_redirect_to_the_own_network_is_refused(server: PictureServer, target: str) -> None:
    """Each address on the way is looked at like the first one."""
    location = target.format(port=server.port, other=server.port + 1)
    server.answers["/moved"] = (301, {"Location": location}, b"")
    with pytest.raises(Refused):
        fetcher(server).fetch(server.url("/moved"))
    assert {path for path, _ in server.asked} == {"/moved"}


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to both would be the private one at the next question."""

    def both(*_: object, **__: object) -> list[Any]:
        places = [("93.184.215.14", 80), ("10.0.0.1", 80)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(Refused, match="public web"):
        Fetcher().fetch("http://img.example.com/a.png")


def test_the_connection_goes_to_the_address_that_was_looked_at(
    server: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is resolved once: its second answer, which would be another, is never asked for."""
    questions: list[str] = []

    def once(host: str, port: int, **_: object) -> list[Any]:
        questions.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", once)
    assert fetcher(server).fetch(server.url("/a.png", "img.example.com")).content == PICTURE
    assert questions == ["img.example.com"]
    assert server.asked[0][1]["Host"] == f"img.example.com:{server.port}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {}, b""), "the answer was 404"),
        ((200, {}, b"<html>"), "no picture"),
        ((200, {}, b"<svg xmlns='x'/>"), "no picture"),
        ((200, {}, b""), "no picture"),
        ((200, {}, png(1, 1, (0, 0, 0))), "a pixel"),
        ((200, {}, PICTURE[:16] + b"\0\1\0\0\0\1\0\0" + PICTURE[24:]), "cannot|can be shown"),
        ((200, {}, PICTURE[:18]), "can be shown"),
        ((200, {"Content-Length": str(MAX_BYTES + 1)}, b""), "larger than 5 MB"),
        ((200, {}, PICTURE + bytes(MAX_BYTES)), "larger than 5 MB"),
        ((302, {"Location": "/x"}, b""), "leads on and on"),
    ],
)
def test_what_is_no_picture_is_refused(
    server: PictureServer, answer: tuple[int, dict[str, str], bytes], reason: str
) -> None:
    """By status, bytes, size and dimensions; the sentence names no address."""
    server.answers["/x"] = answer
    with pytest.raises(Refused, match=reason) as refusal:
        fetcher(server).fetch(server.url("/x"))
    assert "127.0.0.1" not in refusal.value.reason


def test_an_objection_on_the_way_ends_it(server: PictureServer) -> None:
    """A picture whose redirect leads to a tracker is not asked for further."""
    server.answers["/moved"] = (302, {"Location": "/a.png"}, b"")
    with pytest.raises(Refused, match="a tracker"):
        fetcher(server).fetch(server.url("/moved"), lambda url: "a tracker" if url.endswith("a.png") else "")
    assert [path for path, _ in server.asked] == ["/moved"]


def test_who_says_nothing_costs_the_deadline() -> None:
    """A server that takes the connection and gives a byte now and then has no more time than others."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        ended = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while not ended.wait(0.01):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        slow = Fetcher(frozenset({("127.0.0.1", port)}), deadline=0.3)
        with pytest.raises(Refused, match="in time"):
            slow.fetch(f"http://127.0.0.1:{port}/")
        ended.set()
        thread.join()
