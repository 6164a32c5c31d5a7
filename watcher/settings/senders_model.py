"""The shape of senders.yaml: every key with what it is for."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from watcher.settings import fields  # noqa: TC001  # pydantic reads the annotations
from watcher.settings.model import Model, nothing_is_an_empty_list


class Match(Model):
    """What a sender's mail is known by. The first that fits decides; case matters in accounts only."""

    private: ClassVar[frozenset[str]] = frozenset({"aliases"})

    list_ids: tuple[fields.ListId, ...] = Field(
        (), description="List-Id, the part inside <>. The surest sign.", examples=[["news.example.org"]]
    )
    aliases: tuple[fields.Token, ...] = Field(
        (),
        description="Addresses of yours that only this sender knows, or their part before `@` or behind `+`.",
        examples=[["archive+acme@example.org"]],
    )
    accounts: tuple[fields.PlatformAccount, ...] = Field(
        (),
        description="The sender's account at its platform: `platform:account`, as the archive shows them.",
        examples=[["mailchimp:0123456789abcdef"]],
    )
    addresses: tuple[fields.Address, ...] = Field(
        (), description="Addresses in From.", examples=[["news@example.org"]]
    )
    domains: tuple[fields.Domain, ...] = Field(
        (), description="Domains of addresses in From.", examples=[["example.org"]]
    )


class Sender(Model):
    """An organisation or a person who sends newsletters."""

    name: fields.Text = Field(description="As it shall read in the archive.", examples=["Example Party"])
    slug: fields.Slug | None = Field(
        None, description="Short name for links, made from `name` unless written.", examples=["example-party"]
    )
    kind: fields.Text | None = Field(
        None,
        description="What sort of sender: party, candidate, office, ngo, media, company.",
        examples=["party"],
    )
    party: fields.Text | None = Field(None, description="Political party.", examples=["Example Party"])
    country: fields.Text | None = Field(None, description="Country.", examples=["Exampleland"])
    locality: fields.Text | None = Field(None, description="State or locality.", examples=["North Example"])
    office: fields.Text | None = Field(None, description="Office held or sought.", examples=["Mayor"])
    website: fields.Website | None = Field(
        None, description="Home page.", examples=["https://www.example.org/"]
    )
    source: fields.Text | None = Field(
        None, description="Where these facts come from.", examples=["https://www.example.org/imprint"]
    )
    match: Match = Field(
        default_factory=Match,
        description="What its mail is known by.",
        examples=[{"domains": ["example.org"]}],
    )


class SendersFile(Model):
    """The senders that the archive knows by name."""

    senders: Annotated[tuple[Sender, ...], BeforeValidator(nothing_is_an_empty_list)] = Field(
        description="The known senders; `[]` for none.",
        examples=[[{"name": "Example Party", "match": {"list_ids": ["news.example.org"]}}]],
    )
