"""What a look at an index comes to: which versions are news, and which of them nobody approved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bot.core.outcomes import Absent, Present, SimpleFile, SimpleOutcome, TryLater, Unchanged
from bot.core.progress import Progress
from bot.core.watching import SLOWLY, after_look, approved, farthest
from storage.records import (
    Evidence,
    EvidenceKind,
    Reason,
    Registration,
    Release,
    ReleaseReason,
    ReleaseState,
    Watch,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BASE = timedelta(seconds=30)
TARGET = Registration("company", "widgets", "acme", "widgets", "release.yml", "pypi")
WATCH = Watch(UUID(int=1), UUID(int=2), TARGET, "C1", "", (), primed=False)
PRIMED = replace(WATCH, versions=("1.0",), primed=True, etag="old")
RELEASE = Release(
    id=UUID(int=3), team_id=UUID(int=2), slack_team_id="T1", project_id=UUID(int=1), target=TARGET, version="1.1", tag="",
    commit="", make_tag=False, start=None, notes="", channel="C1", requested_by="U1", state=ReleaseState.REQUESTED,
    reason=ReleaseReason.ASKED, detail="", round=0, digest="", report={}, policy={}, progress={}, run_id=None, begun="",
    begun_at=None, faults=0, rehearsal="", act_at=None, requested_at=NOW, state_at=NOW, asked_at=None, expires_at=None,
    reminders=0, next_at=NOW,
)  # fmt: skip


def present(*versions: str) -> Present:
    """Return a project with a file for each of these versions."""
    files = tuple(SimpleFile(f"{number}.whl", version, "", "") for number, version in enumerate(versions))
    return Present(files, "active", "new", Evidence(EvidenceKind.APPEARED, "https://x", "00", NOW))


def test_the_first_look_only_learns() -> None:
    """What was there before anybody watched is no news, and what nobody can read a version from is none ever."""
    look = after_look(WATCH, present("1.0", "1.1", ""), NOW, BASE)
    assert look.appeared == {}
    assert look.values == {"primed": True, "etag": "new", "versions": ["1.0", "1.1"]}


def test_what_was_not_there_before_is_news() -> None:
    """A version that appears is news with the count of its files; one that is gone for a while is none again."""
    look = after_look(PRIMED, present("1.1", "1.1", "2.0"), NOW, BASE)
    assert look.appeared == {"1.1": 2, "2.0": 1}
    assert look.values["versions"] == ["1.0", "1.1", "2.0"]
    assert after_look(PRIMED, present("1.0"), NOW, BASE).appeared == {}


def test_the_first_version_of_a_new_project_is_news() -> None:
    """A project that is not there yet is watched from its very first version on."""
    look = after_look(WATCH, Absent(), NOW, BASE)
    assert look.values == {"primed": True, "etag": ""}
    assert after_look(replace(WATCH, primed=True), present("0.1"), NOW, BASE).appeared == {"0.1": 1}


@pytest.mark.parametrize("simple", [Unchanged(), TryLater(Reason.TIMED_OUT), TryLater(Reason.INDEX_BROKEN)])
def test_no_answer_teaches_nothing(simple: SimpleOutcome) -> None:
    """An index that is out of order, or has nothing new, changes nothing of what is known."""
    look = after_look(WATCH, simple, NOW, BASE)
    assert (look.values, look.appeared) == ({}, {})


def test_it_is_looked_at_slowly() -> None:
    """The next look comes after twenty base periods, a tenth more or less, and not sooner than the index asked."""
    wait = after_look(PRIMED, Unchanged(), NOW, BASE).next_at - NOW
    assert 0.9 * SLOWLY * BASE <= wait <= 1.1 * SLOWLY * BASE
    busy = TryLater(Reason.RATE_LIMITED, retry_after=7_200)
    assert after_look(PRIMED, busy, NOW, BASE).next_at == NOW + timedelta(hours=2)


@pytest.mark.parametrize("state", ReleaseState)
def test_a_version_may_appear_once_it_is_approved(state: ReleaseState) -> None:
    """A release beyond approval lets its version appear, and one that ended only if it had acted before."""
    release = replace(RELEASE, state=state)
    beyond = {"approved", "tagging", "building", "publishing", "verifying", "published"}
    assert approved(release, Progress()) is (state in beyond)
    ended = {"failed", "cancelled"}
    assert approved(release, Progress(tag_made=True)) is (state in beyond | ended)
    assert approved(replace(release, run_id=7), Progress()) is (state in beyond | ended)


def test_who_asked_is_told() -> None:
    """What is told names where the newest release of the version stands, if there is one."""
    assert farthest([]) is None
    assert farthest([RELEASE, replace(RELEASE, state=ReleaseState.REJECTED)]) is ReleaseState.REQUESTED
