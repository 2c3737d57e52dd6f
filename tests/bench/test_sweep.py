"""One sweep over 10,000 pending publishers on SQLite: requests, CPU and memory of the real bot."""

import asyncio
import json
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from sqlalchemy import insert

from bot.demo.index import IndexStandIn
from bot.demo.world import BotProcess
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import credentials, teams
from storage.ledger.credentials import NewCredential
from storage.ledger.sql import table
from storage.migrations import upgrade
from storage.records import CredentialKind, PublisherState, Reason, Secret
from storage.tables import ProjectRow, PublisherRow

ROWS = 10_000


async def fill(url: str, master: str, token: str, rows: int) -> None:
    """Write a team with its token and so many pending publishers, all due now."""
    upgrade(url)
    database = Database(url, Vault(KeyRing([Secret(master)])))
    await database.open()
    now = datetime.now(UTC)  # noqa: TID251 - a bench
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", now)
        new = NewCredential(CredentialKind.API_TOKEN, "company", "API token", Secret(token))
        await credentials.store(session, team.id, new, "U1", now)
        projects, publishers = [], []
        for number in range(rows):
            named = {
                "owner": "acme",
                "repository": f"r{number}",
                "workflow": "release.yml",
                "environment": "pypi",
                "channel": "C1",
            }
            shared = {"team_id": team.id, "index_name": "company", **named}
            project = {"id": uuid4(), "name": f"p{number}", "created_by": "U1", "created_at": now, **shared}
            projects.append(project)
            publishers.append({
                "id": uuid4(), "project_id": project["id"], "project": f"p{number}", "requested_by": "U1",
                "state": PublisherState.PENDING, "reason": Reason.REGISTERED, "detail": "", "existed_before": False,
                "attempts": 1, "unanswered": False, "polls": 0, "etag": "", "requested_at": now, "state_at": now,
                "pending_at": now, "expires_at": now + timedelta(days=30), "next_at": now, **shared,
            })  # fmt: skip
        await session.execute(insert(table(ProjectRow)), projects)
        await session.execute(insert(table(PublisherRow)), publishers)
    await database.close()


@pytest.mark.timeout(900)
async def test_sweep(tmp_path: Path) -> None:
    """Every pending publisher is looked at once; the figures are printed, not judged."""
    index, master = IndexStandIn(name="company"), generate_master_key()
    await index.start()
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "shipbell.db"
    await fill(f"sqlite+aiosqlite:///{file}", master, index.make_token(), ROWS)
    settings = {
        "SHIPBELL_DATA_DIR": str(tmp_path / "data"), "SHIPBELL_MASTER_KEYS": master, "SHIPBELL_POLL_SECONDS": "3600",
        "SHIPBELL_SLACK_SIGNING_SECRET": "bench-signing-secret", "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-bench",
        "SHIPBELL_SLACK_API_URL": "http://127.0.0.1:9/api/", "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "true",
        "SHIPBELL_INDEXES": json.dumps({"company": {"url": index.url, "upload_url": index.upload_url}}),
    }  # fmt: skip
    bot = BotProcess(settings, tmp_path / "bot.log")
    begun = time.perf_counter()
    await bot.start()
    assert bot.process is not None
    process = psutil.Process(bot.process.pid)
    before, peak = process.memory_info().rss, 0
    left = ROWS
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as reading:
        while left:
            await asyncio.sleep(0.25)  # another process's progress: there is nothing to wait on but asking
            left = reading.execute("SELECT count(*) FROM publishers WHERE polls = 0").fetchone()[0]
            peak = max(peak, process.memory_info().rss)
    taken, cpu = time.perf_counter() - begun, sum(process.cpu_times()[:2])
    requests = len(index.requests)
    await bot.stop()
    await index.stop()
    print(f"\none sweep of {ROWS:,} pending publishers on SQLite")
    print(
        f"  {taken:.1f} s, {ROWS / taken:.0f} a second, {cpu:.1f} s of CPU ({1000 * cpu / ROWS:.2f} ms each)"
    )
    print(
        f"  {requests:,} requests ({requests / ROWS:.2f} each), memory {before / 1e6:.0f} -> at most {peak / 1e6:.0f} MB"
    )
