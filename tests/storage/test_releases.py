"""Releases on both databases: one under way for each version, each step won by one, each person one vote."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.core import lifecycle
from storage.database import Database
from storage.ledger import approvals, leases, projects, publishers, releases, teams
from storage.ledger.releases import NewRelease, Share
from storage.records import (
    Evidence,
    EvidenceKind,
    Project,
    Registration,
    Release,
    ReleaseReason,
    ReleaseState,
    StartBy,
    Verdict,
)
from storage.tables.releases import RELEASE_UNDER_WAY
from tests.storage.asking import value_of

S = ReleaseState
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=3)
LEASE = (NOW, SOON)
ACTS: dict[str, Any] = {"commit": "a" * 40, "tag": "v1.0"}
ASKED: dict[str, Any] = {"asked_at": NOW, "expires_at": SOON}


async def project(
    database: Database, team: str = "T1", name: str = "widgets", repo: str = "Widgets"
) -> Project:
    """Return a project of a team."""
    wanted = Registration("pypi", name, "Acme", repo, "release.yml", "pypi")
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, team, "", NOW)).id
        await publishers.request(session, team_id, wanted, ("U1", "C1"), NOW)
        (found,) = await projects.named(session, team_id, name, "pypi")
    return found


async def ask(
    database: Database, of: Project, version: str = "1.0", now: datetime = NOW
) -> tuple[Release, bool]:
    """Ask for a release."""
    new = NewRelease(version, "", "First.", "C1", "U1", {"quorum": 1}, "testpypi", None)
    async with database.transaction() as session:
        return await releases.ask(session, of.team_id, of, new, now)


async def asked(database: Database) -> Release:
    """Return a release that somebody asked for."""
    release, made = await ask(database, await project(database))
    assert made
    return release


async def moved(database: Database, release: Release, owner: UUID | None = None, **values: Any) -> bool:
    """Move a release along."""
    async with database.transaction() as session:
        return await releases.move(session, release, owner, **values)


async def read(database: Database, release: Release) -> Release:
    """Return the release as it is now."""
    async with database.reading() as session:
        found = await releases.get(session, release.team_id, release.id)
    assert found is not None
    return found


async def claimed(
    database: Database, owner: UUID, times: tuple[datetime, datetime] = LEASE
) -> Sequence[Release]:
    """Take what is due."""
    async with database.transaction() as session:
        return await releases.claim(session, owner, times, 10)


async def test_what_was_asked_comes_back(database: Database) -> None:
    """A release is what was asked for, of the project as it is, and due at once."""
    release = await asked(database)
    assert (release.version, release.notes, release.rehearsal) == ("1.0", "First.", "testpypi")
    assert (release.slack_team_id, release.target.slug) == ("T1", "Acme/Widgets")
    assert (release.state, release.reason, release.round) == (S.REQUESTED, ReleaseReason.ASKED, 0)
    assert (release.next_at, release.policy, release.begun) == (NOW, {"quorum": 1}, "")
    assert await read(database, release) == release


async def test_one_is_under_way(database: Database) -> None:
    """A second wish for the same version finds the first, also at the same moment; another version is another."""
    of = await project(database)
    found = await asyncio.gather(*(ask(database, of) for _ in range(4)))
    assert len({release.id for release, _ in found}) == 1
    assert sorted(made for _, made in found) == [False, False, False, True]
    assert (await ask(database, of, "1.1"))[1]


def test_under_way_is_what_the_lifecycle_says() -> None:
    """The database's index, the ledger and the lifecycle name the same states."""
    listed = set(RELEASE_UNDER_WAY.partition("(")[2].replace("'", "").rstrip(")").split(", "))
    assert listed == set(lifecycle.UNDER_WAY) == set(releases._UNDER_WAY)


async def test_a_claim_is_won_once(database: Database) -> None:
    """Of claimants at the same time each release has one, until its lease is over."""
    of = await project(database)
    for number in range(12):
        await ask(database, of, f"1.{number}")
    found = await asyncio.gather(*(claimed(database, uuid4()) for _ in range(3)))
    ids = [release.id for part in found for release in part]
    assert (len(ids), len(set(ids))) == (12, 12)
    assert await claimed(database, uuid4()) == []
    async with database.reading() as session:
        assert await value_of(session, releases.next_due(), NOW) is None
        assert await value_of(session, releases.next_due(), SOON + timedelta(seconds=1)) == NOW
    late = SOON + timedelta(seconds=1)
    assert len(await claimed(database, uuid4(), (late, late + timedelta(minutes=3)))) == 10


async def test_one_release_is_claimed_as_it_was_seen(database: Database) -> None:
    """Claiming one release fails where somebody holds it, or it has moved on; a restart frees it."""
    release, owner = await asked(database), uuid4()
    async with database.transaction() as session:
        assert await releases.claim_one(session, release, owner, LEASE)
        assert not await releases.claim_one(session, release, uuid4(), LEASE)
        await leases.retake(session)
        assert await releases.claim_one(session, release, owner, LEASE)
    assert await moved(database, release, owner, round=1)
    async with database.transaction() as session:
        assert not await releases.claim_one(session, release, owner, LEASE)


async def test_a_move_is_of_what_was_seen(database: Database) -> None:
    """What a step decides is written only while state, round and lease are what they were; else nothing is."""
    release, owner = await asked(database), uuid4()
    await claimed(database, owner)
    assert not await moved(database, release, uuid4(), detail="of another lease")
    assert not await moved(database, replace(release, round=1), owner, detail="of another round")
    assert not await moved(database, replace(release, state=S.APPROVED), None, detail="of another state")
    assert not await moved(database, replace(release, team_id=uuid4()), None, detail="of another team")
    assert await moved(database, release, owner, keep_lease=True, detail="x" * 900, run_id=2**40)
    assert await moved(database, release, owner, start=StartBy.PUSH, report={"a": [1]})
    assert not await moved(database, release, owner, detail="the lease has ended")
    found = await read(database, release)
    assert (found.detail, found.run_id, found.start, found.report) == (
        "x" * 500,
        2**40,
        StartBy.PUSH,
        {"a": [1]},
    )


async def test_a_person_needs_no_lease(database: Database) -> None:
    """What a person does goes before what the engine is at: whoever holds the lease loses it."""
    release, owner = await asked(database), uuid4()
    await claimed(database, owner)
    assert await moved(database, release, state=S.CANCELLED, next_at=None)
    assert not await moved(database, release, owner, state=S.AWAITING_APPROVAL, **ASKED)
    async with database.transaction() as session:
        assert not await releases.begin(session, release, owner, "tag", NOW)


async def test_an_act_is_written_down_before(database: Database) -> None:
    """An act begins only under the lease, which goes on; what was begun is there for the next one to see."""
    release, owner = await asked(database), uuid4()
    await claimed(database, owner)
    async with database.transaction() as session:
        assert not await releases.begin(session, release, uuid4(), "tag", NOW)
        assert await releases.begin(session, release, owner, "tag", NOW)
        found = await releases.lock(session, release.team_id, release.id)
    assert found is not None
    assert (found.begun, found.begun_at) == ("tag", NOW)
    assert await moved(database, release, owner, begun="", begun_at=None)


async def test_a_lock_holds_the_others_up(database: Database) -> None:
    """Two who decide at the same time by what they read see each other's decision."""
    release = await asked(database)

    async def count() -> None:
        async with database.transaction() as session:
            found = await releases.lock(session, release.team_id, release.id)
            assert found is not None
            await asyncio.sleep(0)
            await releases.move(session, found, None, faults=found.faults + 1)

    await asyncio.gather(*(count() for _ in range(6)))
    assert (await read(database, release)).faults == 6


async def test_a_retry_does_not_make_two(database: Database) -> None:
    """A failed release is not taken up again while another of its version is under way; after that it is."""
    first = await asked(database)
    assert await moved(database, first, state=S.FAILED, next_at=None)
    first = await read(database, first)
    of = await project(database)
    second, made = await ask(database, of, now=SOON)
    assert made
    async with database.transaction() as session:
        assert not await releases.move(session, first, None, state=S.APPROVED, next_at=NOW)
        # The refusal has spoilt nothing: the transaction goes on.
        assert await releases.move(session, second, None, state=S.CANCELLED, next_at=None)
        assert await releases.move(session, first, None, state=S.APPROVED, next_at=NOW)
    assert (await read(database, first)).state is S.APPROVED


async def test_two_retries_at_once_make_one(database: Database) -> None:
    """Of two failed releases of a version that are taken up in the same moment one goes on."""
    of = await project(database)
    failed = []
    for number in range(2):
        release, _ = await ask(database, of, now=NOW + timedelta(minutes=number))
        assert await moved(database, release, state=S.FAILED, next_at=None)
        failed.append(await read(database, release))
    won = await asyncio.gather(*(moved(database, one, state=S.APPROVED, next_at=NOW) for one in failed))
    assert sorted(won) == [False, True]


@pytest.mark.parametrize(
    "values",
    [
        {"state": S.PUBLISHED, **ACTS},
        {"state": S.AWAITING_APPROVAL},
        {"state": S.TAGGING},
        {"begun": "tag"},
        {"begun_at": NOW},
    ],
)
async def test_what_cannot_be_is_refused(database: Database, values: dict[str, Any]) -> None:
    """The database itself refuses an ended release that is still looked at, and one that acts on no commit."""
    release = await asked(database)
    with pytest.raises(IntegrityError):
        await moved(database, release, **values)
    assert await read(database, release) == release


async def test_a_fault_of_ours_is_not_called_a_lost_race(database: Database) -> None:
    """Also where a release is taken up again, a row that can't be is an error and not a mere "no"."""
    release = await asked(database)
    assert await moved(database, release, state=S.FAILED, next_at=None)
    failed = await read(database, release)
    with pytest.raises(IntegrityError):
        await moved(database, failed, state=S.TAGGING)


async def test_releases_are_found(database: Database) -> None:
    """Those under way come first, then the newest; of another project, version or team none."""
    of, other = await project(database), await project(database, "T2")
    old, _ = await ask(database, of, "1.0")
    new, _ = await ask(database, of, "1.1", SOON)
    await ask(database, other, "1.0")
    assert await moved(database, new, state=S.PUBLISHED, next_at=None, state_at=SOON, **ACTS)
    new, team = await read(database, new), of.team_id
    async with database.reading() as session:
        assert await releases.newest(session, team, "widgets") == old
        assert await releases.newest(session, team, "widgets", "1.1", "pypi") == new
        assert await releases.newest(session, team, "widgets", index="testpypi") is None
        assert await releases.newest(session, team, "gadgets") is None
        assert await releases.listed(session, team, 1) == ([new], 2)
        assert await releases.listed(session, team, 5, "gadgets") == ([], 0)
        assert await releases.under_way(session, of.id, team) == [old]
        assert await releases.under_way(session, of.id, other.team_id) == []
        assert await releases.last_published(session, team, of.id) == new
        assert await releases.published(session, team, of.id, "1.1") == new
        assert await releases.published(session, team, of.id, "1.0") is None
        assert await releases.get(session, other.team_id, old.id) is None
        assert await releases.lock(session, other.team_id, old.id) is None
        assert await releases.counts(session) == {"requested": 2, "published": 1}
        assert await projects.near(session, team, "widget") == ["widgets"]


async def test_a_webhook_makes_due(database: Database) -> None:
    """What waits for a repository is due at once, in whatever case it is written; what is being looked at is looked at again."""
    waiting, elsewhere, held, early = [
        (await ask(database, await project(database, "T1", name, repo)))[0]
        for name, repo in (("a", "Widgets"), ("b", "Gadgets"), ("c", "widgets"), ("d", "widgets"))
    ]
    later = NOW + timedelta(hours=1)
    for one in (waiting, elsewhere, held):
        assert await moved(database, one, state=S.BUILDING, next_at=later, **ACTS)
    assert await moved(database, early, next_at=later)
    async with database.transaction() as session:
        owner, claimed = uuid4(), await _of(session, held)
        assert await releases.claim_one(session, claimed, owner, LEASE)
        assert await releases.nudge(session, "ACME", "WIDGETS", NOW) == 2
        assert await releases.nudge(session, "ACME", "WIDGETS", NOW) == 1
        assert await releases.move(session, claimed, owner, next_at=later + timedelta(hours=1))
    found = [await read(database, one) for one in (waiting, elsewhere, held, early)]
    assert [one.next_at for one in found] == [NOW, later, NOW, later]
    async with database.transaction() as session:
        again = await _of(session, held)
        assert await releases.claim_one(session, again, owner, LEASE)
        assert await releases.move(session, again, owner, next_at=later)
    assert (await read(database, held)).next_at == later


async def test_a_webhook_shortens_no_wait_for_who_is_out_of_order(database: Database) -> None:
    """However many events come, what waits since somebody outside was out of order waits on, or its tries would be over."""
    release = await asked(database)
    later = NOW + timedelta(hours=1)
    assert await moved(database, release, state=S.BUILDING, next_at=later, faults=3, **ACTS)
    async with database.transaction() as session:
        assert await releases.nudge(session, "acme", "widgets", NOW) == 0
    assert (await read(database, release)).next_at == later


async def test_a_moved_tag_makes_due_who_is_asked_about_it(database: Database) -> None:
    """A release that waits for approvals is looked at where its own tag moves, and left alone by other events."""
    release = await asked(database)
    later = NOW + timedelta(hours=1)
    values = {"state": S.AWAITING_APPROVAL, "next_at": later, "tag": "v1.4.0", **ASKED}
    assert await moved(database, release, **values)
    async with database.transaction() as session:
        for tag in ("", "v1.4.1"):
            assert await releases.nudge(session, "acme", "widgets", NOW, tag=tag) == 0
        assert await releases.nudge(session, "acme", "widgets", NOW, tag="v1.4.0") == 1


async def _of(session: Any, release: Release) -> Release:
    found = await releases.get(session, release.team_id, release.id)
    assert found is not None
    return found


async def test_a_person_votes_once(database: Database) -> None:
    """Of two votes of one person at the same moment one counts; those of others, and of other rounds, are others."""
    release = await asked(database)

    async def vote(user: str, verdict: Verdict, of: Release = release) -> bool:
        async with database.transaction() as session:
            return await approvals.vote(session, of, user, verdict, "r" * 600, NOW)

    won = await asyncio.gather(*(vote("U1", verdict) for verdict in (*Verdict, *Verdict)))
    assert sum(won) == 1
    assert await vote("U2", Verdict.APPROVED)
    assert await vote("U1", Verdict.REJECTED, replace(release, round=1))
    async with database.reading() as session:
        votes = await approvals.votes(session, release)
        everything = await approvals.all_votes(session, release)
    assert [(one.user, len(one.reason)) for one in votes] == [("U1", 500), ("U2", 500)]
    assert [one.round for one in everything] == [0, 0, 1]


async def test_a_vote_can_be_taken_back_and_cast_anew(database: Database) -> None:
    """A withdrawn vote does not count, and the same person may vote again: as it is now, after the others."""
    release = await asked(database)
    async with database.transaction() as session:
        assert not await approvals.withdraw(session, release, "U1", NOW)
        assert await approvals.vote(session, release, "U1", Verdict.APPROVED, "", NOW)
        assert await approvals.vote(session, release, "U2", Verdict.APPROVED, "", NOW)
        assert await approvals.withdraw(session, release, "U1", NOW)
        assert not await approvals.withdraw(session, release, "U1", NOW)
        assert [one.user for one in await approvals.votes(session, release)] == ["U2"]
        assert [one.withdrawn_at for one in await approvals.all_votes(session, release)] == [NOW, None]
        assert await approvals.vote(session, release, "U1", Verdict.REJECTED, "no", SOON)
        votes = await approvals.votes(session, release)
    assert [(one.user, one.verdict, one.at) for one in votes] == [
        ("U2", Verdict.APPROVED, NOW),
        ("U1", Verdict.REJECTED, SOON),
    ]


async def test_a_vote_is_of_the_releases_team(database: Database) -> None:
    """The database itself refuses a vote or evidence that belongs to another team than its release."""
    release = await asked(database)
    other = await project(database, "T2")
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await approvals.vote(
                session, replace(release, team_id=other.team_id), "U1", Verdict.APPROVED, "", NOW
            )
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text("UPDATE releases SET team_id = :team"), {"team": other.team_id.hex})


async def test_evidence_is_kept_once(database: Database) -> None:
    """Each fact is kept once for each kind and address, with its first time; they come by kind."""
    release = await asked(database)
    facts = [
        Evidence(EvidenceKind.RUN, "https://forge/run", "1" * 64, NOW),
        Evidence(EvidenceKind.DOWNLOADED, "https://index/b.whl", "2" * 64, SOON),
        Evidence(EvidenceKind.DOWNLOADED, "https://index/a.whl", "3" * 64, NOW),
    ]
    async with database.transaction() as session:
        for fact in (*facts, replace(facts[0], seen_at=SOON)):
            await releases.keep_evidence(session, release, fact)
        assert await releases.evidence(session, release) == [facts[2], facts[1], facts[0]]
        assert await releases.evidence(session, replace(release, team_id=uuid4())) == []


async def test_each_share_is_claimed_by_itself(database: Database) -> None:
    """Releases of an index, and those that give the forge orders now, are taken apart, and together they are all."""
    release = await asked(database)
    async with database.transaction() as session:
        for share in (Share("elsewhere"), Share(release.target.index, orders=True)):
            assert await value_of(session, releases.next_due(share), NOW) is None
            assert not await releases.claim(session, uuid4(), (NOW, NOW + timedelta(minutes=1)), 9, share)
        share = Share(release.target.index, orders=False)
        assert await value_of(session, releases.next_due(share), NOW) is not None
        assert [
            one.id
            for one in await releases.claim(session, uuid4(), (NOW, NOW + timedelta(minutes=1)), 9, share)
        ] == [release.id]


async def test_a_misspelt_name_is_looked_for_among_its_neighbours(database: Database) -> None:
    """However many projects a team has, a typo reads a few of their names; another team's are not among them."""
    team = (await project(database, "T1", "widgets")).team_id
    for number in range(6):
        await project(database, "T1", f"project-{number}")
    await project(database, "T2", "project-2a")
    async with database.reading() as session:
        assert await projects.near(session, team, "project-2a", 2) == [
            f"project-{one}" for one in (1, 2, 3, 4)
        ]
        assert await projects.near(session, team, "a", 2) == ["project-0", "project-1"]
        assert await projects.near(session, team, "z", 2) == ["project-5", "widgets"]
        assert len(await projects.near(session, team, "widgetz")) == 7
