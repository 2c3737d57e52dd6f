"""The look before a release, judged: facts in, a report of findings out.

Knows: what stands in a release's way and what is only worth saying. Must not know: how facts were fetched, wording.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core import starting, uploads
from bot.core.findings import Change, Check, Finding, Found, Level, Report
from bot.core.forge import (
    ChecksFacts,
    ChecksOutcome,
    CommitFacts,
    CommitOutcome,
    Compared,
    CompareOutcome,
    HeadFacts,
    HeadOutcome,
    Nothing,
    TagFacts,
    TagOutcome,
    TextOutcome,
    Unsure,
)
from bot.core.metadata import Metadata, read_pyproject
from bot.core.names import normalize_project
from bot.core.outcomes import Absent, Present, SimpleOutcome, TryLater
from bot.core.starting import Way
from bot.core.versions import Wanted, is_older, is_version, new_tag, newest
from storage.records import Freeze, Publisher, PublisherState, Registration, Release

SHOWN_CHANGES = 8
SHOWN_PEOPLE = 12
SHOWN_FREEZES = 5
"""Those that began last: one that is new must be among them."""
CLOSED = frozenset({"archived", "quarantined"})
SILENT_FORGE = "the forge gave no answer"


@dataclass(frozen=True, slots=True)
class Books:
    """What our own books say."""

    publisher: Publisher | None = None
    freezes: tuple[Freeze, ...] = ()
    others: tuple[Release, ...] = ()
    """Other releases of the project that are under way."""
    published: Release | None = None
    """An earlier release of this very version that arrived."""
    last: Release | None = None
    """The newest release that arrived."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a look has gathered; what was not asked is None."""

    target: Registration
    wanted: Wanted
    now: datetime
    books: Books = Books()
    override: str = ""
    """Why a freeze is to be passed over."""
    asked_by: str = ""
    unrehearsed: str = ""
    """Index on which the policy wants a rehearsal that there can't be; "" where there can, or none is wanted."""
    run_id: int | None = None
    """The run of ours that was followed before: it may have published some of it already."""
    sending: bool = False
    """Whether the bot began to upload it before."""
    shown: str = ""
    """The commit that people were shown for a tag that is still to be made; "" where they have not been asked."""
    tag: TagOutcome | None = None
    head: HeadOutcome | None = None
    commit: CommitOutcome | None = None
    simple: SimpleOutcome | None = None
    pyproject: TextOutcome | None = None
    checks: ChecksOutcome | None = None
    compared: CompareOutcome | None = None
    way: Way | None = None
    since: str = ""
    plan: uploads.Plan | None = None
    """How the bot uploads it itself; None where the workflow publishes it."""


def _began(facts: Facts) -> bool:
    return facts.run_id is not None or facts.sending


def located(facts: Facts) -> tuple[str, str, bool]:
    """Return (tag, commit, whether the tag is to be made); commit "" where nobody could tell."""
    if isinstance(facts.tag, TagFacts):
        return facts.tag.name, facts.tag.commit, False
    earlier = facts.books.last.tag if facts.books.last else ""
    tag = new_tag(facts.wanted, earlier)
    if isinstance(facts.tag, Nothing) and facts.shown:
        # The branch may have gone on since: what was shown is what is released.
        return tag, facts.shown, True
    if isinstance(facts.tag, Nothing) and isinstance(facts.head, HeadFacts):
        return tag, facts.head.commit.sha, True
    return tag, "", isinstance(facts.tag, Nothing)


def judge(facts: Facts) -> Report:
    """Return every finding, blocking ones too, and what the bot would do."""
    tag, commit, make_tag = located(facts)
    findings = [finding for check in _CHECKS for finding in check(facts)]
    way = facts.way or Way()
    changes = facts.compared if isinstance(facts.compared, Compared) else None
    plan = facts.plan
    return Report(
        findings=tuple(findings),
        tag=tag,
        commit=commit,
        make_tag=make_tag,
        start=way.start,
        run_id=way.run.id if way.run else None,
        publishing_jobs=way.publishing_jobs if plan is None else (),
        uploads=plan is not None,
        assets=plan.assets if plan is not None and way.start is None else (),
        since=facts.since,
        changes=tuple(
            Change(one.sha, one.title, one.author, one.url) for one in changes.commits[:SHOWN_CHANGES]
        )
        if changes
        else (),
        changes_total=changes.total if changes else 0,
        changes_url=changes.url if changes else "",
        contributors=changes.contributors[:SHOWN_PEOPLE] if changes else (),
        commit_url=facts.commit.url if isinstance(facts.commit, CommitFacts) else "",
    )


def undecided(facts: Facts) -> str:
    """Return why nobody can be asked yet, "" if they can: without a commit there is nothing to approve."""
    if isinstance(facts.tag, TagFacts):
        return ""
    for outcome in (facts.tag, "" if facts.shown else facts.head):
        if isinstance(outcome, Unsure):
            return outcome.detail or SILENT_FORGE
    return ""


def uncertain(facts: Facts) -> str:
    """Return why the bot can't act yet, "" if it can: what was approved must be seen to be so still."""
    if isinstance(facts.simple, TryLater):
        return facts.simple.detail or "the index gave no answer"
    if facts.shown and isinstance(facts.commit, Unsure):
        return facts.commit.detail or SILENT_FORGE
    way = facts.way
    return undecided(facts) or (way.unsure if way is not None else "")


def _finding(check: Check, level: Level, found: Found, **values: object) -> list[Finding]:
    return [Finding(check, level, found, {name: str(value) for name, value in values.items()})]


def _version(facts: Facts) -> list[Finding]:
    wanted = facts.wanted
    if not wanted.valid:
        return _finding(Check.VERSION, Level.BLOCKING, Found.VERSION_INVALID, version=wanted.typed)
    if "+" in wanted.version:
        return _finding(Check.VERSION, Level.BLOCKING, Found.VERSION_LOCAL, version=wanted.version)
    return _finding(Check.VERSION, Level.FINE, Found.VERSION_FINE, version=wanted.version)


def _index(facts: Facts) -> list[Finding]:
    simple = facts.simple
    if isinstance(simple, Absent):
        return _used_up(facts) or _finding(Check.INDEX, Level.FINE, Found.INDEX_NEW)
    if not isinstance(simple, Present):
        detail = simple.detail if isinstance(simple, TryLater) else ""
        return _finding(Check.INDEX, Level.UNKNOWN, Found.INDEX_UNKNOWN, detail=detail)
    if simple.status in CLOSED:
        return _finding(Check.INDEX, Level.BLOCKING, Found.INDEX_CLOSED, status=simple.status)
    return _versions(facts, simple)


def _versions(facts: Facts, simple: Present) -> list[Finding]:
    there = [file for file in simple.files if file.version and is_version(file.version, facts.wanted.version)]
    if there:
        return _taken(
            facts, there[0].version, len(there), yanked=all(file.yanked is not None for file in there)
        )
    if gone := _used_up(facts):
        return gone
    latest = newest([file.version for file in simple.files if file.version and file.yanked is None])
    if latest and is_older(facts.wanted.version, latest):
        return _finding(Check.INDEX, Level.WARNING, Found.INDEX_OLDER, latest=latest)
    return _finding(Check.INDEX, Level.FINE, Found.INDEX_FREE)


def _used_up(facts: Facts) -> list[Finding]:
    published = facts.books.published
    if published is None:
        return []
    at = published.state_at.isoformat()
    return _finding(Check.INDEX, Level.BLOCKING, Found.INDEX_PUBLISHED_BEFORE, at=at)


def _taken(facts: Facts, version: str, files: int, *, yanked: bool) -> list[Finding]:
    if yanked:
        return _finding(Check.INDEX, Level.BLOCKING, Found.INDEX_YANKED, version=version)
    # A run of ours that failed half-way may have left files: going on with it is what a retry is for.
    level = Level.WARNING if _began(facts) else Level.BLOCKING
    return _finding(Check.INDEX, level, Found.INDEX_TAKEN, version=version, files=files)


def _tag(facts: Facts) -> list[Finding]:
    tag, commit, _ = located(facts)
    if (not commit and isinstance(facts.tag, TagFacts)) or isinstance(facts.commit, Nothing):
        return _finding(Check.TAG, Level.BLOCKING, Found.TAG_NO_COMMIT, tag=tag)
    if isinstance(facts.tag, TagFacts):
        kind = "annotated" if facts.tag.annotated else "lightweight"
        return _finding(Check.TAG, Level.FINE, Found.TAG_THERE, tag=tag, sha=commit, kind=kind)
    if commit:
        branch = facts.head.branch if isinstance(facts.head, HeadFacts) else ""
        return _finding(Check.TAG, Level.FINE, Found.TAG_TO_MAKE, tag=tag, sha=commit, branch=branch)
    if detail := undecided(facts):
        return _finding(Check.TAG, Level.UNKNOWN, Found.TAG_UNKNOWN, detail=detail)
    return _finding(Check.TAG, Level.BLOCKING, Found.TAG_NO_COMMIT, tag=tag)


def _metadata(facts: Facts) -> list[Finding]:
    text = facts.pyproject
    if text is None or isinstance(text, Unsure):
        detail = text.detail if text is not None else ""
        return _finding(Check.METADATA, Level.UNKNOWN, Found.METADATA_UNKNOWN, detail=detail)
    if isinstance(text, Nothing):
        return _finding(Check.METADATA, Level.UNKNOWN, Found.METADATA_NONE)
    return _written(read_pyproject(text), facts.target.project, facts.wanted.version)


def _written(found: Metadata, project: str, version: str) -> list[Finding]:
    if not found.readable:
        return _finding(
            Check.METADATA, Level.UNKNOWN, Found.METADATA_UNKNOWN, detail="pyproject.toml can't be read"
        )
    if found.name and normalize_project(found.name) != project:
        return _finding(
            Check.METADATA, Level.BLOCKING, Found.METADATA_OTHER_NAME, name=found.name, wanted=project
        )
    if found.dynamic:
        return _finding(Check.METADATA, Level.FINE, Found.METADATA_DYNAMIC)
    if not found.version:
        return _finding(Check.METADATA, Level.UNKNOWN, Found.METADATA_NONE)
    if not is_version(found.version, version):
        return _finding(
            Check.METADATA, Level.BLOCKING, Found.METADATA_DIFFERS, version=found.version, wanted=version
        )
    return _finding(Check.METADATA, Level.FINE, Found.METADATA_EQUAL, version=found.version)


def _ci(facts: Facts) -> list[Finding]:
    checks = facts.checks
    if not isinstance(checks, ChecksFacts):
        detail = checks.detail if isinstance(checks, Unsure) else ""
        return _finding(Check.CI, Level.UNKNOWN, Found.CI_UNKNOWN, detail=detail)
    # The release's own run waits for us, or failed before: it says nothing about the commit.
    runs = {*(facts.way.all_runs if facts.way else ()), facts.run_id}
    # A name counts as its own only where every check of that name is: another CI's may be called the same.
    own = {name for name, _ in checks.runs} - {name for name, run in checks.runs if run not in runs}
    failed = [name for name in checks.failed if name not in own]
    pending = [name for name in checks.pending if name not in own]
    if failed:
        return _finding(Check.CI, Level.BLOCKING, Found.CI_RED, failed=_listed(failed))
    if pending:
        return _finding(Check.CI, Level.WARNING, Found.CI_PENDING, pending=_listed(pending))
    passed = [name for name in checks.passed if name not in own]
    if not passed:
        return _finding(Check.CI, Level.WARNING, Found.CI_NONE)
    return _finding(Check.CI, Level.FINE, Found.CI_GREEN, passed=len(passed))


def _publisher(facts: Facts) -> list[Finding]:
    publisher, target = facts.books.publisher, facts.target
    if facts.plan is not None:
        return uploads.findings(facts.plan, target, facts.now)
    if publisher is None or publisher.state not in {
        PublisherState.CONFIRMED, PublisherState.PENDING, PublisherState.REQUESTED,
    }:  # fmt: skip
        return _finding(
            Check.PUBLISHER, Level.BLOCKING, Found.PUBLISHER_NONE, project=target.project, index=target.index
        )
    if publisher.state is not PublisherState.CONFIRMED:
        return _finding(Check.PUBLISHER, Level.WARNING, Found.PUBLISHER_OPEN, state=publisher.state)
    return _finding(
        Check.PUBLISHER, Level.FINE, Found.PUBLISHER_CONFIRMED,
        workflow=publisher.registration.workflow, environment=publisher.registration.environment,
    )  # fmt: skip


def _workflow(facts: Facts) -> list[Finding]:
    if facts.way is None:
        return _finding(Check.WORKFLOW, Level.UNKNOWN, Found.WORKFLOW_UNKNOWN, detail="")
    if facts.plan is not None and facts.way.start is None and not facts.way.unsure:
        return uploads.files(facts.plan, facts.target.workflow, located(facts)[0])
    return starting.findings(facts.way, facts.target, publishes=facts.plan is None)


def _freeze(facts: Facts) -> list[Finding]:
    standing = [
        freeze
        for freeze in facts.books.freezes
        if freeze.starts_at <= facts.now and (freeze.ends_at is None or freeze.ends_at > facts.now)
    ]
    if not standing:
        return _finding(Check.FREEZE, Level.FINE, Found.FREEZE_NONE)
    freeze = standing[0]
    if facts.override:
        values = [
            {"reason": one.reason, "by": facts.asked_by, "why": facts.override} for one in standing[::-1]
        ]
        return [
            Finding(Check.FREEZE, Level.WARNING, Found.FREEZE_OVERRIDDEN, one)
            for one in values[:SHOWN_FREEZES]
        ]
    until = freeze.ends_at.isoformat() if freeze.ends_at else ""
    return _finding(
        Check.FREEZE, Level.BLOCKING, Found.FREEZE_STANDS, reason=freeze.reason, until=until, by=freeze.set_by
    )


def _changes(facts: Facts) -> list[Finding]:
    compared = facts.compared
    if not facts.since:
        return _finding(Check.CHANGES, Level.FINE, Found.CHANGES_FIRST)
    if not isinstance(compared, Compared):
        detail = compared.detail if isinstance(compared, Unsure) else f"the tag {facts.since} is not there"
        return _finding(Check.CHANGES, Level.UNKNOWN, Found.CHANGES_UNKNOWN, detail=detail)
    if not compared.total:
        return _finding(Check.CHANGES, Level.WARNING, Found.CHANGES_NONE, since=facts.since)
    people = len(compared.contributors)
    return _finding(
        Check.CHANGES,
        Level.FINE,
        Found.CHANGES_SEEN,
        commits=compared.total,
        people=people,
        since=facts.since,
    )


def _other(facts: Facts) -> list[Finding]:
    if not facts.books.others:
        return _finding(Check.OTHER, Level.FINE, Found.OTHER_NONE)
    # 1.4 and 1.4.0 are one version: of two releases of it only one may act.
    same = [one for one in facts.books.others if is_version(one.version, facts.wanted.version)]
    other = (same or facts.books.others)[0]
    level = Level.BLOCKING if same else Level.WARNING
    return _finding(Check.OTHER, level, Found.OTHER_UNDER_WAY, version=other.version, state=other.state)


def _rehearsal(facts: Facts) -> list[Finding]:
    if not facts.unrehearsed:
        return []
    return _finding(Check.OTHER, Level.WARNING, Found.NOT_REHEARSED, index=facts.unrehearsed)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


_CHECKS: tuple[Callable[[Facts], list[Finding]], ...] = (
    _version, _index, _tag, _metadata, _ci, _publisher, _workflow, _freeze, _changes, _other, _rehearsal,
)  # fmt: skip
