"""Numbers for Prometheus: the format, what is counted, the file, and the loopback server."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import Clock
from watcher.service.listening import Listener, Seen, good_until
from watcher.service.metrics import Kind, Metric, Tally, exposition, state_metrics, write_textfile
from watcher.service.polling import Polled
from watcher.service.status import BackupReport, DatabaseFile, FolderReport, Report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

# The grammar of the text format, line by line.
_SAMPLE = re.compile(
    r'(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\\n]|\\[\\n"])*"(,(?!\})|(?=\})))+\})? '
    r"(?P<value>-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?)"
)


def samples(text: str) -> dict[str, float]:
    """Every value of a text by its name and labels; fails on a line that Prometheus would refuse."""
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in kinds, f"{name} is in two places"
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds
            kinds[name] = kind
        else:
            matched = _SAMPLE.fullmatch(line)
            assert matched, line
            assert matched["name"] == name, "samples follow their own TYPE"
            assert name.endswith("_total") == (kinds[name] == "counter"), name
            key = line.rpartition(" ")[0]
            assert key not in found
            found[key] = float(matched["value"])
    return found


def folder(inbox: str = "politics", name: str = "INBOX", **changes: object) -> FolderReport:
    well = FolderReport(inbox, name, "2026-11-23T11:58:00+00:00", "")
    return replace(well, **changes)  # type: ignore[arg-type]


REPORT = Report(
    folders=(folder(), folder(name="News", problem="no such folder", last_success="", failures=2, owed=3)),
    messages=12,
    pending=1,
    failed=2,
    skipped=3,
    databases=(DatabaseFile("vault", 8192, 100),),
    backup=BackupReport("/copies", 1, "2026-11-23T03:30:00Z", ""),
    newest_mail="2026-11-23T11:57:00Z",
    started_at="2026-11-01T00:00:00Z",
)


def test_a_label_may_hold_anything() -> None:
    """Backslash, quote and line end are escaped; the order of escaping does not double them."""
    metric = Metric("watcher_x", Kind.GAUGE, "A text.", (((("inbox", 'a\\n"b\nc'),), 1.5),))
    assert exposition([metric]) == (
        '# HELP watcher_x A text.\n# TYPE watcher_x gauge\nwatcher_x{inbox="a\\\\n\\"b\\nc"} 1.5\n'
    )
    assert samples(exposition([metric]))


def test_a_report_as_numbers() -> None:
    """Of an inbox with several folders the one that does worst counts."""
    found = samples(exposition(state_metrics(REPORT, quiet=4, confirmations=5)))
    assert found['watcher_inbox_well{inbox="politics"}'] == 0
    assert found['watcher_inbox_last_success_seconds{inbox="politics"}'] == 0
    assert found['watcher_inbox_failures{inbox="politics"}'] == 2
    assert found['watcher_inbox_owed{inbox="politics"}'] == 3
    assert found["watcher_mails_pending"] == 1
    assert found["watcher_senders_quiet"] == 4
    assert found["watcher_confirmations_waiting"] == 5
    assert found['watcher_database_wal_bytes{database="vault"}'] == 100
    assert found["watcher_backup_last_seconds"] == datetime(2026, 11, 23, 3, 30, tzinfo=UTC).timestamp()
    assert found["watcher_storage_waiting"] == 0


def test_passes_are_counted_and_begin_at_nothing() -> None:
    """A counter that appears with its first event has no rate for it."""
    tally = Tally()
    before = samples(exposition(tally.metrics(["a", "b"])))
    assert set(before.values()) == {0}
    tally.passed("a", Polled(seen=3, stored=2, duplicate=1), well=True)
    tally.passed("a", Polled(stored=1), well=False)
    tally.failed("b")
    after = samples(exposition(tally.metrics(["a", "b"])))
    assert after.keys() == before.keys()
    assert after['watcher_passes_total{inbox="a",result="ok"}'] == 1
    assert after['watcher_passes_total{inbox="a",result="failed"}'] == 1
    assert after['watcher_passes_total{inbox="b",result="failed"}'] == 1
    assert after['watcher_mails_total{inbox="a",outcome="stored"}'] == 3
    assert tally.passes == 3


def test_the_file_is_replaced_at_once_and_readable_for_others(tmp_path: Path) -> None:
    """The collector is another user and reads *.prom: it never sees half a file, nor the draft."""
    path = tmp_path / "watcher.prom"
    path.write_text("old")
    with path.open() as reader:
        before = os.umask(0o077)
        try:
            write_textfile(path, "new\n")
        finally:
            os.umask(before)
        assert reader.read() == "old"
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    """The name is taken by a folder."""
    (tmp_path / "watcher.prom").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_textfile(tmp_path / "watcher.prom", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["watcher.prom"]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def listener(clock: Clock) -> Iterator[Listener]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Listener(("127.0.0.1", port), clock)
    yield server
    server.close()


def get(listener: Listener, path: str, host: str = "localhost", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=30)
    connection.request(method, path, headers={"Host": host})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_metrics_are_served_on_loopback(listener: Listener) -> None:
    """What was shown last; before that nothing."""
    assert get(listener, "/metrics") == (200, "")
    listener.show(Seen(NOW, "watcher_x 1\n", {}, waiting=False))
    assert get(listener, "/metrics") == (200, "watcher_x 1\n")
    assert get(listener, "/")[0] == 404
    assert get(listener, "/metrics", method="POST")[0] == 501


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:9464", 200), ("[::1]:9464", 200), ("localhost", 200), ("watch.example.org", 403), ("", 403)],
)
def test_a_name_that_points_here_is_refused(listener: Listener, host: str, status: int) -> None:
    """A page in somebody's browser could read the answer under its own name."""
    assert get(listener, "/metrics", host=host)[0] == status


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "watcher.example.org"])  # noqa: S104  # refused
def test_it_listens_nowhere_else(host: str) -> None:
    """Also when the check of the settings was left out."""
    with pytest.raises(ValueError, match="not an address of this machine"):
        Listener((host, 9464), Clock(NOW))


def test_healthz_is_503_when_an_inbox_is_late(listener: Listener, clock: Clock) -> None:
    """Three intervals after its last success, whoever asks; and 200 again after the next."""
    every = timedelta(minutes=5)
    until = good_until("2026-11-23T11:58:00+00:00", NOW - timedelta(days=1), every)
    listener.show(Seen(NOW, "", {"politics": until}, waiting=False))
    assert get(listener, "/healthz")[0] == 200
    clock.now = datetime(2026, 11, 23, 12, 13, 1, tzinfo=UTC)
    listener.show(Seen(clock.now, "", {"politics": until}, waiting=False))
    status, body = get(listener, "/healthz")
    assert (status, json.loads(body)) == (503, {"well": False, "ailing": ["politics"]})


def test_healthz_of_an_inbox_that_never_succeeded(listener: Listener, clock: Clock) -> None:
    """It has three intervals from the start of the daemon."""
    until = good_until("", NOW, timedelta(minutes=5))
    listener.show(Seen(NOW + timedelta(minutes=15), "", {"politics": until}, waiting=False))
    clock.now = NOW + timedelta(minutes=15)
    assert get(listener, "/healthz")[0] == 200
    clock.now += timedelta(seconds=1)
    assert get(listener, "/healthz")[0] == 503


def test_healthz_is_503_when_nothing_can_be_stored_or_the_daemon_is_silent(
    listener: Listener, clock: Clock
) -> None:
    """The disk is full; the main thread hangs while this one answers."""
    listener.show(Seen(NOW, "", {}, waiting=True))
    assert json.loads(get(listener, "/healthz")[1])["ailing"] == ["storage"]
    listener.show(Seen(NOW, "", {}, waiting=False))
    clock.now = NOW + timedelta(minutes=6)
    assert json.loads(get(listener, "/healthz")[1])["ailing"] == ["daemon"]


def test_a_client_that_says_nothing_does_not_hold_the_end_up(listener: Listener) -> None:
    """The port is free again after `close`, and a second one may listen there."""
    port = listener.port
    with socket.create_connection(("127.0.0.1", port)):
        pass
    assert get(listener, "/metrics")[0] == 200
    listener.close()
    again = Listener(("localhost", port), Clock(NOW))
    assert again.port == port
    again.close()
