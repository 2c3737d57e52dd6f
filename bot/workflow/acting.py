"""A release that acts: the tag, what starts the run, the run found, the run followed.

Knows: the order of steps; what is written down before the forge is asked. Must not know: what an answer means.

Each step is one look or one act, written before the next: killed at any await, the next look finds out what has become
of the act. A started workflow is the one act that can't be looked for at once, so it is never asked for twice.
"""

from dataclasses import replace

from bot.core import running, uploading
from bot.core.approvals import stricter
from bot.core.arriving import built_for
from bot.core.forge import (
    BuiltFile,
    Conclusion,
    Done,
    ForgeRelease,
    JobFacts,
    RunFacts,
    Unsure,
    WaitingDeployment,
)
from bot.core.progress import Progress
from bot.core.release_notices import Step
from bot.core.releases import Decision, Line, Situation, at_once, broke, troubled
from bot.core.versions import is_prerelease
from bot.workflow.asking import policy_now
from bot.workflow.gathering import SILENT, within
from bot.workflow.hands import Hands, approvers, repo
from storage.records import ReleaseReason, StartBy

RERUN_LOOKS = 3
"""Looks after which a rerun that shows no effect is asked for again; the forge refuses one that is under way."""


async def act(hands: Hands, seen: Situation) -> Decision | None:
    """Do the next step of `tagging`; None where the claim was lost before anything was done."""
    progress = seen.progress
    if not progress.tag_made:
        return await _tag(hands, seen)
    if not progress.started:
        return await _start(hands, seen)
    if seen.release.run_id is not None:
        return await _again(hands, seen, seen.release.run_id)
    where, release = repo(seen.release), seen.release
    event = running.event_of(release.start)
    runs = await within(hands.forge.runs(where, release.target.workflow, release.commit, event), SILENT)
    return running.after_search(seen, runs)


async def _tag(hands: Hands, seen: Situation) -> Decision | None:
    release, where = seen.release, repo(seen.release)
    decision = running.after_tag(seen, await within(hands.forge.tag(where, release.tag), SILENT))
    if decision is not None:
        return decision
    if not await hands.begin(release, "tag"):
        return None
    message = tag_message(seen)
    made = await hands.forge.make_tag(where, release.tag, release.commit, message)
    return running.after_tagging(_begun(seen, "tag"), made)


def tag_message(seen: Situation) -> str:
    """Return the annotated tag's message: the notes, and who approved.

    The notes are indented: what begins at the margin is ours, and no note can say who approved.
    """
    release = seen.release
    people = ", ".join(approvers(seen)) or "nobody had to"
    notes = "\n".join(f"    {line}".rstrip() for line in release.notes.splitlines())
    paragraphs = (f"{release.target.project} {release.version}", notes, f"Approved in Slack by: {people}")
    return "\n\n".join(one for one in paragraphs if one) + "\n"


def _begun(seen: Situation, act: str) -> Situation:
    return replace(seen, release=replace(seen.release, begun=act, begun_at=seen.now))


async def _start(hands: Hands, seen: Situation) -> Decision | None:
    release = seen.release
    if seen.report.assets:
        return uploading.files_found(seen, seen.progress, Line(Step.BUILT))
    if release.run_id is not None or release.start is StartBy.PUSH or seen.report.run_id is not None:
        return at_once(seen, replace(seen.progress, started=True))
    if release.start is StartBy.RELEASE:
        return await _release(hands, seen)
    if release.start is StartBy.DISPATCH:
        return await _dispatch(hands, seen)
    return broke(seen, ReleaseReason.NO_RUN, "nothing starts the workflow")


async def _release(hands: Hands, seen: Situation) -> Decision | None:
    release, where = seen.release, repo(seen.release)
    there = await within(hands.forge.release(where, release.tag), SILENT)
    if isinstance(there, Unsure):
        return troubled(seen, there)
    if isinstance(there, ForgeRelease):
        line = Line(Step.RELEASE_MADE, {"tag": release.tag, "url": there.url})
        return at_once(seen, replace(seen.progress, started=True, release_url=there.url), line)
    if stopped := await _tag_elsewhere(hands, seen):
        return stopped
    if not await hands.begin(release, "release"):
        return None
    name = f"{release.target.project} {release.version}"
    pre = is_prerelease(release.version)
    made = await hands.forge.make_release(where, release.tag, name, release.notes, prerelease=pre)
    return running.after_release(_begun(seen, "release"), made)


async def _tag_elsewhere(hands: Hands, seen: Situation) -> Decision | None:
    """Return what to do where the tag is no more where it was approved: long may have passed since the last step."""
    return running.tag_elsewhere(
        seen, await within(hands.forge.tag(repo(seen.release), seen.release.tag), SILENT)
    )


async def _dispatch(hands: Hands, seen: Situation) -> Decision | None:
    release, where, workflow = seen.release, repo(seen.release), seen.release.target.workflow
    if release.begun == "dispatch":
        # The process died, or the answer was lost: it may have arrived, so the run is waited for.
        progress = replace(seen.progress, started=True)
        return at_once(seen, progress, begun="dispatch", begun_at=release.begun_at)
    runs = await within(hands.forge.runs(where, workflow, release.commit, StartBy.DISPATCH), SILENT)
    if decision := running.before_dispatch(seen, runs):
        return decision
    if stopped := await _tag_elsewhere(hands, seen):
        return stopped
    if not await hands.begin(release, "dispatch"):
        return None
    return running.after_dispatch(
        _begun(seen, "dispatch"), await hands.forge.dispatch(where, workflow, release.tag)
    )


async def _again(hands: Hands, seen: Situation, run_id: int) -> Decision | None:
    """Follow a known run; where it had failed, let its failed jobs run again first."""
    release, progress, where = seen.release, seen.progress, repo(seen.release)
    run = await within(hands.forge.run(where, run_id), SILENT)
    if not isinstance(run, RunFacts) or run.sha != release.commit:
        return running.not_followed(seen, run)
    if not _to_rerun(run, progress):
        return running.found(seen, run)
    if release.begun == "rerun" and progress.looks < RERUN_LOOKS:
        return running.after_rerun(seen, Done())
    if not await hands.begin(release, "rerun"):
        return None
    return running.after_rerun(_begun(seen, "rerun"), await hands.forge.rerun(where, run_id))


def _to_rerun(run: RunFacts, progress: Progress) -> bool:
    return (
        run.ended
        and run.conclusion is not Conclusion.SUCCESS
        and bool(progress.rerun_of)
        and run.attempt <= progress.rerun_of
    )


async def follow(hands: Hands, seen: Situation) -> Decision | None:
    """Look at the run: its waiting environment, its jobs, its end; None where the claim was lost."""
    run_id, where = seen.release.run_id, repo(seen.release)
    assert run_id is not None
    run = await within(hands.forge.run(where, run_id), SILENT)
    if not isinstance(run, RunFacts) or run.sha != seen.release.commit:
        return running.not_followed(seen, run)
    jobs = await within(hands.forge.jobs(where, run_id), SILENT)
    if isinstance(jobs, Unsure):
        return troubled(seen, jobs)
    listed = jobs if isinstance(jobs, tuple) else ()
    if running.published_before_its_end(seen, run, listed):
        # What it waits for is not ours to tell of or to approve: another index, another release.
        return running.ended_well(seen, run, listed)
    gone_on = await _gate(hands, seen, run)
    if gone_on is None:
        return None
    seen, lines = gone_on
    decision = await _followed(hands, seen, run, listed)
    # What became of the approval is known by now, or the next look must ask for it.
    values = {"begun": seen.release.begun, "begun_at": seen.release.begun_at, **decision.values}
    return replace(decision, values=values, lines=(*lines, *decision.lines))


async def _followed(hands: Hands, seen: Situation, run: RunFacts, jobs: tuple[JobFacts, ...]) -> Decision:
    if not run.ended:
        return running.following(seen, run, jobs)
    if run.conclusion is Conclusion.SUCCESS:
        return running.ended_well(seen, run, jobs)
    failed = running.first_failed(jobs)
    log = (
        await within(hands.forge.log_tail(repo(seen.release), failed.id), SILENT)
        if failed is not None
        else ""
    )
    return running.ended_badly(seen, run, jobs, log if isinstance(log, str) else "")


async def _gate(hands: Hands, seen: Situation, run: RunFacts) -> tuple[Situation, tuple[Line, ...]] | None:
    """Approve the environment that the team's approval covers, or tell whom the run waits for.

    None where the claim was lost. Killed in between, the next look sees what became of the approval, and tells it.
    """
    where = repo(seen.release)
    waiting: tuple[WaitingDeployment, ...] = ()
    if run.status == "waiting":
        found = await within(hands.forge.waiting(where, run.id), SILENT)
        if not isinstance(found, tuple):
            return seen, ()
        waiting = found
    if waiting:
        # What the policy forbids by now the bot does not do, though it was allowed when the run began.
        policy = stricter(seen.policy, await policy_now(hands, seen.release))
        seen = replace(seen, policy=policy)
    ours = running.to_approve(seen, waiting)
    if ours is None:
        return running.let_through(seen, waiting)
    if not await hands.begin(seen.release, running.DEPLOYMENT):
        return None
    comment = f"Approved in Slack by: {', '.join(approvers(seen)) or 'nobody had to'}"
    done = await hands.forge.approve(where, run.id, (ours.environment_id,), comment[:500])
    return running.after_review(seen, done, waiting, ours)


async def expected(hands: Hands, seen: Situation) -> Progress | Unsure:
    """Return the progress with what the run built, where that can be seen: its artifacts, else the forge's release."""
    release, where = seen.release, repo(seen.release)
    assert release.run_id is not None
    artifacts = await within(hands.forge.artifacts(where, release.run_id), SILENT)
    there = await within(hands.forge.release(where, release.tag), SILENT)
    found: list[BuiltFile] = []
    for outcome in (artifacts, there):
        if isinstance(outcome, Unsure):
            return outcome
    for artifact in artifacts if isinstance(artifacts, tuple) else ():
        built = await hands.forge.built(where, artifact.id) if not artifact.expired else ()
        if isinstance(built, Unsure):
            return built
        found += built if isinstance(built, tuple) else ()
    if isinstance(there, ForgeRelease):
        found += [BuiltFile(name, sha256, 0) for name, sha256 in there.assets if sha256]
    files = built_for(release.target.project, release.version, found)
    return replace(seen.progress, expected=files, expected_known=True)
