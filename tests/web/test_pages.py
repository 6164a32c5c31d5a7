"""The pages over HTTP: a real Datasette, a real store."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.support.web import serving
from tests.support.web_archive import newsletters, write_archive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.web import Web

ATOM = "{http://www.w3.org/2005/Atom}"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_front_page_lists_newsletters_only(web: Web) -> None:
    """The newest comes first; a confirmation is not a newsletter and stays out."""
    page = web.get("/")
    assert page.status == 200
    subjects = re.findall(r"<h2><a [^>]+><bdi>(.*?)</bdi>", page.text)
    assert subjects[0] == "Kingfishers are back below the weir"
    assert len(subjects) == 8
    assert "Bitte bestätigen" not in page.text
    assert "Bitte bestätigen" in web.get("/-/newsletters?kind=any").text


def test_the_record_page_speaks_the_words_of_the_archive(web: Web, ids: dict[str, int]) -> None:
    """Subject as title, From, Date, and the Message Analysis with its six fields in order."""
    page = web.get(f"/newsletters/newsletters/{ids['creek']}")
    assert page.status == 200
    assert '<h1 dir="auto">Thursday decides about the creek: will you be there?</h1>' in page.text
    assert "November 19, 2026 7:42 AM" in page.text
    analysis = page.text[page.text.index("Message Analysis") :]
    fields = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", analysis[: analysis.index("</section>")], re.DOTALL)
    assert [name for name, _ in fields] == [
        *("Sender", "Political Party", "Country", "State/Locality", "Office", "Email Providers")
    ]
    values = [text_of(value).split() for _, value in fields]
    assert values[0] == ["Willow", "Creek", "Party"]
    assert values[5][:2] == ["MailChimp", "verified"]


def test_each_provider_tells_why(web: Web, ids: dict[str, int]) -> None:
    """Behind the status: what it means, the account, and the headers that matched."""
    page = web.get(f"/newsletters/newsletters/{ids['creek']}").text
    why = text_of(page[page.index('<details class="why">') : page.index("</details>")])
    assert "The receiving server itself found it so. Account ac0ffee" in why
    assert "Authentication-Results mcsv.net" in why
    assert "List-Unsubscribe list-manage.com" in why


def test_unknown_analysis_values_read_not_available(web: Web, ids: dict[str, int]) -> None:
    """The archive's word for what nobody registered is n/a, six times here."""
    page = web.get(f"/newsletters/newsletters/{ids['Gartenbrief']}").text
    analysis = page[page.index("Message Analysis") : page.index('class="views"')]
    assert analysis.count(">n/a<") == 6


def test_the_record_page_shows_what_was_removed_and_why(web: Web, ids: dict[str, int]) -> None:
    """Links with their fate, trackers counted, boilerplate with its rule, evidence, attachments."""
    page = web.get(f"/newsletters/newsletters/{ids['creek']}").text
    shown = text_of(page)
    for expected in (
        "2 removed, 1 unwrapped",
        "mailchimp-click",
        "css fonts.example.com 2 css-url",
        "footer 412 #templateFooter",
        "taken out 2 times",
        "restoration-plan.pdf",
        "248.1 kB",
        "Paid for by the Willow Creek Party",
        "dkim domain Authentication-Results mcsv.net definitive authenticated",
        "list_id: c0ffee.list-id.example.org",
    ):
        assert expected in shown


def test_previous_and_next_are_of_the_same_sender(web: Web, ids: dict[str, int]) -> None:
    """Between two newsletters of the party there is one of another sender, which is passed over."""
    page = web.get(f"/newsletters/newsletters/{ids['gauge']}").text
    around = page[page.index('class="neighbours"') :]
    assert f'rel="next" href="/newsletters/newsletters/{ids["creek"]}"' in around
    assert 'rel="prev"' in around
    assert 'rel="prev"' not in web.get(f"/newsletters/newsletters/{ids['Kingfishers']}").text


def test_a_failed_record_says_so(web: Web, ids: dict[str, int]) -> None:
    """What could not be read is shown with its reason, not as an empty newsletter."""
    page = web.get(f"/newsletters/newsletters/{ids['no one']}")
    assert page.status == 200
    assert "could not be turned into a record" in page.text
    assert "more than 50 parts inside each other" in page.text


def test_the_row_is_still_available_as_json(web: Web, ids: dict[str, int]) -> None:
    """The record page has Datasette's own address, so its JSON works as ever."""
    row = json.loads(web.get(f"/newsletters/newsletters/{ids['creek']}.json?_shape=objects").text)["rows"][0]
    assert row["from_domain"] == "willow-creek.example.org"


@pytest.mark.parametrize(
    "path", ["/newsletters/senders/river-watch", "/newsletters/newsletters", "/newsletters"]
)
def test_other_pages_are_datasettes_own(web: Web, path: str) -> None:
    """Only the front page and a newsletter's row look different."""
    page = web.get(path)
    assert page.status == 200
    assert "/-/static/app.css" in page.text


def test_the_mail_is_served_behind_its_policy(web: Web, ids: dict[str, int]) -> None:
    """Own route, CSP and sandbox as headers, no sniffing, no referrer, and no element beyond the policy."""
    mail = web.get(f"/-/newsletters/newsletters/{ids['script']}/mail")
    assert mail.status == 200
    policy = mail.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline';")
    assert re.search(r"; sandbox allow-popups allow-popups-to-escape-sandbox$", policy)
    assert "allow-scripts" not in policy
    assert mail.headers["X-Content-Type-Options"] == "nosniff"
    assert mail.headers["Referrer-Policy"] == "no-referrer"
    assert mail.headers["X-DNS-Prefetch-Control"] == "off"
    body = mail.text[mail.text.index("<body>") :]
    assert not re.search(r"<(?:link|meta|base|iframe)", body)
    assert "The hostile mail's own words." in body


def test_a_mail_without_html_says_so(web: Web, ids: dict[str, int]) -> None:
    """The frame of a plain-text mail is not blank, and the record page shows the plain part as sent."""
    mail = web.get(f"/-/newsletters/newsletters/{ids['Gartenbrief']}/mail")
    assert "This mail has no HTML part." in mail.text
    page = web.get(f"/newsletters/newsletters/{ids['Gartenbrief']}").text
    assert "<iframe" not in page
    assert re.search(r'<pre class="plain-part"[^>]*>Liebe Gartenfreunde,', page)


def test_the_frame_is_sandboxed(web: Web, ids: dict[str, int]) -> None:
    """The frame's attribute repeats the sandbox of the header: neither scripts nor our origin."""
    page = web.get(f"/newsletters/newsletters/{ids['script']}").text
    sandbox = re.search(r'<iframe [^>]*sandbox="([^"]*)"', page)
    assert sandbox is not None
    assert set(sandbox[1].split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}


@pytest.mark.parametrize(
    "path",
    [
        "/-/newsletters/nothing/1/mail",
        "/-/newsletters/newsletters/9999/mail",
        "/newsletters/newsletters/9999",
    ],
)
def test_what_is_not_there_is_not_found(web: Web, path: str) -> None:
    """An unknown database or id is a 404."""
    assert web.get(path).status == 404


def test_every_answer_keeps_quiet(web: Web) -> None:
    """Datasette's own pages, errors and static files, too, send no referrer and prefetch no name."""
    for path in (
        "/",
        "/newsletters/links",
        "/nothing",
        "/-/static-plugins/newsletter-watcher/newsletters.css",
    ):
        headers = web.get(path).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-DNS-Prefetch-Control"] == "off"


def test_search_highlights_what_was_found(web: Web) -> None:
    """A word of the text is found whatever its form, and marked in the snippet."""
    page = web.get("/-/newsletters?q=neighbour").text
    assert "<mark>neighbours</mark>" in page
    assert "Gartenbrief" not in page


def test_what_is_found_in_the_subject_alone_keeps_its_excerpt(web: Web) -> None:
    """The beginning of the text would be no snippet of anything."""
    page = web.get("/-/newsletters?q=kingfishers").text
    assert "Eleven sightings in one week" in page
    assert "<mark>" not in page


@pytest.mark.parametrize(
    ("words", "number"),
    [("kingfishers", 1), ('"willow creek"', 6), ('"creek willow"', 0), ("quitt*", 1), ("zebra", 0)],
)
def test_search_counts(web: Web, words: str, number: int) -> None:
    """Words, phrases and beginnings of words; subjects are searched as well."""
    found = len(re.findall(r'<li class="item">', web.get(f"/-/newsletters?q={words}").text))
    assert found == number


@pytest.mark.parametrize(
    "query",
    [
        "q=foo AND",
        'q="x',
        "q=NEAR(",
        "q=*",
        "q=%00",
        "q=%ff%fe",
        "q=%ed%a0%80",
        "q=" + "a" * 5000,
        "q=subject:",
        "q=-x^2",
        "q=<script>alert(1)</script>",
        "before=x~1",
        "before=~",
        "before=2026-01-01T00:00:00Z~99999999999999999999",
        "before=2026-01-01T00:00:00Z~٣",
        "sender=' or 1=1 --",
        "kind=%00",
        "month=&language=xx",
        "q=creek&q=river&nonsense=1",
        "party=Willow Creek Party&country=Exampleland&locality=x&office=x",
        "inbox=x&address=x&domain=x&provider=x",
    ],
)
def test_any_odd_question_gets_a_page(web: Web, query: str) -> None:
    """Whatever stands in the address, the list and its feed answer with 200 and never run what was typed."""
    page = web.get(f"/-/newsletters?{query}")
    assert page.status == 200
    assert "<script" not in page.text
    assert web.get(f"/-/newsletters.atom?{query}").status == 200


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("sender=willow-creek-party", 5),
        ("platform=substack", 1),
        ("provider=mailgun", 1),
        ("month=2026-10", 4),
        ("language=de", 1),
        ("party=Willow Creek Party", 5),
        ("country=Exampleland", 6),
        ("domain=letters.example.com", 1),
        ("kind=confirmation", 1),
        ("kind=any", 10),
        ("sender=willow-creek-party&month=2026-11", 1),
    ],
)
def test_lists_can_be_narrowed(web: Web, query: str, number: int) -> None:
    """Each link of the Message Analysis and each facet leads to a list that has just those newsletters."""
    page = web.get(f"/-/newsletters?{query}").text
    assert len(re.findall(r'<li class="item">', page)) == number


def test_facets_widen_and_narrow(web: Web) -> None:
    """A selected value shows its alternatives, and its link takes the condition off."""
    page = web.get("/-/newsletters?platform=substack&language=en").text
    facet = page[page.index("<summary>Platform") :]
    facet = facet[: facet.index("</details>")]
    assert 'href="/-/newsletters?language=en" aria-current="true"' in facet
    assert 'href="/-/newsletters?platform=mailchimp&amp;language=en"' in facet


def test_pages_follow_each_other_without_gap_or_double(tmp_path: Path) -> None:
    """Every newsletter is on exactly one page, also those that arrived in the same second."""
    store = write_archive(tmp_path / "archive of letters.db")
    with sqlite3.connect(store) as database:
        database.execute("update newsletters set received_at = '2026-11-01T00:00:00Z', kind = 'newsletter'")
        columns = [row[1] for row in database.execute("pragma table_info(newsletters)")][1:]
        for number in range(100, 150):
            database.execute(
                f"insert into newsletters (id, {', '.join(columns)}) "  # noqa: S608
                f"select {number}, {', '.join(columns)} from newsletters where id = 1"
            )
    database.close()
    with serving(store) as web:
        address, seen = "/-/newsletters", []
        while address:
            page = web.get(address).text
            seen += re.findall(r'<h2><a href="[^"]*/newsletters/(\d+)"', page)
            older = re.search(r'class="pager"[^>]*><a class="button" href="([^"]+)"', page)
            address = older[1].replace("&amp;", "&") if older else ""
        record = web.get("/archive~20of~20letters/newsletters/100")
        frame = re.search(
            r'<iframe [^>]*src="([^"]+)"', web.get("/archive~20of~20letters/newsletters/9").text
        )
        assert frame is not None
        mail = web.get(frame[1])
    assert sorted(map(int, seen)) == [*range(1, 11), *range(100, 150)]
    assert seen == sorted(seen, key=int, reverse=True)
    assert "Message Analysis" in record.text
    assert mail.status == 200


def test_the_feed_is_atom(web: Web) -> None:
    """Newest first, with the stored safe HTML, or the text of a mail that has none."""
    answer = web.get("/-/newsletters.atom")
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = ET.fromstring(answer.text)  # noqa: S314  (our own answer)
    entries = root.findall(f"{ATOM}entry")
    assert entries[0].findtext(f"{ATOM}title") == "Kingfishers are back below the weir"
    assert len(entries) == 8
    contents = [entry.find(f"{ATOM}content") for entry in entries]
    assert {content.get("type") for content in contents if content is not None} == {"html", "text"}
    link = entries[0].find(f"{ATOM}link")
    assert link is not None
    assert link.get("href", "").startswith(web.base + "/newsletters/newsletters/")
    assert root.findtext(f"{ATOM}updated") == "2026-11-20T16:05:00Z"


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    """Beside other data there are no pages of ours, and a table of the same name is safe."""
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("create table newsletters (id integer primary key, name text)")
        database.execute("insert into newsletters values (1, 'a row of somebody else')")
    database.close()
    with serving(other) as web:
        assert "/-/static/app.css" in web.get("/").text
        assert "a row of somebody else" in web.get("/other/newsletters/1").text
        assert web.get("/-/newsletters").status == 404
        assert web.get("/-/newsletters.atom").status == 404
        assert web.get("/-/newsletters/other/1/mail").status == 404


def test_who_may_not_see_the_table_sees_nothing(tmp_path: Path) -> None:
    """Datasette's permissions hold for the list, the feed, the front page and the mail itself."""
    config = tmp_path / "datasette.yaml"
    config.write_text("databases:\n  newsletters:\n    tables:\n      newsletters:\n        allow: false\n")
    with serving(write_archive(tmp_path / "newsletters.db"), config) as web:
        assert web.get("/-/newsletters/newsletters/1/mail").status == 403
        assert web.get("/newsletters/newsletters/1").status == 403
        assert web.get("/-/newsletters").status == 404
        assert web.get("/-/newsletters.atom").status == 404
        assert "Kingfishers" not in web.get("/").text


def test_every_sample_is_a_record(web: Web) -> None:
    """No newsletter breaks its page."""
    for number, record in newsletters():
        page = web.get(f"/newsletters/newsletters/{number}")
        assert page.status == 200
        assert "Message Analysis" in page.text, record.subject
