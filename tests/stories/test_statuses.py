"""Every way in which an index can answer a registration: cause and remedy in the channel, the right state, no hang."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.world import World
from tests.stories.kit import give_token, texts, with_schema, world_on

PATIENCE = 15.0
API = "/_/v1/publisher"


@dataclass(frozen=True)
class Case:
    """What the index does, and what the channel must say."""

    state: str
    says: str
    """A pattern of the channel's message, which names cause and remedy."""
    act: Callable[[World], None]


def answers(status: int, body: bytes = b"{}", **headers: str) -> Callable[[World], None]:
    """Return the index that answers the next registration so."""
    told = {
        "Content-Type": "application/json",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    return lambda world: world.company.fail(API, method="POST", status=status, body=body, headers=told)


CASES = {
    "201": Case("pending", "is pending on company", lambda _world: None),
    "400": Case("failed", "was not registered: .*does not know the project", answers(400)),
    "401": Case("failed", "was not registered: .*token", answers(401)),
    "403": Case("failed", "was not registered: .*token", answers(403)),
    "404": Case("requested", "has no API for trusted publishers", answers(404)),
    "405": Case("requested", "has no API for trusted publishers", answers(405)),
    "409": Case("conflict", "conflicts with another one: .*already", answers(409)),
    "422": Case("failed", "was not registered: .*owner is odd", answers(422, b'{"message": "owner is odd"}')),
    "503": Case("requested", "is delayed: .*", answers(503)),
    "html": Case("requested", "has no API", answers(200, b"<html>hello", Content_Type="text/html")),
    "418": Case("failed", "was not registered: .*418", answers(418)),
    "redirect": Case("failed", "was not registered: .*", answers(302, Location="https://elsewhere.example/")),
    "no JSON": Case("pending", "is pending on company", answers(201, b"\xff\xfe not JSON")),
    "connection cut": Case("requested", "is delayed: ", lambda world: world.company.fail(API, method="POST", close=True)),
    "100 MB": Case("pending", "is pending on company", lambda world: world.company.fail(API, method="POST", status=201, megabytes=100)),
    # The last one: after it nobody asks the index anything for a while.
    "429": Case("requested", "is delayed: .*", answers(429, Retry_After="120")),
}  # fmt: skip


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Start a world whose bot has a token of the company's index, and looks again only much later."""
    started = world_on(with_schema(tmp_path), tmp_path)
    started.poll_seconds = 60.0
    async with started:
        await give_token(started, started.company.make_token())
        yield started
        assert not started.gate.violations


def shows(world: World, pattern: re.Pattern[str], _slack: SlackWorkspace) -> bool:
    """Say whether the channel shows a message like this."""
    return any(pattern.search(text) for text in texts(world))


@pytest.mark.parametrize("names", [list(CASES)[part::2] for part in range(2)], ids=["even", "odd"])
async def test_every_answer_is_told_with_its_remedy(names: list[str], world: World) -> None:
    """Each answer of the index ends in its own state, told with cause and remedy, and hangs nothing."""
    for number, name in enumerate(names):
        case, project = CASES[name], f"case-{number}"
        world.company.add_project(project)
        case.act(world)
        await world.slack.command(
            ALICE, RELEASES, "/publisher", f"add {project} acme/{project} index=company"
        )
        pattern = re.compile(f"^(?=.*\\b{project}\\b).*{case.says}", re.DOTALL)
        await world.slack.wait_for(partial(shows, world, pattern), PATIENCE)
        await world.slack.command(ALICE, RELEASES, "/publisher", f"check {project}")
        status = re.compile(f"^{project} on company: {case.state}")
        await world.slack.wait_for(partial(shows, world, status), PATIENCE)
        if name in {"401", "403"}:
            await give_token(world, world.company.make_token())  # one that was refused is not sent again
        world.company.heal()
    async with aiohttp.ClientSession() as session, session.get(f"{world.bot.url}/readyz") as answer:
        assert answer.status == 200


async def test_an_index_that_is_down_is_asked_again(world: World) -> None:
    """Where the index refuses the connection, the channel is told, and the bot goes on once it is up."""
    port = int(world.company.url.rsplit(":", 1)[1])
    await world.bot.stop()
    world.settings["SHIPBELL_POLL_SECONDS"] = "0.3"
    world.bot.environment = world.environment()
    await world.company.stop()
    await world.bot.start()
    await world.slack.command(ALICE, RELEASES, "/publisher", "add widgets acme/widgets index=company")
    await world.slack.wait_for(lambda _: any("is delayed" in text for text in texts(world)), PATIENCE)
    await world.company.start(port)
    await world.slack.wait_for(
        lambda _: any("is pending on company" in text for text in texts(world)), PATIENCE
    )
    assert len(world.company.registrations) == 1


async def test_a_lost_answer_is_not_a_second_registration(world: World) -> None:
    """Where the index takes it and the answer is lost, the bot finds it in the list instead of asking twice."""
    await world.bot.stop()
    world.settings["SHIPBELL_POLL_SECONDS"] = "0.3"
    world.bot.environment = world.environment()
    await world.bot.start()
    world.company.fail(API, method="POST", close=True, after=True)
    await world.slack.command(ALICE, RELEASES, "/publisher", "add widgets acme/widgets index=company")
    await world.slack.wait_for(
        lambda _: any("is pending on company" in text for text in texts(world)), PATIENCE
    )
    assert len(world.company.registrations) == 1
    assert world.company.count(API, method="POST") == 1
