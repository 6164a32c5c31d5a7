"""What holds for any bytes: no exception, nothing that loads, nothing that names the reader."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.targets import TARGETS, seeds
from tests.support import strategies
from tests.support.promises import CONTEXT, READER, BrokenPromiseError, keep, keep_html
from watcher.cleaning import Identity, Policy, clean
from watcher.cleaning.links import clean_url
from watcher.pipeline import derive, failed
from watcher.record import LinkAction

_SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_SLOWLY
@given(strategies.mails())
def test_any_mail_keeps_the_promises(raw: bytes) -> None:
    """And gives the same record again."""
    record = derive(raw, CONTEXT)
    keep(record)
    assert derive(raw, CONTEXT) == record


@_SLOWLY
@given(strategies.markup())
def test_any_html_keeps_the_promises(text: str) -> None:
    """The safe HTML of an independent parser's choice loads nothing."""
    TARGETS["markup"](text.encode("utf-8", "surrogatepass"))
    identity = Identity.of({READER})
    assert clean(text, "", identity, Policy.UNWRAP) == clean(text, "", identity, Policy.UNWRAP)


@_SLOWLY
@given(strategies.urls())
def test_any_link_is_judged_without_an_exception(url: str) -> None:
    """Past the boundary that turns a hole in the rules into a removed link."""
    TARGETS["links"](url.encode("utf-8", "surrogatepass"))
    verdict = clean_url(url, Identity.of({READER}))
    assert (verdict.url is None) == (verdict.action is LinkAction.REMOVED)


@pytest.mark.parametrize("target", TARGETS)
def test_the_seeds_of_the_fuzzers_keep_the_promises(target: str) -> None:
    """They are our samples, and attacks that come through the intake as well: here the first of them."""
    first = list(islice(seeds(target), 40))
    assert len(first) == 40
    for seed in first:
        TARGETS[target](seed)


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="https://evil.example/x">',
        '<p style="background:url(x)">x</p>',
        '<p onclick="x">x</p>',
        '<a href="javascript:x">x</a>',
        "<!-- x -->",
        "<script>x</script>",
        "<link rel=preconnect href=//evil.example>",
    ],
)
def test_a_broken_promise_is_seen(markup: str) -> None:
    """The check itself finds what it is there for."""
    with pytest.raises(BrokenPromiseError):
        keep_html(markup)


@pytest.mark.parametrize("reason", ["record: the rules stopped with ValueError", f"about {READER}", "\ud800"])
def test_a_record_that_breaks_a_promise_is_seen(reason: str) -> None:
    """A failed step, the reader's address, text that no file can hold."""
    with pytest.raises(BrokenPromiseError):
        keep(failed(CONTEXT, reason))
