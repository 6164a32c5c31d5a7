"""The shape of what inboxes.yaml says about the processes that derive mail."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from watcher.settings import fields
from watcher.settings.model import Model

# A worker must get far enough to blame a mail: the rules alone take 40 MB.
_deadline = partial(fields.duration, least=timedelta(seconds=1), most=timedelta(hours=1))
_memory = partial(fields.size, least=128_000_000, most=64_000_000_000)


class Workers(Model):
    """What one mail may cost before it has failed."""

    deadline: Annotated[timedelta, BeforeValidator(_deadline), fields.DURATION_SCHEMA] = Field(
        "10s", validate_default=True, description="Time for one mail, 1s to 1h.", examples=["10s"]
    )
    memory: Annotated[int, BeforeValidator(_memory), fields.SIZE_SCHEMA] = Field(
        "512MB",
        validate_default=True,
        description="Memory of a process that derives mail, 128MB to 64GB.",
        examples=["512MB"],
    )
