"""The engine of many processes on a real PostgreSQL: a nudge finds whoever has room, and the dead hold nothing up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from bot import standing
from bot.engine.lane import Work
from bot.engine.postgres import PostgresEngine
from bot.engine.pulse import Pulse
from bot.standing import ClockOff
from storage.database import Database, is_away
from storage.ledger import inbox, processes
from storage.records import Process
from tests.storage.test_processes import filled
from tests.unit.test_engine import Ledger, nothing, now

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

LEASE = timedelta(seconds=60)


@dataclass
class Fleet:
    """Engines as many processes have them, on one database."""

    database: Database
    stack: AsyncExitStack
    lease: timedelta = LEASE
    wrong: timedelta = timedelta()
    """How far the next process's clock is off."""

    async def pulse(self) -> tuple[Database, Pulse, Process]:
        """Return a new process's own connection and pulse."""
        database = Database(
            self.database.url.render_as_string(hide_password=False), self.database.vault, pool=2
        )
        await database.open()
        self.stack.push_async_callback(database.close)
        await database.lock_engine(together=True)
        process = Process(uuid4(), "worker", "host", "1.0", now() + self.wrong, now() + self.wrong)
        return database, Pulse(database, process, self.lease, timedelta()), process

    async def engine(self, *works: Work) -> PostgresEngine:
        """Start a process's engine; without works it only nudges."""
        database, pulse, _ = await self.pulse()
        engine = PostgresEngine(database.conninfo, now, nothing, pulse)
        await engine.start(works)
        self.stack.push_async_callback(engine.stop)
        return engine

    async def jobs(self) -> list[tuple[str, str]]:
        """Return status and queueing lock of what is in the queue."""
        async with self.database.reading() as session:
            found = await session.execute(
                text("SELECT status::text, coalesce(queueing_lock, '') FROM procrastinate_jobs ORDER BY id")
            )
            return [(str(status), str(lock)) for status, lock in found]

    async def until(self, met: Callable[[list[tuple[str, str]]], bool]) -> None:
        """Wait until the queue looks so."""
        async with asyncio.timeout(20):
            while True:
                if met(await self.jobs()):
                    return
                await asyncio.sleep(0.02)  # another process's state: there is nothing to wait on but asking


@pytest.fixture
async def fleet(database: Database) -> AsyncIterator[Fleet]:
    """Return a fleet that is ended at the end."""
    async with AsyncExitStack() as stack:
        yield Fleet(database, stack)


def open_ledger() -> Ledger:
    """Return a ledger whose steps end at once."""
    made = Ledger()
    made.hold.set()
    return made


async def test_a_nudge_from_the_web_wakes_a_worker(fleet: Fleet) -> None:
    """What a process without lanes has written is looked for at once by one that has them, and the queue is left empty."""
    ledger = open_ledger()
    worker, web = await fleet.engine(ledger.work()), await fleet.engine()
    assert (worker.state, web.state) == ("ok", "ok")
    ledger.add("a")
    for _ in range(20):
        web.nudge("lane")
    await ledger.until(ledger.done, 1)
    await fleet.until(lambda jobs: not jobs)


async def test_who_has_room_helps_who_has_none(fleet: Fleet) -> None:
    """What one process has no room for is done by another, though the nudge may reach the first."""
    first, second = Ledger(), open_ledger()
    await fleet.engine(first.work(at_once=1))
    first.add("hangs")
    web = await fleet.engine()
    web.nudge("lane")
    await first.until(first.begun, 1)
    await fleet.engine(Work("lane", first.claim, second.step, first.next_due, 1))
    for name in ("a", "b", "c"):
        first.add(name)
        web.nudge("lane")
        await second.until(second.done, len(second.done) + 1)
    first.hold.set()
    assert second.done == ["a", "b", "c"]


async def test_a_time_far_away_is_kept_in_the_queue(fleet: Fleet) -> None:
    """A look that is due later outlives the process that asked for it, and is asked for once by all of them."""
    ledger = open_ledger()
    ledger.add("later", after=3_600)
    await fleet.engine(ledger.work())
    await fleet.engine(ledger.work())
    await fleet.until(lambda jobs: len(jobs) == 1 and jobs[0][0] == "todo" and " at " in jobs[0][1])


async def test_stopping_gives_back_and_leaves(fleet: Fleet) -> None:
    """A process that is asked to stop ends its step, and is not among the living any more."""
    ledger = open_ledger()
    engine = await fleet.engine(ledger.work())
    ledger.add("a")
    engine.nudge("lane")
    await ledger.until(ledger.done, 1)
    await engine.stop()
    async with fleet.database.reading() as session:
        assert await processes.living(session, now() - LEASE) == []


async def test_what_dead_workers_left_in_the_queue_is_swept(fleet: Fleet) -> None:
    """A job that a dead worker had begun is taken away, and holds no later one back."""
    ledger = open_ledger()
    engine = await fleet.engine(ledger.work())
    async with fleet.database.transaction() as session:
        await session.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour');")
        )
        await session.execute(
            text(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, worker_id)"
                " SELECT 'shipbell', 'shipbell.look', 'doing', '{\"name\": \"lane\"}',"
                " min(id) FROM procrastinate_workers WHERE last_heartbeat < now() - interval '1 minute'"
            )
        )
    assert [status for status, _ in await fleet.jobs()].count("doing") >= 1
    await engine._tidy(0)
    await fleet.until(lambda jobs: not jobs)


async def test_the_dead_are_buried_and_hear_of_it(fleet: Fleet) -> None:
    """Who is not heard of for a lease is buried by the next beat of another, and ends when it comes back."""
    fleet.lease = timedelta(seconds=0.2)
    _, silent, process = await fleet.pulse()
    async with fleet.database.transaction() as session:
        await processes.begin(session, process)  # it says so once, and never again
    _, lively, _ = await fleet.pulse()
    freed = asyncio.Event()
    await lively.begin(freed.set)
    async with asyncio.timeout(20):
        await freed.wait()
    await lively.beat()  # the machine may have stood still for a lease meanwhile
    assert lively.state == "ok"
    await silent.beat()
    assert silent.lost.is_set()
    assert silent.state == "taken for dead"
    await lively.end()


@pytest.mark.parametrize("hours", [-2, 2])
async def test_who_lives_is_judged_by_the_servers_clock(fleet: Fleet, hours: int) -> None:
    """A process on a machine whose clock is wrong is neither buried at its birth nor, once it is dead, held for alive."""
    fleet.wrong = timedelta(hours=hours)
    _, odd, process = await fleet.pulse()
    fleet.wrong = timedelta()
    await odd.begin(lambda: None)
    async with fleet.database.transaction() as session:
        told = await processes.time(session)
        assert told is not None
        assert await processes.bury(session, told, told - LEASE, timedelta()) == []
        assert await processes.bury(session, told, told + LEASE, timedelta()) == [process.id]
    await odd.end()


async def test_the_doctor_says_whose_clock_is_off(fleet: Fleet) -> None:
    """An operator is told before claims are judged wrongly that machine and server differ."""
    async with fleet.database.reading() as session:
        server = await processes.time(session)
    assert server is not None
    assert await standing.living(fleet.database, LEASE, server) == "0 serve, 0 worker"
    for apart, said in ((timedelta(minutes=-1), "behind"), (timedelta(minutes=1), "before")):
        with pytest.raises(ClockOff, match=said):
            await standing.living(fleet.database, LEASE, server + apart)


async def test_a_lock_that_the_server_has_ended_is_taken_anew(fleet: Fleet) -> None:
    """After the server has cut every connection a process takes its lock again, unless one that is alone was faster."""
    _, pulse, _ = await fleet.pulse()
    await pulse.begin(lambda: None)

    async def cut() -> None:
        async with fleet.database.transaction() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    await cut()
    await pulse.beat()
    alone = Database(fleet.database.url.render_as_string(hide_password=False))
    await alone.open()
    with pytest.raises(Exception, match="already works"):
        await alone.lock_engine()
    await cut()
    await alone.lock_engine()
    with pytest.raises(Exception, match="must be alone"):
        await pulse.beat()
    await alone.close()
    await pulse.end()


async def test_what_a_cut_off_process_still_locks_holds_nobody_up(fleet: Fleet) -> None:
    """Where the server does not know yet that a process is dead, the others go on saying that they live, and bury it once it does.

    A host that loses its power, or a way there that forgets a connection, ends no session on the server.
    """
    fleet.lease = timedelta(seconds=0.3)
    await filled(fleet.database)
    dead = uuid4()
    database, pulse, living = await fleet.pulse()
    async with database.transaction() as session:
        await processes.begin(session, Process(dead, "worker", "host", "1.0", now(), now() - fleet.lease * 9))
        await inbox.claim(session, now(), timedelta(hours=1), 9, dead)
    await pulse.begin(lambda: None)
    async with AsyncExitStack() as zombie:
        there = await zombie.enter_async_context(fleet.database.transaction())
        await there.execute(text("UPDATE inbox SET attempts = attempts"))
        async with asyncio.timeout(20):
            while not steady(pulse, fleet.lease):
                await pulse.beat()
        before = await alive(database)
        await pulse.beat()
        assert (await alive(database))[living.id] > before[living.id]
        assert dead in before
    async with asyncio.timeout(20):
        while dead in await alive(database):
            await pulse.beat()
    assert set(await alive(database)) == {living.id}
    await pulse.end()


async def alive(database: Database) -> dict[UUID, datetime]:
    """Return who is not buried, and when it was last heard of."""
    async with database.reading() as session:
        return {one.id: one.seen_at for one in await processes.living(session, now() - timedelta(days=1))}


def steady(pulse: Pulse, lease: timedelta) -> bool:
    """Whether it has been heard of for as long as must pass before it buries anybody."""
    return bool(pulse._steady) and asyncio.get_running_loop().time() - pulse._steady > lease.total_seconds()


async def test_the_server_ends_a_transaction_in_which_nobody_speaks(fleet: Fleet) -> None:
    """Each connection asks for it, so that the locks of one who is cut off are free soon; who comes back finds the database away."""
    url = fleet.database.url
    async with fleet.database.reading() as session:
        assert await session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "15s"
    # The queue has connections of its own, with transactions of their own.
    async with await psycopg.AsyncConnection.connect(fleet.database.conninfo) as own:
        assert await (await own.execute("SHOW idle_in_transaction_session_timeout")).fetchone() == ("15s",)
    hasty = url.update_query_dict({"options": "-c idle_in_transaction_session_timeout=50"})
    other = Database(hasty.render_as_string(hide_password=False), fleet.database.vault)
    await other.open()
    fleet.stack.push_async_callback(other.close)
    with pytest.raises(Exception, match="idle-in-transaction") as told:  # noqa: PT012 - it is the second question that fails
        async with other.transaction() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            await gone(fleet.database, int(pid or 0))
            await session.scalar(text("SELECT 1"))
    assert is_away(told.value)


async def gone(database: Database, pid: int) -> None:
    """Wait until the server has ended a session."""
    here = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    async with asyncio.timeout(20):
        while True:
            async with database.reading() as session:
                if not await session.scalar(here, {"pid": pid}):
                    return
            await asyncio.sleep(0.02)  # the server's own state: there is nothing to wait on but asking
