"""A publisher's set-up is looked at, and what is lacking is proposed as a pull request, on the real bot."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.workflow_text import PINS, branch
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.slack_config import ALICE, BOB, RELEASES
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.world import World
from tests.stories.kit import PATIENCE, Json, heard, in_order, saying, seen, texts, world_on

GADGETS = "acme/gadgets"
FILE = ".github/workflows/release.yml"
OPENED = "A pull request sets gadgets up for trusted publishing."
BRANCH = branch("gadgets")
PULLS = f"/repos/{GADGETS}/pulls"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Start a world in which gadgets, whose repository has no workflow, asks for a publisher on an index without an API."""
    async with world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path) as started:
        await started.slack.command(ALICE, RELEASES, "/publisher", "add gadgets acme/gadgets index=pypi")
        await seen(started, "pypi has no API for trusted publishers")
        yield started
        in_order(started)


async def check(world: World, times: int = 1, project: str = "gadgets") -> Json:
    """Let the bot look at a project's set-up, and return what it whispers."""
    await world.slack.command(ALICE, RELEASES, "/publisher", f"check {project}")

    def found(slack: SlackWorkspace) -> list[Json]:
        return [
            one
            for one in slack.messages(RELEASES)
            if str(one.get("text", "")).startswith(f"{project} on pypi: ")
        ]

    await world.slack.wait_for(lambda slack: len(found(slack)) >= times, PATIENCE)
    return found(world.slack)[-1]


async def dialog(world: World, message: Json) -> str:
    """Press the button below a look, and return all that the filled dialog shows."""
    await world.slack.click(ALICE, RELEASES, message["ts"], "setup.open")
    await world.slack.wait_for(
        lambda slack: any(view.get("callback_id") in {"setup.pull", "setup.told"} for view in slack.views()),
        PATIENCE,
    )
    return json.dumps(world.slack.views()[-1], ensure_ascii=False)


def shows(message: Json) -> str:
    """Return all that a message shows."""
    return json.dumps(message.get("blocks"), ensure_ascii=False)


async def test_what_is_lacking_becomes_a_pull_request(world: World) -> None:
    """The look names what is missing, the dialog shows the file, and one pull request and the environment are made.

    The default branch stays as it was; the channel hears once; asked again, the open pull request is named; once it is
    merged, the next look finds nothing in the way.
    """
    before = world.forge.head(GADGETS)
    look = await check(world)
    assert "there is no `release.yml`" in shows(look)
    assert "the repository has no environment `pypi`" in shows(look)
    assert "the owner `acme` has the number" in shows(look)
    assert "no project is called `gadgets` on the index" in shows(look)
    shown = await dialog(world, look)
    assert PINS["pypa/gh-action-pypi-publish"].commit in shown
    assert BRANCH in shown
    await world.slack.submit(ALICE, {"environment": "yes", "reviewers": "ada, grace"})
    told = await seen(world, OPENED)
    await heard(world, "is open.")
    (pull,) = world.forge.state.found(GADGETS).pulls.values()
    assert f"/web/{GADGETS}/pull/{pull.number}" in shows(told)
    assert (pull.head, pull.merged_at) == (BRANCH, None)
    assert world.forge.head(GADGETS) == before
    assert world.forge.state.found(GADGETS).environments["pypi"].reviewers == ["ada", "grace"]
    again = await check(world, 2)
    assert "is open already" in await dialog(world, again)
    assert world.forge.count(PULLS, method="POST") == 1
    world.forge.merge(GADGETS, pull.number)
    after = shows(await check(world, 3))
    assert "in the way" not in after
    assert "setup.open" not in after
    assert "one of ada, grace must agree" in after
    assert [
        text for text in map(shows, world.slack.messages(RELEASES)) if "A pull request sets" in text
    ] == []


@pytest.mark.parametrize("path", [PULLS, f"/repos/{GADGETS}/contents"])
async def test_a_kill_doubles_and_loses_nothing(world: World, path: str) -> None:
    """Killed after the forge has acted and before its answer came, the bot opens one pull request and tells it once."""
    await dialog(world, await check(world))
    method = "PUT" if path.endswith("contents") else "POST"
    world.forge.fail(path, method=method, after=True, hang=True)
    await world.slack.submit(ALICE, {"environment": "yes"})
    await world.forge.until_hanging()
    await world.bot.kill()
    world.forge.release()
    world.forge.heal()
    await world.bot.start()
    await seen(world, OPENED)
    await heard(world, "Set-up pull request for gadgets")
    assert len(world.forge.state.found(GADGETS).pulls) == 1
    history = world.forge.state.found(GADGETS).history
    assert len(history.between(world.forge.head(GADGETS), history.branches[BRANCH])) == 1
    assert texts(world).count(OPENED) == 1


async def test_what_has_changed_since_it_was_shown_is_not_proposed(world: World) -> None:
    """A file that somebody pushed in between is not overruled: nothing is done, and the person is told to look again."""
    await dialog(world, await check(world))
    world.forge.commit(
        GADGETS, {FILE: GOOD_WORKFLOW.replace(b"      id-token: write\n", b"      contents: read\n")}
    )
    await world.slack.submit(ALICE, {"environment": "no"})
    await heard(world, "has changed since you were shown")
    assert not world.forge.count(PULLS, method="POST")
    assert BRANCH not in world.forge.state.found(GADGETS).history.branches
    # Looked at again, the file that is there is mended, and nothing else in it changed.
    shown = await dialog(world, await check(world, 2))
    assert "+      id-token: write" in shown
    await world.slack.submit(ALICE, {"environment": "no"})
    await world.slack.wait_for(saying(OPENED), PATIENCE)
    history = world.forge.state.found(GADGETS).history
    mended = history.commits[history.branches[BRANCH]].files[FILE]
    assert mended.replace(b"      id-token: write\n", b"") == world.forge.state.found(GADGETS).files[FILE]
    assert "pypi" not in world.forge.state.found(GADGETS).environments


async def test_other_peoples_branches_and_lesser_tokens_are_respected(world: World) -> None:
    """A branch with somebody's commits is left alone; a token without the rights is told by name; nothing is half told."""
    await dialog(world, await seen(world, "pypi has no API for trusted publishers"))
    repository = world.forge.state.found(GADGETS)
    history = repository.history
    history.branches[BRANCH] = repository.head
    theirs = history.commit(BRANCH, {"a.txt": b"theirs"}, "Mine", "grace", world.forge.state.clock())
    await world.slack.submit(ALICE, {"environment": "no"})
    await heard(world, "holds other people's commits")
    assert history.branches[BRANCH] == theirs
    del history.branches[BRANCH]
    world.forge.state.tokens[world.forge_token] = frozenset({"contents:write"})
    await dialog(world, await check(world))
    await world.slack.submit(ALICE, {"environment": "no"})
    await heard(world, "It was refused: GitHub refuses")
    assert not repository.pulls
    assert OPENED not in texts(world)


async def test_a_second_package_of_a_repository_is_warned(world: World) -> None:
    """The trap of several packages in one repository is named, with another environment to take."""
    await world.slack.command(BOB, RELEASES, "/publisher", "add gadgets-extra acme/gadgets index=pypi")
    await world.slack.wait_for(
        lambda slack: sum("pypi has no API" in str(one.get("text")) for one in slack.messages(RELEASES)) == 2,
        PATIENCE,
    )
    look = shows(await check(world, project="gadgets-extra"))
    assert "is pending for `gadgets` too" in look
    assert "`pypi-gadgets-extra`" in look
