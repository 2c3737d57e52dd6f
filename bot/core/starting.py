"""How a release's run is started: by what the workflow triggers on, and what is there already.

Knows: GitHub's triggers. Must not know: how facts were fetched, wording.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.findings import Check, Finding, Found, Level
from bot.core.forge import (
    Conclusion,
    ForgeRelease,
    Nothing,
    ReleaseOutcome,
    RunFacts,
    RunsOutcome,
    TextOutcome,
    Unsure,
)
from bot.core.repositories import WorkflowFacts
from storage.records import Registration, StartBy

CREATED = frozenset({"published", "created"})
"""Types of the event `release` that making a release causes; besides, one of the next two."""
FINAL, PRE = "released", "prereleased"

SILENT = "the forge gave no answer"

Matches = Callable[[WorkflowFacts, str], bool]
"""Whether pushing a tag starts the workflow."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked up about the workflow at the commit."""

    text: TextOutcome
    facts: WorkflowFacts | None
    """None where the file could not be read."""
    tag: str
    tag_exists: bool
    pushed_runs: RunsOutcome = ()
    release: ReleaseOutcome | None = None
    """None: not asked, since it does not matter."""
    release_runs: RunsOutcome = ()
    prerelease: bool = False
    """Whether the version is a pre-release."""
    environment: str = ""
    """Which the publisher expects."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the run is started."""

    seen: Seen | None = None
    start: StartBy | None = None
    run: RunFacts | None = None
    """The run that is there already, and is followed."""
    ended: RunFacts | None = None
    """A run of the tag that has ended without success: started by hand again, or retried."""
    publishing_jobs: tuple[str, ...] = ()
    all_runs: tuple[int, ...] = ()
    unsure: str = ""


def way(seen: Seen, matches: Matches) -> Way:
    """Decide how the run is started; a run that the tag has started already is followed, not started again."""
    if isinstance(seen.text, Unsure):
        return Way(seen, unsure=seen.text.detail or SILENT)
    facts = seen.facts
    if facts is None or not facts.found:
        return Way(seen)
    for outcome in (seen.pushed_runs, seen.release_runs, seen.release):
        if isinstance(outcome, Unsure):
            return Way(seen, unsure=outcome.detail or SILENT)
    pushed, released = _of(seen.pushed_runs, seen.tag), _of(seen.release_runs, seen.tag)
    jobs = _publishing(facts, seen.environment.lower())
    runs = tuple(run.id for run in (*pushed, *released))
    start, run = _choose(seen, facts, matches, (pushed, released))
    ended = run if run is not None and run.ended and run.conclusion is not Conclusion.SUCCESS else None
    return Way(seen, start, run, ended, jobs, runs)


def _publishing(facts: WorkflowFacts, environment: str) -> tuple[str, ...]:
    """Return the jobs that publish: those of the publisher's environment, where one workflow serves several indexes."""
    publishing = [job for job in facts.jobs if job.id_token]
    ours = [job for job in publishing if environment and job.environment.lower() == environment]
    return tuple(job.name for job in ours or publishing)


def _of(runs: RunsOutcome, tag: str) -> tuple[RunFacts, ...]:
    return tuple(run for run in runs if run.ref == tag) if isinstance(runs, tuple) else ()


def _choose(
    seen: Seen,
    facts: WorkflowFacts,
    matches: Matches,
    runs: tuple[tuple[RunFacts, ...], tuple[RunFacts, ...]],
) -> tuple[StartBy | None, RunFacts | None]:
    pushed, released = runs
    if not (facts.readable and facts.detailed):
        # What is there can be followed; to start something that can't be read would be a guess.
        return (StartBy.PUSH, pushed[0]) if pushed else (None, None)
    by_tag = "push" in facts.triggers and matches(facts, seen.tag)
    caused = {*CREATED, PRE if seen.prerelease else FINAL}
    by_release = "release" in facts.triggers and (
        not facts.release_types or not caused.isdisjoint(facts.release_types)
    )
    by_hand = "workflow_dispatch" in facts.triggers and not facts.dispatch_needs_inputs
    if pushed:
        return StartBy.PUSH, pushed[0]
    if by_tag and not seen.tag_exists:
        return StartBy.PUSH, None
    if released:
        return StartBy.RELEASE, released[0]
    if by_release and not isinstance(seen.release, ForgeRelease):
        return StartBy.RELEASE, None
    return (StartBy.DISPATCH, None) if by_hand else (None, None)


def findings(found: Way, target: Registration, *, publishes: bool = True) -> list[Finding]:
    """Return what is to be said of the workflow; blocking where it can't publish as registered, or build where it need not."""
    workflow = target.workflow
    if found.unsure or found.seen is None:
        return [_finding(Level.UNKNOWN, Found.WORKFLOW_UNKNOWN, detail=found.unsure)]
    facts = found.seen.facts
    if isinstance(found.seen.text, Nothing) or facts is None or not facts.found:
        return [_finding(Level.BLOCKING, Found.WORKFLOW_NONE, workflow=workflow)]
    if not (facts.readable and facts.detailed):
        level = Level.BLOCKING if found.start is None else Level.UNKNOWN
        return [_finding(level, Found.WORKFLOW_UNKNOWN, detail=f"{workflow} can't be read that far")]
    return [*(_rights(facts, target) if publishes else ()), *_trigger(found, facts, target)]


def _rights(facts: WorkflowFacts, target: Registration) -> list[Finding]:
    if not facts.has_id_token_write:
        return [_finding(Level.BLOCKING, Found.WORKFLOW_NO_TOKEN, workflow=target.workflow)]
    named = {job.environment.lower() for job in facts.jobs if job.id_token}
    wanted = target.environment.lower()
    # An expression is only known when it runs.
    if wanted and wanted not in named and not any("${{" in name for name in named):
        found = ", ".join(sorted(filter(None, named))) or "none"
        return [
            _finding(
                Level.BLOCKING, Found.WORKFLOW_OTHER_ENVIRONMENT,
                workflow=target.workflow, environments=found, wanted=target.environment,
            )
        ]  # fmt: skip
    return []


def _trigger(found: Way, facts: WorkflowFacts, target: Registration) -> list[Finding]:
    workflow, run = target.workflow, found.run
    if found.start is None:
        triggers = ", ".join(facts.triggers) or "nothing"
        return [_finding(Level.BLOCKING, Found.WORKFLOW_NO_TRIGGER, workflow=workflow, triggers=triggers)]
    if run is not None and found.ended is not None:
        values = {"workflow": workflow, "url": run.url, "conclusion": str(run.conclusion)}
        return [Finding(Check.WORKFLOW, Level.WARNING, Found.WORKFLOW_ENDED, values)]
    if run is not None:
        values = {"workflow": workflow, "event": str(found.start), "url": run.url}
        return [Finding(Check.WORKFLOW, Level.FINE, Found.WORKFLOW_RUNS, values)]
    return [
        _finding(
            Level.FINE, Found.WORKFLOW_STARTS,
            workflow=workflow, event=found.start, environment=target.environment,
        )
    ]  # fmt: skip


def _finding(level: Level, found: Found, **values: object) -> Finding:
    return Finding(Check.WORKFLOW, level, found, {name: str(value) for name, value in values.items()})
