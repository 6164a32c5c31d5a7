"""What a valid inboxes.yaml means."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.settings_files import INBOX, one_inbox, written
from watcher import settings
from watcher.settings import After, Links, OAuthProvider, SecretKind, Security


def test_an_empty_list_of_inboxes_is_a_whole_file(tmp_path: Path) -> None:
    """Commands that need no mailbox run with `inboxes: []` alone."""
    loaded = settings.load(written(tmp_path, "inboxes: []\n"))

    assert loaded.inboxes == ()
    assert loaded.links is Links.UNWRAP
    assert loaded.max_message == 50_000_000
    assert loaded.senders is None


def test_a_list_whose_items_are_all_commented_out_is_empty(tmp_path: Path) -> None:
    """`inboxes:` with nothing below it is what remains when a user comments out the last inbox."""
    assert settings.load(written(tmp_path, "inboxes:\n#  - name: politics\n")).inboxes == ()


def test_what_is_not_written_has_the_documented_default(tmp_path: Path) -> None:
    """Name, host, login are enough."""
    inbox = one_inbox(tmp_path)

    assert (inbox.name, inbox.host, inbox.username) == ("politics", "imap.example.org", "archive@example.org")
    assert (inbox.security, inbox.port, inbox.cafile) == (Security.TLS, 993, None)
    assert inbox.password is not None
    assert (inbox.password.kind, inbox.password.inbox) == (SecretKind.CREDENTIAL, "politics")
    assert (inbox.folders, inbox.every, inbox.after, inbox.move_to) == (
        ("INBOX",),
        timedelta(minutes=5),
        After.LEAVE,
        "",
    )
    assert (inbox.since, inbox.max_message, inbox.links, inbox.oauth) == (None, 50_000_000, None, None)
    assert (inbox.trusted_authserv_id, inbox.trusted_mx, inbox.redact, inbox.addresses) == ("", (), (), ())


def test_everything_that_is_written_arrives_typed(tmp_path: Path) -> None:
    """Each key of an inbox has its value as a Python type."""
    ca = written(tmp_path, "pem", "ca.pem")
    inbox = one_inbox(
        tmp_path,
        """\
        security: starttls
        cafile: ca.pem
        folders: [inbox, Lists/News]
        every: 1h30m
        after: move
        move_to: Done
        since: 2024-01-31
        max_message: 10MiB
        trusted_authserv_id: "-"
        trusted_mx: ["*.MX.example.org", mx2.example.org]
        trusted_arc: [Forwarder.example]
        links: remove
        redact: [Jane Doe]
        addresses: [Archive+News@Example.org]
        """,
    )

    assert (inbox.security, inbox.port, inbox.cafile) == (Security.STARTTLS, 143, ca)
    assert inbox.folders == ("INBOX", "Lists/News")
    assert inbox.every == timedelta(hours=1, minutes=30)
    assert (inbox.after, inbox.move_to, inbox.since) == (After.MOVE, "Done", date(2024, 1, 31))
    assert inbox.max_message == 10 * 2**20
    assert (inbox.trusted_authserv_id, inbox.trusted_mx) == ("-", ("*.mx.example.org", "mx2.example.org"))
    assert inbox.trusted_arc == ("forwarder.example",)
    assert (inbox.links, inbox.redact) == (Links.REMOVE, ("Jane Doe",))
    assert inbox.addresses == ("archive+news@example.org",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10s", timedelta(seconds=10)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("1d", timedelta(days=1)),
    ],
)
def test_durations_are_numbers_with_units(tmp_path: Path, text: str, expected: timedelta) -> None:
    """Days, hours, minutes and seconds, largest first, from ten seconds to a day."""
    assert one_inbox(tmp_path, f"every: {text}").every == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100kB", 100_000),
        ("50MB", 50_000_000),
        ("1.5 MB", 1_500_000),
        ("200000B", 200_000),
        ("1MiB", 1_048_576),
    ],
)
def test_sizes_are_numbers_with_units(tmp_path: Path, text: str, expected: int) -> None:
    """Decimal units and, with an i, binary ones."""
    assert one_inbox(tmp_path, f"max_message: {text}").max_message == expected


def test_an_inbox_without_its_own_limit_has_that_of_all(tmp_path: Path) -> None:
    """`max_message` at the top is what each inbox starts from."""
    text = (
        "max_message: 20MB\ninboxes:\n"
        "  - {name: a, host: h, username: u, password: {env: P}}\n"
        "  - {name: b, host: h, username: u, password: {env: P}, max_message: 10MB}\n"
    )
    assert [inbox.max_message for inbox in settings.load(written(tmp_path, text)).inboxes] == [
        20_000_000,
        10_000_000,
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "'::1'"])
def test_an_open_connection_is_for_this_machine(tmp_path: Path, host: str) -> None:
    """`security: none` needs no further word when nothing leaves the machine; its port is 143."""
    base = INBOX.replace("imap.example.org", host)
    assert one_inbox(tmp_path, "security: none", base).port == 143


def test_an_open_connection_elsewhere_can_be_insisted_on(tmp_path: Path) -> None:
    """`insecure: true` is the second word that `security: none` to another host needs."""
    inbox = one_inbox(tmp_path, "security: none\ninsecure: true\nport: 10143")
    assert (inbox.security, inbox.insecure, inbox.port) == (Security.NONE, True, 10143)


def test_tokens_take_the_place_of_a_password(tmp_path: Path) -> None:
    """`oauth` and `password` exclude each other; one is needed."""
    base = INBOX.replace("password: {credential: politics-imap}", "oauth: {provider: microsoft}")
    inbox = one_inbox(tmp_path, "", base)

    assert inbox.password is None
    assert inbox.oauth is not None
    assert inbox.oauth.provider is OAuthProvider.MICROSOFT


def test_a_key_without_a_value_counts_as_not_written(tmp_path: Path) -> None:
    """A user may leave `since:` or `redact: ~` empty."""
    inbox = one_inbox(tmp_path, "since:\nredact: ~\nport: null")
    assert (inbox.since, inbox.redact, inbox.port) == (None, (), 993)


def test_text_stays_as_it_is_written(tmp_path: Path) -> None:
    """YAML's guesses (06 a number, no a truth value) never reach a setting that is text."""
    base = INBOX.replace("archive@example.org", "012").replace("politics\n", "no\n")
    inbox = one_inbox(tmp_path, 'folders: [2024, 1e3, "true"]', base)
    assert (inbox.name, inbox.username, inbox.folders) == ("no", "012", ("2024", "1e3", "true"))


@pytest.mark.parametrize(("folder", "data"), [("config", "data"), ("etc", "etc/data")])
def test_databases_lie_in_the_project_around_config(tmp_path: Path, folder: str, data: str) -> None:
    """A relative path begins at the folder around `config/`; beside a settings file that lies elsewhere."""
    (tmp_path / folder).mkdir()
    store = settings.load(written(tmp_path / folder, "inboxes: []")).store

    assert store.newsletters == tmp_path / data / "newsletters.db"
    assert store.vault == tmp_path / data / "vault.db"
    assert store.media == tmp_path / data / "media.db"


def test_databases_can_be_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute paths, `~` and `..` are understood; what is not named lies beside newsletters.db."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = f"store: {{newsletters: ~/n.db, vault: ../v/vault.db}}\ninboxes: []\nsenders: {tmp_path}/s.yaml\n"
    written(tmp_path, "senders: []", "s.yaml")
    loaded = settings.load(written(tmp_path, text))

    assert loaded.store.newsletters == tmp_path / "home" / "n.db"
    assert loaded.store.vault == tmp_path.parent / "v" / "vault.db"
    assert loaded.store.media == tmp_path / "home" / "media.db"
    assert loaded.senders == tmp_path / "s.yaml"


def test_senders_beside_the_settings_are_found(tmp_path: Path) -> None:
    """senders.yaml needs no mention when it lies beside inboxes.yaml."""
    beside = written(tmp_path, "senders: []", "senders.yaml")
    assert settings.load(written(tmp_path, "inboxes: []")).senders == beside


def test_a_path_given_relative_is_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon may change its directory; its settings stay where they are."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "inboxes: []")
    loaded = settings.load(Path("inboxes.yaml"))

    assert loaded.path == tmp_path / "inboxes.yaml"
    assert loaded.store.vault.is_absolute()


def test_settings_are_values(tmp_path: Path) -> None:
    """They cannot be changed, they compare, and they travel to worker processes."""
    loaded = settings.load(
        written(tmp_path, "inboxes:\n  - {name: a, host: h, username: u, password: {env: P}}\n")
    )

    with pytest.raises(FrozenInstanceError):
        loaded.links = Links.KEEP  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(loaded)) == loaded  # noqa: S301  # our own bytes


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path) -> None:
    """Files come from every editor."""
    assert settings.load(written(tmp_path, b"\xef\xbb\xbflinks: keep\r\ninboxes: []\r\n")).links is Links.KEEP
