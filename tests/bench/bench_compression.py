"""How small the vault keeps mail: without its dictionary, and with it.

    python tests/bench/bench_compression.py [FOLDER]

The vault trains a dictionary on its own mail, once there are a thousand, and packs new mail with it. Here it
is trained on every second file of FOLDER (.eml; default: the corpus beside the project, or made mails where
there is none), and the others are packed with it: mail that it has not seen. Exit code 1 below the goal.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))

from bench_floors import make
from bench_import import CORPUS
from measuring import machine, verdict

from watcher.vault import Arrival, Vault

GOAL = 2.4
_AT = datetime(2026, 3, 1, tzinfo=UTC)


def _store(vault: Vault, raws: list[bytes], folder: str) -> tuple[int, int]:
    """Return the bytes of the new mails, and those that the vault keeps for them."""
    arrivals = [Arrival(number, raw, _AT, len(raw)) for number, raw in enumerate(raws, 1)]
    new = vault.store(vault.mailbox("bench", folder).id, arrivals, uidvalidity=1, last_uid=0).new
    size, kept = vault._db.rows(
        "SELECT sum(size), sum(length(raw)) FROM messages WHERE id BETWEEN ? AND ?", (new[0], new[-1])
    )[0]
    return int(size), int(kept)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = arguments.folder
        if not folder.is_dir():
            folder = make(Path(passing) / "made", 2_000)
        raws = [file.read_bytes() for file in sorted(folder.rglob("*.eml"))]
        raws = list(dict.fromkeys(raws))
        print(f"{len(raws)} mails, {sum(map(len, raws)) / 1e6:.1f} MB; {machine()}")
        with Vault.open(Path(passing) / "plain.db") as vault:
            plain = _store(vault, raws[1::2], "others")
        with Vault.open(Path(passing) / "learned.db") as vault:
            _store(vault, raws[::2], "seen")
            if vault.train_dictionary(least=1) is None:
                sys.exit("these are too few mails for a dictionary")
            learned = _store(vault, raws[1::2], "others")
    print(f"without a dictionary: {plain[0] / plain[1]:.2f} times smaller")
    ratio = learned[0] / learned[1]
    sys.exit(verdict(f"with the dictionary: {ratio:.2f} times smaller", ratio >= GOAL, f"at least {GOAL}"))


if __name__ == "__main__":
    main()
