"""What a repository proposes for a publisher, and what is told where it says nothing."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.core.forge import Unsure
from bot.core.proposals import (
    LONGEST,
    MOST_DOTS,
    MOST_PACKAGES,
    Noted,
    Package,
    PublisherProposal,
    Seen,
    WorkflowSeen,
    project_name,
    propose,
    pyprojects,
    workflow_files,
)
from bot.core.repositories import RepositoryFacts
from bot.core.sites import IndexSite
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.forge.uploading import uploads
from bot.forge.workflow_file import read_workflow

SITES = {
    "pypi": IndexSite("pypi", "https://pypi.org", "https://upload.pypi.org/legacy/"),
    "testpypi": IndexSite("testpypi", "https://test.pypi.org", "https://test.pypi.org/legacy/"),
    "company": IndexSite("company", "https://index.acme.example", "https://index.acme.example/legacy/"),
}
GOOD = GOOD_WORKFLOW.decode()
THERE = RepositoryFacts(True, "Acme/Widgets", branch="main")
PROJECT = '[project]\nname = "Acme_Widgets"\n'
TEST = GOOD.replace("environment: pypi", "environment: testpypi") + (
    "        with:\n          repository-url: https://test.pypi.org/legacy/\n"
)


def seen(files: Mapping[str, str], **more: object) -> Seen:
    """Return a repository with these files."""
    workflows = tuple(
        WorkflowSeen(path.rpartition("/")[2], read_workflow(text), uploads(text))
        for path, text in files.items()
        if path.startswith(".github/")
    )
    texts = {path: text for path, text in files.items() if path.endswith("pyproject.toml")}
    return replace(Seen(THERE, tuple(files), texts=texts, workflows=workflows), **more)  # type: ignore[arg-type]


def kinds(found: PublisherProposal) -> list[Noted]:
    """Return what is told."""
    return [note.what for note in found.notes]


def workflow(name: str, text: str = GOOD) -> dict[str, str]:
    """Return one workflow file."""
    return {f".github/workflows/{name}": text}


def test_what_is_told_is_proposed() -> None:
    """Name, workflow and environment are the repository's own, and then there is nothing to note."""
    found = propose(
        seen({"pyproject.toml": PROJECT, **workflow("cd.yaml", GOOD.replace("pypi\n", "Live\n"))}),
        "a/b",
        SITES,
    )
    assert found == PublisherProposal(
        "Acme/Widgets", (Package("acme-widgets"),), "cd.yaml", "Live", "pypi", publishes=True
    )


def test_what_is_not_told_is_noted() -> None:
    """Without any of it the usual names stand there, each with a note that says so."""
    found = propose(seen({"README.md": ""}), "a/b", SITES)
    assert (found.packages, found.workflow, found.environment, found.publishes) == (
        (),
        "release.yml",
        "pypi",
        False,
    )
    assert kinds(found) == [Noted.NO_PYPROJECT, Noted.NO_WORKFLOW]
    assert propose(seen({}), "a/b", SITES, "testpypi").environment == "testpypi"
    dynamic = seen({"pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n'})
    assert kinds(propose(dynamic, "a/b", SITES)) == [Noted.NAME_NOT_TOLD, Noted.NO_WORKFLOW]
    refused = seen({"pyproject.toml": '[project]\nname = "-no-"\n'})
    assert kinds(propose(refused, "a/b", SITES))[0] is Noted.NAME_REFUSED


def test_a_monorepo_proposes_each_package() -> None:
    """Every package is listed with its folder, once; a root that names nothing is then no trouble, tests are none."""
    root = "[tool.uv.workspace]\nmembers = ['packages/*']\n"
    files = {
        "pyproject.toml": root,
        "packages/b/pyproject.toml": PROJECT.replace("Acme_Widgets", "b.b"),
        "packages/a/pyproject.toml": PROJECT.replace("Acme_Widgets", "a"),
        "packages/a/tests/pyproject.toml": PROJECT,
        "copy/pyproject.toml": PROJECT.replace("Acme_Widgets", "A"),
    }
    found = propose(seen(files), "a/b", SITES)
    assert found.packages == (Package("a", "copy"), Package("b-b", "packages/b"))
    assert found.notes_of(Noted.SEVERAL_PACKAGES)[0].values == {"names": "a, b-b"}
    assert Noted.NAME_NOT_TOLD not in kinds(found)


def test_of_several_workflows_the_publishing_one_is_taken() -> None:
    """Each index has its own workflow and environment; of two for one index the other is named."""
    files = {"pyproject.toml": PROJECT, **workflow("ci.yml", "on: push\njobs:\n  a:\n    steps:\n"),
             **workflow("publish.yml"), **workflow("test.yml", TEST)}  # fmt: skip
    found = propose(seen(files), "a/b", SITES)
    assert (found.index, found.workflow, found.environment, found.notes) == (
        "pypi",
        "publish.yml",
        "pypi",
        (),
    )
    test = propose(seen(files), "a/b", SITES, "testpypi")
    assert (test.workflow, test.environment) == ("test.yml", "testpypi")
    company = propose(seen(files), "a/b", SITES, "company")
    assert (company.workflow, company.environment) == ("release.yml", "pypi")
    assert kinds(company) == [Noted.OTHER_INDEX, Noted.NO_WORKFLOW]
    only_test = propose(seen({"pyproject.toml": PROJECT, **workflow("test.yml", TEST)}), "a/b", SITES)
    assert (only_test.index, only_test.environment) == ("testpypi", "testpypi")
    twice = propose(seen({**files, **workflow("again.yml")}), "a/b", SITES)
    assert twice.notes_of(Noted.SEVERAL_WORKFLOWS)[0].values["others"] == "again.yml"


@pytest.mark.parametrize(
    ("text", "environment", "what"),
    [
        (GOOD.replace("    environment: pypi\n", ""), "pypi", Noted.NO_ENVIRONMENT),
        (GOOD.replace("environment: pypi", "environment: ${{ inputs.to }}"), "pypi", Noted.COMPUTED_ENVIRONMENT),
        (GOOD.replace("on:\n  push:\n    tags: [\"v*\"]\n  workflow_dispatch:\n", "on: workflow_call\n"), "pypi", Noted.REUSABLE),
        (GOOD.replace("jobs:", "jobs: &a"), "pypi", Noted.WORKFLOW_UNREAD),
    ],
)  # fmt: skip
def test_what_cannot_be_read_off_is_noted(text: str, environment: str, what: Noted) -> None:
    """A missing or computed environment, a called workflow, a file that means more than it shows: each is told."""
    found = propose(seen({"pyproject.toml": PROJECT, **workflow("release.yml", text)}), "a/b", SITES)
    assert found.environment == environment
    assert what in kinds(found)


def test_what_could_not_be_had_is_noted() -> None:
    """A forge that is down, a renamed or archived repository, a file that fails, too many files: told, and the rest kept."""
    down = propose(Seen(RepositoryFacts(None, detail="Slow.")), "a/b", SITES)
    assert (down.slug, kinds(down), down.notes[0].values) == ("a/b", [Noted.UNSEEN], {"detail": "Slow."})
    moved = propose(Seen(RepositoryFacts(None, "acme/new", moved=True)), "a/b", SITES)
    assert moved.notes[0].values == {"now": "acme/new"}
    files = {"pyproject.toml": PROJECT, **workflow("release.yml")}
    archived = propose(seen(files, repository=replace(THERE, archived=True)), "a/b", SITES)
    assert kinds(archived) == [Noted.ARCHIVED]
    cut = propose(seen(files, cut=True), "a/b", SITES)
    assert (kinds(cut), cut.packages) == ([Noted.CUT], (Package("acme-widgets"),))
    failed = propose(seen(files, texts={"pyproject.toml": Unsure("Slow.")}), "a/b", SITES)
    assert kinds(failed) == [Noted.PYPROJECT_UNREAD]
    assert kinds(propose(seen(files, paths=Unsure("Slow.")), "a/b", SITES))[0] is Noted.UNSEEN


def test_few_files_are_read() -> None:
    """A repository of a thousand packages costs a dozen files, the nearest to its root, and says how many were left."""
    many = tuple(f"packages/p{number:04}/pyproject.toml" for number in range(1_000))
    wanted, more = pyprojects((*many, "pyproject.toml", "a/b/c/d/pyproject.toml", "notpyproject.toml"))
    assert (len(wanted), wanted[0], more) == (MOST_PACKAGES, "pyproject.toml", 1_001 - MOST_PACKAGES)
    files = tuple(f".github/workflows/w{number}.yml" for number in range(40))
    names, more = workflow_files(
        (*files, ".github/workflows/publish.yaml", ".github/workflows/x/y.yml", "a.yml")
    )
    assert (names[0], len(names) + more) == ("publish.yaml", 41)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (PROJECT, "Acme_Widgets"),
        ('[tool.poetry]\nname = "p"\n', "p"),
        ("[project]\nname = 7\n", ""),
        ("project = 1\ntool = 2\n", ""),
        ("", ""),
        ("[project\n", None),
        ("a = " + "[" * 50_000, None),
        ("a = " + "9" * 50_000, None),
        ("#" * (LONGEST + 1), None),
        ("a." * (LONGEST // 2 - 2) + "a=1", None),
        ('"\u2028".a.' * (LONGEST // 6 - 2) + "a=1", None),
        (f"{PROJECT}a = '{'.' * MOST_DOTS}'\n" * 1, "Acme_Widgets"),
    ],
)  # fmt: skip
def test_names_are_read_or_not(text: str, name: str | None) -> None:
    """A static name is read; what is no TOML, too deep, too long or slow to read can't be, and nothing of it raises."""
    assert project_name(text) == name
