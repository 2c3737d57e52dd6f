"""The status page with a long past: PostgreSQL, one team of many, by the same questions that browsers ask."""

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from bot.core.people import Person, Standing
from bot.status import render
from bot.status.render import Frame
from bot.workflow.looking import Looking
from bot.workflow.visiting import Viewer
from storage.database import Database
from tests.releases.fakes import Clock, FakePeople
from tests.storage.history_kit import Past, ids, past, project

MANY = int(os.environ.get("SHIPBELL_BENCH_RELEASES", "1000000"))  # noqa: TID251 - the bench's own knob
TIMES = 15
COPIED = """
INSERT INTO releases SELECT (jsonb_populate_record(r, jsonb_build_object(
    'id', gen_random_uuid(), 'version', '1.' || n, 'requested_at', r.requested_at - n * interval '40 seconds',
    'state_at', r.state_at - n * interval '40 seconds', 'asked_at', r.asked_at - n * interval '40 seconds'))).*
FROM releases r, generate_series(1, :many) AS n WHERE r.id = :id
"""
VOTED = """
INSERT INTO approvals (id, team_id, release_id, round, "user", verdict, reason, at)
SELECT gen_random_uuid(), team_id, id, 1, 'U2', 'approved', '', asked_at + interval '20 minutes' FROM releases WHERE version LIKE '1.%'
"""


async def fastest(look: Callable[[], Awaitable[str]]) -> float:
    """Return the median time of a page in milliseconds."""
    await look()
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        await look()
        taken.append(1_000 * (time.perf_counter() - begun))
    return statistics.median(taken)


async def test_status_page(database: Database) -> None:
    """The pages of a team with very many releases take no more than a few times those of one with a hundred; printed, not judged."""
    if database.is_sqlite:
        pytest.skip("one workspace's own")
    print()
    for many in (100, MANY):
        mine = await project(database, f"T{many}", "widgets")
        await past(database, mine, [Past("0.1", timedelta(0))])
        (seed,) = await ids(database, mine.team_id)
        async with database.transaction() as session:
            await session.execute(text(COPIED), {"many": many, "id": seed})
            await session.execute(text("DELETE FROM approvals"))
            await session.execute(text(VOTED))
        async with database.transaction() as session:
            await session.execute(text("ANALYZE"))
        for name, taken in (await measured(database, mine.team_id, seed)).items():
            print(f"  {many:>9,} releases, {name}: {taken:.1f} ms")


async def measured(database: Database, team_id: UUID, release_id: UUID) -> dict[str, float]:
    """Return what each page takes, from the questions to the HTML."""
    people = FakePeople({"U1": Person("U1", Standing.MEMBER, name="Carol Clark")})
    looking, viewer = Looking(database, people, Clock()), Viewer(team_id, "T1", "U1", "Carol Clark")
    frame = Frame(viewer, "c")

    async def overview(name: str = "", old: bool = False) -> str:
        found = await looking.overview(
            team_id, name, (looking.clock() - timedelta(days=300), release_id) if old else None
        )
        assert found is not None
        return render.overview(frame, found, name)

    async def release() -> str:
        found = await looking.release(viewer, release_id)
        assert found is not None
        return render.release(frame, found)

    async def publishers() -> str:
        return render.publishers(frame, await looking.publishers(team_id))

    return {
        "overview": await fastest(overview), "a page long ago": await fastest(lambda: overview(old=True)),
        "project": await fastest(lambda: overview("widgets")), "release": await fastest(release), "publishers": await fastest(publishers),
    }  # fmt: skip
