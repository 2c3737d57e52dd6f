"""The forge stand-in's runs: what starts them, in which order they move, what they leave behind."""

import hashlib
import io
import zipfile
from typing import Any

import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from tests.demo.forge_kit import REPO, RUNS, SLUG, WHEEL, Caller, publishes_to


@pytest.fixture
def caller(forge: ForgeStandIn) -> Caller:
    """Give a caller with a token that may do everything."""
    return Caller(forge, forge.make_token())


async def test_a_pushed_tag_publishes(caller: Caller, forge: ForgeStandIn, index: IndexStandIn) -> None:
    """A tag that fits starts a run, and its files are on the index when it has succeeded."""
    publishes_to(forge, index)
    run = await caller.pushed()
    assert (run["event"], run["head_branch"], run["head_sha"]) == ("push", "v1.4.0", forge.head(SLUG))
    assert (run["status"], run["conclusion"]) == ("completed", "success")
    names = {file.filename for file in index.state.projects["widgets"].files}
    assert names >= {WHEEL, "widgets-1.4.0.tar.gz"}


async def test_the_artifact_holds_what_is_on_the_index(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """The build job's zip holds the very files, its digest is the zip's, and its address works once without a token."""
    publishes_to(forge, index)
    run = await caller.pushed()
    found = await caller.get(f"{REPO}/actions/runs/{run['id']}/artifacts")
    (artifact,) = found["artifacts"]
    led = await caller.ask("GET", f"{REPO}/actions/artifacts/{artifact['id']}/zip")
    assert led.status == 302
    assert (await caller.ask("GET", led.headers["location"])).status == 401
    plain = Caller(forge)
    packed = await plain.ask("GET", led.headers["location"])
    assert (await plain.ask("GET", led.headers["location"])).status == 403
    assert artifact["digest"] == f"sha256:{hashlib.sha256(packed.raw).hexdigest()}"
    with zipfile.ZipFile(io.BytesIO(packed.raw)) as archive:
        built = {name: archive.read(name) for name in archive.namelist()}
    known = {file.filename: file.content for file in index.state.projects["widgets"].files}
    assert built.items() <= known.items()


async def test_steps_can_be_watched(caller: Caller, forge: ForgeStandIn, index: IndexStandIn) -> None:
    """Held, a run stands still before each step and shows where it is; a job is listed when its needs are over."""
    publishes_to(forge, index)
    forge.runner.hold()
    forge.push_tag(SLUG, "v1.4.0")
    seen: list[tuple[str, ...]] = []
    while not seen or seen[-1][0] != "completed":
        await forge.runner.until(
            lambda: forge.state.found(SLUG).runs[0].status == "completed" or forge.runner.standing
        )
        run = await caller.only_run()
        jobs = await caller.jobs(run)
        seen.append((run["status"], *(job["status"] for job in jobs.values())))
        forge.runner.go_on(1)
    assert seen == [
        ("queued", "queued"),
        ("in_progress", "queued"),
        ("in_progress", "in_progress"),
        ("in_progress", "completed", "queued"),
        ("in_progress", "completed", "in_progress"),
        ("completed", "completed", "completed"),
    ]


async def test_a_protected_environment_waits_for_the_token(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """A run waits until the API approves; then it goes on, and nothing waits any more."""
    publishes_to(forge, index)
    forge.require_review(SLUG, "pypi", ["ada"])
    run = await caller.pushed()
    assert (run["status"], run["conclusion"]) == ("waiting", None)
    path = f"{REPO}/actions/runs/{run['id']}/pending_deployments"
    (waiting,) = await caller.get(path)
    assert waiting["current_user_can_approve"] is True
    assert waiting["reviewers"][0]["reviewer"]["login"] == "ada"
    body = {"environment_ids": [waiting["environment"]["id"]], "state": "approved", "comment": "Go."}
    approved = await caller.post(path, body)
    assert (approved.status, approved.body[0]["environment"]) == (200, "pypi")
    await forge.runner.settled()
    assert (await caller.only_run())["conclusion"] == "success"
    assert await caller.get(path) == []
    assert (await caller.post(path, body)).status == 422


async def test_a_rejected_deployment_fails_the_run(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """What somebody rejects is not published."""
    publishes_to(forge, index)
    forge.require_review(SLUG, "pypi")
    run = await caller.pushed()
    forge.approve_by_hand(run["id"], state="rejected")
    await forge.runner.settled()
    assert (await caller.only_run())["conclusion"] == "failure"
    assert len(index.state.projects["widgets"].files) == 1


async def test_a_token_that_is_no_reviewer_may_not_approve(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """It is told so beforehand, gets 403, and the page's button still works."""
    publishes_to(forge, index)
    forge.require_review(SLUG, "pypi", ["ada"], token_may_approve=False)
    run = await caller.pushed()
    path = f"{REPO}/actions/runs/{run['id']}/pending_deployments"
    (waiting,) = await caller.get(path)
    assert waiting["current_user_can_approve"] is False
    body = {"environment_ids": [waiting["environment"]["id"]], "state": "approved", "comment": ""}
    assert (await caller.post(path, body)).status == 403
    page = await Caller(forge).ask("GET", run["html_url"])
    assert b"Approve and deploy" in page.raw
    assert (await Caller(forge).post(f"{run['html_url']}/review")).status == 303
    await forge.runner.settled()
    assert (await caller.only_run())["conclusion"] == "success"


async def test_a_failed_job_can_run_again(caller: Caller, forge: ForgeStandIn, index: IndexStandIn) -> None:
    """The log ends as told, a second attempt runs only what failed, and then all is well."""
    publishes_to(forge, index)
    forge.fail_next(SLUG, log=b"twine: boom\n##[error]exit code 1")
    run = await caller.pushed()
    assert run["conclusion"] == "failure"
    jobs = await caller.jobs(run)
    failed = [step["name"] for step in jobs["publish"]["steps"] if step["conclusion"] == "failure"]
    assert len(failed) == 1
    assert failed[0].startswith("Run pypa/gh-action-pypi-publish")
    led = await caller.ask("GET", f"{REPO}/actions/jobs/{jobs['publish']['id']}/logs")
    log = await Caller(forge).ask("GET", led.headers["location"])
    assert (led.status, log.headers["content-type"]) == (302, "text/plain; charset=utf-8")
    assert log.raw.decode().splitlines()[-2].endswith("Z twine: boom")
    again = f"{REPO}/actions/runs/{run['id']}/rerun-failed-jobs"
    assert (await caller.post(again)).status == 201
    assert (await caller.post(again)).status == 403
    await forge.runner.settled()
    run = await caller.only_run()
    assert (run["run_attempt"], run["conclusion"]) == (2, "success")
    later = await caller.jobs(run)
    assert later["build"]["id"] == jobs["build"]["id"]
    assert later["publish"]["id"] != jobs["publish"]["id"]


async def test_a_tag_that_may_not_deploy_fails_without_a_log(caller: Caller, forge: ForgeStandIn) -> None:
    """The environment says which tags may deploy; a job of another one ends before it has steps or a log."""
    forge.restrict(SLUG, "pypi", ["release-*"])
    run = await caller.pushed()
    job = (await caller.jobs(run))["publish"]
    assert (job["conclusion"], job["steps"], job["runner_name"]) == ("failure", [], None)
    assert (await caller.ask("GET", f"{REPO}/actions/jobs/{job['id']}/logs")).status == 404
    (environment,) = (await caller.get(f"{REPO}/environments"))["environments"]
    assert [rule["type"] for rule in environment["protection_rules"]] == ["branch_policy"]


async def test_inputs_are_checked(caller: Caller, forge: ForgeStandIn) -> None:
    """A dispatch must say what is required; the rest has defaults."""
    inputs = b"on: {workflow_dispatch: {inputs: {a: {required: true}, b: {default: x}}}}"
    forge.commit(SLUG, {".github/workflows/release.yml": inputs + b"\njobs: {}\n"})
    path = f"{REPO}/actions/workflows/release.yml/dispatches"
    missing = await caller.post(path, {"ref": "main"})
    assert (missing.status, missing.body["message"]) == (422, "Required input 'a' not provided")
    assert (await caller.post(path, {"ref": "main", "inputs": {"a": "1"}})).status == 204
    assert forge.state.found(SLUG).runs[0].inputs == {"a": "1", "b": "x"}


async def test_a_failed_build_skips_what_needs_it(caller: Caller, forge: ForgeStandIn) -> None:
    """Jobs after a failed one are skipped, and the run has failed."""
    forge.fail_next(SLUG, job="build")
    run = await caller.pushed()
    jobs = await caller.jobs(run)
    assert (jobs["publish"]["conclusion"], run["conclusion"]) == ("skipped", "failure")


async def test_a_dispatch_runs_at_its_ref(caller: Caller, forge: ForgeStandIn, index: IndexStandIn) -> None:
    """A dispatch at a tag runs the workflow as it is there, and is found by its event."""
    publishes_to(forge, index)
    forge.push_tag(SLUG, "no-trigger")
    heard = await caller.post(f"{REPO}/actions/workflows/release.yml/dispatches", {"ref": "no-trigger"})
    assert heard.status == 204
    await forge.runner.settled()
    run = await caller.only_run("?event=workflow_dispatch")
    assert (run["head_branch"], run["conclusion"]) == ("no-trigger", "success")
    assert (await caller.get(f"{RUNS}?event=push"))["total_count"] == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("release.yml/dispatches", {"ref": "nowhere"}, 422),
        ("release.yml/dispatches", {}, 422),
        ("release.yml/dispatches", {"ref": "main", "inputs": {"colour": "red"}}, 422),
        ("release.yml/dispatches", {"ref": "before"}, 422),
        ("other.yml/dispatches", {"ref": "main"}, 404),
    ],
)
async def test_a_dispatch_that_cannot_be(
    caller: Caller, forge: ForgeStandIn, path: str, body: Any, status: int
) -> None:
    """An unknown ref, an unknown input, a file without the trigger at that ref, an unknown workflow."""
    forge.commit(SLUG, {".github/workflows/release.yml": b"on: push\njobs: {}\n"})
    forge.push_tag(SLUG, "before")
    forge.commit(SLUG, {".github/workflows/release.yml": b"on: workflow_dispatch\njobs: {}\n"})
    assert (await caller.post(f"{REPO}/actions/workflows/{path}", body)).status == status


async def test_a_release_starts_its_workflow_once(
    caller: Caller, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """A workflow on published releases runs once for a new release, whose tag is made; not for a draft."""
    publishes_to(forge, index)
    path = ".github/workflows/release.yml"
    text = (
        forge.state.found(SLUG)
        .files[path]
        .replace(b'push:\n    tags: ["v*"]', b"release:\n    types: [published]")
    )
    forge.commit(SLUG, {path: text})
    assert (await caller.post(f"{REPO}/releases", {"tag_name": "v1.3.9", "draft": True})).status == 201
    assert (await caller.post(f"{REPO}/releases", {"tag_name": "v1.4.0"})).status == 201
    await forge.runner.settled()
    run = await caller.only_run()
    assert (run["event"], run["head_branch"], run["conclusion"]) == ("release", "v1.4.0", "success")
    assert (await caller.ask("GET", f"{REPO}/git/ref/tags/v1.3.9")).status == 404


async def test_somebody_cancels_a_run(caller: Caller, forge: ForgeStandIn) -> None:
    """What has not ended is cancelled, also what waits for a review, and the run with it; it can run again."""
    forge.require_review(SLUG, "pypi")
    run = await caller.pushed()
    forge.cancel_by_hand(run["id"])
    run = await caller.only_run()
    jobs = await caller.jobs(run)
    assert (run["status"], run["conclusion"]) == ("completed", "cancelled")
    assert [job["conclusion"] for job in jobs.values()] == ["success", "cancelled"]
    assert await caller.get(f"{REPO}/actions/runs/{run['id']}/pending_deployments") == []
    assert (await caller.post(f"{REPO}/actions/runs/{run['id']}/rerun-failed-jobs")).status == 201
    await forge.runner.settled()
    assert (await caller.only_run())["status"] == "waiting"


async def test_a_run_cancelled_early_skips_the_rest(caller: Caller, forge: ForgeStandIn) -> None:
    """Jobs that had not begun are skipped, and the run is no longer moved on."""
    forge.runner.hold()
    forge.push_tag(SLUG, "v1.4.0")
    await forge.runner.until_held()
    forge.cancel_by_hand(forge.state.found(SLUG).runs[0].id)
    forge.runner.go_on()
    jobs = await caller.jobs(await caller.only_run())
    assert [job["conclusion"] for job in jobs.values()] == ["cancelled", "skipped"]


async def test_a_run_may_come_late_or_never(caller: Caller, forge: ForgeStandIn) -> None:
    """The forge takes its time between the tag and the run, and sometimes forgets it."""
    forge.runner.postpone()
    forge.push_tag(SLUG, "v1.4.0")
    assert (await caller.get(RUNS))["total_count"] == 0
    forge.runner.catch_up()
    assert (await caller.only_run())["head_branch"] == "v1.4.0"
    forge.runner.postpone()
    forge.push_tag(SLUG, "v1.4.1")
    forge.runner.catch_up(lose=True)
    assert (await caller.only_run())["head_branch"] == "v1.4.0"


async def test_stopping_drops_what_runs_and_starting_takes_it_up(
    forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """A forge with a run under way stops at once; started again it goes on where it was."""
    publishes_to(forge, index)
    forge.runner.hold()
    forge.push_tag(SLUG, "v1.4.0")
    await forge.runner.until_held()
    await forge.stop()
    (run,) = forge.state.found(SLUG).runs
    assert run.status == "queued"
    port = int(forge.url.rpartition(":")[2])
    forge.runner.go_on()
    await forge.start(port)
    await forge.runner.settled()
    assert run.conclusion == "success"
