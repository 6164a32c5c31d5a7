"""What senders.yaml says, and what it must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.settings_files import only_problem, position, problems_of, written
from watcher import settings
from watcher.settings import Match, SenderSettings

if TYPE_CHECKING:
    from pathlib import Path


def _load(folder: Path, text: str) -> tuple[SenderSettings, ...]:
    return settings.load_senders(written(folder, text, "senders.yaml"))


def test_a_sender_has_facts_and_marks(tmp_path: Path) -> None:
    """Every key arrives; what is compared is in lower case but for account ids, and a List-Id is bare."""
    (sender,) = _load(
        tmp_path,
        """\
        senders:
          - name: Example Party
            slug: ep
            kind: party
            party: Examplers
            country: NO
            locality: 06
            office: Mayor
            website: https://www.example.org/Home
            source: https://www.example.org/imprint
            match:
              list_ids: [<News.Example.org>, other.example.org]
              aliases: [Archive+EP@example.net]
              accounts: [MailChimp:ABC123]
              addresses: [News@Example.org]
              domains: [Example.ORG.]
        """,
    )
    assert sender == SenderSettings(
        slug="ep",
        name="Example Party",
        kind="party",
        party="Examplers",
        country="NO",
        locality="06",
        office="Mayor",
        website="https://www.example.org/Home",
        source="https://www.example.org/imprint",
        match=Match(
            list_ids=("news.example.org", "other.example.org"),
            aliases=("archive+ep@example.net",),
            accounts=("mailchimp:ABC123",),
            addresses=("news@example.org",),
            domains=("example.org",),
        ),
    )


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Example Party", "example-party"), ("Les Élus & Co.", "les-elus-co"), ("A" * 80, "a" * 64), ("7", "7")],
)
def test_a_slug_is_made_from_the_name(tmp_path: Path, name: str, slug: str) -> None:
    """Accents go, everything else but letters and digits becomes one hyphen."""
    (sender,) = _load(tmp_path, f"senders:\n  - name: {name}\n")
    assert (sender.slug, sender.match) == (slug, Match())


@pytest.mark.parametrize("text", ["senders: []", "senders:\n# - name: a\n"])
def test_no_senders_are_fine(tmp_path: Path, text: str) -> None:
    """An archive without a registry has n/a for its senders."""
    assert _load(tmp_path, text) == ()


def test_no_file_of_senders_is_fine_where_none_was_named() -> None:
    """`Settings.senders` is None then."""
    assert settings.load_senders(None) == ()


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("website: www.example.org", 14, "`https://www.example.org/`"),
        ("website: 'https://u:p@example.org/'", 14, "`https://www.example.org/`"),
        ("slug: Example Party", 11, "a-z, 0-9"),
        ("party: [a, b]", 12, "single value"),
        ("match: example.org", 12, "must be keys with values"),
        ("match: {domains: example.org}", 22, "must be a list"),
        ("match: {domains: ['@example.org']}", 23, "without `@`"),
        ("match: {domains: ['*.example.org']}", 23, "without `*`"),
        ("match: {addresses: [example.org]}", 25, "must be an address"),
        ("match: {list_ids: ['News <news.example.org>']}", 24, "inside `<>`"),
        ("match: {accounts: [0123456789abcdef]}", 24, "as in `mailchimp:0123456789abcdef`"),
        ("match: {aliases: [acme, +Acme]}", 29, "line 3"),
        ("match: {accounts: [mailchimp:a, Mailchimp:a]}", 37, "line 3"),
        ("match: {domain: [example.org]}", 13, "did you mean `domains`?"),
        ("match: {domains: [a.example, A.Example]}", 34, "the sender `acme` claims the same in line 3"),
        ("partei: x", 5, "did you mean `party`?"),
    ],
)
def test_a_wrong_fact_or_mark_is_named_and_explained(
    tmp_path: Path, line: str, column: int, says: str
) -> None:
    """Place and message, as for inboxes."""
    problem = only_problem(written(tmp_path, f"senders:\n  - name: Acme\n    {line}\n", "senders.yaml"))

    assert position(problem) == (3, column)
    assert says in problem.message


def test_a_mark_that_two_senders_claim_names_both_lines(tmp_path: Path) -> None:
    """Whose mail it is must not depend on the order of the file; upper and lower case are the same mark."""
    text = """\
        senders:
          - name: One
            match:
              list_ids: [news.example.org]
              domains: [example.org]
          - name: Two
            match:
              list_ids: [<News.Example.org>]
              domains:
                - example.com
                - EXAMPLE.org
        """
    first, second = problems_of(written(tmp_path, text, "senders.yaml"))

    assert position(first) == (8, 18)
    assert "the sender `one` claims the same in line 4" in first.message
    assert position(second) == (11, 11)
    assert "line 5" in second.message


def test_an_alias_that_two_senders_claim_is_not_shown(tmp_path: Path) -> None:
    """Aliases are addresses of the subscriber."""
    sender = "  - {name: %s, match: {aliases: [me+x@example.net]}}\n"
    report = str(only_problem(written(tmp_path, "senders:\n" + sender % "a" + sender % "b", "senders.yaml")))

    assert "line 2" in report
    assert "me+x" not in report


def test_one_mark_may_serve_in_two_ways(tmp_path: Path) -> None:
    """A domain and a List-Id with the same text are two marks."""
    one, two = "{list_ids: [example.org]}", "{domains: [example.org]}"
    assert (
        len(_load(tmp_path, f"senders:\n  - {{name: a, match: {one}}}\n  - {{name: b, match: {two}}}\n")) == 2
    )


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("senders:\n  - name: A\n  - name: a\n", (3, 11), "the sender in line 2 has the slug `a` as well"),
        ("senders:\n  - name: A\n  - name: B\n    slug: a\n", (4, 11), "line 2"),
        ("senders:\n  - name: Пример\n", (2, 11), "no slug can be made"),
        ("senders:\n  - slug: a\n", (2, 5), "is missing"),
        ("senders: example\n", (1, 10), "must be a list"),
        ("", (1, 1), "`senders: []`"),
    ],
)
def test_each_sender_has_a_slug_of_its_own(
    tmp_path: Path, text: str, place: tuple[int, int], says: str
) -> None:
    """Slugs name senders in the archive: there, unique, writable."""
    problem = only_problem(written(tmp_path, text, "senders.yaml"))

    assert position(problem) == place
    assert says in problem.message
