"""The shipped files: the samples load, as they are and uncommented; the schemas are those of the models."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.settings_files import written
from watcher import settings
from watcher.settings import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLES = settings.sample_files()


def _text(name: str) -> str:
    return SAMPLES[name].decode()


def _uncommented(text: str) -> str:
    """Do what the sample tells the user: delete the `[]`, take the `# ` off the lines below."""
    head, mark, tail = text.partition(": []\n")
    assert mark, "the sample has its list empty"
    return f"{head}:\n" + "\n".join(line[2:] for line in tail.splitlines()) + "\n"


def _commented_keys(text: str) -> dict[str, str]:
    """Find the optional keys that stay comments in the uncommented sample, with their lines."""
    found = re.findall(r"^ +# (([a-z_]+): .*)$", text, re.MULTILINE)
    return {key: line for line, key in found}


def _keys(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, below in node.get("properties", {}).items():
        yield f"{path}{name}", below
        yield from _keys(below, f"{path}{name}.")
        yield from _keys(below.get("items", {}), f"{path}{name}.")


def test_the_samples_load_as_they_are(tmp_path: Path) -> None:
    """`watcher init` gives files that are valid before anybody edits them."""
    for name, content in SAMPLES.items():
        (tmp_path / name).write_bytes(content)

    loaded = settings.load(tmp_path / "inboxes.yaml")
    assert loaded.inboxes == ()
    assert settings.load_senders(loaded.senders) == ()


def test_the_sample_inbox_loads_once_it_is_uncommented(tmp_path: Path) -> None:
    """What a new user gets by doing what the comment says."""
    (inbox,) = settings.load(written(tmp_path, _uncommented(_text("inboxes.yaml")))).inboxes

    assert inbox.name == "politics"
    assert inbox.password is not None


def test_the_sample_sender_loads_once_it_is_uncommented(tmp_path: Path) -> None:
    """With every mark and every fact."""
    text = _uncommented(_text("senders.yaml"))
    (sender,) = settings.load_senders(written(tmp_path, text, "senders.yaml"))

    assert sender.slug == "example-party"
    assert all(
        getattr(sender.match, key) for key in ("list_ids", "aliases", "accounts", "addresses", "domains")
    )


def test_the_sample_states_the_defaults(tmp_path: Path) -> None:
    """The keys that the sample calls optional say what happens without them."""
    text = _uncommented(_text("inboxes.yaml"))
    optional = re.compile(r"^ +(security|port|folders|every|after|max_message): .*\n", re.MULTILINE)
    assert len(optional.findall(text)) == 5

    assert settings.load(written(tmp_path, text)) == settings.load(written(tmp_path, optional.sub("", text)))


def test_each_optional_line_of_the_sample_is_valid(tmp_path: Path) -> None:
    """A line that is still a comment in the uncommented sample can be taken in as well, where it fits."""
    text = _uncommented(_text("inboxes.yaml"))
    written(tmp_path, "pem", "ca.pem")
    taken = 0
    for key, line in _commented_keys(text).items():
        trial = text.replace(f"# {line}", line)
        if key in {"password", "oauth"}:
            trial = trial.replace("password: {credential: politics-imap}", "")
        elif key == "move_to":
            trial = trial.replace("after: leave", "after: move")
        elif key == "insecure":
            trial = trial.replace("security: tls", "security: none")
        settings.load(written(tmp_path, trial))
        taken += 1
    assert taken >= 10


@pytest.mark.parametrize("name", ["inboxes", "senders"])
def test_every_key_stands_in_the_sample(name: str) -> None:
    """The sample is where a user finds out what there is."""
    missing = [
        path
        for path, _ in _keys(settings.json_schema(name))
        if not re.search(rf"\b{path.rpartition('.')[2]}:", _text(f"{name}.yaml"))
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["inboxes", "senders"])
def test_the_sample_names_its_schema_first(name: str) -> None:
    """So that an editor completes and checks."""
    assert _text(f"{name}.yaml").startswith(f"# yaml-language-server: $schema=./{name}.schema.json\n")
    assert f"{name}.schema.json" in SAMPLES


@pytest.mark.parametrize("name", ["inboxes", "senders"])
def test_the_schema_file_is_that_of_the_models(name: str) -> None:
    """After a change: `python -m watcher.settings.schema config`."""
    assert _text(f"{name}.schema.json") == schema.written(name)


@pytest.mark.parametrize("name", ["inboxes", "senders"])
def test_the_schema_is_the_documentation(name: str) -> None:
    """Every key has a description that is a sentence, and an example; nothing refers elsewhere."""
    keys = dict(_keys(settings.json_schema(name)))

    assert len(keys) > 14
    for path, key in keys.items():
        assert key["description"].endswith("."), path
        assert key["examples"], path
        assert key["type"], path
    assert "$ref" not in json.dumps(keys)


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    """Unknown keys, both logins or none, two references: an editor says so while the user types."""
    inboxes = settings.json_schema("inboxes")
    inbox = inboxes["properties"]["inboxes"]["items"]

    assert inboxes["additionalProperties"] is inbox["additionalProperties"] is False
    assert inboxes["required"] == ["inboxes"]
    assert inbox["required"] == ["name", "host", "username"]
    assert inbox["oneOf"] == [{"required": ["password"]}, {"required": ["oauth"]}]
    password = inbox["properties"]["password"]
    assert (password["minProperties"], password["maxProperties"]) == (1, 1)
    assert inbox["properties"]["security"]["enum"] == ["tls", "starttls", "none"]


def test_the_examples_of_an_inbox_are_valid(tmp_path: Path) -> None:
    """What the documentation shows can be copied."""
    inbox = settings.json_schema("inboxes")["properties"]["inboxes"]["items"]
    left_out = {"insecure", "oauth", "move_to", "cafile"}  # each contradicts another example, or needs a file
    examples = {
        key: value["examples"][0] for key, value in inbox["properties"].items() if key not in left_out
    }
    text = json.dumps({"inboxes": [examples]})  # JSON is YAML

    (loaded,) = settings.load(written(tmp_path, text)).inboxes
    assert loaded.redact == ("Jane Doe",)


def test_the_schema_files_are_written_by_a_command(tmp_path: Path) -> None:
    """The one that the failing test above names."""
    schema.main([str(tmp_path)])
    assert (tmp_path / "senders.schema.json").read_text(encoding="utf-8") == schema.written("senders")
