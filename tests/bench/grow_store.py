"""Grow a store of any number of newsletters out of our own samples, through the real writer.

    python tests/bench/grow_store.py STORE [N]

N (default 300,000) newsletters of four years: the samples' records, with sentences, subjects, senders, links
and times mixed anew by a generator that always starts with the same seed, so that the same N gives the same
rows on every machine. `RARE` is a word of one newsletter in ten thousand, `COMMON` of one in five.
"""

from __future__ import annotations

import random
import re
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from watcher.demo import READER, samples
from watcher.pipeline import Context, derive
from watcher.provider import catalogue
from watcher.record import Author, Kind, Record, Sender, SenderMatch
from watcher.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RARE = "quillwort"
COMMON = "harvest"
DEFAULT = 300_000

_SEED = 20_261_119
_BEGIN = datetime(2022, 12, 1, tzinfo=UTC)
_DAYS = 4 * 365
_BATCH = 500
_SENDERS = 900
_COUNTRIES = ("Exampleland", "Beispielland", "Utopia", "Samplonia")
_PARTIES = ("Independent", "Willow Creek Party", "Orchard Union", "Harbour Alliance", "Night Owls", "")
_OFFICES = ("Parliament", "County Council", "City Council", "Governor", "Mayor", "")
_INBOXES = ("politics", "nature", "culture", "science", "trade", "news", "local", "abroad")
# When newsletters come: early in the day, rarely on Sunday.
_HOURS = (1, 1, 1, 1, 2, 6, 14, 20, 22, 18, 14, 11, 9, 8, 8, 8, 9, 9, 7, 5, 3, 2, 1, 1)
_WEEKDAYS = (10, 13, 13, 13, 11, 6, 3)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Somebody who writes: a sender of the register or a stranger, always through the same platform."""

    registered: Sender | None
    author: Author
    model: Record  # the sample whose form the newsletters have
    inbox: str


def grow(path: Path, number: int = DEFAULT) -> None:
    """Write `number` newsletters into a new store at `path`."""
    chance = random.Random(_SEED)
    sentences, writers = _cast(chance)
    weights = [1 / (rank + 6) for rank in range(_SENDERS)]
    with Store.open(path) as store:
        store.write_senders(each.registered for each in writers if each.registered)
        store.write_providers(catalogue())
        for begin in range(0, number, _BATCH):
            numbers = range(begin, min(begin + _BATCH, number))
            chosen = chance.choices(writers, weights, k=len(numbers))
            store.write(
                (each + 1, newsletter(chance, writer, sentences, each, number))
                for each, writer in zip(numbers, chosen, strict=True)
            )
        store.keep_house()


def arrivals(path: Path, grown: int) -> Iterator[int]:
    """Write one newsletter more, as a daemon would, before each number that is given, without end."""
    chance = random.Random(_SEED)
    sentences, writers = _cast(chance)
    with Store.open(path) as store:
        for number in count(grown):
            store.write([(number + 1, newsletter(chance, chance.choice(writers), sentences, number, grown))])
            yield number


def _cast(chance: random.Random) -> tuple[list[str], list[_Writer]]:
    """Return what is written, and who writes."""
    models = _models()
    return _sentences(models), [_writer(chance, models, each) for each in range(_SENDERS)]


def newsletter(
    chance: random.Random, writer: _Writer, sentences: Sequence[str], each: int, number: int
) -> Record:
    """Return the record of one newsletter; the later its place among `number`, the later it arrived."""
    paragraphs = [" ".join(chance.sample(sentences, 4)) for _ in range(chance.randint(4, 8))]
    if chance.random() < 0.2:
        paragraphs[0] += f" This year's {COMMON} was good."
    if each % 10_000 == 4_321:
        paragraphs[-1] += f" Nobody had expected the {RARE}."
    text = "\n\n".join(paragraphs)
    html = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    received = _moment(chance, each / number).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = text.count(" ")
    return replace(
        writer.model,
        inbox=writer.inbox,
        received_at=received,
        sent_at=received,
        kind=Kind.NEWSLETTER if chance.random() < 0.96 else Kind.TRANSACTIONAL,
        subject=chance.choice(sentences)[:70].strip(" .,:"),
        author=writer.author,
        sender=SenderMatch(writer.registered.slug, "list_id: made.example.org")
        if writer.registered
        else None,
        text=text,
        html=html,
        plain="",
        excerpt=text[:220],
        words=words,
        reading_minutes=1 + words // 230,
        links=tuple(
            replace(link, host=writer.author.domain if link.role == "content" and link.url else link.host)
            for link in writer.model.links
        ),
    )


def _moment(chance: random.Random, share: float) -> datetime:
    """Return a time near this share of the whole period, on a likely weekday and at a likely hour."""
    day = _BEGIN + timedelta(days=int(share * _DAYS))
    monday = day - timedelta(days=day.weekday())
    (weekday,) = chance.choices(range(7), _WEEKDAYS)
    (hour,) = chance.choices(range(24), _HOURS)
    return monday + timedelta(days=weekday, hours=hour, seconds=chance.randrange(3600))


def _models() -> list[Record]:
    context = Context("demo", _BEGIN, addresses=frozenset({READER}))
    return [derive(raw, context) for raw in samples()]


def _sentences(models: Sequence[Record]) -> list[str]:
    found: Iterator[str] = (
        sentence.strip()
        for model in models
        for line in model.text.split("\n")
        for sentence in re.split(r"(?<=[.!?])\s", line)
    )
    return sorted({each for each in found if 30 < len(each) < 160 and not re.search(r"[\[\]()*_|<>]", each)})


def _writer(chance: random.Random, models: Sequence[Record], number: int) -> _Writer:
    name = f"Society no. {number}"
    domain = f"society-{number}.example.org"
    sender = None
    if number % 5:  # every fifth is a stranger
        sender = Sender(
            slug=f"society-{number}",
            name=name,
            kind="association",
            party=chance.choice(_PARTIES),
            country=chance.choice(_COUNTRIES),
            locality=f"District {number % 40}",
            office=chance.choice(_OFFICES),
        )
    return _Writer(
        sender, Author(name, f"news@{domain}", domain), chance.choice(models), chance.choice(_INBOXES)
    )


def main() -> None:
    """Grow the store that the command line names."""
    path = Path(sys.argv[1])
    number = int(sys.argv[2]) if len(sys.argv) > 2 else DEFAULT
    if path.exists():
        sys.exit(f"{path}: there is something already; name a new file")
    began = time.perf_counter()
    grow(path, number)
    seconds = time.perf_counter() - began
    size = path.stat().st_size
    print(f"{number:,} newsletters, {size / 1e9:.2f} GB, {seconds:.0f} s ({number / seconds:,.0f} a second)")


if __name__ == "__main__":
    main()
