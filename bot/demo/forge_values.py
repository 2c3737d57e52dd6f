"""Accounts, repositories, files, environments in the shapes of GitHub's REST API.

Knows: which fields its answers have. Must not know: routing, who asks.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bot.demo.forge_git import Commit, blob_sha
from bot.demo.forge_state import Account, Environment, ForgeState, Repository

Json = dict[str, Any]
USER_URLS = {
    "events_url": "/events{/privacy}",
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "organizations_url": "/orgs",
    "received_events_url": "/received_events",
    "repos_url": "/repos",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
}
REPOSITORY_URLS = {
    "archive": "/{archive_format}{/ref}", "assignees": "/assignees{/user}", "blobs": "/git/blobs{/sha}",
    "branches": "/branches{/branch}", "collaborators": "/collaborators{/collaborator}",
    "comments": "/comments{/number}", "commits": "/commits{/sha}", "compare": "/compare/{base}...{head}",
    "contents": "/contents/{+path}", "contributors": "/contributors", "deployments": "/deployments",
    "downloads": "/downloads", "events": "/events", "forks": "/forks", "git_commits": "/git/commits{/sha}",
    "git_refs": "/git/refs{/sha}", "git_tags": "/git/tags{/sha}", "hooks": "/hooks",
    "issue_comment": "/issues/comments{/number}", "issue_events": "/issues/events{/number}",
    "issues": "/issues{/number}", "keys": "/keys{/key_id}", "labels": "/labels{/name}",
    "languages": "/languages", "merges": "/merges", "milestones": "/milestones{/number}",
    "notifications": "/notifications{?since,all,participating}", "pulls": "/pulls{/number}",
    "releases": "/releases{/id}", "stargazers": "/stargazers", "statuses": "/statuses/{sha}",
    "subscribers": "/subscribers", "subscription": "/subscription", "tags": "/tags", "teams": "/teams",
    "trees": "/git/trees{/sha}",
}  # fmt: skip


def moment(at: datetime) -> str:
    """Return a time as GitHub writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, id_: int | str) -> str:
    """Return the other name that everything has."""
    return base64.urlsafe_b64encode(f"{kind}:{id_}".encode()).decode()


def account_value(account: Account, state: ForgeState) -> Json:
    """Return an account as every answer tells it."""
    api = f"{state.url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("User", account.id),
        "avatar_url": f"{state.web_url}/avatars/{account.id}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{state.web_url}/{account.login}",
        "type": account.kind,
        "user_view_type": "public",
        "site_admin": False,
        **{name: api + path for name, path in USER_URLS.items()},
    }


def login_value(login: str, state: ForgeState) -> Json:
    """Return somebody by login."""
    return account_value(state.add_account(login, "User"), state)


def public_user_value(account: Account, state: ForgeState) -> Json:
    """Return an account as `GET /users/{login}` tells it."""
    texts = dict.fromkeys(("company", "email", "hireable", "location", "bio", "twitter_username"))
    numbers = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = dict.fromkeys(("created_at", "updated_at"), "2020-01-01T00:00:00Z")
    return {**account_value(account, state), "name": account.login, "blog": "", **texts, **numbers, **times}


def short_repository_value(repository: Repository, state: ForgeState) -> Json:
    """Return a repository as answers about something else tell it."""
    api = f"{state.url}/repos/{repository.slug}"
    return {
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": repository.slug,
        "private": repository.private,
        "owner": account_value(repository.owner, state),
        "html_url": f"{state.web_url}/{repository.slug}",
        "description": None,
        "fork": repository.fork,
        "url": api,
        **{f"{name}_url": api + path for name, path in REPOSITORY_URLS.items()},
    }


def repository_value(repository: Repository, state: ForgeState) -> Json:
    """Return a repository as `GET /repos/{owner}/{name}` tells it."""
    html_url = f"{state.web_url}/{repository.slug}"
    pushed_at = repository.history.commits[repository.head].at
    counts = ("forks", "forks_count", "open_issues", "open_issues_count", "stargazers_count", "watchers",
              "watchers_count", "network_count", "subscribers_count")  # fmt: skip
    return {
        **short_repository_value(repository, state),
        "visibility": "private" if repository.private else "public",
        "default_branch": repository.default_branch,
        "archived": repository.archived,
        "disabled": False,
        "created_at": moment(repository.made_at),
        "updated_at": moment(pushed_at),
        "pushed_at": moment(pushed_at),
        "size": sum(map(len, repository.files.values())) // 1024,
        "clone_url": f"{html_url}.git",
        "git_url": f"git:{html_url.partition(':')[2]}.git",
        "ssh_url": f"git@127.0.0.1:{repository.slug}.git",
        "svn_url": html_url,
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "has_downloads"), False),
        "language": "Python" if any(path.endswith(".py") for path in repository.files) else None,
        **dict.fromkeys(("homepage", "license", "mirror_url")),
    }


def tree_value(repository: Repository, state: ForgeState, commit: Commit, *, deep: bool) -> Json:
    """Return what is in a commit."""
    api = f"{state.url}/repos/{repository.slug}/git"
    folders = {path.rpartition("/")[0] for path in commit.files} - {""}
    folders |= {"/".join(one.split("/")[:depth]) for one in folders for depth in range(1, one.count("/") + 1)}
    found = [
        {"path": path, "mode": "100644", "type": "blob", "sha": blob_sha(content), "size": len(content),
         "url": f"{api}/blobs/{blob_sha(content)}"}
        for path, content in commit.files.items()
    ]  # fmt: skip
    found += [
        {
            "path": path,
            "mode": "040000",
            "type": "tree",
            "sha": commit.tree,
            "url": f"{api}/trees/{commit.tree}",
        }
        for path in folders
    ]
    seen = sorted(
        (one for one in found if deep or "/" not in str(one["path"])), key=lambda one: str(one["path"])
    )
    return {"sha": commit.tree, "url": f"{api}/trees/{commit.tree}", "tree": seen, "truncated": False}


def file_value(
    repository: Repository, state: ForgeState, files: Mapping[str, bytes], path: str, ref: str
) -> Json:
    """Return a file as a folder's listing in the contents API tells it."""
    sha, quoted = blob_sha(files[path]), quote(path)
    urls = {
        "url": f"{state.url}/repos/{repository.slug}/contents/{quoted}?ref={quote(ref)}",
        "git_url": f"{state.url}/repos/{repository.slug}/git/blobs/{sha}",
        "html_url": f"{state.web_url}/{repository.slug}/blob/{quote(ref)}/{quoted}",
    }
    return {
        "type": "file",
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": len(files[path]),
        **urls,
        "download_url": None if repository.private else f"{state.web_url}/raw/{repository.slug}/{quoted}",
        "_links": {"self": urls["url"], "git": urls["git_url"], "html": urls["html_url"]},
    }


def folder_value(repository: Repository, state: ForgeState, path: str, ref: str) -> Json:
    """Return a folder as a listing in the contents API tells it."""
    urls = {
        "url": f"{state.url}/repos/{repository.slug}/contents/{quote(path)}?ref={quote(ref)}",
        "git_url": f"{state.url}/repos/{repository.slug}/git/trees/{quote(path)}",
        "html_url": f"{state.web_url}/{repository.slug}/tree/{quote(ref)}/{quote(path)}",
    }
    return {
        "type": "dir",
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": blob_sha(path.encode()),
        "size": 0,
        **urls,
        "download_url": None,
        "_links": {"self": urls["url"], "git": urls["git_url"], "html": urls["html_url"]},
    }


def content_value(content: bytes) -> Json:
    """Return what a file's own answer has more than its listing."""
    return {"encoding": "base64", "content": base64.encodebytes(content).decode()}


def environment_value(repository: Repository, state: ForgeState, environment: Environment) -> Json:
    """Return an environment with who must agree and what may deploy."""
    policy = {"protected_branches": False, "custom_branch_policies": True}
    return {
        **short_environment_value(repository, state, environment),
        "created_at": moment(environment.created_at),
        "updated_at": moment(environment.created_at),
        "protection_rules": rules_value(environment, state),
        "deployment_branch_policy": policy if environment.allowed else None,
    }


def rules_value(environment: Environment, state: ForgeState) -> list[Json]:
    """Return an environment's protection."""
    rules: list[Json] = []
    if environment.reviewers:
        number = environment.id * 10
        common = {"id": number, "node_id": node_id("GateRule", number), "type": "required_reviewers"}
        rules.append(
            {**common, "prevent_self_review": False, "reviewers": reviewers_value(environment, state)}
        )
    if environment.allowed:
        number = environment.id * 10 + 1
        rules.append({"id": number, "node_id": node_id("GateRule", number), "type": "branch_policy"})
    return rules


def short_environment_value(repository: Repository, state: ForgeState, environment: Environment) -> Json:
    """Return an environment as a waiting deployment tells it."""
    return {
        "id": environment.id,
        "node_id": node_id("Environment", environment.id),
        "name": environment.name,
        "url": f"{state.url}/repos/{repository.slug}/environments/{quote(environment.name)}",
        "html_url": f"{state.web_url}/{repository.slug}/deployments/activity_log"
        f"?environments_filter={quote(environment.name)}",
    }


def reviewers_value(environment: Environment, state: ForgeState) -> list[Json]:
    """Return who may agree."""
    return [{"type": "User", "reviewer": login_value(login, state)} for login in environment.reviewers]
