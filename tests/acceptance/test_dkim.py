"""DKIM kept provable, from a mailbox to a proof: real IMAP, real queries, none without the setting."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.test_network import connections
from tests.support.dns_server import DnsServer
from tests.support.home import ended
from tests.support.signed_mail import letter, rsa_key, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.dovecot import MailUser
    from tests.support.home import Home

SIGNER = ("example.org", "s1")


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer() as running:
        running.publish(*SIGNER, rsa_key().record)
        yield running


def watch(home: Home, user: MailUser, server: DnsServer, **settings: object) -> None:
    """One inbox, and the DNS server as the one to ask if anybody asks."""
    home.watch(user, **settings)
    home.config.write_text(server.setting + home.config.read_text())


def test_poll_keeps_the_keys_of_what_came(home: Home, mail_user: MailUser, server: DnsServer) -> None:
    """With the setting there is one query and its answer in the vault, and no other connection."""
    watch(home, mail_user, server, preserve_dkim="true")
    mail_user.deliver(sign(letter(), rsa_key()))
    lines = connections(home, "poll")
    ports = {mail_user.server.port, server.port}
    assert {line.split()[-1] for line in lines if " 127.0.0.1 " in line} == {str(port) for port in ports}
    assert server.asked == ["TXT s1._domainkey.example.org"]
    assert home.vault_rows("select domain, selector, record from dkim_keys") == [
        {"domain": "example.org", "selector": "s1", "record": rsa_key().record}
    ]
    assert home.vault_rows("select result, reason from dkim_results") == [{"result": "pass", "reason": ""}]


def test_without_the_setting_no_socket_is_opened(home: Home, mail_user: MailUser, server: DnsServer) -> None:
    """Promise 3: signed mail, a resolver in the settings, and still only IMAP."""
    watch(home, mail_user, server)
    mail_user.deliver(sign(letter(), rsa_key()))
    lines = connections(home, "poll")
    assert {line for line in lines if line.startswith("socket.")} <= {
        f"socket.connect 127.0.0.1 {mail_user.server.port}",
        "socket.getaddrinfo 127.0.0.1",
    }
    assert server.asked == []
    assert home.vault_rows("select * from dkim_lookups") == []
    assert home.subjects() == ["The river is low"]


def test_run_keeps_them_beside_its_work(home: Home, mail_user: MailUser, server: DnsServer) -> None:
    """The daemon does it in a thread of its own, also for mail from before the setting, and ends with it."""
    mail_user.deliver(sign(letter(), rsa_key()))
    home.watch(mail_user)
    assert home.run("poll").code == 0
    watch(home, mail_user, server, preserve_dkim="true")
    with ended(home.start("run")) as process:
        server.until_asked()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert server.asked == ["TXT s1._domainkey.example.org"]
    assert "river" not in log
    assert home.vault_rows("select count(*) as n from dkim_keys") == [{"n": 1}]
