"""Issues: what is together follows from the newsletters, in whatever order and batches they are written."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.support.records import CATALOGUE, PLATFORM, SENDER, failed_record, record
from watcher import sketch
from watcher.record import Author, Kind, Record, SenderMatch
from watcher.store import Store
from watcher.store import issues as room

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = [f"word{n}" for n in range(3_000)]


def text(seed: int, words: int = 200) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=words)


def varied(words: list[str], seed: int, share: float) -> list[str]:
    """The words with a run of them replaced."""
    count = round(len(words) * share)
    return [*text(seed, count), *words[count:]]


def letter(
    words: list[str],
    subject: str = "Baths",
    day: int = 1,
    campaign: str = "",
    domain: str = "example.org",
    **changes: object,
) -> Record:
    body = " ".join(words)
    spoken = sketch.words(body)
    return record(
        text=body,
        subject=subject,
        campaign_id=campaign,
        received_at=f"2026-03-{day:02}T09:30:00Z",
        author=Author("News", f"news@{domain}", domain),
        wording=sketch.fingerprint(" ".join(spoken)),
        sketch=sketch.sketch(spoken),
        **changes,
    )


def groups(store: Store) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for number, issue in store._db.rows("SELECT id, issue FROM newsletters WHERE issue IS NOT NULL"):
        found.setdefault(issue, set()).add(number)
    return found


def content(store: Store) -> list[object]:
    """Every row that belongs to the groups."""
    names = ("issues", *room.INTERNAL)
    tables = [store._db.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for name in names]  # noqa: S608
    return [*tables, store._db.rows("SELECT id, issue FROM newsletters ORDER BY id")]


def test_one_mailing_in_two_inboxes_is_one_issue(store: Store) -> None:
    """Its row tells the first one's sender and subject, from when to when, how many, and how many kinds."""
    store.write(
        [
            (1, letter(text(9), day=1)),
            (2, letter(text(1), "The baths", day=3, sender=SenderMatch("example-party", "domain"))),
            (3, letter(text(1), "The baths", day=2, inbox="other", sender=None)),
            (4, letter(varied(text(1), 5, 0.05), "Swim!", day=3)),
        ]
    )
    assert groups(store) == {2: {2, 3, 4}}
    assert store._db.rows("SELECT * FROM issues") == [
        (2, None, "The baths", "2026-03-02T09:30:00Z", "2026-03-03T09:30:00Z", 3, 2)
    ]


TOGETHER = {
    "the same words": (letter(text(1)), letter(text(1)), True),
    "another subject": (letter(text(1)), letter(text(1), "Swim!"), True),
    "one line of twenty": (letter(text(1)), letter(varied(text(1), 2, 0.05)), True),
    "half of the words": (letter(text(1)), letter(varied(text(1), 2, 0.5)), False),
    "a third, in one campaign": (
        letter(text(1), campaign="c1"),
        letter(varied(text(1), 2, 0.3), campaign="c1"),
        True,
    ),
    "a third, in two campaigns": (
        letter(text(1), campaign="c1"),
        letter(varied(text(1), 2, 0.3), campaign="c2"),
        False,
    ),
    "another text of one campaign id": (
        letter(text(1), campaign="28"),
        letter(text(2), campaign="28"),
        False,
    ),
    "another domain": (letter(text(1)), letter(text(1), domain="example.com"), False),
    "a week later": (letter(text(1)), letter(text(1), day=8), False),
    "two days later": (letter(text(1)), letter(text(1), day=3), True),
    "few words, the same": (letter(text(1, 5)), letter(text(1, 5)), True),
    "few words, another subject": (letter(text(1, 5)), letter(text(1, 5), "Swim!"), False),
    "no words, the same subject": (letter([]), letter([], day=2), True),
    "no newsletter": (letter(text(1)), letter(text(1), kind=Kind.PERSONAL), False),
    "failed": (letter(text(1)), failed_record(), False),
}


@pytest.mark.parametrize(("one", "other", "expected"), TOGETHER.values(), ids=TOGETHER.keys())
def test_what_is_together(store: Store, one: Record, other: Record, expected: bool) -> None:
    """The words decide, more of them where the platform does not say that it is one campaign."""
    store.write([(1, one), (2, other)])
    assert groups(store) == ({1: {1, 2}} if expected else {})


def crowd(seed: int) -> list[Record]:
    """Mailings in variants, chains of small changes, a mailing in which every copy differs, short ones."""
    chance = random.Random(seed)
    found = [letter(text(n), day=chance.randint(1, 6), campaign=chance.choice(("", "c"))) for n in range(12)]
    for _ in range(60):
        basis = chance.choice(found)
        share = chance.choice((0, 0.03, 0.1, 0.2, 0.4))
        words = varied(basis.text.split(), chance.randrange(99), share)
        found.append(letter(words, chance.choice("AB"), chance.randint(1, 6), basis.campaign_id))
    found += [letter(varied(text(77), n, 0.03), day=2 + n % 2) for n in range(20)]
    found += [letter(text(n % 3, 4), chance.choice("AB"), chance.randint(1, 9)) for n in range(12)]
    chance.shuffle(found)
    return found


@pytest.mark.parametrize(("seed", "limit"), [(0, 64), (1, 4)], ids=["no crowd", "crowds"])
def test_any_order_and_any_batches_give_the_same_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, limit: int
) -> None:
    """Row for row: by ids, backwards, shuffled; one by one, in tens; deleted, written again."""
    monkeypatch.setattr(room, "_CROWD", limit)
    chance = random.Random(seed)
    rows = list(enumerate(crowd(seed), 1))
    orders = [rows, rows[::-1], chance.sample(rows, len(rows)), rows]
    contents = []
    for number, (order, batch) in enumerate(zip(orders, (50, 1, 10, 200), strict=True)):
        with Store.open(tmp_path / f"{number}.db") as store:
            store.write_senders([SENDER])
            store.write_providers(CATALOGUE)
            for begin in range(0, len(order), batch):
                store.write(order[begin : begin + batch])
            if number == 3:  # others were there, went, came again as others
                some = chance.sample(rows, 30)
                store.write([(n, chance.choice(rows)[1]) for n, _ in some])
                store.delete([n for n, _ in some[:15]])
                store.write(some)
            contents.append(content(store))
            assert groups(store)
    for one, other in pairwise(contents):
        assert one == other


def test_groups_are_those_of_comparing_each_with_each(store: Store) -> None:
    """Where each has a key in common with what it is like: what hangs together, and nothing else."""
    rows = dict(enumerate(crowd(1), 1))
    store.write(rows.items())
    wordings = {number: room.wording_of(each) for number, each in rows.items()}
    issue = {number: number for number in rows}
    for one in rows:
        for other in rows:
            if _meet(wordings[one], wordings[other]) and issue[one] != issue[other]:
                old, new = max(issue[one], issue[other]), min(issue[one], issue[other])
                issue = {number: new if each == old else each for number, each in issue.items()}
    expected: dict[int, set[int]] = {}
    for number, each in issue.items():
        expected.setdefault(each, set()).add(number)
    assert groups(store) == {key: each for key, each in expected.items() if len(each) > 1}


def _meet(one: room.Wording | None, other: room.Wording | None) -> bool:
    assert one is not None
    assert other is not None
    step = room.PERIOD
    theirs = dict(other.keys())
    shared = [
        least
        for key, least in one.keys()  # noqa: SIM118  # no mapping
        for near in (key - step, key, key + step)
        if near in theirs
    ]
    return bool(shared) and sketch.agreement(one.sketch, other.sketch) >= min(shared)


def test_what_held_a_group_together_takes_it_apart_when_it_goes(store: Store) -> None:
    """A, like B, like C: without B, A and C are two."""
    middle = text(1)
    first = [*text(2, 20), *middle[20:]]
    last = [*middle[:-20], *text(3, 20)]
    store.write([(1, letter(first)), (2, letter(middle)), (3, letter(last))])
    assert groups(store) == {1: {1, 2, 3}}
    store.delete([2])
    assert groups(store) == {}
    assert store._db.rows("SELECT * FROM issues") == []


def test_the_first_of_an_issue_gives_it_another_id_when_it_goes(store: Store) -> None:
    """The id is the smallest of those that are there."""
    store.write([(n, letter(text(1))) for n in (3, 5, 7)])
    store.delete([3])
    assert groups(store) == {5: {5, 7}}
    store.write([(2, letter(text(1)))])
    assert groups(store) == {2: {2, 5, 7}}
    assert len(store._db.rows("SELECT * FROM issues")) == 1


def test_an_issue_has_the_sender_that_its_first_newsletter_has_now(store: Store) -> None:
    """A changed register changes it, as a rebuild would."""
    store.write([(n, letter(text(1), sender=None)) for n in (1, 2)])
    store.attribute([(1, "example-party", "domain", True)], [SENDER])
    assert store._db.rows("SELECT sender FROM issues") == [("example-party",)]


def test_an_older_store_is_grouped_when_it_is_opened(path: Path) -> None:
    """The migration finds the groups of the rows that are there already."""
    with Store.open(path) as store:
        store.write_senders([SENDER])
        store.write_providers(CATALOGUE)
        platform = replace(PLATFORM, slug="mailchimp")
        store.write((n, replace(each, providers=(platform,))) for n, each in enumerate(crowd(2), 1))
        before = content(store)
        store._db.execute("DROP INDEX newsletters_issue")
        store._db.execute("ALTER TABLE newsletters DROP COLUMN issue")
        store._db.execute("ALTER TABLE newsletters DROP COLUMN sender_unauthenticated")
        for name in ("issues", *room.INTERNAL):
            store._db.execute(f"DROP TABLE {name}")
        store._db.execute("DELETE FROM _sqlite_migrations WHERE name > 'm005'")
        store._db.execute("PRAGMA user_version = 4")
    with Store.open(path) as store:
        assert content(store) == before


@pytest.mark.parametrize("moment", ["1-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_a_mail_of_any_time_can_be_written(store: Store, moment: str) -> None:
    """A server's clock may be wrong by centuries; copies of that moment are still together."""
    store.write((n, letter(text(1), subject="A")) for n in (1, 2))
    store.write((n, replace(letter(text(1)), received_at=moment)) for n in (3, 4))
    assert groups(store) == {1: {1, 2}, 3: {3, 4}}
