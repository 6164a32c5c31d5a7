"""A running daemon, and mail that breaks whoever derives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import hostile_worker, watched
from tests.support.derivation import do
from tests.support.watched import watching
from watcher.derivation import Assignment, Lanes, Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tests.support.dovecot import MailUser
    from tests.support.home import Home
    from watcher.settings import SenderSettings, Settings


class Hostile:
    """Lanes whose workers obey mail."""

    @staticmethod
    def of(settings: Settings, senders: Sequence[SenderSettings]) -> Lanes:
        return Lanes(Assignment.of(settings, senders), Limits(deadline=0.5), program=hostile_worker.PROGRAM)


def test_the_daemon_goes_on_behind_mail_that_kills_and_hangs(
    home: Home, mail_user: MailUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bad mail is a failed record with its reason; what came around it and comes later is a row."""
    home.watch(mail_user)
    monkeypatch.setattr(watched, "_InProcess", Hostile)
    for raw in (do("", "before"), do("kill"), do("hang"), do("", "behind")):
        mail_user.deliver(raw)
    with watching(home) as (_, log):
        log.until_derived(2)
        log.until_true(lambda: sum(int(str(each["failed"])) for each in log.of("derived")) == 2)
        mail_user.deliver(do("", "later"))
        log.until_derived(3)
    rows = home.rows("select subject, status, warnings from newsletters order by id")
    assert [row["subject"] for row in rows if row["status"] != "failed"] == ["before", "behind", "later"]
    assert {row["warnings"] for row in rows if row["status"] == "failed"} == {
        "the worker died with signal 9",
        "it took longer than 0.5 s",
    }


def test_failed_mail_is_tried_again_at_the_next_start(
    home: Home, mail_user: MailUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that was short of memory may have failed it; after the third time nobody asks any more."""
    home.watch(mail_user)
    mail_user.deliver(do("exit"))
    with monkeypatch.context() as hostile_times:
        hostile_times.setattr(Lanes, "of", Hostile.of)
        assert "failed 1" in home.run("poll").out
    assert "derived 1, failed 0" in home.run("poll").out
    assert home.subjects() == ["exit"]
    assert "derived 0, failed 0" in home.run("poll").out
