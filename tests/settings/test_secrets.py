"""Where passwords are read from, and what is refused."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

import pytest

from watcher.settings import SecretError, SecretKind, SecretRef, secrets

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct horse"


def _reference(kind: SecretKind, *value: str) -> SecretRef:
    return SecretRef("politics", kind, value)


def _program(source: str) -> SecretRef:
    return _reference(SecretKind.COMMAND, sys.executable, "-c", source)


def _refusal(reference: SecretRef, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SecretError) as caught:
        reference.read(environ or {})
    assert str(caught.value).startswith("inbox politics: ")
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Make a file with the password, closed to others."""
    path = tmp_path / "politics.password"
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_credential_is_a_file_that_systemd_lays_down(private: Path) -> None:
    """`credential` reads $CREDENTIALS_DIRECTORY/NAME, whose mode is systemd's affair."""
    private.chmod(0o444)
    reference = _reference(SecretKind.CREDENTIAL, private.name)
    assert reference.read({"CREDENTIALS_DIRECTORY": str(private.parent)}) == SECRET


def test_a_credential_outside_systemd_says_what_to_do() -> None:
    """By hand there is no $CREDENTIALS_DIRECTORY: the message names the unit's option and the other way."""
    refusal = _refusal(_reference(SecretKind.CREDENTIAL, "politics-imap"))
    assert "LoadCredential=politics-imap:" in refusal
    assert "{file: PATH}" in refusal


def test_a_credential_that_the_unit_does_not_load_is_named(tmp_path: Path) -> None:
    """The unit lacks its LoadCredential= line."""
    refusal = _refusal(_reference(SecretKind.CREDENTIAL, "other"), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert f"there is no file {tmp_path}/other: put `LoadCredential=other:/PATH` in the unit" in refusal


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_private_file_is_read(private: Path, mode: int) -> None:
    """Owner alone, or owner and group."""
    private.chmod(mode)
    assert _reference(SecretKind.FILE, str(private)).read({}) == SECRET


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_file_that_is_open_to_others_is_refused_with_the_remedy(private: Path, mode: int) -> None:
    """A password that everybody can read is not one."""
    private.chmod(mode)
    assert f"run `chmod o-rwx {private}`" in _refusal(_reference(SecretKind.FILE, str(private)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"correct horse\nbattery\n", "more than one line"),
        (b"correct horse\n\n", "more than one line"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"correct horse" * 10_000, "is it the right file?"),
    ],
)
def test_a_file_that_is_no_password_is_refused(private: Path, content: bytes, says: str) -> None:
    """Exactly one line of text."""
    private.write_bytes(content)
    assert says in _refusal(_reference(SecretKind.FILE, str(private)))


def test_a_windows_line_end_is_no_part_of_the_password(private: Path) -> None:
    """The line break goes, spaces stay."""
    private.write_bytes(b" correct horse \r\n")
    assert _reference(SecretKind.FILE, str(private)).read({}) == " correct horse "


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With its whole path."""
    assert f"there is no file {tmp_path}/none: check the path" in _refusal(
        _reference(SecretKind.FILE, str(tmp_path / "none"))
    )


def test_a_file_below_a_file_cannot_be_opened(private: Path) -> None:
    """The system's reason is passed on."""
    assert "Not a directory" in _refusal(_reference(SecretKind.FILE, str(private / "below")))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A daemon must not hang on a file that never ends."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "not a regular file" in _refusal(_reference(SecretKind.FILE, str(tmp_path / "pipe")))


def test_an_environment_variable_is_read_from_the_given_environment() -> None:
    """The environment comes in as an argument."""
    reference = _reference(SecretKind.ENV, "POLITICS_PASSWORD")

    assert reference.read({"POLITICS_PASSWORD": SECRET}) == SECRET
    assert "environment variable POLITICS_PASSWORD is not set" in _refusal(reference)
    assert "is empty" in _refusal(reference, {"POLITICS_PASSWORD": ""})


def test_a_command_gives_the_first_line_that_it_prints() -> None:
    """Password managers print notes below the password."""
    assert _program(f"print({SECRET!r}); print('url: x')").read({}) == SECRET


def test_a_command_runs_without_a_shell_in_the_given_environment() -> None:
    """Its arguments are taken as they are, and it sees the environment of the caller only."""
    reference = _reference(
        SecretKind.COMMAND, sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME;"
    )
    assert reference.read({}) == "$HOME;"
    assert _program("import os; print(os.environ['ONLY'])").read({"ONLY": SECRET}) == SECRET


def test_a_command_cannot_ask_anybody() -> None:
    """Its input is empty."""
    assert _program("import sys; print(len(sys.stdin.read()))").read({}) == "0"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (f"import sys; sys.exit({SECRET!r})", "ended with status 1; run it by hand"),
        (f"print({SECRET!r}); raise SystemExit(3)", "ended with status 3"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("pass", "is empty"),
        ("print()", "is empty"),
        (f"print({SECRET!r} * 10_000)", "printed more than 65,536 bytes"),
    ],
)
def test_a_command_that_fails_says_how(source: str, says: str) -> None:
    """The status, never what it printed, on either stream."""
    assert says in _refusal(_program(source))


def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ten seconds (here: a part of one), then it and what it started are gone."""
    monkeypatch.setattr(secrets, "_COMMAND_SECONDS", 0.5)
    os.mkfifo(tmp_path / "alive")
    watched = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    source = f"import subprocess; subprocess.run(['sh', '-c', 'exec 3>{tmp_path}/alive; sleep 600'])"
    try:
        refusal = _refusal(_program(source), dict(os.environ))
        hung_up = select.poll()
        hung_up.register(watched, select.POLLIN)
        assert hung_up.poll(20_000) == [(watched, select.POLLHUP)]  # nobody holds the pipe any more
    finally:
        os.close(watched)
    assert "did not end within" in refusal


def test_a_command_that_is_not_there_is_named_without_its_arguments() -> None:
    """Arguments may be secret themselves."""
    refusal = _refusal(_reference(SecretKind.COMMAND, "/no/such/program", SECRET))
    assert "the command program cannot be started: No such file or directory" in refusal


def test_a_reference_does_not_show_where_it_leads() -> None:
    """Nor does anything that prints settings."""
    assert SECRET not in repr(_reference(SecretKind.COMMAND, "echo", SECRET))
