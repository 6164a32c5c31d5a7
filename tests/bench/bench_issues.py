"""What grouping near-duplicates costs: 100,000 synthetic newsletters, time for each and growth.

    python tests/bench/bench_issues.py [MAILS]

A tenth of the mailings come to two to five inboxes, half of these in variants; one mailing has 2,000 copies
that all differ. Written with grouping and without, a hundred at a time, so that the difference is its price.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from watcher import sketch
from watcher.record import Author, Kind, Record
from watcher.store import Store, issues

if TYPE_CHECKING:
    from collections.abc import Iterator

VOCABULARY = [f"{a}{b}" for a in ("al", "be", "cor", "du", "est") for b in range(4_000)]
START = datetime(2020, 1, 1, tzinfo=UTC)
BATCH = 100


def text(chance: random.Random, words: int = 350) -> list[str]:
    return chance.choices(VOCABULARY, k=words)


def variant(chance: random.Random, words: list[str]) -> list[str]:
    at = chance.randrange(len(words) - 15)
    return [*words[:at], *chance.choices(VOCABULARY, k=12), *words[at + 12 :]]


def newsletters(count: int) -> Iterator[tuple[int, Record, int]]:
    """Yield (id, record), in the order of arrival, and the true number of the mailing."""
    chance = random.Random(7)
    number = mailing = 0
    flood = text(chance)
    while number < count:
        mailing += 1
        words, domain = text(chance), f"d{chance.randrange(800)}.example.org"
        copies = chance.randint(2, 5) if chance.random() < 0.1 else 1
        several = copies > 1 and chance.random() < 0.5
        for _ in range(copies):
            number += 1
            at = START + timedelta(minutes=5 * number)
            yield number, letter(variant(chance, words) if several else words, at, domain), mailing
        if number % 50 == 0 and number < 100_000:
            number += 1
            yield number, letter(variant(chance, flood), START, "flood.example.org"), 0


def letter(words: list[str], at: datetime, domain: str) -> Record:
    body = " ".join(words)
    spoken = sketch.words(body)
    return Record(
        "politics",
        at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        kind=Kind.NEWSLETTER,
        subject=f"{words[0]} {words[1]}",
        author=Author("News", f"news@{domain}", domain),
        text=body,
        wording=sketch.fingerprint(" ".join(spoken)),
        sketch=sketch.sketch(spoken),
    )


def written(path: Path, count: int) -> list[tuple[int, float]]:
    """Write them all; returns after how many the writer had taken how many seconds."""
    seconds = 0.0
    marks = []
    with Store.open(path) as store:
        batch: list[tuple[int, Record]] = []
        done = 0
        for number, record, _ in newsletters(count):
            batch.append((number, record))
            if len(batch) == BATCH:
                begin = time.process_time()
                store.write(batch)
                seconds += time.process_time() - begin
                done += len(batch)
                batch.clear()
                if done % (count // 10) < BATCH:
                    marks.append((done, seconds))
    return marks


def quality(path: Path, count: int) -> str:
    truth = {number: mailing for number, _, mailing in newsletters(count)}
    with Store.look(path) as store:
        found = dict(store._db.rows("SELECT id, coalesce(issue, -id) FROM newsletters"))
        size = sum(
            store._db.one("SELECT sum(pgsize) FROM dbstat WHERE name LIKE ?", (f"{name}%",)) or 0
            for name in ("issue_", "issues")
        )
    mailings: dict[int, set[int]] = {}
    for number, issue in found.items():
        mailings.setdefault(truth[number], set()).add(issue)
    whole = sum(1 for each in mailings.values() if len(each) == 1)
    issues_: dict[int, set[int]] = {}
    for number, issue in found.items():
        issues_.setdefault(issue, set()).add(truth[number])
    mixed = sum(1 for each in issues_.values() if len(each) > 1)
    return (
        f"{len(mailings)} mailings: {len(mailings) - whole} found in parts, {mixed} issues hold several; "
        f"{size / len(found):.0f} bytes for each newsletter"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    chance = random.Random(1)
    words = text(chance)
    begin = time.process_time()
    for _ in range(300):
        spoken = sketch.words(" ".join(words))
        sketch.sketch(spoken)
    print(f"a sketch of {len(words)} words: {(time.process_time() - begin) / 300 * 1e6:.0f} us")
    with tempfile.TemporaryDirectory() as folder:
        grouped = written(Path(folder) / "grouped.db", count)
        with mock.patch.object(issues, "regroup"):
            plain = written(Path(folder) / "plain.db", count)
        print("newsletters  us each, grouping alone")
        before = (0, 0.0)
        for (done, with_groups), (_, without) in zip(grouped, plain, strict=False):
            price = with_groups - without
            print(f"{done:>11}  {(price - before[1]) / (done - before[0]) * 1e6:.0f}")
            before = (done, price)
        print(f"all writing: {grouped[-1][1] / grouped[-1][0] * 1e6:.0f} us each")
        print(quality(Path(folder) / "grouped.db", count))


if __name__ == "__main__":
    main()
