"""Text that UTF-8 cannot express, made storable. Needed by almost no record."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(value: T) -> T:
    """Return the value with each lone surrogate of its texts, however deep, as U+FFFD."""
    made: Any = value
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        made = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    elif isinstance(value, tuple):
        made = tuple(storable(each) for each in value)
    elif is_dataclass(value) and not isinstance(value, type):
        made = replace(value, **{field.name: storable(getattr(value, field.name)) for field in fields(value)})
    return made  # type: ignore[no-any-return]
