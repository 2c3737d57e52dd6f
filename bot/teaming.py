"""`shipbell team`: which teams there are, all that lies about one, and its erasure.

Knows: how to open the database, what is said of teams, the export's format. Must not know: flags, exit codes, SQL.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TextIO
from uuid import UUID

from bot.auditing import NoSuchTeam
from bot.core.leaving import GRACE
from bot.opening import opened
from bot.settings import Settings
from storage.database import HEAD, Database
from storage.ledger import erasing
from storage.ledger.erasing import ERASED, Known
from storage.records import StorageError

FORMAT, VERSION = "shipbell team", 1
PASSES = 10
"""How often rows that appear meanwhile are erased too."""


async def listed(settings: Settings) -> Sequence[Known]:
    """Return every team."""
    async with opened(settings) as database, database.reading() as session:
        return await erasing.known(session)


def as_lines(teams: Sequence[Known]) -> str:
    """Return a line for each team."""
    return "\n".join(map(_line, teams)) or "no team yet"


def _line(one: Known) -> str:
    name = f" {one.name}" if one.name else ""
    how = "there"
    if one.left_at is not None:
        how = f"left {one.left_at:%Y-%m-%d}, erased after {one.left_at + GRACE:%Y-%m-%d}"
    if one.team.slack_team_id.startswith(ERASED):
        how = "half erased: erase it again"
    return f"{one.team.slack_team_id.removeprefix(ERASED)}{name}: since {one.created_at:%Y-%m-%d}, {how}"


def as_json(teams: Sequence[Known]) -> str:
    """Return one line of JSON: `[{team, org, name, created_at, left_at, half_erased}]`."""
    told = [
        {
            "team": one.team.slack_team_id.removeprefix(ERASED), "org": one.team.enterprise_id, "name": one.name,
            "created_at": one.created_at, "left_at": one.left_at,
            "half_erased": one.team.slack_team_id.startswith(ERASED),
        }
        for one in teams
    ]  # fmt: skip
    return json.dumps(told, default=_plain)


async def export(settings: Settings, slack_team_id: str, out: TextIO, clock: Callable[[], datetime]) -> int:
    """Write every row of a team, a line of JSON each, as it is read; returns how many.

    The first line names the format, the last one the count: without it the file was cut off.
    """
    async with opened(settings) as database:
        team_id = (await _named(database, slack_team_id))[0]
        count = 0
        first = {"format": FORMAT, "version": VERSION, "schema": HEAD, "team": slack_team_id, "at": clock()}
        out.write(json.dumps(first, default=_plain) + "\n")
        async with database.reading(steady=True) as session:
            async for name, row in erasing.rows(session, team_id):
                out.write(json.dumps({"table": name, "row": row}, default=_plain) + "\n")
                count += 1
        out.write(json.dumps({"rows": count}) + "\n")
    return count


async def erase(settings: Settings, slack_team_id: str, clock: Callable[[], datetime]) -> int:
    """Erase a team, also one whose erasing was begun before; returns how many rows."""
    async with opened(settings) as database:
        return sum([await erased(database, one, clock()) for one in await _named(database, slack_team_id)])


async def erased(
    database: Database, team_id: UUID, now: datetime, left_before: datetime | None = None
) -> int:
    """Erase every row of a team and its keys; returns how many. Killed half-way it goes on when it is said again.

    With `left_before` only a team that has left before then, and is not back. The first transaction alone makes the team
    nobody's, and takes its keys and secrets; the rows follow a batch a transaction, so that nobody else waits for long.
    """
    async with database.transaction() as session:
        if not await erasing.begin(session, team_id, now, left_before):
            return 0
    count = 0
    for _ in range(PASSES):
        for one in reversed(erasing.of_teams()[1:]):
            while True:
                async with database.transaction() as session:
                    done = await erasing.batch(session, one, team_id)
                count += done
                if not done:
                    break
        async with database.transaction() as session:
            if await erasing.end(session, team_id):
                return count + 1
    raise StorageError(
        "The team is still being written to.", "Take the app away from the workspace, then erase again."
    )


async def check(settings: Settings, slack_team_id: str) -> None:
    """Look whether there is such a team; NoSuchTeam where there is none."""
    async with opened(settings) as database:
        await _named(database, slack_team_id)


async def _named(database: Database, slack_team_id: str) -> list[UUID]:
    async with database.reading() as session:
        everyone = await erasing.known(session)
    names = {slack_team_id, f"{ERASED}{slack_team_id}"}
    found = [one.team.id for one in everyone if one.team.slack_team_id in names]
    if not found:
        raise NoSuchTeam(
            f"No team {slack_team_id} is known here.", "`shipbell team list` names those that are."
        )
    return found


async def sweep(database: Database, now: datetime) -> None:
    """Erase a few teams that have left for good."""
    before = now - GRACE
    async with database.reading() as session:
        overdue = await erasing.overdue(session, before, limit=3)
    for team_id in overdue:
        await erased(database, team_id, now, before)


def _plain(value: Any) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case bytes():
            return value.hex()
        case Enum():
            return str(value.value)
        case _:
            return str(value)
