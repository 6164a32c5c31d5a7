"""What every answer says to the browser: load nothing from elsewhere, tell nobody, guess no type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import browser as chromium

if TYPE_CHECKING:
    from tests.support.web import Web

OURS = (
    "/",
    "/-/newsletters",
    "/-/newsletters?q=creek",
    "/-/newsletters?q=zebra",
    "/-/newsletters/statistics",
    "/newsletters/newsletters/{creek}",
    "/newsletters/newsletters/{script}",
)
DATASETTES = (
    "/-/newsletters.atom",
    "/-/static-plugins/newsletter-watcher/newsletters.css",
    "/-/versions.json",
    "/-/static/app.css",
    "/newsletters",
    "/newsletters/newsletters",
    "/newsletters/newsletters.json",
    "/newsletters/newsletters.csv?_stream=on",
    "/newsletters/newsletters/{creek}.json",
    "/newsletters/senders/river-watch",
    "/newsletters/links?_facet=host",
    "/newsletters?sql=select+1",
    "/newsletters?sql=nonsense",
    "/newsletters/nothing",
    "/nothing",
    "/-/newsletters/nothing/1/mail",
)


def directives(policy: str) -> dict[str, str]:
    return {name: value for name, _, value in (each.strip().partition(" ") for each in policy.split(";"))}


@pytest.mark.parametrize("path", [*OURS, *DATASETTES, "/-/newsletters/newsletters/{script}/mail"])
def test_every_route_has_its_policy(web: Web, ids: dict[str, int], path: str) -> None:
    """Nothing from other servers, no frame around it, no base, no referrer, no sniffing, no look-up ahead."""
    answer = web.get(path.format(**ids))
    policy = directives(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] in {"'none'", "'self'"}
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["form-action"] in {"'none'", "'self'"}
    sources = {source for name, value in policy.items() if name != "sandbox" for source in value.split()}
    assert sources <= {"'none'", "'self'", "data:", "'unsafe-inline'", "'unsafe-eval'"}
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-DNS-Prefetch-Control"] == "off"
    assert answer.headers.get_all("Content-Security-Policy") == [answer.headers["Content-Security-Policy"]]


@pytest.mark.parametrize("path", OURS)
def test_no_page_of_ours_may_run_a_script(web: Web, ids: dict[str, int], path: str) -> None:
    """Neither one of the page nor one of the server."""
    policy = directives(web.get(path.format(**ids)).headers["Content-Security-Policy"])
    assert policy["default-src"] == "'none'"
    assert not policy.keys() & {"script-src", "script-src-elem", "script-src-attr", "connect-src"}
    assert policy["style-src"] == "'self'"


def test_the_mail_s_policy_is_the_strictest(web: Web, ids: dict[str, int]) -> None:
    """It loads nothing, sends nothing, and is sandboxed without scripts and without our origin."""
    answer = web.get(f"/-/newsletters/newsletters/{ids['script']}/mail")
    policy = directives(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["img-src"] == "data:"
    assert policy["style-src"] == "'unsafe-inline'"
    assert set(policy["sandbox"].split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}


@pytest.mark.skipif(not chromium.available(), reason="needs Chromium (apt install chromium)")
def test_the_policies_break_no_page(web: Web, ids: dict[str, int]) -> None:
    """Chromium reports nothing that a policy kept from a page, Datasette's own scripts included."""
    said: list[str] = []
    with chromium.windows() as running:
        page = running.new_page()
        page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        for path in (*OURS[:6], "/newsletters", "/newsletters/newsletters", "/newsletters?sql=select+1"):
            page.goto(web.base + path.format(**ids), wait_until="networkidle")
    assert said == []
