"""`python -m tests.fuzz TARGET SECONDS FOLDER`: look for bytes that break a promise, for so long.

With atheris (extra `fuzz`) the search is guided by coverage; without it, inputs are seeds that were cut,
joined and altered by chance, which finds far less, and that is said. FOLDER keeps what was found worth
keeping, for the next time; an input that breaks something is written to FOLDER/broken, and the exit code is
not 0.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

_SLOW = 10
"""Seconds that one input may take: a worker's deadline."""

_LONGEST = 65_536
_MEMORY = 1_500  # MB, with the instrumentation


def main(name: str, seconds: int, folder: Path) -> int:
    """Fuzz one target; returns the exit code where the fuzzer leaves that to us."""
    corpus, broken = folder / name, folder / "broken"
    corpus.mkdir(parents=True, exist_ok=True)
    broken.mkdir(exist_ok=True)
    try:
        import atheris
    except ImportError:
        print("atheris is not installed (extra `fuzz`): inputs by chance, without coverage", flush=True)
        return _by_chance(name, seconds, corpus, broken)
    with atheris.instrument_imports(include=["watcher", "mailparser", "email", "html"]):
        from tests.fuzz.targets import TARGETS, seeds
    _write(corpus, seeds(name))
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST}",
        f"-timeout={_SLOW}",
        f"-rss_limit_mb={_MEMORY}",
        f"-artifact_prefix={broken}/{name}-",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name])
    atheris.Fuzz()  # ends the process
    return 1


def _write(corpus: Path, inputs: object) -> None:
    for data in inputs:  # type: ignore[attr-defined]
        path = corpus / hashlib.sha256(data).hexdigest()[:16]
        if not path.exists():
            path.write_bytes(data)


def _by_chance(name: str, seconds: int, corpus: Path, broken: Path) -> int:
    from tests.fuzz.targets import TARGETS, seeds

    _write(corpus, seeds(name))
    pieces = [path.read_bytes() for path in sorted(corpus.iterdir())]
    chance = random.Random()
    until, tried = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        data = _altered(pieces, chance)
        tried += 1
        began = time.monotonic()
        try:
            TARGETS[name](data)
        except Exception:  # noqa: BLE001 - whatever breaks is what we look for
            traceback.print_exc()
        else:
            if time.monotonic() - began < _SLOW:
                continue
        path = broken / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
        path.write_bytes(data)
        print(f"{path}: breaks a promise, or takes too long")
        return 1
    print(f"{name}: {tried} inputs in {seconds} s, none breaks a promise")
    return 0


def _altered(pieces: list[bytes], chance: random.Random) -> bytes:
    first, second = chance.choice(pieces), chance.choice(pieces)
    data = bytearray(first[: chance.randrange(len(first) + 1)] + second[chance.randrange(len(second) + 1) :])
    for _ in range(chance.randrange(8)):
        at = chance.randrange(len(data) + 1)
        data[at : at + chance.randrange(4)] = chance.choice(
            (b"\0", b"=", b'"', b"<", b"\r\n", b"%", b"\xff", b"?=")
        )
    return bytes(data[:_LONGEST])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
