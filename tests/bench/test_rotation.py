"""Wrapping 100,000 teams' keys anew: time, memory, and what a bot that runs meanwhile has to wait."""

import asyncio
import os
import secrets
import statistics
import time
from datetime import UTC, datetime
from uuid import uuid4

import psutil
import pytest
from sqlalchemy import insert, text

from bot import rekeying
from bot.settings import load
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import keys
from storage.records import Secret
from storage.tables import DataKeyRow, TeamRow

ROWS = int(os.environ.get("SHIPBELL_BENCH_ROWS", "100000"))  # noqa: TID251 - the bench's own size
NOW = datetime(2026, 11, 20, tzinfo=UTC)
AT_ONCE = 5_000


async def fill(database: Database, ring: KeyRing) -> None:
    """Write the teams and their data keys."""
    for begin in range(0, ROWS, AT_ONCE):
        made = [uuid4() for _ in range(begin, min(begin + AT_ONCE, ROWS))]
        wrapped = [ring.wrap(team, secrets.token_hex(8), secrets.token_bytes(32)) for team in made]
        async with database.transaction() as session:
            rows = [
                {"id": team, "slack_team_id": f"T{begin + number}", "enterprise_id": "", "created_at": NOW}
                for number, team in enumerate(made)
            ]
            await session.execute(insert(TeamRow), rows)
            rows = [
                {"id": key.id, "team_id": team, "wrapped": key.blob, "master_key_id": key.master_key_id, "created_at": NOW}
                for team, key in zip(made, wrapped, strict=True)
            ]  # fmt: skip
            await session.execute(insert(DataKeyRow), rows)


@pytest.mark.timeout(1800)
async def test_rotation(database: Database, database_url: str) -> None:
    """Every data key is wrapped anew while another connection writes; the figures are printed, not judged."""
    old, new = generate_master_key(), generate_master_key()
    await fill(database, KeyRing([Secret(old)]))
    settings = load({"SHIPBELL_DATABASE_URL": database_url, "SHIPBELL_MASTER_KEYS": f"{new},{old}"})
    process, waits = psutil.Process(), []
    before, peak = process.memory_info().rss, 0

    async def write() -> None:
        nonlocal peak
        while True:
            begun = time.perf_counter()
            async with database.transaction() as session:
                await session.execute(text("UPDATE teams SET enterprise_id = 'E' WHERE slack_team_id = 'T7'"))
            waits.append(time.perf_counter() - begun)
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.01)

    writer = asyncio.create_task(write())
    begun, cpu = time.perf_counter(), time.process_time()
    rotated = await rekeying.rotate(settings, lambda _line: None)
    taken, cpu = time.perf_counter() - begun, time.process_time() - cpu
    writer.cancel()
    assert (rotated.done, rotated.stuck) == (ROWS, ())
    database.vault = Vault(KeyRing([Secret(new)]))
    async with database.reading() as session:
        assert await keys.needed(session) == {rotated.current: ROWS}
    print(f"\n{ROWS:,} data keys wrapped anew on {database.url.get_backend_name()}")
    print(
        f"  {taken:.1f} s, {ROWS / taken:,.0f} a second, {cpu:.1f} s of CPU; memory {before / 1e6:.0f} -> at most {peak / 1e6:.0f} MB"
    )
    print(
        f"  somebody else's write meanwhile: p50 {1000 * statistics.median(waits):.1f} ms, worst {1000 * max(waits):.0f} ms"
    )
