"""What a database is asked, and how it would answer: each statement noted, and PostgreSQL's plan of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncSession

from storage.database import Database

EXPLAINED = ("SELECT", "UPDATE", "DELETE", "WITH")
BIG = frozenset(
    {
        "approvals", "audit_events", "evidence", "health", "inbox", "outbox", "projects", "publishers", "release_evidence",
        "releases", "watches",
    }
)  # fmt: skip
"""Tables that grow with projects and their releases."""
PAST = BIG - {"health", "projects", "publishers", "watches"}
"""Of them those that keep what is over; the others are as large as what is open."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement with its parameters."""

    statement: str
    parameters: Any


@contextmanager
def noted() -> Iterator[list[Asked]]:
    """Note every statement that is sent meanwhile, in whichever transaction."""
    asked: list[Asked] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append(Asked(statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def distinct(asked: list[Asked]) -> list[Asked]:
    """Return one of each statement that has a plan."""
    return list({one.statement: one for one in asked if one.statement.startswith(EXPLAINED)}.values())


async def check(database: Database, asked: list[Asked], least: int = 1, tables: frozenset[str] = BIG) -> None:
    """Fail where one of these statements, `least` different ones, reads a big table from end to end."""
    assert len(distinct(asked)) >= least
    wrong = await read_whole(database, asked, tables)
    if wrong:
        pytest.fail("\n".join(f"{tables}: {' '.join(statement.split())}" for tables, statement in wrong))


async def read_whole(database: Database, asked: list[Asked], tables: frozenset[str]) -> list[tuple[str, str]]:
    """Return the tables that the server would read from end to end, each with the statement; its ways are not changed."""
    wrong = []
    async with database.reading() as session:
        connection = await session.connection()
        for one in distinct(asked):
            found = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {one.statement}", one.parameters)
            read = set(_scanned(found.scalar_one())) & tables
            wrong += [(" and ".join(sorted(read)), one.statement)] if read else []
    return wrong


async def rows_read(session: AsyncSession, asked: Asked) -> int:
    """Return how many rows of big tables, and of their indexes, the server reads as it carries this out once more."""
    connection = await session.connection()
    found = await connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {asked.statement}", asked.parameters
    )
    (told,) = found.scalar_one()
    return _rows(told["Plan"])


def _rows(plan: Any) -> int:
    below = sum(_rows(part) for part in plan.get("Plans", ()))
    if plan.get("Relation Name") not in BIG:
        return below
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return int(below + round(rows * plan["Actual Loops"]))


def _scanned(plan: Any) -> Iterator[str]:
    if isinstance(plan, Mapping):
        if plan.get("Node Type") == "Seq Scan":
            yield str(plan["Relation Name"])
        plan = list(plan.values())
    for part in plan if isinstance(plan, list) else ():
        yield from _scanned(part)
