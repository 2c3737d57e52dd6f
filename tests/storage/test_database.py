"""The database: its schema and history, who may drive it, and whose turn it is to write."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager
from psycopg import errors
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage import migrations
from storage.database import HEAD, Database, is_away
from storage.ledger import inbox, publishers, teams
from storage.ledger.inbox import NewIntent
from storage.records import AlreadyRunning, NewerSchema, Registration, SchemaMissing, StorageError
from storage.tables import Base
from storage.turns import Turns

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WANTED = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")


def test_the_code_knows_the_newest_migration() -> None:
    """The version that the code waits for is the scripts' newest."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_the_tables(database_url: str) -> None:
    """After all migrations the database is what the tables say, and running them again changes nothing."""
    migrations.upgrade(database_url)
    url = make_url(database_url)
    driver = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql+psycopg"
    engine = create_engine(url.set(drivername=driver))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _ours})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not (name or "").startswith("procrastinate_")


def test_the_queue_has_the_schema_of_its_library() -> None:
    """What the migration makes for the queue is what the installed version of it wants; else a migration is due."""
    kept = Path(migrations.__file__).with_name("procrastinate.sql").read_text(encoding="utf-8")
    assert kept.partition("\n\n")[2] == SchemaManager.get_schema()


async def test_a_second_process_is_refused(database_url: str, database: Database) -> None:
    """Two embedded engines can't drive one database; the first one's end frees it."""
    second = Database(database_url)
    await second.open()
    await database.lock_engine()
    with pytest.raises(AlreadyRunning):
        await second.lock_engine()
    await database.close()
    await second.lock_engine()
    await second.close()


async def test_an_empty_and_a_newer_database_are_told_apart(tmp_path: Path, database_url: str) -> None:
    """An empty database asks for the upgrade, one of a newer version is left alone."""
    empty = Database(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    await empty.open()
    with pytest.raises(SchemaMissing, match="shipbell db upgrade"):
        await empty.check()
    await empty.close()
    newer = Database(database_url)
    await newer.open()
    async with newer.transaction() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerSchema):
        await newer.check()
    await newer.close()


@pytest.mark.parametrize("upgraded_first", [False, True])
async def test_files_are_the_owners_alone(tmp_path: Path, *, upgraded_first: bool) -> None:
    """Nobody else on the machine can read the embedded database, whichever command made it."""
    folder = tmp_path / "data"
    if upgraded_first:
        migrations.upgrade(f"sqlite:///{folder}/shipbell.db")
    database = Database(f"sqlite+aiosqlite:///{folder}/shipbell.db")
    await database.open()
    await database.lock_engine()
    migrations.upgrade(f"sqlite:///{folder}/shipbell.db")
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE x (y)"))
    assert {file.stat().st_mode & 0o777 for file in [folder]} == {0o700}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    await database.close()


async def test_times_are_utc(database: Database) -> None:
    """A time comes back as the same moment, aware, in UTC; a naive one is refused."""
    noon_elsewhere = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=-5)))
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", noon_elsewhere)
        publisher, _ = await publishers.request(session, team.id, WANTED, ("U1", "C1"), noon_elsewhere)
    async with database.reading() as session:
        found = await publishers.get(session, team.id, publisher.id)
        assert found is not None
        assert (found.requested_at, found.requested_at.tzinfo) == (noon_elsewhere, UTC)
        with pytest.raises(Exception, match="naive"):
            await publishers.claim(session, "pypi", uuid4(), (datetime(2026, 1, 1), datetime(2026, 1, 2)), 1)  # noqa: DTZ001 - the point


async def test_a_project_of_another_team_cannot_be_pointed_to(database: Database) -> None:
    """The database itself refuses a publisher whose project is another team's."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        other = await teams.ensure(session, "T2", "", NOW)
        await publishers.request(session, team.id, WANTED, ("U1", "C1"), NOW)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text("UPDATE publishers SET team_id = :team"), {"team": other.id.hex})


async def test_many_claimants_share_without_overlap(database_url: str, database: Database) -> None:
    """Two claimants at the same time get every intent exactly once between them."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        for number in range(100):
            new = NewIntent("publisher.list", f"U{number}", "C1", {})
            await inbox.put(session, team.id, str(number), new, NOW)
    second = Database(database_url, database.vault)
    await second.open()

    async def take(source: Database) -> list[str]:
        mine: list[str] = []
        while True:
            async with source.transaction() as session:
                items = await inbox.claim(session, NOW, timedelta(minutes=1), 3)
            if not items:
                return mine
            mine += [str(item.id) for item in items]

    found = await asyncio.gather(take(database), take(second), take(database))
    taken = [one for part in found for one in part]
    assert (len(taken), len(set(taken))) == (100, 100)
    await second.close()


async def test_the_urgent_go_first() -> None:
    """Whoever is in a hurry gets the next turn; the others keep their order, and a cancelled one holds nobody up."""
    turns, order = Turns(), list[str]()

    async def take(name: str, *, urgent: bool = False) -> None:
        async with turns.take(urgent=urgent):
            order.append(name)

    async with turns.take(urgent=False):
        waiting = [asyncio.create_task(take(name)) for name in ("a", "b", "c")]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(take("hurry", urgent=True)))
        await asyncio.sleep(0)
        waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == ["hurry", "a", "c"]
    await take("free again")
    assert order[-1] == "free again"


async def test_upgrading_from_two_sides_at_once(database_url: str) -> None:
    """Two processes that start together both find the schema in place at the end."""
    await asyncio.gather(*(asyncio.to_thread(migrations.upgrade, database_url) for _ in range(3)))
    database = Database(database_url)
    await database.open()
    assert HEAD in await database.check()
    await database.close()


async def test_an_empty_database_upgraded_from_two_sides(tmp_path: Path) -> None:
    """Also where there is nothing yet, only one of them makes the tables, and none fails."""
    url = f"sqlite+aiosqlite:///{tmp_path}/new.db"
    await asyncio.gather(*(asyncio.to_thread(migrations.upgrade, url) for _ in range(2)))
    database = Database(url)
    await database.open()
    assert HEAD in await database.check()
    await database.close()


def test_an_upgrade_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """An upgrade that ends in the middle leaves the database as it was, so that the next one can do all of it."""
    path = tmp_path / "cut.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE outbox (x)")  # in the way of one of the last tables
    with pytest.raises(StorageError, match="outbox"):
        migrations.upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("outbox",)]
        connection.execute("DROP TABLE outbox")
    migrations.upgrade(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("state", "away"),
    [("08006", True), ("57P01", True), ("25P03", True), ("53300", True), ("54000", False), ("54001", False), ("57014", False)],
)  # fmt: skip
def test_what_is_the_statements_own_fault_is_not_the_databases(state: str, away: bool) -> None:
    """A server that is gone, stopped or full is away; a statement that is too big, or ran for too long, will not be better later."""
    error = DBAPIError.instance("SELECT 1", {}, errors.lookup(state)(), psycopg.Error)
    assert is_away(error) == away


@pytest.mark.parametrize(("query", "seconds"), [("", "5"), ("?connect_timeout=30", "30")])
def test_an_address_of_its_own_has_our_manners(query: str, seconds: str) -> None:
    """What connects by itself waits no longer than the rest, and as long as the URL says where it says so."""
    found = Database(f"postgresql+psycopg://me:word@db.example/bell{query}").conninfo
    assert f"connect_timeout={seconds}" in found
    assert "idle_in_transaction_session_timeout=15s" in found
