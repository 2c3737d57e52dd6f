"""All that lies about one team: read out without secrets, and erased, row by row, whatever dies on the way.

Both go by the tables' own columns, so a table that is added later is in them by itself.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Table, delete, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger import installations, keys, leaving
from storage.ledger.sql import table
from storage.records import Team
from storage.tables import (
    AuditHeadRow,
    AuditRow,
    Base,
    ChainKeyRow,
    DataKeyRow,
    InstallationRow,
    PaceRow,
    TeamRow,
)

NO_TEAMS: Mapping[str, str] = MappingProxyType(
    {
        "feeds": "an index's own, and public",
        "install_states": "an install that has begun: a hash, of nobody yet, gone within minutes",
        "paces": "when a limit is free again: no facts; erased by the team's name in them",
        "processes": "this bot's own processes",
        "restorations": "this database's own",
        "status_sign_ins": "a sign-in that has begun: hashes, of nobody yet, gone within minutes",
    }
)
"""Tables that hold nothing of a team, and why."""
HIDDEN = frozenset({"state_hash", "browser_hash", "secret_hash", "lease_owner", "lease_until"})
"""Columns of no team: what a browser must bring, and which process works on a row."""
CHAIN = frozenset({table(AuditRow).c.mac, table(AuditHeadRow).c.mac, table(AuditHeadRow).c.checked_mac})
"""Bytes that are no secret, nor sealed."""
BATCH = 1_000
ERASED = "erased "
"""What stands before Slack's id of a team that is being erased, so that nobody finds it any more."""


@dataclass(frozen=True, slots=True)
class Known:
    """A team as the operator sees it."""

    team: Team
    name: str
    created_at: datetime
    left_at: datetime | None
    """When the app was taken away; None where it is installed, or the token lies in the settings."""


async def known(session: AsyncSession) -> Sequence[Known]:
    """Return every team, oldest first: for the operator's commands alone."""
    row, app = TeamRow, InstallationRow
    asked = select(row, col(app.name), col(app.uninstalled_at)).outerjoin(
        app, col(app.team_id) == col(row.id)
    )
    found = await session.execute(asked.order_by(col(row.created_at), col(row.id)))
    return [
        Known(Team(team.id, team.slack_team_id, team.enterprise_id), name or "", team.created_at, left)
        for team, name, left in found
    ]


def of_teams() -> list[Table]:
    """Return every table that holds something of a team, parents first."""
    teams = table(TeamRow)
    return [one for one in Base.metadata.sorted_tables if one is teams or "team_id" in one.c]


async def rows(session: AsyncSession, team_id: UUID) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Give every row of a team with its table's name, without secrets; in a session that is `steady`."""
    for one in of_teams():
        shown = [column for column in one.c if _is_shown(column)]
        mine = (one.c.id if one is table(TeamRow) else one.c.team_id) == team_id
        found = await session.stream(select(*shown).where(mine).order_by(*one.primary_key.columns))
        async for row in found.mappings():
            yield one.name, dict(row)


def _is_shown(column: Any) -> bool:
    return column.name not in HIDDEN and (column in CHAIN or not isinstance(column.type, LargeBinary))


async def overdue(session: AsyncSession, before: datetime, limit: int) -> Sequence[UUID]:
    """Return teams that left before then, and those whose erasing was begun: for the engine's own sweep."""
    left = select(col(InstallationRow.team_id)).where(col(InstallationRow.uninstalled_at) < before)
    begun = col(TeamRow.slack_team_id).startswith(ERASED)
    asked = select(col(TeamRow.id)).where(begun | col(TeamRow.id).in_(left)).order_by(col(TeamRow.id))
    return (await session.scalars(asked.limit(limit))).all()


async def begin(
    session: AsyncSession, team_id: UUID, now: datetime, left_before: datetime | None = None
) -> bool:
    """Begin to erase a team: it is nobody's any more, its keys and secrets are gone. False where there is none.

    With `left_before` only one that has left before then, and is not back. Done again it changes nothing.
    """
    team = await session.scalar(select(TeamRow).where(col(TeamRow.id) == team_id).with_for_update())
    if team is None:
        return False
    begun = team.slack_team_id.startswith(ERASED)
    app = select(InstallationRow).where(col(InstallationRow.team_id) == team_id).with_for_update()
    found = await session.scalar(app.execution_options(populate_existing=True))
    left = found.uninstalled_at if found is not None else None
    if left_before is not None and not begun and (left is None or left >= left_before):
        return False
    for row in (DataKeyRow, ChainKeyRow):
        await session.execute(delete(table(row)).where(table(row).c.team_id == team_id))
    await installations.remove(session, team_id, now)
    await leaving.empty(session, team_id, "erased", now)
    await _forget_limits(session, team.slack_team_id)
    if not begun:
        gone = {"slack_team_id": f"{ERASED}{team.slack_team_id}"[:32], "enterprise_id": team_id.hex}
        await session.execute(update(table(TeamRow)).where(table(TeamRow).c.id == team_id).values(**gone))
    keys.vault_forgets(session, team_id)
    return True


async def _forget_limits(session: AsyncSession, slack_team_id: str) -> None:
    name = table(PaceRow).c.name
    about = name.endswith(f" {slack_team_id}", autoescape=True) | name.contains(
        f" {slack_team_id} ", autoescape=True
    )
    await session.execute(delete(table(PaceRow)).where(about))


async def batch(session: AsyncSession, one: Table, team_id: UUID) -> int:
    """Erase the next rows of a team in one table; returns how many, 0 once none is left."""
    key = list(one.primary_key.columns)
    found = [
        tuple(row) for row in await session.execute(select(*key).where(one.c.team_id == team_id).limit(BATCH))
    ]
    if found:
        which = tuple_(*key).in_(found) if len(key) > 1 else key[0].in_([row[0] for row in found])
        await session.execute(delete(one).where(one.c.team_id == team_id, which))
    return len(found)


async def end(session: AsyncSession, team_id: UUID) -> bool:
    """Erase the team itself; False where somebody who had begun before has written another row of it."""
    try:
        async with session.begin_nested():
            await session.execute(delete(table(TeamRow)).where(table(TeamRow).c.id == team_id))
    except IntegrityError:
        return False
    return True
