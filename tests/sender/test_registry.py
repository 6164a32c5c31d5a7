"""The sender registry: in which order a mail is recognised, and what the reason shows."""

from __future__ import annotations

import pytest

from tests.support.headers import mail
from watcher.record import Layer, Provider, ProviderStatus, Sender, SenderMatch
from watcher.sender import Conflict, Registered, Registry

MAILCHIMP = Provider(
    "mailchimp", "MailChimp", Layer.PLATFORM, ProviderStatus.HINTED, account="0123456789abcdef"
)
FORGED = Provider(
    "mailchimp", "MailChimp", Layer.PLATFORM, ProviderStatus.CONTRADICTED, account="0123456789abcdef"
)

EVERY_WAY = {
    "list_ids": ("weekly.example.org",),
    "aliases": ("reader+weekly@example.net",),
    "accounts": ("mailchimp:0123456789abcdef",),
    "addresses": ("news@weekly.example.org",),
    "domains": ("example.org",),
}
REASONS = [
    "list_id: weekly.example.org",
    "alias",
    "account: mailchimp:0123456789abcdef",
    "address: news@weekly.example.org",
    "domain: example.org",
]
MAIL = """
    From: Weekly <news@weekly.example.org>
    To: reader+weekly@example.net
    List-Id: The Weekly <weekly.example.org>
    Subject: One
"""


def registered(slug: str, **ways: tuple[str, ...]) -> Registered:
    return Registered(sender=Sender(slug=slug, name=slug.title()), **ways)


@pytest.mark.parametrize("known", range(5))
def test_the_first_way_that_knows_the_mail_decides(known: int) -> None:
    """List-Id, alias, account, address, domain: each wins over all that follow it."""
    ways = list(EVERY_WAY.items())
    senders = [registered(f"sender-{rank}", **{key: value}) for rank, (key, value) in enumerate(ways)]
    registry = Registry.compile(senders[known:][::-1])
    match = registry.match(mail(MAIL), (MAILCHIMP,))
    assert match is not None
    assert (match.slug, match.reason) == (f"sender-{known}", REASONS[known])


ALIASES = [
    ("reader+weekly@example.net", "reader+weekly@example.net"),
    ("Reader+Weekly@Example.NET", "reader+weekly@example.net"),
    ("reader+weekly", "reader+weekly@example.net"),
    ("weekly", "reader+weekly@example.net"),
    ("+weekly", "reader+weekly@example.net"),
    ("weekly", "weekly@example.net"),
]


@pytest.mark.parametrize(("alias", "recipient"), ALIASES)
def test_an_alias_is_a_full_address_a_local_part_or_a_tag(alias: str, recipient: str) -> None:
    """Whichever form was registered, the recipient is found, and the reason does not show it."""
    registry = Registry.compile([registered("weekly", aliases=(alias,))])
    message = mail(f"From: a@example.org\nTo: {recipient}")
    assert registry.match(message, ()) == SenderMatch("weekly", "alias", unauthenticated=False)


def test_a_full_address_wins_over_a_tag_of_another_recipient() -> None:
    """The more specific form decides, whatever the order of the recipients."""
    registry = Registry.compile(
        [registered("by-tag", aliases=("weekly",)), registered("by-address", aliases=("zz@example.net",))]
    )
    message = mail("From: a@example.org\nTo: aa+weekly@example.net, zz@example.net")
    assert registry.match(message, ()) == SenderMatch("by-address", "alias", unauthenticated=False)


DOMAINS = [
    ("a@example.org", "broad", "example.org"),
    ("a@mail.example.org", "broad", "example.org"),
    ("a@news.example.org", "narrow", "news.example.org"),
    ("a@de.news.example.org", "narrow", "news.example.org"),
    ("a@notexample.org", None, None),
    ("a@example.org.invalid", None, None),
    ("a@org", None, None),
]


@pytest.mark.parametrize(("address", "slug", "domain"), DOMAINS)
def test_a_domain_reaches_below_itself_on_a_dot_boundary(
    address: str, slug: str | None, domain: str | None
) -> None:
    """The most specific registered domain wins; a name that merely ends alike is another one."""
    registry = Registry.compile(
        [registered("broad", domains=("example.org",)), registered("narrow", domains=("News.Example.org.",))]
    )
    expected = SenderMatch(slug, f"domain: {domain}") if slug else None
    assert registry.match(mail(f"From: {address}"), ()) == expected


def test_an_account_of_a_contradicted_provider_is_no_match() -> None:
    """A copied header block carries the account of someone else."""
    registry = Registry.compile([registered("weekly", accounts=("MailChimp:0123456789abcdef",))])
    message = mail("From: a@example.com")
    assert registry.match(message, (FORGED,)) is None
    assert registry.match(message, (FORGED, MAILCHIMP)) is not None


def test_an_account_id_keeps_its_case() -> None:
    """Ids in base64 differ by case alone."""
    registry = Registry.compile([registered("weekly", accounts=("mailchimp:0123456789ABCDEF",))])
    assert registry.match(mail("From: a@example.com"), (MAILCHIMP,)) is None


SAME = [
    ("domains", "bücher.example", "From: a@xn--bcher-kva.example"),
    ("domains", "@example.org", "From: a@example.org"),
    ("addresses", "News@Example.org", "From: N <news@EXAMPLE.org>"),
    ("list_ids", "The Weekly <Weekly.example.org>", "From: a@b.example\nList-ID: <weekly.EXAMPLE.org>"),
]


@pytest.mark.parametrize(("way", "value", "headers"), SAME)
def test_spellings_of_the_same_name_are_one(way: str, value: str, headers: str) -> None:
    """Case, a leading @, angle brackets and the ASCII form of a domain make no difference."""
    registry = Registry.compile([registered("weekly", **{way: (value,)})])
    match = registry.match(mail(headers), ())
    assert match is not None
    assert match.slug == "weekly"


def test_an_entry_of_two_senders_goes_to_the_first_and_is_reported() -> None:
    """Nothing is decided in silence: whoever edits the file can be told."""
    registry = Registry.compile(
        [registered("one", domains=("example.org",)), registered("two", domains=("EXAMPLE.org",))]
    )
    assert registry.match(mail("From: a@example.org"), ()) == SenderMatch("one", "domain: example.org")
    assert registry.conflicts == (Conflict("domains", "example.org", ("one", "two")),)


@pytest.mark.parametrize(
    "headers", ["Subject: nobody", "From:\nTo:", "From: <>\nList-Id: <>", "From: \x80@\x80"]
)
def test_a_mail_without_names_matches_nobody(headers: str) -> None:
    """Empty addresses are not equal to empty entries."""
    ways = dict.fromkeys(EVERY_WAY, ("", " ", "@"))
    registry = Registry.compile([registered("nobody", **ways)])
    assert registry.match(mail(headers), ()) is None


def test_the_registry_lists_its_senders_in_order() -> None:
    """The store writes what the file says, in the file's order."""
    registry = Registry.compile([registered("b"), registered("a")])
    assert [each.slug for each in registry.senders] == ["b", "a"]


def test_an_empty_registry_matches_nothing() -> None:
    """A sender file is optional."""
    assert Registry.compile(()).match(mail(MAIL), (MAILCHIMP,)) is None
