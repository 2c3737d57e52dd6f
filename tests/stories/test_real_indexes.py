"""Releases that the bot uploads itself to indexes that others wrote: pypiserver by a password, devpi by a narrowed token."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.demo.forge_seed import WORKFLOW_PATH
from bot.demo.slack_config import ALICE, BOB, RELEASES
from bot.demo.world import World
from bot.index.tokens import TokenFacts, read
from storage.records import Secret
from tests.stories.kit import (
    PATIENCE,
    ask,
    click,
    commit_version,
    in_order,
    look_at_token,
    policy,
    root_saying,
    seen,
    thread_saying,
    world_on,
)
from tests.stories.relay import Relay
from tests.stories.test_release_upload import BUILDS, SDIST, WHEEL
from tests.transport.real_servers import devpi, pypiserver


@pytest.fixture(scope="module")
def with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a pypiserver."""
    with pypiserver(tmp_path_factory.mktemp("pypiserver")) as url:
        yield url


@pytest.fixture(scope="module")
def with_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Give the address of an index of a devpi, and a token of its user."""
    with devpi(tmp_path_factory.mktemp("devpi")) as found:
        yield found


def world_with(folder: Path, relay: Relay, url: str, **more: str) -> World:
    """Return a world whose bot knows a real index as `shelf`, and uploads to it through a relay."""
    place = urlsplit(url)
    relay.index = f"{place.scheme}://{place.netloc}"
    entry = {"url": url, "upload_url": f"{relay.url}{place.path}/", "publisher_api": False, "feeds": False}
    settings = {"SHIPBELL_INDEXES": json.dumps({"shelf": entry | more})}
    return world_on(f"sqlite:///{folder}/shipbell.db", folder, settings=settings)


async def released(world: World, typed: Mapping[str, Any], scope: Mapping[str, Any], kept: str) -> str:
    """Give a credential, release widgets with it from the tag to the end, and return the timeline."""
    await policy(world, "publish=bot")
    await world.slack.command(ALICE, RELEASES, "/publisher", "add widgets acme/widgets index=shelf")
    await seen(world, "widgets is known now; I upload it to shelf myself.")
    await look_at_token(world, {"index_choice": "shelf", **typed})
    await world.slack.submit(ALICE, dict(scope))
    await world.slack.wait_for(lambda slack: kept in slack.describe(), PATIENCE)
    commit_version(world, "1.4.0", **{WORKFLOW_PATH: BUILDS})
    root = await ask(world, ALICE, "widgets v1.4.0 index=shelf")
    await click(world, BOB, root, "release.approve")
    root = await root_saying(world, "published")
    told = await thread_saying(world, root, "*Published*")
    in_order(world)
    return told


def verified(told: str) -> None:
    """Assert that both files were sent once and read back, and that what such an index can't show is said."""
    for line in (
        f"`{WHEEL}` is uploaded (1 of 2)", f"`{SDIST}` is uploaded (2 of 2)", "it has no project JSON of it",
        "2 of them equal what the run built", "each is the one that I uploaded", "*nothing attests*",
    ):  # fmt: skip
        assert told.count(line) == 1, (line, told)
    assert "Not verified" not in told


async def test_pypiserver_has_a_release_by_a_password(with_password: str, tmp_path: Path) -> None:
    """From tag to verified by HTML pages alone: the password goes as it is, and what the index lacks is said."""
    typed = {"username": "team", "token": "pass"}
    async with Relay() as relay, world_with(tmp_path, relay, with_password) as world:
        verified(await released(world, typed, {}, "The password for shelf is kept."))
        assert {base64.b64decode(one.removeprefix("Basic ")) for one in relay.sent} == {b"team:pass"}


async def test_devpi_has_a_release_by_a_narrowed_token(with_tokens: tuple[str, str], tmp_path: Path) -> None:
    """From tag to verified: kept is a copy for the project, sent are copies of that for minutes, the wide one never."""
    url, token = with_tokens
    scope = {"scope": "narrow", "project": "widgets"}
    async with Relay() as relay, world_with(tmp_path, relay, url, simple_url=f"{url}/+simple") as world:
        verified(
            await released(
                world,
                {"token": token, "project": "widgets"},
                scope,
                "The token for widgets on shelf is kept.",
            )
        )
        copies = [
            base64.b64decode(one.removeprefix("Basic ")).decode().partition(":")[2] for one in relay.sent
        ]
        facts = [read(Secret(one)) for one in copies]
        assert len(facts) == 2
        assert token not in copies
        for one in facts:
            assert isinstance(one, TokenFacts)
            assert one.projects == ("widgets",)
            assert one.expires_at is not None
