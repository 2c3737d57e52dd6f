"""From `/release` to "it is on the index", on the real bot and both databases."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, CAROL
from tests.stories.kit import (
    ask,
    click,
    confirmed,
    ended,
    files_of,
    heard,
    in_order,
    in_thread,
    policy,
    root_saying,
    runs,
    world_on,
)


async def test_a_release_is_approved_run_and_verified(database_url: str, tmp_path: Path) -> None:
    """Two people approve, the tag is made, the run publishes, the index shows it: each said once, the end in the channel."""
    async with world_on(database_url, tmp_path) as world:
        await confirmed(world)
        await policy(world, "quorum=2")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, ALICE, root, "release.approve")
        await heard(world, "Ask somebody else to look at it")
        await click(world, BOB, root, "release.approve")
        await click(world, CAROL, root, "release.approve")
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        thread = in_thread(world.slack, root)
        for once in (
            "The tag",
            "ended well. I look at the index now",
            "*Accepted:*",
            "*Attested:* 2 files",
            "*Published*",
        ):
            assert thread.count(once) == 1, once
        assert files_of(world, "1.4.0") == {"widgets-1.4.0.tar.gz", "widgets-1.4.0-py3-none-any.whl"}
        (run,) = runs(world)
        assert (run.event, run.sha, run.conclusion) == ("push", world.forge.head("acme/widgets"), "success")
        in_order(world)
