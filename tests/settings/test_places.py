"""Where settings are looked for, and where samples come from."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import pytest

from watcher import settings
from watcher.settings import places


def _touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("inboxes: []\n", encoding="utf-8")
    return path


def test_what_is_named_comes_first(tmp_path: Path) -> None:
    """--config, then $WATCHER_CONFIG; neither is replaced by a default when it is missing."""
    default = (_touched(tmp_path / "default.yaml"),)
    environ = {"WATCHER_CONFIG": "/named/by/environment.yaml"}

    assert settings.find_config("/named.yaml", environ, default) == Path("/named.yaml")
    assert settings.find_config(None, environ, default) == Path("/named/by/environment.yaml")
    assert settings.find_config("", {"WATCHER_CONFIG": ""}, default) == default[0]


def test_the_working_directory_comes_before_the_machine(tmp_path: Path) -> None:
    """The first of the default places that is there."""
    here, machine = tmp_path / "config" / "inboxes.yaml", _touched(tmp_path / "etc" / "inboxes.yaml")

    assert settings.find_config(None, {}, (here, machine)) == machine
    _touched(here)
    assert settings.find_config(None, {}, (here, machine)) == here
    assert [str(place) for place in places.PLACES] == ["config/inboxes.yaml", "/etc/watcher/inboxes.yaml"]


def test_no_settings_at_all_say_how_to_begin(tmp_path: Path) -> None:
    """One line, with the command that writes a first file."""
    with pytest.raises(settings.SettingsError) as caught:
        settings.find_config(None, {}, (tmp_path / "a", tmp_path / "b"))

    assert str(caught.value) == (
        f"there are no settings, neither {tmp_path}/a nor {tmp_path}/b: "
        "run `watcher init`, or name a file (--config, $WATCHER_CONFIG)"
    )


def test_whether_settings_exist_can_be_asked(tmp_path: Path) -> None:
    """Commands that can do without ask before they load."""
    assert not settings.config_exists({}, (tmp_path / "none",))
    assert settings.config_exists({}, (_touched(tmp_path / "some"),))
    assert settings.config_exists({"WATCHER_CONFIG": "x"}, ())


def test_an_installed_package_brings_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wheel they lie inside the package: from there, even when a config folder lies beside it."""
    _touched(tmp_path / "config" / "inboxes.yaml")
    package = tmp_path / "watcher"
    for name in ("inboxes.yaml", "inboxes.schema.json", "notes.txt"):
        (package / "_files" / "config").mkdir(parents=True, exist_ok=True)
        (package / "_files" / "config" / name).write_bytes(b"packaged")
    monkeypatch.setattr(places, "files", lambda _: package)

    assert settings.sample_files() == {"inboxes.schema.json": b"packaged", "inboxes.yaml": b"packaged"}


def test_an_installation_without_samples_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken package is not an empty one."""
    monkeypatch.setattr(places, "files", lambda _: tmp_path / "watcher")
    with pytest.raises(FileNotFoundError, match="install the package again"):
        settings.sample_files()


def test_a_source_checkout_has_them_beside_the_package() -> None:
    """The folder config/ of the project, schemas included."""
    beside = Path(str(importlib.resources.files("watcher"))).parent / "config"
    samples = settings.sample_files()

    assert {"inboxes.yaml", "senders.yaml", "inboxes.schema.json", "senders.schema.json"} <= samples.keys()
    assert samples["inboxes.yaml"] == (beside / "inboxes.yaml").read_bytes()
