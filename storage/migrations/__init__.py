"""The schema's history, and the one call that brings a database up to date.

Knows: Alembic, tables. Must not know: bot.
"""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from storage.records import StorageError


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to `revision`. Blocking; safe to run again, and from two processes at once.

    Raises StorageError where the database can't be reached or refuses.
    """
    # Alembic is half a second to import, and most starts find the schema already in place.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    url = _blocking(make_url(database_url))
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        path = Path(str(url.database))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # For its owner alone from the start, whichever command comes first (also `storage/database.py`).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _whole_or_not_at_all(engine)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Two replicas that start together: the second waits, then finds nothing to do.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5208210018)")
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except DBAPIError as error:
        first = (str(error.orig).splitlines() or ["no reason given"])[0][:200]
        raise StorageError(
            f"The database could not be upgraded: {first}",
            "Is SHIPBELL_DATABASE_URL right, and may its user make tables?",
        ) from error
    finally:
        engine.dispose()


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
