"""Pages that everybody can use: axe-core finds nothing serious, in the light, in the dark and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import browser as chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.support.web import Web

axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.skipif(not chromium.available(), reason="needs Chromium (apt install chromium)")

_GRAVE = frozenset({"serious", "critical"})
_WINDOWS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 375, "height": 700}, "has_touch": True},
}
_PAGES = {
    "front": "/",
    "search": "/-/newsletters?q=creek",
    "nothing": "/-/newsletters?q=zebra&language=en",
    "record": "/newsletters/newsletters/{creek}",
    "failed": "/newsletters/newsletters/{no one}",
    "statistics": "/-/newsletters/statistics",
}


@pytest.fixture(scope="module")
def windows() -> Iterator[Browser]:
    """One browser for all of them."""
    with chromium.windows() as running:
        yield running


def grave(page: Page) -> list[str]:
    """Run axe and return what it finds serious or critical, with the elements."""
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert found["testEngine"]["name"] == "axe-core"
    return [
        f"{each['impact']} {each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        if each["impact"] in _GRAVE
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("window", _WINDOWS)
def test_axe_has_nothing_serious_to_say(web: Web, ids: dict[str, int], windows: Browser, window: str) -> None:
    """Contrast, names, roles, order of headings, regions that scroll: on each page, each of its views."""
    context = windows.new_context(
        bypass_csp=True, **_WINDOWS[window]
    )  # or axe could not be put into the page
    try:
        page = context.new_page()
        for name, path in _PAGES.items():
            page.goto(web.base + path.format(**ids), wait_until="load")
            assert grave(page) == [], name
            if name == "record":
                for label in page.locator(".views > label:visible").all():
                    label.click()
                    assert grave(page) == [], label.inner_text()
    finally:
        context.close()


def test_axe_would_say_something(web: Web, windows: Browser) -> None:
    """The check can fail: a picture without words, a field without a name, grey on grey."""
    context = windows.new_context(bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(web.base + "/-/newsletters")
        page.evaluate(
            """() => document.querySelector('main').insertAdjacentHTML('beforeend',
            '<img src="data:,"><input><p style="color:#999;background:#888">grey</p>')"""
        )
        said = " ".join(grave(page))
    finally:
        context.close()
    for rule in ("image-alt", "label", "color-contrast"):
        assert rule in said
