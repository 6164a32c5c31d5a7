"""clean(): a whole mail, seen from outside."""

from __future__ import annotations

import pytest

from tests.support.newsletters import ARTICLE, LIST, PREHEADER, mailchimp_html, mailchimp_plain
from watcher.cleaning import Cleaned, Identity, Policy, clean, to_text
from watcher.record import LinkAction

READER = Identity.of(["jo.reader@example.org"], ["Jo Reader"])
NOBODY = Identity.of(())
BOILERPLATE = (
    "browser",
    "Copyright",
    "mailing address",
    "Quay Street",
    "preferences",
    "unsubscribe",
    "opted in",
    "Facebook",
)


def cleaned(html: str, plain: str = "", policy: Policy = Policy.UNWRAP) -> Cleaned:
    return clean(html, plain, READER, policy)


def test_article_survives_a_browser_link_on_the_first_line() -> None:
    """The first marker is no reason to cut what follows it; the article stays, the address goes."""
    text = cleaned(mailchimp_html()).text
    assert all(paragraph in text for paragraph in ARTICLE)
    assert [word for word in BOILERPLATE if word in text] == []


def test_preheader_has_a_field_of_its_own() -> None:
    """The hidden first text is the preheader, without its filler, and no part of the text."""
    result = cleaned(mailchimp_html())
    assert result.preheader == PREHEADER
    assert PREHEADER not in result.text
    assert PREHEADER not in result.html


def test_canspam_bar_goes_with_the_recipient() -> None:
    """The bar that Mailchimp appends holds the reader's address; nothing of it stays in any field."""
    result = cleaned(mailchimp_html(footer=False, canspam=True))
    assert "why did I get this" not in result.text
    assert "jo.reader" not in repr(result)
    assert result.redactions > 0


def test_plain_part_loses_the_preheader_that_its_sibling_shows() -> None:
    """A preheader cannot be told from a first sentence in the plain part alone."""
    text = to_text(mailchimp_plain(), mailchimp_html(), "text")
    assert all(paragraph in text for paragraph in ARTICLE)
    assert PREHEADER not in text
    assert [word for word in BOILERPLATE if word in text] == []


def test_plain_part_alone_keeps_its_first_line() -> None:
    """Without the sibling nothing proves that the first line is a preheader."""
    assert to_text(mailchimp_plain(), None, "text").startswith(PREHEADER)


def test_plain_field_is_the_part_as_sent_with_links_treated() -> None:
    """Boilerplate stays in the plain field; opaque links and the reader do not."""
    result = cleaned(mailchimp_html(), mailchimp_plain() + "\r\nThis email was sent to jo.reader@example.org")
    assert "All rights reserved" in result.plain
    assert "buy a ticket ([link removed])" in result.plain
    assert "list-manage" not in result.plain
    assert "jo.reader" not in result.plain


def test_removed_link_is_noted_behind_its_text() -> None:
    """The archive's notation: anchor text, then `([link removed])`."""
    text = cleaned(mailchimp_html()).text
    assert "buy a ticket ([link removed])" in text
    assert "[the programme](https://harbour.example.org/opening)" in text


def test_policy_remove_takes_every_link() -> None:
    """Under `remove` no URL is left anywhere."""
    result = cleaned(mailchimp_html(), mailchimp_plain(), Policy.REMOVE)
    assert "the programme ([link removed])" in result.text
    assert "harbour.example.org" not in result.text + result.html + result.plain
    assert {link.action for link in result.links} == {LinkAction.REMOVED}


def test_links_are_listed_in_document_order_with_their_texts() -> None:
    """The table of links holds those of the boilerplate as well, numbered from 1."""
    links = cleaned(mailchimp_html()).links
    assert [link.position for link in links] == list(range(1, len(links) + 1))
    by_text = {link.text: link for link in links}
    assert by_text["buy a ticket"].url is None
    assert by_text["the programme"].url == "https://harbour.example.org/opening"
    assert by_text["unsubscribe from this list"].role == "unsubscribe"


def test_trackers_are_counted_and_gone() -> None:
    """Pixel, style sheet reference and filler are named; no remote reference is left in the HTML."""
    result = cleaned(mailchimp_html())
    assert {tracker.kind for tracker in result.trackers} >= {"pixel", "css", "filler"}
    assert "src=" not in result.html
    assert LIST not in result.html


def test_every_cut_names_what_and_rule() -> None:
    """What went is accounted for."""
    removed = cleaned(mailchimp_html()).removed
    assert {"preheader", "browser", "preferences", "copyright"} <= {each.what for each in removed}
    assert all(each.rule and each.chars > 0 for each in removed)


@pytest.mark.parametrize(
    "line",
    [
        "Paid for by Friends of the Harbour",
        "PAID FOR BY FRIENDS OF THE HARBOUR PAC.",
        "Authorized by the Harbour Committee",
        "Not authorized by any candidate or candidate's committee.",
    ],
)
def test_disclaimer_is_content_and_copied(line: str) -> None:
    """Who paid stays in the text even inside a footer node, and has a field of its own."""
    html = mailchimp_html().replace("<em>Copyright", f"<p>{line}</p><em>Copyright")
    result = cleaned(html)
    assert line in result.text
    assert result.disclaimer == line


def test_name_of_the_reader_is_redacted_across_formats() -> None:
    """A greeting whose name is split over two elements is found, in text and HTML."""
    result = cleaned(mailchimp_html(extra="<p>Dear <b>Jo</b> <i>Reader</i>, see you there!</p>"))
    assert "Reader" not in result.text
    assert "Reader" not in result.html
    assert "[redacted]" in result.text
    assert result.redactions == 1


def test_unfilled_merge_tags_go_without_their_line() -> None:
    """A token that was never filled in is dropped; the sentence around it stays."""
    text = cleaned(mailchimp_html(extra="<p>Hello *|FNAME|*, the water is warm today and tomorrow.</p>")).text
    assert "Hello , the water is warm today and tomorrow." in text


def test_pictures_only_mail_warns() -> None:
    """A mail without words says so; what stands for its pictures is the text."""
    result = cleaned(
        '<a href="https://harbour.example.org/"><img src="https://cdn.example.com/a.png" '
        'alt="Opening day at the baths" width="600"></a>'
    )
    assert "Opening day at the baths" in result.text
    assert any("pictures" in warning for warning in result.warnings)


def test_plain_part_is_the_text_when_the_html_has_no_word() -> None:
    """An HTML part that shows nothing gives way to the plain part."""
    result = cleaned(
        '<img src="https://cdn.example.com/a.png" alt="" width="600">', "The baths are open again."
    )
    assert result.text == "The baths are open again."


def test_empty_mail_is_an_empty_result() -> None:
    """Nothing in, nothing out, and no warning."""
    assert cleaned("", "") == Cleaned()


def test_deep_html_gives_text_and_no_view() -> None:
    """Over a limit no engine is asked: the text is complete, the HTML is empty, and a warning says why."""
    result = cleaned("<div>" * 50_000 + "still readable")
    assert result.text == "still readable"
    assert result.html == ""
    assert any("1,000 tags" in warning for warning in result.warnings)


def test_summary_fields_describe_the_clean_text() -> None:
    """Words, minutes, language and excerpt come from what was kept."""
    result = cleaned(mailchimp_html())
    assert result.language == "en"
    assert 70 < result.words < 120
    assert result.reading_minutes == 1
    assert result.excerpt.startswith("The baths are open The council voted")
    assert len(result.excerpt) <= 281


def test_cleaning_the_safe_html_again_changes_nothing() -> None:
    """The outcome is a fixed point: text and HTML are the same the second time."""
    first = cleaned(mailchimp_html(canspam=True))
    second = cleaned(first.html)
    assert second.html == first.html
    assert second.text == first.text


def test_the_same_mail_gives_the_same_result() -> None:
    """Nothing depends on the order of sets or on what was cleaned before."""
    assert cleaned(mailchimp_html(), mailchimp_plain()) == cleaned(mailchimp_html(), mailchimp_plain())


def test_crossing_bytes_of_a_link_stay() -> None:
    """`=XX` inside a link is no quoted-printable: it is left as it is."""
    text = cleaned(
        '<p>See <a href="https://harbour.example.org/a?x=20off&amp;y=bc97">the offer of the week</a></p>'
    ).text
    assert "https://harbour.example.org/a?x=20off&y=bc97" in text


def test_style_sheet_is_no_text() -> None:
    """CSS never reaches the text, wherever the element stands."""
    result = cleaned("<p>Prose of the day.</p><style>.a{color:red}</style><div><style>b{}</style></div>")
    assert result.text == "Prose of the day."


def test_without_a_reader_nothing_is_redacted() -> None:
    """An empty identity changes no word."""
    assert clean(mailchimp_html(), "", NOBODY, Policy.UNWRAP).redactions == 0


def test_endless_lines_are_kept_without_being_looked_at() -> None:
    """Beyond twenty thousand lines the rest stays as it is, its links treated."""
    plain = "word\n" * 30_000 + "see https://harbour.example.org/?utm_source=x\n"
    text = cleaned("", plain).text
    assert text.count("word") == 30_000
    assert text.endswith("see https://harbour.example.org/")
    assert cleaned(f"<pre>{'word ' * 3}{chr(10)}{plain}</pre>").text.count("word") == 30_003


def test_links_beyond_the_limit_are_treated_and_not_listed() -> None:
    """The table of links ends at two thousand, and a warning says so."""
    result = cleaned("<p>" + "<a href='https://harbour.example.org/?utm_source=x'>x</a> " * 2_100 + "</p>")
    assert len(result.links) == 2_000
    assert "utm_source" not in result.text + result.html
    assert any("2,100 links" in warning for warning in result.warnings)
