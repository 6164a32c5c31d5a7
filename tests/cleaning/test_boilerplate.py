# ruff: noqa: RUF001 - Turkish is written with a dotless i
"""Which lines go: by link target, by words in twelve languages, by place; and which never do."""

from __future__ import annotations

import pytest

from watcher.cleaning import Identity, Policy, clean, to_text

NOBODY = Identity.of(())
PROSE = [
    f"Paragraph {number} tells at some length what happened at the old harbour this week, and who was there."
    for number in range(8)
]
LONG = (
    "unsubscribe "
    + "is a word that this long sentence about mailing lists uses while it explains something " * 6
)


def text_of(*lines: str) -> str:
    return to_text("".join(f"<p>{line}</p>" for line in lines), kind="html")


def left(*extra: str, top: tuple[str, ...] = ()) -> list[str]:
    """What is left of extra lines below (and above) an article that must survive."""
    lines = text_of(*top, *PROSE, *extra).split("\n\n")
    assert [line for line in lines if line in PROSE] == PROSE
    return [line for line in lines if line not in PROSE]


UNSUBSCRIBE = {
    "en": "You can update your preferences or unsubscribe from this list.",
    "de": "Wenn Sie diesen Newsletter nicht mehr erhalten möchten, können Sie ihn hier abbestellen.",
    "fr": "Si vous ne souhaitez plus recevoir nos messages, vous pouvez vous désabonner.",
    "es": "Puedes darte de baja o actualizar tus preferencias en cualquier momento.",
    "it": "Puoi aggiornare le tue preferenze o annullare la tua iscrizione a questa lista.",
    "pt": "Se não deseja mais receber nossas mensagens, clique para cancelar a inscrição.",
    "nl": "Wilt u deze nieuwsbrief niet meer ontvangen? Dan kunt u zich hier afmelden.",
    "pl": "Jeśli nie chcesz otrzymywać naszych wiadomości, możesz wypisać się z listy.",
    "sv": "Vill du inte längre ha vårt nyhetsbrev kan du avregistrera dig här.",
    "da": "Ønsker du ikke længere at modtage nyhedsbrevet, kan du afmelde dig her.",
    "fi": "Jos et halua enää uutiskirjettä, voit peruuttaa tilauksesi tästä.",
    "tr": "Bültenimizi almak istemiyorsanız abonelikten çıkmak için tıklayın.",
}
BROWSER = {
    "en": "Email not displaying correctly? View it in your browser.",
    "de": "Wird diese Nachricht nicht richtig dargestellt? Im Browser ansehen",
    "fr": "Afficher cet e-mail dans votre navigateur",
    "es": "Ver este correo electrónico en su navegador",
    "it": "Visualizza questa email nel browser",
    "pt": "Caso não consiga ler, ver no navegador",
    "nl": "Bekijk deze e-mail in je browser",
    "pl": "Zobacz wiadomość w przeglądarce",
    "sv": "Läs nyhetsbrevet i din webbläsare",
    "da": "Læs nyhedsbrevet i din browser",
    "fi": "Lue uutiskirje selaimessa",
    "tr": "Bu iletiyi tarayıcıda görüntüle",
}


@pytest.mark.parametrize("language", UNSUBSCRIBE)
def test_unsubscribe_lines_go_in_twelve_languages(language: str) -> None:
    """The words decide at the bottom, where no link target does."""
    assert left(UNSUBSCRIBE[language]) == []


@pytest.mark.parametrize("language", BROWSER)
def test_browser_lines_go_in_twelve_languages(language: str) -> None:
    """The first line goes, and nothing below it."""
    assert left(top=(BROWSER[language],)) == []


@pytest.mark.parametrize(
    "target",
    [
        "https://x.us1.list-manage.com/unsubscribe?u=1&id=2",
        "https://x.us1.list-manage2.com/profile?u=1&id=2",
        "https://x.us1.list-manage.com/vcard?u=1&id=2",
        "https://news.example.org/hs/manage-preferences/unsubscribe-all?d=1",
        "https://manage.kmail-lists.com/subscriptions/unsubscribe?a=1",
        "https://news.example.org/Unsubscribe.aspx?id=1",
        "https://news.example.org/newsletter/abmelden/",
        "https://news.example.org/mk/un/v2/token",
    ],
)
@pytest.mark.parametrize("place", ["top", "middle", "bottom"])
def test_link_target_decides_in_any_language_and_anywhere(target: str, place: str) -> None:
    """A short line that is such a link is boilerplate, whatever its words."""
    line = f"<a href='{target}'>Ħaġa oħra</a>"
    before = {"top": 0, "middle": 4, "bottom": 8}[place]
    text = text_of(*PROSE[:before], line, *PROSE[before:])
    assert "oħra" not in text
    assert all(paragraph in text for paragraph in PROSE)


def test_words_alone_decide_nothing_in_the_middle() -> None:
    """A sentence about unsubscribing is content when it stands among content."""
    line = "Nobody should have to search for a way to unsubscribe."
    text = text_of(*PROSE[:3], line, *PROSE[3:])
    assert line in text


def test_a_long_line_is_prose() -> None:
    """Above the length guard a line stays, even at the bottom."""
    assert left(LONG.strip()) == [LONG.strip()]


def test_a_marker_in_the_middle_cuts_no_content_below_it() -> None:
    """What follows a marker is cut only when it is footer."""
    text = text_of(*PROSE[:4], UNSUBSCRIBE["en"], *PROSE[4:])
    assert all(paragraph in text for paragraph in PROSE)


@pytest.mark.parametrize(
    "footer",
    [
        "Copyright © 2025 Harbour Trust|Our mailing address is:|Harbour Trust|12 Quay Street",
        "Harbour Trust GmbH, Am Kai 12, 12345 Hafenstadt|Impressum / Datenschutz|" + UNSUBSCRIBE["de"],
        "Follow us on social media:|Facebook|Instagram|You received this email because you signed up.",
        "Was this email forwarded to you? Sign up here.|Harbour Trust, PO Box 12, Anytown|"
        + UNSUBSCRIBE["en"],
        "© 2025 Harbour Trust|Privacy policy, Terms of service|info@harbour.example.org|Powered by Mailchimp",
        "You are receiving this because you asked for it.|Quay House, Anytown AN1 2YZ|Charity no. 123456",
    ],
)
def test_a_footer_goes_as_a_whole(footer: str) -> None:
    """From its first marker to the end, and upwards what belongs to it."""
    assert left(*footer.split("|")) == []


@pytest.mark.parametrize(
    "line",
    [
        "Yours sincerely,",
        "Jo Writer, editor",
        "See you at the harbour on Sunday!",
        "P.S. The café opens at eight.",
    ],
)
def test_a_signature_above_the_footer_stays(line: str) -> None:
    """Going up from the footer ends at the first line of content."""
    assert line in left(line, "Copyright © 2025 Harbour Trust, All rights reserved.", UNSUBSCRIBE["en"])


def test_social_row_goes_and_a_sentence_about_a_network_stays() -> None:
    """Names of networks beside each other are a row of links; a sentence is a sentence."""
    row = [
        f"<a href='https://www.{name}.com/harbour'>{name.title()}</a>" for name in ("facebook", "instagram")
    ]
    sentence = "The ministry closed its Facebook page after the story of last week."
    assert left(sentence, *row) == [sentence]


def test_share_links_go() -> None:
    """`mailto:` without a recipient and a network's share address pass the mail on."""
    share = "<a href='mailto:?subject=Read%20this'>Email this story</a>"
    tweet = "<a href='https://twitter.com/intent/tweet?text=x'>Tweet</a>"
    text = text_of(*PROSE[:4], share, tweet, *PROSE[4:])
    assert "Email this" not in text
    assert "Tweet" not in text


def test_half_rule_refuses_a_node_that_wraps_the_mail() -> None:
    """A rule that would take more than half is refused with a warning, and everything stays."""
    html = (
        f"<div id='templateFooter'>{''.join(f'<p>{line}</p>' for line in PROSE)}</div><p>One line more.</p>"
    )
    result = clean(html, "", NOBODY, Policy.UNWRAP)
    assert all(paragraph in result.text for paragraph in PROSE)
    assert any("templateFooter" in warning and "refused" in warning for warning in result.warnings)


def test_half_rule_refuses_hidden_text_that_outweighs_the_visible() -> None:
    """A mail that is hidden as a whole is shown as a whole."""
    html = f"<p>Hello.</p><div style='display:none'>{''.join(f'<p>{line}</p>' for line in PROSE)}</div>"
    result = clean(html, "", NOBODY, Policy.UNWRAP)
    assert PROSE[0] in result.text
    assert PROSE[0] in result.html
    assert result.warnings


def test_hidden_text_in_the_middle_goes() -> None:
    """The copy for phones is not shown twice."""
    hidden = f"<div style='display:none'>{PROSE[0]}</div>"
    result = clean("".join(f"<p>{line}</p>" for line in PROSE) + hidden, "", NOBODY, Policy.UNWRAP)
    assert result.text.count(PROSE[0]) == 1
    assert ("hidden", "style") in {(each.what, each.rule) for each in result.removed}


def test_font_size_zero_hides_nothing() -> None:
    """It wraps whole mails, whose inner elements set a size of their own."""
    text = to_text(
        f"<div style='font-size:0'><span style='font-size:14px'>{PROSE[0]}</span></div>", kind="html"
    )
    assert text == PROSE[0]


def test_hidden_inline_element_does_not_break_its_line() -> None:
    """The line goes on behind it."""
    text = to_text("<p>One <span style='display:none'>hidden </span>sentence.</p>", kind="html")
    assert text == "One sentence."


def test_outlook_alone_hides_a_preheader_but_no_button() -> None:
    """`mso-hide:all` hides from Outlook; below the first line the others show it."""
    html = f"<span style='mso-hide:all'>Teaser</span><p>{PROSE[0]}</p><a style='mso-hide:all'>A button</a>"
    result = clean(html, "", NOBODY, Policy.UNWRAP)
    assert result.preheader == "Teaser"
    assert result.text == f"{PROSE[0]}\nA button" or "A button" in result.text


@pytest.mark.parametrize(
    ("html", "gone"),
    [
        ("<div class='mcnFollowBlock x'>Elsewhere</div>", True),
        ("<div class='gr-footer-1a2b'>Elsewhere</div>", True),
        ("<div class='preview'>Elsewhere</div>", True),
        ("<span class='preview'>Elsewhere</span>", False),
        ("<div class='mcnTextContent'>Elsewhere</div>", False),
        ("<div id='templatePreheader'>Elsewhere</div>", False),
        ("<div id='mceColumnId--3'>Elsewhere</div>", False),
    ],
)
def test_nodes_go_by_the_names_of_templates(html: str, *, gone: bool) -> None:
    """Pure nodes go with their text; mixed and generated ones are judged by their lines."""
    body = "".join(f"<p>{line}</p>" for line in PROSE)
    assert ("Elsewhere" not in to_text(html + body, kind="html")) is gone


def test_soft_node_keeps_long_prose() -> None:
    """In a footer that some senders write into, a paragraph is a paragraph."""
    long = " ".join(PROSE[:3])
    html = (
        "".join(f"<p>{line}</p>" for line in PROSE)
        + f"<div class='mceFooterSection'><p>{long}</p><p>Bye</p></div>"
    )
    text = to_text(html, kind="html")
    assert long in text
    assert "Bye" not in text


def test_a_block_that_is_cut_still_parts_its_neighbours() -> None:
    """The blank line before the footer's first line stands before what is left behind it."""
    rows = "".join(f"<tr><td>{each}</td></tr>" for each in ("View this email in your browser", PROSE[1]))
    html = f"<div>{PROSE[0]}</div><table>{rows}</table>"
    assert to_text(html, kind="html") == f"{PROSE[0]}\n\n{PROSE[1]}"
