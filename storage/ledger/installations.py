"""Installations of the Slack app: put, found, exchanged for new tokens, taken away.

A delivery names a workspace and an org of Slack's, and which team of ours that is stands here. Everything else takes the team.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, delete, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import keys, leases, leaving, teams
from storage.ledger.leases import free
from storage.ledger.sql import as_utc, insert_once, make_room, table, update_one
from storage.questions import Question
from storage.records import Installation, StorageError, Tokens
from storage.tables import InstallationRow, InstallStateRow

UNOPENED = timedelta(hours=1)
"""How long one rests whose token does not open."""
MOST_INSTALLS = 10_000
"""Installs on their way at a time: anybody may begin one."""


@dataclass(frozen=True, slots=True)
class NewInstallation:
    """What Slack says when somebody has installed the app."""

    slack_team_id: str
    """"" where an org-wide install names no workspace."""
    enterprise_id: str
    org_wide: bool
    name: str
    app_id: str
    bot_user_id: str
    scopes: Sequence[str]
    installed_by: str
    tokens: Tokens


async def put(
    session: AsyncSession, new: NewInstallation, refresh_at: datetime | None, now: datetime
) -> Installation:
    """Keep an installation, in place of the one that this workspace or org had; its team is made if need be.

    At `refresh_at` its token is due to be exchanged; None: it doesn't end, or can't be.
    Installed again, an app has new tokens, and a team whose data key was destroyed gets a new one.
    """
    row = InstallationRow
    before = await _row_of(session, new)
    if before is not None and before.uninstalled_at is not None:
        await leaving.wake(session, before.team_id, now)
    slack_team_id = new.enterprise_id if new.org_wide else new.slack_team_id
    team = await teams.ensure(session, slack_team_id, new.enterprise_id, now)
    await keys.make(session, team.id, now)
    written = {
        "enterprise_id": new.enterprise_id, "slack_team_id": new.slack_team_id, "is_enterprise_install": new.org_wide,
        "name": new.name[:200], "app_id": new.app_id, "bot_user_id": new.bot_user_id, "scopes": ",".join(new.scopes),
        "expires_at": new.tokens.expires_at, "next_at": refresh_at, "faults": 0, "installed_by": new.installed_by,
        "installed_at": now, "welcome_at": now, "uninstalled_at": None, "lease_owner": None, "lease_until": None,
        "doubted_since": None, "doubted_at": None,
    }  # fmt: skip
    if before is None:
        row_id = uuid4()
        sealed = await _seal(session, team.id, row_id, new.tokens)
        if not await insert_once(
            session, row, id=row_id, team_id=team.id, sealed=sealed, revision=1, **written
        ):
            return await put(session, new, refresh_at, now)  # somebody else has installed it just now
    else:
        sealed = await _seal(session, before.team_id, before.id, new.tokens)
        values = {**written, "sealed": sealed, "revision": before.revision + 1}
        await update_one(session, update(row).where(col(row.id) == before.id).values(**values))
    found = await of_team(session, team.id if before is None else before.team_id)
    assert found is not None
    return found


async def _row_of(session: AsyncSession, new: NewInstallation) -> InstallationRow | None:
    """Return the row of the same workspace, whichever org it is in by now, or of the same org; locked."""
    row = InstallationRow
    same = (
        col(row.enterprise_id) == new.enterprise_id
        if new.org_wide
        else col(row.slack_team_id) == new.slack_team_id
    )
    asked = select(row).where(same, col(row.is_enterprise_install) == new.org_wide)
    return await session.scalar(asked.with_for_update().execution_options(populate_existing=True))


async def find(session: AsyncSession, slack_team_id: str, enterprise_id: str) -> Installation | None:
    """Return the installation that serves a workspace: its own, else its org's; None where there is none.

    The id of an org in place of the workspace's means the org-wide install.
    """
    row = InstallationRow
    org = enterprise_id or (slack_team_id if slack_team_id.startswith("E") else "")
    if not org and slack_team_id:
        org = await teams.enterprise_of(session, slack_team_id)
    own = (col(row.slack_team_id) == slack_team_id) & col(row.is_enterprise_install).is_(False)
    whole = (col(row.enterprise_id) == org) & col(row.is_enterprise_install).is_(True)
    for where in (own if slack_team_id else None, whole if org else None):
        if where is not None and (found := await _live(session, where)) is not None:
            return found
    return None


async def of_team(session: AsyncSession, team_id: UUID) -> Installation | None:
    """Return a team's installation; None where the app is not installed, or not any more."""
    return await _live(session, col(InstallationRow.team_id) == team_id)


async def since(session: AsyncSession, team_id: UUID) -> datetime | None:
    """Return since when a team is served as it is: its last install, or the making of its data key; None where it left.

    Locked, so that an install comes before or after whoever asks.
    """
    row = InstallationRow
    asked = select(col(row.installed_at)).where(
        col(row.team_id) == team_id, col(row.uninstalled_at).is_(None)
    )
    installed = await session.scalar(asked.with_for_update())
    made = await keys.made_at(session, team_id)
    return None if made is None else max(as_utc(made), as_utc(installed or made))


async def remove(session: AsyncSession, team_id: UUID, now: datetime) -> bool:
    """Destroy a team's tokens: the app was taken away. False where it was already."""
    row = InstallationRow
    gone = {
        "sealed": None,
        "uninstalled_at": now,
        "next_at": None,
        "welcome_at": None,
        "lease_owner": None,
        "lease_until": None,
    }
    here = (col(row.team_id) == team_id) & col(row.uninstalled_at).is_(None)
    return await update_one(session, update(row).where(here).values(revision=col(row.revision) + 1, **gone))


async def doubt(
    session: AsyncSession, installation: Installation, now: datetime, gap: timedelta
) -> datetime | None:
    """Write down that Slack calls a token dead, and return since when it has; None where that token is kept no more.

    Where it was last said longer than `gap` ago, it begins anew: meanwhile nobody knows.
    """
    row = InstallationRow
    known = table(row).c
    goes_on = known.doubted_at.is_not(None) & (known.doubted_at >= now - gap)
    since = case((goes_on, known.doubted_since), else_=literal(now, known.doubted_since.type))
    written = (
        update(row)
        .where(_same(installation), col(row.uninstalled_at).is_(None))
        .values(doubted_since=since, doubted_at=now)
        .returning(col(row.doubted_since))
        .execution_options(synchronize_session=False)
    )
    found = await session.scalar(written)
    return None if found is None else as_utc(found)


async def doubted(session: AsyncSession, team_id: UUID) -> tuple[datetime, datetime] | None:
    """Return since when, and when last, Slack called a team's token dead; None where it doesn't. Locked, as `since` locks."""
    row = InstallationRow
    here = (col(row.team_id) == team_id) & col(row.doubted_since).is_not(None)
    asked = select(col(row.doubted_since), col(row.doubted_at)).where(here).with_for_update()
    found = (await session.execute(asked)).one_or_none()
    return None if found is None else (as_utc(found[0]), as_utc(found[1]))


async def trusted(session: AsyncSession, installation: Installation) -> None:
    """Write down that Slack takes a token."""
    row = InstallationRow
    doubted = _same(installation) & col(row.doubted_since).is_not(None)
    await update_one(session, update(row).where(doubted).values(doubted_since=None, doubted_at=None))


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Installation]:
    """Take installations whose tokens are due to be exchanged, for `owner`; `times` is (now, end of the lease)."""
    row, (now, until) = InstallationRow, times
    due = (
        select(col(row.id))
        .where(col(row.next_at) <= now, free(row, now))
        .order_by(col(row.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return await _taken(session, col(row.id).in_(due.scalar_subquery()), owner, until)


async def take(
    session: AsyncSession, installation: Installation, owner: UUID, times: tuple[datetime, datetime]
) -> Installation | None:
    """Take one whose token is needed now; None where somebody else has it, or has exchanged it already."""
    row, (now, until) = InstallationRow, times
    same = _same(installation) & col(row.next_at).is_not(None)
    return next(iter(await _taken(session, same & free(row, now), owner, until)), None)


async def exchanged(
    session: AsyncSession,
    installation: Installation,
    owner: UUID,
    tokens: Tokens,
    scopes: Sequence[str],
    refresh_at: datetime | None,
) -> bool:
    """Keep the tokens that Slack gave for those of `installation`; False where those are not the newest any more.

    Where Slack names no scopes, they stay.
    """
    sealed = await _seal(session, installation.team_id, installation.id, tokens)
    values = {
        "sealed": sealed, "expires_at": tokens.expires_at, "next_at": refresh_at, "faults": 0,
        "scopes": ",".join(scopes or installation.scopes),
        "revision": installation.revision + 1, "lease_owner": None, "lease_until": None,
        "doubted_since": None, "doubted_at": None,
    }  # fmt: skip
    return await update_one(
        session, update(InstallationRow).where(_held(installation, owner)).values(**values)
    )


async def rest(
    session: AsyncSession, installation: Installation, owner: UUID, until: datetime, *, refused: bool = False
) -> bool:
    """Give one back until a moment, with the tokens that it has; False where the lease was lost."""
    row = InstallationRow
    values = {
        "next_at": until, "faults": col(row.faults) + int(refused), "lease_owner": None, "lease_until": None
    }  # fmt: skip
    return await update_one(session, update(row).where(_held(installation, owner)).values(**values))


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next token that nobody works on is due to be exchanged."""
    return leases.next_due(InstallationRow)


async def begin(
    session: AsyncSession, state_hash: str, expires_at: datetime, now: datetime, *, most: int = MOST_INSTALLS
) -> None:
    """Write down that an install has begun; whatever has ended goes, and of more than `most` the oldest."""
    row = InstallStateRow
    await make_room(session, row, now, most)
    await insert_once(session, row, state_hash=state_hash, expires_at=expires_at)


async def consume(session: AsyncSession, state_hash: str, now: datetime) -> bool:
    """Use an install's state up; False where there is none, or it has ended or was used before."""
    row = InstallStateRow
    used = delete(row).where(col(row.state_hash) == state_hash, col(row.expires_at) > now)
    returned = used.returning(col(row.state_hash)).execution_options(synchronize_session=False)
    return (await session.scalars(returned)).one_or_none() is not None


async def records(
    session: AsyncSession, rows: Sequence[InstallationRow], due: str = "next_at"
) -> Sequence[Installation]:
    """Return rows as records, their tokens opened; one whose token does not open rests, and holds no other one up.

    `due` is the column by which they were found.
    """
    found: list[Installation] = []
    for row in rows:
        try:
            found.append(await _record(session, row))
        except StorageError:
            # Each delivery of that team's says so too, in the log: its people, or the operator, must mend it.
            rests = {due: as_utc(getattr(row, due)) + UNOPENED, "lease_owner": None, "lease_until": None}
            here = (col(InstallationRow.id) == row.id) & (col(InstallationRow.team_id) == row.team_id)
            await update_one(session, update(InstallationRow).where(here).values(**rests))
    return found


async def _taken(
    session: AsyncSession, where: ColumnElement[bool], owner: UUID, until: datetime
) -> Sequence[Installation]:
    taken = (
        update(InstallationRow)
        .where(where)
        .values(lease_owner=owner, lease_until=until)
        .returning(InstallationRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return await records(session, (await session.scalars(taken)).all())


def _held(installation: Installation, owner: UUID) -> ColumnElement[bool]:
    return _same(installation) & (col(InstallationRow.lease_owner) == owner)


def _same(installation: Installation) -> ColumnElement[bool]:
    """Bind to a team's installation with the tokens that are known."""
    row = InstallationRow
    one = (col(row.id) == installation.id) & (col(row.team_id) == installation.team_id)
    return one & (col(row.revision) == installation.revision)


async def _live(session: AsyncSession, where: ColumnElement[bool]) -> Installation | None:
    here = select(InstallationRow).where(where, col(InstallationRow.uninstalled_at).is_(None))
    row = await session.scalar(here.execution_options(populate_existing=True))
    return None if row is None else await _record(session, row)


def _place(team_id: UUID, row_id: UUID) -> Place:
    return Place(team_id, "installations", "sealed", row_id)


async def _seal(session: AsyncSession, team_id: UUID, row_id: UUID, tokens: Tokens) -> bytes:
    secrets = {"token": tokens.token} | (
        {"refresh_token": tokens.refresh_token} if tokens.refresh_token else {}
    )
    return await keys.seal(session, _place(team_id, row_id), secrets)


async def _record(session: AsyncSession, row: InstallationRow) -> Installation:
    secrets = await keys.unseal(session, _place(row.team_id, row.id), row.sealed)
    if "token" not in secrets:
        raise StorageError("An installation has no token.", "Install the app into the workspace again.")
    tokens = Tokens(secrets["token"], secrets.get("refresh_token"), row.expires_at)
    return Installation(
        id=row.id, team_id=row.team_id, slack_team_id=row.enterprise_id if row.is_enterprise_install else row.slack_team_id,
        enterprise_id=row.enterprise_id, org_wide=row.is_enterprise_install, name=row.name, app_id=row.app_id,
        bot_user_id=row.bot_user_id, scopes=tuple(filter(None, row.scopes.split(","))), installed_by=row.installed_by,
        installed_at=as_utc(row.installed_at), revision=row.revision, faults=row.faults, tokens=tokens,
    )  # fmt: skip
