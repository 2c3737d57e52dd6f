"""Those whose pull requests shipped are told on these, once each, after the release is published."""

from pathlib import Path

import pytest

from bot.demo.slack_config import ALICE, BOB
from bot.demo.world import World
from tests.stories.kit import (
    REPOSITORY,
    Json,
    ask,
    click,
    commit_version,
    in_thread,
    policy,
    ready,
    root_saying,
    thread_saying,
)

WHERE = f"/repos/{REPOSITORY}/issues"


def merged(world: World, count: int) -> list[int]:
    """Merge so many pull requests, then make a release ready; returns their numbers."""
    numbers = [
        world.forge.merge_pull(REPOSITORY, {f"part{one}.py": b"# part\n"}, f"Add part {one}", "grace")
        for one in range(count)
    ]
    commit_version(world, "1.5.0")
    return numbers


async def release(world: World) -> Json:
    """Ask for the release and approve it."""
    root = await ask(world, ALICE, "widgets v1.5.0", "widgets 1.5.0")
    await click(world, BOB, root, "release.approve")
    return await root_saying(world, "published", "widgets 1.5.0")


def told(world: World, numbers: list[int]) -> list[int]:
    """Return how many comments each pull request has."""
    return [len(world.forge.comments(REPOSITORY, number)) for number in numbers]


async def test_each_pull_request_is_told_once(tmp_path: Path) -> None:
    """What shipped is told where it was worked on, with where it can be installed from; a locked one is named in the thread."""
    async with ready(tmp_path) as world:
        await policy(world, "thank=yes")
        numbers = merged(world, 3)
        world.forge.lock_pull(REPOSITORY, numbers[1])
        root = await release(world)
        thread = await thread_saying(world, root, "pull requests told")
        assert "2 pull requests told, 1 could not be" in thread
        assert f"#{numbers[1]} (GitHub refuses: Unable to create comment because issue is locked)" in thread
        assert told(world, numbers) == [1, 0, 1]
        (comment,) = world.forge.comments(REPOSITORY, numbers[0])
        url = f"{world.company.url}/project/widgets/1.5.0/"
        assert comment.startswith(f"Released in widgets 1.5.0, which can be installed from company: {url}")
        assert in_thread(world.slack, root).count("pull requests told") == 1


async def test_nobody_is_told_unasked(tmp_path: Path) -> None:
    """Without the policy's word the forge hears nothing about pull requests."""
    async with ready(tmp_path) as world:
        numbers = merged(world, 1)
        root = await release(world)
        await thread_saying(world, root, "*Published*")
        assert told(world, numbers) == [0]
        assert not [seen for seen in world.forge.requests if "/issues/" in seen.path]


@pytest.mark.parametrize("arrived", [False, True])
async def test_killed_while_it_comments(arrived: bool, tmp_path: Path) -> None:
    """Killed while a comment is on its way, arrived or not, the bot looks for it and tells each once."""
    async with ready(tmp_path) as world:
        await policy(world, "thank=yes")
        numbers = merged(world, 2)
        world.forge.fail(f"{WHERE}/{numbers[1]}/comments", method="POST", hang=True, after=arrived)
        root = await release(world)
        await world.forge.until_hanging()
        await world.bot.kill()
        world.forge.release()
        await world.bot.start()
        await thread_saying(world, root, "2 pull requests told")
        assert told(world, numbers) == [1, 1]


async def test_a_forge_out_of_order_is_waited_for(tmp_path: Path) -> None:
    """Lost answers and limits delay the comments and double none; the release was published before."""
    async with ready(tmp_path) as world:
        await policy(world, "thank=yes")
        numbers = merged(world, 2)
        world.forge.fail(f"{WHERE}/{numbers[0]}/comments", method="POST", close=True, after=True)
        world.forge.fail(f"{WHERE}/{numbers[1]}/comments", method="POST", status=503)
        root = await release(world)
        await world.forge.arrived(f"{WHERE}/", count=3, method="POST")
        await thread_saying(world, root, "2 pull requests told")
        assert told(world, numbers) == [1, 1]
