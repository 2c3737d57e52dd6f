"""Credentials of teams and projects, and secrets on their way in, on both databases."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.ledger import credentials, entries, teams
from storage.ledger.credentials import NewCredential
from storage.ledger.entries import NewEntry
from storage.records import Credential, CredentialKind, DoesNotOpen, Entry, Secret
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
STATE, HERE, THERE = "a" * 64, "b" * 64, "c" * 64
TOKEN = NewCredential(CredentialKind.API_TOKEN, "pypi", "API token", Secret("team-wide"))
MINE = replace(TOKEN, project="widgets", secret=Secret("of-widgets"), remind_at=LATER)
LOGIN = replace(TOKEN, kind=CredentialKind.PASSWORD, secret=Secret("pass-word"), username=Secret("ada"))
LINK = NewEntry(
    uuid4(), "U1", "C1", "pypi", "", CredentialKind.API_TOKEN, LATER, {"response_url": Secret("https://hook")},
    state_hash=STATE, who="@ada",
)  # fmt: skip
TYPED = Entry(
    uuid4(), uuid4(), "", "", "pypi", "widgets", CredentialKind.PASSWORD, ("c1",), Secret("s3cret"), Secret("ada"), None
)  # fmt: skip


async def team_of(database: Database, name: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, name, "", NOW)).id


async def kept(database: Database, team: UUID, new: NewCredential, who: str = "U1") -> Credential:
    """Keep a credential."""
    async with database.transaction() as session:
        return (await credentials.store(session, team, new, who, NOW))[0]


async def sent(database: Database, team: UUID, project: str, index: str = "pypi") -> str:
    """Return what would be sent for a project, "" for nothing."""
    async with database.transaction() as session:
        found = await credentials.find(session, team, index, project)
        if found is not None:
            await credentials.used(session, team, found.credential.id, (f"upload of {project}", NOW))
    return found.secret.reveal() if found else ""


async def test_the_projects_own_beats_the_teams(database: Database) -> None:
    """A project's credential is sent for it alone, the team's for the others, a token before a password, and each use counts."""
    team, other = await team_of(database), await team_of(database, "T2")
    await kept(database, team, LOGIN)
    async with database.reading() as session:
        found = await credentials.find(session, team, "pypi", "core")
    assert found is not None
    assert found.username is not None
    assert (found.secret.reveal(), found.username.reveal()) == ("pass-word", "ada")
    assert "pass-word" not in repr(found)
    await kept(database, team, TOKEN)
    await kept(database, team, MINE)
    assert await sent(database, team, "widgets") == "of-widgets"
    assert await sent(database, team, "core") == "team-wide"
    assert await sent(database, team, "core", "testpypi") == ""
    assert await sent(database, other, "core") == ""
    async with database.reading() as session:
        of_team, _, of_project = await credentials.listed(session, team)
    assert {(of_team.uses, of_team.last_purpose), (of_project.uses, of_project.last_purpose)} >= {
        (1, "upload of widgets")
    }


async def test_a_refused_one_is_not_sent_again(database: Database) -> None:
    """What the index refused is marked once, and nothing is sent in its place until a person replaces it."""
    team = await team_of(database)
    await kept(database, team, TOKEN)
    mine = await kept(database, team, MINE)
    async with database.transaction() as session:
        assert await credentials.refused(session, team, mine.id, NOW)
        assert not await credentials.refused(session, team, mine.id, LATER)
    assert await sent(database, team, "widgets") == ""
    assert await sent(database, team, "core") == "team-wide"
    await kept(database, team, replace(MINE, secret=Secret("newer")))
    assert await sent(database, team, "widgets") == "newer"
    async with database.transaction() as session:
        assert not await credentials.refused(
            session, team, mine.id, NOW
        )  # it is gone, its successor is another


async def test_of_two_people_one_wins(database: Database) -> None:
    """Of many who replace the same credential one does, and the others learn that somebody was faster."""
    team = await team_of(database)
    first = await kept(database, team, TOKEN)

    async def replaced(number: int) -> Credential | None:
        new = replace(TOKEN, secret=Secret(f"by-{number}"))
        async with database.transaction() as session:
            return await credentials.store_seen(session, team, new, (f"U{number}", NOW), (str(first.id),))

    done = [one for one in await asyncio.gather(*map(replaced, range(4))) if one is not None]
    assert len(done) == 1
    assert await sent(database, team, "core") == f"by-{done[0].added_by[1:]}"
    async with database.reading() as session:
        old = await credentials.get(session, team, first.id)
    assert old is not None
    assert old.revoked_by == done[0].added_by


async def test_of_two_who_add_the_first_one_wins(database: Database) -> None:
    """Where nothing was before, the database itself lets one of two at the same time add it."""
    team = await team_of(database)

    async def added(number: int) -> Credential | None:
        new = replace(MINE, secret=Secret(f"by-{number}"))
        async with database.transaction() as session:
            return await credentials.store_seen(session, team, new, (f"U{number}", NOW), ())

    done = [one for one in await asyncio.gather(*map(added, range(3))) if one is not None]
    assert len(done) == 1


async def test_an_owner_is_reminded_once(database: Database) -> None:
    """A reminder is due at its time, one of two takes it, and a revoked credential reminds nobody."""
    team = await team_of(database)
    mine = await kept(database, team, MINE)
    async with database.transaction() as session:
        assert await value_of(session, credentials.next_due()) == LATER
        assert list(await credentials.due(session, NOW, 5)) == []
        (due,) = await credentials.due(session, LATER, 5)
        assert await credentials.reminded(session, due, LATER + timedelta(days=1))
        assert not await credentials.reminded(session, due, None)
        assert await credentials.revoke(session, team, mine.id, "U2", NOW)
        assert await value_of(session, credentials.next_due()) is None


async def test_an_entry_of_a_link_is_entered_once_by_one_browser(database: Database) -> None:
    """A link takes one secret, from one browser, which alone sees it again; used up, nothing is left."""
    team = await team_of(database)
    async with database.transaction() as session:
        assert await entries.begin(session, team, LINK, NOW)
        assert await entries.whose(session, STATE, NOW) == ("@ada", "pypi", team)
        assert await entries.whose(session, STATE, LATER) is None

    async def enter(browser: str) -> Entry | None:
        async with database.transaction() as session:
            return await entries.enter(session, STATE, browser, TYPED, NOW)

    found = await asyncio.gather(enter(HERE), enter(THERE))
    (mine,) = [one for one in found if one]
    assert (mine.user, mine.project, mine.seen, mine.kind) == ("U1", "widgets", ("c1",), TYPED.kind)
    assert (mine.secret, mine.username, mine.response_url) == (
        Secret("s3cret"),
        Secret("ada"),
        Secret("https://hook"),
    )
    here, there = (HERE, THERE) if found[0] else (THERE, HERE)
    async with database.transaction() as session:
        assert await entries.whose(session, STATE, NOW) is None
        assert await entries.of_browser(session, STATE, here, NOW) == mine
        assert await entries.of_browser(session, STATE, there, NOW) is None
        assert await entries.of_browser(session, STATE, "", NOW) is None
        assert await entries.of_browser(session, STATE, here, LATER) is None
        assert await entries.close(session, team, mine.id)
        assert not await entries.close(session, team, mine.id)
        assert (await session.execute(text("SELECT count(*) FROM credential_entries"))).scalar() == 0


async def test_an_entry_ends(database: Database) -> None:
    """What nobody agreed to within its term can't be kept any more, is another team's never, and goes with the next."""
    team, other = await team_of(database), await team_of(database, "T2")
    draft = replace(LINK, state_hash=None, secrets={"secret": Secret("x")})
    async with database.transaction() as session:
        assert await entries.begin(session, team, draft, NOW)
        assert not await entries.begin(session, team, draft, NOW)
        assert await entries.get(session, other, draft.id, NOW) is None
        assert await entries.get(session, team, draft.id, LATER) is None
        assert await entries.get(session, team, draft.id, NOW) is not None
        await entries.prune(session, LATER)
        assert await entries.get(session, team, draft.id, NOW) is None


@pytest.mark.parametrize("table", ["credentials", "credential_entries"])
async def test_what_was_moved_or_changed_does_not_open(database: Database, table: str) -> None:
    """A sealed value of another row, table or team, or with a flipped bit, does not open."""
    team, other = await team_of(database), await team_of(database, "T2")
    draft = replace(LINK, state_hash=None, secrets={"secret": Secret("x")})
    async with database.transaction() as session:
        for number, one in enumerate((team, other)):
            await credentials.store(session, one, TOKEN, "U1", NOW)
            await credentials.store(session, one, MINE, "U1", NOW)
            await entries.begin(session, one, replace(draft, id=UUID(int=number + 1)), NOW)
            await entries.begin(session, one, replace(draft, id=UUID(int=number + 11)), NOW)

    async def opens(blob: bytes) -> None:
        async with database.transaction() as session:
            values = {"blob": blob}
            await session.execute(text(f"UPDATE {table} SET sealed = :blob"), values)
            if table == "credentials":
                await credentials.find(session, team, "pypi", "widgets")
                await credentials.find(session, other, "pypi", "widgets")
            else:
                for number in (1, 11):
                    await entries.get(session, team, UUID(int=number), NOW)

    async with database.reading() as session:
        blobs = [
            blob
            for name in ("credentials", "credential_entries")
            for (blob,) in await session.execute(text(f"SELECT sealed FROM {name}"))
        ]
    flipped = blobs[0][:-1] + bytes([blobs[0][-1] ^ 1])
    for blob in (*blobs, flipped):
        with pytest.raises(DoesNotOpen):  # every row has it now, so at least one holds what is another's
            await opens(blob)


async def test_what_is_good_once_is_used_once(database: Database) -> None:
    """Of two uses within the time for which a one-time code is good one wins; the next time each may again."""
    team = await team_of(database)
    one = await kept(database, team, LOGIN)

    async def use(seconds: int) -> bool:
        now = NOW + timedelta(seconds=seconds)
        async with database.transaction() as session:
            since = NOW + timedelta(seconds=seconds - seconds % 30)
            return await credentials.used(session, team, one.id, ("upload", now), since)

    assert sorted(await asyncio.gather(use(1), use(2))) == [False, True]
    assert [await use(29), await use(30), await use(59), await use(60)] == [False, True, False, True]
