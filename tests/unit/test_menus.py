"""The list of repositories behind the menu: read once, searched often, and never waited for too long."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.core.forge import RepositoriesOutcome, Unsure
from bot.core.people import Group, GroupOutcome, Person, PersonOutcome, Standing
from bot.core.repositories import Repositories, RepositorySummary
from bot.workflow.menus import KEPT, LATE, MOST, Menu, matching
from tests.releases.fakes import Clock

ACME = (RepositorySummary("acme/widgets"), RepositorySummary("acme/gears"))
LISTED = Repositories(ACME)


@dataclass
class Members:
    """A workspace of members."""

    async def person(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return a member."""
        return Person(user, Standing.MEMBER)

    async def person_now(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return a member."""
        return await self.person(slack_team_id, user)

    async def group(self, slack_team_id: str, group: str) -> GroupOutcome:
        """Return an empty group."""
        return Group(group, frozenset())

    async def handles(self, slack_team_id: str) -> Mapping[str, str]:
        """Return none."""
        return {}

    async def token(self, slack_team_id: str) -> str:
        """Return that Slack takes it."""
        return "ok"


@dataclass
class Slow:
    """A forge that answers when it is let."""

    let: asyncio.Event = field(default_factory=asyncio.Event)
    answer: RepositoriesOutcome = LISTED
    asked: int = 0

    async def repositories(self, owner: str = "") -> RepositoriesOutcome:
        """Return the list, once it may."""
        self.asked += 1
        await self.let.wait()
        return self.answer


@pytest.fixture
async def menu() -> AsyncIterator[tuple[Menu, Slow, Clock]]:
    """Give a menu on a forge that is let answer at once."""
    forge, clock = Slow(), Clock()
    forge.let.set()
    made = Menu(forge, Members(), clock)
    yield made, forge, clock
    await made.close()


async def test_many_who_search_read_the_list_once(menu: tuple[Menu, Slow, Clock]) -> None:
    """However many letters are typed at once, the list is read once, and again only when it has grown old."""
    there, forge, clock = menu
    found = await asyncio.gather(*(there.search("T1", "U1", "gea") for _ in range(20)))
    assert found == [(ACME[1],)] * 20
    assert forge.asked == 1
    clock.forward(KEPT - timedelta(seconds=1))
    await there.search("T1", "U1", "")
    assert forge.asked == 1
    clock.forward(timedelta(seconds=2))
    await there.search("T1", "U1", "")
    assert forge.asked == 2


async def test_a_slow_forge_is_not_waited_for(menu: tuple[Menu, Slow, Clock]) -> None:
    """Who waits too long is told so; the list goes on being read, and the next letter finds it; an old one is searched on."""
    there, forge, clock = menu
    there.seconds = 0.01
    forge.let.clear()
    assert await there.search("T1", "U1", "wid") == LATE.detail
    assert await there.search("T1", "U1", "wid") == LATE.detail
    forge.let.set()
    there.seconds = 30
    assert await there.search("T1", "U1", "wid") == (ACME[0],)
    assert forge.asked == 1
    clock.forward(KEPT * 2)
    forge.let.clear()
    there.seconds = 0.01
    assert await there.search("T1", "U1", "wid") == (ACME[0],)


async def test_a_list_that_cannot_be_had_is_told_and_asked_for_again(menu: tuple[Menu, Slow, Clock]) -> None:
    """A refusal is told, kept for nobody, and takes away no list that was read before."""
    there, forge, clock = menu
    forge.answer = Unsure("GitHub is out of order (503). Ask again later.")
    assert await there.search("T1", "U1", "") == forge.answer.detail
    forge.answer = Repositories(ACME)
    assert await there.search("T1", "U1", "") == ACME
    clock.forward(KEPT * 2)
    forge.answer = Unsure("GitHub is out of order (503). Ask again later.")
    assert await there.search("T1", "U1", "") == ACME


def test_what_fits_best_comes_first() -> None:
    """A name that begins so goes before one that holds it, archived ones come last, and Slack's limit is kept."""
    names = ("acme/old-wid", "acme/widgets", "wid/x", "acme/other")
    found = (*map(RepositorySummary, names), RepositorySummary("acme/wid", archived=True))
    assert [one.full_name for one in matching(found, " WID")] == [
        "acme/widgets",
        "wid/x",
        "acme/old-wid",
        "acme/wid",
    ]
    assert len(matching(tuple(RepositorySummary(f"a/{number}") for number in range(500)), "")) == MOST
