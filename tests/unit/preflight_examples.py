"""Facts of a look before a release, all of them fine, and what makes of them what tests need."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bot.core.findings import Check, Finding
from bot.core.forge import ChecksFacts, CommitFacts, Compared, Conclusion, HeadFacts, RunFacts, TagFacts
from bot.core.outcomes import Present, SimpleFile
from bot.core.preflight import Books, Facts, judge
from bot.core.repositories import WorkflowFacts, WorkflowJob
from bot.core.starting import Seen, Way, way
from bot.core.versions import read
from storage.records import (
    Evidence,
    EvidenceKind,
    Publisher,
    PublisherState,
    Reason,
    Registration,
    Release,
    ReleaseReason,
    ReleaseState,
    StartBy,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TARGET = Registration("company", "acme-widgets", "Acme", "Widgets", "release.yml", "pypi")
SHA, OTHER_SHA = "a" * 40, "b" * 40
COMMIT = CommitFacts(SHA, "Mend the gears", "carol", "https://forge.example/commit/a")
TAG = TagFacts("v1.4.0", SHA, annotated=True)
HEAD = HeadFacts("main", COMMIT)
FACT = Evidence(EvidenceKind.APPEARED, "https://index.example/simple/acme-widgets/", "00", NOW)
PYPROJECT = '[project]\nname = "Acme.Widgets"\nversion = "1.4.0"\n'
PUBLISHING = WorkflowJob("publish", "publish", "pypi", id_token=True)
WORKFLOW = WorkflowFacts(
    found=True, has_id_token_write=True, environments=("pypi",), triggers=("push",), readable=True,
    jobs=(WorkflowJob("build", "build"), PUBLISHING), detailed=True,
)  # fmt: skip
PUBLISHER = Publisher(
    id=UUID(int=7), team_id=UUID(int=1), project_id=UUID(int=2), registration=TARGET, channel="C1", requested_by="U1",
    state=PublisherState.CONFIRMED, reason=Reason.ASKED, detail="", existed_before=False, attempts=1, unanswered=False,
    polls=0, etag="", requested_at=NOW, state_at=NOW, pending_at=None, expires_at=None, reminded_at=None, next_at=None,
)  # fmt: skip
RELEASE = Release(
    id=UUID(int=9), team_id=UUID(int=1), slack_team_id="T1", project_id=UUID(int=2), target=TARGET, version="1.4.0",
    tag="v1.4.0", commit=SHA, make_tag=False, start=StartBy.PUSH, notes="", channel="C1", requested_by="U1",
    state=ReleaseState.REQUESTED, reason=ReleaseReason.ASKED, detail="", round=0, digest="", report={}, policy={},
    progress={}, run_id=None, begun="", begun_at=None, faults=0, rehearsal="", act_at=None, requested_at=NOW,
    state_at=NOW, asked_at=None, expires_at=None, reminders=0, next_at=NOW,
)  # fmt: skip


def run(number: int = 7, **changes: Any) -> RunFacts:
    """Return a run at the tag, under way."""
    usual = RunFacts(
        number, 1, "push", SHA, "v1.4.0", "release.yml", "in_progress", Conclusion.UNDER_WAY,
        f"https://forge.example/runs/{number}", NOW,
    )  # fmt: skip
    return replace(usual, **changes)


def seen(**changes: Any) -> Seen:
    """Return what was seen of the workflow: it starts on the tag, which is not there."""
    return replace(Seen("on: push", WORKFLOW, "v1.4.0", tag_exists=False), **changes)


def chosen(looked: Seen, *, matches: bool = True) -> Way:
    """Return how the run is started."""
    return way(looked, lambda _facts, _tag: matches)


def file(version: str, **changes: Any) -> SimpleFile:
    """Return a file on the index."""
    return replace(SimpleFile(f"acme_widgets-{version}.tar.gz", version, "", ""), **changes)


def present(*files: SimpleFile, status: str = "active") -> Present:
    """Return the project as the simple index has it."""
    return Present(files, status, "", FACT)


FACTS = Facts(
    target=TARGET,
    wanted=read("v1.4.0", "acme-widgets"),
    now=NOW,
    books=Books(publisher=PUBLISHER, last=replace(RELEASE, tag="v1.3.0", version="1.3.0")),
    tag=TAG,
    head=HEAD,
    commit=COMMIT,
    simple=present(file("1.3.0")),
    pyproject=PYPROJECT,
    checks=ChecksFacts(("tests",), (), (), (("tests", 5),)),
    compared=Compared(2, (COMMIT, COMMIT), ("carol",), "https://forge.example/compare"),
    way=chosen(seen(tag_exists=True, pushed_runs=(run(),))),
    since="v1.3.0",
)
LATER = NOW + timedelta(hours=1)


def found(check: Check, **changes: Any) -> list[Finding]:
    """Return what one check finds in the facts with these changes."""
    return [one for one in judge(replace(FACTS, **changes)).findings if one.check is check]
