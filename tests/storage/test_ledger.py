"""The ledger on both databases."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from storage.database import Database
from storage.ledger import inbox, publishers, teams
from storage.ledger.inbox import NewIntent
from storage.records import Publisher, PublisherState, Registration, Secret

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WANTED = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")


async def asked(database: Database, now: datetime = NOW) -> Publisher:
    """Return a publisher that a team asked for."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", now)
        publisher, made = await publishers.request(session, team.id, WANTED, ("U1", "C1"), now)
    assert made
    return publisher


async def test_a_second_request_finds_the_open_one(database: Database) -> None:
    """A project has one open publisher on an index, however often it is asked for."""
    first = await asked(database)
    async with database.transaction() as session:
        again, made = await publishers.request(session, first.team_id, WANTED, ("U2", "C1"), NOW)
    assert (again.id, made) == (first.id, False)


async def test_a_claim_is_won_once(database: Database) -> None:
    """Of two claimants of a due publisher one gets it, until its lease is over."""
    publisher = await asked(database)
    until = NOW + timedelta(minutes=3)
    async with database.transaction() as session:
        mine = await publishers.claim(session, "pypi", uuid4(), (NOW, until), 10)
    async with database.transaction() as session:
        theirs = await publishers.claim(session, "pypi", uuid4(), (NOW, until), 10)
    assert ([one.id for one in mine], list(theirs)) == ([publisher.id], [])
    late = until + timedelta(seconds=1)
    async with database.transaction() as session:
        assert (
            len(await publishers.claim(session, "pypi", uuid4(), (late, late + timedelta(minutes=3)), 10))
            == 1
        )


async def test_a_lost_claim_writes_nothing(database: Database) -> None:
    """What a step decides is written only while its claim holds."""
    publisher = await asked(database)
    async with database.transaction() as session:
        await publishers.claim(session, "pypi", uuid4(), (NOW, NOW + timedelta(minutes=3)), 10)
    async with database.transaction() as session:
        assert not await publishers.move(
            session, publisher, uuid4(), state=PublisherState.FAILED, next_at=None
        )
        kept = await publishers.get(session, publisher.team_id, publisher.id)
    assert kept is not None
    assert kept.state is PublisherState.REQUESTED


async def test_a_delivery_is_written_once(database: Database) -> None:
    """The same delivery twice is one intent, and its secret opens for the one who claims it."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        wish = NewIntent("publisher.list", "U1", "C1", {}, {"token": Secret("s3cret")})
        assert await inbox.put(session, team.id, "trigger-1", wish, NOW)
        assert not await inbox.put(session, team.id, "trigger-1", wish, NOW)
    async with database.transaction() as session:
        items = await inbox.claim(session, NOW, timedelta(minutes=1), 10)
    assert [item.sealed["token"].reveal() for item in items] == ["s3cret"]
