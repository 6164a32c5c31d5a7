"""A watcher whose one inbox signs in at the provider on loopback and reads from the scripted IMAP server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.fake_oauth import CLIENT_ID, CLIENT_SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fake_imap import FakeImap
    from tests.support.fake_oauth import FakeProvider
    from tests.support.home import Home

SCOPE = "https://mail.example.org/imap offline_access"


def configure(
    home: Home, fake: FakeImap, provider: FakeProvider, *, name: str = "google", more: str = ""
) -> Path:
    """Write the settings; return where the token will be."""
    fake.capabilities = "IMAP4rev1 AUTH=OAUTHBEARER AUTH=XOAUTH2 UIDPLUS"
    secret = home.root / "client"
    secret.write_text(CLIENT_SECRET, encoding="utf-8")
    secret.chmod(0o600)
    home.configure(f"""
inboxes:
  - name: politics
    host: 127.0.0.1
    port: {fake.port}
    security: none
    username: reader@example.org
    oauth:
      provider: {name}
      client_id: {CLIENT_ID}
      client_secret: {{file: {secret}}}
      scope: {SCOPE}
      token_endpoint: {provider.url}/token
      device_endpoint: {provider.url}/device
      authorization_endpoint: https://login.example.org/authorize
{more}
""")
    return home.root / "data" / "tokens" / "politics.json"
