"""Rules that hold for any URL and any reader."""

from __future__ import annotations

import socket
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.disguises import FORMS, READER, names_reader, zipped
from watcher.cleaning.identity import Identity
from watcher.cleaning.links import Verdict, clean_url, report, role_of, tracker_of
from watcher.cleaning.links.decoders import DECODERS
from watcher.cleaning.links.rules import table
from watcher.cleaning.links.url import parse
from watcher.cleaning.policy import Policy
from watcher.record import LinkAction

IDENTITY = Identity.of([READER])
_EXAMPLES = [row["hosts"].split()[0] for row in table("trackers.csv") if row["hosts"]]

words = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.~%+", min_size=1, max_size=24)
addresses = st.builds(
    "{}@{}.{}".format,
    st.text("abcdefghijklmnopqrstuvwxyz0123456789._", min_size=3, max_size=20),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=3, max_size=15),
    st.sampled_from(["invalid", "example", "test.example"]),
)
hosts = st.sampled_from(
    ["a.example", "www.a.example", "email.a.example", "link.a.example", "click.a.example", "bücher.example"]
) | st.sampled_from(
    [host.replace("#", "9").replace("*", "x").replace("~", "com").strip(".") for host in _EXAMPLES]
)
segments = words | st.sampled_from(
    [
        "c",
        "o",
        "u",
        "f",
        "q",
        "e",
        "lnk",
        "click",
        "L0",
        "CL0",
        "redirect",
        "2",
        "unsubscribe",
        "track",
        "r",
        "1",
        "web",
    ]
)
fields = words | st.sampled_from(["url", "u", "p", "q", "utm_source", "upn", "akid", "t", "e"])
disguised = st.sampled_from(sorted(FORMS))


@st.composite
def urls(draw: st.DrawFn, token: st.SearchStrategy[str] = words) -> str:
    """Draw URLs of the shapes that senders use, with tokens anywhere."""
    path = "/".join(draw(st.lists(segments | token, max_size=6)))
    query = "&".join(f"{draw(fields)}={draw(token)}" for _ in range(draw(st.integers(0, 4))))
    tail = draw(st.sampled_from(["", "#", "#top", "#utm_source=x"]))
    return f"https://{draw(hosts)}/{path}" + (f"?{query}" if query else "") + tail


policies = st.sampled_from(Policy)


def _holds(verdict: Verdict) -> None:
    assert (verdict.url is None) == (verdict.action is LinkAction.REMOVED)
    if verdict.url is not None and not verdict.url.startswith(("mailto:", "tel:", "sms:")):
        assert verdict.url.lower().startswith(("http://", "https://"))


@given(reader=addresses, form=disguised, form_inside=disguised, url=urls(), policy=policies)
@settings(max_examples=300, deadline=None)
def test_no_view_of_any_output_names_the_reader(
    reader: str, form: str, form_inside: str, url: str, policy: Policy
) -> None:
    """Whatever the sender wrote, and wherever: not the address, nor its hashes, nor either encoded."""
    identity = Identity.of([reader])
    token = FORMS[form](reader)
    inner = f"https://dest.invalid/a?k={FORMS[form_inside](reader)}&b=1"
    for case in (
        url + ("&" if "?" in url else "?") + f"t={token}",
        f"https://a.example/x/{token}?y=1",
        f"https://a.example/x#{token}",
        f"https://www.google.com/url?q={quote(inner, safe='')}&x={token}",
        f"https://email.a.example/c/{zipped('l=' + quote(inner, safe='') + '&r=' + reader)}",
        f"https://click.pstmrk.it/3s/{quote(inner, safe='')}/{token}/a/b",
        f"mailto:{token}@a.example",
        token,
    ):
        verdict = clean_url(case, identity, policy)
        _holds(verdict)
        assert not names_reader(verdict.url or "", reader)
        assert not names_reader(verdict.host, reader)


@given(url=urls() | st.text() | st.text().map("https://a.example/".__add__), policy=policies)
@settings(max_examples=400, deadline=None)
def test_any_text_gets_a_verdict_and_cleaning_twice_changes_nothing(url: str, policy: Policy) -> None:
    """No input raises; an output is its own clean form."""
    verdict = clean_url(url, IDENTITY, policy)
    _holds(verdict)
    tracker_of(url)
    role_of(url)
    if verdict.url is not None:
        again = clean_url(verdict.url, IDENTITY, policy)
        assert again.url == verdict.url
        assert again.role == verdict.role


@given(url=st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
@settings(deadline=None)
def test_bytes_of_any_kind_get_a_verdict(url: str) -> None:
    """Controls and high bytes are no reason to raise."""
    for text in ("http://a.example/" + url, url):
        verdict = clean_url(text, IDENTITY)
        _holds(verdict)
        assert verdict.role


@given(
    path=st.lists(st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12), max_size=5),
    query=st.lists(
        st.tuples(st.sampled_from(["id", "p", "page", "ref", "q"]), st.integers(0, 99)), max_size=4
    ),
)
@settings(deadline=None)
def test_a_url_without_a_tracker_comes_out_byte_for_byte(
    path: list[str], query: list[tuple[str, int]]
) -> None:
    """Order, case, empty fields and encoding of an ordinary link are untouched."""
    url = "https://www.Example.org/" + "/".join(("news", *path))
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query)
    verdict = clean_url(url, IDENTITY)
    if role_of(url) == "content":
        assert (verdict.action, verdict.url) == (LinkAction.KEPT, url)


@given(url=urls(), one=addresses, other=addresses)
@settings(deadline=None)
def test_two_copies_of_one_issue_are_equal_after_cleaning(url: str, one: str, other: str) -> None:
    """A field that only names the reader leaves no trace of who he was."""
    cleaned = {
        clean_url(f"{url}{'&' if '?' in url else '?'}m={quote(reader)}", Identity.of([one, other])).url
        for reader in (one, other)
    }
    assert len(cleaned) == 1


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(url=urls(), argument=st.sampled_from(["", "2", "-1", "3 e", "2 url", "u", "url q", "99"]))
@settings(max_examples=40, deadline=None)
def test_no_decoder_raises_and_what_it_gives_is_absolute(name: str, url: str, argument: str) -> None:
    """A damaged token, a missing field and a wrong argument give None."""
    parts = parse(url)
    if parts is not None:
        found = DECODERS[name](parts, argument)
        assert found is None or ":" in found


def test_what_a_token_inflates_to_is_bounded() -> None:
    """A bomb in a Mailgun link is refused before it is opened in full."""
    bomb = zipped("l=https%3A%2F%2Fdest.invalid%2F" + "a" * 50_000_000)
    assert len(bomb) > 16_384  # nothing smaller opens to more than the cap allows
    small = zipped("l=https%3A%2F%2Fdest.invalid%2F" + "a" * 100_000)
    padded = zipped("l=https%3A%2F%2Fdest.invalid%2Fmap&x=" + "a" * 100_000)  # the URL comes before the bomb
    for token in (bomb[:16_000], small, padded):
        verdict = clean_url(f"https://email.a.example/c/{token}", IDENTITY)
        assert (verdict.action, verdict.role) == (LinkAction.REMOVED, "click")


def test_nothing_opens_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A followed link reports the reading."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    for form in FORMS.values():
        verdict = clean_url(f"https://click.pstmrk.it/3s/dest.invalid%2F{form(READER)}/a/b/c", IDENTITY)
        assert not names_reader(verdict.url or "", READER)
    opened = clean_url("https://click.pstmrk.it/3s/dest.invalid%2Fa/b/c/d", IDENTITY)
    assert (opened.action, opened.url) == (LinkAction.UNWRAPPED, "https://dest.invalid/a")


def test_a_report_counts_actions_roles_and_rules() -> None:
    """Each verdict counts once; an untouched link has no rule."""
    found = report(
        clean_url(url, IDENTITY)
        for url in ("https://a.example/", "https://a.example/?utm_source=x", "https://a.example/unsubscribe")
    )
    assert found.total == 3
    assert dict(found.actions) == {"kept": 1, "cleaned": 1, "removed": 1}
    assert dict(found.roles) == {"content": 2, "unsubscribe": 1}
    assert dict(found.rules) == {"parameters": 1, "unsubscribe": 1}
