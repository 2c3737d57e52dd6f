"""Turns in the inbox: what one person wants is done in the order it came, however many carry it out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, event

from storage.database import Database
from storage.ledger import inbox, teams
from storage.ledger.inbox import NewIntent
from storage.records import InboxItem
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE = timedelta(minutes=1)


async def team_of(database: Database, name: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, name, "", NOW)).id


async def want(database: Database, team: UUID, *wants: tuple[str, str], in_turn: bool = True) -> None:
    """Write down what people want, a second apart: (key, person)."""
    for number, (key, person) in enumerate(wants):
        async with database.transaction() as session:
            new = NewIntent("release.ask", person, "C1", {"key": key}, origin="button", in_turn=in_turn)
            await inbox.put(session, team, key, new, NOW, NOW + timedelta(seconds=number))


async def claimed(database: Database, now: datetime = NOW) -> list[InboxItem]:
    """Take all that is due."""
    async with database.transaction() as session:
        return list(await inbox.claim(session, now, LEASE, 100))


async def test_one_persons_intents_are_taken_one_after_the_other(database: Database) -> None:
    """The second is not to be had before the first is done or given up; other people and other teams don't wait."""
    team, other = await team_of(database), await team_of(database, "T2")
    await want(database, team, ("a", "U1"), ("b", "U1"), ("c", "U2"), ("d", "U1"))
    await want(database, other, ("a", "U1"))
    taken = await claimed(database)
    assert sorted((item.team_id == team, item.actor) for item in taken) == [
        (False, "U1"),
        (True, "U1"),
        (True, "U2"),
    ]
    assert {item.origin for item in taken} == {"button"}
    first = next(item for item in taken if item.team_id == team and item.actor == "U1")
    assert await claimed(database) == []
    async with database.transaction() as session:
        # What its holder has died over comes up again after its lease, still before what came later.
        assert await value_of(session, inbox.next_due()) == NOW + LEASE
        await inbox.postpone(session, first, "incident", NOW + LEASE * 2)
    assert first.id not in {item.id for item in await claimed(database, NOW + LEASE)}
    async with database.transaction() as session:
        assert await inbox.bury(session, first, "incident", NOW)
        assert await value_of(session, inbox.next_due()) == NOW
    second = await claimed(database)
    assert [(item.actor, item.team_id) for item in second] == [("U1", team)]
    assert second[0].id != first.id


async def test_what_only_looks_needs_no_turn(database: Database) -> None:
    """A look that takes long holds nothing back, and waits for nothing."""
    team = await team_of(database)
    await want(database, team, ("a", "U1"), ("b", "U1"), in_turn=False)
    await want(database, team, ("c", "U1"))
    assert len(await claimed(database)) == 3


async def test_many_processes_keep_the_order(database: Database) -> None:
    """Of many that claim at once, no two ever hold intents of one person, and they end in the order they came."""
    team = await team_of(database)
    names = ("U1", "U2", "U3")
    await want(database, team, *((f"{number}:{name}", name) for number in range(6) for name in names))
    ended: list[tuple[str, str]] = []
    held: set[str] = set()

    async def process() -> None:
        while len(ended) < 18:
            async with database.transaction() as session:
                items = await inbox.claim(session, NOW, LEASE, 2)
            for item in items:
                assert item.actor not in held
                held.add(item.actor)
            for item in items:
                ended.append((item.actor, item.payload["key"]))
                held.discard(item.actor)
                async with database.transaction() as session:
                    assert await inbox.done(session, item, NOW)
            await asyncio.sleep(0)

    await asyncio.gather(*(process() for _ in range(4)))
    for name in names:
        assert [key for who, key in ended if who == name] == [f"{number}:{name}" for number in range(6)]


async def test_whose_turn_it_is_costs_a_look_into_an_index(database: Database) -> None:
    """However many intents ever came, neither the claim nor the question when to look again reads them all."""
    if not database.is_sqlite:
        return  # its planner decides by how much there is: tests of size look at that
    await want(database, await team_of(database), ("a", "U1"), ("b", "U1"))
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    await claimed(database)
    async with database.reading() as session:
        await value_of(session, inbox.next_due())
    event.remove(Engine, "before_cursor_execute", note)
    async with database.reading() as session:
        connection = await session.connection()
        for statement, parameters in asked:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [str(list(row)[-1]) for row in plan]
            assert not any(step.startswith("SCAN inbox") and "USING" not in step for step in steps), steps
            assert "turn" not in statement or any("ix_inbox_turn" in step for step in steps), steps
