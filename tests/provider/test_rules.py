"""The rule files: what they must keep to, and that a provider is data."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib.resources import files

import pytest

from tests.support.headers import mail
from watcher.provider import RULES_VERSION, Detector, Receiver, catalogue, detect
from watcher.provider.rules import Patterns, RuleError, Rules, Signal, read_rows

ROWS = read_rows((files("watcher.provider") / "fingerprints.csv").read_text("utf-8"))
IDENTIFIERS = read_rows((files("watcher.provider") / "identifiers.csv").read_text("utf-8"))

POSTHORN = {
    "id": "posthorn.header.x-posthorn-run",
    "provider": "posthorn",
    "name": "Posthorn",
    "layer": "platform",
    "category": "marketing",
    "signal": "header_name",
    "header": "x-posthorn-run",
    "match": "present",
    "pattern": "",
    "strength": "strong",
    "status": "documented",
    "source": "made up for this test",
    "checked": "2026-01-01",
}


def test_a_provider_is_one_row() -> None:
    """No code knows any provider: a row is enough to be detected and listed."""
    detector = Detector.compile([*ROWS, POSTHORN])
    (answer,) = detector.detect(mail("X-Posthorn-Run: 7"), Receiver()).providers
    assert (answer.slug, answer.name, answer.layer, answer.status) == (
        "posthorn",
        "Posthorn",
        "platform",
        "hinted",
    )
    assert "posthorn" in {entry.slug for entry in detector.catalogue()}
    assert detect(mail("X-Posthorn-Run: 7"), Receiver()).providers == ()


def test_an_account_is_one_row_too() -> None:
    """The group of the pattern is the account; a second row may name the campaign."""
    row = {"provider": "posthorn", "header": "X-Posthorn-Run", "source": "made up for this test"}
    identifiers = [
        {**row, "what": "account", "pattern": r"^(\d+)-"},
        {**row, "what": "campaign", "pattern": r"-(\d+)-"},
    ]
    detection = Detector.compile([POSTHORN], identifiers).detect(mail("X-Posthorn-Run: 1-2-3"), Receiver())
    assert (detection.providers[0].account, detection.campaign_id) == ("1", "2")


WRITTEN = {
    "header_name": "{header}: 1",
    "received_host": "Received: from x{pattern} (1.2.3.4) by x.invalid",
    "received_by": "Received: by x{pattern} with SMTP",
    "return_path_domain": "Return-Path: <a@x{pattern}>",
    "dkim_domain": "DKIM-Signature: v=1; a=rsa-sha256; d=x{pattern}; b=AAAA",
    "dkim_selector": "DKIM-Signature: v=1; s={pattern}; b=AAAA",
    "list_unsubscribe_host": "List-Unsubscribe: <mailto:a@example.org>, <https://x{pattern}/u?a=b>",
    "list_id": "List-ID: Some list <x{pattern}>",
    "message_id_domain": "Message-ID: <1@x{pattern}>",
    "feedback_id": "Feedback-ID: 1:2:{pattern}",
    "from_domain": "From: a@x{pattern}",
}
FIXED = [row for row in ROWS if row["match"] not in {"regex", "label"}]


def test_every_fingerprint_without_a_regex_is_found_where_it_says() -> None:
    """A mail made from the row alone gives the row as evidence; made strong, for rows that never answer."""
    detector = Detector.compile({**row, "strength": "strong", "source": "test"} for row in ROWS)
    missed = []
    for row in FIXED:
        headers = WRITTEN[row["signal"]].format(header=row["header"], pattern=row["pattern"])
        if row["match"] == "domain":
            headers = headers.replace("x" + row["pattern"], "a." + row["pattern"])
        answers = detector.detect(mail(headers), Receiver()).providers
        if row["id"] not in {each.rule for answer in answers for each in answer.evidence}:
            missed.append(row["id"])
    assert missed == []


def test_a_domain_is_not_found_inside_another_name() -> None:
    """`smtp.com` does not fit `gappssmtp.com`: every domain row keeps to the dot."""
    rules = Rules.compile(ROWS)
    for row in FIXED:
        if row["match"] == "domain":
            found = rules.signals[Signal(row["signal"])].of_domain("x" + row["pattern"])
            assert row["id"] not in {match.rule.id for match in found}, row["id"]


LABELS = [
    ("cmail7.com", ["cmail7.com"]),
    ("mail.cmail7.com", ["cmail7.com"]),
    ("cmail777.com", []),
    ("xcmail7.com", []),
    ("cmail7.com.example.org", []),
    ("cmail7.net", []),
    ("com", []),
    ("", []),
]


@pytest.mark.parametrize(("host", "shown"), LABELS)
def test_a_numbered_domain_is_one_whole_label_below_its_parent(host: str, shown: list[str]) -> None:
    """Providers number their domains; the number is no reason to leave the dot boundary."""
    row = {**POSTHORN, "signal": "received_host", "header": "Received", "match": "label"}
    rules = Rules.compile([row | {"pattern": r"cmail\d{1,2}/com"}])
    assert [match.value for match in rules.signals[Signal.RECEIVED_HOST].of_domain(host)] == shown


def test_rows_of_one_provider_agree() -> None:
    """Name, layer and category are repeated in each row so that a row is complete; they must not differ."""
    described = defaultdict(set)
    for row in ROWS:
        described[row["provider"]].add((row["name"], row["layer"], row["category"]))
    assert {slug: each for slug, each in described.items() if len(each) > 1} == {}


def test_a_row_without_a_source_is_never_strong() -> None:
    """It may accompany an answer and never make one."""
    assert [row["id"] for row in ROWS if not row["source"] and row["strength"] != "unverified"] == []
    assert [
        row["id"] for row in ROWS if row["status"] == "unverified" and row["strength"] != "unverified"
    ] == []


def test_ids_and_slugs_are_stable_looking() -> None:
    """They end up in the store: lower case, no spaces, the id begins with the slug."""
    for row in ROWS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["provider"]), row["id"]
        assert re.fullmatch(r"[a-z0-9._-]+", row["id"]), row["id"]
        assert row["id"].startswith(row["provider"] + "."), row["id"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["checked"]), row["id"]


def test_identifiers_belong_to_known_providers() -> None:
    """A row for a provider that no fingerprint names would never be read."""
    known = {row["provider"] for row in ROWS} | {"*"}
    assert {row["provider"] for row in IDENTIFIERS} <= known


def test_the_catalogue_lists_each_provider_once_in_the_archives_spelling() -> None:
    """The public field is made from these names."""
    entries = catalogue()
    assert len({entry.slug for entry in entries}) == len(entries) == len({row["provider"] for row in ROWS})
    names = {entry.slug: entry.name for entry in entries}
    assert names["mailchimp"] == "MailChimp"
    assert [entry.name.lower() for entry in entries] == sorted(entry.name.lower() for entry in entries)


def test_the_version_names_the_rules() -> None:
    """Every detection says by which rules it was made."""
    assert re.fullmatch("[0-9a-f]{8}", RULES_VERSION)
    assert detect(mail("From: a@example.org"), Receiver()).rules_version == RULES_VERSION


BAD_ROWS = [
    ({"layer": "sender"}, "layer|'sender'"),
    ({"signal": "body"}, "'body'"),
    ({"strength": "certain"}, "'certain'"),
    ({"match": "glob"}, "glob"),
    ({"match": "domain"}, "present"),
    ({"source": ""}, "source"),
    ({"signal": "header_value", "match": "regex", "pattern": "("}, "regular expression"),
]


@pytest.mark.parametrize(("change", "said"), BAD_ROWS)
def test_a_bad_row_is_refused_by_its_id(change: dict[str, str], said: str) -> None:
    """The message leads to the row."""
    with pytest.raises(RuleError, match=said) as refusal:
        Rules.compile([POSTHORN | change])
    assert POSTHORN["id"] in str(refusal.value)


def test_two_rows_with_one_id_are_refused() -> None:
    """Evidence refers to a row by its id."""
    with pytest.raises(RuleError, match="two rows"):
        Rules.compile([POSTHORN, POSTHORN])


@pytest.mark.parametrize(
    "change", [{"what": "token"}, {"pattern": "("}, {"pattern": r"\d+"}, {"pattern": "(a)(b)"}]
)
def test_a_bad_identifier_is_refused(change: dict[str, str]) -> None:
    """Exactly one group says what is read."""
    row = {"provider": "posthorn", "what": "account", "header": "X-P", "pattern": "(a)"} | change
    with pytest.raises(RuleError, match="posthorn"):
        Detector.compile([POSTHORN], [row])


def test_patterns_of_one_header_all_report() -> None:
    """The common search over them only says no; what fits is found row by row."""
    row = POSTHORN | {"signal": "header_value", "match": "regex"}
    rules = Rules.compile(
        [row | {"id": "posthorn.a", "pattern": "b+"}, row | {"id": "posthorn.b", "pattern": "^AB"}]
    )
    patterns = rules.values["x-posthorn-run"]
    assert isinstance(patterns, Patterns)
    assert [(match.rule.id, match.value) for match in patterns.matches("abbc")] == [
        ("posthorn.a", "bb"),
        ("posthorn.b", "ab"),
    ]
    assert patterns.matches("xyz") == []
