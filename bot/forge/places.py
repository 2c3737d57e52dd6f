"""GitHub's answers about where publishing is set up: folders, environments, accounts, open pull requests, as values.

Knows: the shapes of those answers. Must not know: httpx, addresses, what follows from a fact.

Every reader raises Misshapen where the answer is another one; `bot.forge.refusals.read` turns that into a value.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.core.forge import AccountFacts, EnvironmentFacts, OpenPull, PermissionFacts
from bot.core.repositories import Tree
from bot.forge.asking import Ask
from bot.forge.shapes import Misshapen, entries, link, member, needed, number, truth, words

MOST_FILES = 20_000
"""Files of a commit that are looked at."""


def file_names(value: object) -> tuple[str, ...]:
    """Read the names of the files in a folder."""
    return tuple(
        needed(one, "name", limit=255) for one in entries(value) if words(one, "type", limit=20) == "file"
    )


def tree(value: object) -> Tree:
    """Read the paths of a commit's files; names of more than one line are none of ours."""
    found = member(value, "tree")
    if not isinstance(found, list):
        raise Misshapen
    paths = (member(one, "path") for one in found[:MOST_FILES] if member(one, "type") == "blob")
    kept = tuple(path for path in paths if isinstance(path, str) and path.isprintable())
    return Tree(kept, cut=truth(value, "truncated") or len(found) > MOST_FILES)


def environments(value: object) -> tuple[EnvironmentFacts, ...]:
    """Read one page of environments."""
    return tuple(_environment(one) for one in entries(member(value, "environments")))


def _environment(value: object) -> EnvironmentFacts:
    rules = entries(member(value, "protection_rules") or [])
    reviewers = [
        member(one, "reviewer") for rule in rules for one in entries(member(rule, "reviewers") or [])
    ]
    return EnvironmentFacts(
        needed(value, "name", limit=255),
        tuple(
            words(one, "login", limit=60) or words(one, "slug", limit=100) or "?"
            for one in reviewers
            if isinstance(one, Mapping)
        ),
        member(value, "deployment_branch_policy") is not None,
    )


def account(value: object) -> AccountFacts:
    """Read a user or organization."""
    return AccountFacts(
        needed(value, "login", limit=60), number(value, "id"), words(value, "type", limit=30) or "User"
    )


def open_pulls(value: object) -> tuple[OpenPull, ...]:
    """Read pull requests."""
    return tuple(
        OpenPull(number(one, "number"), link(one), needed(member(one, "head"), "ref", limit=255))
        for one in entries(value)
    )


def permission(value: object) -> PermissionFacts:
    """Read what somebody may do, and who that is: a login can pass to somebody else."""
    user = member(value, "user")
    return PermissionFacts(
        number(user, "id"), needed(user, "login", limit=60), needed(value, "permission", limit=30)
    )


def full_name(value: object) -> str:
    """Read how a repository is called now."""
    return needed(value, "full_name", limit=141)


def moved_to(api_url: str, location: str) -> Ask | None:
    """Return the question for where a moved repository is; None where the answer led out of the API."""
    here, there = urlsplit(api_url), urlsplit(location)
    path = there.path.removeprefix(here.path) if there.path.startswith(f"{here.path}/") else ""
    same = (there.scheme, there.netloc) == (here.scheme, here.netloc)
    return Ask("GET", path) if same and path.startswith(("/repositories/", "/repos/")) else None
