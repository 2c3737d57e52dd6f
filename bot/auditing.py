"""`shipbell audit`: whether the audit trail is whole, and all of it for whoever wants it.

Knows: how to open the database for reading, what is said of a check. Must not know: flags, exit codes, SQL.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from bot.core import audit_files
from bot.errors import ShipbellError
from bot.keyfile import key_ring
from bot.opening import opened
from bot.settings import Settings
from storage.crypto import Vault
from storage.database import Database
from storage.ledger import audit, keys, teams
from storage.ledger.chain import ChainReport
from storage.records import StorageError, Team


class NoSuchTeam(ShipbellError):
    """The database knows no such team."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found along one team's chain."""

    team: Team
    report: ChainReport


async def verify(settings: Settings) -> Sequence[Checked]:
    """Check the chain of every team; a team whose key is not to be had counts as broken, and the others go on."""
    async with opened(settings) as database:
        async with database.reading() as session:
            in_use = await keys.any_wrapped(session)
            everyone = await teams.everyone(session)
        if in_use:
            database.vault = Vault(key_ring(settings, keys_in_use=True, make=False))
        return [Checked(team, await _verified(database, team)) for team in everyone]


async def _verified(database: Database, team: Team) -> ChainReport:
    async with database.reading(steady=True) as session:
        try:
            report = await audit.verify(session, team.id)
        except StorageError as error:
            return ChainReport(team.id, 0, 0, ((0, f"can't be checked: {error}"),), "")
    # So a page of a long trail in Slack is checked from here on.
    async with database.transaction() as session:
        await audit.remember(session, report)
    return report


def whole(checked: Sequence[Checked]) -> bool:
    """Say whether nothing is broken anywhere."""
    return not any(one.report.broken for one in checked)


def as_lines(checked: Sequence[Checked]) -> str:
    """Return a line for each team and one for each finding."""
    lines = []
    for one in checked:
        team, report = one.team.slack_team_id, one.report
        found = f"{len(report.broken)} broken" if report.broken else "whole"
        lines.append(
            f"{team}: {found}, {report.events} events, {report.unchained} from before the chain, "
            f"ends with {report.head or 'nothing'}"
        )
        lines += [f"{team}: {_place(number)}{what}" for number, what in report.broken]
    return "\n".join(lines or ["no team yet"])


def as_json(checked: Sequence[Checked]) -> str:
    """Return one line of JSON: `{"ok": bool, "teams": [{team, events, unchained, head, broken: [{number, what}]}]}`."""
    told = [
        {
            "team": one.team.slack_team_id, "events": one.report.events, "unchained": one.report.unchained,
            "head": one.report.head, "broken": [{"number": number, "what": what} for number, what in one.report.broken],
        }
        for one in checked
    ]  # fmt: skip
    return json.dumps({"ok": whole(checked), "teams": told})


async def export(settings: Settings, slack_team_id: str, written_as: str, out: TextIO) -> None:
    """Write every event out, of one team or (no id) of all, oldest first, as it is read."""
    async with opened(settings) as database, database.reading(steady=True) as session:
        everyone = await teams.everyone(session)
        wanted = [team for team in everyone if slack_team_id in {"", team.slack_team_id}]
        if slack_team_id and not wanted:
            raise NoSuchTeam(
                f"No team {slack_team_id} is known here.", "A Slack team id looks like T0123ABCD."
            )
        writer = audit_files.writer(written_as, out)
        for team in wanted:
            async for entry in audit.entries(session, team.id):
                writer.write(audit_files.told(team.slack_team_id, entry.event, entry.number, entry.mac))
        writer.end()


def _place(number: int) -> str:
    return f"number {number}: " if number else ""
