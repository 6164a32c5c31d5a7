"""Every attempt in vectors.txt, from the mail to the browser: nothing runs and nobody is asked, on any route.

The attempts go through the whole pipeline into a store, in the subject, in From, in both bodies, in words of
links, in names of files, in List-Id and in the register of senders. Then Chromium opens every page. What it
asked of whom is counted in its own network log, where sandboxed frames and look-ups of names are seen, too.
"""

from __future__ import annotations

import html
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.support import browser as chromium
from tests.support.home import Home
from tests.support.vectors import WORD, Vector, groups, mails, senders_file, vectors
from tests.support.web import Web, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Frame, Page, Route

pytestmark = [
    pytest.mark.skipif(not chromium.available(), reason="needs Chromium (apt install chromium)"),
    pytest.mark.timeout(300),
]

ATTEMPTS = vectors()
_FRAMES = 48  # documents beside each other in one page
_IN_ONE = 5  # attempts in one of them
_SWALLOWING = frozenset({"mutation", "comments, declarations, broken ends"})
_INBOX = """
inboxes:
  - {name: politics, host: imap.example.org, username: reader@example.org, password: {env: UNUSED}}
"""

# Nothing of a stranger's may have a handler, or an address that is more than a link. Then every element hears
# of what a reader does; links alone are left alone, for to follow one is the reader's own decision.
_PROVOKE = """
() => {
    const found = [];
    // Called on the element: a form can hide its own properties behind its fields.
    const attributes = Object.getOwnPropertyDescriptor(Element.prototype, 'attributes').get;
    for (const element of Document.prototype.querySelectorAll.call(document, '*')) {
        for (const {name, value} of attributes.call(element)) {
            if (name.startsWith('on')) found.push(`${element.localName} ${name}`);
            if (['href', 'src', 'action', 'formaction', 'data', 'xlink:href'].includes(name)
                && /^[\\s\\u0000-\\u001f]*(?:javascript|vbscript|data:(?!image))/i.test(value))
                found.push(`${element.localName} ${name}=${value.slice(0, 60)}`);
        }
        if (element.localName === 'meta' && /refresh/i.test(element.httpEquiv)) found.push('meta refresh');
        for (const type of ['mouseover', 'pointerenter', 'focus', 'toggle', 'animationstart', 'beforetoggle'])
            EventTarget.prototype.dispatchEvent.call(element, new Event(type));
        if (!Element.prototype.closest.call(element, 'a, form, area, label, input, nav, summary')
            && element instanceof HTMLElement) HTMLElement.prototype.click.call(element);
    }
    return found;
}
"""

# The same without running anything, for each document by itself, as the browser's own parser reads it.
_PARSED = """
documents => {
    const known = new Set(`a abbr b bdi bdo big blockquote br caption center cite code col dd del dfn div dl
        dt em figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span
        strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr`.split(/\\s+/));
    const attributes = Object.getOwnPropertyDescriptor(Element.prototype, 'attributes').get;
    const loads = /^on|src|poster|background|action|data|xlink|^(?:id|name|class|is|slot|popover)$/;
    return documents.flatMap((text, number) => {
        const found = [];
        const page = new DOMParser().parseFromString(text, 'text/html');
        for (const element of Document.prototype.querySelectorAll.call(page, 'body *, head *')) {
            if (!known.has(element.localName)) found.push(`${number}: ${element.localName}`);
            for (const {name, value} of attributes.call(element))
                if (loads.test(name) || (name === 'href' && !/^(?:https?|mailto):/.test(value))
                    || (name === 'style' && /[(@{}\\\\]|position/.test(value.replace(/rgba?\\(/g, ''))))
                    found.push(`${number}: ${element.localName} ${name}=${value.slice(0, 60)}`);
        }
        return found;
    });
}
"""


@dataclass
class Observed:
    """What happened in the browser."""

    ran: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)  # dialogs, reports of policies, markup that should not be
    asked: set[str] = field(default_factory=set)  # addresses beyond this machine
    opened: list[str] = field(default_factory=list)

    def attend(self, context: BrowserContext) -> None:
        """Watch everything that the pages of a context do."""
        context.expose_function("canary", self._canary)
        context.on("request", self._request)
        context.on("page", lambda page: self.opened.append(page.url))
        for page in context.pages:
            page.on("dialog", self._dialog)
            page.on("console", lambda message: self._console(message.text))

    def _canary(self, number: int) -> None:
        self.ran.add(int(number))

    def _request(self, request: Any) -> None:
        if not re.match(r"(?:https?://127\.|data:|blob:|about:)", request.url):
            self.asked.add(request.url)

    def _dialog(self, dialog: Any) -> None:
        self.said.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _console(self, text: str) -> None:
        if "Content Security Policy" in text or "sandboxed" in text:
            self.said.append(text)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The attempts, taken in as mail."""
    home = Home(tmp_path_factory.mktemp("hostile"))
    home.configure(_INBOX, senders_file(ATTEMPTS))
    folder = home.root / "mail"
    folder.mkdir()
    for number, raw in enumerate(mails(ATTEMPTS)):
        (folder / f"{number:04}.eml").write_bytes(raw)
    outcome = home.run("import", "--inbox", "politics", str(folder))
    assert outcome.code == 0, outcome.err
    return home.store


@pytest.fixture(scope="module")
def hostile(store: Path) -> Iterator[Web]:
    """Datasette with that archive."""
    with serving(store) as web:
        yield web


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def provoke(page: Page) -> list[str]:
    """Look at every document of a page, and do to it what a reader might."""
    return [f"{frame.url}: {each}" for frame in page.frames for each in _in(frame)]


def _in(frame: Frame) -> list[str]:
    from playwright.sync_api import Error

    try:
        found: list[str] = frame.evaluate(_PROVOKE)
    except Error as error:
        return [error.message]
    return found


def mixed(texts: list[tuple[str, str]]) -> list[str]:
    """Put a few documents into one, of different ways; what may swallow its successors comes last.

    A document costs a browser more than all that is in it.
    """
    ordered = sorted(texts, key=lambda each: each[0] in _SWALLOWING)
    count = -(-len(ordered) // _IN_ONE)
    return ["".join(text for _, text in ordered[start::count]) for start in range(count)]


def side_by_side(page: Page, base: str, addresses: list[str], *, apart: bool) -> Iterator[list[str]]:
    """Open documents as frames of a few pages of the same origin; `apart` sandboxes them as we do."""
    sandbox = ' sandbox="allow-popups allow-popups-to-escape-sandbox"' if apart else ""
    for group in groups(addresses, _FRAMES):
        frames = "".join(f'<iframe{sandbox} src="{html.escape(each)}"></iframe>' for each in group)

        def answer(route: Route, *, frames: str = frames) -> None:
            route.fulfill(body=f"<!doctype html><title>frames</title>{frames}", content_type="text/html")

        page.route("**/__frames", answer)
        page.goto(f"{base}/__frames", wait_until="load")
        assert len(page.frames) > len(group)
        yield provoke(page)
        page.unroute("**/__frames")


def test_the_set_is_large_and_every_attempt_is_in_the_store(store: Path) -> None:
    """Each attempt became a newsletter with its words; none was lost to an error."""
    assert len(ATTEMPTS) >= 250
    assert len({each.way for each in ATTEMPTS}) >= 12
    states = rows(store, "SELECT status, count(*) FROM newsletters GROUP BY 1")
    assert states == [("done", len(mails(ATTEMPTS)))]
    named = rows(
        store, "SELECT count(*) FROM senders WHERE name LIKE '%canary(%' OR name LIKE '%beacon.invalid%'"
    )
    assert named[0][0] > 250
    assert rows(store, "SELECT count(*) FROM newsletters WHERE sender IS NOT NULL")[0][0] == len(ATTEMPTS)
    for column, table, least in (
        ("subject", "newsletters", 250),
        ("from_name", "newsletters", 250),
        ("text", "bodies", 250),
        ("plain", "bodies", 250),
        ("text", "links", 250),
        ("name", "attachments", 100),  # of a path the last part is the name
    ):
        held = f"{column} LIKE '%canary(%' OR {column} LIKE '%beacon.invalid%'"
        ((found,),) = rows(store, f"SELECT count(*) FROM {table} WHERE {held}")  # noqa: S608  (of the schema)
        assert found > least, (table, column, found)


@pytest.mark.slow
def test_on_no_route_anything_runs_or_is_asked_for(hostile: Web, store: Path) -> None:
    """Our pages, the mails in their frames, Datasette's own pages, exports and error pages."""
    seen = Observed()
    numbers = [number for (number,) in rows(store, "SELECT id FROM newsletters ORDER BY id")]
    many = numbers[len(ATTEMPTS) :]
    with chromium.browser() as running:
        page = running.context.pages[0]
        seen.attend(running.context)
        for path in (*_lists(store), *_datasettes(numbers), *_odd()):
            page.goto(hostile.base + path, wait_until="load")
            seen.said += provoke(page)
            assert page.url.startswith(hostile.base)
        for number in (*many, numbers[0], numbers[100]):
            page.goto(f"{hostile.base}/newsletters/newsletters/{number}", wait_until="load")
            if number not in many[1:]:
                for label in page.locator(".views > label:visible").all():
                    label.click()
            seen.said += provoke(page)
            assert page.locator("main script, main img[onerror], main object, main embed").count() == 0
    assert (seen.ran, seen.said, seen.opened) == (set(), [], [])
    assert (seen.asked, running.hosts, running.lookups) == (set(), set(), 0)


def test_stored_html_needs_no_wall(hostile: Web, store: Path) -> None:
    """What the sanitiser left neither runs nor asks, opened without a frame and without a policy."""
    seen = Observed()
    stored = rows(store, "SELECT newsletter_id, html FROM bodies WHERE html <> '' ORDER BY 1")
    assert len(stored) > 250
    ways = [each.way for each in ATTEMPTS] + ["all"] * len(stored)
    documents = mixed([(ways[number - 1], text) for number, text in stored])
    with chromium.browser() as running:
        page = running.context.pages[0]
        seen.attend(running.context)
        page.goto(f"{hostile.base}/-/versions.json")  # what a route answers is not in the network log
        assert page.evaluate(_PARSED, [text for _, text in stored]) == []
        for found in side_by_side(page, hostile.base, _bare(page, documents), apart=False):
            seen.said += found
    assert (seen.ran, seen.said, seen.opened) == (set(), [], [])
    assert (seen.asked, running.hosts, running.lookups) == (set(), set(), 0)


def test_the_frame_holds_when_the_cleaning_does_not(store: Path, tmp_path: Path) -> None:
    """Attempts stored as they are, as if the sanitiser had let them through: the mail's route stops all."""
    seen = Observed()
    copy = tmp_path / "newsletters.db"
    documents = mixed([(each.way, _raw(each)) for each in ATTEMPTS])
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as db, db:
        source.backup(db)
        db.executemany(
            "UPDATE bodies SET html = ? WHERE newsletter_id = ?", zip(documents, count(1), strict=False)
        )
    with serving(copy) as web, chromium.browser() as running:
        page = running.context.pages[0]
        seen.attend(running.context)
        frames = [f"/-/newsletters/newsletters/{number}/mail" for number in range(1, len(documents) + 1)]
        blocked = sum(len(found) for found in side_by_side(page, web.base, frames, apart=True))
    assert blocked > 60  # handlers that are there and cannot run
    assert (seen.ran, seen.opened) == (set(), [])
    assert (running.hosts, running.lookups) == (set(), 0)


def test_the_attempts_would_work_without_us(hostile: Web) -> None:
    """As they are, in a page without a policy, many of them run or report: the counting above can fail."""
    seen = Observed()
    documents = mixed([(each.way, _raw(each)) for each in ATTEMPTS if not _leaves(each)])
    with chromium.browser() as running:
        page = running.context.pages[0]
        seen.attend(running.context)
        page.goto(f"{hostile.base}/-/versions.json")
        assert len(page.evaluate(_PARSED, documents)) > 60
        for found in side_by_side(page, hostile.base, _bare(page, documents), apart=False):
            seen.said += found
    told = {int(match[1]) for host in running.hosts if (match := re.match(r"v(\d+)\.beacon", host))}
    assert len(seen.ran) > 60
    assert len(told) > 40
    assert len(seen.said) > 60
    assert running.lookups > 0


def _raw(each: Vector) -> str:
    return f"<p>{WORD}</p><div>{each.text}</div>"


def _leaves(each: Vector) -> bool:
    """Whether it would take the whole window elsewhere, and the others with it."""
    return "_top" in each.text


def _bare(page: Page, documents: list[str]) -> list[str]:
    """Have documents answered as they are, and return where."""

    def answer(route: Route) -> None:
        number = route.request.url.rpartition("/")[2]
        body = documents[int(number)] if number.isdecimal() else ""  # or a relative address of a document
        route.fulfill(body=body, content_type="text/html; charset=utf-8")

    page.route("**/__bare/*", answer)
    return [f"/__bare/{number}" for number in range(len(documents))]


def _lists(store: Path) -> Iterator[str]:
    """The front page, lists with excerpts, and the search with its snippets, page by page."""
    yield from (
        "/",
        "/-/newsletters/statistics",
        "/-/newsletters?kind=any",
        "/-/newsletters?q=canary&kind=any",
    )
    order = rows(store, "SELECT received_at, id FROM newsletters ORDER BY received_at DESC, id DESC")
    for moment, number in order[24::25]:
        yield f"/-/newsletters?kind=any&q={WORD}&before={moment}~{number}"


def _datasettes(numbers: list[int]) -> Iterator[str]:
    """Datasette's own pages: tables with all their rows, rows, facets, SQL; exports as a browser sees it."""
    tables = ("newsletters", "senders", "links", "attachments", "bodies", "evidence", "counts", "record_page")
    for table in tables:
        yield f"/newsletters/{table}?_size=max"
    yield "/newsletters"
    yield "/newsletters/newsletters?_facet=subject&_facet=from_name&_facet=list_id&_facet_size=max&_size=1"
    yield "/newsletters/newsletters?_search=canary&_size=max"
    yield "/newsletters/senders/s1"
    yield f"/newsletters/bodies/{numbers[0]}"
    yield "/newsletters?sql=select+subject,from_name,html+from+newsletters,bodies+where+id=newsletter_id"
    yield f"/newsletters/newsletters/{numbers[0]}.json"
    yield "/newsletters/newsletters.json?_size=max"
    yield "/newsletters/newsletters.csv?_size=max"
    yield "/newsletters/bodies.csv?_size=max&_header=off"
    yield "/-/newsletters.atom?kind=any"


def _odd() -> Iterator[str]:
    """Attempts in the address itself: searches, facets, pages that are not there, SQL with mistakes."""
    for group in groups(ATTEMPTS, 30):
        words = quote(" ".join(each.text for each in group)[:380])
        first = quote(group[0].text, safe="")
        yield f"/-/newsletters?q={words}&sender={first}&month={first}&language={first}&before={first}"
        yield f"/newsletters?sql={words}"
        yield f"/{first}/x"
        yield f"/newsletters/newsletters?_sort={first}&subject__contains={first}"
