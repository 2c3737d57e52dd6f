"""What the forge holds: accounts, repositories, tokens and how often each has asked.

Knows: what belongs to what. Must not know: routing, the answers' shapes.
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.demo.forge_git import History, TagObject
from bot.demo.forge_pulls import Pull
from bot.demo.forge_runs import Run
from bot.demo.forge_workflow import FOLDER, Workflow, fits, read

ANONYMOUS_LIMIT = 60
TOKEN_LIMIT = 5000
WINDOW_SECONDS = 3600
GOOD_WORKFLOW = b"""\
name: Release
on:
  push:
    tags: ["v*"]
  workflow_dispatch:
permissions: {}
jobs:
  build:
    runs-on: ubuntu-latest
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567
      - run: python -m build
      - uses: actions/upload-artifact@0123456789abcdef0123456789abcdef01234567
        with:
          name: dist
          path: dist/
  publish:
    needs: build
    runs-on: ubuntu-latest
    environment: pypi
    permissions:
      id-token: write
    steps:
      - uses: actions/download-artifact@0123456789abcdef0123456789abcdef01234567
        with:
          name: dist
          path: dist/
      - uses: pypa/gh-action-pypi-publish@0123456789abcdef0123456789abcdef01234567
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user or organization."""

    login: str
    id: int
    kind: str = "Organization"


@dataclass(slots=True)
class Environment:
    """A place to deploy to, and who must agree first."""

    id: int
    name: str
    created_at: datetime
    reviewers: list[str] = field(default_factory=list)
    """Logins; empty where nobody need agree."""
    token_may_approve: bool = True
    """Whether every token counts as a reviewer's."""
    allowed: list[str] = field(default_factory=list)
    """Patterns of the tags and branches that may deploy; empty: all."""


@dataclass(slots=True)
class Asset:
    """A file attached to a release."""

    id: int
    name: str
    content: bytes = field(repr=False)
    at: datetime


@dataclass(slots=True)
class Release:
    """The forge's own release of a tag."""

    id: int
    tag: str
    target: str
    """`target_commitish`."""
    name: str
    body: str
    by: str
    at: datetime
    draft: bool = False
    prerelease: bool = False
    assets: list[Asset] = field(default_factory=list)


@dataclass(slots=True)
class Repository:
    """A repository: its history and what grew on it."""

    owner: Account
    name: str
    id: int
    made_at: datetime
    environments: dict[str, Environment] = field(default_factory=dict)
    """By lower-case name."""
    private: bool = False
    archived: bool = False
    fork: bool = False
    default_branch: str = "main"
    history: History = field(default_factory=History, repr=False)
    checks: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """What CI from elsewhere says of a commit: name to conclusion, None while it goes on."""
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    """Commit statuses: context to state."""
    releases: dict[str, Release] = field(default_factory=dict)
    """By tag; drafts too."""
    runs: list[Run] = field(default_factory=list)
    """Oldest first."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    """By number."""
    workflow_ids: dict[str, int] = field(default_factory=dict)
    """By path."""

    @property
    def slug(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"

    @property
    def head(self) -> str:
        """The default branch's newest commit."""
        return self.history.branches[self.default_branch]

    @property
    def files(self) -> Mapping[str, bytes]:
        """What is in the default branch."""
        return self.history.commits[self.head].files

    def workflow(self, filename: str) -> Workflow | None:
        """Return a workflow of the default branch by its file name or id."""
        path = next(
            (path for path, id_ in self.workflow_ids.items() if str(id_) == filename), FOLDER + filename
        )
        return read(path, self.files[path]) if path in self.files else None


@dataclass(slots=True)
class Quota:
    """How much one caller may still ask in this window."""

    limit: int
    remaining: int
    reset: int
    """Unix seconds."""

    @property
    def used(self) -> int:
        """How much was asked in this window."""
        return self.limit - self.remaining


class ForgeState:
    """One forge. Everything is in memory and gone with the process."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.url = ""
        """Of the API, set when it is known."""
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        """By lower-case slug."""
        self.tokens: dict[str, frozenset[str] | None] = {}
        """Each with its permissions (`contents:write`); None: all."""
        self._quotas: dict[str, Quota] = {}
        self._last_id = 1000

    @property
    def web_url(self) -> str:
        """Where people look at repositories."""
        return f"{self.url}/web"

    def next_id(self) -> int:
        """Return a number that nothing else has."""
        self._last_id += 1
        return self._last_id

    def add_account(self, login: str, kind: str = "Organization") -> Account:
        """Return an account, made if there is none of that name."""
        return self.accounts.setdefault(login.lower(), Account(login, self.next_id(), kind))

    def add_repository(
        self,
        slug: str,
        files: Mapping[str, bytes] | None = None,
        environments: Collection[str] | None = None,
        author: str = "ada",
    ) -> Repository:
        """Make a repository with one commit, or replace it; its owner is made too where there is none."""
        owner, _, name = slug.partition("/")
        account = self.add_account(owner)
        id_ = self.next_id()
        made = Repository(account, name, id_, self.clock(), history=History(str(id_)))
        self.repositories[slug.lower()] = made
        self.commit(made, files or {}, "First commit", author)
        for environment in environments or ():
            self.environment(made, environment)
        return made

    def found(self, slug: str) -> Repository:
        """Return a repository; LookupError where there is none."""
        return self.repositories[slug.lower()]

    def commit(
        self, repository: Repository, files: Mapping[str, bytes | None], message: str, author: str
    ) -> str:
        """Add a commit to the default branch; files not named stay, those that are None go. Returns its sha."""
        self.add_account(author, "User")
        known = repository.files if repository.history.commits else {}
        after = {path: content for path, content in {**known, **files}.items() if content is not None}
        branch = repository.default_branch
        sha = repository.history.commit(branch, after, message, author, self.clock())
        for path in after:
            if path.startswith(FOLDER) and path not in repository.workflow_ids:
                repository.workflow_ids[path] = self.next_id()
        return sha

    def pull(self, repository: Repository, title: str, by: str, *, base: str, commit: str) -> Pull:
        """Make the pull request with which a commit came, merged just now."""
        now, number = self.clock(), len(repository.pulls) + 1
        made = Pull(self.next_id(), number, title, by, base, commit, now, now)
        repository.pulls[number] = made
        return made

    def tag_object(self, repository: Repository, tag: str, message: str, target: str, by: str) -> TagObject:
        """Make a tag object that no ref points to yet; LookupError where its target is not here."""
        self.add_account(by, "User")
        return repository.history.tag_object(tag, message, target, by, self.clock())

    def environment(self, repository: Repository, name: str) -> Environment:
        """Return an environment, made without protection where there is none, as a run does."""
        if name.lower() not in repository.environments:
            repository.environments[name.lower()] = Environment(self.next_id(), name, self.clock())
        return repository.environments[name.lower()]

    def may_deploy(self, repository: Repository, environment: str, branch: str) -> bool:
        """Whether a tag or branch may deploy to an environment."""
        allowed = self.environment(repository, environment).allowed if environment else []
        return not allowed or fits(branch, allowed)

    def make_token(self, permissions: Collection[str] | None = None) -> str:
        """Return a new token that is accepted from now on; None: it may do everything."""
        token = f"ghp_{secrets.token_hex(18)}"
        self.tokens[token] = None if permissions is None else frozenset(permissions)
        return token

    def may(self, token: str, permission: str) -> bool:
        """Whether a token has a permission; `write` includes `read`."""
        if token not in self.tokens:
            return False
        granted = self.tokens[token]
        wanted = {permission, permission.replace(":read", ":write")}
        return granted is None or bool(granted & wanted)

    def quota(self, token: str) -> Quota:
        """Return what a caller ("": anonymous) may still ask, renewed where its window is over."""
        now = int(self.clock().timestamp())
        limit = TOKEN_LIMIT if token else ANONYMOUS_LIMIT
        quota = self._quotas.get(token)
        if quota is None or quota.reset <= now:
            quota = self._quotas[token] = Quota(limit, limit, now + WINDOW_SECONDS)
        return quota
