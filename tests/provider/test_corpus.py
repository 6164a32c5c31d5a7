"""Real mail: how much is named, nothing named wrongly, nothing copied believed."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from watcher.message import Unparseable, parse
from watcher.provider import Detection, Receiver, detect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OUTLOOK = Receiver("-", ("*.prod.outlook.com", "*.outlook.office365.com", "*.protection.outlook.com"))

SLUGS = {
    "aliyun_dm": "alibaba-directmail",
    "amazonses": "amazon-ses",
    "brevo_sendinblue": "brevo",
    "constantcontact": "constant-contact",
    "elaine_artegic": "elaine",
    "elasticemail": "elastic-email",
    "fairmailing": "phplist",
    "infusionsoft_keap": "keap",
    "lyris_sparklist": "lyris-listmanager",
    "optimizely_optivo": "optimizely",
    "sfmc_exacttarget": "salesforce-marketing-cloud",
    "zoho": "zoho-campaigns",
}
"""The manifest's names that differ from our slugs."""

DIFFERENT = {
    "newsletters/mailchimp/007.eml": "mandrill",  # the transactional service of the same house
    "newsletters/zoho/001.eml": "zeptomail",
    "newsletters/zoho/002.eml": "zeptomail",
    "newsletters/zoho/003.eml": "zeptomail",
}
"""Where the manifest's heuristic names the house and we name the service of it."""


def _manifest(corpus: Path) -> Iterator[dict[str, str]]:
    with (corpus / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _detection(corpus: Path, path: str, receiver: Receiver) -> Detection:
    return detect(parse((corpus / path).read_bytes()), receiver)


def _labelled(corpus: Path) -> list[dict[str, str]]:
    return [
        row
        for row in _manifest(corpus)
        if row["kind"] == "newsletter"
        and row["evidence"] in {"receiver", "labelled", "labelled+receiver"}
        and row["provider_by_signature"]
    ]


def _expected(row: dict[str, str]) -> str:
    label = row["provider_by_signature"]
    return DIFFERENT.get(row["path"], SLUGS.get(label, label))


def test_labelled_newsletters_are_named(corpus: Path) -> None:
    """Without any trust configured, at least 93 in 100 are hinted or better."""
    rows = _labelled(corpus)
    missed = [
        row["path"]
        for row in rows
        if _expected(row) not in {each.slug for each in _detection(corpus, row["path"], Receiver()).providers}
    ]
    assert len(missed) <= 0.07 * len(rows), missed


def test_no_newsletter_is_given_a_wrong_platform(corpus: Path) -> None:
    """Where the platform is known, no other platform is named beside it or in its place."""
    beside = {"delivery", "relay", "mailbox_host"}
    wrong = []
    for row in _labelled(corpus):
        found = [
            a.slug for a in _detection(corpus, row["path"], Receiver()).providers if a.layer not in beside
        ]
        if set(found) - {_expected(row)}:
            wrong.append((row["path"], found))
    assert wrong == []


def test_nothing_is_verified_without_a_receiver(corpus: Path) -> None:
    """Every header of every mail is a claim until the settings say otherwise."""
    for row in _manifest(corpus):
        if row["kind"] in {"newsletter", "claim", "list", "transactional"}:
            providers = _detection(corpus, row["path"], Receiver()).providers
            assert all(each.status not in {"verified", "contradicted"} for each in providers), row["path"]


def test_copied_header_blocks_are_never_verified(corpus: Path) -> None:
    """Salesforce Marketing Cloud's, pasted into other mail: contradicted, but for one real customer."""
    statuses = [
        each.status
        for path in sorted((corpus / "claimed-only" / "sfmc_exacttarget").iterdir())
        for each in detect(parse(path.read_bytes()), OUTLOOK).providers
        if each.slug == "salesforce-marketing-cloud"
    ]
    assert len(statuses) >= 6
    assert "verified" not in statuses
    assert statuses.count("contradicted") >= len(statuses) - 1


@pytest.mark.parametrize("provider", ["emarsys", "sailthru", "marketo"])
def test_real_receivers_contradict_what_they_did_not_see(corpus: Path, provider: str) -> None:
    """Filed under a platform by copied headers; by the receiver's own words refused or from elsewhere."""
    for path in sorted((corpus / "newsletters" / provider).iterdir()):
        found = [a.status for a in detect(parse(path.read_bytes()), OUTLOOK).providers if a.slug == provider]
        assert set(found) == {"contradicted"}, path.name


def test_real_newsletters_are_verified_by_their_receiver(corpus: Path) -> None:
    """The same settings verify what really came from the platform."""
    for provider in ("hubspot", "beehiiv"):
        for path in sorted((corpus / "newsletters" / provider).iterdir()):
            found = {a.slug: a.status for a in detect(parse(path.read_bytes()), OUTLOOK).providers}
            assert found[provider] == "verified", path.name


def test_lists_are_relays_and_lift_nobody(corpus: Path) -> None:
    """Google Groups and Mailman are named, and what came through them is asserted at most."""
    for receiver in (Receiver(), OUTLOOK, Receiver("gmr-mx.google.com")):
        for path in sorted((corpus / "lists" / "esp-through-a-list").iterdir()):
            providers = detect(parse(path.read_bytes()), receiver).providers
            assert {a.slug for a in providers if a.layer == "relay"} <= {"google-groups", "mailman"}
            assert any(a.layer == "relay" for a in providers), path.name
            assert not any(a.status == "verified" for a in providers if a.layer != "relay"), path.name


def test_two_recipients_of_one_issue_get_the_same_answer(corpus: Path) -> None:
    """What differs would be personal: providers, accounts, campaign and evidence are equal."""
    pairs = sorted(corpus.glob("newsletters/*/*-a.eml"))
    assert pairs
    for path in pairs:
        other = path.with_name(path.name.replace("-a.eml", "-b.eml"))
        assert detect(parse(path.read_bytes()), OUTLOOK) == detect(parse(other.read_bytes()), OUTLOOK), (
            path.name
        )


def test_every_mail_of_the_corpus_gets_a_detection(corpus: Path) -> None:
    """Bounces, broken mail and other projects' test messages raise nothing."""
    unparsed = 0
    for path in sorted(corpus.rglob("*.eml")):
        try:
            message = parse(path.read_bytes())
        except Unparseable:
            unparsed += 1
            continue
        assert detect(message, OUTLOOK).rules_version
    assert unparsed <= 5
