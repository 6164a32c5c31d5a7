"""Real mail, all of it, through a real mail server.

One row each, nothing twice, and the same again after a rebuild.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dovecot import MailUser
    from tests.support.home import Home


@pytest.mark.timeout(600)
def test_every_mail_of_the_corpus_becomes_a_row(home: Home, mail_user: MailUser, corpus: Path) -> None:
    """Poll, poll again, rebuild: each distinct mail is one record, done or failed with its reason."""
    files = sorted(path for path in corpus.rglob("*.eml"))
    raws = [path.read_bytes() for path in files]
    home.watch(mail_user)
    mail_user.deliver_many(raws)
    delivered = len(mail_user.uids())
    assert home.run("poll").code == 0
    # on the wire every line ends in CRLF: files that differ only there are the same message
    distinct = {hashlib.sha256(raw.replace(b"\r\n", b"\n")).digest() for raw in raws}
    rows = home.rows("select id, status, warnings from newsletters")
    assert len(home.vault_rows("select id from deliveries")) == delivered
    assert delivered == len(raws)
    assert len(rows) == len(home.vault_rows("select id from messages")) == len(distinct)
    assert [row["id"] for row in rows if row["status"] == "failed" and not row["warnings"]] == []
    before = home.dump()
    assert "0 new" in home.run("poll").out
    assert home.dump() == before
    assert home.run("rebuild", "--workers", "2").code == 0
    assert home.dump() == before
