"""A release that is rehearsed on another index first."""

from pathlib import Path

import aiohttp

from bot.demo.forge_seed import WORKFLOW_PATH
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from bot.demo.world import World
from tests.stories.kit import (
    REPOSITORY,
    Json,
    click,
    commit_version,
    ended,
    files_of,
    give_reason,
    in_thread,
    policy,
    ready,
    root_saying,
    runs,
    seen,
    thread_saying,
)

REHEARSE = (
    GOOD_WORKFLOW.replace(b"name: Release", b"name: Rehearse")
    .replace(b"environment: pypi", b"environment: try")
    .replace(b"  build:", b"  trial:")
    .replace(b"needs: build", b"needs: trial")
)
REHEARSAL, MAIN = "widgets 1.4.0 to testpypi", "widgets 1.4.0 to company"


BOTH = (
    GOOD_WORKFLOW.replace(b"  publish:\n    needs: build\n", b"  publish:\n    needs: rehearse\n")
    + b"""
  rehearse:
    needs: build
    runs-on: ubuntu-latest
    environment: try
    permissions:
      id-token: write
    steps:
      - uses: pypa/gh-action-pypi-publish@0123456789abcdef0123456789abcdef01234567
"""
)
"""One workflow that publishes to both, one after the other."""


async def registered(world: World, workflow: str = "rehearse.yml") -> None:
    """Register the workflow that rehearses on the other index, in the browser's form."""
    world.forge.runner.indexes[f"{REPOSITORY}:try"] = (world.public.url, world.public.upload_url)
    add = f"add widgets acme/widgets workflow={workflow} environment=try index=testpypi"
    await world.slack.command(ALICE, RELEASES, "/publisher", add)
    told = await seen(world, "testpypi has no API for trusted publishers")
    jar = aiohttp.CookieJar(unsafe=True)  # the stand-in's host is an address, not a name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        await session.post(f"{world.public.url}/account/login/", data={"user": "demo"})
        form = {
            "project_name": "widgets", "owner": "acme", "repository": "widgets",
            "workflow_filename": workflow, "environment": "try",
        }  # fmt: skip
        async with session.post(f"{world.public.url}/manage/account/publishing/", data=form) as answer:
            assert answer.status == 200
    await world.slack.click(ALICE, RELEASES, told["ts"], "publisher.submitted")
    await seen(world, "The trusted publisher for widgets is pending on testpypi.")


async def asked(world: World, name: str) -> Json:
    """Wait until the team is asked about one of the two."""
    return await root_saying(world, "waiting for 1 approval", name)


async def test_a_release_is_rehearsed_once(tmp_path: Path) -> None:
    """The rehearsal is decided and published first, then the release itself; rejected and asked anew it is not repeated."""
    async with ready(tmp_path) as world:
        await registered(world)
        await policy(world, "rehearsal=testpypi")
        commit_version(world, "1.4.0", **{WORKFLOW_PATH.replace("release", "rehearse"): REHEARSE})
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        first, main = await asked(world, REHEARSAL), await root_saying(world, "checking", MAIN)
        await thread_saying(world, main, "It is rehearsed on *testpypi* first")
        await click(world, BOB, first, "release.approve")
        await root_saying(world, "published", REHEARSAL)
        main = await asked(world, MAIN)
        await thread_saying(world, main, "on *testpypi* went well")
        assert not files_of(world, "1.4.0")
        await give_reason(world, CAROL, main, "release.reject", "One more look")
        await root_saying(world, "rejected", MAIN)
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        main = await asked(world, MAIN)
        await click(world, BOB, main, "release.approve")
        await root_saying(world, "published", MAIN)
        await ended(world, main, "*Published*")
        assert sorted(run.workflow.filename for run in runs(world)) == ["rehearse.yml", "release.yml"]
        assert len(files_of(world, "1.4.0")) == 2
        assert len(world.public.state.projects["widgets"].files) == 2


async def test_a_failed_rehearsal_stops_the_release(tmp_path: Path) -> None:
    """Where the rehearsal fails nothing goes to the other index; run again well and looked at again, the team is asked."""
    async with ready(tmp_path) as world:
        await registered(world)
        await policy(world, "rehearsal=testpypi")
        commit_version(world, "1.4.0", **{WORKFLOW_PATH.replace("release", "rehearse"): REHEARSE})
        world.forge.fail_next(REPOSITORY, "trial")
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        await click(world, BOB, await asked(world, REHEARSAL), "release.approve")
        first = await root_saying(world, "failed", REHEARSAL)
        main = await root_saying(world, "failed", MAIN)
        await ended(world, main, "The rehearsal failed, so nothing was released on company")
        await click(world, BOB, first, "release.retry")
        await root_saying(world, "published", REHEARSAL)
        await click(world, BOB, main, "release.retry")
        main = await asked(world, MAIN)
        await click(world, CAROL, main, "release.approve")
        await root_saying(world, "published", MAIN)
        assert len(files_of(world, "1.4.0")) == 2


async def test_one_run_publishes_to_both(tmp_path: Path) -> None:
    """Where one workflow rehearses and then publishes, the rehearsal is over when its own job is, and the run goes on."""
    async with ready(tmp_path) as world:
        await registered(world, "release.yml")
        await policy(world, "rehearsal=testpypi")
        commit_version(world, "1.4.0", **{WORKFLOW_PATH: BOTH})
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        await click(world, BOB, await asked(world, REHEARSAL), "release.approve")
        first = await root_saying(world, "published", REHEARSAL)
        main = await asked(world, MAIN)
        assert not files_of(world, "1.4.0")
        await click(world, BOB, main, "release.approve")
        await root_saying(world, "published", MAIN)
        await ended(world, main, "*Published*")
        assert "raised_hand" not in in_thread(world.slack, first)
        assert [(run.attempt, run.conclusion) for run in runs(world)] == [(1, "success")]
        assert len(files_of(world, "1.4.0")) == 2
