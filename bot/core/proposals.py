"""What a repository says about how its packages are published, as a proposal for a publisher's fields.

Knows: `pyproject.toml`, what a publishing workflow tells. Must not know: how files were fetched, wording.

What is not told by the repository is told by a note: nothing is guessed without one.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from bot.core.cleaning import one_line
from bot.core.forge import FilesOutcome, Nothing, TextOutcome, Unsure
from bot.core.names import (
    DEFAULT_ENVIRONMENT,
    DEFAULT_INDEX,
    DEFAULT_WORKFLOW,
    normalize_project,
    project_problem,
)
from bot.core.repositories import RepositoryFacts, Upload, WorkflowFacts, WorkflowJob
from bot.core.sites import IndexSite

PYPROJECT = "pyproject.toml"
WORKFLOWS = ".github/workflows/"
TEST_INDEX = "testpypi"
"""The index to try things on, whose environment is called so too."""
LONGEST = 100_000
"""Characters of a file that is read."""
MOST_DOTS = 200
"""Dots on a line: `tomllib` takes the square of a key's parts, so that one key of 100,000 characters would take minutes."""
MOST_PACKAGES, MOST_WORKFLOWS = 12, 12
"""Files of each kind that are read."""
DEEPEST = 3
"""Folders that a package lies below."""
_ASIDE = frozenset(
    {
        "test", "tests", "testing", "example", "examples", "sample", "samples", "doc", "docs", "fixtures", "template",
        "templates", "benchmark", "benchmarks", "vendor", "vendored", "third_party", "node_modules", "site-packages",
    }
)  # fmt: skip
"""Folders in which a `pyproject.toml` is hardly ever a package's that is published."""
_TELLING = ("pypi", "publish", "release", "deploy", "upload", "wheel", "dist", "cd")
"""What publishing workflows are called, the most telling first."""


class Noted(StrEnum):
    """What is to be known about a proposal; the names in `values` stand behind each."""

    UNSEEN = "unseen"
    """detail: the repository could not be looked at"""
    MOVED = "moved"
    """now ("" where that is not shown)"""
    ARCHIVED = "archived"
    CUT = "cut"
    """The repository has too many files to be looked through: only the root was."""
    NO_PYPROJECT = "no_pyproject"
    MORE_PACKAGES = "more_packages"
    """count: files that were not read"""
    PYPROJECT_UNREAD = "pyproject_unread"
    """path, detail"""
    PYPROJECT_BROKEN = "pyproject_broken"
    """path: no TOML, or too long"""
    NAME_NOT_TOLD = "name_not_told"
    """path: it names no project; another file or a program may"""
    NAME_REFUSED = "name_refused"
    """path, name: no index takes it"""
    SEVERAL_PACKAGES = "several_packages"
    """names"""
    NO_WORKFLOW = "no_workflow"
    """workflow: none publishes, so that one is to be made"""
    WORKFLOW_UNREAD = "workflow_unread"
    """workflow, detail"""
    MORE_WORKFLOWS = "more_workflows"
    """count: files that were not read"""
    SEVERAL_WORKFLOWS = "several_workflows"
    """workflow (the proposed one), others"""
    OTHER_INDEX = "other_index"
    """workflow, index, used (host): it publishes to another index"""
    NO_ENVIRONMENT = "no_environment"
    """workflow, environment: the publishing job names none"""
    COMPUTED_ENVIRONMENT = "computed_environment"
    """workflow, used, environment"""
    SEVERAL_ENVIRONMENTS = "several_environments"
    """environment, others"""
    REUSABLE = "reusable"
    """workflow: it is only called by others, which an index does not take"""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to be known."""

    what: Noted
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose name its repository tells."""

    name: str
    """As an index writes it (PEP 503)."""
    folder: str = ""
    """Where its `pyproject.toml` lies; "" for the root."""


@dataclass(frozen=True, slots=True)
class WorkflowSeen:
    """One workflow file, as far as it could be read."""

    name: str
    facts: WorkflowFacts | None = None
    """None: not read, `detail` tells why."""
    uploads: tuple[Upload, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a look at a repository brought back."""

    repository: RepositoryFacts
    paths: FilesOutcome = Nothing()  # noqa: RUF009 - frozen
    """Every file's path."""
    cut: bool = False
    """Whether there are more files than `paths` tells."""
    texts: Mapping[str, TextOutcome] = field(default_factory=dict)
    """What the `pyproject.toml`s say, by path."""
    workflows: tuple[WorkflowSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class PublisherProposal:
    """What a publisher of a repository's packages is to say, for one index."""

    slug: str
    """`owner/name` in the forge's own spelling where that is known."""
    packages: tuple[Package, ...] = ()
    workflow: str = DEFAULT_WORKFLOW
    environment: str = DEFAULT_ENVIRONMENT
    index: str = DEFAULT_INDEX
    publishes: bool = False
    """Whether the workflow is there and publishes; else it is to be made."""
    notes: tuple[Note, ...] = ()

    def notes_of(self, *kinds: Noted) -> tuple[Note, ...]:
        """Return the notes of these kinds."""
        return tuple(note for note in self.notes if note.what in kinds)


def pyprojects(paths: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the `pyproject.toml`s to read, the least deep first, and how many more there are."""
    found = [path for path in paths if path == PYPROJECT or path.endswith(f"/{PYPROJECT}")]
    near = [path for path in found if path.count("/") <= DEEPEST and not _is_aside(path)]
    near.sort(key=lambda path: (path.count("/"), path))
    return tuple(near[:MOST_PACKAGES]), max(0, len(near) - MOST_PACKAGES)


def _is_aside(path: str) -> bool:
    return any(part in _ASIDE or part.startswith(".") for part in path.lower().split("/")[:-1])


def workflow_files(paths: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the names of the workflow files to read, the most telling first, and how many more there are."""
    names = [path.removeprefix(WORKFLOWS) for path in paths if path.startswith(WORKFLOWS)]
    found = sorted(name for name in names if "/" not in name and name.endswith((".yml", ".yaml")))
    found.sort(key=_telling)
    return tuple(found[:MOST_WORKFLOWS]), max(0, len(found) - MOST_WORKFLOWS)


def _telling(name: str) -> int:
    return next((place for place, word in enumerate(_TELLING) if word in name.lower()), len(_TELLING))


def propose(seen: Seen, slug: str, sites: Mapping[str, IndexSite], index: str = "") -> PublisherProposal:
    """Return what is proposed for one index; "" for the one that the repository publishes to."""
    blank = PublisherProposal(seen.repository.full_name or slug, index=index or DEFAULT_INDEX)
    if seen.repository.exists is not True:
        return replace(_usual(blank), notes=(_unseen(seen.repository),))
    packages, told = _packages(seen)
    found = replace(_workflow(seen, blank, sites, index), packages=packages)
    archived = (Note(Noted.ARCHIVED),) if seen.repository.archived else ()
    return replace(found, notes=(*archived, *told, *found.notes))


def _usual(blank: PublisherProposal) -> PublisherProposal:
    """Return it with the environment that is usual for its index."""
    return replace(blank, environment=TEST_INDEX if blank.index == TEST_INDEX else DEFAULT_ENVIRONMENT)


def _unseen(facts: RepositoryFacts) -> Note:
    if facts.moved:
        return Note(Noted.MOVED, {"now": facts.full_name})
    return Note(Noted.UNSEEN, {"detail": facts.detail or "There is no such repository."})


def _packages(seen: Seen) -> tuple[tuple[Package, ...], tuple[Note, ...]]:
    if isinstance(seen.paths, Unsure):
        return (), (Note(Noted.UNSEEN, {"detail": seen.paths.detail}),)
    paths = seen.paths if isinstance(seen.paths, tuple) else ()
    wanted, more = pyprojects(paths)
    packages: dict[str, Package] = {}
    notes = [Note(Noted.CUT)] if seen.cut else []
    for path in wanted:
        read = _package(path, seen.texts.get(path, Nothing()))
        if isinstance(read, Note):
            notes.append(read)
        else:
            packages.setdefault(read.name, read)
    # A root that only holds the tools of its packages names nothing, and need not.
    if packages:
        notes = [note for note in notes if note.what is not Noted.NAME_NOT_TOLD]
    if len(packages) > 1:
        notes.append(Note(Noted.SEVERAL_PACKAGES, {"names": ", ".join(packages)}))
    if more:
        notes.append(Note(Noted.MORE_PACKAGES, {"count": str(more)}))
    if not wanted:
        notes.append(Note(Noted.NO_PYPROJECT))
    return tuple(packages.values()), tuple(notes)


def _package(path: str, text: TextOutcome) -> Package | Note:
    if isinstance(text, Nothing):
        return Note(Noted.PYPROJECT_UNREAD, {"path": path, "detail": "It was not there any more."})
    if isinstance(text, Unsure):
        return Note(Noted.PYPROJECT_UNREAD, {"path": path, "detail": text.detail})
    name = project_name(text)
    if name is None:
        return Note(Noted.PYPROJECT_BROKEN, {"path": path})
    if not name:
        return Note(Noted.NAME_NOT_TOLD, {"path": path})
    if project_problem(name):
        return Note(Noted.NAME_REFUSED, {"path": path, "name": one_line(name, limit=60)})
    return Package(normalize_project(name), path.removesuffix(PYPROJECT).rstrip("/"))


def project_name(text: str) -> str | None:
    """Return the name that a `pyproject.toml` tells, "" where it tells none; None where it can't be read.

    PEP 621's `[project]` is asked first, then Poetry's own table. A build backend may take the name from elsewhere, and
    what a program computes nobody can read.
    """
    # Lines as TOML has them: `splitlines` would end one at signs that a quoted part of a key may hold.
    if len(text) > LONGEST or any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        return None
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None
    poetry = _table(_table(table, "tool"), "poetry")
    found = _table(table, "project").get("name") or poetry.get("name") or ""
    return found if isinstance(found, str) else ""


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name)
    return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, slots=True)
class _Way:
    """A job that publishes."""

    workflow: str
    job: WorkflowJob
    index: str
    """The index that it publishes to, "" for one that is not served here."""
    host: str
    reusable: bool


def _workflow(
    seen: Seen, blank: PublisherProposal, sites: Mapping[str, IndexSite], index: str
) -> PublisherProposal:
    unread = tuple(
        Note(Noted.WORKFLOW_UNREAD, {"workflow": one.name, "detail": one.detail})
        for one in seen.workflows
        if one.facts is None or not one.facts.readable
    )
    _, more = workflow_files(seen.paths if isinstance(seen.paths, tuple) else ())
    notes = (*unread, *((Note(Noted.MORE_WORKFLOWS, {"count": str(more)}),) if more else ()))
    ways = [way for one in seen.workflows for way in _ways(one, sites)]
    wanted = [way for way in ways if way.index == (index or DEFAULT_INDEX)]
    if not wanted and not index:
        wanted = [way for way in ways if way.index]
    if not wanted:
        other = tuple(_other(way, blank.index) for way in ways[:1])
        none = Note(Noted.NO_WORKFLOW, {"workflow": blank.workflow})
        return replace(_usual(blank), notes=(*notes, *other, none))
    return _of_ways(blank, [way for way in wanted if way.index == wanted[0].index], notes)


def _ways(seen: WorkflowSeen, sites: Mapping[str, IndexSite]) -> Iterator[_Way]:
    jobs = {job.id: job for job in seen.facts.jobs} if seen.facts is not None else {}
    only_called = seen.facts is not None and seen.facts.triggers == ("workflow_call",)
    for upload in seen.uploads:
        if upload.job in jobs:
            name = served(upload.url, sites)
            yield _Way(seen.name, jobs[upload.job], name, _host(upload.url), only_called)


def served(upload_url: str, sites: Mapping[str, IndexSite]) -> str:
    """Return which of our indexes an upload address belongs to, "" for none; an upload without one goes to PyPI."""
    if not upload_url:
        return DEFAULT_INDEX if DEFAULT_INDEX in sites else ""
    host = _host(upload_url)
    found = (
        name for name, site in sites.items() if host and host in {_host(site.upload_url), _host(site.url)}
    )
    return next(found, "")


def _host(address: str) -> str:
    """Return host and port, "" for what is no address."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    return f"{parts.hostname}:{port}" if parts.hostname and port else parts.hostname or ""


def _other(way: _Way, index: str) -> Note:
    return Note(Noted.OTHER_INDEX, {"workflow": way.workflow, "index": index, "used": way.host or way.index})


def _of_ways(blank: PublisherProposal, ways: Sequence[_Way], notes: tuple[Note, ...]) -> PublisherProposal:
    """Return the proposal of the first workflow that publishes; a file that runs by itself goes before a called one."""
    first = min(ways, key=lambda way: way.reusable)
    others = [name for name in dict.fromkeys(way.workflow for way in ways) if name != first.workflow]
    said = list(notes)
    if others:
        said.append(Note(Noted.SEVERAL_WORKFLOWS, {"workflow": first.workflow, "others": ", ".join(others)}))
    if first.reusable:
        said.append(Note(Noted.REUSABLE, {"workflow": first.workflow}))
    found = replace(blank, workflow=first.workflow, index=first.index, publishes=True)
    named = [way.job.environment for way in ways if way.workflow == first.workflow]
    environment, more = _environment(_usual(found), list(dict.fromkeys(named)))
    return replace(environment, notes=(*said, *more))


def _environment(
    usual: PublisherProposal, named: Sequence[str]
) -> tuple[PublisherProposal, tuple[Note, ...]]:
    told = {"workflow": usual.workflow, "environment": usual.environment}
    fixed = [name for name in named if name and "${{" not in name]
    if fixed:
        others = ", ".join(fixed[1:])
        note = Note(Noted.SEVERAL_ENVIRONMENTS, {"environment": fixed[0], "others": others})
        return replace(usual, environment=fixed[0]), ((note,) if others else ())
    computed = next(filter(None, named), "")
    if computed:
        return usual, (Note(Noted.COMPUTED_ENVIRONMENT, {**told, "used": computed}),)
    return usual, (Note(Noted.NO_ENVIRONMENT, told),)
