"""The line of the log for each mail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.home import READER, ended, mail

if TYPE_CHECKING:
    from tests.support.dovecot import MailUser
    from tests.support.home import Home


def test_each_mail_is_one_line_of_numbers(home: Home, mail_user: MailUser) -> None:
    """Number, inbox, platform, kind, bytes, milliseconds; no subject, no sender, no reader."""
    raw = mail("Secret plans", headers="List-Id: <news.example.org>\nX-Mailer: MailChimp Mailer - **CIDabc**")
    home.watch(mail_user)
    mail_user.deliver(raw)
    mail_user.deliver(b"no mail at all")
    lines: list[str] = []
    with ended(home.start("run")) as process:
        assert process.stderr is not None
        while sum('"stored' in line for line in lines) < 2:
            lines.append(process.stderr.readline())
            assert lines[-1], lines
    stored = [found for line in lines if (found := json.loads(line))["event"].startswith("stored")]
    first = next(each for each in stored if each["kind"] == "newsletter")
    assert first["inbox"] == "test"
    assert first["platform"] == "mailchimp"
    assert isinstance(first["message"], int)
    assert len(raw) <= first["bytes"] <= len(raw) + 500  # the server adds a header
    assert 0 <= first["ms"] < 60_000
    assert set(first) == {
        *("event", "level", "timestamp"),
        *("message", "inbox", "platform", "kind", "bytes", "ms"),
    }
    log = "".join(lines)
    assert not [word for word in ("Secret", "Example News", "news@", READER, "no mail at all") if word in log]
