"""The database, opened for a command: looked at, never made by that.

Knows: how to open and check it. Must not know: what it is opened for.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.settings import Settings
from storage.database import Database
from storage.records import StorageError


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database with the schema of this version; StorageError where it is not there or does not fit."""
    database = Database(settings.database_url, pool=1)
    if database.path is not None and not database.path.exists():
        raise StorageError("There is no database yet.", "The first start makes it, or `shipbell db upgrade`.")
    await database.open()
    try:
        await database.check()
        yield database
    finally:
        await database.close()
