"""Hard days for a fleet of real processes: whatever is killed, frozen, cut or restarted, all releases end as they should.

`make test` plays a small day. SHIPBELL_CHAOS_SEED plays one day again, SHIPBELL_CHAOS_SECONDS lets
it last longer.
"""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from storage.crypto import KeyRing, Vault
from storage.database import Database
from storage.records import Secret
from tests.bench.releases_world import places
from tests.chaos import history
from tests.chaos.fleet import Fleet
from tests.chaos.postgres import own_server
from tests.chaos.storm import Storm, drawn, told
from tests.conftest import THOROUGH


def knob(name: str, usual: str) -> str:
    """Return what this run is told."""
    return os.environ.get(f"SHIPBELL_CHAOS_{name}", usual)  # noqa: TID251 - the tests' own room


SEED = int(knob("SEED", str(uuid4().int % 1_000_000) if THOROUGH else "2"))
"""`make test` plays the same day each time: a fault that only some days have is `make chaos`'s to find."""
SECONDS = float(knob("SECONDS", "60" if THOROUGH else "5"))
RELEASES = int(knob("RELEASES", "30" if THOROUGH else "2"))
FAULTS = int(knob("FAULTS", "60" if THOROUGH else "8"))
ALWAYS = ("disk full", "clock ahead worker", "clock back worker")
"""What each day has, since a handful of faults is a small part of all kinds."""
ROLLED = 10 if THOROUGH else 2
SIZE = (3, 3) if THOROUGH else (2, 2)
PATIENCE = float(knob("PATIENCE", "240"))
"""Seconds after the storm in which all must be over: a minute after a fault of its own a release is tried again."""


@pytest.mark.skipif(not THOROUGH, reason="a minute long: `make chaos` plays it")
@pytest.mark.timeout(300)
async def test_a_rolling_restart(tmp_path: Path) -> None:
    """While each process is replaced, steps under way, every command and click is heard at once, done once, and all exits are in order."""
    found = places(ROLLED, ROLLED, 1)
    with own_server() as server:
        async with AsyncExitStack() as stack:
            fleet = Fleet(tmp_path, server, SEED, (2, 2))
            fleet.lease = 20  # nobody dies here, however busy the machine
            await fleet.start(stack, found)
            database = Database(server.direct(), Vault(KeyRing([Secret(fleet.master)])))
            await database.open()
            stack.push_async_callback(database.close)
            work = asyncio.create_task(fleet.ask_and_approve(found, ROLLED * 2))
            while not work.done():
                for one in fleet.members:
                    began = time.perf_counter()
                    assert await one.rolled() == 0
                    print(f"replaced within {time.perf_counter() - began:.1f} s")
            await work
            await history.until_published(fleet, database, len(found), PATIENCE)
            await history.check(fleet, database, found)
            assert fleet.slack.deliveries["repeats"] == 0
            assert not fleet.faults()


@pytest.mark.timeout(900)
async def test_hard_days(tmp_path: Path) -> None:
    """After the storm each release is published with one run, each message is said once, to its own team, by its own audit trail."""
    faults = drawn(SEED, SECONDS, FAULTS, ALWAYS)
    print(f"\nSHIPBELL_CHAOS_SEED={SEED}", *told(faults), sep="\n")
    found = places(RELEASES, max(RELEASES // 2, 1), 2)
    with own_server() as server:
        async with AsyncExitStack() as stack:
            fleet = Fleet(tmp_path, server, SEED, SIZE)
            await fleet.start(stack, found)
            database = Database(server.direct(), Vault(KeyRing([Secret(fleet.master)])))
            await database.open()
            stack.push_async_callback(database.close)
            began = time.perf_counter()
            storm = asyncio.create_task(Storm(fleet).rage(faults))
            await history.within(SECONDS + PATIENCE, fleet.ask_and_approve(found, SECONDS), fleet, database)
            await history.within(PATIENCE, storm, fleet, database)
            raged = time.perf_counter()
            await history.until_published(fleet, database, len(found), PATIENCE)
            counted = await history.check(fleet, database, found)
            print(
                f"{len(found)} releases; storm {raged - began:.1f} s, over {time.perf_counter() - raged:.1f} s later;"
                f" starts {[one.starts for one in fleet.members]}; {dict(fleet.slack.deliveries)}; {counted}"
            )
