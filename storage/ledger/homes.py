"""Home tabs: who looked lately, which of them is to be shown anew, what was shown."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, delete, func, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger import leases
from storage.ledger.leases import free
from storage.ledger.sql import table, update_one
from storage.questions import Question
from storage.records import Home
from storage.tables import HomeRow, TeamRow

WATCHED = timedelta(hours=1)
"""How long after somebody looked the tab is kept fresh: Slack does not say when it is left."""
SETTLE = timedelta(seconds=1)
"""How long a change waits for others, so that together they are one showing."""
GAP = timedelta(seconds=3)
"""What changed while a tab was shown waits so long."""


async def look(
    session: AsyncSession, team_id: UUID, user: str, wanted: tuple[int | None, str], now: datetime
) -> None:
    """Let somebody see the tab now; `wanted` is (page, None: the one it is at; Slack's hash, "": not said)."""
    page, shown = wanted
    written: dict[str, Any] = {"looked_at": now, "digest": "", "fresh": False, "next_at": now}
    written |= {"page": page} if page is not None else {}
    written |= {"hash": shown} if shown else {}
    first = {"team_id": team_id, "user": user, "page": 1, "hash": ""}
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(table(HomeRow)).values(**first | written)
    await session.execute(statement.on_conflict_do_update(index_elements=["team_id", "user"], set_=written))


async def touch(session: AsyncSession, team_id: UUID, now: datetime) -> None:
    """Let those of a team who looked lately see that something has changed; of many changes the first marks them."""
    await session.execute(
        update(HomeRow)
        .where(
            col(HomeRow.team_id) == team_id,
            col(HomeRow.looked_at) > now - WATCHED,
            col(HomeRow.fresh).is_(True),
        )
        .values(fresh=False, next_at=func.coalesce(col(HomeRow.next_at), now + SETTLE))
        .execution_options(synchronize_session=False)
    )


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Home]:
    """Take tabs that are to be shown, who looked last first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    due = (
        select(col(HomeRow.team_id), col(HomeRow.user), col(TeamRow.slack_team_id))
        .join(table(TeamRow), col(TeamRow.id) == col(HomeRow.team_id))
        .where(col(HomeRow.next_at) <= now, free(HomeRow, now))
        .order_by(col(HomeRow.looked_at).desc())
        .limit(limit)
        .with_for_update(skip_locked=True, of=table(HomeRow))
    )
    found = (await session.execute(due)).all()
    if not found:
        return []
    one_of = or_(*(and_(col(HomeRow.team_id) == team, col(HomeRow.user) == user) for team, user, _ in found))
    rows = await session.scalars(
        update(HomeRow)
        .where(one_of)
        .values(lease_owner=owner, lease_until=until, fresh=True)
        .returning(HomeRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    slack = {(team, user): slack_team_id for team, user, slack_team_id in found}
    return [
        Home(row.team_id, slack[row.team_id, row.user], row.user, row.page, row.hash, row.digest, row.turn_at)
        for row in rows
    ]


async def shown(
    session: AsyncSession, home: Home, owner: UUID, state: tuple[str, str, int], now: datetime
) -> bool:
    """Record that a tab shows `state` (Slack's hash, digest, page), and end the lease; False where that was lost.

    What has changed meanwhile, or the page that somebody turned to, is shown a little later.
    """
    hash_, digest, page = state
    settled = and_(col(HomeRow.fresh).is_(True), col(HomeRow.page) == home.page)
    values = {
        "turn_at": None,
        "hash": hash_[:255],
        "digest": digest,
        "page": case((col(HomeRow.page) == home.page, page), else_=col(HomeRow.page)),
        "next_at": case((settled, null()), else_=now + GAP),
    }
    return await _end(session, home, owner, values)


async def rest(session: AsyncSession, home: Home, owner: UUID, until: datetime, **values: Any) -> bool:
    """Show a tab later, and end the lease; False where that was lost."""
    return await _end(session, home, owner, {"next_at": until, "turn_at": None, **values})


async def leave(session: AsyncSession, home: Home, owner: UUID) -> bool:
    """Let a tab be as it is until somebody looks again: Slack will not take it."""
    statement = delete(HomeRow).where(_one(home), col(HomeRow.lease_owner) == owner)
    gone = await session.execute(statement.execution_options(synchronize_session=False))
    return bool(gone.rowcount)  # type: ignore[attr-defined]  # a deletion tells how many


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next tab that nobody works on is to be shown."""
    return leases.next_due(HomeRow)


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget who has not looked for long."""
    old = col(HomeRow.looked_at) < before
    await session.execute(delete(HomeRow).where(old).execution_options(synchronize_session=False))


def _one(home: Home) -> ColumnElement[bool]:
    return (col(HomeRow.team_id) == home.team_id) & (col(HomeRow.user) == home.user)


async def _end(session: AsyncSession, home: Home, owner: UUID, values: dict[str, Any]) -> bool:
    where = _one(home) & (col(HomeRow.lease_owner) == owner)
    ended = {"lease_owner": None, "lease_until": None}
    return await update_one(session, update(HomeRow).where(where).values(**ended, **values))
