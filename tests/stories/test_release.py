"""From `/release` to "it is on the index", on the real bot and both databases."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from tests.stories.kit import ask, click, confirmed, in_thread, policy, root_saying, texts, world_on


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
        thread = in_thread(world, root)
        assert sum("Tag v1.4.0" in text for text in thread) == 1, thread
        assert "widgets-1.4.0.tar.gz" in {
            file.filename for file in world.company.state.projects["widgets"].files
        }
        assert not world.gate.violations
        assert sum("1.4.0" in text and "published" in text.lower() for text in texts(world, RELEASES)) >= 1
