"""Messages that are edited in place, and answers in their threads: nothing lost, nothing doubled, in order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from storage.database import Database
from storage.ledger import outbox, teams
from storage.ledger.outbox import COALESCE, Destination
from storage.records import OutboxItem, OutboxState
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOUBT = timedelta(seconds=120)


async def team_of(database: Database, slack_team_id: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, slack_team_id, "", NOW)).id


async def show(database: Database, team_id: UUID, step: str, now: datetime = NOW, key: str = "root") -> None:
    """Let the message of this key say which step it is at."""
    async with database.transaction() as session:
        await outbox.show(session, team_id, key, Destination("C1"), ("release_shown", {"step": step}), now)


async def answer(
    database: Database,
    team_id: UUID,
    key: str,
    parent: str = "root",
    *,
    channel: str = "C1",
    broadcast: bool = False,
) -> None:
    """Put an answer into a message's thread."""
    to = Destination(channel, parent_key=parent, broadcast=broadcast)
    async with database.transaction() as session:
        assert await outbox.add(session, team_id, key, to, ("step_told", {"key": key}), NOW)


OWNER = uuid4()
"""Who takes messages."""


async def claimed(database: Database, now: datetime = NOW) -> Sequence[OutboxItem]:
    """Take what is due."""
    async with database.transaction() as session:
        return await outbox.claim(session, now, DOUBT, 10, OWNER)


async def said(database: Database, item: OutboxItem, ts: str, now: datetime = NOW) -> None:
    """Record that Slack has it."""
    async with database.transaction() as session:
        await outbox.sent(session, item, ts, now)


async def due(database: Database) -> datetime | None:
    """Return when the next message is due."""
    async with database.reading() as session:
        return await value_of(session, outbox.next_due())


async def test_a_message_that_was_said_is_edited(database: Database) -> None:
    """What a said message is to say now comes up as an edit of it, with its id and the new facts."""
    team_id = await team_of(database)
    await show(database, team_id, "asked")
    (first,) = await claimed(database)
    assert (first.ts, first.revision, first.facts) == ("", 0, {"step": "asked"})
    await said(database, first, "1.1")
    later = NOW + timedelta(hours=1)
    await show(database, team_id, "approved", later)
    assert await due(database) == later
    (edit,) = await claimed(database, later)
    assert (edit.ts, edit.revision, edit.facts) == ("1.1", 1, {"step": "approved"})
    assert (edit.state, edit.attempts, edit.created_at) == (OutboxState.WAITING, 0, later)
    await said(database, edit, "1.1", later)
    assert await due(database) is None


async def test_changes_become_one_edit(database: Database) -> None:
    """What changes before a message is said, or within a second after, is said once, in its last form."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    await show(database, team_id, "b")
    (first,) = await claimed(database)
    assert first.facts == {"step": "b"}
    await said(database, first, "1.1")
    for step in ("c", "d", "e"):
        await show(database, team_id, step)
    assert await claimed(database) == []
    assert await due(database) == NOW + COALESCE
    (edit,) = await claimed(database, NOW + COALESCE)
    assert edit.facts == {"step": "e"}


async def test_what_changes_nothing_is_no_edit(database: Database) -> None:
    """Showing what is shown already asks nothing of Slack."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    (first,) = await claimed(database)
    await said(database, first, "1.1")
    await show(database, team_id, "a")
    assert await due(database) is None


async def test_a_change_while_it_is_said_is_not_lost(database: Database) -> None:
    """A message that changes while it is on its way is edited once it has arrived, and not said twice."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    (first,) = await claimed(database)
    await show(database, team_id, "b")
    assert await claimed(database) == []
    await said(database, first, "1.1")
    (edit,) = await claimed(database)
    assert (edit.ts, edit.facts) == ("1.1", {"step": "b"})
    await show(database, team_id, "c")
    await said(database, edit, "1.1")
    (last,) = await claimed(database)
    assert (last.ts, last.facts) == ("1.1", {"step": "c"})
    await said(database, last, "1.1")
    assert await due(database) is None


async def test_changes_at_the_very_moment_of_saying_are_not_lost(database: Database) -> None:
    """However a change and the record that it was said fall together, the last form is said in the end, once."""
    team_id = await team_of(database)
    await show(database, team_id, "0")
    now = NOW
    for number in range(1, 6):
        (item,) = await claimed(database, now)
        steps = [show(database, team_id, f"{number}{part}", now) for part in "abc"]
        await asyncio.gather(steps[0], said(database, item, "1.1", now), steps[1])
        await steps[2]
        now += COALESCE
    (last,) = await claimed(database, now)
    assert (last.ts, last.facts) == ("1.1", {"step": "5c"})
    await said(database, last, "1.1", now)
    assert await due(database) is None


async def test_a_doubtful_message_that_changed_is_edited_after(database: Database) -> None:
    """After a crash the message that arrived may be the older one: once it is found, it is edited."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    await claimed(database)
    await show(database, team_id, "b")
    (again,) = await claimed(database, NOW + DOUBT)
    assert (again.state, again.ts, again.facts) == (OutboxState.SENDING, "", {"step": "b"})
    await said(database, again, "1.1", NOW + DOUBT)
    (edit,) = await claimed(database, NOW + DOUBT)
    assert (edit.ts, edit.facts) == ("1.1", {"step": "b"})
    await said(database, edit, "1.1", NOW + DOUBT)
    assert await due(database) is None


async def test_an_edit_that_a_crash_cut_off_is_said_again(database: Database) -> None:
    """An edit whose process died comes up again after its time, the same and no doubt about it."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    (first,) = await claimed(database)
    await said(database, first, "1.1")
    await show(database, team_id, "b", NOW + COALESCE)
    await claimed(database, NOW + COALESCE)
    async with database.transaction() as session:
        await outbox.retake(session, NOW + COALESCE, timedelta(seconds=2))
    (edit,) = await claimed(database, NOW + timedelta(seconds=3))
    assert (edit.ts, edit.revision, edit.facts) == ("1.1", 1, {"step": "b"})
    await said(database, edit, "1.1")
    assert await due(database) is None


async def test_an_edit_waits_as_long_as_slack_said(database: Database) -> None:
    """A further change does not make an edit come sooner than Slack's Retry-After."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    (first,) = await claimed(database)
    await said(database, first, "1.1")
    await show(database, team_id, "b", NOW + COALESCE)
    (edit,) = await claimed(database, NOW + COALESCE)
    until = NOW + timedelta(seconds=30)
    async with database.transaction() as session:
        await outbox.again(session, edit, "rate limited", until, arrived_maybe=False)
    await show(database, team_id, "c", NOW + timedelta(seconds=2))
    assert await due(database) == until
    (edit,) = await claimed(database, until)
    assert edit.facts == {"step": "c"}


async def test_what_was_given_up_stays_so(database: Database) -> None:
    """A message that Slack will never take is not tried again, whatever it is to say later."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    (first,) = await claimed(database)
    async with database.transaction() as session:
        await outbox.bury(session, first, "is_archived")
    await show(database, team_id, "b", NOW + timedelta(hours=1))
    assert await due(database) is None


async def test_edits_and_messages_do_not_wait_for_each_other(database: Database) -> None:
    """An edit holds up no new message of its channel, nor the other way round; edits come in the order of their times."""
    team_id = await team_of(database)
    for key in ("root", "other"):
        await show(database, team_id, "a", key=key)
        (item,) = await claimed(database)
        await said(database, item, f"{key}.1")
    later = NOW + timedelta(minutes=1)
    await show(database, team_id, "b", later, "other")
    await show(database, team_id, "b", later + COALESCE, "root")
    await answer(database, team_id, "x", "")
    await answer(database, team_id, "y", "")
    items = await claimed(database, later + COALESCE)
    assert [item.dedupe_key for item in items if item.ts] == ["other", "root"]
    assert [item.dedupe_key for item in items if not item.ts] == ["x"]
    await said(database, next(item for item in items if item.dedupe_key == "x"), "3.1")
    assert [item.dedupe_key for item in await claimed(database, later + COALESCE)] == ["y"]


async def test_an_answer_goes_into_the_thread(database: Database) -> None:
    """Answers wait until their message has been said, then come in order with its id."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    await answer(database, team_id, "x")
    await answer(database, team_id, "y", broadcast=True)
    (root,) = await claimed(database)
    assert (root.dedupe_key, root.thread_ts, await claimed(database)) == ("root", "", [])
    await said(database, root, "1.1")
    (x,) = await claimed(database)
    assert (x.dedupe_key, x.thread_ts, x.broadcast) == ("x", "1.1", False)
    await said(database, x, "1.2")
    (y,) = await claimed(database)
    assert (y.dedupe_key, y.thread_ts, y.broadcast) == ("y", "1.1", True)


async def test_an_answer_in_another_channel_waits_too(database: Database) -> None:
    """Where message and answer are in two channels the answer still waits, without being due meanwhile."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    await answer(database, team_id, "x", channel="C2")
    (root,) = await claimed(database)
    assert await due(database) == NOW + DOUBT
    await said(database, root, "1.1")
    assert [item.thread_ts for item in await claimed(database)] == ["1.1"]


async def test_an_answer_to_nothing_is_said_all_the_same(database: Database) -> None:
    """Where the message was given up, or is not there, the answer is said without a thread."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    (root,) = await claimed(database)
    async with database.transaction() as session:
        await outbox.bury(session, root, "is_archived")
    await answer(database, team_id, "x")
    await answer(database, team_id, "y", "nothing", channel="C2")
    found = {item.dedupe_key: item.thread_ts for item in await claimed(database)}
    assert found == {"x": "", "y": ""}


async def test_threads_are_of_one_team(database: Database) -> None:
    """A message of another team with the same key neither holds an answer back nor lends it its thread."""
    team_id, other = await team_of(database), await team_of(database, "T2")
    await show(database, other, "a")
    await answer(database, team_id, "x")
    found = {item.dedupe_key: item for item in await claimed(database)}
    assert found["x"].thread_ts == ""
    await said(database, found["root"], "1.1")
    await answer(database, team_id, "y", channel="C2")
    assert [item.thread_ts for item in await claimed(database)] == [""]


async def test_no_two_wait_for_each_other(database: Database) -> None:
    """An answer that was put in before its message is said first, and holds it up no longer than that."""
    team_id = await team_of(database)
    await answer(database, team_id, "x")
    await show(database, team_id, "a")
    (x,) = await claimed(database)
    assert (x.dedupe_key, x.thread_ts) == ("x", "")
    await said(database, x, "1.1")
    assert [item.dedupe_key for item in await claimed(database)] == ["root"]


async def test_an_open_edit_is_not_pruned(database: Database) -> None:
    """What still has something to say is kept, however long ago it was said first."""
    team_id = await team_of(database)
    await show(database, team_id, "a")
    (root,) = await claimed(database)
    await said(database, root, "1.1")
    await show(database, team_id, "b")
    async with database.transaction() as session:
        await session.execute(text("""UPDATE outbox SET "user" = 'U1'"""))
        await outbox.prune(session, NOW + timedelta(days=9))
        assert await outbox.counts(session) == {"waiting": 1}


async def test_answers_that_wait_are_said_together(database: Database) -> None:
    """A line joins the newest answer of its thread while nobody says it, up to a limit; never a loud or a taken one."""
    team_id = await team_of(database)

    async def extend(parent: str = "root", team: UUID = team_id) -> bool:
        async with database.transaction() as session:
            return await outbox.extend(session, team, parent, ("step_told", "lines", "more"), 2)

    assert not await extend()
    await answer(database, team_id, "x", "other")
    assert await extend("other")
    assert await extend("other")
    assert not await extend("other")
    assert not await extend()
    assert not await extend("other", await team_of(database, "T2"))
    (x,) = await claimed(database)
    assert x.facts == {"key": "x", "lines": ["more", "more"]}
    await answer(database, team_id, "y", "other")
    assert await extend("other")
    await said(database, x, "1.1")
    (y,) = await claimed(database)
    assert not await extend("other")
    await said(database, y, "1.2")
    assert not await extend("other")
    await answer(database, team_id, "z", "other", broadcast=True)
    assert not await extend("other")
