"""A release's act and its CI run: tag, start, jobs, and how they end.

Knows: what each answer of the forge means for a release. Must not know: how it was asked.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.core import uploading
from bot.core.forge import (
    ActOutcome,
    Conclusion,
    Done,
    Exists,
    Forbidden,
    Invalid,
    JobFacts,
    RunFacts,
    RunOutcome,
    RunsOutcome,
    TagFacts,
    TagOutcome,
    Unsure,
    WaitingDeployment,
)
from bot.core.lifecycle import ReleaseEvent
from bot.core.progress import JobSeen, Progress
from bot.core.release_notices import Step
from bot.core.releases import Decision, Line, Situation, again, at_once, broke, troubled
from storage.records import ReleaseReason, ReleaseState, StartBy

RUN_APPEARS = 20
"""Base periods within which a run must appear: ten minutes at the default of 30 s."""
EXISTS_BORNE = 5
"""Times that the forge may call a tag there already that it does not show."""
RUN_LASTS = 2_880
"""Base periods after which a run is given up: a day."""
QUIET = frozenset({Conclusion.SKIPPED})
DEPLOYMENT = "deployment"
"""The act of approving what waits for a review."""
_BAD = ({Conclusion.FAILURE, Conclusion.TIMED_OUT}, {Conclusion.OTHER}, {Conclusion.CANCELLED})


def after_tag(situation: Situation, outcome: TagOutcome) -> Decision | None:
    """Decide after a look at the tag; None: it is to be made now."""
    release, progress = situation.release, situation.progress
    if isinstance(outcome, Unsure):
        return troubled(situation, outcome)
    values = {"tag": release.tag, "sha": release.commit}
    if isinstance(outcome, TagFacts):
        if outcome.commit != release.commit:
            return broke(situation, ReleaseReason.TAG_ELSEWHERE, outcome.commit)
        step = Step.TAG_MADE if release.begun == "tag" else Step.TAG_USED
        lines = () if situation.progress.run_url else (Line(step, values),)
        return at_once(situation, replace(progress, tag_made=True), *lines)
    return None if release.make_tag else broke(situation, ReleaseReason.TAG_ELSEWHERE, "")


def tag_elsewhere(situation: Situation, outcome: TagOutcome) -> Decision | None:
    """Return what to do where the tag is not, or can't be seen to be, where it was approved; None where it is."""
    if isinstance(outcome, Unsure):
        return troubled(situation, outcome)
    there = outcome.commit if isinstance(outcome, TagFacts) else ""
    return None if there == situation.release.commit else broke(situation, ReleaseReason.TAG_ELSEWHERE, there)


def after_tagging(situation: Situation, outcome: ActOutcome) -> Decision:
    """Decide after the tag was asked for."""
    release = situation.release
    match outcome:
        case Done(url):
            line = Line(Step.TAG_MADE, {"tag": release.tag, "sha": release.commit, "url": url})
            return at_once(situation, replace(situation.progress, tag_made=True), line)
        case Exists():
            # Somebody's, or ours of which the answer was lost: the next look tells.
            if situation.progress.looks >= EXISTS_BORNE:
                detail = f"the tag {release.tag} can't be made, since GitHub has one that it does not show"
                return broke(situation, ReleaseReason.FORGE_REFUSED, detail)
            decision = again(situation, situation.progress)
            return replace(decision, values={**decision.values, "begun": release.begun})
        case _:
            return _refused(situation, outcome)


def after_release(situation: Situation, outcome: ActOutcome) -> Decision:
    """Decide after the forge's release was asked for."""
    match outcome:
        case Done(url):
            line = Line(Step.RELEASE_MADE, {"tag": situation.release.tag, "url": url})
            return at_once(situation, replace(situation.progress, started=True, release_url=url), line)
        case Exists():
            return at_once(situation, replace(situation.progress, started=True))
        case _:
            return _refused(situation, outcome)


def before_dispatch(situation: Situation, outcome: RunsOutcome) -> Decision | None:
    """Decide after a look at the runs that are there before the workflow is started; None: it is to be started now.

    A run that came after the first look is ours of an earlier try, or somebody's: it is followed, not started again.
    """
    if isinstance(outcome, Unsure):
        return troubled(situation, outcome)
    progress, runs = situation.progress, outcome if isinstance(outcome, tuple) else ()
    if progress.known_runs is None:
        return at_once(situation, replace(progress, known_runs=tuple(run.id for run in runs)))
    return at_once(situation, replace(progress, started=True)) if _ours(situation, runs) else None


def after_dispatch(situation: Situation, outcome: ActOutcome) -> Decision:
    """Decide after the workflow was started; an unknown answer is never followed by a second start."""
    release, progress = situation.release, situation.progress
    match outcome:
        case Done(run_id=run_id):
            known = {"run_id": run_id} if run_id else {}
            return at_once(situation, replace(progress, started=True), _dispatched(situation), **known)
        case Unsure(arrived_maybe=True):
            waiting = replace(progress, started=True)
            return at_once(situation, waiting, begun=release.begun, begun_at=release.begun_at)
        case _:
            return _refused(situation, outcome)


def _refused(situation: Situation, outcome: ActOutcome) -> Decision:
    if isinstance(outcome, Unsure):
        decision = troubled(situation, outcome)
        if outcome.arrived_maybe:
            return decision
        return replace(decision, values={**decision.values, "begun": "", "begun_at": None})
    detail = (
        outcome.detail
        if isinstance(outcome, Forbidden | Invalid | Exists)
        else "GitHub shows no such repository"
    )
    return broke(situation, ReleaseReason.FORGE_REFUSED, detail)


def after_search(situation: Situation, outcome: RunsOutcome) -> Decision:
    """Decide after a search for the run: by commit, workflow, event and tag, never by guess."""
    release, progress = situation.release, situation.progress
    if isinstance(outcome, Unsure):
        return troubled(situation, outcome)
    if runs := _ours(situation, outcome if isinstance(outcome, tuple) else ()):
        if release.start is StartBy.DISPATCH and len(runs) > 1:
            # Somebody has started it too, maybe with other inputs: which one was approved can't be told.
            return broke(situation, ReleaseReason.NO_RUN, f"{len(runs)} runs were started at once")
        return _found(situation, runs[0])
    # Looks are counted too: what went before may have taken its time, and the run is to have its own.
    if situation.since(RUN_APPEARS) and progress.looks >= RUN_APPEARS:
        lost = release.begun == "dispatch"
        return broke(situation, ReleaseReason.START_LOST if lost else ReleaseReason.NO_RUN)
    return again(situation, progress)


def _ours(situation: Situation, runs: Sequence[RunFacts]) -> tuple[RunFacts, ...]:
    release, known = situation.release, situation.progress.known_runs or ()
    return tuple(
        run for run in runs if run.sha == release.commit and run.ref == release.tag and run.id not in known
    )


def _found(situation: Situation, run: RunFacts) -> Decision:
    if run.ended and run.conclusion is not Conclusion.SUCCESS and run.id == situation.report.run_id:
        # It had failed before anybody was asked: the team has approved to run it again.
        progress = replace(situation.progress, rerun_of=run.attempt, run_url=run.url)
        return at_once(situation, progress, run_id=run.id)
    return found(situation, run)


def found(situation: Situation, run: RunFacts) -> Decision:
    """Follow a run from now on."""
    progress = replace(
        situation.progress, run_url=run.url, run_attempt=run.attempt, rerun_of=0, jobs=(), looks=0, trouble="",
        waits_for="", waits_told=False, approved_environments=(),
    )  # fmt: skip
    values = {
        "reason": ReleaseReason.RUN_FOUND, "run_id": run.id, "next_at": situation.now, "begun": "", "begun_at": None, "faults": 0,
    }  # fmt: skip
    line = Line(Step.RUN_FOUND, {"url": run.url, "attempt": str(run.attempt)})
    # A start whose answer was lost is told now that it is known to have arrived.
    started = (_dispatched(situation),) if situation.release.begun == "dispatch" else ()
    return Decision(ReleaseEvent.RUN_FOUND, values, progress, (*started, line))


def _dispatched(situation: Situation) -> Line:
    release = situation.release
    return Line(Step.DISPATCHED, {"workflow": release.target.workflow, "tag": release.tag})


def not_followed(situation: Situation, outcome: RunOutcome) -> Decision:
    """Decide where the run is not to be seen, or is of a commit that nobody approved: it is let through by no means."""
    if isinstance(outcome, Unsure):
        return troubled(situation, outcome)
    detail = (
        f"Run {outcome.id} is of commit {outcome.sha[:7]}, which was not approved"
        if isinstance(outcome, RunFacts)
        else ""
    )
    return broke(situation, ReleaseReason.NO_RUN, detail)


def after_rerun(situation: Situation, outcome: ActOutcome) -> Decision:
    """Decide after the failed jobs were asked to run again."""
    if isinstance(outcome, Done | Exists):
        decision = again(situation, situation.progress)
        return replace(decision, values={**decision.values, "begun": "rerun"})
    return _refused(situation, outcome)


def following(situation: Situation, run: RunFacts, jobs: Sequence[JobFacts]) -> Decision:
    """Decide after a look at a run that has not ended: tell jobs as they start and end."""
    progress, lines = noticed(situation.progress, run, jobs)
    if situation.since(RUN_LASTS):
        return broke(situation, ReleaseReason.RUN_TOO_LONG, "", *lines, progress=progress)
    publishing = situation.release.state is ReleaseState.BUILDING and _publishes(situation, jobs)
    decision = again(situation, progress, lines)
    if not publishing:
        return decision
    values = {**decision.values, "reason": ReleaseReason.RUN_PUBLISHES}
    return replace(decision, event=ReleaseEvent.RUN_PUBLISHES, values=values)


def published_before_its_end(situation: Situation, run: RunFacts, jobs: Sequence[JobFacts]) -> bool:
    """Whether the publishing jobs ended well and the run only waits for people, as where it goes on to another index."""
    ours = _publishing(situation, jobs)
    done = bool(ours) and all(job.conclusion is Conclusion.SUCCESS for job in ours)
    return done and run.status == "waiting" and all(job.status in {"completed", "waiting"} for job in jobs)


def _publishes(situation: Situation, jobs: Sequence[JobFacts]) -> bool:
    return any(job.status in {"in_progress", "completed"} for job in _publishing(situation, jobs))


def _publishing(situation: Situation, jobs: Sequence[JobFacts]) -> list[JobFacts]:
    """Return the publishing jobs; one that is skipped, such as that which only confirms a publisher, publishes nothing."""
    names = situation.report.publishing_jobs
    return [job for job in jobs if _is_named(job.name, names) and job.conclusion is not Conclusion.SKIPPED]


def _is_named(job: str, names: Sequence[str]) -> bool:
    # A matrix adds its values: `publish (3.11)`; a called workflow its own jobs: `publish / upload`.
    return any(job == name or job.startswith((f"{name} (", f"{name} / ")) for name in names)


def noticed(progress: Progress, run: RunFacts, jobs: Sequence[JobFacts]) -> tuple[Progress, tuple[Line, ...]]:
    """Return the progress with the jobs as they are now, and what is new about them."""
    # Two jobs may have one name, and a list may come short: each is known by its number, and kept.
    before = {job.id or job.name: job for job in progress.jobs} if progress.run_attempt == run.attempt else {}
    lines: list[Line] = []
    for job in jobs:
        was = before.pop(job.id, None) or before.pop(job.name, None)
        if was is not None and (was.status, was.conclusion) == (job.status, str(job.conclusion)):
            continue
        if job.conclusion is not Conclusion.UNDER_WAY and job.conclusion not in QUIET:
            lines.append(
                Line(Step.JOB_ENDED, {"job": job.name, "url": job.url, "conclusion": str(job.conclusion)})
            )
        elif job.status == "in_progress" and (was is None or was.status != "in_progress"):
            lines.append(Line(Step.JOB_STARTED, {"job": job.name, "url": job.url}))
    seen = tuple(JobSeen(job.name, job.status, str(job.conclusion), job.url, job.id) for job in jobs)
    changed = replace(
        progress, jobs=(*seen, *before.values()), run_attempt=run.attempt, run_url=run.url or progress.run_url
    )
    return changed, tuple(lines)


def to_approve(situation: Situation, waiting: Sequence[WaitingDeployment]) -> WaitingDeployment | None:
    """Return the deployment that the team's approval covers: the registered environment, and no other."""
    wanted = situation.release.target.environment.lower()
    if not wanted or not situation.policy.approve_deployments:
        return None
    return next((one for one in waiting if one.may_approve and one.environment.lower() == wanted), None)


def waits(progress: Progress, waiting: Sequence[WaitingDeployment]) -> tuple[Progress, tuple[Line, ...]]:
    """Tell once whom the run waits for, where the bot can't or must not approve."""
    if not waiting:
        return replace(progress, waits_for="", waits_told=False), ()
    name = waiting[0].environment
    if progress.waits_told and progress.waits_for == name:
        return progress, ()
    values = {"environment": name, "url": progress.run_url, "reviewers": ", ".join(waiting[0].reviewers)}
    return replace(progress, waits_for=name, waits_told=True), (Line(Step.RUN_WAITS, values),)


def let_through(
    situation: Situation, waiting: Sequence[WaitingDeployment]
) -> tuple[Situation, tuple[Line, ...]]:
    """Go on where nothing of ours waits for a review; an approval of which the answer was lost has arrived."""
    arrived = situation.release.begun == DEPLOYMENT
    seen, lines = _approved(situation) if arrived else (situation, ())
    progress, more = waits(seen.progress, waiting)
    return replace(seen, progress=progress), (*lines, *more)


def after_review(
    situation: Situation,
    outcome: ActOutcome,
    waiting: Sequence[WaitingDeployment],
    ours: WaitingDeployment,
) -> tuple[Situation, tuple[Line, ...]]:
    """Go on after the approval was sent."""
    before = situation.release.begun == DEPLOYMENT
    if isinstance(outcome, Unsure):
        # Looked at again, before anybody is called for it.
        return _with(situation, DEPLOYMENT if outcome.arrived_maybe or before else ""), ()
    # Refused the second time, the first had arrived: nothing waits any more.
    if isinstance(outcome, Done) or (isinstance(outcome, Invalid) and before):
        seen, lines = _approved(situation)
        progress, more = waits(seen.progress, tuple(one for one in waiting if one is not ours))
        return replace(seen, progress=progress), (*lines, *more)
    progress, told = waits(situation.progress, waiting)
    return replace(_with(situation, ""), progress=progress), told


def _with(situation: Situation, begun: str) -> Situation:
    begun_at = situation.now if begun else None
    return replace(situation, release=replace(situation.release, begun=begun, begun_at=begun_at))


def _approved(situation: Situation) -> tuple[Situation, tuple[Line, ...]]:
    environment, progress = situation.release.target.environment, situation.progress
    seen = replace(progress, approved_environments=(*progress.approved_environments, environment))
    line = Line(Step.DEPLOYMENT_APPROVED, {"environment": environment})
    return replace(_with(situation, ""), progress=seen), (line,)


def ended_well(situation: Situation, run: RunFacts, jobs: Sequence[JobFacts]) -> Decision:
    """The run ended well: now the index must show it, or the bot uploads what it built."""
    progress, lines = noticed(situation.progress, run, jobs)
    if situation.report.uploads:
        return uploading.files_found(situation, progress, *lines, Line(Step.BUILT, {"url": run.url}))
    progress = replace(progress, looks=0, trouble="", waits_for="", waits_told=False)
    values = {
        "reason": ReleaseReason.RUN_DONE, "next_at": situation.now, "faults": 0, "begun": "", "begun_at": None,
    }  # fmt: skip
    told = lines if run.status == "waiting" else (*lines, Line(Step.RUN_ENDED, {"url": run.url}))
    return Decision(ReleaseEvent.RUN_ENDED, values, progress, told)


def ended_badly(situation: Situation, run: RunFacts, jobs: Sequence[JobFacts], log: str) -> Decision:
    """The run failed: name the job, show its last lines, and let people choose."""
    progress, lines = noticed(situation.progress, run, jobs)
    job = first_failed(jobs)
    values = {
        "job": job.name if job else "", "step": job.failed_step if job else "", "url": (job.url if job else "") or run.url,
        "log": log, "conclusion": str(run.conclusion),
    }  # fmt: skip
    decided = broke(situation, ReleaseReason.RUN_FAILED, values["job"], *lines, progress=progress)
    told = (*decided.lines[:-1], Line(Step.RUN_FAILED, values))
    return replace(decided, lines=told)


def first_failed(jobs: Sequence[JobFacts]) -> JobFacts | None:
    """Return the first job that ended badly; one that was cancelled only where none failed, since a failure cancels others."""
    return next((job for bad in _BAD for job in jobs if job.conclusion in bad), None)


def event_of(start: StartBy | None) -> str:
    """Return the forge's word for what started the run."""
    return str(start or StartBy.PUSH)
