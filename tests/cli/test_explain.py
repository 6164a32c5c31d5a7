"""What `explain` tells beside the text: why a mail is of its kind, and what our receiver found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.home import READER, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.home import Home

RESULTS = "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=b@bounce.example.com; dmarc=none"
INBOX = f"""
inboxes:
  - name: politics
    host: localhost
    security: none
    username: {READER}
    password: {{env: NOTHING}}
    trusted_authserv_id: mx.example.net
"""


def test_explain_tells_the_reason_of_the_kind_and_the_receiver_s_results(home: Home, tmp_path: Path) -> None:
    """As lines for a person and as keys for a script; a bounce is one because of its header."""
    home.configure(INBOX)
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(headers=f"{RESULTS}\nX-Failed-Recipients: a@example.com"))
    text = home.run("explain", str(file)).out
    assert "Kind         bounce (header X-Failed-Recipients)\n" in text
    assert "Checked      spf pass bounce.example.com\n" in text
    assert "Checked      dmarc none\n" in text
    record = json.loads(home.run("explain", str(file), "--json").out)
    assert (record["kind"], record["kind_reason"]) == ("bounce", "header X-Failed-Recipients")
    assert record["authentication"] == [
        {"method": "spf", "outcome": "pass", "domain": "bounce.example.com"},
        {"method": "dmarc", "outcome": "none", "domain": ""},
    ]


def test_results_reach_the_store(home: Home, tmp_path: Path) -> None:
    """One row for each, and the reason beside the kind; the record page stays as it is."""
    home.configure(INBOX)
    file = tmp_path / "mail.eml"
    file.write_bytes(mail(headers=f"{RESULTS}\nList-Id: <x.example.com>"))
    assert home.run("import", "--inbox", "politics", str(file)).code == 0
    assert home.rows("select kind, kind_reason from newsletters") == [
        {"kind": "newsletter", "kind_reason": "header List-Id"}
    ]
    assert home.rows("select position, method, outcome, domain from authentication") == [
        {"position": 1, "method": "spf", "outcome": "pass", "domain": "bounce.example.com"},
        {"position": 2, "method": "dmarc", "outcome": "none", "domain": ""},
    ]
