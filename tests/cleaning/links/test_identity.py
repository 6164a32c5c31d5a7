"""The reader is found in every form that an address can be written in, and nobody else is."""

from __future__ import annotations

import base64
import pickle
import zlib

import pytest

from tests.support.disguises import FORMS, READER
from watcher.cleaning.identity import Identity
from watcher.cleaning.links import clean_url

IDENTITY = Identity.of([READER], ["Jane Doe", "Kim"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "place", ["https://a.example/p/{}/q", "https://a.example/?x=1&t={}", "https://a.example/#{}"]
)
def test_the_reader_is_found_in_a_url_in_every_form_and_place(form: str, place: str) -> None:
    """Path, query and fragment are searched in every decoded view."""
    assert IDENTITY.carried_by(place.format(FORMS[form](READER)))


@pytest.mark.parametrize("form", FORMS)
def test_redaction_takes_every_form_out_of_text(form: str) -> None:
    """What is visible or can be decoded back goes, once, and its neighbours stay."""
    text, count = IDENTITY.redact(f"Sent to <{FORMS[form](READER)}> today.")
    assert "[redacted]" in text
    assert count >= 1
    assert text.startswith("Sent to <")
    assert text.endswith("> today.")
    assert not IDENTITY.carried_by(text)
    assert IDENTITY.redact(text) == (text, 0)


@pytest.mark.parametrize(
    "url",
    [
        "https://someone.example/inbox.invalid",
        "https://inbox.invalid/someone",
        "https://someone.inbox.invalid/",
        "https://a.example/?user=someone&domain=inbox.invalid",
        "https://a.example/?mail=info@inbox.invalid",
        "https://a.example/2026/05/a-long-slug-about-someone-and-their-inbox?id=5",
        "https://a.example/t/eyJ1IjoiaHR0cHM6Ly9kZXN0LmludmFsaWQvbWFwIn0",
        "https://a.example/9f8e7d6c-5b4a-4938-8271-6f5e4d3c2b1a/c0ffee00c0ffee00c0ffee00c0ffee00",
        "https://a.example/Kim/about-jane",
        "https://kim.example/?q=kimono",
    ],
)
def test_parts_of_an_address_and_other_people_are_nobody(url: str) -> None:
    """A local part, a domain, another address and a name inside another word identify nobody."""
    assert not IDENTITY.carried_by(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/?name=Jane%20Doe",
        "https://a.example/?name=jane+doe",
        "https://a.example/?hi=KIM&x=1",
        "https://a.example/for/jane-doe/",
        "https://a.example/t/eyJuYW1lIjoiSmFuZSBEb2UiLCJuIjo1fQ",
        "https://a.example/#Kim",
    ],
)
def test_a_configured_name_is_found_as_whole_words(url: str) -> None:
    """In query, fragment and tokens any name counts; in a path only one of two words does."""
    assert IDENTITY.carried_by(url)


@pytest.mark.parametrize(
    ("text", "wanted", "count"),
    [
        ("Hi Kim, Jane Doe's list", "Hi [redacted], [redacted]'s list", 2),
        ("KIM and kimono", "[redacted] and kimono", 1),
        ("write to someone@inbox.invalid, Someone@Inbox.Invalid!", "write to [redacted], [redacted]!", 2),
        ("some\u200bone@inbox.in\u00advalid", "[redacted]", 1),
        ("&#115;omeone&#64;inbox.invalid", "[redacted]", 1),
        ("https://a.example/u/c29tZW9uZUBpbmJveC5pbnZhbGlk/x", "https://a.example/u/[redacted]/x", 1),
        ("https://a.example/?u=someone%40inbox.invalid&v=1", "https://a.example/?u=[redacted]&v=1", 1),
        ("nobody is here: info@inbox.invalid", "nobody is here: info@inbox.invalid", 0),
        ("", "", 0),
    ],
)
def test_redaction_leaves_everything_else_as_it_was(text: str, wanted: str, count: int) -> None:
    """Only the occurrence goes; each is counted."""
    assert IDENTITY.redact(text) == (wanted, count)


def test_a_tagged_address_covers_the_address_without_its_tag() -> None:
    """An inbox that subscribes with plus-tags is written to under both."""
    tagged = Identity.of(["someone+news@inbox.invalid"])
    assert tagged.carried_by("https://a.example/?e=someone%40inbox.invalid")
    assert tagged.carried_by("https://a.example/?e=someone%2Bnews%40inbox.invalid")


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("_at@inbox.invalid", "bounce-_at=inbox.invalid"),
        ("x=3d@inbox.invalid", "x=3d@inbox.invalid"),
        ("someone@inbox.invalid", "list+someone+tag+more@inbox.invalid"),
        ("someone@inbox.invalid", "x@inbox.invalid,someone@inbox.invalid"),
    ],
)
def test_an_address_that_can_be_read_in_several_ways_is_found(address: str, written: str) -> None:
    """What may stand for an `@` or a tag may as well belong to the local part."""
    assert Identity.of([address]).carried_by(f"https://a.example/?e={written}")


def test_a_compressed_token_is_found_behind_false_starts_and_before_damage() -> None:
    """Chance makes bytes look like a stream; a broken checksum hides nothing from whoever reads on."""
    stream = zlib.compress(b"l=https://dest.invalid/&r=someone@inbox.invalid")
    for data in (b"x^x\x01x\x9cx\xda" * 5 + stream, stream[:-4] + b"zzzz", stream[:-2]):
        token = base64.urlsafe_b64encode(data).decode()
        assert IDENTITY.carried_by(f"https://a.example/c/{token}")


def test_a_token_made_to_exhaust_the_search_counts_as_the_reader() -> None:
    """Fail closed: nobody but an attacker writes hundreds of stream headers into a link."""
    for data in (b"x\x9c" * 2_000, zlib.compress(b"a" * 100_000)):
        token = base64.urlsafe_b64encode(data).decode()
        assert IDENTITY.carried_by(f"https://a.example/c/{token}")


def test_an_international_domain_is_found_in_both_spellings() -> None:
    """IDNA's form and the written form name the same mailbox."""
    for domain in ("bücher.example", "xn--bcher-kva.example"):
        reader = Identity.of([f"someone@{domain}"])
        assert reader.carried_by("https://a.example/?e=someone@xn--bcher-kva.example")
        assert reader.carried_by("https://a.example/?e=someone@b%C3%BCcher.example")


def test_an_identity_is_a_value_that_travels_to_worker_processes() -> None:
    """Equal by its addresses and names, hashable, picklable, and as sharp after the journey."""
    copy = pickle.loads(pickle.dumps(IDENTITY))  # noqa: S301 - our own bytes
    assert copy == IDENTITY
    assert hash(copy) == hash(IDENTITY)
    assert copy.carried_by(f"https://a.example/?e={READER}")
    assert Identity.of([READER]) != IDENTITY


def test_a_token_without_a_capital_letter_is_searched_where_it_can_hold_the_reader() -> None:
    """Base64 of an `@` always shows a capital, so slugs are passed over; VERP in it need not."""
    reader = Identity.of(["jg@jgajh.jia"])
    token = base64.b64encode(b"jg=jgajh.jia").decode()
    assert token == token.lower()
    assert reader.carried_by(f"https://a.example/p/{token}")


def test_a_repr_names_nobody() -> None:
    """A repr ends up in logs and tracebacks."""
    assert "inbox" not in repr(IDENTITY)
    assert "Jane" not in repr(IDENTITY)


def test_an_empty_identity_finds_and_redacts_nothing() -> None:
    """`undisclosed-recipients:;` is no address, and nobody is in nothing."""
    nobody = Identity.of(["undisclosed-recipients:;", "", "@", "x@", "@y"])
    assert not nobody
    assert not nobody.carried_by("https://a.example/?e=x@y.example")
    assert nobody.redact("x@y.example") == ("x@y.example", 0)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("e=someone%40inbox.invalid&t=8f14e45fceea167a5a36dedd4bea2543", ""),
        (
            "a=1&t=8f14e45fceea167a5a36dedd4bea2543&e=someone%40inbox.invalid&page=opening",
            "?a=1&page=opening",
        ),
        ("e=someone%40inbox.invalid&k=0189f7a1-5b2c-7def-8abc-0123456789ab", ""),
        ("e=someone%40inbox.invalid&day=2026-03-01&slug=the-baths-are-open-again", None),
        ("t=8f14e45fceea167a5a36dedd4bea2543", None),
    ],
)
def test_a_key_beside_the_reader_goes_with_him(query: str, kept: str | None) -> None:
    """Elsewhere such a value may name a page."""
    url = clean_url(f"https://example.org/read?{query}", Identity.of([READER])).url
    rest = query.removeprefix("e=someone%40inbox.invalid&")
    assert url == f"https://example.org/read{f'?{rest}' if kept is None else kept}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("İİ reader@mail.example, İ", "İİ [redacted], İ"),  # a letter that takes two when it is lowered
        ("READER+news@Mail.Example", "[redacted]"),
        ("reader at mail.example or elpmaxe.liam@redaer", "[redacted] or [redacted]"),
        ("xreader@mail.example.org", "x[redacted].org"),
        ("mail.example, other@mail.example", "mail.example, other@mail.example"),
        ("reader+mail.example", "reader+mail.example"),
    ],
)
def test_only_the_address_goes_from_readable_text(text: str, expected: str) -> None:
    """What stands before and behind an address stays, in its own letters."""
    assert Identity.of(["reader@mail.example"]).redact(text)[0] == expected
