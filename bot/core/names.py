"""Names that an index would refuse, told before anybody leaves Slack or the shell.

Knows: what the index's GitHub form takes (warehouse `oidc/forms/github.py`, `_core.py`). Must not know: who asks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal
from urllib.parse import urlsplit

from bot.core.secrets import redact

Field = Literal["project", "owner", "repository", "workflow", "environment", "index", "channel"]
"""The fields of the index's form, and the two that only the bot has."""

DEFAULT_WORKFLOW = "release.yml"
DEFAULT_ENVIRONMENT = "pypi"
DEFAULT_INDEX = "pypi"
MAX_LENGTH = {"project": 200, "owner": 39, "repository": 100, "workflow": 255, "environment": 255}
"""Characters. GitHub allows no longer owner and repository, the index no longer environment, our tables the rest."""

_PROJECT = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.ASCII | re.IGNORECASE)
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+")
_BAD_IN_ENVIRONMENT = re.compile(r"""[\x00-\x1f\x7f'"`,;\\]""")
_SEPARATORS = re.compile(r"[-_.]+")
_PROHIBITED = frozenset({"requirements-txt", "rrequirements-txt"})
"""Typing errors of `pip install -r requirements.txt`, which the index has barred."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field: cause and remedy, plain text, not escaped for anything."""

    field: str
    """One of `Field`; callers add fields of their own (`index`, `channel`)."""
    message: str


@dataclass(frozen=True, slots=True)
class Slug:
    """A repository as the forge writes it."""

    owner: str
    repository: str


def normalize_project(name: str) -> str:
    """Return the name as PEP 503 has it: lower case, runs of `-_.` become one `-`."""
    return _SEPARATORS.sub("-", name).lower()


@cache
def standard_library() -> frozenset[str]:
    """Return the standard library's names, of all versions of Python, as the index bars them; read once, when first needed."""
    lines = files("bot.core").joinpath("standard_library.txt").read_text(encoding="ascii").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


def parse_slug(text: str, *, forge: str = "") -> Slug | None:
    """Read OWNER/REPO, also pasted as a web address or a clone address; None where it is neither.

    `forge` is the web address whose repositories are meant: an address on another host is refused. "" takes any.
    Whether owner and repository are valid names is for `validate` to say.
    """
    text = text.strip().strip("<>").partition("|")[0]  # Slack wraps an address: <https://...|label>
    if text.startswith("git@"):
        host, _, path = text.removeprefix("git@").partition(":")
    elif "://" in text:
        try:
            parts = urlsplit(text)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            return None
    else:
        host, path = "", text
    if host and forge and host != _host(forge):
        return None
    return _slug(path, whole=not host)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _slug(path: str, *, whole: bool) -> Slug | None:
    """Read a path; behind an address's owner and repository more may come (`/tree/main`), else `whole`."""
    owner, _, rest = path.strip("/").partition("/")
    repository, _, more = rest.partition("/")
    repository = repository.removesuffix(".git")
    return Slug(owner, repository) if owner and repository and not (whole and more) else None


def validate(
    *,
    project: str,
    owner: str,
    repository: str,
    workflow: str,
    environment: str,
    project_exists: bool = False,
) -> tuple[Problem, ...]:
    """Return everything that the index's GitHub form would refuse, in the form's order; empty: nothing.

    `project_exists` leaves out what is refused for new projects only: the standard library's names.
    """
    values: dict[Field, str] = {
        "project": project, "owner": owner, "repository": repository, "workflow": workflow,
        "environment": environment,
    }  # fmt: skip
    problems = [(name, _CHECKS[name](value) or _too_long(name, value)) for name, value in values.items()]
    if not project_exists and not problems[0][1]:
        problems[0] = ("project", barred(project))
    return tuple(Problem(name, message) for name, message in problems if message)


def project_problem(name: str) -> str:
    """Return what is wrong with a project's name by its form alone; "" where nothing is."""
    return _project(name) or _too_long("project", name)


def owner_problems(owner: str) -> tuple[Problem, ...]:
    """Return what the index's GitHub form would refuse of an owner; empty: nothing."""
    message = _owner(owner) or _too_long("owner", owner)
    return (Problem("owner", message),) if message else ()


def _too_long(name: str, value: str) -> str:
    limit = MAX_LENGTH[name]
    if len(value) <= limit:
        return ""
    return f"The {name} is {len(value)} characters long; at most {limit} are allowed. Check for a slip in pasting."


def _project(value: str) -> str:
    if not value:
        return "The project's name is missing. Give the package's name on the index."
    if not _PROJECT.fullmatch(value):
        return (
            f"{_shown(value)} can't be a project's name. Use ASCII letters, digits, '.', '_' and '-', with a letter "
            "or digit at both ends."
        )
    return ""


def barred(value: str) -> str:
    """Return why an index makes no new project of a name, "" where it may; one that exists under it stays."""
    if normalize_project(value) in standard_library():
        return f"{_shown(value)} is the name of a standard library module, which the index refuses. Choose another."
    if normalize_project(value) in _PROHIBITED:
        return f"{_shown(value)} is a name that the index has barred. Choose another."
    return ""


def _owner(value: str) -> str:
    if not value:
        return "The repository's owner is missing. Give the GitHub user or organization: OWNER/REPO."
    if not _OWNER.fullmatch(value):
        return (
            f"{_shown(value)} can't be a GitHub user or organization. Such a name has ASCII letters, digits and '-', "
            "and begins with a letter or digit."
        )
    return ""


def _repository(value: str) -> str:
    if not value:
        return "The repository's name is missing. Give it as OWNER/REPO."
    if not _REPOSITORY.fullmatch(value) or value in {".", ".."}:
        return (
            f"{_shown(value)} can't be a GitHub repository. Give the name alone, without owner or address: ASCII "
            "letters, digits, '.', '_' and '-'."
        )
    return ""


def _workflow(value: str) -> str:
    if not value:
        return "The workflow's file is missing. Give its name in .github/workflows/, such as release.yml."
    if "/" in value:
        last = value.rstrip("/").rpartition("/")[2]
        hint = f" ({last})" if last.endswith((".yml", ".yaml")) and last.isprintable() else ""
        return f"The workflow must be a file name without folders. Give the part after the last '/'{hint}."
    if not value.endswith((".yml", ".yaml")):
        return f"{_shown(value)} is not a workflow file. Give the file's name, not its title; it ends in .yml or .yaml."
    if value != value.strip() or not value.isprintable():
        return "The workflow's file name has a space at an end or a control character. Type it anew."
    return ""


def _environment(value: str) -> str:
    if value != value.strip():
        return "The environment has a space at an end. Take it away, or leave the environment empty."
    if _BAD_IN_ENVIRONMENT.search(value) or not value.isprintable():
        return (
            "The environment holds a control character or one of ' \" ` , ; \\, which the index refuses. Rename "
            "it on GitHub, or leave it empty."
        )
    return ""


_CHECKS: dict[Field, Callable[[str], str]] = {
    "project": _project,
    "owner": _owner,
    "repository": _repository,
    "workflow": _workflow,
    "environment": _environment,
}


def _shown(value: str) -> str:
    """Return a value on one line, short, without what could hide in it; a token in the wrong place is not repeated."""
    line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in redact(value))
    return f"'{line if len(line) <= 60 else line[:57] + '...'}'"
