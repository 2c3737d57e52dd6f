"""The things an index holds: users, projects, files, publishers.

Knows: their shape and the names' rules. Must not know: HTTP, how they are kept.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

from bot.core.names import standard_library

PROJECT_NAME = re.compile(r"^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])\Z", re.IGNORECASE | re.ASCII)
GITHUB_OWNER = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9-]*$")
GITHUB_REPOSITORY = re.compile(r"^[a-zA-Z0-9-_.]+$")
"""As the real form has them: `$` lets a newline at the end through."""
ENVIRONMENT_FORBIDDEN = re.compile("[\\x00-\\x1f\\x7f'\"`,;\\\\]")
ENVIRONMENT_LENGTH = 255
PROHIBITED_NAMES = frozenset({"requirements-txt", "rrequirements-txt", "requirements-dev-txt", "pypi"})
PUBLISHER_FIELDS = ("owner", "repository", "workflow_filename", "environment")


def normalized(name: str) -> str:
    """Return a project's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def confusable(name: str) -> str:
    """Return what two names share that an index takes for too similar (l, 1, i; o, 0; separators)."""
    folded = re.sub(r"[-_.]", "", name.lower())
    return re.sub("o", "0", re.sub("[li]", "1", folded))


def new_id() -> str:
    """Return a fresh UUID as text."""
    return str(uuid4())


@dataclass(slots=True, eq=False)
class User:
    """Somebody with an account."""

    name: str
    id: str = field(default_factory=new_id)


@dataclass(frozen=True)
class PublisherValues:
    """A GitHub publisher's four values; `environment` may be empty and is lower case."""

    owner: str
    repository: str
    workflow_filename: str
    environment: str

    @classmethod
    def kept(cls, fields: dict[str, str], *, owner: str) -> "PublisherValues":
        """Return a form's values as they are kept, with the owner as the forge spells it."""
        return cls(
            owner=owner,
            repository=fields["repository"],
            workflow_filename=fields["workflow_filename"].strip(),
            environment=fields["environment"].lower(),
        )

    @property
    def slug(self) -> str:
        """The repository as the forge writes it."""
        return f"{self.owner}/{self.repository}"

    @cached_property
    def workflow_key(self) -> tuple[str, str]:
        """What two publishers of the same repository and workflow share, whatever the environment."""
        return self.slug.lower(), self.workflow_filename

    def same(self, other: "PublisherValues") -> bool:
        """Whether all four values are the same."""
        return self.workflow_key == other.workflow_key and self.environment == other.environment


@dataclass(kw_only=True, eq=False)
class PendingPublisher:
    """A registration that is not in force yet."""

    project: str
    """The project's name, as it was typed."""
    values: PublisherValues
    owner_id: str
    """The forge's numeric id of the owner; "" where nobody could be asked."""
    added_by: User
    added_at: datetime
    by_api: bool
    """By the publisher API (an existing project, confirmed by a link), else by form (a project to come)."""
    id: str = field(default_factory=new_id)

    @cached_property
    def normalized(self) -> str:
        """The project's name as PEP 503 has it."""
        return normalized(self.project)


@dataclass(slots=True, kw_only=True, eq=False)
class ActivePublisher:
    """A publisher in force, for one project or several."""

    values: PublisherValues
    owner_id: str
    projects: list["Project"] = field(default_factory=list)
    id: str = field(default_factory=new_id)


@dataclass(slots=True, kw_only=True, eq=False)
class StoredFile:
    """One distribution file, with its digests in hex."""

    filename: str
    version: str
    filetype: str
    pyversion: str
    content: bytes = field(repr=False)
    uploaded_at: datetime
    md5: str
    sha256: str
    blake2b: str
    metadata_sha256: str = ""
    """Digest of a wheel's METADATA; "" where there is none."""
    requires_python: str | None = None
    attestations: list[Any] = field(default_factory=list)
    attested_by: PublisherValues | None = None
    yanked: str | None = None
    """Why it was yanked, maybe ""; None: it was not."""

    @property
    def path(self) -> str:
        """Where it is served, from the root of the files' host."""
        return f"/packages/{self.blake2b[:2]}/{self.blake2b[2:4]}/{self.blake2b[4:]}/{self.filename}"


@dataclass(slots=True)
class Release:
    """One version; it is there with its first file."""

    version: str
    created_at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    """Core metadata as the uploader's form gave it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Project:
    """A project; it may be there before its first release."""

    name: str
    owner: User
    created_at: datetime
    serial: int
    id: str = field(default_factory=new_id)
    status: str = "active"
    status_reason: str = ""
    releases: dict[str, Release] = field(default_factory=dict)
    files: list[StoredFile] = field(default_factory=list)

    @property
    def normalized(self) -> str:
        """The name as PEP 503 has it."""
        return normalized(self.name)

    def files_of(self, version: str) -> list[StoredFile]:
        """Return a release's files."""
        return [file for file in self.files if file.version == version]


def value_problems(fields: dict[str, str]) -> dict[str, str]:
    """Return every publisher field that the GitHub form refuses, each with its reason (warehouse `oidc/forms`)."""
    checks = {
        "owner": _owner_problem(fields["owner"]),
        "repository": _repository_problem(fields["repository"]),
        "workflow_filename": _workflow_problem(fields["workflow_filename"]),
        "environment": _environment_problem(fields["environment"]),
    }
    return {name: problem for name, problem in checks.items() if problem}


def name_problem(name: str) -> str:
    """Return why no project may be called so whatever projects there are; "" if one may."""
    if not name:
        return "Specify project name"
    if not PROJECT_NAME.match(name):
        return "Invalid project name"
    if normalized(name) in standard_library():
        return "This project name isn't allowed (conflict with the Python standard library module name)"
    return ""


def _owner_problem(owner: str) -> str:
    if not owner:
        return "Specify GitHub repository owner (username or organization)"
    return "" if GITHUB_OWNER.match(owner) else "Invalid GitHub user or organization name."


def _repository_problem(repository: str) -> str:
    if not repository:
        return "Specify repository name"
    return "" if GITHUB_REPOSITORY.match(repository) else "Invalid repository name"


def _workflow_problem(workflow: str) -> str:
    if not workflow:
        return "Specify workflow filename"
    workflow = workflow.strip()
    if not workflow.endswith((".yml", ".yaml")):
        return "Workflow name must end with .yml or .yaml"
    return "Workflow filename must be a filename only, without directories" if "/" in workflow else ""


def _environment_problem(environment: str) -> str:
    if not environment.strip():  # the real form takes blanks alone too, for an environment of that name
        return ""
    if len(environment) > ENVIRONMENT_LENGTH:
        return f"Environment name is too long (maximum is {ENVIRONMENT_LENGTH} characters)"
    if environment.startswith(" "):
        return "Environment name may not start with whitespace"
    if environment.endswith(" "):
        return "Environment name may not end with whitespace"
    if ENVIRONMENT_FORBIDDEN.search(environment):
        return (
            "Environment name must not contain non-printable characters or the characters "
            '"\'", """, "`", ",", ";", "\\"'
        )
    return ""
