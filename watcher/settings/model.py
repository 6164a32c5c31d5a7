"""What the models of both files have in common.

A model describes a mapping of the file: each key with its type, its default, and the words that document it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Model(BaseModel):
    """A mapping of the file. An optional key without a value counts as not written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    private: ClassVar[frozenset[str]] = frozenset()
    """Keys whose values may be secret or name the subscriber: never shown in an error."""
    unnamed: ClassVar[bool] = False
    """Whether an unknown key may itself be a secret that was written in the wrong place."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        optional = {key for key, field in cls.model_fields.items() if not field.is_required()}
        return {key: value for key, value in data.items() if value is not None or key not in optional}


def nothing_is_an_empty_list(value: object) -> object:
    """Take a required list whose items are all commented out for an empty one."""
    return [] if value is None else value
