"""No password reaches an error, wherever in the file it was written by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.settings_files import INBOX, inbox_text, only_problem, position, problems_of, written
from watcher import settings

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2"

_CORE = "name: a\nhost: h\nusername: u\n"


def test_a_plain_password_is_refused_with_the_four_references(tmp_path: Path) -> None:
    """The message explains what to write instead; the line is shown without the value."""
    problem = only_problem(written(tmp_path, inbox_text(f"password: {SECRET}  # mine", _CORE)))

    assert position(problem) == (5, 15)
    for form in ("{credential: NAME}", "{file: PATH}", "{env: NAME}", "{command: [PROGRAM, ARGUMENT]}"):
        assert form in problem.message
    assert str(problem.excerpt) == "        password: [hidden]\n                  ^"


@pytest.mark.parametrize(
    "line",
    [
        f"password: {SECRET}",
        f"password: '{SECRET}'",
        f'password: "{SECRET}"',
        f"password: |\n  {SECRET}\n  {SECRET}",
        f"password: >-\n  {SECRET}",
        f"password:\n  {SECRET}",
        f"password: [{SECRET}]",
        f"password: {{{SECRET}}}",
        f"password: {{{SECRET}: }}",
        f"password: {{plain: {SECRET}}}",
        f"password: {{file: a, {SECRET}: b}}",
        f"password: {{env: {SECRET}}}",
        f"password: {{env: [{SECRET}]}}",
        f"password: {{env: A, command: [echo, {SECRET}]}}",
        f"password: {{command: 'echo {SECRET}'}}",
        f'password: {{command: [echo, "{SECRET}\\n"]}}',
        f"password: {{comand: [echo, {SECRET}]}}",
        f"password: {{credential: /{SECRET}}}",
        f"password: &anchor {SECRET}",
        f"password: !secret {SECRET}",
        f"password: !{SECRET}",
        f"password: *{SECRET}",
        f"password: {SECRET}: x",
        f"password: '{SECRET}",
        f'password: "{SECRET}\\q"',
        f"password: @{SECRET}",
        f"password: {{env: {SECRET}",
        f"password: {{file: a}} {SECRET}",
        f"pasword: {SECRET}",
        f"passwd: {SECRET}",
        f"Password: {SECRET}",
        f"secret: {{value: {SECRET}}}",
        f"token:\n  - {SECRET}",
        f"password:{SECRET}",
        f"password {SECRET}",
        f"password= {SECRET}",
        f"{SECRET}",
        f"? [{SECRET}]\n: x",
        f"password: {{env: P}}\npassword: {SECRET}",
        f"oauth: {SECRET}",
        f"oauth: {{provider: google, secret: {SECRET}}}",
        f"port: 99300  # the password is {SECRET}",
        f"host: imaps://u:{SECRET}@imap.example.org",
        f"username: u\n  password:{SECRET}",
        f"links: keep\n password: {SECRET}",
    ],
)
def test_a_password_is_never_shown(tmp_path: Path, line: str) -> None:
    """Each way to write a password by mistake is an error, and none repeats it."""
    path = written(tmp_path, inbox_text(line, _CORE))
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(path)

    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_an_inline_inbox_hides_its_password_only(tmp_path: Path) -> None:
    """In one line with harmless keys, the harmless ones stay readable, and the caret stays at its place."""
    line = f"{{name: a, port: 0, username: me@example.org, password: {SECRET}, host: h, every: 1}}"
    _, shown, caret = str(problems_of(written(tmp_path, f"inboxes:\n- {line}\n"))[-1]).split("\n")

    assert shown.strip() == (
        "- {name: a, port: 0, username: [hidden], password: [hidden], host: h, every: 1}"
    )
    assert shown[caret.index("^") :] == "1}"


def test_the_file_of_a_password_is_no_settings_file(tmp_path: Path) -> None:
    """`--config` on the wrong file does not print that file."""
    assert SECRET not in str(settings.SettingsError(problems_of(written(tmp_path, f"{SECRET}\n"))))


@pytest.mark.parametrize(
    "line", ["username: [me@example.org]", "addresses: me@example.org", "redact: [Jane Doe, J]"]
)
def test_the_subscriber_is_not_named(tmp_path: Path, line: str) -> None:
    """Errors reach the journal: they hold no address and no name of the subscriber."""
    base = INBOX.replace("username: archive@example.org\n", "") if line.startswith("username") else INBOX
    report = "\n".join(str(problem) for problem in problems_of(written(tmp_path, inbox_text(line, base))))

    assert "[hidden]" in report
    assert "me@example.org" not in report
    assert "Jane" not in report


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    before=st.text("password: {}[]'\"\n -#&*!|>,x", max_size=12),
    after=st.text("password: {}[]'\"\n -#&*!|>,x", max_size=12),
)
def test_no_surroundings_bring_a_password_into_an_error(tmp_path: Path, before: str, after: str) -> None:
    """For any YAML-like text around a password value: settings, or an error without it, and nothing else."""
    path = written(tmp_path, inbox_text() + f"    password: {before}{SECRET}{after}\n")
    try:
        settings.load(path)
    except settings.SettingsError as error:
        assert SECRET not in str(error)  # noqa: PT017  # settings are as good an outcome
