"""A schema is changed while the bot works on it: whoever works waits for nothing, and whatever dies is done again."""

import ast
import asyncio
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from bot.core import intents
from storage import migrations
from storage.crypto import Vault
from storage.database import HEAD, Database
from storage.records import StorageError
from tests.conftest import _sqlalchemy
from tests.releases.kit import ALICE, World
from tests.storage import big

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST = """
    from storage.migrations import gently

    revision, down_revision = "9997", "{head}"

    def upgrade() -> None:
        gently.create_index("ix_inbox_test", "inbox", ["actor"], "state = 'done'")
"""
SECOND = """
    from alembic import op
    import sqlalchemy as sa
    from storage.migrations import gently

    revision, down_revision = "9998", "9997"

    def upgrade() -> None:
        with op.batch_alter_table("inbox") as batch:
            batch.add_column(sa.Column("mood", sa.String(20), server_default="", nullable=False))
            batch.add_column(sa.Column("weight", sa.Integer(), nullable=True))
        gently.fill("inbox", "id", "weight = 1", "weight IS NULL", at_once=2)
        gently.create_check("ck_inbox_mood", "inbox", "mood <> 'bad'")
"""
BROKEN = """
    from storage.migrations import gently

    revision, down_revision = "9999", "9998"

    def upgrade() -> None:
        gently.create_index("ix_inbox_broken", "inbox", ["kind"], unique=True)
"""


def scripts(folder: Path, *texts: str) -> Path:
    """Write migrations of a later version into a folder."""
    for number, script in enumerate(texts):
        (folder / f"{9997 + number}_later.py").write_text(textwrap.dedent(script).replace("{head}", HEAD))
    return folder


@pytest.fixture
def url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database with the newest schema."""
    name = f"gently_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY file_copy")
    yield _sqlalchemy(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def opened(url: str, vault: Vault) -> AsyncIterator[World]:
    """Give a world on the database."""
    database = Database(url, vault)
    await database.open()
    yield World(database)
    await database.close()


async def waiting_for(url: str, what: str) -> None:
    """Wait until a statement that holds this waits for a lock."""
    async with await psycopg.AsyncConnection.connect(big.plain(url), autocommit=True) as looking:
        found = None
        while not found:
            asked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
            found = await (await looking.execute(asked, (f"%{what}%",))).fetchone()


async def test_commands_go_on_while_a_change_waits_for_its_table(
    url: str, vault: Vault, tmp_path: Path
) -> None:
    """Somebody works on a table that a migration wants to change: commands go on, and the change is made after that."""
    folder = scripts(tmp_path, FIRST, SECOND)
    async with opened(url, vault) as world:
        await world.project("widgets")
        for revision, change in (("9997", "INDEX CONCURRENTLY"), ("9998", "ADD COLUMN")):
            async with await psycopg.AsyncConnection.connect(big.plain(url)) as other:
                await other.execute("DELETE FROM inbox WHERE false")  # and its transaction stays open
                upgrading = asyncio.create_task(
                    asyncio.to_thread(migrations.upgrade, url, revision, more=[folder])
                )
                await waiting_for(url, change)
                # Without an end to its wait the change would hold this up for as long as the other works.
                assert await world.deliver(ALICE, intents.ListPublishers())
                await world.work()
                assert not upgrading.done()
            await upgrading
        # What the older version knows nothing of is not in its way.
        assert await world.deliver(ALICE, intents.ListPublishers())
        await world.work()
        assert len(world.slack.whispers) == 3
    with psycopg.connect(big.plain(url)) as connection:
        assert connection.execute("SELECT count(*), count(weight) FROM inbox").fetchone() == (3, 2)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9998",)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE inbox SET mood = 'bad'")


async def test_an_index_that_was_not_finished_is_made_anew(url: str, vault: Vault, tmp_path: Path) -> None:
    """What a failed or killed try has left behind is no index, and does not stand in the way of the next try."""
    folder = scripts(tmp_path, FIRST, SECOND, BROKEN)
    async with opened(url, vault) as world:
        await world.project("widgets")
        for _ in range(2):
            await world.deliver(ALICE, intents.ListPublishers())
    for _ in range(2):
        with pytest.raises(StorageError, match="ix_inbox_broken"):
            migrations.upgrade(url, "9999", more=[folder])
    with psycopg.connect(big.plain(url)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9998",)
        assert connection.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid").fetchone() == (1,)
        connection.execute("DELETE FROM inbox WHERE dedupe_key = 'd1'")
    migrations.upgrade(url, "9999", more=[folder])
    with psycopg.connect(big.plain(url)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid").fetchone() == (0,)


async def test_two_upgrades_at_once_are_one(url: str, tmp_path: Path) -> None:
    """Of two processes that upgrade at the same time the second finds nothing to do."""
    folder = scripts(tmp_path, FIRST, SECOND)
    both = (asyncio.to_thread(migrations.upgrade, url, "9998", more=[folder]) for _ in range(2))
    await asyncio.gather(*both)
    with psycopg.connect(big.plain(url)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9998",)]


def test_the_same_migrations_run_on_sqlite(tmp_path: Path) -> None:
    """What is done gently on PostgreSQL is done on SQLite too, which nobody else works on."""
    folder = tmp_path / "later"
    folder.mkdir()
    migrations.upgrade(f"sqlite:///{tmp_path}/x.db", "9998", more=[scripts(folder, FIRST, SECOND)])


VERSIONS = Path(migrations.__file__).parent / "versions"
BEFORE = "0015"
"""The first migration that the rule holds for."""
HARD = {
    "create_index": "gently.create_index", "create_check_constraint": "gently.create_check",
    "create_unique_constraint": "gently.create_index(unique=True)", "create_foreign_key": "no key on a table that is there",
    "alter_column": "a new column", "drop_column": "the next release", "drop_table": "the next release",
    "rename_table": "a new table", "drop_constraint": "the next release",
}  # fmt: skip
"""What holds others up, or takes away what an older version needs -> what to do instead."""


@pytest.mark.parametrize("script", sorted(VERSIONS.glob("0*.py")), ids=lambda script: script.name)
def test_a_migration_holds_nobody_up(script: Path) -> None:
    """A table that is there before is changed gently, and nothing is taken away that an older version needs."""
    if script.name < BEFORE:
        return
    made, changed = set[str](), set[str]()
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
        if node.func.attr == "create_table":
            made.add(str(first))
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        for table, call in _calls(node):
            assert table in made or call not in HARD, f"{call} on {table}: use {HARD[call]}"
            changed |= {table} - made if call in {*HARD, "batch_alter_table", "add_column"} else set()
    assert len(changed) <= 1, (
        "several tables: use gently.add_column, or two and a command wait for each other"
    )


def _calls(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Give (table, call) of what is done to a table: `with op.batch_alter_table(T) as b: b.CALL(...)`, `op.CALL(_, T)`."""
    if isinstance(node, ast.With) and isinstance(node.items[0].context_expr, ast.Call):
        opening = node.items[0].context_expr
        if isinstance(opening.func, ast.Attribute) and opening.func.attr == "batch_alter_table":
            table = opening.args[0].value if isinstance(opening.args[0], ast.Constant) else "?"
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                    yield str(table), inner.func.attr
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "op"
        and node.func.attr in HARD
    ):
        named = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
        yield str(named[-1] if named else "?"), node.func.attr
