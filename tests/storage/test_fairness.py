"""Fairness between teams and processes: one team's thousands hold nobody up, and limits hold for all together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, event, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database
from storage.ledger import exports, fairness, inbox, outbox, paces, publishers, releases, steps, teams
from storage.ledger.inbox import NewIntent
from storage.ledger.outbox import Destination
from storage.records import AuditExport, Registration, ReleaseKind, ReleaseReason, ReleaseState
from storage.tables import ReleaseRow
from tests.storage.history_kit import plans, reads_all
from tests.storage.plans import noted, rows_read

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE = timedelta(minutes=10)
MANY = 10_000


async def team(database: Database, name: str) -> UUID:
    """Return a team with a project."""
    wanted = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")
    async with database.transaction() as session:
        made = await teams.ensure(session, name, "", NOW)
        await publishers.request(session, made.id, wanted, ("U1", "C1"), NOW)
    return made.id


async def due(
    database: Database, team_id: UUID, count: int, since: datetime = NOW, version: str = "1"
) -> None:
    """Let so many releases of a team be due."""
    async with database.transaction() as session:
        project = await publishers.newest(session, team_id, "widgets")
        assert project is not None
        rows = [
            {
                "id": uuid4(), "team_id": team_id, "project_id": project.project_id, "index_name": "pypi",
                "project": "widgets", "owner": "acme", "repository": "widgets", "workflow": "release.yml",
                "environment": "pypi", "slug": "acme/widgets", "version": f"{version}.{number}", "kind": ReleaseKind.RELEASE,
                "tag": f"v{version}.{number}", "commit": "", "make_tag": False, "notes": "", "channel": "C1",
                "requested_by": "U1", "state": ReleaseState.REQUESTED, "reason": ReleaseReason.ASKED, "detail": "",
                "round": 0, "digest": "", "report": {}, "policy": {}, "progress": {}, "begun": "", "faults": 0,
                "rehearsal": "", "requested_at": NOW, "state_at": NOW, "reminders": 0,
                "next_at": since + timedelta(milliseconds=number),
            }
            for number in range(count)
        ]  # fmt: skip
        await session.execute(insert(ReleaseRow), rows)


async def claimed(database: Database, owner: UUID, limit: int, now: datetime) -> list[UUID]:
    """Take due releases; returns whose they are."""
    async with database.transaction() as session:
        return [one.team_id for one in await releases.claim(session, owner, (now, now + LEASE), limit)]


async def test_ten_thousand_do_not_starve_one(database: Database) -> None:
    """A team whose single release comes after another's ten thousand is served in the very next claim."""
    many, one = await team(database, "T1"), await team(database, "T2")
    await due(database, many, MANY)
    later = NOW + timedelta(hours=1)
    assert Counter(await claimed(database, uuid4(), 8, later)) == {many: 8}
    await due(database, one, 1, later)
    assert (await claimed(database, uuid4(), 4, later))[:4].count(one) == 1


async def test_teams_take_turns(database: Database) -> None:
    """What a team has under way counts: whoever has least gets the next place, and within a team the longest due goes first."""
    three = [await team(database, f"T{number}") for number in range(3)]
    for number, one in enumerate(three):
        await due(database, one, 20, NOW + timedelta(minutes=number))
    later = NOW + timedelta(hours=1)
    assert Counter(await claimed(database, uuid4(), 9, later)) == dict.fromkeys(three, 3)
    async with database.transaction() as session:
        (first,) = await releases.claim(session, uuid4(), (later, later + LEASE), 1)
    assert (first.team_id, first.version) == (three[0], "1.3")


async def test_messages_and_intents_take_turns(database: Database) -> None:
    """A team's many intents and channels do not go before another's one."""
    async with database.transaction() as session:
        one = await teams.ensure(session, "T1", "", NOW)
        two = await teams.ensure(session, "T2", "", NOW)
        for number in range(30):
            intent = NewIntent("publisher.list", f"U{number}", "C1", {})
            await inbox.put(session, one.id, str(number), intent, NOW)
            message = ("broke_down", {"incident": "x"})
            await outbox.add(session, one.id, str(number), Destination(f"C{number}"), message, NOW)
        later = NOW + timedelta(minutes=1)
        await inbox.put(session, two.id, "k", NewIntent("publisher.list", "U1", "C1", {}), later)
        await outbox.add(session, two.id, "k", Destination("C1"), ("broke_down", {"incident": "x"}), later)
    async with database.transaction() as session:
        wishes = await inbox.claim(session, later, LEASE, 4, uuid4())
        messages = await outbox.claim(session, later, LEASE, 4, uuid4())
    assert [item.team_id for item in wishes].count(two.id) == 1
    assert [item.team_id for item in messages].count(two.id) == 1
    assert (len(wishes), len(messages)) == (4, 4)


async def test_files_and_steps_take_turns(database: Database) -> None:
    """Whoever presses a button many times, or runs a workflow many times, goes before nobody of another team."""
    later = NOW + timedelta(minutes=1)
    async with database.transaction() as session:
        one = await teams.ensure(session, "T1", "", NOW)
        two = await teams.ensure(session, "T2", "", NOW)
        for number, (team_id, at) in enumerate([*[(one.id, NOW)] * 30, (two.id, later)]):
            wanted = AuditExport(uuid4(), team_id, f"U{number}", "", "csv", 0, at)
            await exports.ask(session, wanted, at)
            await steps.end(session, team_id, (f"Fx{number}", "U1"), ("done", {}), at)
    async with database.transaction() as session:
        files = await exports.claim(session, uuid4(), (later, later + LEASE), 2)
        runs = await steps.claim(session, uuid4(), (later, later + LEASE), 2)
    assert [item.team_id for item in files].count(two.id) == 1
    assert [item.team_id for item in runs].count(two.id) == 1


async def test_claimants_at_once_share(database: Database) -> None:
    """Claimants at the same time get each row once between them, and nothing is left lying."""
    here = await team(database, "T1")
    await due(database, here, 24)
    later = NOW + timedelta(hours=1)
    found = [
        await asyncio.gather(*(claimed(database, uuid4(), 4, later) for _ in range(3))) for _ in range(3)
    ]
    assert sum(len(part) for parts in found for part in parts) == 24


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_all_processes_together_keep_an_index_s_limit(database: Database) -> None:
    """However many processes there are, no more than so many rows of one index are under way."""
    here = await team(database, "T1")
    await due(database, here, releases.MOST_AT_ONCE * 2)
    later = NOW + timedelta(hours=1)
    found = await asyncio.gather(*(claimed(database, uuid4(), 8, later) for _ in range(8)))
    assert sum(map(len, found)) == releases.MOST_AT_ONCE


async def test_a_claim_reads_what_is_due_alone(database: Database) -> None:
    """Taking releases finds them by an index, however many have ended."""
    here = await team(database, "T1")
    await due(database, here, 5)
    asked: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "UPDATE releases" in statement:
            asked.append((statement, parameters))

    engine = database._writer
    assert engine is not None
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    await claimed(database, uuid4(), 4, NOW + timedelta(hours=1))
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    (plan,) = await plans(database, asked)
    assert "ix_releases_due" in plan, plan
    assert not any(reads_all(line) and "releases" in line for line in plan.splitlines()), plan


async def test_moments_are_given_out_once(database: Database) -> None:
    """Those who ask at once get moments a gap apart, and a hold moves all that come after it."""
    gap = timedelta(seconds=1)

    async def take(name: str = "a", now: datetime = NOW) -> datetime:
        async with database.transaction() as session:
            return await paces.take(session, name, gap, now)

    moments = await asyncio.gather(*(take() for _ in range(5)))
    assert sorted(moments) == [NOW + gap * number for number in range(5)]
    assert await take("b") == NOW
    async with database.transaction() as session:
        await paces.hold(session, "a", NOW + timedelta(minutes=1))
        await paces.hold(session, "a", NOW)
        await paces.hold(session, "hold x", NOW + gap)
    assert await take() == NOW + timedelta(minutes=1)
    assert await take(now=NOW + timedelta(hours=1)) == NOW + timedelta(hours=1)
    async with database.transaction() as session:
        assert await paces.held(session, "hold ", NOW) == {"hold x": NOW + gap}
        assert await paces.held(session, "hold ", NOW + gap) == {}
        await paces.prune(session, NOW + timedelta(days=1))
        assert await paces.held(session, "", NOW) == {}


async def cost(database: Database, claim: Callable[[AsyncSession], Awaitable[object]]) -> int:
    """Return how many rows of tables and indexes a claim reads on PostgreSQL, as the server counts them; nothing is kept."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    async with database.transaction() as session:
        await claim(session)
        await session.rollback()
    event.remove(Engine, "before_cursor_execute", note)
    read = 0
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # this table is small as yet
        for statement, parameters in asked:
            if statement.startswith(("SELECT", "WITH", "UPDATE")):
                explained = f"EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF, FORMAT JSON) {statement}"
                read += handled((await connection.exec_driver_sql(explained, parameters)).scalar_one())
        await session.rollback()
    return read


def handled(plan: Any) -> int:
    """Return how many rows the nodes of a plan have given and thrown away."""
    if isinstance(plan, list):
        return sum(map(handled, plan))
    if not isinstance(plan, dict):
        return 0
    own = (plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)) * plan.get("Actual Loops", 0)
    return int(own) + sum(handled(part) for part in plan.values() if isinstance(part, list | dict))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_claim_costs_no_more_where_more_is_due(database: Database) -> None:
    """After an outage everything is due: a claim reads a part of it, as much of ten thousand as of four."""
    here, there = await team(database, "T1"), await team(database, "T2")
    later = NOW + timedelta(hours=1)

    async def claim(session: AsyncSession) -> None:
        await releases.claim(session, uuid4(), (later, later + LEASE), 8)

    found = []
    for more in (3_000, 9_000):
        await due(database, here, more, version=str(more))
        await due(database, there, 5, later - timedelta(minutes=1), version=str(more))
        async with database.transaction() as session:
            await session.execute(text("ANALYZE releases"))
        found.append(await cost(database, claim))
    assert found[1] < found[0] * 1.2


async def test_whoever_is_not_among_the_longest_due_comes_up(database: Database) -> None:
    """Beside one team's many, of each of many other teams something is taken in the end, though all of theirs is due later."""
    many = await team(database, "T0")
    await due(database, many, fairness.WINDOW * 2)
    later = NOW + timedelta(hours=1)
    others = {await team(database, f"T{number}") for number in range(1, 13)}
    for one in others:
        await due(database, one, 1, later)
    served = [one for _ in range(4) for one in await claimed(database, uuid4(), 4, later)]
    assert set(served) >= others
    assert served.count(many) >= 1


TEAMS, MESSAGES, CHANNELS = 200, 24, 4


def to_say(connection: Connection) -> None:
    """Let each of many teams have many messages to say, in a few channels: most wait for an earlier one of theirs."""
    connection.execute(
        text(
            "INSERT INTO teams (id, slack_team_id, enterprise_id, created_at) SELECT md5('team ' || n)::uuid, 'TM' || n, '', :now "
            "FROM generate_series(1, :teams) n"
        ),
        {"now": NOW, "teams": TEAMS},
    )
    connection.execute(
        text(
            'INSERT INTO outbox (id, team_id, dedupe_key, channel, "user", kind, facts, state, attempts, error, ts, parent_key, broadcast, '
            "revision, created_at, next_at, asker_told) SELECT md5(t || ' ' || n)::uuid, md5('team ' || t)::uuid, 'm' || n, "
            "'C' || n % :channels, '', 'note', '{}', 'waiting', 0, '', '', '', false, 0, :now, cast(:now AS timestamptz) + n * "
            "interval '1 second', false FROM generate_series(1, :teams) t, generate_series(1, :messages) n"
        ),
        {"now": NOW, "teams": TEAMS, "messages": MESSAGES, "channels": CHANNELS},
    )
    connection.execute(text("ANALYZE"))


async def test_a_claim_reads_few_of_the_many_that_are_to_be_said(database: Database) -> None:
    """Where thousands of messages wait, the first ones of each team are found by its index: not all of them are read, and sorted."""
    if database.is_sqlite:
        pytest.skip("SQLite tells no figures of its plans")
    async with database.transaction() as session:
        await (await session.connection()).run_sync(to_say)
    async with database.transaction() as session:
        with noted() as asked:
            assert len(await outbox.claim(session, NOW + timedelta(hours=1), LEASE, 16)) == 16
        # Asked again in the transaction in which it was: it is there that the server is told how to go about it.
        assert await rows_read(session, max(asked, key=lambda one: len(one.statement))) < 10_000
