"""Engines, transactions, and who may drive the database.

Knows: SQLAlchemy's engines, SQLite's and PostgreSQL's manners. Must not know: queries.

SQLite: one writer connection whose transactions begin IMMEDIATE (a deferred one that upgrades from read to
write claims the same row twice, silently) and a few readers; WAL, foreign keys, and every commit synced, since
an acked intent must survive a power cut (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from storage.crypto import Vault
from storage.questions import Question, Questions
from storage.records import AlreadyRunning, NewerSchema, SchemaMissing, StorageError
from storage.turns import Turns

T = TypeVar("T")
HEAD = "0027"
"""The newest migration; a test compares it with the scripts. Read here so that a start needs no Alembic."""

_BUSY_MILLISECONDS = 5_000
_IDLE_SECONDS = 15
"""After so long without a word in the midst of a transaction the server ends it: whoever began it is dead or cut off, and its locks are
in the way of all. No transaction here waits for the network."""
_OPTIONS = f"-c idle_in_transaction_session_timeout={_IDLE_SECONDS}s"
"""What each connection asks of the server."""
_IDLE_TOO_LONG = "25P03"
_TOO_MUCH = ("54", "57014")
"""Of these kinds are a statement's own faults: it is too big, or was cancelled for its length. It will not be better later."""
_COMMITTED = "committed"
_ENGINE_LOCK = 0x5348_4950_4245_4C4C  # "SHIPBELL": one number for all, since advisory locks are per database
_WORKS_ALREADY = (
    "Another Shipbell process already works on this database.",
    "Stop it first; the embedded engine is for one process. Several at once: SHIPBELL_ENGINE=postgres for all of them.",
)
_ALONE_ELSEWHERE = (
    "A Shipbell process with the embedded engine works on this database, and it must be alone.",
    "Stop it first; then start all of them with SHIPBELL_ENGINE=postgres.",
)


class Database:
    """One open database. `transaction()` for what writes, `reading()` for what only reads."""

    def __init__(self, url: str, vault: Vault | None = None, *, pool: int = 10) -> None:
        self.url = make_url(url)
        self.vault = vault
        self._pool = pool
        self._writer: AsyncEngine | None = None
        self._reader: AsyncEngine | None = None
        self._lock: AsyncConnection | int | None = None
        self._turns = Turns()
        self._questions = Questions(self.reading)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database; None in memory and on PostgreSQL."""
        name = self.url.database or ""
        return Path(name) if self.is_sqlite and name not in {"", ":memory:"} else None

    async def open(self) -> None:
        """Make the engines; nothing is asked of the database yet."""
        if self.is_sqlite:
            if self.path:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                # Only its owner reads the file; SQLite gives its journals the same mode.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._writer = create_async_engine(self.url, pool_size=1, max_overflow=0, hide_parameters=True)
            self._reader = create_async_engine(self.url, pool_size=4, max_overflow=0, hide_parameters=True)
            _sqlite_manners(self._writer.sync_engine, begin="BEGIN IMMEDIATE", readonly=False)
            _sqlite_manners(self._reader.sync_engine, begin="BEGIN", readonly=True)
        else:
            # pre_ping: after the server restarts, a stale connection costs a ping, not a lost command.
            self._writer = create_async_engine(
                self.url,
                pool_size=self._pool,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=_server_manners(self.url),
            )
            self._reader = self._writer

    async def close(self) -> None:
        """Give back the engine lock and every connection."""
        await self._questions.close()
        if isinstance(self._lock, int):
            os.close(self._lock)
        elif self._lock is not None:
            # Freed by word: the server takes a moment to notice that a connection has ended.
            with suppress(DBAPIError):  # the server is away, and the lock with it
                await self._lock.execute(text("SELECT pg_advisory_unlock_all()"))
            await self._lock.close()
        self._lock = None
        for engine in {self._writer, self._reader} - {None}:
            if engine is not None:
                await engine.dispose()
        self._writer = self._reader = None

    @asynccontextmanager
    async def transaction(self, *, urgent: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a writing transaction: committed at the end, rolled back if anything is raised.

        SQLite has one writer at a time; an `urgent` one (somebody waits for an ack) goes before all that wait.
        """
        turn = self._turns.take(urgent=urgent) if self.is_sqlite else nullcontext()
        async with turn, self._session(self._writer) as session:
            async with session.begin():
                yield session
            for call in session.info.pop(_COMMITTED, ()):
                call()

    @asynccontextmanager
    async def reading(self, *, steady: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a transaction that only reads; it never waits for writers.

        A `steady` one sees the database as it was at its first question, however many follow; SQLite's always do.
        """
        async with self._session(self._reader) as session:
            if steady and not self.is_sqlite:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    async def ask(self, question: Question[T], now: datetime) -> T:
        """Return the one value of a question; whatever is asked in the same moment goes to the database with it."""
        return await self._questions.ask(question, now)

    def _session(self, engine: AsyncEngine | None) -> AsyncSession:
        if engine is None:
            raise StorageError("The database is not open.")
        return AsyncSession(engine, expire_on_commit=False, info={"vault": self.vault})

    async def revision(self) -> str | None:
        """Return the schema's version, None for an empty database; StorageError where it can't be asked."""
        try:
            async with self.reading() as session:
                return (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        except DBAPIError as error:
            if _no_such_table(error):
                return None
            raise StorageError(
                f"The database does not answer: {_cause(error)}",
                "Is SHIPBELL_DATABASE_URL right, and is the server up?",
            ) from error

    async def check(self) -> str:
        """Return a line that says which database this is and that its schema fits; StorageError else."""
        revision = await self.revision()
        if revision is None or revision < HEAD:
            found = "empty" if revision is None else f"at schema {revision}"
            raise SchemaMissing(
                f"The database is {found}, and this version needs {HEAD}.", "Run `shipbell db upgrade`."
            )
        if revision > HEAD:
            raise NewerSchema(
                f"The database is at schema {revision}, made by a newer version; this one knows {HEAD}.",
                "Run the newer version again, or restore a backup.",
            )
        return f"{self.url.get_backend_name()} at schema {revision}"

    @property
    def conninfo(self) -> str:
        """The server's address in libpq's words, for what has connections of its own, and our manners; it holds the password."""
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - with a file nobody needs it

        address = self.url.set(drivername="postgresql").difference_update_query(["options"])
        return make_conninfo(address.render_as_string(hide_password=False), **_server_manners(self.url))

    async def lock_engine(self, *, together: bool = False) -> None:
        """Make sure that this process alone drives the database, or `together` with its like; AlreadyRunning else.

        Freed by the process's death.
        """
        held = await self._lock_file() if self.path else await self._lock_advisory(together=together)
        if not held:
            raise AlreadyRunning(*_ALONE_ELSEWHERE if together else _WORKS_ALREADY)

    async def still_locked(self, *, together: bool = False) -> None:
        """Take the lock anew where its connection has ended, as with the server; AlreadyRunning where others came first."""
        if not isinstance(self._lock, AsyncConnection):
            return
        try:
            await self._lock.scalar(text("SELECT 1"))
        except DBAPIError:
            lost, self._lock = self._lock, None
            await lost.invalidate()
            await lost.close()
            await self.lock_engine(together=together)

    async def _lock_file(self) -> bool:
        assert self.path is not None
        handle = os.open(
            self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    async def _lock_advisory(self, *, together: bool) -> bool:
        if self.is_sqlite or self._writer is None:  # in memory: nobody else can see it
            return True
        connection = await self._writer.connect()
        # A session lock outlives transactions and ends with the connection (PostgreSQL 13.3.5, advisory locks).
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        try_it = "pg_try_advisory_lock_shared" if together else "pg_try_advisory_lock"
        held = bool(await connection.scalar(text(f"SELECT {try_it}(:key)"), {"key": _ENGINE_LOCK}))
        if held:
            self._lock = connection
        else:
            await connection.close()
        return held


def once_committed(session: AsyncSession, call: Callable[[], None]) -> None:
    """Do this once the transaction is committed, in this process alone: for figures, never for work."""
    session.info.setdefault(_COMMITTED, []).append(call)


def _server_manners(url: URL) -> dict[str, Any]:
    """Return how a server is connected to; what the URL itself says goes first."""
    said = url.query.get("options", "")
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": 5}
    return {**patience, "options": " ".join((_OPTIONS, *((said,) if isinstance(said, str) else said)))}


def _sqlite_manners(engine: Engine, *, begin: str, readonly: bool) -> None:
    def connect(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: we say how (docs.sqlalchemy.org, SQLite, "Serializable isolation").
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA query_only = {'ON' if readonly else 'OFF'}")
        cursor.close()

    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", start)


def is_away(error: BaseException) -> bool:
    """Whether the database could not be asked, or did not answer: not there, cut off, full, locked for too long."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    if state.startswith(_TOO_MUCH):
        return False
    return state == _IDLE_TOO_LONG or isinstance(error, OperationalError | InterfaceError | PoolTimeout)


def _no_such_table(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "42P01" or (
        isinstance(error, OperationalError) and "no such table" in str(error.orig)
    )


def _cause(error: DBAPIError) -> str:
    """Return the driver's first line; the statement and its parameters stay out."""
    return (str(error.orig).splitlines() or ["no reason given"])[0][:200]
