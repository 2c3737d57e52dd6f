"""Tokens exchanged: by one of all processes, killed at every await, refused, late; nobody is left with a dead one in silence."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from bot.workflow.rotating import (
    AFTER_A_REFUSAL,
    AFTER_SILENCE,
    LEASE,
    NEEDED,
    Exchange,
    Exchanged,
    Exchanging,
    Later,
    NotExchanged,
    Rotating,
)  # fmt: skip
from storage.database import Database
from storage.ledger import installations, outbox
from storage.records import Installation, OutboxItem, Secret, Tokens
from tests.releases.dying import Around, AroundDatabase, Killed, Points
from tests.storage.test_installations import LATER, new, put
from tests.transport.test_people import Hand

URL = "https://bell.example/slack/install"
LIFE = timedelta(hours=12)


@dataclass
class OneUse:
    """A Slack that takes each refresh token `uses` times, as it says that it does, and counts its answers."""

    clock: Hand
    uses: int = 1
    answers: list[Exchange] = field(default_factory=list)
    """What it says first of all, whatever it is asked."""
    used: list[str] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    waits: asyncio.Event | None = None

    async def exchange(self, refresh_token: Secret) -> Exchange:
        """Give new tokens for one that was not used before."""
        if self.waits is not None:
            await self.waits.wait()
        if self.answers:
            return self.answers.pop(0)
        token = refresh_token.reveal()
        if self.used.count(token) >= self.uses:
            return NotExchanged("invalid_refresh_token")
        self.used.append(token)
        number = len(self.used)
        tokens = Tokens(Secret(f"xoxe.xoxb-{number}"), Secret(f"xoxe-1-{number}"), self.clock() + LIFE)
        return Exchanged(tokens, ("commands",), self.missing)


@dataclass
class Rig:
    """A Slack, a clock, and processes on one database."""

    database: Database
    clock: Hand
    slack: OneUse

    def process(self, database: Database | None = None, slack: object = None) -> Rotating:
        """Return another process."""
        asked = cast("Exchanging", slack or self.slack)
        return Rotating(database or self.database, asked, self.clock, uuid4(), URL)

    async def kept(self) -> Installation:
        """Return the installation as it stands."""
        async with self.database.reading() as session:
            found = await installations.find(session, "T1", "")
        assert found is not None
        return found

    async def told(self) -> list[OutboxItem]:
        """Return what was to be said, and say it."""
        said: list[OutboxItem] = []
        while True:
            async with self.database.transaction() as session:
                found = await outbox.claim(session, self.clock(), timedelta(minutes=2), 10)
                for one in found:
                    await outbox.sent(session, one, "", self.clock())
            if not found:
                return said
            said += found

    async def run(self, process: Rotating) -> int:
        """Let a process do what is due; returns how many that was."""
        claimed = await process.claim(5)
        for one in claimed:
            await process.advance(one)
        return len(claimed)


@pytest.fixture
async def rig(database: Database) -> Rig:
    """Give an installation whose token is due."""
    await put(database, new("T1"))
    clock = Hand()
    clock.now = LATER
    return Rig(database, clock, OneUse(clock))


async def test_a_due_token_is_exchanged_and_due_again(rig: Rig) -> None:
    """New tokens are kept, are due before their own end, and nothing is due until then."""
    process = rig.process()
    assert await process.next_due() == LATER
    assert await rig.run(process) == 1
    kept = await rig.kept()
    assert kept.tokens == Tokens(Secret("xoxe.xoxb-1"), Secret("xoxe-1-1"), LATER + LIFE)
    assert (kept.scopes, kept.faults) == (("commands",), 0)
    due = await process.next_due()
    assert due is not None
    assert LATER < due < LATER + LIFE
    assert await rig.run(process) == 0
    rig.clock.now = due
    assert await rig.run(process) == 1
    assert (await rig.kept()).tokens.token == Secret("xoxe.xoxb-2")


async def test_of_many_that_need_it_at_once_one_asks(rig: Rig) -> None:
    """Processes that all find the token ending, in their lanes and on use, ask Slack once, and all end with its answer."""
    rig.clock.now = LATER + timedelta(hours=1, minutes=55)
    before, waits = await rig.kept(), asyncio.Event()
    rig.slack.waits = waits
    processes = [rig.process() for _ in range(4)]
    asked: list[asyncio.Task[Any]] = [asyncio.create_task(one.usable(before)) for one in processes]
    lane = asyncio.create_task(rig.run(processes[0]))
    done, _ = await asyncio.wait([*asked, lane], timeout=5, return_when=asyncio.FIRST_COMPLETED)
    assert lane in done or {one.result() for one in done} == {before}
    waits.set()
    await asyncio.gather(*asked, lane)
    assert len(rig.slack.used) == 1
    after = [await one.usable(before) for one in processes]
    assert {one.tokens.token for one in after} == {Secret("xoxe.xoxb-1")}
    assert len(rig.slack.used) == 1


async def test_a_token_that_lives_on_is_left_alone(rig: Rig) -> None:
    """On use nothing is exchanged before the token's last minutes, nor ever where tokens don't rotate."""
    rig.clock.now = LATER - timedelta(hours=1)
    one = await rig.kept()
    assert await rig.process().usable(one) is one
    steady = Tokens(Secret("xoxb-steady"), None, None)
    async with rig.database.transaction() as session:
        forever = await installations.put(session, new("T2", tokens=steady), None, LATER)
    assert await rig.process().usable(forever) is forever
    assert rig.slack.used == []
    assert timedelta(hours=1) > NEEDED


@pytest.mark.parametrize("uses", [1, 2])
async def test_killed_at_every_await(rig: Rig, uses: int) -> None:
    """Whoever dies where: the next one goes on with new tokens, or, where Slack's were lost, with a still living one, told to a person."""
    rig.slack.uses = uses
    points = Points()
    await rig.run(rig.process(AroundDatabase(rig.database, points), Around("slack", rig.slack, points)))
    lost = [at for at, name in enumerate(points.names) if name == "after slack.exchange"]
    assert len(lost) == 1
    for fatal, name in enumerate(points.names):
        async with rig.database.transaction() as session:
            await installations.put(session, new("T1", mark=f"{uses} {fatal}"), LATER, rig.clock())
        rig.clock.now, before = max(rig.clock(), LATER), len(rig.slack.used)
        dying = Points(fatal)
        with pytest.raises(Killed):
            await rig.run(rig.process(AroundDatabase(rig.database, dying), Around("slack", rig.slack, dying)))
        rig.clock.now += LEASE + timedelta(seconds=1)
        while await rig.run(rig.process()):
            pass
        kept = await rig.kept()
        asked = len(rig.slack.used) - before
        # Slack has answered, and nobody has heard it: between its answer and the commit.
        unheard = lost[0] <= fatal and name != "after database.commit"
        if unheard and uses == 1:
            assert (asked, kept.tokens.refresh_token) == (1, Secret(f"xoxe-1-marked-{uses} {fatal}")), name
            assert kept.faults == 1
        else:
            assert asked == 1 + unheard, name
            assert kept.tokens.token == Secret(f"xoxe.xoxb-{len(rig.slack.used)}"), name
        told = [one for one in await rig.told() if one.kind == "install.ends"]
        assert len(told) == (unheard and uses == 1), name


async def test_a_refusal_is_told_while_the_token_lives(rig: Rig) -> None:
    """Refused, the token at hand is kept and used; whoever installed the app hears once, with the link, however often it is refused."""
    rig.slack.answers = [NotExchanged("invalid_refresh_token")] * 3
    process = rig.process()
    for _ in range(3):
        assert await rig.run(process) == 1
        assert await rig.run(process) == 0
        rig.clock.now += AFTER_A_REFUSAL
    kept, (told,) = await rig.kept(), await rig.told()
    assert (kept.faults, kept.tokens.token) == (3, Secret("xoxe.xoxb-marked-T1"))
    assert (told.kind, told.user) == ("install.ends", "UALICE")
    assert (told.facts["url"], told.facts["detail"]) == (URL, "invalid_refresh_token")
    assert await rig.run(process) == 1
    assert (await rig.kept()).faults == 0


async def test_silence_is_no_refusal(rig: Rig) -> None:
    """Where Slack does not answer or is too busy, the same token is given again later, and nobody is told."""
    rig.slack.answers = [Later(), Later(timedelta(minutes=5))]
    process = rig.process()
    for wait in (AFTER_SILENCE, timedelta(minutes=5)):
        assert await rig.run(process) == 1
        assert await process.next_due() == rig.clock() + wait
        rig.clock.now += wait
    assert await rig.run(process) == 1
    assert (await rig.kept()).faults == 0
    assert await rig.told() == []


async def test_scopes_that_are_missing_are_told_once(rig: Rig) -> None:
    """What Slack says with new tokens that was not granted is told to whoever installed the app, once for the same lack."""
    rig.slack.missing = ("users:read",)
    process = rig.process()
    for _ in range(2):
        assert await rig.run(process) == 1
        due = await process.next_due()
        assert due is not None
        rig.clock.now = due
    (told,) = await rig.told()
    assert (told.kind, told.facts["scopes"]) == ("install.scopes_missing", ["users:read"])


async def test_a_fault_of_ours_costs_a_minute(rig: Rig) -> None:
    """An exchange that breaks leaves the tokens, and is tried again."""

    @dataclass
    class Broken:
        async def exchange(self, refresh_token: Secret) -> Any:  # noqa: ARG002 - the protocol's
            raise RuntimeError("odd")

    assert await rig.run(rig.process(slack=Broken())) == 1
    rig.clock.now += timedelta(minutes=2)
    assert await rig.run(rig.process()) == 1
    assert (await rig.kept()).tokens.token == Secret("xoxe.xoxb-1")
