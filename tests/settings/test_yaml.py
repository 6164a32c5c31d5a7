"""Files that are no settings at all: not there, not text, not YAML."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.settings_files import only_problem, position, written
from watcher import settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("inboxes:\n\t- name: a\n", (2, 1), "a tab stands"),
        ("links: @keep\n", (1, 8), "put the value in quotes"),
        ("store: a: b\n", (1, 9), "a `:` is not expected here"),
        ("inboxes: []\nlinks\n", (2, 1), "a key needs a `:`"),
        ("inboxes: []\nlinks: 'keep\n", (2, 8), "this quote is never closed"),
        ("inboxes: [a, b\n", (1, 10), "this bracket is never closed"),
        ("store: {vault: a\nlinks: keep\n", (1, 8), "this bracket is never closed"),
        ('links: "\\q"\n', (1, 10), "use single quotes"),
        ("store:\n    vault: a\n  media: b\n", (3, 3), "does not line up"),
        ("inboxes: []\n  - name: a\n", (2, 3), "delete the `[]`"),
        ("inboxes: []  # none\n\n  # - name: a\n  - name: b\n", (4, 3), "delete the `[]`"),
        ("inboxes: []\n---\ninboxes: []\n", (2, 1), "a second document"),
        ("links: \x01\n", (1, 8), "U+0001"),
        (b"links: keep\ninboxes: [\xe4]\n", (2, 11), "0xE4 is not UTF-8"),
        ("inboxes: []".encode("utf-16"), (1, 1), "UTF-16"),
        ("a: " + "[" * 30 + "\n", (1, 23), "nested too deeply"),
    ],
)
def test_what_is_not_yaml_is_explained_at_its_place(
    tmp_path: Path, text: str | bytes, place: tuple[int, int], says: str
) -> None:
    """The finding in our words, and where to look: at an opening quote rather than at the end of the file."""
    problem = only_problem(written(tmp_path, text))

    assert position(problem) == place
    assert says in problem.message


def test_a_broken_line_is_shown_as_far_as_it_is_harmless(tmp_path: Path) -> None:
    """A known, harmless key shows its value also where the file is not YAML."""
    problem = only_problem(written(tmp_path, "inboxes:\n  - host: @example\n"))
    assert str(problem.excerpt) == "      - host: @example\n              ^"


def test_aliases_do_not_multiply(tmp_path: Path) -> None:
    """Nine levels of eight are refused at the first, without being expanded."""
    levels = "\n".join(f"a{n}: &a{n} [{', '.join(['*a' + str(n - 1)] * 8)}]" for n in range(1, 9))
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(written(tmp_path, f"a0: &a0 [x]\n{levels}\ninboxes: *a8\n"))

    assert "begins with `&` needs quotes" in str(caught.value)
    assert "begins with `*` needs quotes" in str(caught.value)


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    """A path that leads nowhere is a problem of the settings, not a traceback."""
    assert str(only_problem(tmp_path / "none.yaml")) == (
        f"{tmp_path}/none.yaml: there is no such file; `watcher init` writes one to start from"
    )


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """`--config config` gets a hint."""
    assert "this is a folder" in only_problem(tmp_path).message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Reading a pipe or a device may never end."""
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in only_problem(tmp_path / "pipe").message


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A database given by mistake is refused by its size."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(17_000_000)
    assert "is it the right file?" in only_problem(path).message


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """A name with more than 255 bytes, or with a NUL, is no traceback."""
    assert "cannot be read" in only_problem(tmp_path / ("n" * 300)).message
    assert only_problem(tmp_path / "a\0b").place is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    """The remedy is its owner or mode."""
    path = written(tmp_path, "inboxes: []")
    path.chmod(0)
    assert "change its owner or its mode" in only_problem(path).message


@hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.text("inboxes: name\n-[]{}'\"#&*!|>%@`,?\t~", max_size=60).map(str.encode),
    )
)
def test_any_bytes_are_settings_or_a_settings_error(tmp_path: Path, content: bytes) -> None:
    """Whatever a file holds, nothing but `SettingsError` leaves the loader, and its report can be made."""
    try:
        settings.load(written(tmp_path, content))
    except settings.SettingsError as error:
        assert str(error).startswith(str(tmp_path))  # noqa: PT017  # settings are as good an outcome
