"""A release that the bot uploads itself with the team's token: in Slack, on the forge, on the index, through a kill."""

from pathlib import Path

from bot.demo.forge_seed import WORKFLOW_PATH
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.slack_config import ALICE, BOB, RELEASES
from tests.stories.kit import (
    ADD,
    click,
    commit_version,
    files_of,
    give_token,
    in_order,
    in_thread,
    policy,
    root_saying,
    seen,
    thread_saying,
    with_schema,
    world_on,
)

BUILDS = GOOD_WORKFLOW.partition(b"  publish:\n")[0]
WHEEL, SDIST = "widgets-1.4.0-py3-none-any.whl", "widgets-1.4.0.tar.gz"


async def test_a_project_with_a_token_goes_from_tag_to_verified(tmp_path: Path) -> None:
    """Made known, asked for with the exception named, built by the run, uploaded by a bot that dies on the way, verified."""
    async with world_on(with_schema(tmp_path), tmp_path) as world:
        await policy(world, "publish=bot")
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, "widgets is known now; I upload it to company myself.")
        token = world.company.make_token()
        commit_version(world, "1.4.0", **{WORKFLOW_PATH: BUILDS})
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        blocked = await root_saying(world, "in the way")
        assert "I have no credential" in repr(blocked["blocks"])
        await give_token(world, token)
        await click(world, ALICE, blocked, "release.retry")
        root = await root_saying(world, "waiting for")
        assert "*the exception:*" in repr(root["blocks"])
        world.forge.runner.hold()
        await click(world, BOB, root, "release.approve")
        await world.forge.runner.until_held()
        await world.bot.kill()
        world.forge.runner.go_on()
        await world.bot.start()
        await root_saying(world, "published")
        await thread_saying(world, root, "nothing attests")
        told = in_thread(world.slack, root)
        for line in ("looked through", f"`{WHEEL}` is uploaded (1 of 2)", f"`{SDIST}` is uploaded (2 of 2)"):
            assert told.count(line) == 1, line
        assert files_of(world, "1.4.0") == {WHEEL, SDIST}
        assert token not in world.bot.words()
        in_order(world)
