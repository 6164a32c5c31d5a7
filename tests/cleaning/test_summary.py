"""Language, words, reading time, excerpt."""

from __future__ import annotations

import pytest

from watcher.cleaning.summary import _stopwords, count_words, excerpt, language, reading_minutes

SENTENCES = {
    "en": "The council voted to open the baths again, and visitors can swim there from the first of June.",
    "de": "Der Rat hat beschlossen, das Bad wieder zu öffnen, und die Gäste können ab Juni dort schwimmen.",
    "fr": "Le conseil a décidé de rouvrir les bains, et les visiteurs pourront y nager dès le mois de juin.",
    "es": "El consejo decidió abrir los baños, y los visitantes podrán nadar allí desde junio.",
    "it": "Il consiglio ha deciso di riaprire i bagni, e i visitatori possono nuotare nella vasca da giugno.",
    "pt": "O conselho decidiu reabrir os banhos, e os visitantes já podem nadar ali com a família em junho.",
    "nl": "De raad heeft besloten het bad weer te openen, en de bezoekers kunnen er vanaf juni zwemmen.",
    "pl": "Rada zdecydowała, że basen będzie otwarty od czerwca i każdy może się tam kąpać do końca lata.",
    "sv": "Rådet har beslutat att öppna badet igen, och besökarna kan bada där från och med den första juni.",
    "da": "Rådet har besluttet at åbne badet igen, og de besøgende kan bade der fra den første juni.",
    "fi": "Kaupunki päätti avata uimalan, ja vieraat voivat uida siellä kesäkuusta, mutta se on kiinni.",
    "tr": "Belediye havuzu açmaya karar verdi ve bu yaz ile sonbahar için çok ziyaretçi bekliyor.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_language_is_told_by_frequent_words(code: str) -> None:
    """One sentence of ordinary prose is enough."""
    assert language(SENTENCES[code]) == code


@pytest.mark.parametrize("text", ["", "12 45 78", "Lorem", "東京の天気"])
def test_language_stays_empty_when_unsure(text: str) -> None:
    """No words, too few, or another script."""
    assert language(text) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("one two", 2),
        ("it's well-known", 2),
        ("see https://a.example.org/b/c now", 2),
        ("— & *", 0),
        ("Øl 2025", 2),
        ("'tis a--b -c d- rock'n'roll l\u2019\u00e9t\u00e9 snake_case", 9),
        ("two words\n\U0001f600 three more words\n\u4e00", 6),
        ("mailto:a@example.org or tel:12", 1),
        ("\u0130\u03b9 \u0390\u03b1 x", 3),
    ],
)
def test_words_are_counted_without_urls(text: str, words: int) -> None:
    """A URL is no word, a contraction is one."""
    assert count_words(text) == words


@pytest.mark.parametrize(("words", "minutes"), [(0, 0), (1, 1), (230, 1), (231, 2), (2_300, 10)])
def test_minutes_are_rounded_up(words: int, minutes: int) -> None:
    """230 words a minute; nothing takes no time."""
    assert reading_minutes(words) == minutes


def test_excerpt_is_cut_at_a_word() -> None:
    """About 280 characters, an ellipsis, no URL and no note."""
    text = excerpt(["Head", "see https://a.example.org/x ([link removed])", "word " * 100])
    assert text.startswith("Head see word word")
    assert text.endswith("word\u2026")
    assert 270 < len(text) <= 281


def test_short_text_is_its_own_excerpt() -> None:
    """Nothing is cut, nothing is added."""
    assert excerpt(["One.", "Two."]) == "One. Two."


def test_no_stopword_has_a_joiner() -> None:
    """Words are looked up with all their joiners alike, so one with a joiner would never be found."""
    assert not [word for word in _stopwords() if set(word) & set("-'\u2019")]
