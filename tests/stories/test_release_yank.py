"""From `/release yank` to "every file is yanked", on the real bot."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.world import World
from tests.stories.kit import (
    PATIENCE,
    REPOSITORY,
    Json,
    click,
    ended,
    give_reason,
    heard,
    policy,
    ready,
    runs,
    thread_saying,
)

FILES = ["widgets-1.4.0.tar.gz", "widgets-1.4.0-py3-none-any.whl"]
PAGE = "/manage/project/widgets/release/1.4.0/"


async def root_saying(world: World, what: str) -> Json:
    """Wait until the newest yank's message says so, and return it."""

    def find(slack: SlackWorkspace) -> Json | None:
        start = "Yank of widgets 1.4.0 from company: "
        roots = [one for one in slack.messages(RELEASES) if str(one.get("text", "")).startswith(start)]
        return roots[-1] if roots and what in str(roots[-1]["text"]) else None

    found = await world.slack.wait_for(find, PATIENCE)
    assert found is not None
    return found


async def ask(world: World, reason: str = "It deletes everything.") -> Json:
    """Ask for a yank, and wait until the team is asked to approve it."""
    await world.slack.command(ALICE, RELEASES, "/release", f'yank widgets 1.4.0 reason="{reason}"')
    return await root_saying(world, "waiting for")


async def test_a_yank_is_approved_done_by_hand_and_seen(tmp_path: Path) -> None:
    """What is not there is refused; approved by two, the page is given; once every file is yanked, it is told, a kill in between."""
    async with ready(tmp_path) as world:
        await policy(world, "quorum=2")
        await world.slack.command(ALICE, RELEASES, "/release", 'yank widgets 1.4.0 reason="Typo."')
        root = await root_saying(world, "1 finding in the way")
        world.company.add_project("widgets", FILES)
        await click(world, ALICE, root, "release.retry")
        root = await root_saying(world, "waiting for 2 approvals")
        await give_reason(world, BOB, root, "release.reject", "It is fine.")
        await root_saying(world, "rejected")
        await ended(world, root, "Nothing is yanked.")
        root = await ask(world)
        await click(world, ALICE, root, "release.approve")
        await heard(world, "you asked for this yank yourself")
        for who in (BOB, CAROL):
            await click(world, who, root, "release.approve")
        await root_saying(world, "to be yanked on the index")
        thread = await thread_saying(world, root, PAGE)
        assert "It deletes everything." in thread
        await world.bot.kill()
        await world.bot.start()
        world.company.yank("widgets", "1.4.0", "It deletes everything.")
        root = await root_saying(world, "yanked.")
        await ended(world, root, "*Yanked.*")
        thread = await thread_saying(world, root, "*Yanked.*")
        assert (thread.count(PAGE), thread.count("*Yanked.*")) == (1, 1)
        assert "ublished" not in thread
        assert runs(world) == []
        assert "v1.4.0" not in world.forge.state.repositories[REPOSITORY].history.tags
