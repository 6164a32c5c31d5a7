"""What a hostile mail cannot do, counted in Chromium's own network log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import browser as chromium

if TYPE_CHECKING:
    from tests.support.web import Web

pytestmark = pytest.mark.skipif(not chromium.available(), reason="needs Chromium (apt install chromium)")

RAN = "() => window.ran !== undefined"


def test_a_hostile_mail_runs_nothing_and_reaches_nobody(web: Web, ids: dict[str, int]) -> None:
    """Scripts in subject, From, body, link and file name stay text; no host is asked, none even looked up."""
    with chromium.browser() as running:
        page = running.context.pages[0]
        for path in (
            "/",
            "/-/newsletters?q=hostile",
            f"/newsletters/newsletters/{ids['script']}",
            f"/-/newsletters/newsletters/{ids['script']}/mail",
            "/newsletters/newsletters",
        ):
            page.goto(web.base + path, wait_until="networkidle")
            assert page.evaluate(RAN) is False
        page.goto(f"{web.base}/newsletters/newsletters/{ids['script']}", wait_until="networkidle")
        for label in page.locator(".views > label:visible").all():
            label.click()
        page.locator("label[for=view-html]").click()
        frame = page.frame_locator("iframe")
        frame.get_by_text("The hostile mail's own words.").wait_for()
        frame.get_by_role("button", name="go").click()
        assert page.evaluate(RAN) is False
        assert page.locator("main script, main img").count() == 0
        assert page.url.startswith(web.base)
    assert (running.hosts, running.lookups) == (set(), 0)


def test_the_log_of_the_browser_would_tell(web: Web) -> None:
    """The check above can fail: a page that prefetches a name is found out."""
    with chromium.browser() as running:
        page = running.context.pages[0]
        page.goto(web.base + "/-/versions")
        page.goto("about:blank")  # which has no policy
        page.evaluate(
            """() => new Promise(answered => {
                for (const rel of ['preconnect', 'dns-prefetch']) {
                    const link = document.createElement('link');
                    [link.rel, link.href] = [rel, `http://${rel}.invalid/`];
                    document.head.append(link);
                }
                const image = new Image();
                image.onerror = answered;
                image.src = 'http://asked.invalid/';
            })"""
        )
    assert running.hosts == {"asked.invalid"}
    assert running.lookups == 2


def test_a_link_of_the_mail_opens_outside_the_archive(web: Web, ids: dict[str, int]) -> None:
    """A click opens a tab of its own, without a referrer and without a way back."""
    with chromium.browser() as running:
        page = running.context.pages[0]
        page.goto(f"{web.base}/newsletters/newsletters/{ids['creek']}")
        with running.context.expect_page() as opened:
            page.frame_locator("iframe").get_by_role("link", name="the map of the new path").click()
        opened.value.wait_for_load_state()
        assert page.url.endswith(f"/{ids['creek']}")
        assert opened.value.evaluate("() => [window.opener, document.referrer]") == [None, ""]
    assert running.hosts == {"willow-creek.example.org"}
