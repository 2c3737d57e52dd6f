"""What was seen of a repository, as facts for those who decide.

Knows: meanings. Must not know: which forge, how it was asked.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """One job of a workflow file."""

    id: str
    name: str
    """Its `name:`, which runs show; the id where it has none."""
    environment: str = ""
    id_token: bool = False
    """Whether it may ask for an identity token."""
    uses: str = ""
    """The reusable workflow that it calls, "" for none."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A job of a workflow file that uploads to an index."""

    job: str
    """Its id."""
    tool: str
    """What it uploads with."""
    url: str = ""
    """The upload address that it names, `${{` for one that is computed; "" where it names none, and so means PyPI's."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The paths of all files of a commit."""

    paths: tuple[str, ...]
    cut: bool = False
    """Whether there are more."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of `on.push`, in GitHub's syntax; empty ones filter nothing."""

    tags: tuple[str, ...] = ()
    tags_ignore: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    """Of branches and branches-ignore together: where these stand alone, tags start nothing."""


@dataclass(frozen=True, slots=True)
class WorkflowFacts:
    """What a look at a workflow's file showed. None or unknown: the file could not be read that far."""

    found: bool
    has_id_token_write: bool | None = None
    """Whether some job may ask for an identity token, which trusted publishing needs."""
    environments: tuple[str, ...] = ()
    """Environments that its jobs name, as written; an expression (`${{ .. }}`) shows as it is."""
    triggers: tuple[str, ...] = ()
    """Events that start it, such as `push`."""
    readable: bool = False
    """Whether the three above could be read at all."""
    jobs: tuple[WorkflowJob, ...] = ()
    push: Filters = Filters()
    release_types: tuple[str, ...] = ()
    """Of `on.release`; empty: all."""
    dispatch_needs_inputs: bool = False
    """Whether `workflow_dispatch` has a required input without a default, which nobody could fill in."""
    detailed: bool = False
    """Whether the four above could be read; else names, filters and inputs may be more than is seen."""
    confirms: bool = False
    """Whether it can be started by hand with the input `confirm`, and has a job of that name for it, as proposed ones do."""


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What a look at a repository showed."""

    exists: bool | None
    """None: nobody can say, `detail` tells why."""
    full_name: str = ""
    """`owner/name` in the forge's own spelling; of one that was moved the present one, "" where that is not shown."""
    url: str = ""
    """Where people look at it."""
    workflow: WorkflowFacts | None = None
    """None: not looked at, `detail` tells why."""
    detail: str = ""
    """Cause and remedy of what could not be seen, plain text; "" where all was."""
    branch: str = ""
    """The default branch."""
    archived: bool = False
    private: bool = False
    moved: bool = False
    """Whether it has another name now; the index would not know it by the old one."""


@dataclass(frozen=True, slots=True)
class RepositorySummary:
    """One repository as a list of them tells it."""

    full_name: str
    """`owner/name` in the forge's own spelling."""
    private: bool = False
    archived: bool = False
    fork: bool = False
    language: str = ""
    """The one that most of it is written in, "" where unknown."""
    default_branch: str = ""
    """"" where unknown."""
    pushed_at: datetime | None = None
    """When something was pushed last, aware; None where unknown or never."""


@dataclass(frozen=True, slots=True)
class Repositories:
    """The repositories that a credential sees, newest push first."""

    found: tuple[RepositorySummary, ...]
    missing: str = ""
    """Why there may be more than these, cause and remedy; "" where these are all."""

    @property
    def cut(self) -> bool:
        """Whether there may be more than these."""
        return bool(self.missing)
