"""Lists of UIDs cut into what one command may carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PER_COMMAND = 1_000
"""UIDs in one command: servers refuse longer lists."""

LINE = 7_000
"""Characters of a UID set: RFC 7162, section 4, wants command lines below 8,192 octets."""

BATCH_MESSAGES = 50
"""Bodies in one FETCH: faster than one at a time, and a broken connection costs few of them."""

BATCH_BYTES = 8_000_000
"""Announced bytes in one FETCH; a larger message goes alone. They are all in memory at once."""


def uid_set(uids: Iterable[int]) -> str:
    """Write UIDs as an IMAP sequence set, neighbours as a range: 3, 4, 5, 9 is `3:5,9` (RFC 9051, section 9).

    A range covers only UIDs that were given, so the answer never has more rows than were asked for.
    """
    runs: list[list[int]] = []
    for uid in sorted(set(uids)):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(f"{first}" if first == last else f"{first}:{last}" for first, last in runs)


def chunks(uids: Sequence[int]) -> Iterator[list[int]]:
    """Cut UIDs into ascending lists, each short enough for one command."""
    chunk: list[int] = []
    length = 0
    for uid in sorted(set(uids)):
        width = len(str(uid)) + 1
        if chunk and (len(chunk) == PER_COMMAND or length + width > LINE):
            yield chunk
            chunk, length = [], 0
        chunk.append(uid)
        length += width
    if chunk:
        yield chunk


def batches(
    uids: Iterable[int], sizes: Mapping[int, int], messages: int = BATCH_MESSAGES
) -> Iterator[list[int]]:
    """Cut UIDs into ascending lists of at most `messages` and `BATCH_BYTES`, by announced sizes."""
    batch: list[int] = []
    total = 0
    for uid in sorted(set(uids)):
        size = sizes.get(uid, 0)
        if batch and (len(batch) >= messages or total + size > BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(uid)
        total += size
    if batch:
        yield batch
