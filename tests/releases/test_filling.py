"""Filling in the dialog that registers a publisher: from the repository, with the index and our own books beside it."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast
from uuid import uuid4

import pytest

from bot import codec
from bot.core import notices
from bot.core.forge import CommitFacts, Nothing, Repo, TextOutcome
from bot.core.intents import FillPublisherForm
from bot.core.proposals import Noted
from bot.core.publisher_forms import Form, NameIs, PublisherFormShown, begun
from bot.core.repositories import RepositoryFacts, Tree
from bot.core.sites import IndexSite
from bot.workflow.filling import Filling
from bot.workflow.picking import Picking
from bot.workflow.ports import Index
from storage.database import Database
from storage.ledger import outbox, publishers, teams
from storage.ledger.outbox import Destination
from storage.records import InboxItem, Registration
from tests.releases.fakes import Clock, FakeIndex, FakePeople
from tests.releases.kit import ALICE, EVERYBODY, GUEST

PROJECT = '[project]\nname = "{}"\n'
MONO = {f"{name}/pyproject.toml": PROJECT.format(name) for name in ("gears", "wheels")}
ONE = {"pyproject.toml": PROJECT.format("widgets")}


@dataclass
class FakeReading:
    """A repository of files. It fulfils `ports.Reading`."""

    files: Mapping[str, str]
    hangs: bool = False
    asked: int = 0

    async def look(self, owner: str, repository: str, workflow: str) -> RepositoryFacts:
        """Return that it is there."""
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        return RepositoryFacts(True, f"{owner}/{repository}", branch="main")

    async def commit(self, repo: Repo, ref: str) -> CommitFacts:
        """Return the newest one."""
        return CommitFacts("a" * 40, "First", "ada", "")

    async def tree(self, repo: Repo, sha: str) -> Tree:
        """Return every path."""
        return Tree(tuple(self.files))

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return a file."""
        return self.files.get(path, Nothing())


class OneIndex(FakeIndex):
    """An index by one name."""

    def names(self) -> tuple[str, ...]:
        """Return it."""
        return ("pypi",)

    def site(self, name: str) -> IndexSite:
        """Return what is known of it."""
        return IndexSite(name, "https://pypi.org", publisher_api=False)


@dataclass
class Bench:
    """Somebody before the dialog."""

    database: Database
    forge: FakeReading
    index: OneIndex = field(default_factory=lambda: OneIndex(Clock()))
    seconds: float = 30.0

    async def fill(self, form: Form, actor: str = ALICE) -> PublisherFormShown:
        """Let the dialog be filled in, twice, as after a crash; returns what it is to show."""
        clock = Clock()
        async with self.database.transaction() as session:
            team = await teams.ensure(session, "T-forms", "", clock())
        item = InboxItem(uuid4(), team.id, "publisher.fill", actor, "C1", {}, {}, clock(), 1)
        filling = Filling(
            self.database, cast("Index", self.index), Picking(self.forge), FakePeople(dict(EVERYBODY)),
            "https://github.com", menu=True, seconds=self.seconds,
        )  # fmt: skip
        first = await filling.before(item, "T-forms", FillPublisherForm(form, "hash-1"))
        assert await filling.before(item, "T-forms", FillPublisherForm(form, "hash-1")) == first
        return first

    async def waits(self, project: str, environment: str) -> None:
        """Let another publisher of the repository wait on the index."""
        clock = Clock()
        async with self.database.transaction() as session:
            team = await teams.ensure(session, "T-forms", "", clock())
            wanted = Registration("pypi", project, "acme", "mono", "release.yml", environment)
            await publishers.request(session, team.id, wanted, (ALICE, "C1"), clock())


def reading(repository: str = "acme/mono", **typed: str) -> Form:
    """Return the dialog with a repository that was chosen just now."""
    return replace(begun("view-1", {"repository": repository, **typed}, ("pypi",), "C1"), reading=True)


async def test_what_no_database_keeps_is_not_told(database: Database) -> None:
    """A name that holds a NUL is told without it: PostgreSQL keeps none, and the dialog would never be filled in."""
    files = {"pyproject.toml": '[project]\nname = "wid\\u0000gets"\n'}
    here = Bench(database, FakeReading(files))
    shown = await here.fill(reading("acme/widgets"))
    assert "widgets" in [note.values.get("name") for note in shown.looked.notes]
    async with database.transaction() as session:
        team = await teams.ensure(session, "T-forms", "", Clock()())
        message = codec.pack(shown, notices.KINDS)
        assert await outbox.add(session, team.id, "form", Destination("C1"), message, Clock()())


async def test_fields_are_filled_and_the_name_looked_up(database: Database) -> None:
    """The one package's name stands there with the usual workflow, noted, and the index's word about the name."""
    shown = await Bench(database, FakeReading(ONE)).fill(reading("acme/widgets"))
    assert dict(shown.form.fields) == {
        "repository": "acme/widgets", "project": "widgets", "workflow": "release.yml", "environment": "pypi",
        "index": "pypi",
    }  # fmt: skip
    assert (shown.hash, shown.form.reading, shown.looked.name) == ("hash-1", False, NameIs.FREE)
    assert [note.what for note in shown.looked.notes] == [Noted.NO_WORKFLOW]


async def test_a_second_package_gets_another_environment(database: Database) -> None:
    """Where the same publisher waits for another package, one's own environment is proposed, or told where it was typed."""
    bench = Bench(database, FakeReading(MONO))
    await bench.waits("gears", "pypi")
    several = await bench.fill(reading())
    assert (several.form.fields["project"], len(several.form.packages)) == ("", 2)
    chosen = replace(
        several.form,
        fields={**several.form.fields, "project": "wheels"},
        own=("repository", "project"),
        reading=True,
    )
    shown = await bench.fill(chosen)
    assert (shown.form.fields["environment"], shown.looked.shared_with) == ("pypi-wheels", "")
    typed = replace(
        chosen, fields={**chosen.fields, "environment": "pypi"}, own=("repository", "project", "environment")
    )
    shown = await bench.fill(typed)
    assert (shown.form.fields["environment"], shown.looked.shared_with) == ("pypi", "gears")
    await bench.waits("cogs", "pypi-wheels")
    shown = await bench.fill(chosen)
    assert (shown.form.fields["environment"], shown.looked.shared_with) == ("pypi", "gears")


async def test_what_the_index_refuses_is_told_while_typing(database: Database) -> None:
    """A name that no index takes is told with no repository chosen yet; one that is fine is looked up, a silent index told."""
    bench = Bench(database, FakeReading({}))
    shown = await bench.fill(begun("view-1", {"project": "os"}, ("pypi",), "C1"))
    assert [problem.field for problem in shown.looked.problems] == ["project"]
    shown = await bench.fill(begun("view-1", {"project": "fine"}, ("pypi",), "C1"))
    assert (shown.looked.problems, shown.looked.name) == ((), NameIs.FREE)
    bench.index.down = True
    shown = await bench.fill(begun("view-1", {"project": "fine"}, ("pypi",), "C1"))
    assert shown.looked.name is NameIs.UNKNOWN
    assert bench.forge.asked == 0


@pytest.mark.parametrize(("actor", "hangs"), [(GUEST, False), (ALICE, True)])
async def test_what_may_not_or_cannot_be_read_leaves_the_fields(
    database: Database, actor: str, hangs: bool
) -> None:
    """A guest sees nothing of a repository, and a forge that hangs is not waited for: the fields come back, to be typed."""
    bench = Bench(database, FakeReading(ONE, hangs=hangs), seconds=0.05 if hangs else 30.0)
    shown = await bench.fill(reading("acme/widgets"), actor)
    assert (shown.form.fields["project"], shown.form.fields["workflow"], shown.form.reading) == (
        "",
        "release.yml",
        False,
    )
    assert [note.what for note in shown.looked.notes] == [Noted.UNSEEN]
    assert (bench.forge.asked > 0) == hangs
