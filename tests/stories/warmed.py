"""What a forked bot need not do again: every import, and the compiling of what most stories ask of a database, SQLite or PostgreSQL.

Importing this plays a release in the process that bots are forked from, on fakes and an SQLite of its own, of which nothing is left but
SQLAlchemy's compiled statements. The bots that a story starts as programs (`bot.demo.world.program`) compile all of it themselves.
"""

import asyncio
import gc
import logging
import os
import tempfile
from contextlib import AsyncExitStack, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from bot import app, measuring, settings
from bot.core import intents
from bot.figures import figures
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.migrations import upgrade
from storage.records import Registration, ReleaseState, Secret, StartBy
from tests.compiled import CompiledOnce
from tests.conftest import in_memory
from tests.releases.kit import ALICE, BOB, World

WIDGETS = Registration("pypi", "gears", "acme", "gears", "release.yml", "pypi")


class ForBoth(CompiledOnce):
    """Compiles for PostgreSQL too what is compiled for SQLite."""

    def __init__(self) -> None:
        super().__init__()
        self.both = True
        self._ahead = create_async_engine("postgresql+psycopg://nowhere").sync_engine.dialect

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(key, compiled)
        dialect, _, columns, _, many = key
        if self.both and dialect is not self._ahead and compiled.statement is not None:
            with suppress(SQLAlchemyError, AttributeError):  # what is SQLite's own
                compiled.statement._compile_w_cache(
                    self._ahead, compiled_cache=self, column_keys=list(columns), for_executemany=many
                )


async def _play(url: str, master: str) -> None:
    database = Database(url, Vault(KeyRing([Secret(master)])))
    await database.open()
    world = World(database)
    await world.project("widgets", StartBy.PUSH)
    for intent in (
        intents.AddPublisher(WIDGETS, "C1"), intents.ListPublishers(), intents.OpenHome(), intents.ShowReleases("widgets"),
        intents.AskRelease("widgets", "v1.0.0", ""),
    ):  # fmt: skip
        await world.deliver(ALICE, intent)
    await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, "widgets")
    asked = await world.newest("widgets")
    assert asked is not None
    await world.deliver(BOB, intents.Approve(str(asked.id), asked.round))
    await world.rest(lambda release: release.state is ReleaseState.PUBLISHED, "widgets")
    await database.close()


async def _look(url: str, master: str) -> None:
    """Let every lane of the real bot look once."""
    told = {
        "SHIPBELL_DATABASE_URL": url, "SHIPBELL_MASTER_KEYS": master, "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-1",
        "SHIPBELL_SLACK_SIGNING_SECRET": "s3cret", "SHIPBELL_GITHUB_TOKEN": "ghp_0",
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        parts = await app._parts(settings.load(told), stack, None, worker=False)
        works = app._works(parts, app._steps(parts), None)
        for work in works:
            await work.next_due()
            await work.claim(1)
        await asyncio.gather(*(work.next_due() for work in works))
        await app._tidy(parts.database, app.now)
        await figures(parts.database, app.now())


def _warm() -> None:
    compiled = ForBoth()
    event.listen(Engine, "engine_connect", compiled.share)
    logging.disable()
    with (
        tempfile.TemporaryDirectory(prefix="shipbell-warm-", dir=in_memory()) as folder,
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
    ):
        url, master = f"sqlite:///{folder}/shipbell.db", generate_master_key()
        upgrade(url)
        url = url.replace("sqlite", "sqlite+aiosqlite", 1)
        asyncio.run(_play(url, master))
        asyncio.run(_look(url, master))
    logging.disable(logging.NOTSET)
    compiled.both = False
    for meter in measuring._METERS.values():
        meter.clear()
    # Nobody collects what every child has from the start, which would copy it, too.
    gc.collect()
    gc.freeze()


_warm()
