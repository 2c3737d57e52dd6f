"""What is found in an owner's repositories, by how few requests, and what becomes of silence."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot.core.forge import EnvironmentFacts, Nothing, Repo, Unsure
from bot.core.importing import Place, Places
from bot.core.proposals import Seen, WorkflowSeen
from bot.core.repositories import (
    Repositories,
    RepositoryFacts,
    RepositorySummary,
    Upload,
    WorkflowFacts,
    WorkflowJob,
)
from bot.core.sites import IndexSite
from bot.workflow.picking import Picking
from bot.workflow.ports import Setting
from bot.workflow.scouting import Scouting

PYPROJECT, WORKFLOW = "pyproject.toml", ".github/workflows/publish.yml"
PLACE = Place("acme", "widgets", "main")
JOB = WorkflowJob("upload", "upload", "live", id_token=True)
GOOD = Seen(
    RepositoryFacts(True, "Acme/Widgets", branch="main"),
    (PYPROJECT, WORKFLOW),
    texts={PYPROJECT: '[project]\nname = "Acme_Widgets"'},
    workflows=(
        WorkflowSeen(
            "publish.yml",
            WorkflowFacts(True, True, ("live",), ("push",), readable=True, jobs=(JOB,), detailed=True),
            (Upload("upload", "pypa/gh-action-pypi-publish"),),
        ),
    ),
)


@dataclass
class FakeForge:
    """The forge as scouting asks it: lists, looks, root folders and environments."""

    found: Repositories | Nothing | Unsure = Nothing()  # noqa: RUF009 - frozen
    seen: Seen = GOOD
    root: tuple[str, ...] | Nothing | Unsure = ("setup.cfg",)
    there: tuple[EnvironmentFacts, ...] | Nothing | Unsure = (EnvironmentFacts("Live"),)
    asked: list[str] = field(default_factory=list)

    async def repositories(self, owner: str = "") -> Repositories | Nothing | Unsure:
        """Return the list."""
        return self.found

    async def look(self, repo: Repo) -> Seen:
        """Return a look at a repository."""
        self.asked.append("look")
        return self.seen

    async def files(self, repo: Repo, folder: str, ref: str) -> tuple[str, ...] | Nothing | Unsure:
        """Return the root's files."""
        self.asked.append(f"files {folder}@{ref}")
        return self.root

    async def environments(self, repo: Repo) -> tuple[EnvironmentFacts, ...] | Nothing | Unsure:
        """Return the environments."""
        self.asked.append("environments")
        return self.there

    def scout(self) -> Scouting:
        """Return what scouts on it."""
        sites = {"pypi": IndexSite("pypi", "https://pypi.org")}
        return Scouting(self, cast("Picking", self), cast("Setting", self), sites)


async def test_what_nobody_releases_from_is_left_out() -> None:
    """Archived repositories and forks are counted and not looked at; the forge's language and privacy are kept."""
    forge = FakeForge(
        Repositories(
            (
                RepositorySummary("acme/a", language="Python", default_branch="trunk", private=True),
                RepositorySummary("acme/b", language="Shell"),
                RepositorySummary("acme/c", archived=True, fork=True),
                RepositorySummary("acme/d", fork=True),
                RepositorySummary("no repository"),
            ),
            missing="There are more.",
        )
    )
    a, b = Place("acme", "a", "trunk", private=True), Place("acme", "b", python=False)
    assert await forge.scout().places("acme") == Places((a, b), 1, 1, "There are more.")
    for other in (Nothing(), Unsure("away")):
        forge.found = other
        assert await forge.scout().places("acme") == other


async def test_a_good_package_is_seen_whole() -> None:
    """Name, workflow, token and environment come together, under the repository's own spelling."""
    (sight,) = cast("Any", await FakeForge().scout().sights(PLACE, "pypi"))
    assert (sight.project, sight.owner, sight.repository) == ("acme-widgets", "Acme", "Widgets")
    assert (sight.workflow, sight.environment) == ("publish.yml", "live")
    assert (sight.workflow_there, sight.id_token, sight.environment_there) == (True, True, True)


@pytest.mark.parametrize(
    ("there", "expected"), [((), False), (Nothing(), None), (Unsure("may not be seen"), None)]
)
async def test_environments_that_are_not_told_are_not_missing(there: Any, expected: bool | None) -> None:
    """Only a list without it says that an environment is lacking."""
    (sight,) = cast("Any", await FakeForge(there=there).scout().sights(PLACE, "pypi"))
    assert sight.environment_there is expected


async def test_what_is_hardly_python_costs_one_request() -> None:
    """A repository of another language is looked at only where its root says that it is Python."""
    forge, place = FakeForge(root=("README.md",)), replace(PLACE, python=False)
    assert await forge.scout().sights(place, "pypi") == Nothing()
    assert forge.asked == ["files @main"]
    forge.root = Nothing()
    assert await forge.scout().sights(place, "pypi") == Nothing()
    forge.root = ("setup.py",)
    assert isinstance(await forge.scout().sights(place, "pypi"), tuple)


async def test_silence_is_no_answer() -> None:
    """Whatever the forge keeps silent about, and whenever it asks for a pause, is looked at again; what is gone is not."""
    pause, away = Unsure("slower", retry_after=9), Unsure("away")
    unseen = Seen(RepositoryFacts(None, detail="away"))
    place = replace(PLACE, python=False)
    assert await FakeForge(root=away).scout().sights(place, "pypi") == away
    assert await FakeForge(seen=unseen).scout().sights(PLACE, "pypi") == away
    assert await FakeForge(seen=replace(GOOD, paths=away)).scout().sights(PLACE, "pypi") == away
    assert await FakeForge(there=pause).scout().sights(PLACE, "pypi") == pause
    gone = Seen(RepositoryFacts(False))
    assert await FakeForge(seen=gone).scout().sights(PLACE, "pypi") == Nothing()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "can't be read without running code"),
        ("[tool.x]", "names no project"),
        ("= broken", "is no TOML"),
        ('[project]\nname = "-a-"', "no index takes the name"),
    ],
)
async def test_a_name_that_is_not_told_says_why(text: str | None, why: str) -> None:
    """A package without a name is listed all the same, with the reason."""
    paths = (WORKFLOW,) if text is None else (PYPROJECT, WORKFLOW)
    texts = {} if text is None else {PYPROJECT: text}
    seen = replace(GOOD, paths=paths, texts=texts)
    (sight,) = cast("Any", await FakeForge(seen=seen).scout().sights(PLACE, "pypi"))
    assert sight.project == ""
    assert why in sight.detail
