"""New entries for senders.yaml: the old text stays, the new one is checked before it is written."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from watcher.settings import load_senders, sample_files
from watcher.settings.problems import Place, SettingsError
from watcher.settings.senders_append import addition
from watcher.settings.senders_csv import read_senders

if TYPE_CHECKING:
    from pathlib import Path

    from watcher.settings.senders_append import Addition

CSV = "name,domain\nNew One,new.example\nNew: Two,\n"
NEW = """\
  - name: New One
    slug: new-one
    match:
      domains: [new.example]
  - name: 'New: Two'
    slug: new-two
"""

FLOW = "{name: New One, slug: new-one, match: {domains: [new.example]}}, {name: 'New: Two', slug: new-two}"


def add(tmp_path: Path, yaml: str | None, csv: str = CSV) -> Addition:
    path, source = tmp_path / "senders.yaml", tmp_path / "new.csv"
    if yaml is not None:
        path.write_bytes(yaml.encode())
    source.write_text(csv, encoding="utf-8")
    return addition(path, read_senders(source), source)


OLD = """\
# mine
senders:   # all of them
  - {name: Old,   match: {domains: [ old.example ]}}  # flow

  - name: "Older"      # aligned
    match:
      domains: [older.example,
                oldest.example]   # two
"""

TEXTS = {
    "no file": (None, "# yaml-language-server: $schema=./senders.schema.json\nsenders:\n" + NEW),
    "an empty list": ("senders: []\n", "senders:\n" + NEW),
    "an empty list with comments": (
        "senders: []  # none\n#   - name: x\n",
        "senders:  # none\n" + NEW + "#   - name: x\n",
    ),
    "nothing": ("senders:\n# end\n", "senders:\n" + NEW + "# end\n"),
    "a null": ("senders: ~", "senders:\n" + NEW),
    "entries": (OLD, OLD + NEW),
    "no line break at the end": (OLD.rstrip("\n"), OLD + NEW),
    "comments behind the last entry": (
        OLD + "    # about Older\n\n# about nobody\n",
        OLD + "    # about Older\n" + NEW + "\n# about nobody\n",
    ),
    "no indentation": (
        "senders:\n- name: Old\n",
        "senders:\n- name: Old\n" + "".join(line[2:] + "\n" for line in NEW.splitlines()),
    ),
    "a last entry with a folded bracket": (
        "senders:\n  - name: Old\n    match: {\n      domains: [old.example]\n      }\n",
        "senders:\n  - name: Old\n    match: {\n      domains: [old.example]\n      }\n" + NEW,
    ),
    "a list in brackets": (
        "senders: [{name: Old}]  # one\n",
        f"senders: [{{name: Old}}, {FLOW}]  # one\n",
    ),
    "a list in brackets with a comma": (
        "senders: [\n  {name: Old},  # one\n]\n",
        f"senders: [\n  {{name: Old}}, {FLOW},  # one\n]\n",
    ),
    "CRLF": ("senders:\r\n  - name: Old\r\n", "senders:\r\n  - name: Old\r\n" + NEW.replace("\n", "\r\n")),
    "a byte order mark": ("\ufeffsenders: []\n", "\ufeffsenders:\n" + NEW),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_old_text_stays_as_it_is(tmp_path: Path, name: str) -> None:
    """Comments, quotes, alignment and order are the author's; new entries stand behind the last one."""
    before, after = TEXTS[name]
    made = add(tmp_path, before)
    made.write()
    assert (tmp_path / "senders.yaml").read_bytes().decode() == after
    assert [each.slug for each in load_senders(tmp_path / "senders.yaml")][-2:] == ["new-one", "new-two"]


def test_the_sample_file_takes_entries_and_keeps_its_comments(tmp_path: Path) -> None:
    """What `watcher init` writes is where most people start."""
    sample = sample_files()["senders.yaml"].decode()
    made = add(tmp_path, sample)
    assert made.text == sample.replace("senders: []\n", "senders:\n" + NEW)


def test_slugs_that_are_there_are_reported_and_not_doubled(tmp_path: Path) -> None:
    """Neither those of the file nor those of a row further up; importing twice changes nothing."""
    made = add(tmp_path, "senders:\n  - name: New One\n", CSV + "New Two,\n")
    assert [each.slug for each in made.entries] == ["new-two"]
    assert [(each.slug, each.place) for each in made.present] == [
        ("new-one", Place(2, 1)),
        ("new-two", Place(4, 1)),
    ]
    made.write()
    again = add(tmp_path, None)
    assert (again.entries, again.text, again.shown) == ((), made.text, "")


BAD = [
    ("name,website\nA,example.org\n", Place(2, 3), "must be an address such as"),
    ("name,slug\nA,Not A Slug\n", Place(2, 3), "must be a short name"),
    ("name,country,domain\nA,X,ok.example;b@d\n", Place(2, 5), "must be a domain"),
    ("name,account\nA,mailchimp\n", Place(2, 3), "the platform and the account"),
    ("name,domain\nA,x.example\nB,old.example\n", Place(3, 3), "`old` claims the same in line 3 of {path}:"),
    ("name,domain\nA,x.example\nB,X.example\n", Place(3, 3), "`a` claims the same in line 2 of {source}:"),
    ("name\nA\n日本\n", Place(3, 1), "no slug can be made from this name"),
]


@pytest.mark.parametrize(("csv", "place", "message"), BAD)
def test_what_would_make_the_file_invalid_is_told_at_its_cell(
    tmp_path: Path, csv: str, place: Place, message: str
) -> None:
    """In the CSV file, where it can be mended; senders.yaml is left alone."""
    before = "senders:\n  - name: Old\n    match: {domains: [old.example]}\n"
    with pytest.raises(SettingsError) as caught:
        add(tmp_path, before, csv)
    (problem,) = caught.value.problems
    assert (problem.path, problem.place) == (tmp_path / "new.csv", place)
    assert message.format(path=tmp_path / "senders.yaml", source=tmp_path / "new.csv") in problem.message
    assert str(tmp_path.parent) not in problem.message.replace(str(tmp_path), "")
    assert (tmp_path / "senders.yaml").read_text() == before


def test_a_file_that_is_wrong_already_is_told_first(tmp_path: Path) -> None:
    """With its own line, not with that of a trial."""
    with pytest.raises(SettingsError) as caught:
        add(tmp_path, "senders:\n  - nam: Old\n")
    assert caught.value.problems[0].path == tmp_path / "senders.yaml"


def test_the_file_is_replaced_at_once_with_its_mode_and_through_a_link(tmp_path: Path) -> None:
    """A reader sees the old file or the new one; nothing else is left behind."""
    real = tmp_path / "real"
    real.mkdir()
    target = real / "senders.yaml"
    target.write_text("senders: []\n")
    target.chmod(0o640)
    (tmp_path / "senders.yaml").symlink_to(target)
    before = target.stat().st_ino
    made = addition(tmp_path / "senders.yaml", [], tmp_path / "x.csv")
    made.write()
    assert target.stat().st_ino != before
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in real.iterdir()] == ["senders.yaml"]
    assert (tmp_path / "senders.yaml").is_symlink()


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no half of a new one."""
    made = add(tmp_path, "senders: []\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        made.write()
    assert (tmp_path / "senders.yaml").read_text() == "senders: []\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv", "senders.yaml"]
