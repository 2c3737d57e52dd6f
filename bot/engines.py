"""Which engine the settings want, who this process is, and what is done when it begins to drive the database.

Knows: settings, which parts fit together. Must not know: what a lane does.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from bot import __version__
from bot.engine.claims import Claims, Deaths
from bot.engine.crew import Engine
from bot.engine.embedded import EmbeddedEngine
from bot.engine.pulse import Pulse
from bot.engine.servers_time import ServersTime
from bot.pacing import OwnPaces, Paces
from bot.settings import Settings
from bot.workflow.outbox import SETTLE
from bot.workflow.pacing import SharedPaces
from storage.database import Database, is_away
from storage.ledger import inbox, leases, outbox, processes, troubles
from storage.records import Process

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Driver:
    """Who drives the database from this process."""

    engine: Engine
    owner: UUID
    """As this process signs its claims."""
    paces: Paces
    """When what others limit may be asked for, kept with all other processes."""
    lost: asyncio.Event
    """Set once others have taken this process for dead: then it must end."""


def together(settings: Settings) -> bool:
    """Say whether this process shares the database with others."""
    return settings.engine == "postgres"


def clock(settings: Settings, own: Callable[[], datetime]) -> Clock:
    """Return the clock by which this process works: its machine's own, or, with others, that of the server which they share."""
    return ServersTime(own, time.monotonic) if together(settings) else own


async def begin(settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
    """Make sure that nobody of the other kind drives the database; alone, take up what a dead process had begun."""
    if together(settings):
        return
    async with database.transaction() as session:
        await troubles.died(session, None, clock(), SETTLE)
        await inbox.retake(session, clock())
        await outbox.retake(session, clock(), SETTLE)
        await leases.retake(session)


def driver(
    settings: Settings,
    database: Database,
    clock: Clock,
    housekeeping: Callable[[], Awaitable[None]],
    who: tuple[UUID, bool],
) -> Driver:
    """Return the engine that the settings want; `who` is (as this process signs its claims, whether it is a worker)."""
    owner, worker = who
    # Who takes no rows need not know of which ones processes died.
    works = worker or not together(settings)
    deaths = Deaths(partial(_suspected, database), partial(_survived, database)) if works else None
    claims = Claims(partial(_let_go, database, clock, owner), is_away, deaths)
    if not together(settings):
        return Driver(EmbeddedEngine(clock, housekeeping, claims), owner, OwnPaces(clock), asyncio.Event())
    # The queue's library is a tenth of a second to import, and one machine does without it.
    from bot.engine.postgres import PostgresEngine  # noqa: PLC0415

    kind, started = "worker" if worker else "serve", clock()
    process = Process(owner, kind, socket.gethostname(), __version__, started, started)
    heard = clock.hear if isinstance(clock, ServersTime) else lambda _when, _asked: None
    pulse = Pulse(database, process, timedelta(seconds=settings.lease_seconds), SETTLE, heard, claims.suspect)
    engine = PostgresEngine(database.conninfo, clock, housekeeping, pulse, claims)
    return Driver(engine, owner, SharedPaces(database, clock), pulse.lost)


async def _let_go(
    database: Database, clock: Callable[[], datetime], owner: UUID, busy: Collection[Hashable]
) -> int:
    async with database.transaction() as session:
        return await processes.let_go(session, owner, busy, clock(), SETTLE)


async def _suspected(database: Database) -> Collection[tuple[str, Hashable]]:
    async with database.reading() as session:
        return await troubles.suspected(session)


async def _survived(database: Database, kind: str, key: Hashable) -> None:
    assert isinstance(key, UUID), "what can be set aside has one key"
    async with database.transaction() as session:
        await troubles.survived(session, kind, key)
