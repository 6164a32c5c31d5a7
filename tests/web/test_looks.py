"""What a person sees: in Chromium, without scripts, on a phone, by night and with a screen reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import browser as chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.browser import Scheme
    from tests.support.web import Web

pytestmark = pytest.mark.skipif(not chromium.available(), reason="needs Chromium (apt install chromium)")

Opened = Callable[..., AbstractContextManager["Page"]]


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """A function that opens a page in a window of its own; one browser serves the whole file."""
    with chromium.windows() as browser:

        @contextmanager
        def window(*, width: int = 1280, scheme: Scheme = "light", javascript: bool = True) -> Iterator[Page]:
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript
            )
            try:
                yield context.new_page()
            finally:
                context.close()

        yield window


@pytest.mark.parametrize("width", [1280, 390])
def test_views_work_without_javascript(opened: Opened, web: Web, ids: dict[str, int], width: int) -> None:
    """Text, HTML, screenshot, links, removals and evidence are one click away without scripts."""
    with opened(width=width, javascript=False) as page:
        page.goto(f"{web.base}/newsletters/newsletters/{ids['creek']}")
        panels = page.locator(".panel:visible")
        assert panels.count() == (2 if width == 1280 else 1)
        for name in ("text", "html", "screenshot", "links", "removed", "evidence"):
            page.locator(f"label[for=view-{name}]").click()
            assert panels.count() == 1
            assert f"panel-{name}" in (panels.get_attribute("class") or "")
        assert panels.get_by_text("mcsv.net").is_visible()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/-/newsletters?q=creek",
        "/-/newsletters/statistics",
        "/newsletters/newsletters/{creek}",
        "/newsletters/newsletters/{script}",
    ],
)
def test_pages_fit_a_phone(opened: Opened, web: Web, ids: dict[str, int], path: str) -> None:
    """Nothing is wider than 390 px, so nobody scrolls sideways."""
    with opened(width=390) as page:
        page.goto(web.base + path.format(**ids))
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


CONTRAST = """() => {
  const parse = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll('body *')) {
    if (!node.checkVisibility() || getComputedStyle(node).clipPath !== 'none') continue;  // for the ear alone
    if (![...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())) continue;
    const pair = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    if ((pair[0] + .05) / (pair[1] + .05) < 4.5) poor.push(`${node.className}: ${node.textContent.trim()}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(opened: Opened, web: Web, ids: dict[str, int], scheme: Scheme) -> None:
    """Each text has a contrast of at least 4.5 to its ground (WCAG 2.2, 1.4.3), by day and by night."""
    with opened(scheme=scheme) as page:
        page.goto(web.base + "/-/newsletters?q=creek&language=en")
        assert page.evaluate(CONTRAST) == []
        page.goto(web.base + "/-/newsletters/statistics")
        assert page.evaluate(CONTRAST) == []
        page.goto(f"{web.base}/newsletters/newsletters/{ids['creek']}")
        page.locator(".why summary").first.click()
        for label in page.locator(".views > label:visible").all():
            label.click()
            assert page.evaluate(CONTRAST) == []


def test_pages_have_landmarks_and_labels(opened: Opened, web: Web, ids: dict[str, int]) -> None:
    """A screen reader finds banner, search, main and one h1, and every control and frame has a name."""
    with opened() as page:
        for path in ("/", f"/newsletters/newsletters/{ids['creek']}"):
            page.goto(web.base + path)
            for role in ("banner", "search", "main", "contentinfo"):
                assert page.get_by_role(role).count() == 1, role  # type: ignore[arg-type]
            assert page.get_by_role("heading", level=1).count() == 1
            assert page.get_by_role("searchbox", name="Search the newsletters").count() == 1
        assert page.get_by_role("radio", name="Evidence").count() == 1
        assert page.locator("iframe[title]").count() == 1
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == "Skip to the content"


def test_a_facet_narrows_a_search_and_widens_it_again(opened: Opened, web: Web) -> None:
    """A person searches, narrows by a party, goes to a newsletter and back, and takes the condition off."""
    with opened(javascript=False) as page:
        page.goto(web.base + "/")
        page.get_by_role("searchbox").fill("creek")
        search = page.get_by_role("button", name="Search")
        search.click()
        items = page.locator(".item")
        assert items.count() == 6
        assert page.locator("mark").first.inner_text().lower() == "creek"
        page.locator(".facet", has_text="Political Party").get_by_role("link").click()
        assert items.count() == 5
        page.get_by_role("searchbox").fill("creek gauge")
        search.click()
        assert "party=Willow+Creek+Party" in page.url
        page.locator(".chips a").click()
        assert "party" not in page.url
        assert page.locator(".facet .selected").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn_without_javascript(opened: Opened, web: Web, scheme: Scheme) -> None:
    """Columns stand on the ground line, inside the picture, in colours that differ from it."""
    with opened(javascript=False, scheme=scheme) as page:
        page.goto(web.base + "/-/newsletters/statistics")
        chart = page.locator("#newsletters_per_day svg")
        area = chart.bounding_box()
        columns = [box for each in chart.locator("rect").all() if (box := each.bounding_box())]
        assert area is not None
        assert len(columns) == 8
        assert len({round(box["y"] + box["height"]) for box in columns}) == 1
        assert all(area["x"] <= box["x"] and box["y"] >= area["y"] for box in columns)
        assert len({page.evaluate(FILL, f".series-{number}") for number in (1, 2)}) == 2
        busiest = page.locator(".heat td.shade-8")
        assert busiest.count() >= 1
        assert page.locator(".heat tbody td").count() == 7 * 24
        page.locator("#top_senders .source a").click()
        assert page.get_by_text("Willow Creek Party").first.is_visible()


FILL = "selector => getComputedStyle(document.querySelector(selector)).fill"


def test_evidence_opens_where_the_provider_stands(opened: Opened, web: Web, ids: dict[str, int]) -> None:
    """The status beside a provider's name opens what it rests on, by mouse or by keyboard."""
    with opened(javascript=False) as page:
        page.goto(f"{web.base}/newsletters/newsletters/{ids['creek']}")
        fact = page.locator(".why").get_by_text("mcsv.net")
        assert not fact.is_visible()
        page.locator(".why summary").first.focus()
        page.keyboard.press("Enter")
        assert fact.is_visible()


def test_previous_and_next_lead_through_a_senders_newsletters(
    opened: Opened, web: Web, ids: dict[str, int]
) -> None:
    """From the newest of five, four steps back and four forward."""
    with opened(javascript=False) as page:
        page.goto(f"{web.base}/newsletters/newsletters/{ids['creek']}")
        for direction in ("prev", "next"):
            steps = 0
            while page.locator(f"a[rel={direction}]").count():
                page.locator(f"a[rel={direction}]").click()
                steps += 1
            assert steps == 4
        assert page.url.endswith(f"/{ids['creek']}")
