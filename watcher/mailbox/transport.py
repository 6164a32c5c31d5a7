"""From an account to a protected connection that has been greeted: TCP, TLS, greeting, STARTTLS.

Each stage has its own end and its own errors, so that a wrong name, a closed port, a bad certificate and a
server that is not an IMAP server are told apart.
"""

from __future__ import annotations

import imaplib
import ipaddress
import os
import socket
import ssl
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from watcher.deadline import Deadline
from watcher.mailbox.account import Security
from watcher.mailbox.client import Client
from watcher.mailbox.errors import CertificateInvalid, EncryptionMissing, TemporarilyRefused, Unreachable
from watcher.mailbox.reply import Reply, sentence

if TYPE_CHECKING:
    from watcher.mailbox.account import Account
    from watcher.mailbox.errors import MailboxError

_KEEPALIVE = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),  # seconds of silence before the first probe
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 20),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 120_000),  # milliseconds that sent data may stay unacknowledged
)
"""Without these a connection that a NAT table forgot is never noticed. Systems lack some of the names."""

_NO_ANSWER = "check `host:` and `port:`, and that no firewall is between"


def connect(account: Account) -> Client:
    """Connect, protect as `account.security` says, and read the greeting; the login is still to come.

    Raises `Unreachable`, `EncryptionMissing`, `CertificateInvalid`, or `TemporarilyRefused` for a server that
    greets with a refusal. The socket is closed in every such case.
    """
    context = None if account.security is Security.NONE else _tls_context(account)
    sock = _dial(account)
    try:
        if account.security is Security.NONE:
            _only_this_machine(account, sock)
        if account.security is Security.TLS and context is not None:
            sock = _handshake(account, sock, context)
        client = _greeted(account, sock)
        try:
            if account.security is Security.STARTTLS and context is not None:
                _starttls(account, client, context)
        except BaseException:
            discard(client)
            raise
    except BaseException:
        sock.close()
        raise
    return client


def discard(client: Client) -> None:
    """Close the connection without a word to the server, whatever state it is in."""
    with suppress(OSError, imaplib.IMAP4.error):
        client.shutdown()
    with suppress(OSError):
        client.socket().close()


def _tls_context(account: Account) -> ssl.SSLContext:
    try:
        return _shared_context(account.cafile, _version_of(account.cafile))
    except OSError as error:  # ssl.SSLError is one too
        raise CertificateInvalid(
            sentence(
                account.where,
                f"the file of `cafile:` cannot be used ({error.strerror or 'not a certificate'})",
                remedy="name a readable file with the server's CA certificate in PEM form",
            )
        ) from None


@lru_cache(maxsize=8)
def _shared_context(cafile: str | None, _version: tuple[int, ...]) -> ssl.SSLContext:
    """Return the context of all connections that trust the same: a megabyte each, and 20 ms to make."""
    context = ssl.create_default_context(cafile=cafile)
    if cafile:
        # Python 3.13 refuses by default what home-made certificates often lack, and accepts a server's own
        # certificate as an anchor: the same for all versions, and only where someone named the file.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _version_of(cafile: str | None) -> tuple[int, ...]:
    """Return what changes with the authorities: a renewed file is heeded by the next connection."""
    paths = ssl.get_default_verify_paths()
    version: tuple[int, ...] = ()
    for path in (cafile,) if cafile else (paths.cafile, paths.capath):
        if path:
            status = os.stat(path)  # noqa: PTH116 - a Path for nothing
            version += (status.st_mtime_ns, status.st_size, status.st_ino)
    return version


def _dial(account: Account) -> socket.socket:
    try:
        sock = socket.create_connection((account.host, account.port), account.connect_timeout)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label of the name is empty or too long
        raise _unreachable(account, error) from None
    for level, name, value in _KEEPALIVE:
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                sock.setsockopt(level, option, value)
    return sock


def _unreachable(account: Account, error: OSError | UnicodeError) -> Unreachable:
    remedy = _NO_ANSWER
    if isinstance(error, UnicodeError) or (
        isinstance(error, socket.gaierror)
        and error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)}
    ):
        what, remedy = "no server has this name", "check the spelling of `host:`"
    elif isinstance(error, socket.gaierror):
        what, remedy = "its name could not be looked up", "check this machine's network and DNS"
    elif isinstance(error, ConnectionRefusedError):
        what, remedy = (
            "nobody is listening there",
            "check `port:` (993 with `security: tls`, 143 with `starttls`)",
        )
    elif isinstance(error, TimeoutError):
        what = f"no answer within {account.connect_timeout:g} s"
    else:
        what = f"no connection ({error.strerror or type(error).__name__})"
    return Unreachable(sentence(account.where, what, remedy=remedy))


def _handshake(account: Account, sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(sock, server_hostname=account.host)
    except (OSError, ValueError) as error:  # ValueError: a host name that cannot be asked for
        raise _no_handshake(account, error) from None


def _no_handshake(account: Account, error: OSError | ValueError) -> MailboxError:
    if isinstance(error, ssl.SSLCertVerificationError):  # an OSError like the others: this one comes first
        return _bad_certificate(account, error)
    if isinstance(error, ssl.SSLError) and error.reason in {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL"}:
        what, remedy = (
            "this port does not begin with TLS",
            "use port 993, or `security: starttls` with port 143",
        )
    elif isinstance(error, TimeoutError):
        what, remedy = f"no TLS handshake within {account.connect_timeout:g} s", _NO_ANSWER
    else:
        reason = getattr(error, "reason", None) or "the server closed the connection"
        what, remedy = f"the TLS handshake failed ({reason})", "check `port:` and `security:`"
    return Unreachable(sentence(account.where, what, remedy=remedy))


def _bad_certificate(account: Account, error: ssl.SSLCertVerificationError) -> CertificateInvalid:
    # OpenSSL's X509_V_ERR codes, from its x509_vfy.h
    starttls = " -starttls imap" if account.security is Security.STARTTLS else ""
    fetch = f"openssl s_client -showcerts{starttls} -connect {account.host}:{account.port} </dev/null"
    match error.verify_code:
        case 10:
            what, remedy = "has expired", "its owner must renew it (or this machine's clock is wrong)"
        case 9:
            what, remedy = "is not valid yet", "check this machine's clock"
        case 62 | 64:
            what = f"is for another name than {account.host}"
            remedy = "set `host:` to the name that is in the certificate"
        case 18 | 19 | 20 | 21:
            what = "is signed by nobody whom this machine trusts"
            remedy = (
                "if the server is your own, save its CA certificate as a file and name that in `cafile:`; "
                f"`{fetch}` shows it, and its owner can tell you its fingerprint"
            )
        case _:
            what = f"was not accepted ({error.verify_message})"
            remedy = "the server's owner must replace it"
    return CertificateInvalid(sentence(account.where, f"the server's certificate {what}", remedy=remedy))


def _greeted(account: Account, sock: socket.socket) -> Client:
    with Deadline(sock, account.connect_timeout) as deadline:
        try:
            client = Client(account, sock)
        except (imaplib.IMAP4.error, OSError, ValueError) as error:  # ValueError: text that is not ASCII
            raise _bad_greeting(account, error, expired=deadline.expired) from None
    if deadline.expired:
        discard(client)
        raise _bad_greeting(account, TimeoutError(), expired=True)
    return client


def _bad_greeting(account: Account, error: Exception, *, expired: bool) -> MailboxError:
    if isinstance(error, TimeoutError) or expired:
        what = f"connected, but the server did not greet within {account.connect_timeout:g} s"
        remedy = "check that `port:` and `security:` belong together"
    elif error.args and isinstance(error.args[0], bytes):  # the greeting itself: `* BYE too busy`
        reply = Reply.of(error.args[0].removeprefix(b"* ").removeprefix(b"BYE "))
        return TemporarilyRefused(
            sentence(
                account.where, "the server turned the connection away", reply.text, "it is tried again later"
            )
        )
    elif isinstance(error, OSError) or "EOF" in str(error):
        what, remedy = "the server closed the connection before it greeted", _NO_ANSWER
    else:
        what, remedy = "what answers there is not an IMAP server", "check `host:` and `port:`"
    return Unreachable(sentence(account.where, what, remedy=remedy))


def _starttls(account: Account, client: Client, context: ssl.SSLContext) -> None:
    # A greeting with PREAUTH would skip the login, and with it the moment for STARTTLS (RFC 9051, section
    # 11.1).
    if client.logged_in or not client.has_capability("STARTTLS"):
        raise _no_starttls(account)
    with Deadline(client.socket(), account.connect_timeout):
        try:
            client.starttls(context)
        except (OSError, ValueError) as error:
            raise _no_handshake(account, error) from None
        except imaplib.IMAP4.abort:
            raise _no_handshake(account, ConnectionResetError()) from None
        except imaplib.IMAP4.error:
            raise _no_starttls(account) from None


def _no_starttls(account: Account) -> EncryptionMissing:
    what = "the server refuses STARTTLS; the password was not sent"
    return EncryptionMissing(sentence(account.where, what, remedy="use `security: tls` with port 993"))


def _only_this_machine(account: Account, sock: socket.socket) -> None:
    if account.insecure:
        return
    if not ipaddress.ip_address(str(sock.getpeername()[0]).partition("%")[0]).is_loopback:
        what = "`security: none` would send the password in clear over a network; it was not sent"
        remedy = "use `security: tls` or `security: starttls`, or insist with `insecure: true`"
        raise EncryptionMissing(sentence(account.where, what, remedy=remedy))
