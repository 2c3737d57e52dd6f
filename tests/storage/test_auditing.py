"""`shipbell audit`: what an operator sees of the trail, on both databases."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot import auditing, cli
from bot.auditing import NoSuchTeam
from bot.settings import Settings, load
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import audit, teams
from storage.records import AuditEvent, Secret, StorageError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKEN = "pypi-AgEIcHlwaS5vcmcCJGQ0ZDhm"
"""Shaped like a token; opens nothing."""


async def filled(database: Database, database_url: str) -> dict[str, str]:
    """Write two teams' events and return the environment of an operator who has the right key."""
    key = generate_master_key()
    database.vault = Vault(KeyRing([Secret(key)]))
    async with database.transaction() as session:
        for days, name in enumerate(("T1", "T2")):
            team = await teams.ensure(session, name, "", NOW + timedelta(days=days))
            for number in range(3):
                said = AuditEvent(team.id, NOW, "U1", "release.asked", f"=w {number}", {"note": f"ä {TOKEN}"})
                await audit.append(session, said)
    return {"SHIPBELL_DATABASE_URL": database_url, "SHIPBELL_MASTER_KEYS": key}


async def exported(settings: Settings, team: str = "", written_as: str = "json") -> str:
    """Return what is exported."""
    out = io.StringIO()
    await auditing.export(settings, team, written_as, out)
    return out.getvalue()


async def test_a_whole_trail_is_told(database: Database, database_url: str, tmp_path: Path) -> None:
    """Each team has its line with the end of its chain, and nothing is broken."""
    settings = load(await filled(database, database_url), home=tmp_path)
    checked = await auditing.verify(settings)
    assert auditing.whole(checked)
    assert len(auditing.as_lines(checked).splitlines()) == 2
    told = json.loads(auditing.as_json(checked))
    assert told["ok"]
    assert [(team["events"], team["broken"]) for team in told["teams"]] == [(3, []), (3, [])]
    ends = {team["team"]: team["head"] for team in told["teams"]}
    rows = json.loads(await exported(settings, "T1"))
    assert ends["T1"] == f"3:{rows[-1]['mac']}"


async def test_each_finding_has_its_line(database: Database, database_url: str, tmp_path: Path) -> None:
    """What was done by hand is told with team and number, and the other team stays whole."""
    settings = load(await filled(database, database_url), home=tmp_path)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM audit_events WHERE number = 2 AND seq < 4"))
        await session.execute(text("UPDATE audit_events SET actor = 'U9' WHERE number = 1 AND seq < 4"))
    checked = await auditing.verify(settings)
    assert not auditing.whole(checked)
    lines = auditing.as_lines(checked).splitlines()
    assert [line.partition(",")[0] for line in lines[:3]] == [
        "T1: 2 broken",
        "T1: number 1: changed: it does not say what was written",
        "T1: number 2: missing",
    ]
    assert lines[3].startswith("T2: whole, 3 events")
    assert not json.loads(auditing.as_json(checked))["ok"]


async def test_without_the_right_key_nothing_is_called_whole(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """With another master key each team can't be checked, and that counts as broken."""
    environ = await filled(database, database_url)
    settings = load(environ | {"SHIPBELL_MASTER_KEYS": generate_master_key()}, home=tmp_path)
    checked = await auditing.verify(settings)
    assert not auditing.whole(checked)
    assert all("can't be checked" in what for one in checked for _, what in one.report.broken)


async def test_everything_is_exported_and_no_secret(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Both forms hold every event with its place in the chain, in order; a token in it is taken out."""
    settings = load(await filled(database, database_url), home=tmp_path)
    as_json, as_csv = await exported(settings), await exported(settings, written_as="csv")
    assert TOKEN not in as_json + as_csv
    rows = json.loads(as_json)
    assert len(as_json.splitlines()) == len(rows) + 2 == 8
    assert sorted((row["team"], row["number"]) for row in rows) == [
        (t, n) for t in ("T1", "T2") for n in (1, 2, 3)
    ]
    assert rows[0]["detail"] == {"note": "ä [redacted]"}
    table = list(csv.DictReader(io.StringIO(as_csv)))
    assert [row["mac"] for row in table] == [row["mac"] for row in rows]
    assert {row["subject"][:2] for row in table} == {"'="}
    assert json.loads(table[0]["detail"]) == rows[0]["detail"]
    assert {row["team"] for row in json.loads(await exported(settings, "T2"))} == {"T2"}
    with pytest.raises(NoSuchTeam):
        await exported(settings, "T3")


async def test_a_row_that_cannot_be_read_is_named(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """An export that meets a spoilt row says which, and what to do; no team at all is no fault."""
    settings = load({"SHIPBELL_DATABASE_URL": database_url}, home=tmp_path)
    assert await exported(settings) == "[]\n"
    assert auditing.as_lines(await auditing.verify(settings)) == "no team yet"
    if not database.is_sqlite:
        return
    await filled(database, database_url)
    async with database.transaction() as session:
        await session.execute(text("UPDATE audit_events SET detail = '{' WHERE seq = 2"))
    with pytest.raises(StorageError, match="Row 2 "):
        await exported(settings)


async def test_the_commands_tell_by_their_exit_code(
    database: Database, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`audit verify` ends with 0 where all is whole and with 1 where not; `audit export` prints; no database is 1."""
    environ = await filled(database, database_url) | {"HOME": str(tmp_path)}

    async def shipbell(*arguments: str, **more: str) -> tuple[int, str]:
        code = await asyncio.to_thread(auditing_command, arguments, environ | more)
        return code, capsys.readouterr().out

    assert (await shipbell("verify"))[0] == cli.DONE
    code, out = await shipbell("export", "--team", "T2", "--format", "csv")
    assert (code, len(out.splitlines())) == (cli.DONE, 4)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM audit_heads"))
    code, out = await shipbell("verify", "--json")
    assert (code, json.loads(out)["ok"]) == (cli.REFUSED, False)
    nowhere = f"sqlite+aiosqlite:///{tmp_path}/nowhere/x.db"
    assert (await shipbell("verify", SHIPBELL_DATABASE_URL=nowhere))[0] == cli.REFUSED
    assert not (tmp_path / "nowhere").exists()


def auditing_command(arguments: tuple[str, ...], environ: dict[str, str]) -> int:
    """Run `shipbell audit ...` in this thread; signals are of the main one alone."""
    try:
        code = cli.app(["audit", *arguments], prog_name="shipbell", standalone_mode=False, obj=environ)
    except StorageError:
        return cli.REFUSED
    return code if isinstance(code, int) else cli.DONE
