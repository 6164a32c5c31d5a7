"""The camera with a real Chromium: what comes out, what gets out (nothing), and what a hostile mail costs."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.rendering.conftest import READER, inline, mail, png
from watcher.rendering import WIDTHS, Camera, CameraUnusableError, Reader, browser, processes
from watcher.rendering.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.rendering.model import Picture

Heard = queue.SimpleQueue[bytes]

TALL = "<p>line</p>" * 20_000


def size_of(picture: Picture) -> tuple[int, int]:
    """Width and height as the file says them (RFC 9649, section 2.7, or 2.5 for VP8)."""
    data = picture.content
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WEBP"
    if data[12:16] == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    assert data[12:16] == b"VP8 "
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def test_a_mail_is_drawn_in_both_widths(camera: Camera) -> None:
    """A WebP for the reading pane and one for a telephone, of the size that is noted."""
    shot = camera.take(mail("<h1>A headline</h1><p>" + "Words to read. " * 200), READER)
    assert not shot.reason
    assert [each.width for each in shot.pictures] == list(WIDTHS)
    assert [size_of(each) for each in shot.pictures] == [(each.width, each.height) for each in shot.pictures]
    assert shot.pictures[1].height > shot.pictures[0].height
    assert shot.thumbnail is not None
    assert size_of(shot.thumbnail) == (160, 200)


def test_the_same_mail_gives_the_same_pictures(camera: Camera) -> None:
    """Nothing of the mail before is left in the browser."""
    wanted = mail("<p style='color:green'>The same words, in green")
    first = camera.take(wanted, READER)
    camera.take(mail("<style>*{color:red!important}</style><p>red" + TALL), READER)
    assert camera.take(wanted, READER) == first


def test_the_subscriber_is_not_in_the_picture(camera: Camera) -> None:
    """The picture of a mail that names the reader is that of one that says [redacted]."""
    named = camera.take(mail("<p>Dear Rita Reader (reader@example.org)"), READER)
    assert named == camera.take(mail("<p>Dear [redacted] ([redacted])"), READER)
    assert named != camera.take(mail("<p>Dear Rita Reader (reader@example.org)"), Reader(READER.addresses))


def test_scripts_do_not_run(camera: Camera) -> None:
    """A mail with a script, an event handler and noscript looks as one without scripts."""
    script = (
        "<script>document.write('ran')</script><p>words<img src=x onerror=\"document.body.innerHTML='ran'\">"
    )
    assert camera.take(mail(script), READER) == camera.take(mail("<p>words<img src=x>"), READER)


def test_inline_parts_are_shown_and_others_are_not(camera: Camera) -> None:
    """A part of the mail itself is drawn; the next mail cannot see it."""
    red = camera.take(mail("<img src='cid:a'>", inline("a", png(600, 600, (255, 0, 0)))), READER)
    blue = camera.take(mail("<img src='cid:a'>", inline("a", png(600, 600, (0, 0, 255)))), READER)
    box = camera.take(mail("<img src='cid:a'>"), READER)
    assert red.pictures[0].height >= 600
    assert len({each.pictures[0].content for each in (red, blue, box)}) == 3


def test_a_mail_taller_than_all_is_cut(camera: Camera) -> None:
    """20,000 lines give a picture of the height that is allowed."""
    shot = camera.take(mail(TALL), READER)
    assert [(each.height, each.cut) for each in shot.pictures] == [(6000, True), (6000, True)]


def test_a_wide_mail_is_shrunk_to_fit(camera: Camera) -> None:
    """A table of 800 pixels is all there on a telephone of 400."""
    shot = camera.take(
        mail("<body style='margin:0'><div style='width:800px;height:1000px;background:#f00'>"), READER
    )
    assert [(each.width, each.height) for each in shot.pictures] == [(640, 800), (400, 500)]


def test_a_mail_without_html_has_a_reason(camera: Camera) -> None:
    """There is nothing that its reader would have seen but text."""
    shot = camera.take(b"From: a@example.com\r\nSubject: x\r\n\r\nwords", READER)
    assert (shot.pictures, shot.reason) == ((), "the mail has no HTML")
    assert camera.take(b"  ", READER).reason == "the message is empty"


REFERENCES = (
    "<img src='http://{host}/1'><img srcset='http://{host}/2 2x'><td background='http://{host}/3'>"
    "<link rel=preconnect href='http://{host}'><link rel=dns-prefetch href='//{host}'>"
    "<link rel=stylesheet href='http://{host}/4'><style>@import 'http://{host}/5';"
    "@font-face{{font-family:f;src:url(http://{host}/6)}}body{{background:url(http://{host}/7);font-family:f}}"
    "p::before{{content:url(http://{host}/8)}}p{{background:\\75rl(http://{host}/9)}}</style>"
    "<iframe src='http://{host}/10'></iframe><object data='http://{host}/11'></object>"
    "<meta http-equiv=refresh content='0;url=http://{host}/12'><svg><image href='http://{host}/13'/>"
    "<use href='http://{host}/14#a'/></svg><video poster='http://{host}/15' src='http://{host}/16'></video>"
    "<script src='http://{host}/17'></script><p>words"
)


@pytest.fixture
def listener() -> Iterator[tuple[int, Heard]]:
    """A server on all addresses of this machine that notes with what each connection begins."""
    heard: Heard = queue.SimpleQueue()
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104  # what a test machine's neighbours see: nothing

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.put(connection.recv(100))

        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def heard_by(listener: tuple[int, Heard]) -> list[bytes]:
    """What the listener heard until now, all of it: a probe of ours comes last."""
    port, heard = listener
    with socket.create_connection(("127.0.0.1", port)) as probe:
        probe.sendall(b"the probe")
    found = []
    while (said := heard.get(timeout=30)) != b"the probe":
        found.append(said)
    return found


def test_nothing_leaves_a_camera(camera: Camera, listener: tuple[int, Heard]) -> None:
    """Seventeen ways to load from this very machine: the mail is drawn, and no connection is made."""
    shot = camera.take(mail(REFERENCES.format(host=f"127.0.0.1:{listener[0]}")), READER)
    assert not shot.reason
    assert heard_by(listener) == []


def test_nothing_leaves_the_browser_itself(
    camera: Camera, listener: tuple[int, Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a network, and with the mail as it came: the browser's own walls hold alone."""
    del camera
    if os.geteuid() == 0:  # as which Chromium has no sandbox; here it is not the wall that is looked at
        monkeypatch.setattr(browser, "_FLAGS", (*browser._FLAGS, "--no-sandbox"))
    with browser.Browser(browser.find_browser()) as running:
        (_, picture, _) = running.draw(Page(REFERENCES.format(host=f"127.0.0.1:{listener[0]}")))
    assert picture.content
    assert heard_by(listener) == []


def test_the_browser_has_no_network_and_its_sandbox(camera: Camera) -> None:
    """Each of its processes is in a network namespace of its own, where nothing but a dead loopback is."""
    camera.take(mail("<p>x"), READER)
    if not camera.alone:
        pytest.skip("this system lets nobody have a network namespace")
    family = processes.family(camera._worker._process.pid)  # type: ignore[union-attr]
    assert len(family) > 3
    ours = Path("/proc/self/ns/net").readlink()
    for process in family:
        try:
            namespace = Path(f"/proc/{process}/ns/net").readlink()
        except FileNotFoundError:  # one of those that end when the page is drawn
            continue
        assert namespace != ours
        sockets = Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]
        interfaces = Path(f"/proc/{process}/net/dev").read_text().splitlines()[2:]
        assert sockets == []
        assert [each.split()[:2] for each in interfaces] == [["lo:", "0"]]
    commands = [path.read_bytes() for each in family if (path := Path(f"/proc/{each}/cmdline")).exists()]
    assert len(commands) > 2
    assert not any(b"--no-sandbox" in each for each in commands)
    assert any(b"--type=renderer" in each for each in commands)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({"deadline": 0.01}, "within 0.01 seconds"), ({"memory": 50 << 20}, "more than 50 MB")],
)
def test_a_mail_that_takes_too_much_costs_itself(
    camera: Camera, limits: dict[str, float], reason: str
) -> None:
    """The reason is noted, the browser is gone, and the next mail finds a new one."""
    del camera  # there can be a browser
    with Camera() as small:
        small.take(mail("<p>x"), READER)
        family = processes.family(small._worker._process.pid)  # type: ignore[union-attr]
        for name, value in limits.items():
            setattr(small, f"_{name}", value)
        os.kill(family[0], signal.SIGSTOP)  # it works on the mail for as long as it is allowed to
        assert reason in small.take(mail("<p>x"), READER).reason
        assert not any(_alive(each) for each in family)
        small._deadline, small._memory = 20, 1 << 30
        assert small.take(mail("<p>x"), READER).pictures
        assert small.started == 2


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_browser_that_dies_costs_the_mail_in_hand(camera: Camera) -> None:
    """Whoever kills it: the reason is noted, and the next mail finds a new one."""
    del camera
    with Camera() as made:
        made.take(mail("<p>x"), READER)
        processes.end(processes.family(made._worker._process.pid)[0])  # type: ignore[union-attr]
        assert made.take(mail("<p>x"), READER).reason == "the browser ended"
        assert made.take(mail("<p>x"), READER).pictures


def test_nothing_is_left_when_a_camera_is_closed(camera: Camera) -> None:
    """Neither a process nor the browser's directory."""
    del camera
    made = Camera()
    made.take(mail("<p>x"), READER)
    assert made._worker is not None
    family, home = processes.family(made._worker._process.pid), made._worker._home
    assert home.exists()
    made.close()
    assert not home.exists()
    assert not any(_alive(each) for each in family)


def test_a_machine_without_a_browser_is_told_what_to_install(tmp_path: Path) -> None:
    """A program that is not there, and one that is no browser."""
    with pytest.raises(browser.BrowserMissingError, match="apt install chromium"):
        browser.find_browser("no-such-browser")
    program = tmp_path / "browser"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    with Camera(str(program)) as made, pytest.raises(CameraUnusableError, match="did not start"):
        made.take(mail("<p>x"), READER)
