"""The audit chain: whatever is done to the rows by hand shows, and nothing else does."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from storage.database import Database
from storage.ledger import audit, chain, teams
from storage.ledger.chain import ChainReport
from storage.records import AuditEvent

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = 6

DETAIL = {
    "float": 0.1,
    "whole": 1.0,
    "big": 1e22,
    "tiny": 1e-7,
    "minus nothing": -0.0,
    "no number": float("nan"),
    "words": "Grüße, \N{SNOWMAN} \N{PILE OF POO}\0\ud800",
    "deep": {"b": [1, (2, None), {"ä": True}], "a": {}},
    "long": 2**70,
}


def event(team_id: UUID, number: int, detail: object = None) -> AuditEvent:
    """Return the event number `number` of a team."""
    at = NOW + timedelta(microseconds=number)
    return AuditEvent(
        team_id, at, "U1", "release.asked", f"widgets {number} on pypi", {"n": number, "x": detail}
    )


async def written(database: Database, slack_team_id: str = "T1", rows: int = ROWS) -> UUID:
    """Append events to a team's trail, each in its own transaction, and return the team."""
    async with database.transaction() as session:
        team = await teams.ensure(session, slack_team_id, "", NOW)
    for number in range(1, rows + 1):
        async with database.transaction() as session:
            await audit.append(session, event(team.id, number))
    return team.id


async def verified(database: Database, team_id: UUID) -> ChainReport:
    """Return what is found along a team's chain."""
    async with database.reading(steady=True) as session:
        return await audit.verify(session, team_id)


async def tampered(database: Database, statements: Sequence[str]) -> None:
    """Do something to the tables that the bot never does."""
    async with database.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


async def test_what_was_written_fits(database: Database) -> None:
    """A chain that nobody touched has nothing wrong, in every team, and says where it ends."""
    first, second = await written(database), await written(database, "T2", 2)
    async with database.transaction() as session:
        third = await teams.ensure(session, "T3", "", NOW + timedelta(days=1))
    reports = [await verified(database, team_id) for team_id in (first, second, third.id)]
    assert [(one.events, one.unchained, one.broken) for one in reports] == [
        (6, 0, ()),
        (2, 0, ()),
        (0, 0, ()),
    ]
    assert [one.head.partition(":")[0] for one in reports] == ["6", "2", ""]
    async with database.reading() as session:
        assert {team.slack_team_id for team in await teams.everyone(session)} == {"T1", "T2", "T3"}


async def test_any_detail_comes_back_as_it_was_chained(database: Database) -> None:
    """Floats, nesting, and signs that a database changes or refuses are settled before they are chained."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        await audit.append(session, event(team.id, 1, DETAIL))
    assert (await verified(database, team.id)).broken == ()
    async with database.reading() as session:
        (found,) = await audit.trail(session, team.id, limit=5)
    assert found.detail == {"n": 1, "x": chain.stable(DETAIL)}
    assert found.detail["x"]["deep"]["b"] == [1, [2, None], {"ä": True}]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_what_is_stable_stays_so(value: object) -> None:
    """A value that was made stable is not changed by making it stable again."""
    once = chain.stable(value)
    assert chain.stable(once) == once


_COPY = (
    "INSERT INTO audit_events (team_id, at, actor, action, subject, detail, number, mac) "
    "SELECT team_id, at, actor, action, subject, detail, {number}, {mac} FROM audit_events WHERE number = {of}"
)


@pytest.mark.parametrize(
    ("statements", "numbers", "word"),
    [
        (["UPDATE audit_events SET subject = 'x' WHERE number = 3"], [3], "changed"),
        (["UPDATE audit_events SET detail = '{\"n\": 4}' WHERE number = 3"], [3], "changed"),
        (["UPDATE audit_events SET actor = 'U2' WHERE number = 1"], [1], "changed"),
        (["UPDATE audit_events SET at = '2026-11-20 12:00:00.000009+00' WHERE number = 3"], [3], "changed"),
        (["DELETE FROM audit_events WHERE number = 1"], [1], "missing"),
        (["DELETE FROM audit_events WHERE number IN (3, 4)"], [3], "missing, with all up to 4"),
        (["DELETE FROM audit_events WHERE number = 6"], [6], "missing"),
        (["DELETE FROM audit_events"], [1], "missing, with all up to 6"),
        (["DELETE FROM audit_heads"], [6], "the record of the chain's end is missing"),
        (["UPDATE audit_events SET number = NULL, mac = NULL WHERE number = 6"], [6, 0], ""),
        ([_COPY.format(number="NULL", mac="NULL", of=3)], [0], "added"),
        ([_COPY.format(number=7, mac="mac", of=6)], [7], "added"),
        ([_COPY.format(number=0, mac="mac", of=6)], [0], "added"),
        (["DROP INDEX uq_audit_number", _COPY.format(number=3, mac="mac", of=3)], [3], "doubled"),
        (
            [
                "UPDATE audit_events SET number = 99 WHERE number = 3",
                "UPDATE audit_events SET number = 3 WHERE number = 4",
                "UPDATE audit_events SET number = 4 WHERE number = 99",
            ],
            [3, 4, 4, 5],
            "",
        ),
        (["UPDATE audit_events SET seq = seq + 1000 WHERE number = 3"], [4], "reordered"),
        (
            # The end cut off, and its record put back as well as one can without the key.
            [
                "DELETE FROM audit_events WHERE number = 6",
                "UPDATE audit_heads SET number = 5, mac = (SELECT mac FROM audit_events WHERE number = 5)",
            ],
            [5],
            "does not fit",
        ),
    ],
)  # fmt: skip
async def test_what_was_done_by_hand_shows(
    database: Database, statements: Sequence[str], numbers: list[int], word: str
) -> None:
    """A row that was changed, taken out, put in, doubled or moved, and an end that was cut off, is found and named."""
    team_id = await written(database)
    await tampered(database, statements)
    broken = (await verified(database, team_id)).broken
    assert [number for number, _ in broken] == numbers
    assert all(word in what for _, what in broken)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET detail = '{' WHERE number = 2",
        "UPDATE audit_events SET at = 'never' WHERE number = 2",
        "UPDATE audit_events SET mac = 'x' WHERE number = 2",
        "UPDATE audit_events SET mac = NULL WHERE number = 2",
        "UPDATE audit_events SET number = 'two' WHERE number = 2",
    ],
)
async def test_what_was_spoilt_does_not_stop_the_walk(database: Database, statement: str) -> None:
    """Also a row that can't be read any more is a finding, and no crash; PostgreSQL keeps most of that out itself."""
    team_id = await written(database)
    if not database.is_sqlite and "NULL" not in statement:
        return
    await tampered(database, [statement])
    assert (await verified(database, team_id)).broken


async def test_events_of_before_the_chain_are_counted(database: Database) -> None:
    """Rows that an older version wrote count as unchained, and are no fault."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        old = "INSERT INTO audit_events (team_id, at, actor, action, subject, detail) VALUES (:team, :at, 'U1', 'a', 's', '{}')"
        at = "2026-01-01 00:00:00.000000" + ("" if database.is_sqlite else "+00")
        await session.execute(text(old), {"team": team.id.hex, "at": at})
    await written(database)
    report = await verified(database, team.id)
    assert (report.events, report.unchained, report.broken) == (ROWS, 1, ())


async def test_two_writers_make_one_chain(database: Database) -> None:
    """Events appended at the same time follow each other in one chain, and none gets lost."""
    team_id = await written(database, rows=0)

    async def write(number: int) -> None:
        async with database.transaction() as session:
            await audit.append(session, event(team_id, number))

    await asyncio.gather(*(write(number) for number in range(8)))
    report = await verified(database, team_id)
    assert (report.events, report.broken) == (8, ())


async def test_a_transaction_that_fails_leaves_the_chain_whole(database: Database) -> None:
    """What is rolled back has no place in the chain."""
    team_id = await written(database)

    async def fail() -> None:
        async with database.transaction() as session:
            await audit.append(session, event(team_id, 7))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (await verified(database, team_id)).events == ROWS
    async with database.transaction() as session:
        await audit.append(session, event(team_id, 8))
    assert (await verified(database, team_id)).broken == ()


async def test_a_long_trail_is_read_in_pages(database: Database) -> None:
    """Verifying and exporting read page after page, and miss or repeat nothing where one ends."""
    team_id = await written(database)
    for page in (1, 2, 3, 6, 7):
        async with database.reading(steady=True) as session:
            report = await audit.verify(session, team_id, page=page)
            found = [entry.number async for entry in audit.entries(session, team_id, page=page)]
        assert (report.events, report.broken) == (ROWS, ())
        assert found == list(range(1, ROWS + 1))


async def test_what_is_appended_meanwhile_is_no_fault(database: Database) -> None:
    """A check that runs beside the bot sees the trail as it was when it began."""
    team_id = await written(database)
    async with database.reading(steady=True) as session:
        assert len(await teams.everyone(session)) == 1
        async with database.transaction() as writing:
            await audit.append(writing, event(team_id, 7))
        report = await audit.verify(session, team_id)
    assert (report.events, report.broken) == (ROWS, ())
    assert (await verified(database, team_id)).events == ROWS + 1
