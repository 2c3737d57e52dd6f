"""Teams with a past: projects, publishers with evidence, and releases that have ended in many ways."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, event, insert, select
from sqlmodel import col

from storage.database import Database
from storage.ledger import projects, publishers, releases, teams
from storage.ledger.releases import NewRelease
from storage.ledger.sql import table
from storage.records import (
    Evidence,
    EvidenceKind,
    Project,
    Registration,
    ReleaseReason,
    ReleaseState,
    Verdict,
)
from storage.tables import ApprovalRow, ReleaseRow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
S, R = ReleaseState, ReleaseReason


@dataclass(frozen=True, slots=True)
class Past:
    """One release that is over, or still under way."""

    version: str
    asked: timedelta
    """How long ago it was asked for."""
    took: timedelta = timedelta(minutes=30)
    state: ReleaseState = S.PUBLISHED
    reason: ReleaseReason = R.VERIFIED
    waited: timedelta | None = timedelta(minutes=20)
    """How long for approval; None: nobody voted."""
    values: tuple[tuple[str, Any], ...] = ()


async def project(
    database: Database, team: str = "T1", name: str = "widgets", index: str = "pypi"
) -> Project:
    """Return a project of a team, with a publisher that has evidence."""
    wanted = Registration(index, name, "acme", name, "release.yml", "pypi")
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, team, "", NOW)).id
        publisher, _ = await publishers.request(session, team_id, wanted, ("U1", "C1"), NOW)
        for kind in (EvidenceKind.PROVENANCE, EvidenceKind.INDEX):
            url = f"https://{index}.example/{kind}/{name}"
            await publishers.keep_evidence(session, publisher, Evidence(kind, url, "ab" * 32, NOW))
        (found,) = await projects.named(session, team_id, name, index)
    return found


async def past(database: Database, of: Project, releases_of: Sequence[Past]) -> list[UUID]:
    """Write releases as they would have ended; returns their ids."""
    made: list[UUID] = []
    async with database.transaction() as session:
        new = NewRelease("0", "", "Notes.", "C1", "U1", {}, "", None)
        model, _ = await releases.ask(session, of.team_id, of, new, NOW - timedelta(days=999))
        columns = table(ReleaseRow).columns
        row = (await session.execute(select(*columns).where(columns.id == model.id))).mappings().one()
        await session.execute(table(ReleaseRow).delete().where(columns.id == model.id))
        for one in releases_of:
            asked = NOW - one.asked
            values = {
                **row, "id": uuid4(), "version": one.version, "state": one.state, "reason": one.reason, "tag": f"v{one.version}",
                "commit": "c" * 40, "requested_at": asked, "asked_at": asked + timedelta(minutes=1), "expires_at": NOW,
                "state_at": asked + one.took, "next_at": None, "round": 1, **dict(one.values),
            }  # fmt: skip
            await session.execute(insert(table(ReleaseRow)).values(**values))
            if one.waited is not None:
                await session.execute(
                    insert(table(ApprovalRow)).values(
                        id=uuid4(), team_id=of.team_id, release_id=values["id"], round=1, user="U2",
                        verdict=Verdict.APPROVED, reason="", at=asked + timedelta(minutes=1) + one.waited,
                    )
                )  # fmt: skip
            made.append(values["id"])
    return made


def many(count: int) -> list[Past]:
    """Return so many releases, an hour apart."""
    return [Past(f"1.{number}", timedelta(hours=number + 1)) for number in range(count)]


@contextmanager
def noted() -> Iterator[list[tuple[str, Any]]]:
    """Note every question that is asked meanwhile, with its parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


async def plans(database: Database, asked: Sequence[tuple[str, Any]]) -> list[str]:
    """Return how the database would answer each, one text a question; PostgreSQL is told that no table is small."""
    found = []
    async with database.reading() as session:
        connection = await session.connection()
        if not database.is_sqlite:
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in asked:
            how = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
            plan = await connection.exec_driver_sql(f"{how} {statement}", parameters)
            found.append("\n".join(str(list(line)[-1]) for line in plan))
    return found


def reads_all(plan: str) -> bool:
    """Whether some table is read from end to end."""
    return any(line.strip().startswith("SCAN") or "Seq Scan" in line for line in plan.splitlines())


async def ids(database: Database, team_id: UUID) -> list[UUID]:
    """Return every release of a team, newest first."""
    row = ReleaseRow
    query = select(col(row.id)).where(col(row.team_id) == team_id)
    async with database.reading() as session:
        return list(await session.scalars(query.order_by(col(row.requested_at).desc(), col(row.id))))
