"""ARC (RFC 8617): a forwarder's seal counts where our receiver confirms it and the inbox names it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.headers import mail
from watcher.provider import Receiver, detect
from watcher.record import Authentication, Layer

FORWARDER = "forwarder.example"
OURS = Receiver("mx.example.org", ("*.example.org",), (FORWARDER,))

CONFIRMED = "Authentication-Results: mx.example.org; spf=fail smtp.mailfrom=x@mcsv.net; dkim=fail; arc=pass"
EDGE = (
    "Received: from mail-pl1-x1.google.com (mail-pl1-x1.google.com [192.0.2.7]) by mx.example.org with ESMTP"
)
SEALED = "spf=pass smtp.mailfrom=bounce-1@mail7.mcsv.net; dkim=pass header.d=mcsv.net"
ORIGIN = "Received: from mail7.mcsv.net (mail7.mcsv.net [192.0.2.8]) by mx.forwarder.example with ESMTPS"
CLAIMS = "X-MC-User: 0123456789abcdef\nFeedback-ID: 1:1.2:us9:mc"


def seal(number: int = 1, domain: str = FORWARDER, cv: str = "none", results: str = SEALED) -> str:
    """Write an ARC set as far as it is read here; the signature is our receiver's business."""
    return (
        f"ARC-Seal: i={number}; a=rsa-sha256; t=1; cv={cv};\n d={domain}; s=arc; b=AAAA\n"
        f"ARC-Message-Signature: i={number}; a=rsa-sha256; d={domain}; s=arc; b=AAAA; h=from:to\n"
        f"ARC-Authentication-Results: i={number}; mx.{domain};\n {results}"
    )


def platform(lines: list[str], receiver: Receiver = OURS) -> tuple[str, dict[str, str]]:
    """The status of the platform, and who says what for it."""
    found = detect(mail("\n".join([*lines, CLAIMS])), receiver)
    (answer,) = (each for each in found.providers if each.layer is Layer.PLATFORM)
    return answer.status.value, {row.header: row.trust for row in answer.evidence}


def test_a_trusted_seal_lifts_a_forwarded_newsletter() -> None:
    """Not `verified`, for our own receiver has not seen it; no longer `contradicted`."""
    status, evidence = platform([CONFIRMED, EDGE, seal(), ORIGIN])
    assert status == "asserted"
    assert evidence["ARC-Authentication-Results"] == "sealed"
    assert "authenticated" not in evidence.values()


def test_our_own_seal_above_our_results_is_not_the_forwarders() -> None:
    """Gmail and Exchange seal what they deliver; their newest set came after the checks."""
    own = seal(2, "example.org", "pass", "spf=fail; dkim=fail")
    assert platform([own, CONFIRMED, EDGE, seal(), ORIGIN])[0] == "asserted"


NOT_BELIEVED = {
    "our receiver does not confirm it": [CONFIRMED.replace("arc=pass", "arc=fail"), EDGE, seal(), ORIGIN],
    "our receiver does not mention it": [CONFIRMED.replace("; arc=pass", ""), EDGE, seal(), ORIGIN],
    "two of our fields disagree": [
        CONFIRMED,
        "Authentication-Results: mx.example.org; arc=fail",
        EDGE,
        seal(),
        ORIGIN,
    ],
    "another forwarder's": [CONFIRMED, EDGE, seal(domain="other.example"), ORIGIN],
    "a host below the forwarder's domain": [CONFIRMED, EDGE, seal(domain=f"a.{FORWARDER}"), ORIGIN],
    "the newest set is someone else's": [
        CONFIRMED,
        EDGE,
        seal(2, "other.example", "pass"),
        seal(),
        ORIGIN,
    ],
    "the forwarder saw neither pass": [CONFIRMED, EDGE, seal(results="spf=fail; dkim=fail"), ORIGIN],
    "the forwarder took it from a mailbox host": [
        CONFIRMED,
        EDGE,
        seal(),
        "Received: from mail-pl1-x9.google.com (mail-pl1-x9.google.com [192.0.2.9]) by mx.forwarder.example",
    ],
    "the chain is broken": [CONFIRMED, EDGE, seal(cv="fail"), ORIGIN],
    "a first set that claims a chain": [CONFIRMED, EDGE, seal(cv="pass"), ORIGIN],
    "two sets of one number": [CONFIRMED, EDGE, seal(), seal(results="none"), ORIGIN],
    "no results in the set": [CONFIRMED, EDGE, seal().replace("ARC-Auth", "X-Auth"), ORIGIN],
    "a set without a number": [CONFIRMED, EDGE, seal().replace("i=1", "i=x"), ORIGIN],
    "more sets than allowed": [CONFIRMED, EDGE, seal(51, cv="pass"), ORIGIN],
    "no set at all": [CONFIRMED, EDGE, ORIGIN],
}


@pytest.mark.parametrize("name", NOT_BELIEVED)
def test_anything_less_stays_contradicted(name: str) -> None:
    """A seal proves who sealed, not that the sealer is a friend: the copied header block is the default."""
    assert platform(NOT_BELIEVED[name])[0] == "contradicted"


def test_without_the_setting_no_seal_counts() -> None:
    """Default: no forwarder is named, so none is believed."""
    assert platform([CONFIRMED, EDGE, seal(), ORIGIN], replace(OURS, sealers=()))[0] == "contradicted"


def test_without_a_receiver_no_result_is_kept() -> None:
    """Whatever stands in the headers then was written by anybody."""
    assert detect(mail(f"{CONFIRMED}\n{EDGE}\n{seal()}"), Receiver()).authentication == ()


def test_the_results_of_our_receiver_are_kept_one_by_one() -> None:
    """Method, outcome and domain, each once; never the local part of MAIL FROM; only the four methods."""
    results = (
        "Authentication-Results: mx.example.org;"
        " spf=pass smtp.mailfrom=bounce-reader=example.org@m.example.com;"
        " dkim=pass header.d=Example.com; dkim=fail header.i=@m.example.com;"
        " dkim=fail header.i=@m.example.com;"
        " dmarc=pass (p=none) header.from=example.com; iprev=pass; dkim=none header.d=none; arc=pass"
    )
    found = detect(mail(f"{results}\n{EDGE}\n{seal()}"), OURS).authentication
    assert found == (
        Authentication("spf", "pass", "m.example.com"),
        Authentication("dkim", "pass", "example.com"),
        Authentication("dkim", "fail", "m.example.com"),
        Authentication("dmarc", "pass", "example.com"),
        Authentication("dkim", "none", ""),
        Authentication("arc", "pass", FORWARDER),
    )


@pytest.mark.parametrize("where", ["Authentication-Results-Original", "X-Original-Authentication-Results"])
def test_copied_results_are_not_kept(where: str) -> None:
    """Results of another receiver, or moved aside by ours, were not found by our receiver."""
    lines = [EDGE, f"{where}: mx.example.org; spf=pass", "Authentication-Results: mx.other.invalid; spf=pass"]
    assert detect(mail("\n".join(lines)), OURS).authentication == ()
