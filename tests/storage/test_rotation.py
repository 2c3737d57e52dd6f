"""Rotating master keys: every secret opens afterwards, whenever it was killed, and whoever runs meanwhile goes on."""

import asyncio
import json
import secrets
import signal
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from bot import cli, keyfile, rekeying
from bot.settings import Settings, load
from storage.crypto import KeyRing, Place, Vault, WrappedKey, generate_master_key
from storage.database import Database
from storage.ledger import keys, teams
from storage.records import KeyMissing, Secret

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TEAMS = 3
PLACE = "credentials"


def settings(url: str, *master_keys: str) -> Settings:
    """Return settings for a database and these master keys."""
    return load({"SHIPBELL_DATABASE_URL": url, "SHIPBELL_MASTER_KEYS": ",".join(master_keys)})


async def seal(database: Database, count: int = TEAMS) -> dict[UUID, bytes]:
    """Make teams, and seal a secret of each that names it."""
    sealed = {}
    async with database.transaction() as session:
        for number in range(count):
            team = await teams.ensure(session, f"T{number}", "", NOW)
            place = Place(team.id, PLACE, "sealed", team.id)
            sealed[team.id] = await keys.seal(session, place, {"token": Secret(f"marked {team.id}")})
    return sealed


async def opens(database: Database, sealed: dict[UUID, bytes], ring: KeyRing) -> bool:
    """Say whether every secret opens for a process that has this ring and remembers nothing."""
    database.vault = Vault(ring)
    async with database.reading() as session:
        for team, blob in sealed.items():
            found = await keys.unseal(session, Place(team, PLACE, "sealed", team), blob)
            assert found["token"].reveal() == f"marked {team}"
    return True


async def test_all_is_wrapped_with_the_new_key(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a rotation the new key alone opens everything, the old one is said to be droppable, and again it does nothing."""
    old, new = generate_master_key(), generate_master_key()
    database.vault = Vault(KeyRing([Secret(old)]))
    sealed = await seal(database)
    before = await rekeying.status(settings(database_url, new, old))
    assert list(before.needed.values()) == [TEAMS]
    assert "needed, wraps the key of 3 teams" in rekeying.as_lines(before)
    rotated = await rekeying.rotate(settings(database_url, new, old), print)
    assert (rotated.done, rotated.stuck, rotated.made) == (TEAMS, (), False)
    assert await opens(database, sealed, KeyRing([Secret(new)]))
    after = await rekeying.status(settings(database_url, new, old))
    assert "nothing needs it" in rekeying.as_lines(after)
    told = json.loads(rekeying.as_json(after))
    assert told["ok"]
    assert [(key["seals"], key["droppable"], key["wraps"]) for key in told["keys"]] == [
        (True, False, TEAMS),
        (False, True, 0),
    ]
    assert (await rekeying.rotate(settings(database_url, new, old), print)).done == 0
    assert new not in capsys.readouterr().out + repr(after) + rekeying.as_json(after)


async def test_one_that_does_not_open_stops_no_other(database: Database, database_url: str) -> None:
    """A data key that was changed is named and stays as it is; the others are wrapped, and another run comes to an end too."""
    old, new = generate_master_key(), generate_master_key()
    database.vault = Vault(KeyRing([Secret(old)]))
    sealed = await seal(database)
    spoilt = next(iter(sealed))
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE data_keys SET wrapped = :blob WHERE team_id = :team"),
            {"blob": secrets.token_bytes(80), "team": spoilt.hex if database.is_sqlite else spoilt},
        )
    for done in (TEAMS - 1, 0):
        rotated = await rekeying.rotate(settings(database_url, new, old), print)
        assert (rotated.done, [team for team, _ in rotated.stuck]) == (done, [spoilt])
        assert f"error: team {spoilt}" in rekeying.told(rotated)
    del sealed[spoilt]
    assert await opens(database, sealed, KeyRing([Secret(new)]))


async def test_a_key_that_is_missing_is_told(database: Database, database_url: str) -> None:
    """Without the old key nothing is wrapped or changed, each team is named, and the status says which key to put back."""
    old, new = generate_master_key(), generate_master_key()
    database.vault = Vault(KeyRing([Secret(old)]))
    sealed = await seal(database)
    standing = await rekeying.status(settings(database_url, new))
    assert not rekeying.all_here(standing)
    assert "MISSING" in rekeying.as_lines(standing)
    rotated = await rekeying.rotate(settings(database_url, new), print)
    assert (rotated.done, len(rotated.stuck)) == (0, TEAMS)
    assert await opens(database, sealed, KeyRing([Secret(old)]))


async def test_whoever_runs_meanwhile_learns_of_the_new_key(tmp_path: Path) -> None:
    """A process that began with the old key opens what was wrapped anew, and wraps new teams' keys with the new one."""
    url = f"sqlite+aiosqlite:///{tmp_path}/shipbell.db"
    here = load({"SHIPBELL_DATABASE_URL": url, "SHIPBELL_DATA_DIR": str(tmp_path)})
    await asyncio.to_thread(cli.app, ["db", "upgrade"], standalone_mode=False, obj=_environ(tmp_path))
    running = Database(url, Vault(keyfile.key_ring(here, keys_in_use=False, make=True)))
    await running.open()
    sealed = await seal(running)
    assert running.vault is not None
    first = running.vault.wrapping.current
    rotated = await rekeying.rotate(here, print)
    assert (rotated.done, rotated.made) == (TEAMS, True)
    assert len((tmp_path / keyfile.NAME).read_text().split()) == 2
    assert (tmp_path / keyfile.NAME).stat().st_mode & 0o777 == 0o600
    for team in sealed:
        running.vault.forget(team)
    ring = running.vault.wrapping
    assert isinstance(ring, KeyRing)
    async with running.reading() as session:
        for team, blob in sealed.items():
            assert await keys.unseal(session, Place(team, PLACE, "sealed", team), blob)
    wrapped = running.vault.make(uuid4())
    assert wrapped.master_key_id == rotated.current != first
    await running.close()


def test_a_file_that_is_gone_takes_no_key_from_whoever_runs(tmp_path: Path) -> None:
    """While the key file is away or spoilt, a running process goes on with the keys that it has."""
    here = load({"SHIPBELL_DATA_DIR": str(tmp_path)})
    ring = keyfile.key_ring(here, keys_in_use=False, make=True)
    wrapped = ring.wrap(UUID(int=1), "00" * 8, b"k" * 32)
    for spoil in (lambda path: path.write_text("not a key"), Path.unlink):
        spoil(tmp_path / keyfile.NAME)
        assert ring.unwrap(UUID(int=1), ring.wrap(UUID(int=1), "00" * 8, b"k" * 32)) == b"k" * 32
    with pytest.raises(KeyMissing):
        KeyRing([Secret(generate_master_key())]).unwrap(UUID(int=1), wrapped)


def test_two_that_put_a_key_first_lose_none(tmp_path: Path) -> None:
    """Under the folder's lock each new key is kept, however many rotations begin at once."""
    here = load({"SHIPBELL_DATA_DIR": str(tmp_path)})
    keyfile.key_ring(here, keys_in_use=False, make=True)

    def put(_number: int) -> None:
        with keyfile.held(here):
            keyfile.put_first(here)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(20)))
    assert len(set((tmp_path / keyfile.NAME).read_text().split())) == 21


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """Where the new key can't be written, the error says so, the file is as it was, and nothing lies about."""
    here = load({"SHIPBELL_DATA_DIR": str(tmp_path)})
    keyfile.key_ring(here, keys_in_use=False, make=True)
    before = (tmp_path / keyfile.NAME).read_text()
    (tmp_path / keyfile.NAME).rename(tmp_path / "kept")
    (tmp_path / keyfile.NAME).mkdir()
    with pytest.raises(KeyMissing, match="can't be written"):
        keyfile.put_first(here)
    assert (tmp_path / "kept").read_text() == before
    assert {file.name for file in tmp_path.iterdir()} == {"kept", keyfile.NAME}


async def test_kill_in_the_middle_twice(tmp_path: Path) -> None:
    """`kill -9` in the middle of a rotation, twice: no data key is lost, one new master key was made, the third run ends it."""
    environ = _environ(tmp_path)
    await asyncio.to_thread(cli.app, ["db", "upgrade"], standalone_mode=False, obj=environ)
    count = 20_000
    ring = keyfile.key_ring(load(environ), keys_in_use=False, make=True)
    plain = _fill(tmp_path, ring, count)
    for _ in range(2):
        process = await _rotation(environ)
        before = _moved(tmp_path, ring.current)
        while process.returncode is None and _moved(tmp_path, ring.current) == before:  # noqa: ASYNC110 - another process gives no event
            await asyncio.sleep(0)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        assert before < _moved(tmp_path, ring.current) < count
    process = await _rotation(environ)
    assert await process.wait() == cli.DONE
    assert _moved(tmp_path, ring.current) == count
    assert len((tmp_path / keyfile.NAME).read_text().split()) == 2
    newest = keyfile.key_ring(load(environ), keys_in_use=True, make=False)
    with sqlite3.connect(tmp_path / "shipbell.db") as connection:
        rows = connection.execute("SELECT id, team_id, wrapped, master_key_id FROM data_keys").fetchall()
    assert {row[3] for row in rows} == {newest.current}
    opened = {
        team: newest.unwrap(UUID(team), WrappedKey(key, blob, name)) for key, team, blob, name in rows[::50]
    }
    assert all(plain[team] == key for team, key in opened.items())


def test_the_commands_tell_by_their_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`keys status` and `keys rotate` end with 0; without a database they say so and make nothing."""
    environ = _environ(tmp_path)
    assert cli.run(["keys", "rotate"], environ) == cli.REFUSED
    assert "There is no database yet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert cli.run(["db", "upgrade"], environ) == cli.DONE
    assert cli.run(["keys", "status"], environ) == cli.REFUSED
    assert "There is no master key yet" in capsys.readouterr().err
    keyfile.key_ring(load(environ), keys_in_use=False, make=True)
    assert cli.run(["keys", "rotate"], environ) == cli.DONE
    assert "Back the key file up" in capsys.readouterr().out
    assert cli.run(["keys", "status", "--json"], environ) == cli.DONE
    assert json.loads(capsys.readouterr().out)["ok"]


def _environ(folder: Path) -> dict[str, str]:
    return {
        "SHIPBELL_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/shipbell.db",
        "SHIPBELL_DATA_DIR": str(folder),
    }


def _fill(folder: Path, ring: KeyRing, count: int) -> dict[str, bytes]:
    """Write teams with their data keys straight into the file; return the data keys by team."""
    plain = {uuid4().hex: secrets.token_bytes(32) for _ in range(count)}
    with sqlite3.connect(folder / "shipbell.db") as connection:
        connection.executemany(
            "INSERT INTO teams (id, slack_team_id, enterprise_id, created_at) VALUES (?, ?, '', ?)",
            [(team, f"T{number}", "2026-11-20 00:00:00.000000") for number, team in enumerate(plain)],
        )
        wrapped = [(team, ring.wrap(UUID(team), secrets.token_hex(8), key)) for team, key in plain.items()]
        connection.executemany(
            "INSERT INTO data_keys (id, team_id, wrapped, master_key_id, created_at) VALUES (?, ?, ?, ?, ?)",
            [
                (one.id, team, one.blob, one.master_key_id, "2026-11-20 00:00:00.000000")
                for team, one in wrapped
            ],
        )
    return plain


def _moved(folder: Path, old: str) -> int:
    """Return how many data keys another master key than the old one wraps."""
    with sqlite3.connect(folder / "shipbell.db") as connection:
        found = connection.execute("SELECT count(*) FROM data_keys WHERE master_key_id <> ?", (old,))
        return int(found.fetchone()[0])


async def _rotation(environ: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "keys", "rotate", env=environ, cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
