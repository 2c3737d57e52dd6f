"""The schema's history, and the one call that brings a database up to date.

Knows: Alembic, tables. Must not know: bot.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from storage.records import StorageError

if TYPE_CHECKING:
    from alembic.config import Config


LOCK_MILLISECONDS = 500
"""How long a change may wait for a table that is in use: whoever comes after it waits as long, and Slack for three seconds.

Less than PostgreSQL's `deadlock_timeout` (a second): of two that wait for each other it is the change that gives way.
"""
PATIENCE = 600.0
"""Seconds for which a change that did not get its table is tried again."""
PAUSE = 1.0
_ONE_AT_A_TIME = 5208210018


def upgrade(database_url: str, revision: str = "head", *, more: Sequence[Path] = ()) -> None:
    """Bring the database to `revision`. Blocking; safe to run again, and from two processes at once.

    On PostgreSQL the bot may go on meanwhile: each migration is a transaction of its own that gives way to whoever
    works, and is tried again. `more` are folders with further migrations.

    Raises StorageError where the database can't be reached or refuses.
    """
    # Alembic is half a second to import, and most starts find the schema already in place.
    from alembic import command  # noqa: PLC0415

    url = _blocking(make_url(database_url))
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        path = Path(str(url.database))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # For its owner alone from the start, whichever command comes first (also `storage/database.py`).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    config = _config(more)
    run = partial(command.upgrade, config, revision)
    gently = url.get_backend_name() == "postgresql"
    options = {"options": f"-c lock_timeout={LOCK_MILLISECONDS}"} if gently else {}
    engine = create_engine(url, hide_parameters=True, connect_args=options)
    try:
        if gently:
            _one_by_one(engine, config, run)
        else:
            _whole_or_not_at_all(engine)
            with engine.begin() as connection:
                config.attributes["connection"] = connection
                run()
    except DBAPIError as error:
        first = (str(error.orig).splitlines() or ["no reason given"])[0][:200]
        raise StorageError(
            f"The database could not be upgraded: {first}",
            "Is SHIPBELL_DATABASE_URL right, and may its user make tables?",
        ) from error
    finally:
        engine.dispose()


def _config(more: Sequence[Path]) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    here = Path(__file__).parent
    config = Config()
    config.set_main_option("script_location", str(here))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, (here / "versions", *more))))
    return config


def _one_by_one(engine: Engine, config: "Config", run: Callable[[], None]) -> None:
    """Run the migrations, each in its own transaction, while others work on the database; one process at a time."""
    ends = time.monotonic() + PATIENCE
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as turn:
        # Asked for again and again: one that waits in the server would have a snapshot, for whose end
        # CREATE INDEX CONCURRENTLY waits, which waits for nobody but the one that it holds up (PostgreSQL 18, "CREATE INDEX").
        while not turn.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ONE_AT_A_TIME}):
            _wait(ends, None)
        while True:
            try:
                with engine.connect() as connection:
                    config.attributes["connection"] = connection
                    return run()
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != "55P03":
                    raise
                _wait(ends, error)


def _wait(ends: float, error: OperationalError | None) -> None:
    if time.monotonic() > ends:
        raise StorageError(
            f"The database was in use for {PATIENCE:g} s, and its tables could not be changed.",
            "Is another upgrade running, or a backup, or a transaction that somebody left open? Run it again after that.",
        ) from error
    time.sleep(PAUSE)


def _blocking(url: URL) -> URL:
    """Return the URL with a driver that blocks, since migrations run before anything else."""
    driver = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}[url.get_backend_name()]
    return url.set(drivername=driver)


def _whole_or_not_at_all(engine: Engine) -> None:
    """Let SQLite make all tables in one transaction, with no second process beside it.

    Its driver begins none for DDL, so that a process that dies in between would leave half a schema for ever
    (docs.sqlalchemy.org, SQLite, "Serializable isolation / Savepoints / Transactional DDL").
    """

    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
