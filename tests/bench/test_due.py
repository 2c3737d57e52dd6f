"""After an outage everything is due: how long a claim takes, where a hundred thousand rows of five thousand teams wait.

`SHIPBELL_BENCH_DUE` names another number of rows. Nothing is kept: each claim is taken back, so that the next finds the same.
"""

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import fairness, health, publishers, watches
from storage.records import Secret
from tests.storage import big

DUE = int(os.environ.get("SHIPBELL_BENCH_DUE", "100000"))  # noqa: TID251 - the bench's own knob
TIMES = 30


async def timed(database: Database, claim: Callable[[AsyncSession], Awaitable[object]]) -> str:
    """Return how long a claim takes, in words."""
    taken = []
    for _ in range(TIMES):
        async with database.transaction() as session:
            began = time.perf_counter()
            await claim(session)
            taken.append((time.perf_counter() - began) * 1_000)
            await session.rollback()
    cuts = statistics.quantiles(taken, n=100)
    return f"p50 {cuts[49]:7.1f}  p99 {cuts[98]:7.1f} ms"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_claim_after_an_outage(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Print it for a part of what is due being looked at, as it is, and for all of it."""
    big.fill(database_url, big.Size(teams=max(DUE // 20, 10), publishers=DUE, releases=1_000))
    with psycopg.connect(big.plain(database_url), autocommit=True) as connection:
        for table in ("publishers", "health", "watches"):
            connection.execute(f"UPDATE {table} SET next_at = next_at - interval '2 days'")
    big.analyze(database_url)
    database = Database(database_url, Vault(KeyRing([Secret(generate_master_key())])))
    await database.open()
    times = (big.NOW, big.NOW + timedelta(minutes=10))
    print(f"\n{DUE} due")
    for window in (fairness.WINDOW, DUE + 1):
        monkeypatch.setattr(fairness, "WINDOW", window)
        for made_with_another in (publishers._queue, publishers._taking, health._taking, watches._taking):
            made_with_another.cache_clear()
        for name, claim in (
            ("publishers", lambda session: publishers.claim(session, "pypi", uuid4(), times, 8)),
            ("health", lambda session: health.claim(session, uuid4(), times, 8)),
            ("watches", lambda session: watches.claim(session, uuid4(), times, 8)),
        ):
            print(f"  {name:12} {window:7} looked at: {await timed(database, claim)}")
    await database.close()
