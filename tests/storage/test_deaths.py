"""Rows of which processes die: counted by row, spread so that the innocent are done, set aside, struck off by a step that ends."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from storage.database import Database
from storage.ledger import outbox, processes, publishers, teams, troubles
from storage.ledger.troubles import DEATHS, DIED, FORGET, SPARED, SPREAD
from storage.records import OutboxState, Process, Registration
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE, SETTLE = timedelta(seconds=30), timedelta(seconds=2)
STEP = timedelta(minutes=5)
"""From one death to the next."""


async def wanted(database: Database, *names: str) -> UUID:
    """Write publishers that are due; returns their team."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        for name in names:
            registration = Registration("pypi", name, "acme", name, "release.yml", "pypi")
            await publishers.request(session, team.id, registration, ("U1", "C1"), NOW)
    return team.id


async def claimed(database: Database, owner: UUID, now: datetime) -> set[UUID]:
    """Take what is due."""
    async with database.transaction() as session:
        taken = await publishers.claim(session, "pypi", owner, (now, now + LEASE * 20), 9)
    return {one.id for one in taken}


async def life(database: Database, now: datetime) -> set[UUID]:
    """Let a process live, take what is due, and die of it; returns what it had in hand."""
    owner = uuid4()
    async with database.transaction() as session:
        await processes.begin(session, Process(owner, "worker", "host", "1.0", now, now))
    held = await claimed(database, owner, now)
    async with database.transaction() as session:
        later = now + LEASE * 2
        assert list(await processes.bury(session, later, later - LEASE, SETTLE)) == [owner]
    return held


async def suspects(database: Database) -> set[UUID]:
    """Return of which rows processes died last."""
    async with database.reading() as session:
        return {row_id for kind, row_id in await troubles.suspected(session) if kind == "publisher"}


async def test_what_kills_is_set_aside_and_put_back(database: Database) -> None:
    """A row that so many processes in a row did not live through is taken by nobody any more, and the operator is told."""
    await wanted(database, "widgets")
    now = NOW
    (one,) = await life(database, now)
    for _ in range(DEATHS - 1):
        assert await suspects(database) == {one}
        now += STEP
        assert await life(database, now) == {one}
    now += STEP
    assert await claimed(database, uuid4(), now + timedelta(days=400)) == set()
    async with database.reading() as session:
        (told,) = await troubles.listed(session, NOW)
        assert (told.kind, told.id, told.error) == ("publisher", one, DIED)
        assert (await troubles.counts(session))["publisher"] == 1
    async with database.transaction() as session:
        assert await troubles.put_back(session, one, now) == ["publisher"]
    assert await life(database, now) == {one}
    assert await life(database, now + STEP) == {one}


async def test_one_step_that_ends_strikes_all_deaths_off(database: Database) -> None:
    """Whatever processes die of, a row whose step ends between their deaths is never set aside."""
    await wanted(database, "widgets")
    now = NOW
    for _ in range(3):
        held = [one for at in range(DEATHS - 1) for one in await life(database, now + STEP * at)]
        now += STEP * DEATHS
        assert len(held) == DEATHS - 1
        (one,) = {*held}
        async with database.transaction() as session:
            await troubles.survived(session, "publisher", one)
        assert await suspects(database) == set()
    async with database.reading() as session:
        assert await troubles.listed(session, NOW) == []


async def test_deaths_of_other_days_do_not_count(database: Database) -> None:
    """One death a day is no row's fault."""
    await wanted(database, "widgets")
    for day in range(DEATHS + 1):
        assert len(await life(database, NOW + (FORGET + STEP) * day)) == 1


async def test_what_was_in_hand_together_lies_apart_in_the_end(database: Database) -> None:
    """After some deaths the rows that were in hand with the one that kills are tried at times of their own, and are done."""
    names = [f"p{number}" for number in range(6)]
    team = await wanted(database, *names)
    now = NOW
    for _ in range(SPARED):
        assert len(await life(database, now)) == len(names)
        now += STEP
    held = await life(database, now)
    async with database.reading() as session:
        found = [await publishers.get(session, team, one) for one in held]
    due = {one.next_at for one in found if one and one.next_at}
    assert len(due) > 1
    assert all(now < when <= now + LEASE * 2 + SETTLE + SPREAD for when in due)


async def test_who_leaves_has_not_died(database: Database) -> None:
    """What a process gives back as it stops counts against nothing."""
    await wanted(database, "widgets")
    owner = uuid4()
    async with database.transaction() as session:
        await processes.begin(session, Process(owner, "worker", "host", "1.0", NOW, NOW))
    assert await claimed(database, owner, NOW)
    async with database.transaction() as session:
        await processes.end(session, owner, NOW, SETTLE)
    assert await suspects(database) == set()


@pytest.mark.parametrize("given_back", [False, True])
async def test_the_only_process_learns_it_at_its_start(database: Database, *, given_back: bool) -> None:
    """Whoever drives the database alone counts what is still taken, by whomever, but nothing that was given back."""
    await wanted(database, "widgets")
    owner = uuid4()
    (one,) = await claimed(database, owner, NOW)
    async with database.transaction() as session:
        if given_back:
            await processes.give_back(session, owner, NOW, SETTLE)
        await troubles.died(session, None, NOW, SETTLE)
    assert await suspects(database) == (set() if given_back else {one})


async def test_what_broke_long_ago_is_forgotten(database: Database) -> None:
    """Housekeeping keeps what is set aside, and forgets what was only counted."""
    team = await wanted(database, "widgets", "gears")
    held = await life(database, NOW)
    async with database.transaction() as session:
        aside, _ = sorted(held)
        await troubles.set_aside(session, troubles.Faulty("publisher", aside, team), NOW)
        await troubles.prune(session, NOW)
    assert len(await suspects(database)) == 1
    async with database.transaction() as session:
        await troubles.prune(session, NOW + STEP)
    assert await suspects(database) == set()
    async with database.reading() as session:
        assert [one.id for one in await troubles.listed(session, NOW)] == [aside]


async def test_an_old_fault_is_kept_while_processes_die(database: Database) -> None:
    """What broke long ago and has cost a process its life since is not forgotten before its time."""
    team = await wanted(database, "widgets")
    (one,) = await life(database, NOW)
    async with database.transaction() as session:
        await troubles.note(session, troubles.Faulty("publisher", one, team), "KeyError", NOW)
    assert await life(database, NOW + STEP) == {one}
    for at, kept in ((NOW + STEP, {one}), (NOW + STEP * 2, set[UUID]())):
        async with database.transaction() as session:
            await troubles.prune(session, at)
        assert await suspects(database) == kept


async def to_say(database: Database, *keys: str) -> UUID:
    """Write messages that are due, each in a channel of its own; returns their team."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        for key in keys:
            await outbox.add(session, team.id, key, outbox.Destination(f"C{key}"), ("note", {}), NOW)
    return team.id


async def speaking(database: Database, now: datetime, fatal: str) -> dict[str, UUID]:
    """Let a process live and take the messages that are due: it dies where the fatal one is among them, else it says them all."""
    owner = uuid4()
    async with database.transaction() as session:
        await processes.begin(session, Process(owner, "worker", "host", "1.0", now, now))
    async with database.transaction() as session:
        held = await outbox.claim(session, now, LEASE * 20, 9, owner)
        names = {one.dedupe_key: one.id for one in held}
        for one in () if fatal in names else held:
            await outbox.sent(session, one, "1.1", now)
            await troubles.survived(session, "message", one.id)
    async with database.transaction() as session:
        await processes.bury(session, now + LEASE * 2, now + LEASE, SETTLE)
    return names


async def test_a_message_that_kills_is_given_up(database: Database) -> None:
    """A message that so many processes did not live through is said no more; its channel goes on, and the operator can put it back."""
    await to_say(database, "a")
    now, held = NOW, dict[str, UUID]()
    for _ in range(DEATHS):
        held = await speaking(database, now, "a")
        assert [*held] == ["a"]
        now += STEP
    one = held["a"]
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        await outbox.add(session, team.id, "next", outbox.Destination("Ca"), ("note", {}), now)
        (told,) = await troubles.listed(session, NOW)
        assert (told.kind, told.id, told.error) == ("message", one, DIED)
        assert await outbox.counts(session) == {"dead": 1, "waiting": 1}
        (taken,) = await outbox.claim(session, now, LEASE, 9, uuid4())
        assert taken.dedupe_key == "next"
        await outbox.sent(session, taken, "1.1", now)
        assert await troubles.put_back(session, one, now) == ["message"]
        assert not await troubles.listed(session, NOW)
        (again,) = await outbox.claim(session, now, LEASE, 9, uuid4())
    # It may have arrived each time, so it is looked for first.
    assert (again.id, again.state) == (one, OutboxState.SENDING)


async def test_an_edit_that_kills_leaves_what_was_said(database: Database) -> None:
    """A message that was said, and whose edit processes die of, stays what others answer; the operator can have it edited after all."""
    team_id = await to_say(database, "root")
    to, now = outbox.Destination("Croot"), NOW
    async with database.transaction() as session:
        (said,) = await outbox.claim(session, now, LEASE, 9, uuid4())
        await outbox.sent(session, said, "1.1", now)
        await outbox.show(session, team_id, "root", to, ("note", {"new": 1}), now)
    now += STEP
    for _ in range(DEATHS):
        assert [*await speaking(database, now, "root")] == ["root"]
        now += STEP
    async with database.transaction() as session:
        assert await outbox.counts(session) == {"sent": 1}
        answer = outbox.Destination("Croot", parent_key="root")
        await outbox.add(session, team_id, "answer", answer, ("note", {}), now)
        (taken,) = await outbox.claim(session, now, LEASE, 9, uuid4())
        assert (taken.dedupe_key, taken.thread_ts) == ("answer", "1.1")
        assert await troubles.put_back(session, said.id, now) == ["message"]
        (again,) = await outbox.claim(session, now, LEASE, 9, uuid4())
    assert (again.dedupe_key, again.ts) == ("root", "1.1")


async def test_a_message_is_looked_for_only_once_what_was_on_its_way_has_arrived(database: Database) -> None:
    """However short a spread gives its next try, the dead process's own request has had its time."""
    names = [f"m{number}" for number in range(8)]
    await to_say(database, *names)
    now = buried = NOW
    for _ in range(SPARED + 1):
        assert len(await speaking(database, now, "m0")) == len(names)
        buried = now + LEASE * 2
        now += STEP
    async with database.reading() as session:
        due = await value_of(session, outbox.next_due())
    assert due is not None
    assert due >= buried + SETTLE


async def test_messages_beside_one_that_kills_are_said(database: Database) -> None:
    """The tries of messages that were in hand together lie apart after some deaths, so that the innocent ones are said."""
    await to_say(database, *"abcd")
    now: datetime | None = NOW
    while now is not None:
        await speaking(database, now, fatal="a")
        async with database.reading() as session:
            now = await value_of(session, outbox.next_due())
    async with database.reading() as session:
        assert await outbox.counts(session) == {"sent": 3, "dead": 1}
        assert [one.kind for one in await troubles.listed(session, NOW)] == ["message"]
