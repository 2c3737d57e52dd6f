"""The schema's history, and the one call that brings a database up to date.

Knows: Alembic, tables. Must not know: bot.
"""

from pathlib import Path

from sqlalchemy import URL, create_engine, make_url
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
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    engine = create_engine(url, hide_parameters=True)
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
