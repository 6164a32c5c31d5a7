"""The JSON Schema of both files, made from the models: it completes and checks while someone edits.

`python -m watcher.settings.schema FOLDER` writes `inboxes.schema.json` and `senders.schema.json` there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watcher.settings.inboxes_model import InboxesFile
from watcher.settings.senders_model import SendersFile

if TYPE_CHECKING:
    from watcher.settings.model import Model

FILES: dict[str, type[Model]] = {"inboxes": InboxesFile, "senders": SendersFile}
_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What editors know best; nothing that we say needs a newer one."""


def json_schema(name: str) -> dict[str, Any]:
    """Return the schema of `inboxes` or `senders`: every key with a description and examples.

    Raises `KeyError` for any other name.
    """
    model = FILES[name]
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {"$schema": _DIALECT, "title": f"{name}.yaml", **_simple(schema, definitions)}


def written(name: str) -> str:
    """Return the text of the schema file."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"


def _simple(node: Any, definitions: dict[str, Any]) -> Any:
    """Take out references, titles and null: an optional key is one that may be left out."""
    if isinstance(node, list):
        return [_simple(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = {
            **definitions[node["$ref"].rpartition("/")[2]],
            **{key: node[key] for key in node if key != "$ref"},
        }
    if "anyOf" in node:
        (choice,) = (each for each in node["anyOf"] if each != {"type": "null"})
        return _simple({**choice, **{key: node[key] for key in node if key != "anyOf"}}, definitions)
    simple = {}
    for key, value in node.items():
        if key == "properties":
            simple[key] = {name: _simple(each, definitions) for name, each in value.items()}
        elif key in {"examples", "required", "enum", "oneOf"}:
            simple[key] = value
        elif key != "title" and not (key == "default" and value is None):
            simple[key] = _simple(value, definitions)
    return simple


def main(arguments: list[str]) -> None:
    """Write both schema files into the folder that is named."""
    folder = Path(arguments[0] if arguments else "config")
    for name in FILES:
        (folder / f"{name}.schema.json").write_text(written(name), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
