"""Poison: a row whose step breaks again and again is set aside, told of, and put back by the operator; others go on."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from bot import standing
from bot.core import intents
from bot.errors import SettingsError
from bot.workflow import faults
from bot.workflow.faults import TRIES
from bot.workflow.ports import Forge
from storage.database import Database
from storage.ledger import inbox, outbox, troubles
from storage.ledger.outbox import Destination
from storage.records import ASIDE, ReleaseState, StartBy
from tests.releases.kit import ALICE, World

SECRET = "marked-77aa01"


class Poison:
    """A forge before which one repository's questions break."""

    def __init__(self, forge: Any, name: str) -> None:
        self._forge, self._name = forge, name
        self.cured = False

    def __getattr__(self, what: str) -> Any:
        inner = getattr(self._forge, what)
        if what.startswith("_") or not callable(inner):
            return inner

        async def asked(*given: Any, **named: Any) -> Any:
            if not self.cured and any(getattr(one, "name", "") == self._name for one in given):
                raise ValueError(SECRET)
            return await inner(*given, **named)

        return asked


async def poisoned(database: Database) -> tuple[World, Poison]:
    """Return a world in which the release of one project breaks with every step."""
    world = World(database)
    await world.project("widgets", StartBy.PUSH)
    await world.project("gears", StartBy.PUSH)
    poison = Poison(world.forge, "widgets")
    world.parts = type(world.parts)(database, world.index, cast("Forge", poison), world.people, world.slack)
    await world.restart()
    return world, poison


async def asked(world: World, name: str) -> None:
    """Ask for a release, and let the bot carry the wish out."""
    await world.deliver(ALICE, intents.AskRelease(name, "1.0.0", ""))
    await world.work()


async def due(world: World) -> Sequence[Any]:
    """Return what is set aside."""
    async with world.database.reading() as session:
        return await troubles.listed(session, world.clock() - timedelta(days=1))


async def test_poison_is_set_aside_and_put_back(database: Database) -> None:
    """After so many faults in a row, ever farther apart, a release is not tried any more; put back and cured it goes on."""
    world, poison = await poisoned(database)
    began = world.clock()
    await asked(world, "widgets")
    await asked(world, "gears")
    found = await world.newest("widgets")
    assert found is not None
    for _ in range(TRIES * 3):
        found = await world.release(found.id)
        if found.next_at == ASIDE:
            break
        assert not await due(world)
        world.clock.now = max(found.next_at or world.clock(), world.clock())
        await world.work()
    assert world.clock() - began > timedelta(hours=1)
    gears = await world.newest("gears")
    assert gears is not None
    assert gears.state is ReleaseState.AWAITING_APPROVAL
    (one,) = await due(world)
    assert (one.kind, one.id, one.tries, one.slack_team_id) == ("release", found.id, TRIES, "T1")
    assert one.error.startswith("ValueError at ")
    assert SECRET not in one.error
    with pytest.raises(standing.SetAside, match=str(found.id)):
        await standing.aside(database, world.clock())
    async with database.reading() as session:
        assert (await troubles.counts(session))["release"] == 1
    poison.cured = True
    assert (
        await standing.put_back(database, str(found.id), world.clock)
        == f"release {found.id}: tried again now"
    )
    await world.work()
    assert (await world.release(found.id)).state is ReleaseState.AWAITING_APPROVAL
    assert await standing.aside(database, world.clock()) == "nothing is set aside"


async def test_a_fault_now_and_then_is_forgotten(database: Database) -> None:
    """Faults that are a day apart are never in a row."""
    world = World(database)
    await world.project("widgets", StartBy.PUSH)
    assert world.team is not None
    what = troubles.Faulty("release", uuid4(), world.team.id)
    for _ in range(TRIES * 2):
        until = await faults.next_try(database, what, ValueError(), timedelta(minutes=1), world.clock())
        assert until == world.clock() + timedelta(minutes=1)
        world.clock.forward(timedelta(days=1, seconds=1))


async def test_intents_and_messages_are_put_back(database: Database) -> None:
    """What was given up is tried again under its own id, and said once; another id puts nothing back."""
    world = World(database)
    await world.project("widgets", StartBy.PUSH)
    assert world.team is not None
    now = world.clock()
    await world.deliver(ALICE, intents.AskRelease("widgets", "1.0.0", ""))
    async with database.transaction() as session:
        (item,) = await inbox.claim(session, now, timedelta(minutes=1), 1)
        await inbox.bury(session, item, "incident x", now)
        await outbox.add(
            session, world.team.id, "m", Destination("C1"), ("broke_down", {"incident": "x"}), now
        )
        (message,) = await outbox.claim(session, now, timedelta(minutes=1), 1)
        await outbox.bury(session, message, "is_archived")
    assert [one.kind for one in await due(world)] == ["intent"]
    assert "intent" in await standing.put_back(database, str(item.id), world.clock)
    assert "message" in await standing.put_back(database, str(message.id), world.clock)
    with pytest.raises(standing.SetAside, match="Nothing of that id"):
        await standing.put_back(database, str(item.id), world.clock)
    with pytest.raises(SettingsError, match="takes an id"):
        await standing.put_back(database, "widgets", world.clock)
    await world.work()
    assert await world.newest("widgets") is not None
    async with database.reading() as session:
        found = await outbox.counts(session)
    assert "dead" not in found
    assert found["sent"] > 0
