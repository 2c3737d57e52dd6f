"""What a look at a publisher's set-up found: repository, workflow, environment and index, judged side by side.

Knows: what trusted publishing needs, the closed set of findings. Must not know: how facts were fetched, wording.
Written words are forever: reports lie in the outbox.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from bot.core.findings import Level
from bot.core.forge import (
    AccountFacts,
    AccountOutcome,
    EnvironmentsOutcome,
    FilesOutcome,
    Nothing,
    Unsure,
)
from bot.core.names import MAX_LENGTH
from bot.core.outcomes import Absent, Present, SimpleOutcome, TryLater, Unchanged
from bot.core.places import PENDING_A_PERSON, holders, holds, limited
from bot.core.repositories import RepositoryFacts, WorkflowFacts, WorkflowJob
from storage.records import Publisher, PublisherState, Registration

CLOSED = frozenset({"archived", "quarantined"})
"""Project statuses (PEP 792) with which an index takes no uploads."""
_WAITS = frozenset({PublisherState.REQUESTED, PublisherState.PENDING})


class Check(StrEnum):
    """What was looked at."""

    REPOSITORY = "repository"
    OWNER = "owner"
    WORKFLOW = "workflow"
    TRIGGER = "trigger"
    ENVIRONMENT = "environment"
    INDEX = "index"
    SLOTS = "slots"
    SHARED = "shared"


class Found(StrEnum):
    """What a check found; the names in `values` stand behind each."""

    REPOSITORY_THERE = "repository_there"
    """slug"""
    REPOSITORY_NONE = "repository_none"
    """slug"""
    REPOSITORY_MOVED = "repository_moved"
    """slug, now ("" where that is not shown)"""
    REPOSITORY_ARCHIVED = "repository_archived"
    """slug"""
    REPOSITORY_UNKNOWN = "repository_unknown"
    """detail"""
    OWNER_KNOWN = "owner_known"
    """owner, id"""
    OWNER_NONE = "owner_none"
    """owner"""
    OWNER_UNKNOWN = "owner_unknown"
    """detail"""
    WORKFLOW_THERE = "workflow_there"
    """workflow, branch, jobs (names of those that may ask for an identity token)"""
    WORKFLOW_NONE = "workflow_none"
    """workflow, branch, others (file names)"""
    WORKFLOW_UNREADABLE = "workflow_unreadable"
    """workflow"""
    WORKFLOW_UNKNOWN = "workflow_unknown"
    """detail"""
    WORKFLOW_NO_TOKEN = "workflow_no_token"  # noqa: S105 - a word, not a secret
    """workflow: no job has `id-token: write`"""
    WORKFLOW_REUSABLE = "workflow_reusable"
    """workflow: it is only called by others"""
    WORKFLOW_CALLS = "workflow_calls"
    """workflow, job, uses: the publishing job is a reusable workflow"""
    CONFIRM_NONE = "confirm_none"
    """workflow: it has no job that confirms a pending publisher"""
    TRIGGER_THERE = "trigger_there"
    """events"""
    TRIGGER_NONE = "trigger_none"
    """workflow, triggers"""
    ENVIRONMENT_SAME = "environment_same"
    """environment"""
    ENVIRONMENT_ANY = "environment_any"
    """used: the publisher names none, so the index takes any"""
    ENVIRONMENT_LACKING = "environment_lacking"
    """wanted, workflow: the publishing job has none"""
    ENVIRONMENT_OTHER = "environment_other"
    """used, wanted, workflow"""
    ENVIRONMENT_COMPUTED = "environment_computed"
    """wanted, workflow: an expression, known only when it runs"""
    ENVIRONMENT_GUARDED = "environment_guarded"
    """environment, reviewers (names)"""
    ENVIRONMENT_OPEN = "environment_open"
    """environment: nobody need agree"""
    ENVIRONMENT_MISSING = "environment_missing"
    """environment: the repository has none of that name"""
    ENVIRONMENT_UNKNOWN = "environment_unknown"
    """detail"""
    NAME_FREE = "name_free"
    """project"""
    NAME_OURS = "name_ours"
    """project"""
    NAME_THERE = "name_there"
    """project: it exists, and nobody outside can tell whose it is"""
    NAME_GONE = "name_gone"
    """project: it was confirmed, and is not there now"""
    NAME_CLOSED = "name_closed"
    """project, status"""
    NAME_UNKNOWN = "name_unknown"
    """detail"""
    SLOTS_LEFT = "slots_left"
    """pending, most, who"""
    SLOTS_NONE = "slots_none"
    """pending, most, who"""
    SHARED = "shared"
    """other (project), environment, proposal: the same publisher is pending for another project"""


MENDABLE = frozenset(
    {
        Found.WORKFLOW_NONE,
        Found.WORKFLOW_NO_TOKEN,
        Found.WORKFLOW_REUSABLE,
        Found.WORKFLOW_CALLS,
        Found.TRIGGER_NONE,
        Found.ENVIRONMENT_LACKING,
        Found.ENVIRONMENT_OTHER,
    }
)
"""What a pull request can mend."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one check."""

    check: Check
    level: Level
    found: Found
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetupReport:
    """All that a look at a set-up found."""

    findings: tuple[Finding, ...] = ()
    mendable: bool = False
    """Whether a pull request can mend some of it."""
    confirms: bool = False
    """Whether a run of the workflow's `confirm` job can confirm the publisher now."""

    @property
    def lacks_confirm(self) -> bool:
        """Whether the workflow is there without such a job, which nothing hangs on."""
        return any(one.found is Found.CONFIRM_NONE for one in self.findings)


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """All that one look brought back. None: not asked, since something else was not there."""

    publisher: Publisher
    repository: RepositoryFacts
    owner: AccountOutcome
    files: FilesOutcome | None
    """Names of the workflow files on the default branch."""
    environments: EnvironmentsOutcome | None
    simple: SimpleOutcome
    others: tuple[Publisher, ...]
    """The team's open publishers of other projects on this index."""
    by_hand: bool
    """Whether the index takes publishers only through its form, as PyPI does; its limits hold then."""


def judge(facts: SetupFacts) -> SetupReport:
    """Return everything that is to be said, in the order of the way from the repository to the index."""
    findings = (
        *_repository(facts),
        *_owner(facts),
        *_workflow(facts),
        *_confirm(facts),
        *_environments(facts),
        *_name(facts),
        *_slots(facts),
        *_shared(facts),
    )
    there = facts.repository.exists is True and not facts.repository.archived
    mendable = there and any(one.found in MENDABLE for one in findings)
    workflow = facts.repository.workflow
    pending = facts.by_hand and facts.publisher.state is PublisherState.PENDING
    return SetupReport(findings, mendable, pending and workflow is not None and workflow.confirms)


def _repository(facts: SetupFacts) -> Iterator[Finding]:
    seen, slug = facts.repository, facts.publisher.registration.slug
    if seen.moved:
        yield _finding(
            Check.REPOSITORY, Level.BLOCKING, Found.REPOSITORY_MOVED, slug=slug, now=seen.full_name
        )
    elif seen.exists is None:
        yield _finding(Check.REPOSITORY, Level.UNKNOWN, Found.REPOSITORY_UNKNOWN, detail=seen.detail)
    elif not seen.exists:
        yield _finding(Check.REPOSITORY, Level.BLOCKING, Found.REPOSITORY_NONE, slug=slug)
    elif seen.archived:
        yield _finding(Check.REPOSITORY, Level.BLOCKING, Found.REPOSITORY_ARCHIVED, slug=slug)
    else:
        yield _finding(Check.REPOSITORY, Level.FINE, Found.REPOSITORY_THERE, slug=seen.full_name or slug)


def _owner(facts: SetupFacts) -> Iterator[Finding]:
    match facts.owner:
        case AccountFacts(login, number, _):
            yield _finding(Check.OWNER, Level.FINE, Found.OWNER_KNOWN, owner=login, id=number)
        case Nothing():
            owner = facts.publisher.registration.owner
            yield _finding(Check.OWNER, Level.BLOCKING, Found.OWNER_NONE, owner=owner)
        case Unsure(detail):
            yield _finding(Check.OWNER, Level.UNKNOWN, Found.OWNER_UNKNOWN, detail=detail)
        case _:
            assert_never(facts.owner)


def _workflow(facts: SetupFacts) -> Iterator[Finding]:
    seen, wanted = facts.repository, facts.publisher.registration
    if seen.exists is not True:
        return
    if seen.workflow is None:
        yield _finding(Check.WORKFLOW, Level.UNKNOWN, Found.WORKFLOW_UNKNOWN, detail=seen.detail)
    elif not seen.workflow.found:
        others = facts.files if isinstance(facts.files, tuple) else ()
        names = ", ".join(name for name in others if name.endswith((".yml", ".yaml")))
        yield _finding(
            Check.WORKFLOW, Level.BLOCKING, Found.WORKFLOW_NONE,
            workflow=wanted.workflow, branch=seen.branch, others=names,
        )  # fmt: skip
    else:
        yield from of_workflow(wanted, seen.workflow, seen.branch)


def _confirm(facts: SetupFacts) -> Iterator[Finding]:
    """Give that a publisher which waits could be confirmed by a job that is not there; the first release does it too."""
    seen = facts.repository.workflow
    waits = facts.by_hand and facts.publisher.state in _WAITS
    if waits and seen is not None and seen.found and seen.detailed and not seen.confirms:
        workflow = facts.publisher.registration.workflow
        yield _finding(Check.WORKFLOW, Level.FINE, Found.CONFIRM_NONE, workflow=workflow)


def of_workflow(wanted: Registration, facts: WorkflowFacts, branch: str) -> Iterator[Finding]:
    """Give what is to be said of a workflow file that is there."""
    file = wanted.workflow
    if not (facts.readable and facts.detailed):
        yield _finding(Check.WORKFLOW, Level.UNKNOWN, Found.WORKFLOW_UNREADABLE, workflow=file)
        return
    jobs = [job for job in facts.jobs if job.id_token]
    if facts.triggers == ("workflow_call",):
        yield _finding(Check.WORKFLOW, Level.BLOCKING, Found.WORKFLOW_REUSABLE, workflow=file)
        return
    if not jobs:
        yield _finding(Check.WORKFLOW, Level.BLOCKING, Found.WORKFLOW_NO_TOKEN, workflow=file)
    elif all(job.uses for job in jobs):
        yield _finding(
            Check.WORKFLOW, Level.BLOCKING, Found.WORKFLOW_CALLS,
            workflow=file, job=jobs[0].name, uses=jobs[0].uses,
        )  # fmt: skip
    else:
        names = ", ".join(job.name for job in jobs)
        yield _finding(
            Check.WORKFLOW, Level.FINE, Found.WORKFLOW_THERE, workflow=file, branch=branch, jobs=names
        )
    yield _trigger(file, facts)
    yield from _environment(wanted, jobs or facts.jobs)


def _trigger(file: str, facts: WorkflowFacts) -> Finding:
    push = facts.push
    by_tag = "push" in facts.triggers and (push.tags or push.tags_ignore or not push.branches)
    by_hand = "workflow_dispatch" in facts.triggers and not facts.dispatch_needs_inputs
    ways = {"a tag's push": by_tag, "release": "release" in facts.triggers, "workflow_dispatch": by_hand}
    events = ", ".join(name for name, there in ways.items() if there)
    if events:
        return _finding(Check.TRIGGER, Level.FINE, Found.TRIGGER_THERE, events=events)
    said = ", ".join(facts.triggers)
    return _finding(Check.TRIGGER, Level.BLOCKING, Found.TRIGGER_NONE, workflow=file, triggers=said)


def _environment(wanted: Registration, jobs: Sequence[WorkflowJob]) -> Iterator[Finding]:
    """Give whether both sides name the same environment; the index compares in lower case."""
    named = {job.environment for job in jobs if job.environment}
    used, values = ", ".join(sorted(named)), {"wanted": wanted.environment, "workflow": wanted.workflow}
    if not wanted.environment:
        yield _finding(Check.ENVIRONMENT, Level.WARNING, Found.ENVIRONMENT_ANY, used=used)
    elif wanted.environment.lower() in {name.lower() for name in named}:
        yield _finding(Check.ENVIRONMENT, Level.FINE, Found.ENVIRONMENT_SAME, environment=wanted.environment)
    elif any("${{" in name for name in named):
        yield _finding(Check.ENVIRONMENT, Level.UNKNOWN, Found.ENVIRONMENT_COMPUTED, **values)
    elif named:
        yield _finding(Check.ENVIRONMENT, Level.BLOCKING, Found.ENVIRONMENT_OTHER, used=used, **values)
    else:
        yield _finding(Check.ENVIRONMENT, Level.BLOCKING, Found.ENVIRONMENT_LACKING, **values)


def _environments(facts: SetupFacts) -> Iterator[Finding]:
    """Give whether the repository has the environment, and whether somebody must agree there."""
    name, found = facts.publisher.registration.environment, facts.environments
    if not name or found is None:
        return
    if not isinstance(found, tuple):
        detail = found.detail if isinstance(found, Unsure) else "GitHub shows no environments"
        yield _finding(Check.ENVIRONMENT, Level.UNKNOWN, Found.ENVIRONMENT_UNKNOWN, detail=detail)
        return
    there = next((one for one in found if one.name.lower() == name.lower()), None)
    if there is None:
        yield _finding(Check.ENVIRONMENT, Level.WARNING, Found.ENVIRONMENT_MISSING, environment=name)
    elif there.reviewers:
        who = ", ".join(there.reviewers)
        yield _finding(
            Check.ENVIRONMENT, Level.FINE, Found.ENVIRONMENT_GUARDED, environment=there.name, reviewers=who
        )
    else:
        yield _finding(Check.ENVIRONMENT, Level.WARNING, Found.ENVIRONMENT_OPEN, environment=there.name)


def _name(facts: SetupFacts) -> Iterator[Finding]:
    project = facts.publisher.registration.project
    confirmed = facts.publisher.state is PublisherState.CONFIRMED
    match facts.simple:
        case Present(status=status) if status in CLOSED:
            yield _finding(Check.INDEX, Level.BLOCKING, Found.NAME_CLOSED, project=project, status=status)
        case Present() if confirmed:
            yield _finding(Check.INDEX, Level.FINE, Found.NAME_OURS, project=project)
        case Present():
            yield _finding(Check.INDEX, Level.UNKNOWN, Found.NAME_THERE, project=project)
        case Absent() if confirmed:
            yield _finding(Check.INDEX, Level.WARNING, Found.NAME_GONE, project=project)
        case Absent():
            yield _finding(Check.INDEX, Level.FINE, Found.NAME_FREE, project=project)
        case TryLater(detail=detail):
            yield _finding(Check.INDEX, Level.UNKNOWN, Found.NAME_UNKNOWN, detail=detail)
        case Unchanged():
            yield _finding(Check.INDEX, Level.UNKNOWN, Found.NAME_UNKNOWN, detail="")
        case _:
            assert_never(facts.simple)


def _slots(facts: SetupFacts) -> Iterator[Finding]:
    """Give how many places the person who asked may still have, counted over the team's own publishers as the queue counts."""
    ours = facts.publisher
    if not facts.by_hand or not _waits(facts) or not limited(ours):
        return
    used, has = len(holders(ours, facts.others)), holds(ours)
    values = {"pending": used + has, "most": PENDING_A_PERSON, "who": ours.requested_by}
    if used >= PENDING_A_PERSON and not has:
        yield _finding(Check.SLOTS, Level.BLOCKING, Found.SLOTS_NONE, **values)
    else:
        yield _finding(Check.SLOTS, Level.FINE, Found.SLOTS_LEFT, **values)


def _shared(facts: SetupFacts) -> Iterator[Finding]:
    """Give the trap of several packages in one repository.

    An index keeps one pending publisher for each owner, repository, workflow and environment, whatever the project.
    """
    if not _waits(facts):
        return
    wanted = facts.publisher.registration
    for other in facts.others:
        if shares(wanted, other):
            proposal = f"{wanted.environment or 'pypi'}-{wanted.project}"[: MAX_LENGTH["environment"]]
            yield _finding(
                Check.SHARED, Level.BLOCKING, Found.SHARED,
                other=other.registration.project, environment=wanted.environment, proposal=proposal,
            )  # fmt: skip
            return


def shares(wanted: Registration, other: Publisher) -> bool:
    """Whether another publisher waits that an index with pending publishers can't tell from this one."""
    return other.state in _WAITS and other.existed_before is not True and _same(wanted, other.registration)


def _waits(facts: SetupFacts) -> bool:
    """Whether this is, or is to be, a pending publisher of a project that does not exist yet."""
    return facts.publisher.state in _WAITS and not isinstance(facts.simple, Present)


def _same(ours: Registration, theirs: Registration) -> bool:
    return (
        ours.slug.lower() == theirs.slug.lower()
        and ours.workflow == theirs.workflow
        and ours.environment.lower() == theirs.environment.lower()
        and ours.project != theirs.project
    )


def _finding(check: Check, level: Level, found: Found, **values: object) -> Finding:
    return Finding(check, level, found, {name: str(value) for name, value in values.items()})
