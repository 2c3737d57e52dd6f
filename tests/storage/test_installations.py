"""Installations: whose token serves which workspace, sealed; one set of new tokens whatever dies or runs twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.ledger import installations, keys, teams
from storage.ledger.installations import NewInstallation
from storage.records import DoesNotOpen, Installation, Secret, Tokens
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=12)
ENDS = NOW + timedelta(hours=12)
NEXT = LATER + timedelta(hours=10)
LEASE = (LATER, LATER + timedelta(minutes=1))


def new(team: str = "T1", enterprise: str = "", **more: Any) -> NewInstallation:
    """Return an installation of a workspace; of an org where `team` is ""."""
    mark = more.pop("mark", team or enterprise)
    tokens = Tokens(Secret(f"xoxe.xoxb-marked-{mark}"), Secret(f"xoxe-1-marked-{mark}"), ENDS)
    values: dict[str, Any] = {
        "slack_team_id": team, "enterprise_id": enterprise, "org_wide": not team, "name": "Acme", "app_id": "A1",
        "bot_user_id": "UBOT", "scopes": ("commands", "chat:write"), "installed_by": "UALICE", "tokens": tokens,
    }  # fmt: skip
    return NewInstallation(**values | more)


async def put(database: Database, one: NewInstallation) -> Installation:
    """Keep an installation."""
    async with database.transaction() as session:
        return await installations.put(session, one, LATER, NOW)


async def served(database: Database, team: str, enterprise: str = "") -> str:
    """Return the token that a workspace is served with; "" for none."""
    async with database.reading() as session:
        found = await installations.find(session, team, enterprise)
    return found.tokens.token.reveal() if found else ""


async def test_installs_that_anybody_begins_do_not_fill_the_database(database: Database) -> None:
    """Where as many have begun as may, a further one pushes out the oldest, and is good itself."""
    async with database.transaction() as session:
        for number, name in enumerate("abc"):
            ends = NOW + timedelta(minutes=10, seconds=number)
            await installations.begin(session, name, ends, NOW, most=2)
        kept = await session.scalars(text("SELECT state_hash FROM install_states ORDER BY expires_at"))
        assert kept.all() == ["b", "c"]
        assert await installations.consume(session, "c", NOW)
        assert not await installations.consume(session, "a", NOW)


async def test_each_workspace_has_its_own(database: Database) -> None:
    """A workspace is served with its own token alone, whatever the delivery says of its org."""
    first, second = await put(database, new("T1")), await put(database, new("T2", "E1"))
    assert first.team_id != second.team_id
    assert await served(database, "T1") == "xoxe.xoxb-marked-T1"
    assert await served(database, "T2", "E1") == "xoxe.xoxb-marked-T2"
    assert await served(database, "T2") == "xoxe.xoxb-marked-T2"
    assert await served(database, "T3", "E1") == ""
    assert await served(database, "", "E1") == ""
    assert await served(database, "") == ""


async def test_an_org_serves_its_workspaces(database: Database) -> None:
    """A workspace without an installation of its own is served by its org's, as the org's team; other orgs' are not."""
    org, own = await put(database, new("", "E1")), await put(database, new("T1", "E1"))
    assert org.slack_team_id == "E1"
    assert org.team_id != own.team_id
    assert await served(database, "T1", "E1") == "xoxe.xoxb-marked-T1"
    assert await served(database, "T2", "E1") == "xoxe.xoxb-marked-E1"
    assert await served(database, "", "E1") == "xoxe.xoxb-marked-E1"
    assert await served(database, "E1") == "xoxe.xoxb-marked-E1"
    assert await served(database, "T3", "E2") == ""
    async with database.transaction() as session:
        assert await installations.remove(session, own.team_id, NOW)
    assert await served(database, "T1") == "xoxe.xoxb-marked-E1"


async def test_installed_again_it_is_the_same_team(database: Database) -> None:
    """A second install, also in an org that the workspace has joined since, replaces the tokens and keeps the team."""
    first = await put(database, new("T1"))
    again = await put(database, new("T1", "E1", mark="again", scopes=("commands",)))
    assert (again.id, again.team_id, again.revision) == (first.id, first.team_id, first.revision + 1)
    assert again.scopes == ("commands",)
    assert await served(database, "T1") == "xoxe.xoxb-marked-again"
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "E1", NOW)
        assert (team.id, team.enterprise_id) == (first.team_id, "E1")
        assert (await teams.ensure(session, "T1", "", NOW)).id == first.team_id


async def test_two_who_install_at_once_are_one(database: Database) -> None:
    """Two browsers that finish the same workspace's install at once leave one installation, with the tokens of one."""
    both = await asyncio.gather(*(put(database, new("T1", mark=mark)) for mark in ("a", "b")))
    assert len({(one.id, one.team_id) for one in both}) == 1
    assert await served(database, "T1") in {"xoxe.xoxb-marked-a", "xoxe.xoxb-marked-b"}


async def test_tokens_are_sealed_to_their_row(database: Database) -> None:
    """No token lies in plain text, is shown by a record, or opens at another team's row."""
    first, second = await put(database, new("T1")), await put(database, new("T2"))
    assert "marked" not in repr(first)
    assert "marked" not in repr(new())
    async with database.transaction() as session:
        rows = (await session.execute(text("SELECT * FROM installations"))).all()
        assert not any(b"marked" in bytes(str(row), "utf-8") for row in rows)
        (sealed,) = (
            await session.execute(text("SELECT sealed FROM installations WHERE slack_team_id = 'T2'"))
        ).one()
        moved = text("UPDATE installations SET sealed = :sealed WHERE slack_team_id = 'T1'")
        await session.execute(moved, {"sealed": sealed})
    assert second.team_id != first.team_id
    with pytest.raises(DoesNotOpen):
        await served(database, "T1")


async def test_taken_away_its_tokens_are_destroyed(database: Database) -> None:
    """Taken away, an installation serves nobody and is not exchanged; installed again, it serves as the same team."""
    first = await put(database, new("T1"))
    async with database.transaction() as session:
        assert await installations.remove(session, first.team_id, NOW)
        assert not await installations.remove(session, first.team_id, NOW)
        assert await installations.of_team(session, first.team_id) is None
        assert await value_of(session, installations.next_due(), LATER) is None
        kept = await session.scalar(text("SELECT sealed FROM installations"))
    assert kept is None
    assert await served(database, "T1") == ""
    assert (await put(database, new("T1", mark="back"))).team_id == first.team_id
    assert await served(database, "T1") == "xoxe.xoxb-marked-back"


async def test_tokens_are_exchanged_by_one(database: Database) -> None:
    """Of all that find a token due one takes it; the others get nothing until the lease ends."""
    await put(database, new("T1"))
    owners = [uuid4(), uuid4()]

    async def claim(number: int) -> list[Installation]:
        async with database.transaction() as session:
            return list(await installations.claim(session, owners[number], LEASE, 5))

    found = await asyncio.gather(claim(0), claim(1))
    assert sorted(map(len, found)) == [0, 1]
    owner = owners[0 if found[0] else 1]
    held = next(one for many in found for one in many)
    fresh = Tokens(Secret("xoxe.xoxb-marked-fresh"), Secret("xoxe-1-next"), LATER + timedelta(hours=12))
    async with database.transaction() as session:
        assert await installations.take(session, held, uuid4(), LEASE) is None
        assert await installations.exchanged(session, held, owner, fresh, (), NEXT)
        assert not await installations.exchanged(session, held, owner, fresh, (), NEXT)
        assert await installations.claim(session, owner, LEASE, 5) == []
        assert await installations.take(session, held, owner, LEASE) is None, "it was exchanged meanwhile"
    assert await served(database, "T1") == "xoxe.xoxb-marked-fresh"


async def test_new_tokens_of_an_install_are_never_written_over(database: Database) -> None:
    """Whoever exchanges the tokens of before loses against an install that came in between."""
    await put(database, new("T1"))
    owner = uuid4()
    async with database.transaction() as session:
        (held,) = await installations.claim(session, owner, LEASE, 5)
    await put(database, new("T1", mark="again"))
    late = Tokens(Secret("xoxe.xoxb-late"), Secret("xoxe-1-late"), LATER)
    async with database.transaction() as session:
        assert not await installations.exchanged(session, held, owner, late, (), LATER)
        assert not await installations.rest(session, held, owner, LATER)
    assert await served(database, "T1") == "xoxe.xoxb-marked-again"


async def test_a_refused_exchange_is_counted_and_rests(database: Database) -> None:
    """Given back, an installation keeps its tokens, rests until the moment, and counts its refusals."""
    await put(database, new("T1"))
    owner, then = uuid4(), LATER + timedelta(minutes=5)
    async with database.transaction() as session:
        (held,) = await installations.claim(session, owner, LEASE, 5)
        assert await installations.rest(session, held, owner, then, refused=True)
        assert await installations.claim(session, owner, LEASE, 5) == []
        assert await value_of(session, installations.next_due(), LATER) == then
        (again,) = await installations.claim(session, owner, (then, then + timedelta(minutes=1)), 5)
    assert (again.faults, again.tokens) == (1, held.tokens)


async def test_a_state_is_good_once_and_for_a_time(database: Database) -> None:
    """The state of an install is used once, by whoever has it, before it ends."""
    async with database.transaction() as session:
        await installations.begin(session, "a", LATER, NOW)
        await installations.begin(session, "b", LATER, NOW)
        assert await installations.consume(session, "a", NOW)
        assert not await installations.consume(session, "a", NOW)
        assert not await installations.consume(session, "b", LATER)
        assert not await installations.consume(session, "c", NOW)


async def test_a_destroyed_key_is_made_anew_by_an_install(database: Database) -> None:
    """Where a team's data key is gone, installing the app again makes one, and the new tokens open."""
    first = await put(database, new("T1"))
    assert database.vault is not None
    async with database.transaction() as session:
        await installations.remove(session, first.team_id, NOW)
        await session.execute(text("DELETE FROM data_keys"))
    database.vault.forget(first.team_id)
    await put(database, new("T1", mark="back"))
    assert await served(database, "T1") == "xoxe.xoxb-marked-back"
    async with database.reading() as session:
        assert await keys.any_wrapped(session)
