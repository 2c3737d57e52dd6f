"""A release's act and its run: what follows from what the forge answers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approvals import Policy
from bot.core.findings import Report
from bot.core.forge import (
    ActOutcome,
    Conclusion,
    Done,
    Exists,
    Forbidden,
    Invalid,
    JobFacts,
    Nothing,
    TagFacts,
    Unsure,
    WaitingDeployment,
)
from bot.core.lifecycle import ReleaseEvent
from bot.core.progress import JobSeen, Progress
from bot.core.release_notices import Step
from bot.core.releases import Situation
from bot.core.running import (
    EXISTS_BORNE,
    RUN_APPEARS,
    RUN_LASTS,
    after_dispatch,
    after_release,
    after_rerun,
    after_search,
    after_tag,
    after_tagging,
    ended_badly,
    ended_well,
    event_of,
    first_failed,
    following,
    found,
    noticed,
    published_before_its_end,
    to_approve,
    waits,
)
from storage.records import ReleaseReason, ReleaseState, StartBy
from tests.unit.preflight_examples import NOW, OTHER_SHA, RELEASE, SHA, run

BASE = timedelta(seconds=30)
LOST = Unsure("time-out", arrived_maybe=True)
REFUSED = Unsure("connection refused")
ACTING = replace(RELEASE, state=ReleaseState.TAGGING, make_tag=True, begun="dispatch", begun_at=NOW)
START, NOTHING_SEEN = Progress(), Report()
LATE = NOW + BASE * (RUN_APPEARS + 1)


def at(
    progress: Progress = START, now: Any = NOW, report: Report = NOTHING_SEEN, **changes: Any
) -> Situation:
    """Return a situation of a release that acts."""
    return Situation(replace(ACTING, **changes), Policy(), report, progress, now, BASE)


def job(name: str, status: str = "in_progress", conclusion: str = "", number: int = 0) -> JobFacts:
    """Return a job."""
    return JobFacts(number, name, status, Conclusion(conclusion), f"https://forge.example/jobs/{number}")


def steps(decision: Any) -> list[Step]:
    """Return what is told."""
    return [line.step for line in decision.lines]


def test_the_tag_is_made_only_where_none_is() -> None:
    """A tag at the approved commit is used, one elsewhere stops the release, none is made if that was approved."""
    there = after_tag(at(begun=""), TagFacts("v1.4.0", SHA, annotated=True))
    assert there is not None
    assert there.progress is not None
    assert (there.progress.tag_made, steps(there)) == (True, [Step.TAG_USED])
    ours = after_tag(at(begun="tag"), TagFacts("v1.4.0", SHA, annotated=True))
    assert ours is not None
    assert (steps(ours), ours.values["begun"]) == ([Step.TAG_MADE], "")
    elsewhere = after_tag(at(begun="tag"), TagFacts("v1.4.0", OTHER_SHA, annotated=True))
    assert elsewhere is not None
    assert (elsewhere.event, elsewhere.values["reason"]) == (ReleaseEvent.BROKE, ReleaseReason.TAG_ELSEWHERE)
    assert after_tag(at(), Nothing()) is None
    gone = after_tag(at(make_tag=False), Nothing())
    assert gone is not None
    assert gone.values["reason"] is ReleaseReason.TAG_ELSEWHERE
    unseen = after_tag(at(), REFUSED)
    assert unseen is not None
    assert unseen.event is ReleaseEvent.WAITED
    assert unseen.values["next_at"] > NOW


def test_a_tag_that_the_forge_hides_is_not_asked_for_without_end() -> None:
    """A tag that is there and not shown is looked for with pauses, a few times, then people choose."""
    progress = Progress()
    for _ in range(EXISTS_BORNE):
        decision = after_tagging(at(progress, begun="tag"), Exists())
        assert (decision.event, decision.values["begun"]) == (ReleaseEvent.WAITED, "tag")
        assert decision.values["next_at"] > NOW
        assert decision.progress is not None
        progress = decision.progress
    assert after_tagging(at(progress, begun="tag"), Exists()).values["reason"] is ReleaseReason.FORGE_REFUSED


@pytest.mark.parametrize("after", [after_tagging, after_release, after_dispatch, after_rerun])
@pytest.mark.parametrize(
    ("outcome", "event", "begun"),
    [
        (REFUSED, ReleaseEvent.WAITED, ""),
        (Forbidden("no"), ReleaseEvent.BROKE, ""),
        (Invalid("no"), ReleaseEvent.BROKE, ""),
        (Nothing(), ReleaseEvent.BROKE, ""),
    ],
)
def test_a_no_ends_it_and_a_silence_that_did_nothing_is_tried_again(
    after: Any, outcome: ActOutcome, event: ReleaseEvent, begun: str
) -> None:
    """What the forge refuses people are told; what never arrived may be asked for again."""
    decision = after(at(), outcome)
    assert (decision.event, decision.values["begun"]) == (event, begun)
    if event is ReleaseEvent.BROKE:
        assert decision.values["reason"] is ReleaseReason.FORGE_REFUSED


@pytest.mark.parametrize("after", [after_tagging, after_release, after_rerun])
def test_an_act_that_may_have_arrived_is_looked_for(after: Any) -> None:
    """What was begun stays written down, so that the next look finds out what has become of it."""
    decision = after(at(begun="tag"), LOST)
    assert decision.event is ReleaseEvent.WAITED
    assert decision.values.get("begun", "tag") == "tag"


def test_a_start_whose_answer_was_lost_counts_as_a_start() -> None:
    """It is never sent again: the run is waited for, and what was begun is remembered."""
    decision = after_dispatch(at(), LOST)
    assert decision.progress is not None
    assert (decision.progress.started, decision.values["begun"], decision.lines) == (True, "dispatch", ())
    done = after_dispatch(at(), Done())
    assert done.progress is not None
    assert (done.progress.started, steps(done)) == (True, [Step.DISPATCHED])


def test_a_release_of_the_forge_that_is_there_is_used() -> None:
    """It is made once; one that somebody made in the same moment will do."""
    for outcome, told in ((Done("https://forge.example/r"), [Step.RELEASE_MADE]), (Exists(), [])):
        decision = after_release(at(), outcome)
        assert decision.progress is not None
        assert (decision.progress.started, steps(decision)) == (True, told)


def test_the_run_is_found_by_commit_and_tag() -> None:
    """Runs of other commits or refs, and those known before, are not ours."""
    others = (run(1, sha=OTHER_SHA), run(2, ref="main"), run(3))
    progress = Progress(known_runs=(3,))
    waiting = after_search(at(progress), others)
    assert waiting.event is ReleaseEvent.WAITED
    assert waiting.progress is not None
    assert waiting.progress.looks == 1
    ours = after_search(at(progress), (*others, run(4, attempt=2)))
    assert (ours.event, ours.values["run_id"], ours.values["begun"]) == (ReleaseEvent.RUN_FOUND, 4, "")
    assert ours.progress is not None
    assert ours.progress.run_attempt == 2
    assert after_search(at(), Nothing()).event is ReleaseEvent.WAITED
    assert after_search(at(), REFUSED).event is ReleaseEvent.WAITED


@pytest.mark.parametrize(
    ("begun", "reason"), [("dispatch", ReleaseReason.START_LOST), ("", ReleaseReason.NO_RUN), ("tag", ReleaseReason.NO_RUN)]
)  # fmt: skip
def test_a_run_that_does_not_appear_is_told(begun: str, reason: ReleaseReason) -> None:
    """After a time people choose; time that the forge was out of order before does not count."""
    looked = Progress(started=True, looks=RUN_APPEARS)
    assert after_search(at(looked, LATE, begun=begun), ()).values["reason"] is reason
    assert after_search(at(Progress(started=True), LATE, begun=begun), ()).event is ReleaseEvent.WAITED
    assert after_search(at(looked, begun=begun), ()).event is ReleaseEvent.WAITED


def test_a_run_that_had_failed_before_is_run_again() -> None:
    """What people approved with a failed run shown is run again; a run that fails later is told as it is."""
    failed = run(7, attempt=3, status="completed", conclusion=Conclusion.FAILURE)
    again = after_search(at(report=Report(run_id=7)), (failed,))
    assert again.progress is not None
    assert (again.event, again.values["run_id"], again.progress.rerun_of) == (ReleaseEvent.WAITED, 7, 3)
    assert after_search(at(report=Report(run_id=8)), (failed,)).event is ReleaseEvent.RUN_FOUND
    assert after_search(at(report=Report(run_id=7)), (run(7),)).event is ReleaseEvent.RUN_FOUND
    rerun = after_rerun(at(begun="rerun"), Done())
    assert (rerun.event, rerun.values["begun"]) == (ReleaseEvent.WAITED, "rerun")


def test_each_start_and_end_of_a_job_is_told_once() -> None:
    """Jobs of a matrix with one name are told apart, and a list that comes short makes nobody repeat itself."""
    first = (
        job("test (3.11)", number=1),
        job("test (3.12)", "queued", number=2),
        job("same", number=3),
        job("same", "queued", number=4),
    )
    progress, lines = noticed(Progress(run_attempt=1), run(), first)
    assert [(line.step, line.values["job"]) for line in lines] == [
        (Step.JOB_STARTED, "test (3.11)"),
        (Step.JOB_STARTED, "same"),
    ]
    assert noticed(progress, run(), first)[1] == ()
    short, lines = noticed(progress, run(), ())
    assert lines == ()
    assert noticed(short, run(), first)[1] == ()
    ended = (
        job("test (3.11)", "completed", "success", 1),
        job("skipped", "completed", "skipped", 5),
        *first[1:],
    )
    progress, lines = noticed(progress, run(), ended)
    assert [(line.step, line.values["conclusion"]) for line in lines] == [(Step.JOB_ENDED, "success")]
    assert noticed(progress, run(), ended)[1] == ()


def test_another_attempt_is_told_anew() -> None:
    """A job that runs again starts again."""
    progress, _ = noticed(Progress(run_attempt=1), run(), [job("publish", "completed", "failure", 1)])
    again, lines = noticed(progress, run(attempt=2), [job("publish", number=9)])
    assert [line.step for line in lines] == [Step.JOB_STARTED]
    assert (again.run_attempt, len(again.jobs)) == (2, 1)


def test_jobs_kept_without_their_number_are_known_by_name() -> None:
    """What an older version has kept is not told again."""
    kept = Progress(run_attempt=1, jobs=(JobSeen("build", "in_progress"),))
    assert noticed(kept, run(), [job("build", number=5)])[1] == ()


STATUSES = ["queued", "waiting", "in_progress", "completed"]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=4, unique_by=lambda one: one[0]),
        max_size=6,
    )
)
def test_however_looks_fall_nothing_is_told_twice(looks: list[list[tuple[int, int]]]) -> None:
    """Jobs only go on; however many looks see them, in whatever lists, each starts and ends at most once."""
    progress, told = Progress(run_attempt=1), []
    reached: dict[int, int] = {}
    for look in looks:
        jobs = []
        for number, status in look:
            reached[number] = max(status, reached.get(number, 0))
            ended = reached[number] == 3
            jobs.append(
                job(
                    "same" if number < 3 else f"job {number}",
                    STATUSES[reached[number]],
                    "success" if ended else "",
                    number,
                )
            )
        progress, lines = noticed(progress, run(), jobs)
        told += [(line.step, line.values["url"]) for line in lines]
    assert len(told) == len(set(told))
    assert {url for step, url in told if step is Step.JOB_ENDED} == {
        f"https://forge.example/jobs/{number}" for number, status in reached.items() if status == 3
    }


@pytest.mark.parametrize(
    ("name", "status", "publishes"),
    [
        ("publish", "in_progress", True), ("publish", "completed", True), ("publish", "waiting", False),
        ("publish (3.11)", "in_progress", True), ("publish / upload", "in_progress", True),
        ("publish docs", "in_progress", False), ("build", "in_progress", False), ("republish", "in_progress", False),
    ],
)  # fmt: skip
def test_publishing_begins_with_the_publishing_job(name: str, status: str, publishes: bool) -> None:
    """Only a job that may ask for an identity token publishes, however a matrix or a called workflow names it."""
    seen = at(report=Report(publishing_jobs=("publish",)), state=ReleaseState.BUILDING)
    decision = following(seen, run(), [job(name, status, "success" if status == "completed" else "")])
    assert decision.event is (ReleaseEvent.RUN_PUBLISHES if publishes else ReleaseEvent.WAITED)
    assert decision.values["next_at"] > NOW
    later = replace(seen, release=replace(seen.release, state=ReleaseState.PUBLISHING))
    assert following(later, run(), [job(name, status)]).event is ReleaseEvent.WAITED


@pytest.mark.parametrize(
    ("status", "publish", "other", "over"),
    [
        ("waiting", "success", "waiting", True), ("waiting", "success", "in_progress", False),
        ("in_progress", "success", "waiting", False), ("waiting", "failure", "waiting", False), ("waiting", "", "waiting", False),
    ],
)  # fmt: skip
def test_a_run_may_go_on_to_another_index(status: str, publish: str, other: str, over: bool) -> None:
    """A run whose publishing job ended well, and that waits for people only, is over for this release."""
    seen = at(report=Report(publishing_jobs=("try",)), state=ReleaseState.PUBLISHING)
    jobs = [job("try", "completed" if publish else "waiting", publish), job("publish", other)]
    assert published_before_its_end(seen, run(status=status), jobs) is over
    assert not published_before_its_end(seen, run(status=status), jobs[1:])
    if over:
        assert Step.RUN_ENDED not in steps(ended_well(seen, run(status=status), jobs))


def test_a_job_that_is_skipped_publishes_nothing() -> None:
    """A job that only confirms a publisher may ask for an identity token too, and a release leaves it out."""
    seen = at(report=Report(publishing_jobs=("publish", "confirm")), state=ReleaseState.BUILDING)
    skipped = job("confirm", "completed", "skipped")
    assert following(seen, run(), [job("build", "in_progress"), skipped]).event is ReleaseEvent.WAITED
    assert (
        following(seen, run(), [job("publish", "in_progress"), skipped]).event is ReleaseEvent.RUN_PUBLISHES
    )
    assert published_before_its_end(
        seen, run(status="waiting"), [job("publish", "completed", "success"), skipped]
    )


def test_a_run_without_end_is_given_up() -> None:
    """After a day people choose."""
    seen = at(now=NOW + BASE * (RUN_LASTS + 1), state=ReleaseState.BUILDING)
    assert following(seen, run(), ()).values["reason"] is ReleaseReason.RUN_TOO_LONG


GATES = st.lists(
    st.builds(
        WaitingDeployment, st.sampled_from(["pypi", "PyPI", "testpypi", "prod", "", "pypi "]), st.integers(), st.booleans()
    ),
    max_size=4,
)  # fmt: skip


@given(GATES, st.sampled_from(["pypi", "", "Prod"]), st.booleans())
def test_only_the_registered_environment_is_approved(
    waiting: Sequence[WaitingDeployment], wanted: str, allowed: bool
) -> None:
    """Never another environment, never one that the credential may not, never any where the policy says no."""
    target = replace(ACTING.target, environment=wanted)
    seen = replace(at(target=target), policy=Policy(approve_deployments=allowed))
    chosen = to_approve(seen, waiting)
    fitting = [one for one in waiting if one.may_approve and one.environment.lower() == wanted.lower()]
    if allowed and wanted and fitting:
        assert chosen is fitting[0]
    else:
        assert chosen is None


def test_whom_a_run_waits_for_is_told_once() -> None:
    """The environment is told when the waiting begins, and again only where it waits for another."""
    one, other = (
        WaitingDeployment("pypi", 1, may_approve=False, reviewers=("carol", "ops")),
        WaitingDeployment("prod", 2, may_approve=False),
    )
    progress, lines = waits(Progress(run_url="https://forge.example/runs/7"), [one])
    assert [(line.step, dict(line.values)) for line in lines] == [
        (Step.RUN_WAITS, {"environment": "pypi", "url": "https://forge.example/runs/7", "reviewers": "carol, ops"})
    ]  # fmt: skip
    assert waits(progress, [one]) == (progress, ())
    assert len(waits(progress, [other])[1]) == 1
    over, lines = waits(progress, [])
    assert (over.waits_for, over.waits_told, lines) == ("", False, ())


def test_a_failed_run_names_the_job_and_step_that_failed() -> None:
    """Jobs that were cancelled since another failed, or skipped, are not the cause."""
    jobs = (
        job("test (3.11)", "completed", "cancelled", 1), job("docs", "completed", "skipped", 2),
        replace(job("test (3.12)", "completed", "failure", 3), failed_step="Run pytest"), job("z", "completed", "other", 4),
    )  # fmt: skip
    bad = run(status="completed", conclusion=Conclusion.FAILURE)
    decision = ended_badly(at(state=ReleaseState.BUILDING), bad, jobs, "last lines")
    assert (decision.event, decision.values["reason"], decision.values["detail"]) == (
        ReleaseEvent.BROKE, ReleaseReason.RUN_FAILED, "test (3.12)",
    )  # fmt: skip
    assert [line.step for line in decision.lines].count(Step.FAILED) == 0
    last = decision.lines[-1]
    assert (last.step, last.values["job"], last.values["step"], last.values["log"]) == (
        Step.RUN_FAILED, "test (3.12)", "Run pytest", "last lines",
    )  # fmt: skip
    assert first_failed(jobs[:1]) is jobs[0]
    assert first_failed(()) is None
    nameless = ended_badly(at(state=ReleaseState.BUILDING), bad, (), "").lines[-1]
    assert (nameless.values["job"], nameless.values["url"]) == ("", bad.url)


def test_a_run_that_ended_well_is_looked_for_on_the_index() -> None:
    """A green run is no release: now the index must show it, at once."""
    progress = Progress(run_attempt=1, waits_for="pypi", waits_told=True, looks=9, trouble="x")
    decision = ended_well(
        at(progress, state=ReleaseState.PUBLISHING), run(), [job("publish", "completed", "success", 1)]
    )
    assert (decision.event, decision.values["next_at"], steps(decision)) == (
        ReleaseEvent.RUN_ENDED, NOW, [Step.JOB_ENDED, Step.RUN_ENDED],
    )  # fmt: skip
    assert decision.progress is not None
    assert (decision.progress.looks, decision.progress.waits_for, decision.progress.trouble) == (0, "", "")


def test_following_begins_with_a_clean_slate() -> None:
    """A run that is followed from now on has neither jobs nor approvals of an earlier attempt."""
    old = Progress(
        jobs=(JobSeen("x", "completed"),), approved_environments=("pypi",), rerun_of=1, waits_told=True
    )
    decision = found(at(old, begun=""), run(attempt=2))
    assert decision.progress is not None
    assert (decision.progress.jobs, decision.progress.approved_environments, decision.progress.rerun_of) == (
        (),
        (),
        0,
    )
    assert [dict(line.values) for line in decision.lines] == [{"url": run().url, "attempt": "2"}]
    lost = found(at(), run())
    assert steps(lost) == [Step.DISPATCHED, Step.RUN_FOUND]


def test_the_event_is_the_forges_word() -> None:
    """What starts the run is what it is searched by."""
    assert [event_of(start) for start in (None, *StartBy)] == ["push", "push", "release", "workflow_dispatch"]


def test_a_dispatch_that_names_its_run_is_followed_by_that_name() -> None:
    """Where the forge says which run it has started, that one is followed, whatever else was started beside it."""
    begun = at(start=StartBy.DISPATCH)
    decision = after_dispatch(begun, Done(run_id=77))
    assert decision.values["run_id"] == 77
    assert after_dispatch(begun, Done()).values.get("run_id") is None


def test_two_new_runs_are_told_apart_by_nobody() -> None:
    """Two runs that appeared after one dispatch stop the release: one may have other inputs."""
    begun = at(start=StartBy.DISPATCH)
    one, other = replace(run(), id=77), replace(run(), id=78)
    decision = after_search(begun, (one, other))
    assert decision.event is ReleaseEvent.BROKE
    assert after_search(begun, (one,)).event is ReleaseEvent.RUN_FOUND
