"""Releases that the bot uploads itself to indexes that others wrote: pypiserver by a password, devpi by a narrowed token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.slack_config import BOB
from bot.demo.world import World
from bot.index.tokens import TokenFacts, read
from storage.records import Secret
from tests.stories.kit import Json, click, in_order, root_saying, thread_saying
from tests.stories.relay import Relay, asked_for, forms, give, world_with
from tests.stories.test_release_upload import SDIST, WHEEL
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


async def verified(world: World, root: Json) -> None:
    """Approve, and see both files sent once and read back, and that what such an index can't show is said."""
    await click(world, BOB, root, "release.approve")
    root = await root_saying(world, "published")
    told = await thread_saying(world, root, "*Published*")
    for line in (
        f"`{WHEEL}` is uploaded (1 of 2)", f"`{SDIST}` is uploaded (2 of 2)", "it has no project JSON of it",
        "2 of them equal what the run built", "each is the one that I uploaded", "*nothing attests*",
    ):  # fmt: skip
        assert told.count(line) == 1, (line, told)
    assert "Not verified" not in told
    in_order(world)


def passwords(relay: Relay) -> list[str]:
    """Return what was sent as a password, each time."""
    return [forms(one)[2] for one in relay.sent]


async def test_pypiserver_has_a_release_by_a_password(with_password: str, tmp_path: Path) -> None:
    """From tag to verified by HTML pages alone: the password goes as it is, and what the index lacks is said."""
    database = f"sqlite:///{tmp_path}/shipbell.db"
    async with Relay() as relay, world_with(database, tmp_path, relay, with_password) as world:
        await give(world, {"username": "team", "token": "pass"})
        await verified(world, await asked_for(world))
        assert passwords(relay) == ["pass", "pass"]


async def test_devpi_has_a_release_by_a_narrowed_token(with_tokens: tuple[str, str], tmp_path: Path) -> None:
    """From tag to verified: kept is a copy for the project, sent are copies of that for minutes, the wide one never."""
    (url, token), database = with_tokens, f"sqlite:///{tmp_path}/shipbell.db"
    simple = f"{url}/+simple"
    async with Relay() as relay, world_with(database, tmp_path, relay, url, simple_url=simple) as world:
        await give(world, {"token": token, "project": "widgets"}, scope="narrow", project="widgets")
        await verified(world, await asked_for(world))
        copies = passwords(relay)
        assert (len(copies), token in copies) == (2, False)
        for one in map(read, map(Secret, copies)):
            assert isinstance(one, TokenFacts)
            assert (one.projects, one.expires_at is None) == (("widgets",), False)
