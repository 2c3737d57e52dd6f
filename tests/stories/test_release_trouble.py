"""A forge and an index that are out of order while a release is under way: it goes on by itself when they heal."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, RELEASES
from tests.stories.kit import (
    REPOSITORY,
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

REPO = f"/repos/{REPOSITORY}"


async def test_the_forge_is_out_of_order(tmp_path: Path) -> None:
    """500, a cut connection, 429 and nonsense at each phase delay a release, are told once each, and lose nothing."""
    async with ready(tmp_path) as world:
        world.forge.fail(REPO, status=500, times=-1)
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        root = await root_saying(world, "checking")
        await thread_saying(world, root, "Delayed:")
        world.forge.heal()
        root = await root_saying(world, "waiting for 1 approval")
        world.forge.fail(f"{REPO}/git/", method="POST", close=True, times=-1)
        await click(world, BOB, root, "release.approve")
        await world.forge.arrived(f"{REPO}/git/", method="POST", count=2)
        world.forge.heal()
        world.forge.fail(f"{REPO}/actions/", status=429, headers={"Retry-After": "1"}, times=2)
        world.forge.fail(
            f"{REPO}/actions/", body=b"<html>", status=200, headers={"Content-Type": "text/html"}, times=2
        )
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        thread = in_thread(world.slack, root)
        assert thread.count("is made at") == 1
        assert thread.count("Delayed:") <= 3
        assert len(runs(world)) == 1
        assert len(files_of(world, "1.4.0")) == 2


async def test_lost_answers_do_nothing_twice(tmp_path: Path) -> None:
    """Where the forge makes the tag and the answer is lost, it is found; a forge that hangs is not waited for for ever."""
    async with ready(tmp_path) as world:
        commit_version(world, "1.4.0")
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        root = await root_saying(world, "waiting for 1 approval")
        world.forge.fail(f"{REPO}/git/refs", method="POST", close=True, after=True)
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        assert world.forge.count(f"{REPO}/git/refs", method="POST") == 1
        assert in_thread(world.slack, root).count("is made at") == 1
        assert len(runs(world)) == 1


async def test_the_index_is_out_of_order(tmp_path: Path) -> None:
    """While the index fails nothing is started and nothing is given up; afterwards it goes on, told once."""
    async with ready(tmp_path) as world:
        world.company.fail("/simple/", status=503, times=-1)
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        root = await root_saying(world, "waiting for 1 approval")
        assert "the index could not be looked at" in repr(root["blocks"])
        await click(world, BOB, root, "release.approve")
        await thread_saying(world, root, "Delayed:")
        assert not world.forge.count(f"{REPO}/git/", method="POST")
        world.company.heal()
        world.company.hold_stage("installable")
        await root_saying(world, "verifying")
        world.company.fail("/pypi/widgets/1.4.0/json", status=429, headers={"Retry-After": "1"}, times=2)
        world.company.fail("/simple/", close=True, times=2)
        world.company.fail("/simple/", status=200, body=b"nonsense", times=2)
        world.company.show_stage("installable")
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        assert in_thread(world.slack, root).count("Delayed:") <= 3
