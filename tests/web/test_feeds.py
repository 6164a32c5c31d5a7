"""Feeds as feed readers meet them: every rule of RFC 4287 that a validator asks for, and few bytes twice."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.support.atom import problems
from tests.support.web import serving
from tests.support.web_archive import newsletters, write_archive
from watcher.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from pathlib import Path

    from tests.support.web import Web

ATOM = "{http://www.w3.org/2005/Atom}"
NASTY = "\x01\x85\u202e\ufdd0 ]]> <b>&amp; \ufffe"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """An archive of three pages, with signs in it that XML cannot hold."""
    store = write_archive(tmp_path_factory.mktemp("feeds") / "newsletters.db")
    first = replace(newsletters()[-1][1], excerpt=NASTY, text=NASTY, html=f"<p>{NASTY}")
    with closing(Store.open(store)) as opened:
        opened.write((number, replace(first, subject=f"{NASTY} no. {number}")) for number in range(100, 160))
    with serving(store) as web:
        yield web


def feed(web: Web, query: str = "") -> ET.Element:
    answer = web.get(f"/-/newsletters.atom{'?' if query else ''}{query}")
    assert answer.status == 200
    assert problems(answer.text, web.base) == []
    return ET.fromstring(answer.text)  # noqa: S314  (our own answer)


def link(root: ET.Element, relation: str) -> str:
    found = [each.get("href", "") for each in root.findall(f"{ATOM}link") if each.get("rel") == relation]
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "Newsletter archive"),
        ("sender=willow-creek-party", "Newsletter archive: Willow Creek Party"),
        ("q=neighbours", "Newsletter archive: “neighbours”"),
        ("platform=substack&language=en", "Newsletter archive: Substack, English"),
        ("month=2026-10", "Newsletter archive: October 2026"),
        ("party=Willow Creek Party", "Newsletter archive: Willow Creek Party"),
        ("q=zebra", "Newsletter archive: “zebra”"),
        ("kind=any", "Newsletter archive: any"),
        ('q=%22><script>&sender="%00', 'Newsletter archive: “"><script>”, "'),
    ],
)
def test_every_list_is_a_valid_feed(web: Web, query: str, title: str) -> None:
    """Everything, a sender, a search, a facet, an empty one: all valid, each by a name."""
    root = feed(web, query)
    assert root.findtext(f"{ATOM}title") == title
    self_link = link(root, "self")
    assert self_link.startswith(f"{web.base}/-/newsletters.atom")
    assert link(root, "alternate") == self_link.replace(".atom", "", 1)
    again = web.get(self_link.removeprefix(web.base))
    assert ET.fromstring(again.text).findtext(f"{ATOM}id") == root.findtext(f"{ATOM}id")  # noqa: S314


def test_what_xml_cannot_hold_is_left_out(busy: Web) -> None:
    """Controls, non-characters and direction marks of a subject, and `]]>`, break no reader."""
    entry = feed(busy, "q=159").find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{ATOM}title") == " ]]> <b>&amp;  no. 159"
    content = entry.find(f"{ATOM}content")
    assert content is not None
    assert (content.get("type"), content.text) == ("html", "<p>\u202e ]]> <b>&amp; ")


def test_pages_of_a_feed_follow_each_other(busy: Web) -> None:
    """Each newsletter once, by `next` (RFC 5005); all pages have one id, and the way back to the first."""
    seen: list[str] = []
    ids, address = set(), "/-/newsletters.atom"
    while address:
        root = feed(busy, urlsplit(address).query)
        ids.add(root.findtext(f"{ATOM}id"))
        seen += [each.findtext(f"{ATOM}id", "") for each in root.findall(f"{ATOM}entry")]
        assert link(root, "first") == f"{busy.base}/-/newsletters.atom"
        address = link(root, "next")
    assert len(seen) == len(set(seen)) == 68
    assert len(ids) == 1


def test_ids_name_the_archive_that_the_settings_name(tmp_path: Path) -> None:
    """They outlive a move to another host; an authority that is none is not believed."""
    store = write_archive(tmp_path / "newsletters.db")
    for written, authority in (
        ("archive.example.org,2025-06", "archive.example.org,2025-06"),
        ("<x>", "127.0.0.1,2026"),
    ):
        config = tmp_path / "datasette.yaml"
        config.write_text(f'plugins: {{newsletter-watcher: {{tag_authority: "{written}"}}}}\n')
        with serving(store, config) as web:
            root = feed(web)
            assert root.findtext(f"{ATOM}id") == f"tag:{authority}:newsletters/feed"
            entry = root.find(f"{ATOM}entry")
            assert entry is not None
            assert entry.findtext(f"{ATOM}id") == f"tag:{authority}:newsletters/newsletters/10"


def ask(web: Web, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(web.base + path, headers=sent)  # noqa: S310  (loopback)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  (loopback)
            return answer.status, lowered(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, lowered(error.headers), error.read()


def lowered(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def test_what_is_known_is_not_sent_again(tmp_path: Path) -> None:
    """A tag or a time that still holds is answered by 304 and nothing else; another by the feed."""
    store = write_archive(tmp_path / "newsletters.db")
    os.utime(store, (1_700_000_000, 1_700_000_000))
    with serving(store) as web:
        path = "/-/newsletters.atom?language=en"
        _, headers, body = ask(web, path)
        etag, modified = headers["etag"], headers["last-modified"]
        assert modified == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert body
        for known in (
            {"If_None_Match": etag},
            {"If_None_Match": f'"x", W/{etag}'},
            {"If_Modified_Since": modified},
        ):
            status, headers, body = ask(web, path, **known)
            assert (status, body) == (304, b""), known
            assert headers["etag"] == etag
        for other in (
            {"If_None_Match": '"x"', "If_Modified_Since": modified},
            {"If_Modified_Since": "Mon, 13 Nov 2023 22:13:20 GMT"},
            {"If_Modified_Since": "yesterday"},
        ):
            assert ask(web, path, **other)[0] == 200, other
        with closing(Store.open(store)) as opened:
            opened.write([(1, replace(newsletters()[-1][1], subject="Read this instead"))])
            status, headers, body = ask(web, path, If_None_Match=etag)
            assert status == 200
            assert b"Read this instead" in body
            # Within the second of the change a time proves nothing, so there is none.
            assert ask(web, path, If_Modified_Since=modified)[0] == 200


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/", ""),
        ("/-/newsletters?q=creek&language=en", "q=creek&language=en"),
        ("/newsletters/newsletters/{creek}", "sender=willow-creek-party"),
        ("/newsletters/newsletters/{Gartenbrief}", "address=brief%40gartenfreunde.example.org"),
    ],
)
def test_pages_lead_to_their_feed(web: Web, ids: dict[str, int], path: str, query: str) -> None:
    """A feed reader that is given the address of a page finds the feed of what is on it."""
    page = web.get(path.format(**ids)).text
    found = re.findall(
        r'<link rel="alternate" type="application/atom\+xml" title="[^"]+" href="([^"]+)">', page
    )
    addresses = [each.replace("&amp;", "&") for each in found]
    assert addresses[0] == "/-/newsletters.atom" + (f"?{query}" if query else "")
    assert addresses[-1] == "/-/newsletters.atom"
    for each in addresses:
        assert feed(web, urlsplit(each).query).findall(f"{ATOM}entry")


def test_the_check_of_feeds_finds_what_is_wrong() -> None:
    """A feed with every mistake is found out, each by its rule."""
    broken = """<feed xmlns="http://www.w3.org/2005/Atom"><title type="xhtml">x</title><id>12</id>
    <updated>yesterday</updated><link rel="self" href="/a.atom"/><entry><id>12</id>
    <updated>2026-01-01</updated><content type="text/html">x</content></entry>
    <entry><id>12</id><title/><unknown/></entry></feed>"""
    found = " ".join(problems(broken, "http://127.0.0.1:1"))
    for rule in ("updated", "absolute", "id", "author", "twice", "title", "content", "unknown", "alternate"):
        assert rule in found, rule
    assert problems("<feed", "http://127.0.0.1:1") != []
