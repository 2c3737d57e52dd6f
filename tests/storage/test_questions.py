"""Questions of one value: whoever asks in the same moment asks together, and each has an answer of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database
from storage.ledger import (
    credentials,
    health,
    homes,
    inbox,
    outbox,
    policy_changes,
    releases,
    teams,
    welcomes,
)
from storage.ledger.releases import Share
from storage.questions import Question, Questions
from storage.tables import TeamRow
from tests.storage.asking import value_of
from tests.storage.plans import noted

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOW_MANY: Question[int] = select(func.count()).select_from(TeamRow)


def every() -> list[Question[datetime | None]]:
    """Return questions of many lanes."""
    return [
        inbox.next_due(), outbox.next_due(), health.next_due(), homes.next_due(), credentials.next_due(), welcomes.next_due(),
        policy_changes.next_due(), *(releases.next_due(Share("pypi", orders)) for orders in (False, True)),
    ]  # fmt: skip


async def test_whoever_asks_in_the_same_moment_asks_together(database: Database) -> None:
    """Nine lanes cost one statement, and each hears what it would have heard alone."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        await homes.look(session, team.id, "U1", (1, ""), NOW)
        alone = [await value_of(session, one, NOW) for one in every()]
    with noted() as asked:
        together = await asyncio.gather(*(database.ask(one, NOW) for one in every()))
    assert together == alone
    assert alone.count(NOW) == 1
    assert sum(one.statement.startswith("SELECT") for one in asked) == 1


async def test_a_lease_is_looked_at_as_of_now(database: Database) -> None:
    """What somebody works on is not due, until the lease has run out: the time is asked about, not kept with the question."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        await homes.look(session, team.id, "U1", (1, ""), NOW)
        assert await homes.claim(session, uuid4(), (NOW, NOW + timedelta(minutes=1)), 1)
    assert await database.ask(homes.next_due(), NOW) is None
    assert await database.ask(homes.next_due(), NOW + timedelta(minutes=2)) == NOW


async def test_what_was_written_before_is_in_the_answer(database: Database) -> None:
    """Whoever asks while others' questions are with the database is asked anew: theirs may not see what has been written since."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def slowly() -> AsyncIterator[AsyncSession]:
        async with database.reading(steady=True) as session:
            await session.scalar(HOW_MANY)  # from here on it sees nothing newer
            entered.set()
            await go_on.wait()
            yield session

    questions = Questions(slowly)
    first = asyncio.create_task(questions.ask(HOW_MANY, NOW))
    await entered.wait()
    async with database.transaction() as session:
        await teams.ensure(session, "T1", "", NOW)
    second = asyncio.create_task(questions.ask(HOW_MANY, NOW))
    await asyncio.sleep(0)
    go_on.set()
    assert (await first, await second) == (0, 1)


async def test_one_who_gives_up_takes_nobody_along(database: Database) -> None:
    """Of two who ask together one is cancelled; the other has its answer."""
    leaving = asyncio.create_task(database.ask(select(literal(1)), NOW))
    staying = asyncio.create_task(database.ask(select(literal(2)), NOW))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 2
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_fault_is_everybodys_and_of_that_moment(database: Database) -> None:
    """Where the database refuses, all who asked hear it; whoever asks next is answered."""
    broken: Question[int] = select(func.no_such_function())
    found = await asyncio.gather(
        database.ask(select(literal(1)), NOW), database.ask(broken, NOW), return_exceptions=True
    )
    assert all(isinstance(one, DBAPIError) for one in found)
    assert await database.ask(select(literal(1)), NOW) == 1


async def test_a_database_that_closes_leaves_nobody_asking(database: Database) -> None:
    """What is being asked ends with the database; opened again it answers."""
    asking = asyncio.create_task(database.ask(inbox.next_due(), NOW))
    await asyncio.sleep(0)
    await database.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await database.open()
    assert await database.ask(select(literal(1)), NOW) == 1
