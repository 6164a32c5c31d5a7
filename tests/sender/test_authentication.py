"""Whether anybody vouches for a sender: who may be taken for whom, and what an inbox accepts."""

from __future__ import annotations

import pytest

from tests.support.headers import mail
from watcher.record import Authentication, Layer, Provider, ProviderStatus, Sender
from watcher.sender import Acceptance, Registered, Registry
from watcher.sender.acceptance import STRANGER, UNAUTHENTICATED
from watcher.sender.authentication import is_authenticated

PASSES = (Authentication("dkim", "pass", "example.org"),)


@pytest.mark.parametrize(
    ("domain", "result", "expected"),
    [
        ("example.org", Authentication("dkim", "pass", "example.org"), True),
        ("news.example.org", Authentication("dkim", "pass", "example.org"), True),
        ("example.org", Authentication("spf", "pass", "bounce.example.org"), True),
        ("news.example.org", Authentication("dmarc", "pass", "news.example.org"), True),
        ("example.org", Authentication("dkim", "fail", "example.org"), False),
        ("example.org", Authentication("dkim", "pass", "example.com"), False),
        ("example.org", Authentication("dkim", "pass", "badexample.org"), False),
        ("badexample.org", Authentication("dkim", "pass", "example.org"), False),
        ("example.org", Authentication("dkim", "pass", "org"), False),
        ("example.org", Authentication("arc", "pass", "example.org"), False),
        ("example.org", Authentication("dkim", "pass", ""), False),
        ("", Authentication("dkim", "pass", "example.org"), False),
    ],
)
def test_only_a_check_that_passed_speaks_for_its_own_domain(
    domain: str, result: Authentication, expected: bool
) -> None:
    """And for those below or above it, never for a name that merely ends alike."""
    assert is_authenticated(domain, [result]) is expected


def _registry(**marks: tuple[str, ...]) -> Registry:
    return Registry.compile([Registered(Sender("paper", "The Paper"), **marks)])


@pytest.mark.parametrize(
    ("marks", "fields", "results", "unauthenticated"),
    [
        ({"domains": ("example.org",)}, "From: a@example.org", PASSES, False),
        ({"domains": ("example.org",)}, "From: a@example.org", (), True),
        ({"addresses": ("a@example.org",)}, "From: a@example.org", (), True),
        ({"list_ids": ("l.example.org",)}, "From: a@example.org\nList-Id: <l.example.org>", (), True),
        ({"list_ids": ("l.example.org",)}, "From: a@example.org\nList-Id: <l.example.org>", PASSES, False),
        # a stranger with a good signature of his own, and somebody else's List-Id
        (
            {"list_ids": ("l.example.com",), "domains": ("example.com",)},
            "From: a@example.org\nList-Id: <l.example.com>",
            PASSES,
            True,
        ),
        ({"aliases": ("paper-7x",)}, "From: a@example.org\nTo: paper-7x@example.net", (), False),
    ],
)
def test_a_match_that_nobody_vouches_for_is_marked(
    marks: dict[str, tuple[str, ...]], fields: str, results: tuple[Authentication, ...], unauthenticated: bool
) -> None:
    """The sender is named all the same, with the doubt beside it."""
    match = _registry(**marks).match(mail(fields), (), results)
    assert match is not None
    assert (match.slug, match.unauthenticated) == ("paper", unauthenticated)


@pytest.mark.parametrize(
    ("status", "unauthenticated"), [(ProviderStatus.VERIFIED, False), (ProviderStatus.ASSERTED, True)]
)
def test_an_account_is_vouched_for_by_a_verified_platform(
    status: ProviderStatus, unauthenticated: bool
) -> None:
    """An account id in a header alone can be copied."""
    platform = Provider("mailchimp", "MailChimp", Layer.PLATFORM, status, "c0ffee")
    match = _registry(accounts=("mailchimp:c0ffee",)).match(mail("From: a@example.org"), (platform,))
    assert match is not None
    assert match.unauthenticated is unauthenticated


@pytest.mark.parametrize(
    ("acceptance", "fields", "results", "refusal"),
    [
        (Acceptance(), "From: a@example.org", (), ""),
        (Acceptance(domains=frozenset({"example.org"})), "From: a@news.example.org", (), ""),
        (Acceptance(domains=frozenset({"example.org"})), "From: a@badexample.org", (), STRANGER),
        (Acceptance(domains=frozenset({"example.org"})), "Subject: nobody", (), STRANGER),
        (Acceptance(list_ids=frozenset({"l.example.org"})), "List-Id: L <L.example.org>", (), ""),
        (Acceptance(list_ids=frozenset({"l.example.org"})), "From: l@example.org", (), STRANGER),
        (
            Acceptance(frozenset({"l.example.com"}), frozenset({"example.org"})),
            "From: a@example.org",
            (),
            "",
        ),
        (Acceptance(authenticated=True), "From: a@example.org", PASSES, ""),
        (Acceptance(authenticated=True), "From: a@example.com", PASSES, UNAUTHENTICATED),
        (
            Acceptance(frozenset(), frozenset({"example.org"}), True),
            "From: a@example.org",
            (),
            UNAUTHENTICATED,
        ),
    ],
)
def test_an_inbox_accepts_what_it_asks_for(
    acceptance: Acceptance, fields: str, results: tuple[Authentication, ...], refusal: str
) -> None:
    """List-Id or domain, whichever fits, and beside them the receiver's word."""
    assert acceptance.refusal(mail(fields), results) == refusal
