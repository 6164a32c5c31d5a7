"""Chromium for the tests and for pictures: a real browser that can reach nothing but this machine.

Its network log names every host that it looked up or asked, in sandboxed frames too, where request
interception is blind. A persistent context is used because an incognito one does no speculative look-ups
and would hide them.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser as PlaywrightBrowser
    from playwright.sync_api import BrowserContext

Scheme = Literal["light", "dark"]
EXECUTABLE = shutil.which("chromium") or "/usr/bin/chromium"

_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.*",
)
# Chromium speaks to its maker by itself, whatever page is open.
_OWN = frozenset(
    {
        "accounts.google.com",
        "clients2.google.com",
        "content-autofill.googleapis.com",
        "optimizationguide-pa.googleapis.com",
        "update.googleapis.com",
    }
)


@dataclass
class Browser:
    """A running Chromium; what its pages asked for is known when it has been closed."""

    context: BrowserContext
    hosts: set[str] = field(default_factory=set)  # that a page sent a request to, this machine excepted
    lookups: int = 0  # names that a page had resolved without a request: dns-prefetch, preconnect


def available() -> bool:
    """Whether there is a Chromium to test with."""
    return Path(EXECUTABLE).exists()


@contextmanager
def browser(
    *,
    width: int = 1280,
    height: int = 900,
    scheme: Scheme = "light",
    javascript: bool = True,
) -> Iterator[Browser]:
    """Run Chromium with a new profile; on leaving, `Browser.hosts` tells whom it tried to speak to."""
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home,
        sync_playwright() as api,
    ):
        log = Path(home, "net-log.json")
        context = api.chromium.launch_persistent_context(
            str(Path(home, "profile")),
            executable_path=EXECUTABLE,
            args=[*_FLAGS, *_unprivileged(), f"--log-net-log={log}"],
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=javascript,
        )
        running = Browser(context)
        try:
            yield running
        finally:
            context.close()
        running.hosts, running.lookups = read_log(log)


@contextmanager
def windows() -> Iterator[PlaywrightBrowser]:
    """Run Chromium for tests that need many windows and no network log."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as api:
        running = api.chromium.launch(executable_path=EXECUTABLE, args=[*_FLAGS, *_unprivileged()])
        try:
            yield running
        finally:
            running.close()


def _unprivileged() -> tuple[str, ...]:
    """Chromium's own sandbox needs an unprivileged user; a container's root has to do without it."""
    return () if os.geteuid() else ("--no-sandbox",)


def screenshot(
    url: str, target: Path, *, width: int = 1280, height: int = 900, scheme: Scheme = "light"
) -> None:
    """Save a picture of the first screen of a page."""
    with browser(width=width, height=height, scheme=scheme) as running:
        page = running.context.pages[0]
        page.goto(url)
        page.screenshot(path=str(target))


def read_log(log: Path) -> tuple[set[str], int]:
    """Read from Chromium's network log which hosts pages asked, and how many names they looked up ahead.

    This machine and Chromium's own errands are left out. Raises `ValueError` when the log holds no request at
    all: a run that loaded nothing proves nothing.
    """
    text = log.read_text(encoding="utf-8")
    try:
        document: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError:  # closed in a hurry: only the end of the list is missing
        document = json.loads(text.rstrip().rstrip(",") + "]}")
    types = document["constants"]["logEventTypes"]
    hosts, lookups, loaded = set(), 0, False
    for event in document["events"]:
        parameters = event.get("params", {})
        if event["type"] == types["URL_REQUEST_START_JOB"]:
            host = urlsplit(str(parameters.get("url", ""))).hostname or ""
            loaded = loaded or host.startswith("127.")
            if host and not host.startswith("127.") and host not in _OWN:
                hosts.add(host)
        elif event["type"] == types["HOST_RESOLVER_MANAGER_REQUEST"] and "host" in parameters:
            # Requests are counted above; what is looked up ahead of one has no name here but the rule's.
            lookups += bool(parameters.get("is_speculative")) and "127." not in str(parameters["host"])
    if not loaded:
        raise ValueError("the browser loaded nothing")
    return hosts, lookups
