"""Every schema that there ever was, filled with a bot's life half-way, upgraded: nothing is lost, and the bot goes on.

What today's code writes is put into the older schema as far as that has the tables and columns, so each new migration is
tried over filled tables by itself.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    delete,
    insert,
    make_url,
    select,
    text,
)

from bot.core import intents
from storage import migrations
from storage.crypto import Vault
from storage.database import HEAD, Database
from storage.ledger import audit
from storage.records import ReleaseState, StartBy
from tests.conftest import DATABASES, THOROUGH
from tests.releases.kit import ALICE, BOB, World

REVISIONS = [f"{number:04}" for number in range(1, int(HEAD) + 1)]
RELEASES = "0002"
"""The schema since which there are releases."""
LIVED_ON = [one for one in REVISIONS if one >= RELEASES] if THOROUGH else (RELEASES,)
"""From which the bot lives on, having come to today's at once."""
CONTENTS = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Place:
    """Where databases are made."""

    server: str
    folder: Path

    def url(self) -> str:
        """Return the URL of a new database, which is empty."""
        name = f"past_{uuid4().hex[:12]}"
        if not self.server:
            return f"sqlite+aiosqlite:///{self.folder}/{name}.db"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = make_url(self.server).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Return where databases are made, on SQLite and on PostgreSQL; those that were made go with the test."""
    server = "" if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    yield Place(server, tmp_path)
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE 'past!_%' ESCAPE '!'"
            )
            for (name,) in found.fetchall():
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def engine_of(url: str) -> Engine:
    """Return a blocking engine."""
    driver = "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
    return create_engine(make_url(url).set(drivername=driver))


def tables(connection: Connection) -> list[Table]:
    """Return the tables that there are, parents first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def contents(connection: Connection, there: Sequence[Table]) -> CONTENTS:
    """Return all rows of the tables that are there."""
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in there
    }


def fill(connection: Connection, there: Sequence[Table], rows: CONTENTS) -> CONTENTS:
    """Write as much of the rows as this schema has tables and columns for; returns that."""
    written: CONTENTS = {}
    for table in there:
        names = {column.name for column in table.columns}
        kept = [{name: row[name] for name in row.keys() & names} for row in rows.get(table.name, ())]
        if kept:
            connection.execute(insert(table), kept)
        written[table.name] = kept
        _count_on(connection, table)
    return written


def _count_on(connection: Connection, table: Table) -> None:
    """Let PostgreSQL's counters go on behind the rows that were written with their numbers."""
    counted = [one for one in table.columns if "nextval" in str(getattr(one.server_default, "arg", ""))]
    for column in counted if connection.dialect.name == "postgresql" else ():
        most = f"(SELECT coalesce(max({column.name}), 0) + 1 FROM {table.name})"
        serial = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
        connection.execute(text(f"SELECT setval({serial}, {most}, false)"))


def shown(rows: CONTENTS, like: CONTENTS) -> dict[str, list[str]]:
    """Return rows in the columns and tables of others, comparable."""
    return {
        name: sorted(repr({key: row[key] for key in sorted(others[0])}) for row in rows[name])
        for name, others in like.items()
        if others
    }


async def half_way(world: World) -> None:
    """Let there be releases at every turn: asked for, approved and building, published, and one that is only wanted."""
    for name in ("asked", "building", "shipped"):
        await world.project(name, StartBy.PUSH)
        await world.deliver(ALICE, intents.AskRelease(name, "1.0.0", "", notes="First."))
        await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, name)
        await world.work()
    for name, state in (("shipped", ReleaseState.PUBLISHED), ("building", ReleaseState.BUILDING)):
        release = await world.newest(name)
        assert release is not None
        await world.deliver(BOB, intents.Approve(str(release.id), release.round))
        await world.rest(lambda found, state=state: found.state is state, name)  # type: ignore[misc]
    await world.project("wanted", StartBy.PUSH)
    await world.deliver(ALICE, intents.AskRelease("wanted", "1.0.0", "", notes="First."))


def on_another(world: World, database: Database) -> World:
    """Return a world whose outside is a copy of another one's as it is now, and whose bot uses this database."""
    outside = (world.clock, world.forge, world.index, world.slack, world.people)
    clock, forge, index, slack, people = copy.deepcopy(outside)
    found = World(database, clock=clock, forge=forge, slack=slack, people=people, deliveries=world.deliveries)
    found.index, found.forge.published = index, index.publish
    found.parts = replace(found.parts, index=index)
    found.team = world.team
    return found


async def goes_on(world: World) -> None:
    """Approve what waits, and let all come to its end."""
    await world.restart()
    await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, "wanted")
    for name in ("asked", "wanted"):
        release = await world.newest(name)
        assert release is not None
        await world.deliver(BOB, intents.Approve(str(release.id), release.round))
    await world.rest()
    for name in ("asked", "building", "shipped", "wanted"):
        release = await world.newest(name)
        assert release is not None
        assert release.state is ReleaseState.PUBLISHED, name
        assert len(world.slack.roots(str(release.id))) == 1
    assert world.slack.doubled() == []
    assert world.team is not None
    async with world.database.reading() as session:
        assert (await audit.verify(session, world.team.id)).broken == ()


def climbed(url: str, rows: CONTENTS) -> None:
    """Run each migration over the schema before it, with all in it that this can hold; what it held is there afterwards."""
    engine = engine_of(url)
    migrations.upgrade(url, REVISIONS[0])
    with engine.connect() as connection:
        there = tables(connection)
    for revision in REVISIONS[1:]:
        with engine.begin() as connection:
            for table in reversed(there):
                connection.execute(delete(table))
            before = fill(connection, there, rows)
        migrations.upgrade(url, revision)
        with engine.connect() as connection:
            there = tables(connection)
            after = contents(connection, there)
        assert shown(after, before) == shown(before, before), revision
    engine.dispose()


def left_and_upgraded(url: str, revision: str, rows: CONTENTS) -> None:
    """Fill one of the older schemas and bring it up at once."""
    migrations.upgrade(url, revision)
    engine = engine_of(url)
    with engine.begin() as connection:
        before = fill(connection, tables(connection), rows)
    migrations.upgrade(url)
    with engine.connect() as connection:
        after = contents(connection, tables(connection))
    engine.dispose()
    assert shown(after, before) == shown(before, before), revision


async def test_every_schema_is_upgraded_and_the_bot_goes_on(place: Place, vault: Vault) -> None:
    """Each migration keeps every value of a filled database; from older ones at once to today's, and releases end as they should."""
    source = place.url()
    migrations.upgrade(source)
    database = Database(source, vault)
    await database.open()
    world = World(database)
    await half_way(world)
    await database.close()
    engine = engine_of(source)
    with engine.connect() as connection:
        rows = contents(connection, tables(connection))
    engine.dispose()
    assert {"teams", "releases", "outbox", "inbox", "audit_events", "publishers"} <= {
        name for name, found in rows.items() if found
    }
    climbed(place.url(), rows)
    for revision in LIVED_ON:
        url = place.url()
        left_and_upgraded(url, revision, rows)
        again = Database(url, vault)
        await again.open()
        assert HEAD in await again.check()
        await goes_on(on_another(world, again))
        await again.close()
