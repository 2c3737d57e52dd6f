"""Names that an index bars for new projects alone: the index is asked first whether the project exists."""

from typing import cast
from uuid import uuid4

import pytest

from bot.core.names import barred
from bot.core.publisher_forms import NameIs, begun
from bot.workflow.ports import Index
from bot.workflow.publishers import Publishers
from storage.database import Database
from storage.ledger import publishers, teams
from storage.records import PublisherState, Reason, Registration
from tests.feeding.kit import BASE
from tests.releases.fakes import Clock
from tests.releases.kit import ALICE
from tests.releases.test_filling import Bench, FakeReading, OneIndex


def index(*, there: bool | None) -> OneIndex:
    """Return an index on which the project `future` is, is not, or of which nobody knows."""
    found = OneIndex(Clock(), down=there is None)
    if there:
        found.publish("acme/future", "v1", "a" * 40)
        while found.advance():
            pass
    return found


ENDS = {
    True: (PublisherState.REQUESTED, Reason.NO_API, "", True),
    None: (PublisherState.REQUESTED, Reason.INDEX_BROKEN, "The index is out of order.", None),
    False: (PublisherState.FAILED, Reason.VALUE_INVALID, barred("future"), False),
}


@pytest.mark.parametrize("there", ENDS)
async def test_only_a_new_project_is_refused_for_its_name(database: Database, there: bool | None) -> None:
    """A project that exists is taken whatever it is called, a new one is refused, and a silent index is asked again."""
    clock = Clock()
    async with database.transaction() as session:
        team = await teams.ensure(session, "T-barred", "", clock())
        wanted = Registration("pypi", "future", "acme", "future", "release.yml", "pypi")
        await publishers.request(session, team.id, wanted, (ALICE, "C1"), clock())
    steps = Publishers(database, cast("Index", index(there=there)), clock, BASE, uuid4())
    for publisher in await steps.claim("pypi", 9):
        await steps.advance(publisher)
    async with database.reading() as session:
        found = await publishers.newest(session, team.id, "future")
    assert found is not None
    assert (found.state, found.reason, found.detail, found.existed_before) == ENDS[there]


SAYS = {
    True: (NameIs.THERE, []),
    None: (NameIs.UNKNOWN, []),
    False: (NameIs.NOT_ASKED, [barred("future")]),
}


@pytest.mark.parametrize("there", SAYS)
async def test_the_dialog_says_so_once_the_index_was_asked(database: Database, there: bool | None) -> None:
    """The name is refused in the dialog only where the index has no such project, and is not called free then."""
    bench = Bench(database, FakeReading({}), index=index(there=there))
    looked = (await bench.fill(begun("view-1", {"project": "future"}, ("pypi",), "C1"))).looked
    assert (looked.name, [problem.message for problem in looked.problems]) == SAYS[there]
