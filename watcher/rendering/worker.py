"""A worker: the process that reads a mail, makes its page, and has the browser draw it.

Started by `camera`. It speaks frames (`protocol`) over its standard input and output, first that it is
ready or why it cannot be, then one answer for each mail. It has neither network nor vault nor settings.
"""

from __future__ import annotations

import encodings
import importlib
import os
import pkgutil
import re
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from watcher.message import Unparseable, contents, parse
from watcher.pipeline import identity_of
from watcher.rendering import isolation, protocol
from watcher.rendering.browser import Browser
from watcher.rendering.model import WIDTHS
from watcher.rendering.page import NotDrawableError, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watcher.rendering.model import Picture
    from watcher.rendering.page import Page

_CHROMIUM_SAYS: Final = re.compile(r"net::[A-Z_]{1,60}|Protocol error \([A-Za-z.]{1,60}\): [A-Za-z ]{1,80}")

NO_HTML: Final = "the mail has no HTML"
BROWSER_ENDED: Final = "the browser ended"


def main(program: str) -> int:
    """Draw until the standard input ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)  # whatever a library prints is no frame
    alone = isolation.cut_network()
    with ExitStack() as stack:
        try:
            if os.geteuid() == 0:
                _import_everything()
            isolation.give_up_root()
            browser = stack.enter_context(Browser(program))
        except Exception as error:  # noqa: BLE001  # Playwright's errors, and the system's: all mean the same
            protocol.write(answers, {"trouble": str(error)[:4000]})
            return 1
        protocol.write(answers, {"ready": True, "alone": alone})
        _serve(browser, requests, answers)
    return 0


def _import_everything() -> None:
    """Load what would be imported later: the interpreter may lie where root alone can read it."""
    importlib.import_module("playwright.sync_api")
    for each in pkgutil.iter_modules(encodings.__path__):
        with suppress(ImportError):  # some are for Windows
            importlib.import_module(f"encodings.{each.name}")


def _serve(browser: Browser, requests: BinaryIO, answers: BinaryIO) -> None:
    while (frame := protocol.read(requests)) is not None:
        header, (raw, *pictures) = frame
        fetched = dict(zip(header["fetched"], pictures, strict=True))
        try:
            drawn: Sequence[Picture] = browser.draw(_page(raw, header, fetched), WIDTHS)
            reason = ""
        except (NotDrawableError, Unparseable) as error:
            drawn, reason = (), str(error)
        # The boundary that isolates a mail. An error's text may quote the mail; Chromium's own words do not.
        except Exception as error:  # noqa: BLE001
            said = _CHROMIUM_SAYS.search(str(error))
            drawn, reason = (), f"drawing stopped with {said[0] if said else type(error).__name__}"
            if not browser.alive:
                reason = BROWSER_ENDED
        shapes = [[each.width, each.height, each.cut] for each in drawn]
        protocol.write(
            answers,
            {"pictures": shapes, "reason": reason, "ended": not browser.alive},
            [each.content for each in drawn],
        )
        if not browser.alive:
            return


def _page(raw: bytes, header: Mapping[str, Any], fetched: Mapping[str, bytes]) -> Page:
    message = parse(raw)
    if not message.html.strip():
        raise NotDrawableError(NO_HTML)
    identity = identity_of(message, frozenset(header["addresses"]), frozenset(header["names"]))
    parts = {each.content_id: each.data for each in contents(raw) if each.content_id}
    return prepare(message.html, identity, parts, fetched)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
