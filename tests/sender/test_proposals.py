"""Entries proposed for senders that nobody registered: which mark, and never the subscriber's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from watcher.sender.proposals import Proposal, propose


@dataclass(frozen=True)
class Stranger:
    list_id: str = "news.example.org"
    account: str = "mailchimp:abc"
    from_address: str = "news@example.org"
    from_domain: str = "example.org"
    from_name: str = "Example News"
    platform: str = "MailChimp"
    count: int = 2
    first_at: str = "2026-01-01T00:00:00Z"
    last_at: str = "2026-02-01T00:00:00Z"


WAYS = [
    ({}, {"list_ids": ("news.example.org",)}),
    ({"list_id": ""}, {"accounts": ("mailchimp:abc",)}),
    ({"list_id": "", "account": ""}, {"addresses": ("news@example.org",)}),
    ({"list_id": "", "account": "", "from_address": ""}, {"domains": ("example.org",)}),
    ({"list_id": "[redacted].example.org"}, {"accounts": ("mailchimp:abc",)}),
    ({"list_id": "a list"}, {"accounts": ("mailchimp:abc",)}),
    ({"list_id": "list@example.org"}, {"accounts": ("mailchimp:abc",)}),
    ({"list_id": "Reader@example.net.lists.example"}, {"accounts": ("mailchimp:abc",)}),
    (
        {"list_id": "", "account": "", "from_address": "[redacted]@example.org"},
        {"domains": ("example.org",)},
    ),
]


@pytest.mark.parametrize(("changes", "match"), WAYS)
def test_the_first_sound_mark_is_proposed(changes: dict[str, str], match: dict[str, tuple[str, ...]]) -> None:
    """List-Id, account, address, domain; what was redacted, names the reader or has no shape is no mark."""
    (proposal,) = propose([replace(Stranger(), **changes)], private={"reader@example.net"})
    assert proposal.match == match


def test_a_proposal_says_how_much_there_is() -> None:
    """The count, the first and the last one, the platforms, the most recent first."""
    found = [
        Stranger(),
        Stranger(platform="Kit", count=3, first_at="2026-01-15T00:00:00Z", last_at="2026-03-01T00:00:00Z"),
    ]
    assert propose(found) == [
        Proposal(
            "Example News",
            {"list_ids": ("news.example.org",)},
            5,
            "2026-01-01T00:00:00Z",
            "2026-03-01T00:00:00Z",
            ("Kit", "MailChimp"),
        )
    ]


def test_lists_of_one_author_are_one_entry() -> None:
    """The same name at the same domain is one sender; another domain is another one."""
    found = [
        Stranger(),
        Stranger(list_id="alerts.example.org", from_name="EXAMPLE News"),
        Stranger(list_id="other.example.com", from_domain="example.com", from_address="a@example.com"),
    ]
    assert [each.match["list_ids"] for each in propose(found)] == [
        ("alerts.example.org", "news.example.org"),
        ("other.example.com",),
    ]


def test_a_list_id_that_numbers_campaigns_is_no_mark() -> None:
    """Another one for each issue would recognise nothing that comes tomorrow."""
    found = [Stranger(list_id=f"c{n}.example.org", count=1) for n in range(4)]
    (proposal,) = propose(found)
    assert (proposal.match, proposal.newsletters) == ({"accounts": ("mailchimp:abc",)}, 4)


def test_two_issues_are_too_few_to_judge_a_list_id() -> None:
    """It may just as well be a second list."""
    found = [Stranger(list_id=f"c{n}.example.org", count=1) for n in range(2)]
    assert propose(found)[0].match == {"list_ids": ("c0.example.org", "c1.example.org")}


def test_an_account_that_writes_for_several_domains_is_the_platform_s() -> None:
    """A platform's own account at its delivery service stands in the mail of all its customers."""
    found = [
        Stranger(list_id="", account="sendgrid:1"),
        Stranger(list_id="", account="sendgrid:1", from_domain="b.example", from_address="a@b.example"),
    ]
    assert [each.match for each in propose(found)] == [
        {"addresses": ("news@example.org",)},
        {"addresses": ("a@b.example",)},
    ]


NAMES = [
    ("Example News", "Example News"),
    ("  Example \t News ", "Example News"),
    ("", "example.org"),
    ("News for [redacted]", "example.org"),
    ("reader@EXAMPLE.net", "example.org"),
    ("x" * 300, "x" * 100),
]


@pytest.mark.parametrize(("written", "name"), NAMES)
def test_an_entry_has_a_name_that_names_no_reader(written: str, name: str) -> None:
    """The author's, in one line; the domain where there is none or the reader is in it."""
    assert propose([Stranger(from_name=written)], private={"reader@example.net"})[0].name == name


def test_what_has_no_mark_is_left_out() -> None:
    """Nothing could be written below `match`."""
    assert propose([Stranger(list_id="", account="", from_address="", from_domain="")]) == []


def test_the_most_frequent_comes_first() -> None:
    """By newsletters, then by name."""
    found = [
        Stranger(list_id=f"{name}.example", from_name=name, count=count)
        for name, count in (("b", 2), ("c", 9), ("a", 2))
    ]
    assert [each.name for each in propose(found)] == ["c", "a", "b"]
