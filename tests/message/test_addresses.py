"""From, To, Date: what mail-parser reads, and what is put right around it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.raw_mail import mail
from watcher.message import Address, Limits, parse
from watcher.message import grammar as grammar_module

REPAIRED = "headers: From is malformed, the address was taken from where it stands"


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("news@example.org", "", "news@example.org"),
        ("<news@example.org>", "", "news@example.org"),
        ("Foo News <news@example.org>", "Foo News", "news@example.org"),
        ('"Foo, Inc." <news@example.org>', "Foo, Inc.", "news@example.org"),
        ("Foo, Inc. <news@example.org>", "Foo, Inc.", "news@example.org"),
        ("Foo; Bar <news@example.org>", "Foo; Bar", "news@example.org"),
        ("Foo, <news@example.org>", "Foo", "news@example.org"),
        ("=?utf-8?q?Foo=2C_Inc=2E?= <news@example.org>", "Foo, Inc.", "news@example.org"),
        ("=?utf-8?q?Foo?=, Inc. <news@example.org>", "Foo, Inc.", "news@example.org"),
        ('"=?utf-8?q?F=C3=B6o?=" <news@example.org>', "Föo", "news@example.org"),
        ("=?punycode?q?Foo?= <news@example.org>", "Foo", "news@example.org"),
        ("=?utf-8?q?F=C3?= =?utf-8?q?=B6o?= <news@example.org>", "Föo", "news@example.org"),
        ("news@example.org (Foo News)", "Foo News", "news@example.org"),
        ("Föo <news@example.org>", "Föo", "news@example.org"),
        ("news@example.org <news@example.org>", "", "news@example.org"),
        ("a@example.org via List <list@example.org>", "a@example.org via List", "list@example.org"),
        ("[List] Foo <news@example.org>", "[List] Foo", "news@example.org"),
        ("one@example.org, two@example.org", "", "one@example.org"),
        ("Group: one@example.org, two@example.org;", "", "one@example.org"),
        ("Foo\r\n <news@example.org>", "Foo", "news@example.org"),
        ("=?utf-8?q?a=40example=2Eorg?= <b@example.org>", "a@example.org", "b@example.org"),
    ],
)
def test_from_gives_the_author(written: str, name: str, address: str) -> None:
    """Display names survive commas, quotes and encodings."""
    message = parse(mail(f"From: {written}", body="x"))
    assert message.author == Address(name, address)
    assert message.warnings == ()


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("Foo news@example.org", "Foo", "news@example.org"),
        ("Foo <news@example.org", "Foo", "news@example.org"),
        ('"Foo <news@example.org>', "Foo", "news@example.org"),
        ("Foo <<news@example.org>>", "Foo", "news@example.org"),
        ("Foo: Bar <news@example.org>", "Foo: Bar", "news@example.org"),
        ("<mailto:news@example.org>", "", "news@example.org"),
        ("=?utf-8?q?Foo_=3Cnews=40example=2Eorg=3E?=", "Foo", "news@example.org"),
        ("Moderator <moderator>", "Moderator", "moderator"),
    ],
)
def test_a_from_outside_the_grammar_still_gives_its_address(written: str, name: str, address: str) -> None:
    """Where mail-parser answers nothing, the address is taken from where it stands, and said."""
    message = parse(mail(f"From: {written}", body="x"))
    assert message.author == Address(name, address)
    assert message.warnings == (REPAIRED,)


def test_a_from_without_any_address_keeps_its_words_as_the_name() -> None:
    """There is an author, but no address."""
    assert parse(mail("From: The Editors", body="x")).author == Address("The Editors", "")
    assert parse(mail("Subject: x", body="x")).author == Address("", "")
    assert parse(mail("From:", body="x")).author == Address("", "")


def test_the_first_of_several_from_is_read_and_said() -> None:
    """mail-parser takes the first one in silence."""
    message = parse(mail("From: a@example.org", "From: b@example.com", body="x"))
    assert message.author.address == "a@example.org"
    assert message.warnings == ("headers: more than one From, the first was read",)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@News.Example.ORG", "news.example.org"),
        ("a@example.org.", "example.org"),
        ("a@exämple.org", "exämple.org"),
        ("a@xn--exmple-cua.org", "xn--exmple-cua.org"),
        ("nobody", ""),
        ("", ""),
    ],
)
def test_the_domain_of_an_address_is_lower_case_and_as_written(address: str, domain: str) -> None:
    """Internationalised names stay in the form that they have."""
    assert Address("", address).domain == domain


def test_all_to_fields_are_read() -> None:
    """Repeated fields count together; a group without members is nobody."""
    message = parse(
        mail("To: A <a@example.org>, b@example.org", "To: c@example.org", "Cc: d@example.org", body="x")
    )
    assert message.to == (
        Address("A", "a@example.org"),
        Address("", "b@example.org"),
        Address("", "c@example.org"),
    )
    assert parse(mail("To: undisclosed-recipients:;", body="x")).to == ()


def test_recipients_are_the_addresses_that_it_was_sent_or_delivered_to() -> None:
    """Lower case, from five fields; the author and Cc are not among them."""
    message = parse(
        mail(
            "Delivered-To: Box@Example.org",
            "X-Original-To: alias@example.org",
            "Envelope-To: <env@example.org>",
            "X-Forwarded-To: fwd@example.com",
            'To: "Jane, jane@example.net" <Jane+tag@example.org>',
            "Cc: cc@example.org",
            "From: author@example.com",
            body="x",
        )
    )
    assert message.recipients == {
        "box@example.org",
        "alias@example.org",
        "env@example.org",
        "fwd@example.com",
        "jane@example.net",
        "jane+tag@example.org",
    }


def test_more_addresses_than_the_limit_are_left_out() -> None:
    """The field is cut, the mail is read."""
    message = parse(
        mail("To: " + ", ".join(f"a{n}@example.org" for n in range(9)), body="x"), Limits(addresses=3)
    )
    assert len(message.to) == 3
    assert message.warnings == ("headers: a field has more addresses than the limit, the rest was left out",)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Thu, 1 Jan 2026 12:30:45 +0200", datetime(2026, 1, 1, 10, 30, 45, tzinfo=UTC)),
        ("1 Jan 26 00:00 EST", datetime(2026, 1, 1, 5, tzinfo=UTC)),
        ("Thu, 1 Jan 2026 00:00:00 -0000", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Thu, 1 Jan 2026 00:00:00 +0000 (UTC)", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Tue, 19 Jan 2038 03:14:08 +0000", datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)),
        ("Thu, 1 Jan 1970 00:00:00 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_date_becomes_a_moment_in_utc(written: str, moment: datetime) -> None:
    """Also one far ahead: it is stored and never trusted."""
    message = parse(mail(f"Date: {written}", body="x"))
    assert message.date == moment
    assert message.date.tzinfo is UTC
    assert message.warnings == ()


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Thu, 1 Jan 2026 9:5:1 GMT", datetime(2026, 1, 1, 9, 5, 1, tzinfo=UTC)),
        ("Thu, 1 Jan 2026 00:00:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("Thu Jan  1 00:00:00 2026", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_malformed_date_is_read_leniently(written: str, moment: datetime) -> None:
    """Without a zone it counts as UTC."""
    message = parse(mail(f"Date: {written}", body="x"))
    assert message.date == moment
    assert message.warnings == ("headers: Date is malformed and was read leniently",)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Whenever", "could not be read"),
        ("Thu, 32 Jan 2026 00:00:00 +0000", "could not be read"),
        ("Thu, 1 Jan 10000 00:00:00 +0000", "could not be read"),
        ("Thu, 1 Jan 2026 00:00:00 +9999", "could not be read"),
        ("(" * 5_000, "could not be read"),
        ("Fri, 31 Dec 1969 23:59:59 +0000", "1970 to 2100"),
        ("31 Dec 2100 23:59:00 -0100", "1970 to 2100"),
    ],
)
def test_a_date_that_is_none_is_said(written: str, said: str) -> None:
    """Unreadable, or outside 1970 to 2100."""
    message = parse(mail(f"Date: {written}", body="x"))
    assert message.date is None
    assert len(message.warnings) == 1
    assert said in message.warnings[0]


def test_a_mail_without_a_date_has_none_and_no_warning() -> None:
    """Absence is no defect."""
    assert (parse(b"Subject: x\r\n\r\nx").date, parse(b"Subject: x\r\n\r\nx").warnings) == (None, ())


def test_whatever_mail_parser_raises_costs_the_address_fields_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The author is then taken from where it stands, and the exception's text goes nowhere."""

    def stops(value: str, *, decode_names: bool) -> None:
        raise RecursionError("secret subject")

    monkeypatch.setattr(grammar_module, "get_addresses", stops)
    unread = "From: Föo <stops@example.org>"  # nowhere else: what was read once is known
    message = parse(mail(unread, "Date: Thu, 1 Jan 2026 00:00:00 +0000", body="body"))
    assert message.author == Address("Föo", "stops@example.org")
    assert message.date == datetime(2026, 1, 1, tzinfo=UTC)
    assert message.plain == "body"
    assert "headers: the address fields could not be read by their grammar" in message.warnings
    assert "secret" not in str(message)


@given(st.from_regex(grammar_module._SIMPLE, fullmatch=True))
def test_the_plainest_form_is_read_as_mail_parser_reads_it(value: str) -> None:
    """The short way around the grammar gives what the long one does."""
    simple = grammar_module._simple(value)
    assert simple is not None
    ((name, address),) = grammar_module.get_addresses(value, decode_names=True)
    assert (simple.name, simple.address) == ("" if name == address else name.strip(), address)


@pytest.mark.parametrize(
    "value", ["a@b", "Foo <a@b.>", "Foo Bar", "=?utf-8?q?F?= <a@b>", '"a\\"b" <a@b>', "a@b, c@d"]
)
def test_only_the_plainest_form_is_short(value: str) -> None:
    """Whatever has commas, escapes, encoded words or no domain goes to mail-parser."""
    assert (grammar_module._simple(value) is None) == (value != "a@b")
