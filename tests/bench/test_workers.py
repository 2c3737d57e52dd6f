"""How much one, two and four workers get done: intents carried out a second, from a full inbox, by real processes."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core import intents
from bot.workflow.inlet import Inlet, Wish
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import inbox
from storage.records import Secret
from tests.fleet.test_story import FLEET, workers
from tests.stories.kit import world_on

INTENTS = 1_500
STARTED = timedelta(seconds=30)
"""When the intents become due: by then all workers have started."""
PEOPLE = 60


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)  # noqa: TID251 - the bench's own clock


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_intents_a_second(count: int, database_url: str, tmp_path: Path) -> None:
    """Measure it; that all were carried out is asserted, how fast is printed."""
    key = generate_master_key()
    database = Database(database_url, Vault(KeyRing([Secret(key)])))
    await database.open()
    due = now() + STARTED
    inlet = Inlet(database, lambda: due, lambda: None)
    for number in range(INTENTS):
        wish = Wish("T1", "", f"d{number}", f"U{number % PEOPLE}", "C1", intents.ListPublishers())
        await inlet.put(wish)
    settings = FLEET | {"SHIPBELL_MASTER_KEYS": key}
    async with world_on(database_url, tmp_path, settings=settings) as world, workers(world, count):
        while True:
            async with database.reading() as session:
                done = (await inbox.counts(session)).get("done", 0)
            if done == INTENTS:
                break
            await asyncio.sleep(0.05)  # other processes' state: there is nothing to wait on but asking
        took = (now() - due).total_seconds()
    await database.close()
    print(f"\n{count} workers: {INTENTS / took:.0f} intents a second ({took:.1f} s)")
