"""The shape of a secret in the settings: never the secret itself, always where it is."""

from __future__ import annotations

from pydantic import ConfigDict, Field, field_validator

from watcher.settings import fields  # noqa: TC001  # pydantic reads it
from watcher.settings.fields import invalid
from watcher.settings.model import Model

REFERENCES = "{credential: NAME}, {file: PATH}, {env: NAME} or {command: [PROGRAM, ARGUMENT]}"
_NO_PASSWORDS = (
    f"a password must not stand in the settings; say where it is instead: {REFERENCES} "
    "(a systemd credential, a file that only its owner may read, an environment variable, "
    "or a program that prints it)"
)


class Secret(Model):
    """Where a password is."""

    private = frozenset({"credential", "file", "env", "command"})
    unnamed = True

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    credential: fields.CredentialName | None = Field(
        None,
        description="Name of a systemd credential: `LoadCredential=NAME:/path` in the unit.",
        examples=["politics-imap"],
    )
    file: fields.Text | None = Field(
        None,
        description="File with the password as its only line, closed to others (`chmod 600`). A relative "
        "path begins at the folder of this file.",
        examples=["/etc/watcher/politics.password"],
    )
    env: fields.Variable | None = Field(
        None, description="Name of an environment variable, in capitals.", examples=["POLITICS_PASSWORD"]
    )
    command: tuple[fields.Text, ...] | None = Field(
        None,
        description="Program and arguments; the first line that it prints within 10 seconds is the password. "
        "There is no shell.",
        examples=[["pass", "show", "imap/politics"]],
        json_schema_extra={"minItems": 1},
    )

    @field_validator("command", mode="before")
    @classmethod
    def _list_of_arguments(cls, value: object) -> object:
        if not isinstance(value, list) or not value:
            raise invalid(
                "must be a list of the program and its arguments: `[pass, show, imap]`; there is no shell"
            )
        return value


def one_reference(value: object) -> object:
    """Refuse a password in plain text, and more or less than one reference, before anything looks at it."""
    if isinstance(value, dict):
        written = [key for key in Secret.model_fields if value.get(key) is not None]
        if len(written) > 1 or not (written or value.keys() - Secret.model_fields.keys()):
            raise invalid(f"must be exactly one of {REFERENCES}")
        return value
    if isinstance(value, list):
        raise invalid(f"must be one of {REFERENCES}")
    raise invalid(_NO_PASSWORDS)
