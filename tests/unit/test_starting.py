"""How a release's run is started: the table of `docs/release-lifecycle.md`."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.findings import Found, Level
from bot.core.forge import Conclusion, ForgeRelease, Nothing, Unsure
from bot.core.repositories import WorkflowFacts, WorkflowJob
from bot.core.starting import findings
from storage.records import StartBy
from tests.unit.preflight_examples import OTHER_SHA, PUBLISHING, TARGET, WORKFLOW, chosen, run, seen

PUSH, RELEASE, DISPATCH = StartBy.PUSH, StartBy.RELEASE, StartBy.DISPATCH
MADE = ForgeRelease("https://forge.example/releases/v1.4.0", draft=False, prerelease=False, assets=())
FAILED = run(8, conclusion=Conclusion.FAILURE, status="completed")
DONE = run(9, conclusion=Conclusion.SUCCESS, status="completed")


def on(*triggers: str, **more: Any) -> WorkflowFacts:
    """Return the workflow with these triggers."""
    return replace(WORKFLOW, triggers=triggers, **more)


CASES: list[tuple[WorkflowFacts, dict[str, Any], bool, StartBy | None, int | None]] = [
    # what the workflow triggers on, what is there, whether its filters take the tag; what starts it, the run followed
    (on("push"), {}, True, PUSH, None),
    (on("push"), {"tag_exists": True, "pushed_runs": (run(),)}, True, PUSH, 7),
    (on("push"), {"tag_exists": True, "pushed_runs": (FAILED,)}, True, PUSH, 8),
    (on("push"), {"tag_exists": True, "pushed_runs": (DONE, FAILED)}, True, PUSH, 9),
    (on("push"), {"tag_exists": True}, True, None, None),
    (on("push"), {}, False, None, None),
    (on("push", "release", "workflow_dispatch"), {}, True, PUSH, None),
    (on("push", "workflow_dispatch"), {"tag_exists": True}, True, DISPATCH, None),
    (on("push", "workflow_dispatch"), {"tag_exists": True, "pushed_runs": (run(),)}, True, PUSH, 7),
    (on("push", "workflow_dispatch"), {"tag_exists": True, "pushed_runs": (run(ref="main"),)}, True, DISPATCH, None),
    (on("push", "workflow_dispatch"), {"tag_exists": True, "pushed_runs": (run(ref="v1.4"),)}, True, DISPATCH, None),
    (on("push", "workflow_dispatch"), {}, False, DISPATCH, None),
    (on("release"), {}, True, RELEASE, None),
    (on("release"), {"tag_exists": True, "release": Nothing()}, True, RELEASE, None),
    (on("release"), {"tag_exists": True, "release": MADE, "release_runs": (run(event="release"),)}, True, RELEASE, 7),
    (on("release"), {"tag_exists": True, "release": MADE}, True, None, None),
    (on("release", "workflow_dispatch"), {"tag_exists": True, "release": MADE}, True, DISPATCH, None),
    (on("release", release_types=("published",)), {}, True, RELEASE, None),
    (on("release", release_types=("created",)), {"prerelease": True}, True, RELEASE, None),
    (on("release", release_types=("released",)), {}, True, RELEASE, None),
    (on("release", release_types=("released",)), {"prerelease": True}, True, None, None),
    (on("release", release_types=("prereleased",)), {"prerelease": True}, True, RELEASE, None),
    (on("release", release_types=("prereleased",)), {}, True, None, None),
    (on("release", release_types=("deleted", "edited")), {}, True, None, None),
    (on("workflow_dispatch"), {}, True, DISPATCH, None),
    (on("workflow_dispatch"), {"tag_exists": True}, True, DISPATCH, None),
    (on("workflow_dispatch", dispatch_needs_inputs=True), {"tag_exists": True}, True, None, None),
    (on("schedule", "pull_request"), {}, True, None, None),
    (on(), {}, True, None, None),
    (on("push"), {"tag_exists": True, "pushed_runs": Nothing()}, True, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "there", "matches", "start", "run_id"), CASES)
def test_how_a_run_is_started(
    facts: WorkflowFacts, there: dict[str, Any], matches: bool, start: StartBy | None, run_id: int | None
) -> None:
    """A run that is there is followed, else the tag, the release or a hand starts one; nothing is started twice."""
    found = chosen(seen(facts=facts, **there), matches=matches)
    assert (found.start, found.run.id if found.run else None) == (start, run_id)
    assert found.publishing_jobs == ("publish",)


@pytest.mark.parametrize(
    ("there", "level", "what", "values"),
    [
        ({}, Level.FINE, Found.WORKFLOW_STARTS, {"workflow": "release.yml", "event": "push", "environment": "pypi"}),
        (
            {"tag_exists": True, "pushed_runs": (run(),)}, Level.FINE, Found.WORKFLOW_RUNS,
            {"workflow": "release.yml", "event": "push", "url": "https://forge.example/runs/7"},
        ),
        (
            {"tag_exists": True, "pushed_runs": (FAILED,)}, Level.WARNING, Found.WORKFLOW_ENDED,
            {"workflow": "release.yml", "url": "https://forge.example/runs/8", "conclusion": "failure"},
        ),
        ({"text": Nothing(), "facts": None}, Level.BLOCKING, Found.WORKFLOW_NONE, {"workflow": "release.yml"}),
        ({"facts": WorkflowFacts(found=False)}, Level.BLOCKING, Found.WORKFLOW_NONE, {"workflow": "release.yml"}),
        (
            {"facts": WorkflowFacts(found=True)}, Level.BLOCKING, Found.WORKFLOW_UNKNOWN,
            {"detail": "release.yml can't be read that far"},
        ),
        (
            {"facts": WorkflowFacts(found=True), "tag_exists": True, "pushed_runs": (FAILED,)}, Level.UNKNOWN, Found.WORKFLOW_UNKNOWN,
            {"detail": "release.yml can't be read that far"},
        ),
        ({"text": Unsure("502")}, Level.UNKNOWN, Found.WORKFLOW_UNKNOWN, {"detail": "502"}),
        ({"text": Unsure("")}, Level.UNKNOWN, Found.WORKFLOW_UNKNOWN, {"detail": "the forge gave no answer"}),
        ({"pushed_runs": Unsure("502")}, Level.UNKNOWN, Found.WORKFLOW_UNKNOWN, {"detail": "502"}),
        (
            {"facts": on("schedule")}, Level.BLOCKING, Found.WORKFLOW_NO_TRIGGER,
            {"workflow": "release.yml", "triggers": "schedule"},
        ),
        ({"facts": on()}, Level.BLOCKING, Found.WORKFLOW_NO_TRIGGER, {"workflow": "release.yml", "triggers": "nothing"}),
    ],
)  # fmt: skip
def test_what_is_said_of_the_workflow(
    there: dict[str, Any], level: Level, what: Found, values: dict[str, str]
) -> None:
    """What can't be seen is unknown, what is not there blocks, a run that has ended badly is a warning."""
    [finding] = findings(chosen(seen(**there)), TARGET)
    assert (finding.level, finding.found, dict(finding.values)) == (level, what, values)


@pytest.mark.parametrize(
    ("named", "wanted", "fits"),
    [
        ("pypi", "pypi", True), ("PyPI", "pypi", True), ("pypi", "", True), ("", "", True), ("${{ inputs.env }}", "pypi", True),
        ("", "pypi", False), ("testpypi", "pypi", False), ("pypi2", "pypi", False),
    ],
)  # fmt: skip
def test_the_publishing_job_has_the_registered_environment(named: str, wanted: str, fits: bool) -> None:
    """A job without rights does not count; one whose environment is only known when it runs may fit."""
    jobs = (replace(PUBLISHING, environment=named), WorkflowJob("docs", "docs", "pypi"))
    said = findings(chosen(seen(facts=replace(WORKFLOW, jobs=jobs))), replace(TARGET, environment=wanted))
    blocking = [one.found for one in said if one.level is Level.BLOCKING]
    assert blocking == ([] if fits else [Found.WORKFLOW_OTHER_ENVIRONMENT])


def test_a_workflow_that_may_not_publish_is_told() -> None:
    """Without `id-token: write` the index will refuse, however it is started."""
    facts = replace(WORKFLOW, has_id_token_write=False, jobs=(WorkflowJob("build", "build"),))
    assert [one.found for one in findings(chosen(seen(facts=facts)), TARGET)] == [
        Found.WORKFLOW_NO_TOKEN, Found.WORKFLOW_STARTS,
    ]  # fmt: skip


def test_its_own_runs_are_those_of_the_tag() -> None:
    """Runs of other refs at the same commit are nobody's business, nor hidden from what CI says."""
    found = chosen(
        seen(
            tag_exists=True, pushed_runs=(run(1, ref="main"), run(2)), release_runs=(run(3), run(4, ref="v1"))
        )
    )
    assert found.all_runs == (2, 3)


@given(
    st.lists(st.sampled_from(["push", "release", "workflow_dispatch", "schedule"]), unique=True),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from([run(), FAILED, DONE, run(5, ref="main"), run(6, sha=OTHER_SHA)]), max_size=3),
    st.sampled_from([None, Nothing(), MADE]),
    st.text(st.characters(), max_size=20),
)
def test_a_run_is_followed_or_started_never_both(
    triggers: list[str], matches: bool, there: bool, runs: list[Any], made: Any, tag: str
) -> None:
    """What is started has a trigger for it, and nothing is pushed or released that is there already."""
    looked = seen(
        facts=on(*triggers),
        tag_exists=there,
        pushed_runs=tuple(runs) if there else (),
        release=made,
        tag="v1.4.0",
    )
    found = chosen(looked, matches=matches)
    if found.run is not None:
        assert found.run.ref == "v1.4.0"
        assert there
    elif found.start is not None:
        assert str(found.start) in triggers
        assert not (found.start is PUSH and there)
        assert not (found.start is RELEASE and made is MADE)
    assert findings(found, replace(TARGET, workflow=tag))


def test_the_publishing_job_is_that_of_the_publishers_environment() -> None:
    """Where one workflow serves several indexes only the job of this one's environment counts, in whatever case."""
    other = replace(PUBLISHING, id="rehearse", name="rehearse", environment="Try")
    both = replace(WORKFLOW, jobs=(other, PUBLISHING))
    names = {
        env: chosen(seen(facts=both, environment=env)).publishing_jobs for env in ("try", "PyPI", "", "else")
    }
    every = ("rehearse", "publish")
    assert names == {"try": ("rehearse",), "PyPI": ("publish",), "": every, "else": every}
