"""Importing files into the vault: each mail once, wherever it was found, and what is left out says why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from watcher.batch.importing import take_in
from watcher.vault import Arrival, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
MAIL = b"From: news@example.org\nSubject: One\nMessage-ID: <1@example.org>\n\nline\nline\n"
WIRE = MAIL.replace(b"\n", b"\r\n")


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with Vault.open(tmp_path / "vault" / "vault.db") as opened:
        yield opened


def test_a_mail_with_unix_line_ends_is_the_one_that_the_server_handed_out(
    vault: Vault, tmp_path: Path
) -> None:
    """In either order: one message with two deliveries, its bytes those of the wire (RFC 5322, 2.3)."""
    (tmp_path / "1.eml").write_bytes(MAIL)
    mailbox = vault.mailbox("news", "INBOX")
    vault.store(mailbox.id, [Arrival(1, WIRE, AT, len(WIRE))], uidvalidity=7, last_uid=1)
    assert take_in(vault, [tmp_path / "1.eml"], max_bytes=1_000).duplicate == 1
    assert vault.raw(1) == WIRE
    assert [each.inbox for each in vault.deliveries(1)] == ["news", "import"]


def test_a_mail_with_any_crlf_keeps_its_bytes(vault: Vault, tmp_path: Path) -> None:
    """Its bare line feeds are its own."""
    (tmp_path / "1.eml").write_bytes(WIRE + b"bare\nline")
    take_in(vault, [tmp_path / "1.eml"], max_bytes=1_000)
    assert vault.raw(1) == WIRE + b"bare\nline"


def test_an_import_that_is_run_again_stores_nothing(vault: Vault, tmp_path: Path) -> None:
    """What an interrupted one has stored is known to the next."""
    (tmp_path / "1.eml").write_bytes(MAIL)
    (tmp_path / "2.eml").write_bytes(MAIL.replace(b"One", b"Two"))
    stops = iter([True])
    take_in(vault, [tmp_path / "1.eml", tmp_path / "2.eml"], max_bytes=1_000, stopped=lambda: next(stops))
    again = take_in(vault, [tmp_path], max_bytes=1_000)
    assert (vault.counts().messages, again.stored, again.duplicate) == (2, 1, 1)
    third = take_in(vault, [tmp_path], max_bytes=1_000)
    assert (third.seen, third.known, third.stored) == (2, 2, 0)


def test_a_mail_over_the_limit_is_left_out_with_its_size(vault: Vault, tmp_path: Path) -> None:
    """It is counted, and `status` can name it."""
    (tmp_path / "1.eml").write_bytes(MAIL + b"x" * 2_000)
    take_in(vault, [tmp_path / "1.eml"], max_bytes=1_000)
    (skip,) = vault.skips(10)
    assert skip.reason == f"{len(MAIL) + 2_000} bytes are over the limit of 1000 (max_message)"


def test_it_is_told_how_an_mbox_is_read(vault: Vault, tmp_path: Path) -> None:
    """Before its first mail, with what in the file shows it."""
    file = tmp_path / "old.mbox"
    file.write_bytes(b"From a@example.org Sun Mar  1 09:30:00 2026\n" + MAIL + b"\n")
    heard: list[tuple[str, str]] = []
    take_in(vault, [file], max_bytes=1_000, on_mbox=lambda name, how: heard.append((name, how.flavour.value)))
    assert heard == [("old.mbox", "mboxrd")]
