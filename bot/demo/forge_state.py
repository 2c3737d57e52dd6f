"""What the forge holds: accounts, repositories, files, tokens and how often each has asked.

Knows: GitHub's shapes of these. Must not know: routing.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

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
class Repository:
    """A repository: its default branch's files and its environments."""

    owner: Account
    name: str
    id: int
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    environments: list[str] = field(default_factory=list)
    private: bool = False
    default_branch: str = "main"

    @property
    def slug(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"


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
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        """By lower-case slug."""
        self.tokens: set[str] = set()
        self._quotas: dict[str, Quota] = {}
        self._last_id = 1000

    def add_account(self, login: str, kind: str = "Organization") -> Account:
        """Return an account, made if there is none of that name."""
        self._last_id += 1
        return self.accounts.setdefault(login.lower(), Account(login, self._last_id, kind))

    def add_repository(
        self, slug: str, files: dict[str, bytes] | None = None, environments: list[str] | None = None
    ) -> Repository:
        """Make a repository, or replace it; its owner is made too where there is none."""
        owner, _, name = slug.partition("/")
        account = self.add_account(owner)
        self._last_id += 1
        made = Repository(account, name, self._last_id, files or {}, environments or [])
        self.repositories[slug.lower()] = made
        return made

    def make_token(self) -> str:
        """Return a new token that is accepted from now on."""
        token = f"ghp_{secrets.token_hex(18)}"
        self.tokens.add(token)
        return token

    def quota(self, token: str) -> Quota:
        """Return what a caller ("": anonymous) may still ask, renewed where its window is over."""
        now = int(self.clock().timestamp())
        limit = TOKEN_LIMIT if token else ANONYMOUS_LIMIT
        quota = self._quotas.get(token)
        if quota is None or quota.reset <= now:
            quota = self._quotas[token] = Quota(limit, limit, now + WINDOW_SECONDS)
        return quota


def account_value(account: Account, api: str, web_url: str) -> dict[str, Any]:
    """Return an account as `GET /users/{login}` tells it."""
    return {
        "login": account.login,
        "id": account.id,
        "type": account.kind,
        "site_admin": False,
        "url": f"{api}/users/{account.login}",
        "html_url": f"{web_url}/{account.login}",
    }


def repository_value(repository: Repository, api: str, web_url: str) -> dict[str, Any]:
    """Return a repository as `GET /repos/{owner}/{name}` tells it."""
    return {
        "id": repository.id,
        "name": repository.name,
        "full_name": repository.slug,
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
        "owner": account_value(repository.owner, api, web_url),
        "default_branch": repository.default_branch,
        "archived": False,
        "disabled": False,
        "url": f"{api}/repos/{repository.slug}",
        "html_url": f"{web_url}/{repository.slug}",
    }


def file_value(
    repository: Repository, path: str, api: str, web_url: str, *, listed: bool = False
) -> dict[str, Any]:
    """Return a file as the contents API tells it; in a folder's listing without its content."""
    content = repository.files[path]
    sha = hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest()
    quoted = quote(path)
    value: dict[str, Any] = {
        "type": "file",
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": len(content),
        "url": f"{api}/repos/{repository.slug}/contents/{quoted}?ref={repository.default_branch}",
        "git_url": f"{api}/repos/{repository.slug}/git/blobs/{sha}",
        "html_url": f"{web_url}/{repository.slug}/blob/{repository.default_branch}/{quoted}",
    }
    if not listed:
        value["encoding"] = "base64"
        value["content"] = base64.encodebytes(content).decode()
    return value
