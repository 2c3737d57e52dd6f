"""The first five minutes: one message to whoever installed the app, ticking itself off on what the rows show."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.workflow.installing import Installing
from bot.workflow.welcoming import LOOKS, Welcoming, next_look
from storage.database import Database
from storage.ledger import audit, github, installations, outbox, publishers
from storage.ledger.outbox import Destination
from storage.records import OutboxItem, Registration
from tests.releases.dying import AroundDatabase, Killed, Points
from tests.storage.test_installations import NOW, new, put
from tests.transport.test_people import Hand

WANTED = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")


def hand(at: datetime = NOW) -> Hand:
    """Return a clock."""
    clock = Hand()
    clock.now = at
    return clock


async def look(database: Database, clock: Hand) -> int:
    """Let a process look at what is due; returns how many that was."""
    return len(await Welcoming(database, clock, signs_in=True).claim(10))


async def said(database: Database, clock: Hand) -> list[OutboxItem]:
    """Return what was to be said, and say it, in a conversation of another name."""
    found: list[OutboxItem] = []
    while True:
        async with database.transaction() as session:
            items = await outbox.claim(session, clock(), timedelta(minutes=2), 10)
            for one in items:
                ts = one.ts or f"{len(found) + 1}.0"
                await outbox.sent(session, one, ts, clock(), "D1" if one.channel == "UALICE" else "")
        if not items:
            return found
        found += items


def ticks(item: OutboxItem) -> tuple[Any, ...]:
    """Return what a message shows as done."""
    return item.facts["login"], item.facts["channel"], item.facts["project"]


async def test_steps_tick_themselves_off(database: Database) -> None:
    """One message goes to whoever installed; each step that the rows show as done is ticked off in it, then nobody looks any more."""
    one, clock = await put(database, new("T1")), hand()
    assert await look(database, clock) == 1
    (first,) = await said(database, clock)
    assert (first.kind, first.channel, first.user, ticks(first)) == (
        "install.welcome",
        "UALICE",
        "",
        ("", "", ""),
    )
    clock.now += timedelta(seconds=10)
    assert await look(database, clock) == 1
    assert await said(database, clock) == []
    async with database.transaction() as session:
        await github.link(session, one.team_id, "UBOB", (7, "ada"), clock())
        await publishers.request(session, one.team_id, WANTED, ("UBOB", "C1"), clock())
    clock.now += timedelta(seconds=10)
    await look(database, clock)
    (edit,) = await said(database, clock)
    assert (edit.id, edit.ts, edit.channel, ticks(edit)) == (first.id, "1.0", "D1", ("ada", "", "widgets"))
    async with database.transaction() as session:
        await outbox.add(
            session, one.team_id, "x", Destination("C1"), ("broke_down", {"incident": "x"}), clock()
        )
    await said(database, clock)
    clock.now += timedelta(seconds=10)
    assert await look(database, clock) == 1
    (last,) = await said(database, clock)
    assert (last.id, ticks(last)) == (first.id, ("ada", "C1", "widgets"))
    assert await Welcoming(database, clock, signs_in=True).next_due() is None


async def test_what_others_do_ticks_nothing(database: Database) -> None:
    """Another team's sign-ins, packages and messages are no step of this one."""
    await put(database, new("T1"))
    other, clock = await put(database, new("T2", installed_by="UEVE")), hand()
    async with database.transaction() as session:
        await github.link(session, other.team_id, "UEVE", (7, "eve"), NOW)
        await publishers.request(session, other.team_id, WANTED, ("UEVE", "C9"), NOW)
    await look(database, clock)
    told = {one.channel: ticks(one) for one in await said(database, clock)}
    assert told == {"UALICE": ("", "", ""), "UEVE": ("eve", "", "widgets")}


async def test_installed_again_nothing_is_said_twice(database: Database) -> None:
    """The same person's second install says nothing new; another person hears once."""
    await put(database, new("T1"))
    clock = hand()
    await look(database, clock)
    assert len(await said(database, clock)) == 1
    await put(database, new("T1", mark="again"))
    await look(database, clock)
    assert await said(database, clock) == []
    await put(database, new("T1", mark="other", installed_by="UBOB"))
    await look(database, clock)
    (other,) = await said(database, clock)
    assert other.channel == "UBOB"


async def test_killed_at_every_await_it_is_said_once(database: Database) -> None:
    """Wherever a look dies, and however many run at once, there is one message."""
    points = Points()
    await put(database, new("T0", installed_by="U0"))
    await look(AroundDatabase(database, points), hand())
    await said(database, hand())
    for fatal in range(len(points.names)):
        await put(database, new(f"T{fatal + 1}", installed_by=f"U{fatal + 1}"))
        clock = hand()
        with pytest.raises(Killed):
            await look(AroundDatabase(database, Points(fatal)), clock)
        clock.now += timedelta(minutes=1)
        await look(database, clock)
        found = [one for one in await said(database, clock) if one.channel == f"U{fatal + 1}"]
        assert len(found) == 1, points.names[fatal]
    assert len(points.names) == 3


async def test_taken_away_nobody_looks(database: Database) -> None:
    """Where the app was taken away, its first steps are not looked at."""
    one = await put(database, new("T1"))
    async with database.transaction() as session:
        await installations.remove(session, one.team_id, NOW)
    assert await look(database, hand()) == 0


def test_looks_get_rarer_and_end() -> None:
    """It is looked often at first, then rarely, then never again."""
    pauses = []
    for after in (timedelta(), timedelta(hours=2), timedelta(days=2), timedelta(days=15)):
        then = next_look(NOW, NOW + after)
        pauses.append(None if then is None else then - NOW - after)
    assert pauses == [*(pause for _, pause in LOOKS), None]


async def test_an_install_lets_go_what_waited_for_it(database: Database) -> None:
    """Messages that wait since the app was gone, or its token dead, are due at once; one that waits at Slack's word is not, nor another team's."""
    clock = hand()
    teams = [(await put(database, new(name))).team_id for name in ("T1", "T2")]
    waits = [(teams[0], "not installed"), (teams[0], "rate limited"), (teams[1], "token_revoked")]
    async with database.transaction() as session:
        for number, (team, _) in enumerate(waits):
            to, message = Destination(f"C{number}"), ("broke_down", {"incident": "x"})
            await outbox.add(session, team, str(number), to, message, clock())
        for one in await outbox.claim(session, clock(), timedelta(minutes=2), 10):
            why = waits[int(one.dedupe_key)][1]
            later = clock() + timedelta(minutes=10)
            await outbox.again(session, one, why, later, arrived_maybe=False)
    clock.now += timedelta(seconds=1)
    await Installing(database, clock).keep(new("T1", mark="again"))
    async with database.transaction() as session:
        due = await outbox.claim(session, clock(), timedelta(minutes=2), 10)
    assert [one.dedupe_key for one in due if one.kind == "broke_down"] == ["0"]


async def test_an_install_killed_anywhere_is_kept_whole_or_not_at_all(database: Database) -> None:
    """Wherever keeping an install dies, there is the installation with its audit event, or neither; done again it is one."""
    points = Points()
    await Installing(AroundDatabase(database, points), hand()).keep(new("T0"))
    for fatal, name in enumerate(points.names):
        team = f"T{fatal + 1}"
        with pytest.raises(Killed):
            await Installing(AroundDatabase(database, Points(fatal)), hand()).keep(new(team))
        async with database.reading() as session:
            found = await installations.find(session, team, "")
            events = await audit.trail(session, found.team_id, limit=5) if found else []
        assert len(events) == (found is not None) == (name == "after database.commit"), name
        again = await Installing(database, hand()).keep(new(team, mark="again"))
        assert found is None or again.team_id == found.team_id
    assert len(points.names) == 3
