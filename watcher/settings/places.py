"""Where the settings are, and where the files to start from are."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.settings.problems import Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

VARIABLE = "WATCHER_CONFIG"
PLACES = (Path("config/inboxes.yaml"), Path("/etc/watcher/inboxes.yaml"))
_SHIPPED = (".yaml", ".json")


def find_config(
    explicit: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    places: tuple[Path, ...] = PLACES,
) -> Path:
    """Find the settings file: `explicit`, else $WATCHER_CONFIG, else the first of `places` that is there.

    One that is named is not looked for: `load` says when it is missing. Raises `SettingsError` when none is
    named and none is there.
    """
    named = explicit or (os.environ if environ is None else environ).get(VARIABLE)
    if named:
        return Path(named)
    for place in places:
        if place.is_file():
            return place
    looked = " nor ".join(str(place) for place in places)
    message = (
        f"there are no settings, neither {looked}: run `watcher init`, or name a file (--config, ${VARIABLE})"
    )
    raise SettingsError([Problem(None, message)])


def config_exists(environ: Mapping[str, str] | None = None, places: tuple[Path, ...] = PLACES) -> bool:
    """Whether `find_config` finds a file without being told its name."""
    try:
        find_config(None, environ, places)
    except SettingsError:
        return False
    return True


def sample_files() -> dict[str, bytes]:
    """Return the files of `config/` by name: the samples and their schemas, for `watcher init` to write.

    An installed package carries them; in a source checkout they lie beside it. Raises `FileNotFoundError`
    when the package was installed without them.
    """
    package = files("watcher")
    candidates: list[Traversable] = [package / "_files" / "config"]
    if isinstance(package, Path):
        candidates.append(package.parent / "config")
    for folder in candidates:
        if (folder / "inboxes.yaml").is_file():
            shipped = sorted(
                (each for each in folder.iterdir() if each.name.endswith(_SHIPPED)),
                key=lambda each: each.name,
            )
            return {each.name: each.read_bytes() for each in shipped if each.is_file()}
    raise FileNotFoundError(
        "the files to start from are not part of this installation: install the package again"
    )
