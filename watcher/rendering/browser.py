"""The browser: Chromium through Playwright, which draws pages and can reach nothing.

Five walls, each of which would do alone: the page is answered from memory and every other request is
refused where it is made (routing); the page's own policy forbids all but its parts (CSP level 3); the
context is offline; every name resolves to nothing, and what needs no name goes to a proxy that has none;
and the process has no network (`isolation`, `PrivateNetwork=`). Scripts are off.
"""

from __future__ import annotations

import base64
import itertools
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from watcher.rendering.model import MAX_HEIGHT, ORIGIN, THUMBNAIL, WIDTHS, Picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import BrowserContext, CDPSession, Route
    from playwright.sync_api import Page as Tab

    from watcher.rendering.page import Page

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_FLAGS: Final = (
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://nowhere.invalid:9",
    "--proxy-bypass-list=<-loopback>",  # loopback goes through the proxy as well
    "--dns-prefetch-disable",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-breakpad",  # a dump of its memory would hold mail
    "--disable-gpu",
    "--disable-remote-fonts",
    "--disable-dev-shm-usage",  # containers have 64 MB there
    "--no-first-run",
    "--mute-audio",
)
_POLICY: Final = (
    "default-src 'none'; img-src {parts} data:; style-src 'unsafe-inline'; form-action 'none'; "
    "base-uri 'none'; sandbox"
)
_QUALITY: Final = 70  # of WebP: legible text at half the bytes of PNG, and a third less than at 80
_FIRST_HEIGHT: Final = 240  # pixels of the window: no picture is less high, and `100vh` is that much
_MAX_SHRINK: Final = 4  # a wider mail is cut at the right, as is one that a reader would have to scroll
_MAILS_A_TAB: Final = 200  # mails after which the tab is replaced: a new one costs as much as two pictures
_NEVER: Final = 0  # milliseconds: deadlines are the camera's, who can end what does not answer


class BrowserMissingError(Exception):
    """There is no browser to draw with; the message says what to install."""


def find_browser(named: str = "") -> str:
    """The path of the browser's program. Raises `BrowserMissingError`."""
    for name in (named,) if named else PROGRAMS:
        if path := shutil.which(name):
            return path
    raise BrowserMissingError(
        f"{named or PROGRAMS[0]}: there is no such program; install Chromium (Debian: apt install chromium), "
        "or name its path with --browser"
    )


class Browser:
    """A running Chromium with one tab. A context manager, for one thread."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._stack = ExitStack()
        self._numbers = itertools.count(1)
        self._answers: dict[str, tuple[str, bytes]] = {}  # by URL: media type and content
        self._policy = ""
        self._left = 0
        self._chromium: Chromium | None = None
        self._context: BrowserContext | None = None
        self._tab: Tab | None = None
        self._session: CDPSession | None = None
        self.refused = 0  # requests that came as far as the routing

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  # costs as much as the rest of a start

        api = self._stack.enter_context(sync_playwright())
        self._chromium = api.chromium.launch(
            executable_path=self._program,
            args=list(_FLAGS),
            chromium_sandbox=True,
            handle_sigint=False,
        )
        self._stack.callback(self._chromium.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def alive(self) -> bool:
        """Whether Chromium still runs."""
        return self._chromium is not None and self._chromium.is_connected()

    def draw(self, page: Page, widths: Sequence[int] = WIDTHS) -> tuple[Picture, ...]:
        """Draw a page as a thumbnail, then once for each width. Raises Playwright's errors when that fails.

        A tab that fails is tried once more by a new one: now and then a busy machine is to blame.
        """
        from playwright.sync_api import Error  # noqa: PLC0415  # as in `__enter__`

        try:
            return self._draw(page, widths)
        except Error:
            self._left = 0
            if not self.alive:
                raise
        return self._draw(page, widths)

    def _draw(self, page: Page, widths: Sequence[int]) -> tuple[Picture, ...]:
        tab, session = self._ready(widths[0])
        # An address of its own: the renderer remembers pictures by theirs.
        place = f"{ORIGIN}/{next(self._numbers)}/"
        self._answers = {place: ("text/html; charset=utf-8", page.html.encode("utf-8", "replace"))}
        self._answers |= {place + path: ("image/*", content) for path, content in page.pictures.items()}
        self._policy = _POLICY.format(parts=place)
        tab.goto(place, wait_until="load", timeout=_NEVER)
        try:
            thumbnail = _thumbnail(session)
            return (thumbnail, *(_drawn(session, width) for width in widths))
        finally:
            self._answers = {}

    def _ready(self, width: int) -> tuple[Tab, CDPSession]:
        """The tab to draw in; a new one after some hundred mails, so that nothing can pile up."""
        if self._tab is None or self._session is None or self._left <= 0:
            if self._context is not None:
                self._context.close()
            assert self._chromium is not None  # noqa: S101  # entered
            self._context = self._chromium.new_context(
                java_script_enabled=False,
                offline=True,
                service_workers="block",
                accept_downloads=False,
                reduced_motion="reduce",
                color_scheme="light",
                viewport={"width": width, "height": _FIRST_HEIGHT},
            )
            self._context.route("**/*", self._answer)
            self._tab = self._context.new_page()
            self._session = self._context.new_cdp_session(self._tab)
            self._left = _MAILS_A_TAB
        self._left -= 1
        return self._tab, self._session

    def _answer(self, route: Route) -> None:
        """Answer from memory, or refuse."""
        found = self._answers.get(route.request.url)
        if found is None:
            self.refused += 1
            route.abort("blockedbyclient")
            return
        media_type, content = found
        route.fulfill(
            status=200,
            body=content,
            headers={
                "Content-Type": media_type,
                "Content-Security-Policy": self._policy,
                "X-Content-Type-Options": "nosniff" if media_type[0] == "t" else "",
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-DNS-Prefetch-Control": "off",
            },
        )


def _thumbnail(session: CDPSession) -> Picture:
    """Draw the top of the mail small."""
    width, height = THUMBNAIL
    _size(session, WIDTHS[0])
    return Picture(
        width, height, _captured(session, WIDTHS[0], WIDTHS[0] * height / width, width / WIDTHS[0])
    )


def _drawn(session: CDPSession, width: int) -> Picture:
    """Draw what the tab shows at this width; a wider mail is shrunk to fit, as mail programs do."""
    size = _size(session, width)
    across = min(max(float(size["width"]), width), width * _MAX_SHRINK)
    scale = width / across
    reach = MAX_HEIGHT / scale  # CSS pixels of the mail that the picture has room for
    down = max(1.0, min(float(size["height"]), reach))
    content = _captured(session, across, down, scale)
    return Picture(width, round(down * scale), content, float(size["height"]) > reach)


def _size(session: CDPSession, width: int) -> dict[str, Any]:
    """The size of what the tab shows, in CSS pixels, in a window of this width."""
    session.send(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": _FIRST_HEIGHT, "deviceScaleFactor": 1, "mobile": False},
    )
    size: dict[str, Any] = session.send("Page.getLayoutMetrics")["cssContentSize"]
    return size


def _captured(session: CDPSession, width: float, height: float, scale: float) -> bytes:
    answer = session.send(
        "Page.captureScreenshot",
        {
            "format": "webp",
            "quality": _QUALITY,
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": scale},
        },
    )
    return base64.b64decode(answer["data"])
