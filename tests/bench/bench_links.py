"""How fast a URL is judged: ours beside ural and courlan, in one run, on one core, on the same URLs.

`python tests/bench/bench_links.py [CORPUS] [--rounds N]` reads every http(s) URL in `href`, `src` and plain
text of the mails below CORPUS (default: `../shared/corpus`) and times, round by round in turn:

- `clean_url` whole: classify, unwrap, strip, and the identity gate for the recipients of each mail;
- `ural.normalize_url`, which strips and canonicalises, and `courlan.clean_url`, which scrubs and normalises.

Neither of the two looks for the reader or opens senders' tokens. Printed are the median of the rounds, in
microseconds a URL, and the ratio to ours (above 1: ours is faster).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import courlan
import ural

sys.path.append(str(Path(__file__).resolve().parents[2]))  # behind the installed package: that is timed

from tests.support.mail_urls import corpus_urls
from watcher.cleaning import COMPILED
from watcher.cleaning.identity import Identity
from watcher.cleaning.links import clean_url, report
from watcher.cleaning.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable


def _seconds(judge: Callable[[str, Identity], object], cases: list[tuple[str, Identity]]) -> float:
    start = time.perf_counter()
    for url, reader in cases:
        with suppress(ValueError):  # ural and courlan raise on brackets and bad ports
            judge(url, reader)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    beside = Path(__file__).resolve().parents[3] / "shared" / "corpus"
    parser.add_argument("corpus", nargs="?", type=Path, default=beside)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cases = [
        (url, Identity.of(recipients))
        for url, recipients in corpus_urls(options.corpus)
        if url[:4].lower() == "http"
    ]
    contenders: dict[str, Callable[[str, Identity], object]] = {
        "watcher.cleaning.links.clean_url": clean_url,
        "  the same without an identity": lambda url, _: clean_url(url),
        "  the same under `keep`": lambda url, reader: clean_url(url, reader, Policy.KEEP),
        "ural.normalize_url": lambda url, _: ural.normalize_url(url),
        "courlan.clean_url": lambda url, _: courlan.clean_url(url),
        "courlan.normalize_url": lambda url, _: courlan.normalize_url(url),
    }
    rounds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, judge in contenders.items():
            rounds[name].append(_seconds(judge, cases) / len(cases) * 1e6)
    medians = {name: statistics.median(times) for name, times in rounds.items()}
    ours = medians["watcher.cleaning.links.clean_url"]
    build = "compiled" if COMPILED else "not compiled"
    print(f"{len(cases)} URLs, {len({url for url, _ in cases})} distinct, {options.rounds} rounds, {build}")
    for name, median in medians.items():
        print(f"{name:36} {median:8.1f} us/URL  {median / ours:5.2f}")
    outcome = report(clean_url(url, reader) for url, reader in cases)
    print("actions:", dict(outcome.actions))
    print("roles:  ", dict(outcome.roles))


if __name__ == "__main__":
    main()
