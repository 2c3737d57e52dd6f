"""Yanks on both databases: beside a release of the same version, and never doing what a release does."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.ledger import releases
from storage.ledger.releases import NewRelease
from storage.records import Project, Release, ReleaseKind, ReleaseState
from tests.storage.test_releases import ACTS, ASKED, NOW, SOON, ask, moved, project, read

S, YANK = ReleaseState, ReleaseKind.YANK


async def ask_yank(database: Database, of: Project, version: str = "1.0") -> tuple[Release, bool]:
    """Ask for a yank."""
    new = NewRelease(version, "", "It is broken.", "C1", "U1", {}, "", None, YANK)
    async with database.transaction() as session:
        return await releases.ask(session, of.team_id, of, new, NOW)


async def test_a_yank_and_a_release_stand_side_by_side(database: Database) -> None:
    """Of each kind one is under way for a version; they are told apart wherever only one kind counts."""
    of = await project(database)
    release, _ = await ask(database, of)
    yank, made = await ask_yank(database, of)
    assert made
    assert (await ask_yank(database, of)) == (yank, False)
    assert (yank.kind, release.kind, yank.notes) == (YANK, ReleaseKind.RELEASE, "It is broken.")
    async with database.reading() as session:
        team = of.team_id
        assert await releases.under_way(session, of.id, team) == [release]
        assert await releases.of_version(session, team, of.id, "1.0") == [release]
        assert await releases.newest(session, team, "widgets", kind=YANK) == yank
        assert await releases.newest(session, team, "widgets", kind=ReleaseKind.RELEASE) == release
        assert (await releases.listed(session, team, 5))[1] == 2


async def test_a_yank_goes_its_own_way(database: Database) -> None:
    """It needs neither commit nor tag, ends as yanked, and can be taken up again beside a release of the version."""
    of = await project(database)
    yank, _ = await ask_yank(database, of)
    assert await moved(database, yank, state=S.AWAITING_APPROVAL, **ASKED)
    yank = await read(database, yank)
    assert await moved(database, yank, state=S.FAILED, next_at=None)
    yank = await read(database, yank)
    await ask(database, of, now=SOON)
    assert await moved(database, yank, state=S.VERIFYING, next_at=SOON)
    yank = await read(database, yank)
    assert await moved(database, yank, state=S.YANKED, next_at=None)
    async with database.reading() as session:
        assert await releases.counts(session) == {"requested": 1, "yanked": 1}
        assert await releases.last_published(session, of.team_id, of.id) is None


@pytest.mark.parametrize(
    "values",
    [
        {"state": S.TAGGING, **ACTS},
        {"state": S.BUILDING, **ACTS},
        {"state": S.PUBLISHING, **ACTS},
        {"state": S.PUBLISHED, "next_at": None, **ACTS},
        {"run_id": 7},
        {"begun": "tag", "begun_at": NOW},
        {"state": S.YANKED},
    ],
)
async def test_a_yank_does_nothing_of_a_release(database: Database, values: dict[str, Any]) -> None:
    """The database itself refuses a yank that tags, starts, runs or publishes, or that is looked at after its end."""
    yank, _ = await ask_yank(database, await project(database))
    with pytest.raises(IntegrityError):
        await moved(database, yank, **values)
    assert await read(database, yank) == yank


async def test_a_release_is_never_yanked(database: Database) -> None:
    """Nor does it let a release end as a yank does."""
    release, _ = await ask(database, await project(database))
    with pytest.raises(IntegrityError):
        await moved(database, release, state=S.YANKED, next_at=None)
    assert await read(database, release) == release
