"""Lists of UIDs on their way into commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.mailbox.uids import BATCH_BYTES, LINE, PER_COMMAND, batches, chunks, uid_set

UIDS = st.lists(st.integers(1, 4_294_967_295), max_size=200)


@pytest.mark.parametrize(
    ("uids", "written"),
    [([], ""), ([7], "7"), ([3, 4, 5, 9], "3:5,9"), ([9, 3, 5, 4, 3], "3:5,9"), ([1, 3, 5], "1,3,5")],
)
def test_neighbours_are_written_as_a_range(uids: list[int], written: str) -> None:
    """The set is the shortest that names these UIDs and no others."""
    assert uid_set(uids) == written


@given(UIDS)
def test_a_set_names_exactly_the_uids_given(uids: list[int]) -> None:
    """For any UIDs, reading the set back gives them."""
    named: set[int] = set()
    for part in filter(None, uid_set(uids).split(",")):
        first, _, last = part.partition(":")
        named.update(range(int(first), int(last or first) + 1))
    assert named == set(uids)


@given(st.integers(1, 4_294_000_000), st.integers(1, 3_000), st.integers(1, 9))
def test_no_command_is_longer_than_servers_accept(first: int, count: int, step: int) -> None:
    """Chunks hold each UID once, ascending, and stay within number and length."""
    uids = list(range(first, first + count * step, step))
    cut = list(chunks(uids))
    assert [uid for chunk in cut for uid in chunk] == uids
    assert all(len(chunk) <= PER_COMMAND and len(uid_set(chunk)) <= LINE for chunk in cut)


SIZES = st.dictionaries(st.integers(1, 10_000), st.integers(0, 2 * BATCH_BYTES), max_size=60)


@given(SIZES, st.integers(1, 20))
def test_batches_hold_as_much_as_they_may(sizes: dict[int, int], messages: int) -> None:
    """No batch is over a limit unless it is a single message, and none has room for the next one."""
    cut = list(batches(sizes, sizes, messages))
    assert [uid for batch in cut for uid in batch] == sorted(sizes)
    totals = [sum(sizes[uid] for uid in batch) for batch in cut]
    for batch, total in zip(cut, totals, strict=True):
        assert len(batch) <= messages
        assert total <= BATCH_BYTES or len(batch) == 1
    for batch, total, following in zip(cut, totals, cut[1:], strict=False):
        assert len(batch) == messages or total + sizes[following[0]] > BATCH_BYTES
