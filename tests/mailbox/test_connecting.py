"""From nothing to a greeted connection: which part failed, and what to do about it."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.mailbox.conftest import account_at
from tests.support.certificates import LOOPBACK, Authority, Certificate
from tests.support.fake_imap import FakeImap
from tests.support.fault_proxy import Fault, FaultProxy
from watcher.mailbox import (
    CertificateInvalid,
    EncryptionMissing,
    Security,
    Session,
    TemporarilyRefused,
    Unreachable,
    transport,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.dovecot import Dovecot, MailUser
    from watcher.mailbox import Account


def server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    return context


@pytest.fixture(params=[Security.TLS, Security.STARTTLS])
def security(request: pytest.FixtureRequest) -> Security:
    """Run the test with both ways to TLS."""
    chosen: Security = request.param
    return chosen


def serving(certificate: Certificate, security: Security) -> FakeImap:
    context = server_context(certificate)
    if security is Security.TLS:
        return FakeImap(implicit_tls=context)
    return FakeImap(starttls=context, capabilities="IMAP4rev1 STARTTLS")


def failure(kind: type[Exception], account: Account) -> str:
    """Return the message of the error of this kind that opening raises; one line."""
    with pytest.raises(kind) as caught, Session.open(account):
        pass
    assert str(caught.value).startswith(f"inbox politics ({account.host}:{account.port}): ")
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_signed_certificate_is_accepted(authority: Authority, security: Security) -> None:
    """A server whose authority is in `cafile` is trusted; the login comes after the handshake."""
    with serving(authority.issue("good"), security) as fake:
        account = account_at(fake.port, security=security, cafile=str(authority.cafile))
        with Session.open(account) as session:
            assert session.examine("INBOX").exists == 0
        assert fake.commands.index("LOGIN") > (
            0 if security is Security.TLS else fake.commands.index("STARTTLS")
        )


def test_a_servers_own_certificate_can_be_the_anchor(authority: Authority, security: Security) -> None:
    """`cafile` may name the self-signed certificate of a server at home, or one that an authority issued."""
    for certificate in (authority.self_signed("home"), authority.issue("pinned")):
        with serving(certificate, security) as fake:
            account = account_at(fake.port, security=security, cafile=str(certificate.cert))
            with Session.open(account) as session:
                assert session.examine("INBOX").exists == 0


def bad_certificates(authority: Authority) -> dict[str, Certificate]:
    return {
        "expired": authority.issue("expired", days=-1),
        "wrong name": authority.issue("wrong", "DNS:imap.example.org"),
        "self-signed": authority.self_signed("selfish", LOOPBACK),
    }


@pytest.mark.parametrize(
    ("fault", "says", "advises"),
    [
        ("expired", "has expired", "must renew"),
        ("wrong name", "is for another name than 127.0.0.1", "set `host:`"),
        ("self-signed", "signed by nobody whom this machine trusts", "`cafile:`"),
    ],
)
def test_a_bad_certificate_ends_it_before_the_login(
    authority: Authority, security: Security, fault: str, says: str, advises: str
) -> None:
    """Each fault has its own sentence and remedy, and no password is sent."""
    with serving(bad_certificates(authority)[fault], security) as fake:
        account = account_at(fake.port, security=security, cafile=str(authority.cafile))
        text = failure(CertificateInvalid, account)
        assert says in text
        assert advises in text
        assert not {"LOGIN", "AUTHENTICATE"} & set(fake.commands)


def test_without_cafile_the_system_decides(mail_user: MailUser, account_of: Callable[..., Account]) -> None:
    """A home-made authority is unknown to the system; the error tells how to see the certificate."""
    account = account_of(mail_user, Security.STARTTLS, cafile=None)
    text = failure(CertificateInvalid, account)
    assert f"openssl s_client -showcerts -starttls imap -connect 127.0.0.1:{account.port}" in text


@pytest.mark.parametrize("content", [None, "", "no certificate\n"], ids=["missing", "empty", "text"])
def test_a_cafile_that_is_none(fake: FakeImap, tmp_path: Path, content: str | None) -> None:
    """A file that cannot be used is named as the setting that it is."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="ascii")
    account = account_at(fake.port, security=Security.TLS, cafile=str(path))
    assert "`cafile:` cannot be used" in failure(CertificateInvalid, account)


STARTTLS_REFUSED: dict[str, Callable[[FakeImap], Any]] = {
    "not offered": lambda fake: setattr(fake, "capabilities", "IMAP4rev1"),
    "answered with NO": lambda fake: fake.on("STARTTLS", lambda exchange: exchange.no("not today")),
    "answered with BAD": lambda fake: fake.on("STARTTLS", lambda exchange: exchange.bad("what?")),
}


@pytest.mark.parametrize("refuse", STARTTLS_REFUSED.values(), ids=STARTTLS_REFUSED)
def test_starttls_never_falls_back_to_plain_text(fake: FakeImap, refuse: Callable[[FakeImap], Any]) -> None:
    """A server, or somebody between, who refuses STARTTLS gets no password."""
    fake.capabilities = "IMAP4rev1 STARTTLS AUTH=PLAIN"
    refuse(fake)
    assert "was not sent" in failure(EncryptionMissing, account_at(fake.port, security=Security.STARTTLS))
    assert not {"LOGIN", "AUTHENTICATE"} & set(fake.commands)


def test_a_handshake_that_breaks_off_is_no_login(fake: FakeImap) -> None:
    """Hanging up in the middle of STARTTLS, or answering with something else, reaches nobody."""
    fake.capabilities = "IMAP4rev1 STARTTLS"
    account = account_at(fake.port, security=Security.STARTTLS)
    fake.on("STARTTLS", lambda exchange: exchange.hang_up())
    assert "TLS handshake failed" in failure(Unreachable, account)
    fake.on(
        "STARTTLS", lambda exchange: (exchange.ok(), exchange.send(b"* OK injected\r\n"), exchange.hang_up())
    )
    failure(Unreachable, account)
    assert fake.count("LOGIN") == 0


def test_words_before_the_handshake_do_not_count_after_it(authority: Authority) -> None:
    """What is put into the plain text behind the OK to STARTTLS is not taken for the server's."""
    with serving(authority.issue("injected"), Security.STARTTLS) as fake:
        fake.injected = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n* BYE\r\n"
        account = account_at(fake.port, security=Security.STARTTLS, cafile=str(authority.cafile))
        with Session.open(account) as session:
            assert "LOGINDISABLED" not in session.capabilities
        assert fake.count("LOGIN") == 1


def test_tls_to_a_port_without_tls(fake: FakeImap) -> None:
    """The error names the setting that fits."""
    account = account_at(fake.port, security=Security.TLS)
    assert "this port does not begin with TLS" in failure(Unreachable, account)


def test_plain_text_to_a_port_with_tls(dovecot: Dovecot) -> None:
    """Both wait for the other to begin: the wait has an end."""
    account = account_at(dovecot.tls_port, connect_timeout=0.3)
    assert "did not greet within 0.3 s" in failure(Unreachable, account)


def test_nobody_listening() -> None:
    """A closed port is told from a wrong name."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert "nobody is listening there; check `port:`" in failure(Unreachable, account_at(port))


@pytest.mark.parametrize("host", ["imap.example.invalid", "a..b.invalid", "x" * 64 + ".invalid"])
def test_an_unknown_name(host: str) -> None:
    """A name without a server is most often a slip of the pen, and a broken one can be nothing else."""
    text = failure(Unreachable, account_at(993, host=host))
    assert "no server has this name" in text or "could not be looked up" in text


def raising(error: OSError) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "no server has this name; check the spelling"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "could not be looked up; check this machine's network"),
        (TimeoutError(), "no answer within 5 s; check `host:`"),
        (OSError(113, "No route to host"), "no connection (No route to host)"),
    ],
)
def test_what_kept_the_connection_from_coming_about(
    monkeypatch: pytest.MonkeyPatch, error: OSError, says: str
) -> None:
    """Name, network and silence each have their own words."""
    monkeypatch.setattr(socket, "create_connection", raising(error))
    assert says in failure(Unreachable, account_at(993))


def test_plain_text_never_leaves_this_machine(fake: FakeImap, monkeypatch: pytest.MonkeyPatch) -> None:
    """`security: none` is for loopback: to any other host no password is sent."""
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("192.0.2.7", 143))
    assert "in clear over a network" in failure(EncryptionMissing, account_at(fake.port))
    assert fake.commands == []


GREETINGS: list[tuple[bytes, type[Exception], str]] = [
    (
        b"* BYE [UNAVAILABLE] too busy\r\n",
        TemporarilyRefused,
        "turned the connection away: [UNAVAILABLE] too busy",
    ),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Unreachable, "not an IMAP server"),
    (b"+OK POP3 ready\r\n", Unreachable, "not an IMAP server"),
    (b"* OK \xff\xfe\r\n* BYE\r\n", Unreachable, "127.0.0.1"),
    (b"* OK half a line", Unreachable, "did not greet"),
]


@pytest.mark.parametrize(
    ("greeting", "kind", "says"), GREETINGS, ids=[repr(each[0][:12]) for each in GREETINGS]
)
def test_greetings_that_are_none(greeting: bytes, kind: type[Exception], says: str) -> None:
    """A server that is full is told from one that is not an IMAP server."""
    with FakeImap(greeting=greeting) as fake:
        fake.on("CAPABILITY", lambda exchange: exchange.hang_up())
        patience = 5 if greeting.endswith(b"\n") else 0.3
        assert says in failure(kind, account_at(fake.port, connect_timeout=patience))


def test_a_port_that_closes_at_once(fake: FakeImap) -> None:
    """Accepted and closed, as by a firewall or a server that is starting."""
    with FaultProxy(fake.port) as proxy:
        proxy.harm(Fault.ACCEPT)
        assert "closed the connection before it greeted" in failure(Unreachable, account_at(proxy.port))


def test_a_greeting_that_drips_has_an_end(fake: FakeImap) -> None:
    """A byte now and then never trips the timeout of a read: the deadline of the greeting does."""
    with FaultProxy(fake.port) as proxy:
        proxy.harm(Fault.DRIP)
        account = account_at(proxy.port, connect_timeout=0.3)
        assert "did not greet within 0.3 s" in failure(Unreachable, account)


def test_a_dead_peer_is_noticed_by_the_system(
    mail_user: MailUser, account_of: Callable[..., Account]
) -> None:
    """Keepalive is on, soon enough for NAT tables."""
    with Session.open(account_of(mail_user)) as session:
        sock = session._conversation._client.socket()
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000
        assert sock.gettimeout() == 5


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (9, "is not valid yet; check this machine's clock"),
        (20, "is signed by nobody whom this machine trusts"),
        (23, "was not accepted (certificate revoked); the server's owner must replace it"),
    ],
)
def test_rarer_faults_of_certificates(
    fake: FakeImap, monkeypatch: pytest.MonkeyPatch, code: int, says: str
) -> None:
    """OpenSSL's codes that cannot be provoked at will have their sentences too."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "certificate revoked"
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", raising(error))
    assert says in failure(CertificateInvalid, account_at(fake.port, security=Security.TLS))


def test_a_handshake_without_an_end(dovecot: Dovecot) -> None:
    """A server that accepts and then says nothing is waited for no longer than for a connection."""
    with FaultProxy(dovecot.tls_port) as proxy:
        proxy.harm(Fault.STALL)
        account = account_at(proxy.port, security=Security.TLS, connect_timeout=0.3)
        assert "no TLS handshake within 0.3 s" in failure(Unreachable, account)


def test_connections_share_what_they_trust_until_it_changes(authority: Authority, tmp_path: Path) -> None:
    """A thousand connections must not hold a thousand copies; a renewed file is used by the next one."""
    cafile = tmp_path / "ca.pem"
    cafile.write_bytes(authority.cafile.read_bytes())
    account = account_at(993, cafile=str(cafile))
    first = transport._tls_context(account)
    assert transport._tls_context(account) is first
    cafile.write_bytes(authority.cafile.read_bytes() * 2)
    assert transport._tls_context(account) is not first
