"""The status page's questions on both databases: one team's rows alone, in pages, by an index, however much there is."""

from datetime import timedelta
from uuid import UUID, uuid4

from storage.database import Database
from storage.ledger import history, sessions, teams
from storage.ledger.history import Part
from storage.records import EvidenceKind, HistoryLine, KnownProject
from tests.storage.history_kit import NOW, Past, R, S, ids, many, noted, past, plans, project, reads_all

DAY = timedelta(days=1)


async def lines(database: Database, team_id: UUID, part: Part) -> list[HistoryLine]:
    """Ask for a part of the history."""
    async with database.reading() as session:
        return list(await history.lines(session, team_id, part))


async def known(
    database: Database, team_id: UUID, limit: int = 9, name: str = "", after: tuple[str, str] | None = None
) -> list[KnownProject]:
    """Ask for projects."""
    async with database.reading() as session:
        return list(await history.projects(session, team_id, limit, name, after))


async def test_pages_of_the_history_hold_each_release_once(database: Database) -> None:
    """Page after page, also through releases of one and the same moment, comes each release of the team, newest first."""
    mine, other = await project(database), await project(database, "T2")
    at_once = [Past(f"2.{number}", DAY) for number in range(7)]
    await past(database, mine, [*many(5), *at_once])
    await past(database, other, many(3))
    found: list[UUID] = []
    before = None
    while page := await lines(database, mine.team_id, Part(4, before=before)):
        found += [one.id for one in page]
        before = (page[-1].requested_at, page[-1].id)
    assert found == await ids(database, mine.team_id)
    assert len(found) == 12


async def test_the_history_is_narrowed_to_a_project_and_a_time(database: Database) -> None:
    """A project's name means the team's own project of that name; what was asked for before the time is left out."""
    mine, gears = await project(database), await project(database, name="gears")
    theirs = await project(database, "T2")
    (new, _) = await past(database, mine, [Past("1.1", DAY), Past("1.0", 100 * DAY)])
    await past(database, gears, [Past("9.0", DAY)])
    await past(database, theirs, [Past("6.6", DAY)])
    assert [one.id for one in await lines(database, mine.team_id, Part(9, "widgets", NOW - 90 * DAY))] == [
        new
    ]
    assert await lines(database, mine.team_id, Part(9, "unheard-of")) == []
    assert await lines(database, uuid4(), Part(9)) == []


async def test_a_line_says_when_the_vote_that_counts_was_cast(database: Database) -> None:
    """That of the release's own round that stands; none where nobody voted, or the round is another by now."""
    mine = await project(database)
    voted = Past("1.2", DAY)
    nobody = Past("1.1", 2 * DAY, state=S.EXPIRED, reason=R.TERM_OVER, waited=None)
    anew = Past("1.0", 3 * DAY, state=S.AWAITING_APPROVAL, reason=R.CHECKED, values=(("round", 2),))
    await past(database, mine, [voted, nobody, anew])
    found = await lines(database, mine.team_id, Part(9))
    assert [one.voted_at for one in found] == [NOW - DAY + timedelta(minutes=21), None, None]
    assert [one.state for one in found] == [S.PUBLISHED, S.EXPIRED, S.AWAITING_APPROVAL]


async def test_projects_come_with_their_newest_publisher_and_its_evidence(database: Database) -> None:
    """In pages of index and name, the strongest evidence first, and never one of another team."""
    for name in ("b", "a", "c"):
        await project(database, name=name)
    mine = await project(database, name="a", index="testpypi")
    await project(database, "T2", name="secret")
    first = await known(database, mine.team_id, 2)
    rest = await known(database, mine.team_id, 9, after=("pypi", "b"))
    registrations = [one.project.registration for one in (*first, *rest)]
    assert [(one.index, one.project) for one in registrations] == [
        ("pypi", "a"), ("pypi", "b"), ("pypi", "c"), ("testpypi", "a"),
    ]  # fmt: skip
    assert [fact.kind for fact in first[0].evidence] == [EvidenceKind.INDEX, EvidenceKind.PROVENANCE]
    assert {one.project.registration.index for one in await known(database, mine.team_id, name="a")} == {
        "pypi", "testpypi",
    }  # fmt: skip
    assert await known(database, mine.team_id, name="secret") == []


async def test_a_person_is_of_the_workspace_else_of_its_org(database: Database) -> None:
    """The workspace's own row counts before that of the org's install; of whom there is neither, nobody knows."""
    async with database.transaction() as session:
        own = await teams.ensure(session, "T1", "E1", NOW)
        org = await teams.ensure(session, "E1", "E1", NOW)
        alone = await teams.ensure(session, "T9", "", NOW)
    async with database.reading() as session:
        assert await history.team_of(session, "T1", "E1") == own
        assert await history.team_of(session, "T2", "E1") == org
        assert await history.team_of(session, "T9", "") == alone
        assert await history.team_of(session, "T9", "E9") == alone
        assert await history.team_of(session, "T2", "") is None
        assert await history.team_of(session, "", "") is None


async def test_no_question_reads_all_rows(database: Database) -> None:
    """Each question of the status page takes an index, on both databases, and there is a fixed number of them."""
    mine = await project(database)
    await past(database, mine, many(60))
    newest = (await ids(database, mine.team_id))[0]
    with noted() as asked:
        await lines(database, mine.team_id, Part(50))
        await lines(database, mine.team_id, Part(50, "widgets", NOW - DAY, (NOW, newest)))
        await known(database, mine.team_id, after=("a", "a"))
        await known(database, mine.team_id, name="widgets")
        async with database.reading() as session:
            await history.team_of(session, "T1", "")
            await sessions.find(session, "hash", NOW, NOW)
    assert len(asked) == 8
    for plan in await plans(database, asked):
        assert not reads_all(plan), plan
