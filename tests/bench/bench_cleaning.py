"""How fast a newsletter is cleaned: ours beside other converters, in one run, on one core, on the same HTML.

    python tests/bench/bench_cleaning.py [FOLDER] [--rounds N]

FOLDER holds `*.html` files; default: the labelled newsletters beside the project, else our own samples. Ours
is the whole of it: text *and* safe HTML, boilerplate cut, every link judged. The others give one text. Each
round runs every tool once over all documents, in turn; printed are the medians, and the ratio to trafilatura.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.cleaning import COMPILED, Identity, Policy, clean
from watcher.message import parse

if TYPE_CHECKING:
    from collections.abc import Callable

LABELLED = Path(__file__).resolve().parents[3] / "shared" / "gold"
READER = Identity.of(["reader@example.org"])


def ours(html: str) -> object:
    return clean(html, "", READER, Policy.UNWRAP)


def tools() -> dict[str, Callable[[str], object]]:
    """The tools that are installed, by name; ours first."""
    found: dict[str, Callable[[str], object]] = {"watcher, text and safe HTML": ours}
    for name, module, function in (
        ("trafilatura.extract", "trafilatura", "extract"),
        ("html_to_markdown.convert", "html_to_markdown", "convert"),
        ("inscriptis.get_text", "inscriptis", "get_text"),
        ("html2text.html2text", "html2text", "html2text"),
    ):
        try:
            found[name] = getattr(importlib.import_module(module), function)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


def documents(folder: Path) -> list[str]:
    """The HTML to clean."""
    found = [path.read_text(errors="replace") for path in sorted(folder.rglob("*.html"))]
    if not found:
        samples = files("watcher.demo").joinpath("samples")
        mails = [each.read_bytes() for each in samples.iterdir() if each.name.endswith(".eml")]
        found = [html for mail in mails if (html := parse(mail).html)]
    return found


def seconds(tool: Callable[[str], object], sources: list[str]) -> float:
    start = time.process_time()
    for source in sources:
        tool(source)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=LABELLED)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    sources = documents(options.folder)
    if not sources:
        sys.exit(f"{options.folder}: no .html files")
    compared = tools()
    print(
        f"{len(sources)} documents, {sum(map(len, sources)) // len(sources):,} characters on average, "
        f"{options.rounds} rounds, {'compiled' if COMPILED else 'not compiled'}"
    )
    for tool in compared.values():
        tool(sources[0])  # what is loaded with the first document is not counted
    taken: dict[str, list[float]] = {name: [] for name in compared}
    for _ in range(options.rounds):
        for name, tool in compared.items():
            taken[name].append(seconds(tool, sources))
    medians = {name: statistics.median(runs) for name, runs in taken.items()}
    one = medians.get("trafilatura.extract", medians["watcher, text and safe HTML"])
    for name, median in medians.items():
        print(f"{name:30} {len(sources) / median:8.0f} documents/s  {one / median:6.1f}")


if __name__ == "__main__":
    main()
