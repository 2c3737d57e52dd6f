"""What was approved changes, and what stands in a release's way: nobody is asked for less than they see."""

from pathlib import Path

from bot.demo.forge_seed import WORKFLOW_PATH
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from tests.stories.kit import (
    REPOSITORY,
    ask,
    click,
    click_old,
    commit_version,
    files_of,
    heard,
    policy,
    ready,
    root_saying,
    runs,
    seen,
    thread_saying,
)


async def test_the_tag_moves_while_approvals_wait(tmp_path: Path) -> None:
    """A tag that moves voids the approvals, tells what changed, asks anew; the new commit's own run is what publishes."""
    async with ready(tmp_path) as world:
        await policy(world, "quorum=2")
        world.forge.push_tag(REPOSITORY, "v1.4.0")
        old = world.forge.head(REPOSITORY)
        await world.forge.runner.settled()
        root = await ask(world, ALICE, "widgets v1.4.0")
        assert "the tag has started" in repr(root["blocks"])
        await click(world, BOB, root, "release.approve")
        root = await root_saying(world, "waiting for 1 approval")
        new = commit_version(world, "1.4.0", **{"NEWS.md": b"Rounder.\n"})
        world.forge.move_tag(REPOSITORY, "v1.4.0")
        asked_anew = await root_saying(world, "waiting for 2 approvals")
        thread = await thread_saying(world, root, "Asked anew: earlier approvals do not count")
        assert f"moved from `{old[:7]}` to `{new[:7]}`" in thread
        await click_old(world, CAROL, root, "release.approve")
        await heard(world, "*Look at the message again*")
        await click(world, BOB, asked_anew, "release.approve")
        await click(world, CAROL, asked_anew, "release.approve")
        await root_saying(world, "published")
        first, second = runs(world)
        assert (first.sha, first.status, bool(first.waiting)) == (old, "waiting", True)
        assert (second.sha, second.conclusion) == (new, "success")
        assert await thread_saying(
            world, root, f"`release.yml` of `{REPOSITORY}` at `{new[:7]}`, as approved"
        )


async def test_everything_in_the_way_is_told_and_mended(tmp_path: Path) -> None:
    """All that stands in the way is told at once with its remedy; mended and looked at again, the team is asked."""
    async with ready(tmp_path) as world:
        await policy(world, "quorum=1")
        await world.slack.command(ALICE, RELEASES, "/release", "widgest v1.4.0")
        assert "widgets" in repr((await seen(world, "No publisher for widgest"))["blocks"])
        sha = commit_version(world, "1.3.9", **{WORKFLOW_PATH: None})
        world.forge.set_checks(REPOSITORY, sha, {"tests": "failure", "lint": "success"})
        await world.slack.command(BOB, RELEASES, "/release", 'lock widgets reason="The docs first"')
        await seen(world, "Releases of widgets are frozen")
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.4.0")
        root = await root_saying(world, "4 findings in the way")
        shown = repr(root["blocks"])
        for what in (
            "says version `1.3.9`",
            "CI failed on this commit: tests",
            "no workflow `release.yml`",
            "The docs first",
        ):
            assert what in shown, what
        await thread_saying(world, root, "4 findings stand in the way")
        sha = commit_version(world, "1.4.0", **{WORKFLOW_PATH: GOOD_WORKFLOW})
        world.forge.set_checks(REPOSITORY, sha, {"tests": "success"})
        await click(world, ALICE, root, "release.retry")
        root = await root_saying(world, "1 finding in the way")
        await world.slack.command(CAROL, RELEASES, "/release", "unlock widgets")
        await click(world, ALICE, root, "release.retry")
        root = await root_saying(world, "waiting for 1 approval")
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        assert len(files_of(world, "1.4.0")) == 2


async def test_what_the_index_has_is_not_released_again(tmp_path: Path) -> None:
    """A version that is there, in whatever spelling, yanked too, is refused; a freeze is passed over with a reason alone."""
    async with ready(tmp_path) as world:
        commit_version(world, "1.0")
        await world.slack.command(ALICE, RELEASES, "/release", "widgets v1.0.0")
        root = await root_saying(world, "in the way", "widgets 1.0.0")
        assert "the index has `1.0` already" in repr(root["blocks"])
        world.company.yank("widgets", "1.0", "it is square")
        await click(world, ALICE, root, "release.retry")
        await thread_saying(world, root, "asked for another try")
        await world.slack.wait_for(lambda slack: "already, yanked" in repr(slack.messages(RELEASES)))
        await click(world, ALICE, root, "release.cancel")
        await root_saying(world, "cancelled", "widgets 1.0.0")
        commit_version(world, "1.4.0")
        await world.slack.command(ALICE, RELEASES, "/shipbell", 'settings freeze reason="Holidays"')
        await seen(world, "Releases of every project are frozen")
        await world.slack.command(ALICE, RELEASES, "/release", 'widgets v1.4.0 override="It leaks"')
        root = await root_saying(world, "waiting for 1 approval")
        assert "in spite of a freeze" in repr(root["blocks"])
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        await thread_saying(world, root, "It leaks")
