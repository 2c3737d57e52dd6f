"""The bot, put together: opens every concrete part, wires it, closes it.

Knows: every part. Must not know: a single decision.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import aiohttp
import structlog
import uvicorn
from starlette.routing import Route
from starlette.types import ASGIApp

from bot import __version__, engines, forging, keyfile, lanes, listening, slacking, teaming, telemetry, web
from bot.browsing import Browsing
from bot.core.status_links import status_url
from bot.engine.crew import Engine
from bot.engine.lane import Work
from bot.engines import Driver
from bot.errors import SettingsError
from bot.figures import figures
from bot.forge.client import WRITE_GAP, ForgeClient
from bot.forge.lines import AppTokens, OneToken
from bot.index.client import IndexClient
from bot.settings import Settings
from bot.slack.clients import OneWorkspace, Workspaces
from bot.slack.files import SlackFiles
from bot.slack.listeners import Listeners
from bot.slack.notifier import shared_session
from bot.slack.people import SlackPeople
from bot.slack.screen import SlackScreen
from bot.slack.steps import SlackCompleter
from bot.slacking import Slacking
from bot.transport import RESTS, Transport, user_agent
from bot.workflow import restoring
from bot.workflow.changing import Changing
from bot.workflow.confirming import Confirming
from bot.workflow.credentials import Credentials
from bot.workflow.exporting import Exporting
from bot.workflow.feeds import Feeding
from bot.workflow.filling import Filling
from bot.workflow.hands import Hands
from bot.workflow.health import Tending
from bot.workflow.home import Homes
from bot.workflow.importing import Importing
from bot.workflow.inlet import Inlet
from bot.workflow.intents import Intents
from bot.workflow.menus import Menu
from bot.workflow.outbox import Outbox
from bot.workflow.picking import Picking
from bot.workflow.publishers import Publishers
from bot.workflow.reaching import Reach
from bot.workflow.releases import Releases
from bot.workflow.scouting import Scouting
from bot.workflow.setups import Setups
from bot.workflow.steps import Steps
from bot.workflow.thanking import Thanking
from storage import migrations
from storage.crypto import Vault
from storage.database import HEAD, Database
from storage.ledger import exports, homes, inbox, keys, outbox, paces, policy_changes, steps, troubles
from storage.records import NewerSchema, Restoration, Secret, StorageError

log = structlog.get_logger(__name__)

KEEP_INBOX = timedelta(days=7)
KEEP_ANSWERS = timedelta(days=7)
KEEP_HOMES = timedelta(days=90)
KEEP_PACES = timedelta(days=1)
KEEP_ENDED = timedelta(days=90)


def now() -> datetime:
    """Return the time now: the one clock, passed to whoever needs it."""
    return datetime.now(UTC)  # noqa: TID251 - the clock room


@dataclass(frozen=True, slots=True)
class Bot:
    """The running bot."""

    web: ASGIApp
    engine: Engine
    database: Database
    lost: asyncio.Event
    """Set once other processes have taken this one for dead."""


def serve(settings: Settings, again: Callable[[], Settings] | None = None, *, worker: bool = False) -> int:
    """Run the bot, or a worker of it, until asked to stop; returns the exit code. StorageError where it can't go on.

    `again` reads the settings anew, so that a rotation of the master keys needs no restart.
    """
    loop_factory = uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(settings, again, worker=worker))
    return 0


async def _serve(settings: Settings, again: Callable[[], Settings] | None, *, worker: bool) -> None:
    async with running(settings, again, worker=worker) as bot:
        # What is there now stays to the end: passing over it later costs a tenth of a second each time, in which nobody is answered.
        gc.collect()
        gc.freeze()
        port = settings.worker_port if worker else settings.port
        log.info("working" if worker else "serving", host=settings.host, port=port, version=__version__)
        server = uvicorn.Server(listening.config(bot.web, settings.host, port))
        watching = asyncio.create_task(_end_with(bot.lost, server))
        try:
            await server.serve()
        finally:
            watching.cancel()
        if bot.lost.is_set():
            raise StorageError(
                "Other processes have taken this one for dead, and do its work now.",
                "Start it again. Is the machine overloaded, or its way to the database cut?",
            )


async def _end_with(lost: asyncio.Event, server: uvicorn.Server) -> None:
    await lost.wait()
    server.should_exit = True


@asynccontextmanager
async def running(
    settings: Settings, again: Callable[[], Settings] | None = None, *, worker: bool = False
) -> AsyncIterator[Bot]:
    """Open everything, run the engine, close everything.

    With the embedded engine one process does it all. With the other one a worker does what is due, and all others write
    down what people want, answer them, and nudge.
    """
    async with AsyncExitStack() as stack:
        parts = await _parts(settings, stack, again, worker=worker)
        engine = parts.driver.engine
        works_here = worker or not engines.together(settings)
        menu = forging.forge_menu(settings, parts.lines, parts.people, parts.clock)
        if menu is not None:
            stack.push_async_callback(menu.close)
        browsing = Browsing(
            settings,
            parts.database,
            parts.index,
            parts.index.grants,
            parts.clock,
            parts.people,
            partial(engine.nudge, "outbox"),
        )
        steps = _steps(parts)
        restored = await restoring.settle(steps.shipping.hands)
        await engine.start(_works(parts, steps, menu, restored) if works_here else ())
        stack.push_async_callback(engine.stop)
        probes = web.Probes(
            partial(_ready, parts.database, engine), lambda: figures(parts.database, parts.clock())
        )
        if worker:
            yield Bot(web.health(probes), engine, parts.database, parts.driver.lost)
            return
        bolt = slacking.bolt(parts.sides, parts.clients, _listeners(parts, browsing, menu))
        await slacking.connect(settings, bolt, stack)
        hook = lanes.hook(settings.github_webhook_secret, steps.shipping, steps.confirming, engine)
        slack = bolt if settings.slack_signing_secret else None
        routes = web.routes(
            slack, probes, hook, _pages(parts, browsing, engine.nudge), secure=browsing.secure
        )
        yield Bot(routes, engine, parts.database, parts.driver.lost)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What everything else is wired from: the database, and the ways out."""

    settings: Settings
    clock: Callable[[], datetime]
    """By what everything here happens."""
    database: Database
    transport: Transport
    session: aiohttp.ClientSession
    sides: Slacking
    clients: OneWorkspace | Workspaces
    index: IndexClient
    lines: OneToken | AppTokens
    forge: ForgeClient
    people: SlackPeople
    base: timedelta
    driver: Driver

    @property
    def owner(self) -> UUID:
        """This process, as it signs its claims."""
        return self.driver.owner


async def _parts(
    settings: Settings, stack: AsyncExitStack, again: Callable[[], Settings] | None, *, worker: bool
) -> _Parts:
    owner = uuid4()
    await stack.enter_async_context(telemetry.recording(settings, owner))
    clock = engines.clock(settings, now)
    database = await _database(settings, clock, stack, again)
    transport = await stack.enter_async_context(
        Transport(
            allow_private_addresses=settings.allow_private_addresses,
            user_agent=user_agent(settings.contact),
            names=telemetry.names(settings),
            # In step with how often anything is looked at: an index that is back is not to wait for our rest.
            rests=(min(RESTS[0], settings.poll_seconds / 6), min(RESTS[1], settings.poll_seconds * 2)),
        )
    )
    session = await stack.enter_async_context(shared_session())
    sides = Slacking(settings, database, session, clock, owner)
    clients = sides.clients()
    driver = engines.driver(settings, database, clock, partial(_tidy, database, clock), (owner, worker))
    shared = driver.paces if engines.together(settings) else None
    lines = forging.forge_lines(settings, transport, clock, min(WRITE_GAP, settings.poll_seconds), shared)
    return _Parts(
        settings=settings,
        clock=clock,
        database=database,
        transport=transport,
        session=session,
        sides=sides,
        clients=clients,
        index=IndexClient(
            transport, settings.indexes, clock, trust_root=settings.sigstore_trust_root, paces=shared
        ),
        lines=lines,
        forge=forging.forge_client(settings, transport, lines),
        people=SlackPeople(clients.client_for, clock, clients.forget),
        base=timedelta(seconds=settings.poll_seconds),
        driver=driver,
    )


def _inlet(parts: _Parts) -> Inlet:
    return Inlet(parts.database, parts.clock, partial(parts.driver.engine.nudge, "inbox"))


def _listeners(parts: _Parts, browsing: Browsing, menu: Menu | None) -> Listeners:
    settings = parts.settings
    return Listeners(
        _inlet(parts),
        settings.indexes,
        settings.poll_seconds,
        settings.github_web_url,
        connect_url=f"{settings.public_url}/github/connect" if settings.github_client_secret else "",
        entry_url=browsing.entry_url,
        secrets_in_slack=settings.secrets_in_slack,
        menu=menu,
        public_url=settings.public_url,
    )


@dataclass(frozen=True, slots=True)
class _Steps:
    """The workflows that are nudged from outside too."""

    publishers: Publishers
    shipping: Releases
    confirming: Confirming


def _steps(parts: _Parts) -> _Steps:
    web_url, forge = parts.settings.github_web_url, parts.forge
    shared = forging.is_shared(parts.settings, parts.lines)
    hands = Hands(
        parts.database,
        parts.index,
        forge,
        parts.people,
        parts.clock,
        parts.base,
        parts.owner,
        web_url,
        forge,
        shared,
    )
    publishers = Publishers(parts.database, parts.index, parts.clock, parts.base, parts.owner)
    return _Steps(publishers, Releases(hands), Confirming(hands, publishers, forge))


def _works(
    parts: _Parts, steps: _Steps, menu: Menu | None, restored: Restoration | None = None
) -> list[Work]:
    """Return every lane."""
    settings, database, index, forge = parts.settings, parts.database, parts.index, parts.forge
    hands, names = steps.shipping.hands, tuple(settings.indexes)
    reach = Reach(database, forge) if hands.shared else None
    setups = Setups(database, index, forge, parts.people, parts.clock, reach)
    tending = _tending(setups, parts.owner, settings.health_hours)
    filling = Filling(
        database, index, Picking(forge), parts.people, settings.github_web_url, menu is not None, reach=reach
    )
    wishes = Intents(
        database, steps.publishers, hands, names, parts.clock, setups, tending, settings.secrets_in_slack, filling
    )  # fmt: skip
    notifier = parts.sides.notifier(parts.clients, _inlet(parts))
    messages = Outbox(database, notifier, parts.clock, parts.driver.paces, parts.owner, restored=restored)
    beside = (Thanking(hands, forge), steps.confirming)
    scout = Scouting(forging.forge_catalog(settings, parts.lines), Picking(forge), forge, settings.indexes)
    feeding = Feeding(database, index, parts.clock, parts.base, parts.owner)
    works = [
        *lanes.works(wishes, steps.publishers, steps.shipping, beside, messages, names),
        lanes.credentials(Credentials(database, index, parts.clock)),
        lanes.changes(Changing(database, parts.clock)),
        lanes.exports(
            Exporting(database, SlackFiles(parts.clients.client_for, parts.session), parts.clock, parts.owner)
        ),
        lanes.imports(Importing(database, index, scout, parts.clock, parts.owner), settings.indexes),
        *lanes.feeds(feeding, settings.indexes),
        *parts.sides.lanes(parts.clients),
    ]
    there = status_url(parts.settings.public_url) if parts.settings.slack_client_secret else ""
    client_for = parts.clients.client_for
    return lanes.with_homes(
        works,
        Homes(
            hands,
            SlackScreen(client_for),
            parts.driver.paces,
            there,
            parts.people.lacking,
            parts.sides.added_at(parts.clients),
        ),
        Steps(hands, SlackCompleter(client_for)),
    )


def _pages(parts: _Parts, browsing: Browsing, nudge: Callable[[str], None]) -> list[Route]:
    """Return the pages that people see in the browser."""
    settings, transport = parts.settings, parts.transport
    # What is made there lies in a file of one machine, and the one-time address in one process.
    making = None if engines.together(settings) else forging.app_pages(settings, transport, parts.clock)
    if making is not None:
        log.info(
            "no GitHub App yet: whoever opens this address within an hour can make one", at=making.address
        )
    signing_in = making.routes() if making else browsing.signing_in(forging.sign_in(settings, transport))
    installing = parts.sides.install_pages(parts.clients, nudge)
    status = browsing.visiting(transport.send, parts.people, parts.clients, parts.people.workspace)
    return [*installing, *signing_in, *browsing.entering(), *browsing.granting(), *status]


async def _database(
    settings: Settings,
    clock: Callable[[], datetime],
    stack: AsyncExitStack,
    again: Callable[[], Settings] | None,
) -> Database:
    database = Database(settings.database_url)
    await database.open()
    stack.push_async_callback(database.close)
    await database.lock_engine(together=engines.together(settings))
    if database.is_sqlite and (await database.revision() or "") < HEAD:
        await asyncio.to_thread(migrations.upgrade, settings.database_url)
    log.info("database", state=await database.check())
    async with database.reading() as session:
        in_use = await keys.any_wrapped(session)
    ring = keyfile.key_ring(settings, keys_in_use=in_use, make=True, again=partial(_master_keys, again))
    database.vault = Vault(ring)
    async with database.reading() as session:
        log.info("master keys", state=await keys.check(session))
    await engines.begin(settings, database, clock)
    return database


def _master_keys(again: Callable[[], Settings] | None) -> Sequence[Secret]:
    """Return the master keys as they are configured now; none where the settings can't be read at the moment."""
    try:
        return again().master_keys if again else ()
    except SettingsError as error:
        log.warning("settings could not be read again", problems=error.cause)
        return ()


def _tending(setups: Setups, owner: UUID, hours: float) -> Tending | None:
    return Tending(setups, owner, timedelta(hours=hours)) if hours else None


async def _tidy(database: Database, clock: Callable[[], datetime]) -> None:
    async with database.transaction() as session:
        await inbox.prune(session, clock() - KEEP_INBOX)
        await outbox.prune(session, clock() - KEEP_ANSWERS)
        await homes.prune(session, clock() - KEEP_HOMES)
        await paces.prune(session, clock() - KEEP_PACES)
        await steps.prune(session, clock() - KEEP_HOMES)
        await exports.prune(session, clock() - KEEP_ENDED)
        await policy_changes.prune(session, clock() - KEEP_ENDED)
        await troubles.prune(session, clock() - KEEP_ENDED)
    await teaming.sweep(database, clock())


async def _ready(database: Database, engine: Engine) -> Mapping[str, str]:
    try:
        await database.check()
        state = "ok"
    except NewerSchema:
        # While a newer version takes over, this one goes on: a migration never takes away what the version before it uses.
        state = "ok"
    except StorageError as error:
        state = error.cause
    return {"database": state, "engine": engine.state}
