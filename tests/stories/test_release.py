"""From `/release` to "it is on the index", on the real bot and both databases."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, CAROL
from tests.stories.kit import ask, click, confirmed, policy, root_saying, thread_saying, world_on


async def test_a_release_is_approved_run_and_verified(database_url: str, tmp_path: Path) -> None:
    """Two people approve, the tag is made, the run publishes, the index shows it: each said once, the end in the channel."""
    async with world_on(database_url, tmp_path) as world:
        await confirmed(world)
        await policy(world, "quorum=2")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, ALICE, root, "release.approve")
        await click(world, BOB, root, "release.approve")
        await click(world, CAROL, root, "release.approve")
        await root_saying(world, "published")
        thread = await thread_saying(world, root, "*Published*")
        assert thread.count("The tag") == 1, thread
        files = {file.filename for file in world.company.state.projects["widgets"].files}
        assert {"widgets-1.4.0.tar.gz", "widgets-1.4.0-py3-none-any.whl"} <= files
        assert not world.gate.violations
