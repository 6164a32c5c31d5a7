"""Answers that servers give although they should not, from a scripted one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.mailbox.conftest import account_at
from watcher.mailbox import (
    ConnectionLost,
    Fetched,
    MessageUnavailable,
    Session,
    TemporarilyRefused,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.fake_imap import Exchange, FakeImap

RAW = b"Message-ID: <a@example.org>\r\nSubject: a\r\n\r\nhello\r\n"
MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def session(fake: FakeImap) -> Iterator[Session]:
    """Open a session on the scripted server, which holds the messages 1, 2 and 3; INBOX is examined."""
    for uid in (1, 2, 3):
        fake.add(uid, RAW)
    with Session.open(account_at(fake.port), clock=lambda: NOW) as opened:
        opened.examine("INBOX")
        yield opened


def outcome(session: Session, uid: int) -> Fetched | MessageUnavailable:
    [[item]] = session.fetch([uid], {uid: len(RAW)})
    return item


def test_the_scripted_server_is_read_like_a_real_one(session: Session, fake: FakeImap) -> None:
    """Bytes, times and sizes arrive, and only reading commands that leave no trace were used."""
    sizes = session.sizes([1, 2, 3])
    assert sizes == dict.fromkeys((1, 2, 3), len(RAW))
    assert list(session.fetch([1, 2, 3], sizes)) == [
        [Fetched(uid, RAW, MOMENT, len(RAW)) for uid in (1, 2, 3)]
    ]
    assert session.message_ids([2]) == {2: "<a@example.org>"}
    assert fake.count("EXAMINE") == 1
    assert fake.count("SELECT") == 0
    assert fake.count("UID FETCH 1:3 (UID INTERNALDATE BODY.PEEK[])") == 1


BODIES_THAT_ARE_NONE: dict[str, Callable[[Exchange], None]] = {
    "OK without a row": lambda exchange: None,
    "a body of NIL": lambda exchange: exchange.untagged("1 FETCH (UID 1 BODY[] NIL)"),
    "an empty body": lambda exchange: exchange.untagged('1 FETCH (UID 1 BODY[] "")'),
    "an empty literal": lambda exchange: exchange.literal("1 FETCH (UID 1 BODY[]", b""),
    "flags alone": lambda exchange: exchange.untagged("1 FETCH (UID 1 FLAGS ())"),
    "a number": lambda exchange: exchange.untagged("1 FETCH (UID 1 BODY[] 17)"),
    "a row that names no UID": lambda exchange: exchange.literal("1 FETCH (BODY[]", RAW),
    "another message's row": lambda exchange: exchange.literal("2 FETCH (UID 2 BODY[]", RAW),
    "less than half of it": lambda exchange: exchange.literal("1 FETCH (UID 1 BODY[]", RAW[:20]),
}


@pytest.mark.parametrize("answer", BODIES_THAT_ARE_NONE.values(), ids=BODIES_THAT_ARE_NONE)
def test_a_message_counts_only_with_its_bytes(
    session: Session, fake: FakeImap, answer: Callable[[Exchange], None]
) -> None:
    """An OK without the body is a failure of this one message, and the session goes on."""

    def reply(exchange: Exchange) -> None:
        answer(exchange)
        exchange.ok()

    fake.on("UID FETCH", reply)
    if answer is not BODIES_THAT_ARE_NONE["less than half of it"]:
        [[unsized]] = session.fetch([1], {1: 0})
        assert isinstance(unsized, MessageUnavailable)
    item = outcome(session, 1)
    assert isinstance(item, MessageUnavailable)
    assert item.uid == 1
    assert "message 1 of INBOX could not be read" in str(item)
    fake.on("UID FETCH", fake.answer)
    assert isinstance(outcome(session, 1), Fetched)


def test_an_empty_answer_for_a_vanished_message_is_no_failure(session: Session, fake: FakeImap) -> None:
    """When the message is gone as well, nothing is owed."""

    def vanish(exchange: Exchange) -> None:
        fake.messages.pop(2, None)
        fake.answer(exchange)

    fake.on("UID FETCH", vanish)
    [batch] = session.fetch([1, 2, 3], dict.fromkeys((1, 2, 3), len(RAW)))
    assert [(type(item), item.uid) for item in batch] == [(Fetched, 1), (Fetched, 3)]


def test_other_rows_in_an_answer_are_ignored(session: Session, fake: FakeImap) -> None:
    """News about other messages, and lines that nobody asked for, may come at any time."""

    def reply(exchange: Exchange) -> None:
        exchange.untagged("4 EXISTS")
        exchange.untagged("OK still here")
        exchange.literal("3 FETCH (UID 3 BODY[]", b"of another message")
        exchange.untagged(r"1 FETCH (FLAGS (\Seen))")
        exchange.send(fake.row(1, exchange.arguments))
        exchange.untagged("2 EXPUNGE")
        exchange.ok()

    fake.on("UID FETCH", reply)
    assert outcome(session, 1) == Fetched(1, RAW, MOMENT, len(RAW))


@pytest.mark.parametrize("announced", [len(RAW) - 5, len(RAW) + 5, 1, 2 * len(RAW)])
def test_a_size_that_was_a_guess_is_accepted(session: Session, fake: FakeImap, announced: int) -> None:
    """Exchange estimates RFC822.SIZE: the literal's own length counts, and both are told."""
    fake.messages[1].size = announced
    [[item]] = session.fetch([1], session.sizes([1]))
    assert isinstance(item, Fetched)
    assert (item.raw, item.size) == (RAW, announced)


def test_a_message_without_a_size_is_read(session: Session, fake: FakeImap) -> None:
    """A message that exists is never dropped because its size is not told."""
    fake.on("UID FETCH", lambda exchange: exchange.ok())
    sizes = session.sizes([1, 9])
    assert sizes == {1: 0}
    fake.on("UID FETCH", fake.answer)
    assert list(session.fetch([1], sizes)) == [[Fetched(1, RAW, MOMENT, len(RAW))]]


def test_messages_without_a_size_are_fetched_one_by_one(session: Session, fake: FakeImap) -> None:
    """Without sizes a batch could be of any weight, and so could the time to wait for it."""
    got = list(session.fetch([1, 2, 3], {}))
    assert [len(batch) for batch in got] == [1, 1, 1]
    assert fake.count("UID FETCH") == 3


@pytest.mark.parametrize("date", ["31-Feb-2026 25:61:00 +0000", "31-Dec-9999 23:00:00 -1400", "", "soon"])
def test_an_impossible_date_does_not_stop_a_mail(session: Session, fake: FakeImap, date: str) -> None:
    """The time of its arrival here stands in for an INTERNALDATE that cannot be."""
    fake.messages[1].internal_date = date
    assert outcome(session, 1) == Fetched(1, RAW, NOW, len(RAW))
    assert session.fingerprints([1, 2]).keys() == {2}


@pytest.mark.parametrize("reply", ["[SERVERBUG] Internal error", "Message is unavailable", "bad index"])
def test_a_refused_message_does_not_take_its_neighbours_along(
    session: Session, fake: FakeImap, reply: str
) -> None:
    """A NO to a batch is narrowed down to the message that is to blame."""

    def answer(exchange: Exchange) -> None:
        if 2 in exchange.uids:
            exchange.no(reply)
        else:
            fake.answer(exchange)

    fake.on("UID FETCH", answer)
    [batch] = session.fetch([1, 2, 3], dict.fromkeys((1, 2, 3), len(RAW)))
    assert [type(item) for item in batch] == [Fetched, MessageUnavailable, Fetched]
    assert isinstance(batch[1], MessageUnavailable)
    assert batch[1].reason == f"the server refused it: {reply}"


def test_rows_of_a_refused_fetch_are_forgotten(session: Session, fake: FakeImap) -> None:
    """What came before a NO does not count for the next command."""

    def refuse(exchange: Exchange) -> None:
        exchange.send(fake.row(1, exchange.arguments))
        exchange.no("disk error")

    fake.on("UID FETCH", refuse)
    assert isinstance(outcome(session, 1), MessageUnavailable)
    fake.on("UID FETCH", lambda exchange: exchange.ok())
    assert isinstance(outcome(session, 1), MessageUnavailable)


def test_a_server_out_of_order_blames_no_message(session: Session, fake: FakeImap) -> None:
    """A NO that says "not now" is no failure of the messages that were asked for."""
    fake.on("UID FETCH", lambda exchange: exchange.no("[UNAVAILABLE] storage is down"))
    with pytest.raises(TemporarilyRefused, match=r"storage is down"):
        list(session.fetch([1, 2, 3], dict.fromkeys((1, 2, 3), len(RAW))))
    assert fake.count("UID FETCH") == 1


SEARCH_ANSWERS: dict[str, tuple[bytes, list[int]]] = {
    "in two lines": (b"* SEARCH 1 2\r\n* SEARCH 3\r\n", [1, 2, 3]),
    "no line at all": (b"", []),
    "an empty line": (b"* SEARCH\r\n", []),
    "a trailing space": (b"* SEARCH 2 3 \r\n", [2, 3]),
    "with MODSEQ": (b"* SEARCH 2 3 (MODSEQ 917162500)\r\n", [2, 3]),
    "disordered and doubled": (b"* SEARCH 3 1 3\r\n", [1, 3]),
}


@pytest.mark.parametrize(("answer", "uids"), SEARCH_ANSWERS.values(), ids=SEARCH_ANSWERS)
def test_search_answers_in_every_shape(
    session: Session, fake: FakeImap, answer: bytes, uids: list[int]
) -> None:
    """All shapes that servers give the answer to SEARCH say the same."""

    def reply(exchange: Exchange) -> None:
        exchange.send(answer)
        exchange.ok()

    fake.on("UID SEARCH", reply)
    assert session.new_uids(0, 0) == uids


def test_responses_may_come_in_pieces(session: Session, fake: FakeImap) -> None:
    """A response that is split anywhere over the network is put together."""

    def reply(exchange: Exchange) -> None:
        for byte in fake.row(1, exchange.arguments):
            exchange.send(bytes([byte]))
        exchange.ok()

    fake.on("UID FETCH", reply)
    assert outcome(session, 1) == Fetched(1, RAW, MOMENT, len(RAW))


def test_what_a_folder_does_not_tell_is_zero(fake: FakeImap) -> None:
    """Yahoo leaves out UIDVALIDITY: 0 says that it is unknown."""
    fake.uidvalidity = None
    with Session.open(account_at(fake.port)) as session:
        assert session.examine("INBOX").uidvalidity == 0


def test_odd_folder_names_do_not_hide_the_others(fake: FakeImap) -> None:
    """Numbers, raw UTF-8 and broken modified UTF-7 are names too; what cannot be selected is left out."""

    def reply(exchange: Exchange) -> None:
        for line in (
            b'* LIST () "/" INBOX',
            b'* LIST () "/" "2024"',
            b'* LIST () "/" "Br\xc3\xbccke"',
            b'* LIST () "/" "R&AOk-sum&AOk-"',
            b'* LIST () "/" "AT&T"',
            b'* LIST (\\NoSelect \\HasChildren) "/" Lists',
            b'* LIST (\\NonExistent) "/" Gone',
            b'* LIST () "/" {5}\r\na b"c',
            b'* LIST () "/" NIL',
        ):
            exchange.send(line + b"\r\n")
        exchange.ok()

    fake.on("LIST", reply)
    with Session.open(account_at(fake.port)) as session:
        names = session.folders()
    assert [name for name in names if name != "AT&T"] == ["INBOX", "2024", "Brücke", "Résumé", 'a b"c']
    assert "AT&T" in names


INTO_THE_NEXT = b")\r\n* 2 FETCH (UID 2"

BROKEN: dict[str, bytes] = {
    "nonsense": b"HTTP/1.1 400 Bad Request\r\n",
    "an unknown tag": b"XYZ99 OK done\r\n",
    "a literal of 40 GB": b"* 1 FETCH (UID 1 BODY[] {40000000000}\r\n",
    "a literal of 1 GB": b"* 1 FETCH (UID 1 BODY[] {999999999}\r\n",
    "a line of 1 MB": b"* OK " + b"x" * 1_000_001 + b"\r\n",
    "a goodbye": b"* BYE Autologout; idle for too long\r\n",
    "endless brackets": b"* 1 FETCH " + b"(" * 100_000 + b"\r\n",
    "an unfinished row": b"* 1 FETCH (UID 1 BODY[]\r\n",
    "a row that is none": b"* 1 FETCH UID\r\n",
    "a UID that is none": b"* 1 FETCH (UID x BODY[] NIL)\r\n",
    "a literal that runs into the next row": b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%b%b BODY[] {%d}\r\n%b)\r\n"
    % (len(RAW + INTO_THE_NEXT), RAW, INTO_THE_NEXT, len(RAW), RAW),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_cannot_be_read_ends_the_connection(
    session: Session, fake: FakeImap, answer: bytes
) -> None:
    """After a parse error nobody knows where the next answer begins: every later use is refused."""

    def reply(exchange: Exchange) -> None:
        exchange.send(answer)
        exchange.ok()

    fake.on("UID FETCH", reply)
    with pytest.raises(ConnectionLost) as caught:
        list(session.fetch([1, 2], dict.fromkeys((1, 2), len(RAW))))
    assert caught.value.uids == (1, 2)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "Bad Request" not in str(caught.value)
    before = len(fake.commands)
    with pytest.raises(ConnectionLost, match="given up earlier"):
        session.sizes([1])
    assert len(fake.commands) == before


def test_a_goodbye_is_repeated_in_the_error(session: Session, fake: FakeImap) -> None:
    """The reason that a server gives with BYE helps to find the cause."""

    def reply(exchange: Exchange) -> None:
        exchange.untagged("BYE \x1b[31mDisconnected for inactivity.")
        exchange.hang_up()

    fake.on("UID SEARCH", reply)
    with pytest.raises(ConnectionLost, match=r"said goodbye: \[31mDisconnected for inactivity; the next try"):
        session.new_uids(0, 0)


def test_a_flood_of_lines_is_cut_off(
    session: Session, fake: FakeImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one command may bring in has a limit, in lines as in literals."""
    monkeypatch.setattr("watcher.mailbox.conversation.ANSWER_BYTES", 10_000)

    def reply(exchange: Exchange) -> None:
        while True:
            exchange.untagged("OK " + "x" * 80)

    fake.on("UID SEARCH", reply)
    with pytest.raises(ConnectionLost, match="far more than was asked for"):
        session.new_uids(0, 0)


def test_bodies_may_bring_in_what_was_announced(
    session: Session, fake: FakeImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of a command grows with the sizes of the messages that it asks for."""
    monkeypatch.setattr("watcher.mailbox.conversation.ANSWER_BYTES", 1000)
    fake.add(9, RAW + b"x" * 50_000)
    [[item]] = session.fetch([9], session.sizes([9]))
    assert isinstance(item, Fetched)


def test_a_literal_beyond_measure_is_not_waited_for(session: Session, fake: FakeImap) -> None:
    """A size in braces that nobody asked for ends the connection before memory is taken for it."""
    fake.on("UID FETCH", lambda exchange: exchange.send(b"* 1 FETCH (UID 1 BODY[] {999999999}\r\n"))
    with pytest.raises(ConnectionLost, match="far more than was asked for"):
        outcome(session, 1)


def test_a_message_id_may_be_answered_under_another_name(session: Session, fake: FakeImap) -> None:
    """Servers write the item's name in their own way; a body that is not asked for is no header."""

    def reply(exchange: Exchange) -> None:
        header = b"Message-Id: <x@example.org>\r\n (comment)\r\nMESSAGE-ID: <second@example.org>\r\n\r\n"
        exchange.literal('1 FETCH (UID 1 body[header.fields ("Message-ID")]', header)
        exchange.untagged("2 FETCH (UID 2 BODY[HEADER.FIELDS (MESSAGE-ID)] NIL)")
        exchange.ok()

    fake.on("UID FETCH", reply)
    assert session.message_ids([1, 2]) == {1: "<x@example.org> (comment)", 2: ""}


def test_a_huge_folder_takes_a_command_for_each_window(
    fake: FakeImap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the size of the folder nor its gaps are counted through, and old windows are not looked at."""
    monkeypatch.setattr("watcher.mailbox.session.SEARCH_WINDOW", 10)
    for number in range(25):
        fake.add(1 + number * 1_000_000, RAW)
    with Session.open(account_at(fake.port)) as session:
        state = session.examine("INBOX")
        assert session.new_uids(0, state.uidnext) == sorted(fake.messages)
        assert fake.count("UID SEARCH") == 3
        assert session.new_uids(20_000_001, state.uidnext) == [21_000_001, 22_000_001, 23_000_001, 24_000_001]
        assert fake.count("UID SEARCH") == 5
        assert session.new_uids(24_000_000, state.uidnext) == [24_000_001]
        assert fake.count("UID SEARCH") == 6
