"""How a release's run starts, waits, fails and is run again."""

from pathlib import Path
from uuid import uuid4

from bot.demo.forge_seed import WORKFLOW_PATH
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.slack_config import ALICE, BOB, RELEASES
from tests.stories.kit import (
    REPOSITORY,
    ask,
    click,
    commit_version,
    ended,
    files_of,
    in_thread,
    ready,
    root_saying,
    runs,
    thread_saying,
)

PUSH = b'push:\n    tags: ["v*"]\n  workflow_dispatch:'


async def test_a_failed_run_is_told_and_run_again(tmp_path: Path) -> None:
    """The failing job and its last lines are told, no secret of its log is; Retry runs what failed, Give up ends it."""
    async with ready(tmp_path) as world:
        token = f"pypi-AgEIcHlwaS5vcmc{uuid4().hex}{uuid4().hex}"
        log = f"Uploading\nTWINE_PASSWORD={token}\n##[error]503 Service Unavailable from the index".encode()
        world.forge.fail_next(REPOSITORY, "publish", log=log, uploads=1)
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, root, "release.approve")
        root = await root_saying(world, "failed")
        await ended(world, root, "503 Service Unavailable from the index")
        thread = in_thread(world.slack, root)
        assert "the job *publish*" in thread
        assert "TWINE_PASSWORD" in thread
        everything = repr(world.slack.messages(RELEASES)) + world.bot.log.read_text() + repr(world.gate.calls)
        assert token[20:] not in everything
        await click(world, BOB, root, "release.retry")
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        (run,) = runs(world)
        assert run.attempt == 2
        assert {job.plan.key: job.attempt for job in run.jobs} == {"build": 1, "publish": 2}
        assert len(files_of(world, "1.4.0")) == 2
        assert "attempt 2" in in_thread(world.slack, root)
        commit_version(world, "1.5.0")
        world.forge.fail_next(REPOSITORY, "build", times=2)
        root = await ask(world, ALICE, "widgets 1.5.0", "widgets 1.5.0")
        await click(world, BOB, root, "release.approve")
        root = await root_saying(world, "failed", "widgets 1.5.0")
        await click(world, ALICE, root, "release.cancel")
        await root_saying(world, "cancelled", "widgets 1.5.0")
        await ended(world, root, "cancelled the release")
        assert not files_of(world, "1.5.0")


async def test_every_way_to_start(tmp_path: Path) -> None:
    """A workflow on releases gets the forge's release with the notes, one on dispatch is started at the tag: once each."""
    async with ready(tmp_path) as world:
        on_release = GOOD_WORKFLOW.replace(PUSH, b"release:\n    types: [published]")
        commit_version(world, "1.4.0", **{WORKFLOW_PATH: on_release})
        root = await ask(world, ALICE, 'widgets v1.4.0 notes="Rounder & better"')
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        assert (await thread_saying(world, root, "is made on the forge")).count("is made on the forge") == 1
        made = world.forge.state.repositories[REPOSITORY].releases["v1.4.0"]
        assert (made.body, made.draft, made.prerelease) == ("Rounder & better", False, False)
        commit_version(world, "1.5.0", **{WORKFLOW_PATH: GOOD_WORKFLOW.replace(PUSH, b"workflow_dispatch:")})
        root = await ask(world, ALICE, "widgets v1.5.0", "widgets 1.5.0")
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published", "widgets 1.5.0")
        assert [run.event for run in runs(world)] == ["release", "workflow_dispatch"]
        assert len(files_of(world, "1.5.0")) == 2


async def test_an_environment_that_only_people_approve(tmp_path: Path) -> None:
    """Where the token may not approve, the link is told once, and a person's approval on the forge lets it go on."""
    async with ready(tmp_path) as world:
        world.forge.require_review(REPOSITORY, "pypi", ["ada"], token_may_approve=False)
        world.forge.push_tag(REPOSITORY, "v1.4.0")
        await world.forge.runner.settled()
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, root, "release.approve")
        thread = await thread_saying(world, root, "reviewers (ada)")
        (run,) = runs(world)
        assert f"/actions/runs/{run.id}" in thread
        await root_saying(world, "building")
        world.forge.approve_by_hand(run.id)
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        assert in_thread(world.slack, root).count("has to approve it there") == 1
        assert not world.forge.count(f"/repos/{REPOSITORY}/actions/runs/{run.id}/pending", method="POST")
