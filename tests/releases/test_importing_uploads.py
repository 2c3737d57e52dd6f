"""An import with projects that the bot uploads itself: each is known without a publisher, wherever the bot dies."""

from bot.core.approvals import Policy, Publish
from bot.workflow.hands import packed
from storage.database import Database
from storage.ledger import policies, projects
from tests.releases.dying import Points
from tests.releases.kit import ALICE
from tests.releases.test_importing import Bench, bench, played


async def test_what_the_bot_uploads_itself_needs_no_publisher(database: Database) -> None:
    """A project that its policy lets the bot upload is known and told as that, once, wherever the bot dies; none is registered."""
    index, living = await bench(database), Points()
    await by_bot(index)
    expected = await played(index, living)
    assert expected[2] == [("widgets", "pending")]
    assert (expected[0], index.index.registered) == ([(1, 0, 0, 0, 0, 0)], ["widgets"])
    commits = [at for at, name in enumerate(living.names) if name == "before database.commit"]
    for number, fatal in enumerate(commits[::3], 1):
        here = await bench(database, number)
        await by_bot(here)
        assert await played(here, Points(fatal)) == expected, fatal
        async with database.reading() as session:
            assert await projects.named(session, here.team.id, "gears")


async def by_bot(here: Bench) -> None:
    """Let the bot upload gears, which is new on the index."""
    here.index.there = frozenset({"widgets"})
    async with here.database.transaction() as session:
        await policies.put(
            session, here.team.id, "gears", packed(Policy(publish=Publish.BOT)), ALICE, here.clock()
        )
