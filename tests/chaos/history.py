"""What must hold once the storm is over, worked out from the rows, the stand-ins and the audit trail."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence

from sqlalchemy import func, select
from sqlmodel import col

from storage.database import Database
from storage.ledger import audit, inbox, outbox
from storage.records import InboxState, ReleaseState
from storage.tables import InboxRow, OutboxRow, ReleaseRow, TeamRow
from tests.bench.releases_world import Place
from tests.chaos.fleet import Fleet
from tests.releases import proof

QUIET = 0.5


async def until_published(fleet: Fleet, database: Database, count: int, seconds: float) -> None:
    """Wait until so many releases are published and nothing is left to say or to do; AssertionError tells what is left."""
    await within(seconds, _until_over(database, count), fleet, database)


async def _until_over(database: Database, count: int) -> None:
    while True:  # other processes' state: there is nothing to wait on but asking
        if await _over(database, count):
            return
        await asyncio.sleep(QUIET)


async def within(seconds: float, what: Awaitable[None], fleet: Fleet, database: Database) -> None:
    """Wait for something; AssertionError tells what is left."""
    try:
        async with asyncio.timeout(seconds):
            await what
    except TimeoutError:
        raise AssertionError(f"after {seconds:g} s: {fleet.doing} {await left(database)}") from None


async def _over(database: Database, count: int) -> bool:
    async with database.reading() as session:
        states = await session.execute(
            select(col(ReleaseRow.state), func.count()).group_by(col(ReleaseRow.state))
        )
        releases = {str(state): number for state, number in states}
        said, done = await outbox.counts(session), await inbox.counts(session)
    return (releases, set(said), set(done)) == ({"published": count}, {"sent"}, {"done"})


async def left(database: Database) -> str:
    """Return what is not over, and when it is to go on."""
    async with database.reading() as session:
        releases, said, done = ReleaseRow, OutboxRow, InboxRow
        found = [
            *(
                await session.execute(
                    select(
                        col(releases.project),
                        col(releases.state),
                        col(releases.reason),
                        col(releases.next_at),
                        col(releases.lease_until),
                    ).where(col(releases.state) != "published")
                )
            ),
            *(
                await session.execute(
                    select(col(said.kind), col(said.state), col(said.error), col(said.next_at)).where(
                        col(said.state) != "sent"
                    )
                )
            ),
            *(
                await session.execute(
                    select(col(done.kind), col(done.state), col(done.error), col(done.next_at)).where(
                        col(done.state) != "done"
                    )
                )
            ),
        ]
    return "\n".join(" ".join(map(str, one)) for one in found) or "nothing"


async def check(fleet: Fleet, database: Database, places: Sequence[Place]) -> dict[str, int]:
    """Look at the whole history: nothing lost, nothing doubled, nobody told of another's; returns what was counted."""
    _acts(fleet, places)
    people = {f"{place.user}2" for place in places}
    async with database.reading(steady=True) as session:
        for team_id, team in await session.execute(select(col(TeamRow.id), col(TeamRow.slack_team_id))):
            events = list(reversed(await audit.trail(session, team_id, limit=100_000)))
            assert not (await audit.verify(session, team_id)).broken
            trails = proof.read(events, people)
            assert {one.state for one in trails.values()} == {ReleaseState.PUBLISHED}
            names = {str(event.subject).partition(" ")[0] for event in events if "release" in event.detail}
            assert names <= {place.project for place in places if place.channel.startswith(f"{team}C")}
            _founded(fleet, names, trails)
        rows = await session.execute(
            select(col(OutboxRow.id), col(OutboxRow.channel), col(OutboxRow.ts)).where(
                col(OutboxRow.user) == ""
            )
        )
        said = {str(row_id): (channel, ts) for row_id, channel, ts in rows}
        kept = await session.execute(select(col(InboxRow.dedupe_key), col(InboxRow.state)))
        _promised(fleet, {str(key): state for key, state in kept})
    return _messages(fleet, places, said)


def _promised(fleet: Fleet, kept: dict[str, InboxState]) -> None:
    """Each delivery that was acknowledged without a word is done; and nothing was done that nobody had asked for."""
    lost = [one for one in fleet.slack.taken if kept.get(one) is not InboxState.DONE]
    assert not lost, f"acknowledged, and not done: {lost}"
    assert set(kept) <= {*fleet.slack.taken, *fleet.slack.refused}


def _acts(fleet: Fleet, places: Sequence[Place]) -> None:
    """Each project has its tag, one run of one attempt, and each file once."""
    for place in places:
        repository = fleet.forge.state.repositories[f"acme/{place.project}"]
        assert [(run.attempt, run.conclusion) for run in repository.runs] == [(1, "success")], place
        files = [
            file.filename
            for file in fleet.index.state.projects[place.project].files
            if "1.0.0" in file.filename
        ]
        assert len(files) == len(set(files)) == 2, (place, files)


def _founded(fleet: Fleet, names: set[str], trails: dict[str, proof.Trail]) -> None:
    """What was run is what was approved, at that commit."""
    commits = {commit for trail in trails.values() for commit in trail.commits}
    for name in names:
        for run in fleet.forge.state.repositories[f"acme/{name}"].runs:
            assert run.sha in commits


def _messages(fleet: Fleet, places: Sequence[Place], said: dict[str, tuple[str, str]]) -> dict[str, int]:
    """Each row was said once, in its own channel; each project has one message in its own channel, and no other's."""
    kept = fleet.slack.kept
    times = Counter(one.row for one in kept if one.row)
    doubled = {row: number for row, number in times.items() if number > 1}
    assert not doubled, [one for one in kept if one.row in doubled]
    first = {one.row: one for one in kept}
    heard = {(one.channel, one.ts) for one in kept}
    for row, (channel, ts) in said.items():
        assert not ts or (channel, ts) in heard, f"{row} was never said"
    assert set(first) - {""} <= set(said)
    roots = Counter(
        one.text.split()[2] for one in kept if not one.thread and one.text.startswith("Release of")
    )
    assert roots == {place.project: 1 for place in places}
    where = {place.project: place.channel for place in places}
    for one in kept:
        for word in one.text.replace("*", " ").split():
            assert where.get(word, one.channel) == one.channel, one
    return {"messages": len(kept), "edits": sum(one.method == "chat.update" for one in fleet.slack.asked)}
