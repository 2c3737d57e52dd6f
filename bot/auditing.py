"""`shipbell audit`: whether the audit trail is whole, and all of it for whoever wants it.

Knows: how to open the database for reading, how an event is written out. Must not know: flags, exit codes, SQL.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from bot.core.secrets import redact
from bot.errors import ShipbellError
from bot.keyfile import key_ring
from bot.opening import opened
from bot.settings import Settings
from storage.crypto import Vault
from storage.database import Database
from storage.ledger import audit, keys, teams
from storage.ledger.audit import Entry
from storage.ledger.chain import ChainReport
from storage.records import StorageError, Team

COLUMNS = ("team", "number", "at", "actor", "action", "subject", "detail", "mac")
"""What is told of each event; `number` and `mac` are its place in the chain."""


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
            return await audit.verify(session, team.id)
        except StorageError as error:
            return ChainReport(team.id, 0, 0, ((0, f"can't be checked: {error}"),), "")


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
        writer = _Csv(out) if written_as == "csv" else _Json(out)
        for team in wanted:
            async for entry in audit.entries(session, team.id):
                writer.write(_told(team, entry))
        writer.end()


def _told(team: Team, entry: Entry) -> Mapping[str, Any]:
    event = entry.event
    told = {
        "team": team.slack_team_id, "number": entry.number, "at": event.at.isoformat(), "actor": event.actor,
        "action": event.action, "subject": event.subject, "detail": event.detail,
    }  # fmt: skip
    # The second net: no secret is written down in the first place. A MAC is no secret, and must stay as it is.
    return {**_redacted(told), "mac": None if entry.mac is None else entry.mac.hex()}


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case dict():
            return {redact(key): _redacted(one) for key, one in value.items()}
        case list():
            return [_redacted(one) for one in value]
        case _:
            return value


class _Json:
    """One JSON list, an event on each line, so that it can be read as a whole or line by line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._before = "[\n"

    def write(self, told: Mapping[str, Any]) -> None:
        self._out.write(self._before + json.dumps(told))
        self._before = ",\n"

    def end(self) -> None:
        self._out.write("[]\n" if self._before == "[\n" else "\n]\n")


class _Csv:
    """Comma-separated values with a line of names first; the detail is JSON."""

    def __init__(self, out: TextIO) -> None:
        self._rows = csv.writer(out, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def write(self, told: Mapping[str, Any]) -> None:
        cells = {**told, "detail": json.dumps(told["detail"])}
        self._rows.writerow([_harmless(cells[name]) for name in COLUMNS])

    def end(self) -> None:
        """Do nothing: a table ends with its last row."""


def _harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula (owasp.org, CSV Injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _place(number: int) -> str:
    return f"number {number}: " if number else ""
