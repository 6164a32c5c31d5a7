"""The demo as its first user meets it."""

from __future__ import annotations

import re
import signal
import socket
import urllib.request
from typing import TYPE_CHECKING

from tests.support.home import ended
from tests.support.web_archive import write_archive

if TYPE_CHECKING:
    from tests.support.home import Home


def test_demo_once_ends_with_a_summary(home: Home) -> None:
    """Fourteen newsletters, their providers, what was removed; the databases stay where --dir says."""
    outcome = home.run("demo", "--once", "--dir", str(home.root / "kept"))
    assert outcome.code == 0
    assert "14 newsletters" in outcome.out
    assert "nothing requested" in outcome.out
    assert "MailChimp" in outcome.out
    home.store = home.root / "kept" / "newsletters.db"
    providers = home.rows(
        'select "Email Providers" as p, "Sender" as s, "Political Party" as y from record_page'
    )
    named = ", ".join(row["p"] for row in providers)
    for name in ("MailChimp", "Substack", "beehiiv", "Mailgun", "Amazon SES", "NGP VAN", "CleverReach"):
        assert name in named
    assert {"sender": "Friends of Willow Creek", "party": "Independent"} in [
        {"sender": row["s"], "party": row["y"]} for row in providers
    ]
    assert {row["language"] for row in home.rows("select language from newsletters")} == {"en", "de"}


def test_demo_shows_the_newsletters_until_it_is_ended(home: Home) -> None:
    """The printed address answers; a taken port is no obstacle; SIGTERM ends Datasette with the demo."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        ended(home.start("demo", "--port", _port(taken))) as demo,
    ):
        assert demo.stdout is not None
        address = ""
        while not address:
            line = demo.stdout.readline()
            assert line, demo.stderr.read() if demo.stderr else ""
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
            address = found.group() if found else ""
        assert f":{_port(taken)}/" not in address
        with urllib.request.urlopen(address) as answer:  # noqa: S310  # loopback
            assert "Willow Creek" in answer.read().decode()
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2].strip("/")))) != 0


def _port(server: socket.socket) -> str:
    return str(server.getsockname()[1])


def test_serve_shows_the_store_of_the_settings(home: Home) -> None:
    """`watcher serve` is Datasette with our pages."""
    write_archive(home.store)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = _port(free)
    with ended(home.start("serve", "--port", port)) as process:
        from watcher.web import wait_until_ready

        assert wait_until_ready("127.0.0.1", int(port), 30)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert "Newest newsletters" in answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in {0, -signal.SIGTERM}
