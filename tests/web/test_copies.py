"""What a newsletter was also sent as: on its page, with the lines that differ."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from tests.support.records import CATALOGUE, SENDER, record
from tests.support.web import serving
from watcher import sketch
from watcher.store import Store
from watcher.web.plugin.copies import variants

if TYPE_CHECKING:
    from pathlib import Path

    from watcher.record import Record

LINES = [f"Line {n} tells of the harbour, its {n} boats and the {n * 7} people in them." for n in range(12)]


def letter(text: str, subject: str, minute: int, inbox: str = "politics") -> Record:
    spoken = sketch.words(text)
    return record(
        text=text,
        subject=subject,
        inbox=inbox,
        received_at=f"2026-03-01T09:{minute:02}:00Z",
        wording=sketch.fingerprint(" ".join(spoken)),
        sketch=sketch.sketch(spoken),
    )


def test_the_record_page_names_copies_and_variants(tmp_path: Path) -> None:
    """A copy in another inbox and a variant with its other line, each a link; a single one says nothing."""
    path = tmp_path / "newsletters.db"
    other = [*LINES[:5], "Swim <b>now</b>!", *LINES[6:]]
    with Store.open(path) as store:
        store.write_senders([SENDER])
        store.write_providers(CATALOGUE)
        store.write(
            [
                (1, letter("\n".join(LINES), "The baths", 1)),
                (2, letter("\n".join(LINES), "The baths", 2, inbox="rivers")),
                (3, letter("\n".join(other), "Swim!", 3)),
                (4, record(text="Something else.")),
            ]
        )
    with serving(path) as web:
        page = web.get("/newsletters/newsletters/1").text
        alone = web.get("/newsletters/newsletters/4").text
    also = page[page.index('id="also"') :]
    also = also[: also.index("</section>")]
    assert re.findall(r'href="/newsletters/newsletters/(\d)"', also) == ["2", "3"]
    assert "in rivers" in also
    assert "<bdi>Swim!</bdi>" in also
    assert f"<del>{LINES[5]}</del>" in unescape(also)
    assert "<ins>Swim &lt;b&gt;now&lt;/b&gt;!</ins>" in also
    assert LINES[4] not in also
    assert 'id="also"' not in alone


def rows(*contents: tuple[str, str]) -> list[dict[str, str]]:
    return [{"subject": subject, "text": text} for subject, text in contents]


def test_copies_are_grouped_by_what_they_say() -> None:
    """First those of the page's own words, then its text under other subjects, then other texts."""
    page, *copies = rows(("A", "one\ntwo"), ("B", "x"), ("B", "one\ntwo"), ("A", "one\ntwo"), ("B", "x"))
    found = variants(page, copies)  # type: ignore[arg-type]
    assert [(each.subject, each.is_same, len(each.copies)) for each in found] == [
        ("A", True, 1),
        ("B", False, 1),
        ("B", False, 2),
    ]
    assert [(line.sign, line.text) for line in found[2].lines] == [("-", "one"), ("-", "two"), ("+", "x")]
    assert not found[1].lines


def test_a_long_difference_is_cut_and_says_so() -> None:
    """Two texts with nothing in common would fill the page."""
    page, copy = rows(("A", "-- x\n" + "\n".join(map(str, range(99)))), ("A", "++ y"))
    (found,) = variants(page, [copy])  # type: ignore[list-item]
    assert (len(found.lines), found.more_lines, found.lines[0].text) == (40, True, "-- x")
