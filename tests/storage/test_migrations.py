"""The schema's history over filled tables: what an older version wrote is all there, and works on."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from storage import migrations
from storage.crypto import Vault
from storage.database import HEAD, Database
from storage.ledger import audit, credentials, health, inbox, outbox, projects, publishers, releases
from storage.ledger.outbox import Destination
from storage.ledger.releases import NewRelease
from storage.records import AuditEvent, OutboxState, PublisherState
from tests.conftest import DATABASES

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
THEN = "2026-11-20 12:00:00.000000"
TEAM, PROJECT, PUBLISHER, MESSAGE = (UUID(int=number) for number in range(1, 5))
TARGET = {
    "index_name": "pypi", "owner": "Acme", "repository": "Widgets", "workflow": "release.yml", "environment": "pypi",
    "channel": "C1",
}  # fmt: skip


@pytest.fixture(params=DATABASES)
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database with the first schema, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/old.db"
        migrations.upgrade(url, "0001")
        yield url
        return
    server, name = request.getfixturevalue("postgres_server"), f"old_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    named = make_url(server).set(drivername="postgresql+psycopg", database=name)
    url = named.render_as_string(hide_password=False)
    migrations.upgrade(url, "0001")
    yield url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def rows(vault: Vault) -> Mapping[str, Mapping[str, Any]]:
    """Return one row of each table of the first schema, parents first."""
    key = vault.make(TEAM)
    team = {"team_id": TEAM.hex}
    return {
        "teams": {"id": TEAM.hex, "slack_team_id": "T1", "enterprise_id": "", "created_at": THEN},
        "data_keys": {"id": key.id, **team, "wrapped": key.blob, "master_key_id": key.master_key_id, "created_at": THEN},
        "audit_events": {**team, "at": THEN, "actor": "U1", "action": "a", "subject": "s", "detail": '{"a": 1}'},
        "credentials": {
            "id": uuid4().hex, **team, "kind": "api_token", "index_name": "pypi", "hint": "h", "sealed": b"x",
            "added_by": "U1", "added_at": THEN, "uses": 0,
        },
        "inbox": {
            "id": uuid4().hex, **team, "dedupe_key": "k", "kind": "publisher.list", "actor": "U1", "channel": "C1",
            "payload": "{}", "state": "done", "attempts": 1, "error": "", "received_at": THEN, "done_at": THEN,
        },
        "outbox": {
            "id": MESSAGE.hex, **team, "dedupe_key": "m", "channel": "C1", "user": "", "kind": "broke_down", "facts": "{}",
            "state": "waiting", "attempts": 0, "error": "", "ts": "", "created_at": THEN, "next_at": THEN,
        },
        "projects": {"id": PROJECT.hex, **team, "name": "widgets", **TARGET, "created_by": "U1", "created_at": THEN},
        "publishers": {
            "id": PUBLISHER.hex, **team, "project_id": PROJECT.hex, "project": "widgets", **TARGET, "requested_by": "U1",
            "state": "confirmed", "reason": "evidence", "detail": "", "attempts": 1, "unanswered": False, "polls": 2,
            "etag": "", "requested_at": THEN, "state_at": THEN,
        },
        "evidence": {
            "id": uuid4().hex, **team, "publisher_id": PUBLISHER.hex, "kind": "index", "url": "https://x", "digest": "d",
            "seen_at": THEN,
        },
    }  # fmt: skip


def fill(connection: Connection, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the rows, in plain SQL: the code of today knows the tables of today alone."""
    for table, row in wanted.items():
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), dict(row))


def content(
    connection: Connection, wanted: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the tables hold, in the columns that were filled."""
    found = {}
    for table, row in wanted.items():
        names = ", ".join(f'"{name}"' for name in row)
        found[table] = [tuple(one) for one in connection.execute(text(f"SELECT {names} FROM {table}"))]
    return found


@pytest.fixture
def upgraded_url(old_url: str, vault: Vault) -> str:
    """Return the URL of a database whose rows have lived through every migration, unchanged."""
    driver = "sqlite" if old_url.startswith("sqlite") else "postgresql+psycopg"
    engine = create_engine(make_url(old_url).set(drivername=driver))
    wanted = rows(vault)
    with engine.begin() as connection:
        fill(connection, wanted)
        before = content(connection, wanted)
    migrations.upgrade(old_url)
    migrations.upgrade(old_url)
    with engine.connect() as connection:
        assert content(connection, wanted) == before
    engine.dispose()
    assert all(len(found) == 1 for found in before.values())
    return old_url


async def test_a_filled_database_is_upgraded(upgraded_url: str, vault: Vault) -> None:
    """Rows of the first schema are all there afterwards, and everything new can be done with them."""
    database = Database(upgraded_url, vault)
    await database.open()
    assert HEAD in await database.check()
    async with database.transaction() as session:
        publisher = await publishers.get(session, TEAM, PUBLISHER)
        assert publisher is not None
        assert publisher.state is PublisherState.CONFIRMED
        assert len(await publishers.evidence(session, publisher)) == 1
        assert len(await credentials.listed(session, TEAM)) == 1
        assert await inbox.counts(session) == {"done": 1}
        (project,) = await projects.named(session, TEAM, "widgets", "pypi")
        new = NewRelease("1.0", "", "", "C1", "U1", {}, "", None)
        assert (await releases.ask(session, TEAM, project, new, NOW))[1]
    async with database.transaction() as session:
        (message,) = await outbox.claim(session, NOW + timedelta(hours=24), timedelta(minutes=2), 5)
        assert (message.state, message.ts, message.thread_ts) == (OutboxState.WAITING, "", "")
        assert (message.broadcast, message.revision) == (False, 0)
        await outbox.sent(session, message, "1.1", NOW)
        await outbox.show(session, TEAM, "m", Destination("C1"), ("broke_down", {"incident": "x"}), NOW)
        await audit.append(session, AuditEvent(TEAM, NOW, "U1", "b", "s", {}))
    async with database.reading() as session:
        fares = await health.get(session, TEAM, PUBLISHER)
        assert fares is not None
        assert (fares.seen, fares.looked_at) == ({}, None)
        report = await audit.verify(session, TEAM)
    assert (report.events, report.unchained, report.broken) == (1, 1, ())
    await database.close()
