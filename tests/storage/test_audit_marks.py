"""How far a trail was checked: a look checks what is new and what it shows, however long the trail is."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from storage.database import Database
from storage.ledger import audit
from storage.ledger.chain import ChainReport
from tests.storage.plans import noted
from tests.storage.test_audit import event, tampered, verified, written

MOST = 1_000


async def found(
    database: Database, team_id: UUID, shown: Sequence[int] = (), *, most: int = MOST, page: int = 2
) -> ChainReport:
    """Look at a trail, as a page of it does, and remember how far it was found whole."""
    async with database.reading(steady=True) as session:
        report = await audit.look(session, team_id, shown, most=most, page=page)
    async with database.transaction() as session:
        await audit.remember(session, report)
    return report


async def more(database: Database, team_id: UUID, numbers: Sequence[int]) -> None:
    """Append events."""
    async with database.transaction() as session:
        for number in numbers:
            await audit.append(session, event(team_id, number))


async def seqs(database: Database, team_id: UUID) -> list[int]:
    """Return the places of a trail's rows, oldest first."""
    async with database.reading() as session:
        return [place for place, _ in reversed(await audit.page(session, team_id, limit=MOST))]


async def test_a_second_look_walks_along_what_is_new(database: Database) -> None:
    """What was found whole is not walked along again: a look asks as much of sixty events as of six, and of a trail's whole length once."""
    team_id = await written(database)
    first = await found(database, team_id)
    assert (first.events, first.since, first.broken) == (6, 0, ())
    asked = []
    for numbers in (range(7, 9), range(9, 61), range(61, 63)):
        await more(database, team_id, numbers)
        before = len(await seqs(database, team_id)) - len(numbers)
        shown = (await seqs(database, team_id))[-25:]
        with noted() as statements:
            report = await found(database, team_id, shown)
        assert (report.events, report.since, report.broken) == (numbers[-1], before, ())
        assert report.head == (await verified(database, team_id)).head
        asked.append(len(statements))
    assert asked[0] == asked[2] < asked[1]


async def test_two_looks_at_once_never_set_the_mark_back(database: Database) -> None:
    """A check that ends after one that came further changes nothing, and one that is done twice changes nothing."""
    team_id = await written(database)
    await found(database, team_id)
    await more(database, team_id, range(7, 9))
    async with database.reading(steady=True) as session:
        slow = await audit.look(session, team_id, (), most=MOST)
    assert slow is not None
    await more(database, team_id, range(9, 12))
    await found(database, team_id)
    for _ in range(2):
        async with database.transaction() as session:
            await audit.remember(session, slow)
    assert (await found(database, team_id)).since == 11


async def test_much_that_is_new_is_checked_bit_by_bit(database: Database) -> None:
    """A look checks so many and tells how many are left, the next goes on from there, and the last finds the end."""
    team_id = await written(database)
    looks = [await found(database, team_id, most=2) for _ in range(4)]
    assert [(one.events, one.since, one.left, one.broken) for one in looks] == [
        (2, 0, 4, ()), (4, 2, 2, ()), (6, 4, 0, ()), (6, 6, 0, ()),
    ]  # fmt: skip
    assert looks[-1].head == (await verified(database, team_id)).head


@pytest.mark.parametrize("number", [1, 2, 3, 6])
async def test_what_was_changed_shows_bit_by_bit_too(database: Database, number: int) -> None:
    """What was changed is told once its bit is looked at, or it is shown, and no look goes past it as if it were whole."""
    team_id = await written(database)
    await tampered(database, [f"UPDATE audit_events SET actor = 'U9' WHERE number = {number}"])
    shown = await seqs(database, team_id)
    assert number in [one for one, _ in (await found(database, team_id, shown, most=2)).broken]
    looks = [await found(database, team_id, most=2) for _ in range(4)]
    assert number in [one for one, _ in looks[-1].broken]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit_events SET actor = 'U9' WHERE number = 8", 8),
        ("DELETE FROM audit_events WHERE number = 8", 8),
        ("DELETE FROM audit_events WHERE number = 9", 9),
        ("UPDATE audit_events SET number = NULL, mac = NULL WHERE number = 9", 0),
    ],
)
async def test_what_is_new_is_checked(database: Database, statement: str, told: int) -> None:
    """What was changed, taken out, cut off or put in behind the mark is told, each time."""
    team_id = await written(database)
    await found(database, team_id)
    await more(database, team_id, (7, 8, 9))
    await tampered(database, [statement])
    for _ in range(2):
        report = await found(database, team_id)
        assert report.since == 6
        assert told in [number for number, _ in report.broken]


async def test_what_was_moved_is_told_where_it_is_shown(database: Database) -> None:
    """An event that was put elsewhere among those that were checked is told as soon as it, or what followed it, is shown."""
    team_id = await written(database)
    await found(database, team_id)
    places = await seqs(database, team_id)
    await tampered(database, [f"UPDATE audit_events SET seq = {places[0] - 5} WHERE number = 3"])
    broken = (await found(database, team_id, await seqs(database, team_id))).broken
    assert (2, "moved") in broken


async def test_a_slow_look_does_not_hide_what_a_whole_walk_has_found(database: Database) -> None:
    """Where a whole walk found the trail broken meanwhile, a look that had built upon the mark does not put it back."""
    team_id = await written(database)
    await found(database, team_id)
    await more(database, team_id, range(7, 9))
    async with database.reading(steady=True) as session:
        slow = await audit.look(session, team_id, (), most=MOST)
    await tampered(database, ["UPDATE audit_events SET actor = 'U9' WHERE number = 2"])
    whole = await verified(database, team_id)
    assert whole.broken
    async with database.transaction() as session:
        await audit.remember(session, whole)
        await audit.remember(session, slow)
    report = await found(database, team_id)
    assert (report.since, bool(report.broken)) == (0, True)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit_events SET actor = 'U9' WHERE number = 3", 3),
        ("UPDATE audit_events SET actor = 'U9' WHERE number = 1", 1),
        ("DELETE FROM audit_events WHERE number = 3", 3),
        ("UPDATE audit_events SET number = NULL, mac = NULL WHERE number = 3", 0),
    ],
)
async def test_what_is_shown_is_checked(database: Database, statement: str, told: int) -> None:
    """Nobody is shown an event that is not what was written, though it was checked before; a whole walk tells it of every event."""
    team_id = await written(database)
    await found(database, team_id)
    await tampered(database, [statement])
    places = await seqs(database, team_id)
    assert told in [number for number, _ in (await found(database, team_id, places)).broken]
    assert (await found(database, team_id, places[-1:])).broken == ()
    whole = await verified(database, team_id)
    assert whole.broken
    async with database.transaction() as session:
        await audit.remember(session, whole)
    report = await found(database, team_id, places[-1:])
    assert (report.since, bool(report.broken)) == (0, True)


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE audit_heads SET checked = 6",
        "UPDATE audit_heads SET checked = 6, checked_mac = mac",
        "UPDATE audit_heads SET checked = 6, checked_mac = (SELECT mac FROM audit_events WHERE number = 6)",
        "UPDATE audit_events SET mac = (SELECT other.mac FROM audit_events other WHERE other.number = 2) WHERE number = 4",
        "DELETE FROM audit_events WHERE number = 4",
    ],
)
async def test_a_mark_holds_for_the_row_that_it_was_set_at(database: Database, forged: str) -> None:
    """A mark that was moved without the key, or whose row is another by now, is none: all is walked along, and told."""
    team_id = await written(database, rows=4)
    await found(database, team_id)
    await more(database, team_id, (5, 6))
    await tampered(database, ["UPDATE audit_events SET actor = 'U9' WHERE number = 2", forged])
    report = await found(database, team_id)
    assert report.since == 0
    assert 2 in [number for number, _ in report.broken]


async def test_a_mark_is_its_team_s(database: Database) -> None:
    """Another team's mark, put beside a team's own chain, counts for nothing."""
    first, second = await written(database), await written(database, "T2")
    await found(database, first)
    theirs = "(SELECT other.checked_mac FROM audit_heads other WHERE other.checked = 6)"
    await tampered(
        database, [f"UPDATE audit_heads SET checked = number, checked_mac = {theirs} WHERE checked = 0"]
    )
    assert (await found(database, second)).since == 0
    assert (await found(database, first)).since == 6
