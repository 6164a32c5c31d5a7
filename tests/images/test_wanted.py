"""Which pictures of a mail are asked for."""

from __future__ import annotations

import pytest

from watcher.cleaning import Identity
from watcher.images import MOST, wanted

READER = Identity.of(["reader@example.org"])
HERO = "https://img.example.com/hero.png"


def test_pictures_are_asked_for_once_each_in_their_order() -> None:
    """By img and by background; parts of the mail itself need no question."""
    html = (
        f"<img src='{HERO}'><img src='cid:a'><img src='data:image/png;base64,AA'><img src='/a.png'>"
        f"<table background='http://img.example.com/b.gif'></table><img src='{HERO}'><img>"
    )
    assert list(wanted(html, READER).urls) == [HERO, "http://img.example.com/b.gif"]


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        (f"<img src='{HERO}' width=1 height=1>", "too small"),
        (f"<img src='{HERO}' style='display:none'>", "too small"),
        ("<img src='https://example.us1.list-manage.com/track/open.php?u=1&id=2&e=3'>", "tracker"),
        ("<img src='https://img.example.com/a.png?for=reader@example.org'>", "names the reader"),
        ("<img src='https://img.example.com/a.png?for=reader%40example.org'>", "names the reader"),
        (f"<img src='https://img.example.com/{'a' * 5000}.png'>", "too long"),
    ],
)
def test_what_reports_the_reading_is_left_alone(tag: str, reason: str) -> None:
    """Pixels by their size or their service, and addresses of one reader."""
    found = wanted(tag, READER)
    assert found.urls == {}
    (said,) = found.refusals.values()
    assert reason in said


def test_tracking_parameters_are_not_sent() -> None:
    """What is asked for is the address without them; what is remembered is the one in the mail."""
    written = f"{HERO}?utm_source=letter&utm_campaign=may&width=600"
    assert wanted(f"<img src='{written.replace('&', '&amp;')}'>", READER).urls == {
        written: f"{HERO}?width=600"
    }


def test_a_mail_full_of_pictures_gets_the_first_of_them() -> None:
    """So many and no more."""
    html = "".join(f"<img src='https://img.example.com/{number}.png'>" for number in range(MOST + 3))
    found = wanted(html, READER)
    assert (len(found.urls), len(found.refusals)) == (MOST, 3)


def test_html_that_no_engine_may_have_has_no_pictures() -> None:
    """The prescan's limits hold here too."""
    assert wanted("<div>" * 3000 + f"<img src='{HERO}'>", READER).urls == {}
