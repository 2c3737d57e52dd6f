"""`shipbell db backup` and `shipbell db restored`: a copy while the bot runs, and what a database that was put back must know.

Knows: how to open the database, files, their modes. Must not know: flags, exit codes, what is done about releases.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bot.errors import ShipbellError
from bot.opening import opened
from bot.settings import Settings
from storage.database import Database
from storage.ledger import restoring

Now = Callable[[], datetime]


class NoBackup(ShipbellError):
    """No backup can be made so."""


async def backup(settings: Settings, target: Path, now: Now) -> int:
    """Write a copy of the embedded database that is ready to be put in its place; returns its size in bytes.

    The bot may run. The file is there whole or not at all, and readable by its owner alone.
    """
    async with opened(settings) as database:
        source = database.path
    if source is None:
        raise NoBackup(
            "Only the embedded database is copied by this command.",
            "For PostgreSQL use pg_dump or your provider's backups: docs/operations.md.",
        )
    draft = target.with_name(f".{target.name}.part")
    try:
        await asyncio.to_thread(_copy, source, draft, target)
        await _prepared(draft, now)
        return await asyncio.to_thread(_given, draft, target)
    except (OSError, sqlite3.Error) as error:
        raise NoBackup(
            f"{target} can't be written: {error}.", "Name a new file in a folder that has room."
        ) from error
    finally:
        await asyncio.to_thread(_gone, draft)


async def restored(settings: Settings, now: Now) -> datetime:
    """Tell a database that it was put back; returns how far it knows. StorageError where a bot runs on it."""
    async with opened(settings) as database:
        await database.lock_engine()
        async with database.transaction() as session:
            return await restoring.prepare(session, now())


def _copy(source: Path, draft: Path, target: Path) -> None:
    if target.exists():
        raise FileExistsError("it exists already")
    _gone(draft)  # what a killed one has left
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, isolation_level=None)) as connection:
        # One reading transaction: what is committed meanwhile is in the next backup (sqlite.org/lang_vacuum.html).
        connection.execute("VACUUM INTO ?", (str(draft),))
    with closing(sqlite3.connect(draft)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is not sound: {found}")


async def _prepared(draft: Path, now: Now) -> None:
    copy = Database(f"sqlite+aiosqlite:///{draft}", pool=1)
    await copy.open()
    try:
        await copy.check()
        async with copy.transaction() as session:
            await restoring.prepare(session, now())
    finally:
        await copy.close()


def _given(draft: Path, target: Path) -> int:
    _sync(draft)
    os.link(draft, target)  # unlike a rename it never replaces one that is there
    _sync(target.parent)
    return target.stat().st_size


def _gone(draft: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
