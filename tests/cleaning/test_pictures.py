"""Pictures: which report the reading, and which have words."""

from __future__ import annotations

import pytest

from watcher.cleaning.pictures import alternative, is_pixel, picture_trackers

PIXEL = "https://x.us1.list-manage.com/track/open.php?u=1a2b3c4d5e6f7a8b9c0d1e2f3&id=0a1b2c3d4e&e=5f6e7d8c9b"


@pytest.mark.parametrize(
    ("attributes", "pixel"),
    [
        ({"width": "1", "height": "1"}, True),
        ({"width": "0"}, True),
        ({"width": "600", "height": "0"}, True),
        ({"width": "2px", "height": " 2 "}, True),
        ({"style": "display:none"}, True),
        ({"style": "width:1px;height:1px"}, True),
        ({"width": "600", "height": "1"}, False),
        ({"width": "100%"}, False),
        ({"width": None}, False),
        ({}, False),
    ],
)
def test_a_pixel_is_told_by_its_size(attributes: dict[str, str | None], *, pixel: bool) -> None:
    """Both sizes of two pixels and less, or one of none; a thin line across the mail is a line."""
    assert is_pixel(attributes) is pixel


def test_a_pixel_is_told_by_its_url_whatever_its_size() -> None:
    """Size alone and path alone both miss: both are asked."""
    (tracker,) = picture_trackers({"src": PIXEL, "width": "600"}, seen=True)
    assert (tracker.kind, tracker.host) == ("pixel", "x.us1.list-manage.com")


def test_an_image_proxy_repeats_the_pixel_in_its_fragment() -> None:
    """The original URL behind the number sign is looked at."""
    proxied = f"https://ci3.googleusercontent.com/meips/abc#{PIXEL}"
    assert picture_trackers({"src": proxied}, seen=True)[0].kind == "pixel"


def test_srcset_is_counted_by_host() -> None:
    """Each candidate would have been loaded."""
    found = picture_trackers(
        {"srcset": "https://a.example.com/1.png 1x, //b.example.com/2.png 2x"}, seen=True
    )
    assert [(each.kind, each.host) for each in found] == [
        ("srcset", "a.example.com"),
        ("srcset", "b.example.com"),
    ]


def test_ordinary_and_attached_pictures_are_no_trackers() -> None:
    """A visible picture is none, nor is a tiny one inside the mail."""
    assert picture_trackers({"src": "https://a.example.com/photo.jpg", "width": "600"}, seen=True) == []
    assert picture_trackers({"src": "cid:pixel", "width": "1"}, seen=False) == []


@pytest.mark.parametrize(
    ("alt", "text"),
    [
        ("The old harbour baths", "The old harbour baths"),
        ("  two \n words ", "two words"),
        ("Logo", ""),
        ("Header image", ""),
        ("IMG_2041.JPG", ""),
        ("<h2>oops</h2>", ""),
        ("x" * 301, ""),
        ("👉", "👉"),
        ("", ""),
        (None, ""),
    ],
)
def test_alternatives_of_templates_say_nothing(alt: str | None, text: str) -> None:
    """An author's words stay, a tool's words go."""
    assert alternative({"alt": alt}) == text
