"""When a release was tagged, started and built: kept as it happens, for its page."""

import pytest

from bot.core.progress import Progress
from bot.workflow.hands import DATED, unpacked
from storage.database import Database
from storage.records import ReleaseState, StartBy
from tests.releases.kit import World
from tests.releases.test_attacks import approve, asked, now, stands


@pytest.mark.parametrize("start", [StartBy.PUSH, StartBy.DISPATCH])
async def test_the_moments_on_the_forge_are_kept(database: Database, start: StartBy) -> None:
    """A published release knows when its tag was there and its run began, in that order, and nothing that was not dated."""
    world = World(database)
    await world.project("p", start)
    await approve(world, await asked(world, "p"))
    await world.rest(stands(ReleaseState.PUBLISHED), "p")
    found = await now(world, "p")
    seen = unpacked(Progress, found.progress).at
    tag = seen.get("tag_made") or seen["tag_used"]
    assert found.requested_at <= tag <= seen["run_found"] <= found.state_at
    assert set(seen) <= {str(step) for step in DATED}
