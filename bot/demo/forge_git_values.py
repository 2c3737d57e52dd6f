"""Commits, tags, checks, comparisons and releases in the shapes of GitHub's REST API.

Knows: which fields its answers have. Must not know: routing, who asks.
"""

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from bot.demo.forge_git import Commit, TagObject, blob_sha, changed
from bot.demo.forge_runs import Job, Run
from bot.demo.forge_state import Asset, ForgeState, Release, Repository
from bot.demo.forge_values import Json, login_value, moment, node_id, short_repository_value

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
ACTIONS_APP_ID = 15368


def short_commit_value(commit: Commit) -> Json:
    """Return a commit as a run tells it."""
    person = {"name": commit.author.title(), "email": email(commit.author)}
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": moment(commit.at),
        "author": person,
        "committer": person,
    }


def commit_value(repository: Repository, state: ForgeState, commit: Commit) -> Json:
    """Return a commit as the commits API tells it."""
    api, html_url = f"{state.url}/repos/{repository.slug}", f"{state.web_url}/{repository.slug}"
    person = {"name": commit.author.title(), "email": email(commit.author), "date": moment(commit.at)}
    parents = [
        {"sha": sha, "url": f"{api}/commits/{sha}", "html_url": f"{html_url}/commit/{sha}"}
        for sha in commit.parents
    ]
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "url": f"{api}/commits/{commit.sha}",
        "html_url": f"{html_url}/commit/{commit.sha}",
        "comments_url": f"{api}/commits/{commit.sha}/comments",
        "commit": {
            "author": person,
            "committer": person,
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
            "url": f"{api}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": UNSIGNED,
        },
        "author": login_value(commit.author, state),
        "committer": login_value(commit.author, state),
        "parents": parents,
    }


def whole_commit_value(repository: Repository, state: ForgeState, commit: Commit) -> Json:
    """Return a commit with what it changed."""
    before = repository.history.commits[commit.parents[0]].files if commit.parents else {}
    files = changes_value(repository, state, before, commit)
    count = sum(one["changes"] for one in files)
    stats = {"total": count, "additions": count, "deletions": 0}
    return {**commit_value(repository, state, commit), "stats": stats, "files": files}


def changes_value(repository: Repository, state: ForgeState, before: Any, commit: Commit) -> list[Json]:
    """Return the files in which a commit differs from earlier ones."""
    found = []
    for path, status in changed(before, commit.files):
        content = commit.files.get(path, before.get(path, b""))
        lines, quoted = content.count(b"\n"), quote(path)
        place = f"{state.web_url}/{repository.slug}"
        found.append(
            {
                "sha": blob_sha(content),
                "filename": path,
                "status": status,
                "additions": lines,
                "deletions": 0,
                "changes": lines,
                "blob_url": f"{place}/blob/{commit.sha}/{quoted}",
                "raw_url": f"{place}/raw/{commit.sha}/{quoted}",
                "contents_url": f"{state.url}/repos/{repository.slug}/contents/{quoted}?ref={commit.sha}",
            }
        )
    return found


def comparison_value(repository: Repository, state: ForgeState, base: Commit, head: Commit) -> Json:
    """Return what lies between two commits."""
    history = repository.history
    ahead, behind = history.between(base.sha, head.sha), history.between(head.sha, base.sha)
    common = history.merge_base(base.sha, head.sha) or base
    words = {
        (True, True): "diverged",
        (True, False): "ahead",
        (False, True): "behind",
        (False, False): "identical",
    }
    basehead = f"{base.sha}...{head.sha}"
    html_url = f"{state.web_url}/{repository.slug}/compare/{basehead}"
    return {
        "url": f"{state.url}/repos/{repository.slug}/compare/{basehead}",
        "html_url": html_url,
        "permalink_url": html_url,
        "diff_url": f"{html_url}.diff",
        "patch_url": f"{html_url}.patch",
        "base_commit": commit_value(repository, state, base),
        "merge_base_commit": commit_value(repository, state, common),
        "status": words[bool(ahead), bool(behind)],
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [commit_value(repository, state, one) for one in ahead],
        "files": changes_value(repository, state, common.files, head),
    }


def ref_value(repository: Repository, state: ForgeState, ref: str, sha: str) -> Json:
    """Return a ref and what it points to."""
    return {
        "ref": ref,
        "node_id": node_id("Ref", f"{repository.id}:{ref}"),
        "url": f"{state.url}/repos/{repository.slug}/git/{quote(ref)}",
        "object": target_value(repository, state, sha),
    }


def tag_value(repository: Repository, state: ForgeState, tag: TagObject) -> Json:
    """Return a tag object."""
    return {
        "node_id": node_id("Tag", tag.sha),
        "sha": tag.sha,
        "url": f"{state.url}/repos/{repository.slug}/git/tags/{tag.sha}",
        "tagger": {"name": tag.by.title(), "email": email(tag.by), "date": moment(tag.at)},
        "object": target_value(repository, state, tag.target),
        "tag": tag.tag,
        "message": tag.message,
        "verification": UNSIGNED,
    }


def target_value(repository: Repository, state: ForgeState, sha: str) -> Json:
    """Return what a ref or tag points to: a commit or a tag object."""
    kind = "tag" if sha in repository.history.objects else "commit"
    return {"sha": sha, "type": kind, "url": f"{state.url}/repos/{repository.slug}/git/{kind}s/{sha}"}


def checks_value(repository: Repository, state: ForgeState, sha: str) -> list[Json]:
    """Return the check runs of a commit: the jobs of its runs, and what others say."""
    jobs = [
        check_value(repository, state, sha, job.plan.name, job_state(run, job))
        for run in reversed(repository.runs)
        if run.sha == sha
        for job in run.listed
    ]
    others = [
        check_value(repository, state, sha, name, other_state(name, conclusion))
        for name, conclusion in repository.checks.get(sha, {}).items()
    ]
    return jobs + others


def job_state(run: Run, job: Job) -> Json:
    """Return where a job is, as its check run tells it."""
    return {
        "id": job.id,
        "page": f"/actions/runs/{run.id}/job/{job.id}",
        "app": "github-actions",
        "status": job.status,
        "conclusion": job.conclusion,
        "started_at": job.started_at and moment(job.started_at),
        "completed_at": job.ended_at and moment(job.ended_at),
        "suite": suite_id(run),
    }


def other_state(name: str, conclusion: str | None) -> Json:
    """Return where a check from elsewhere is."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:7], 16)
    return {
        "id": number,
        "page": f"/checks/{number}",
        "app": "other-ci",
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "started_at": "2026-01-01T00:00:00Z",
        "completed_at": "2026-01-01T00:01:00Z" if conclusion else None,
        "suite": number,
    }


def check_value(repository: Repository, state: ForgeState, sha: str, name: str, where: Json) -> Json:
    """Return one check run."""
    api, page = f"{state.url}/repos/{repository.slug}", f"{state.web_url}/{repository.slug}{where['page']}"
    output = dict.fromkeys(("title", "summary", "text"))
    annotations = {"annotations_count": 0, "annotations_url": f"{api}/check-runs/{where['id']}/annotations"}
    return {
        "id": where["id"],
        "name": name,
        "node_id": node_id("CheckRun", where["id"]),
        "head_sha": sha,
        "external_id": str(where["id"]),
        "url": f"{api}/check-runs/{where['id']}",
        "html_url": page,
        "details_url": page,
        "status": where["status"],
        "conclusion": where["conclusion"],
        "started_at": where["started_at"],
        "completed_at": where["completed_at"],
        "output": {**output, **annotations},
        "check_suite": {"id": where["suite"]},
        "app": app_value(where["app"], state),
        "pull_requests": [],
    }


def app_value(slug: str, state: ForgeState) -> Json:
    """Return the app that made a check run."""
    owner = login_value("github" if slug == "github-actions" else slug, state)
    return {
        "id": ACTIONS_APP_ID if slug == "github-actions" else owner["id"],
        "slug": slug,
        "node_id": node_id("App", slug),
        "owner": owner,
        "name": slug.replace("-", " ").title(),
        "description": None,
        "external_url": state.web_url,
        "html_url": f"{state.web_url}/apps/{slug}",
        "created_at": "2018-07-30T09:30:17Z",
        "updated_at": "2018-07-30T09:30:17Z",
        "permissions": {"checks": "write", "metadata": "read"},
        "events": [],
    }


def suite_id(run: Run) -> int:
    """Return the number of a run's check suite."""
    return run.id + 1_000_000


def status_value(repository: Repository, state: ForgeState, sha: str) -> Json:
    """Return the commit statuses of a commit together."""
    api = f"{state.url}/repos/{repository.slug}"
    statuses = repository.statuses.get(sha, {})
    words = set(statuses.values())
    bad, open_ = words & {"failure", "error"}, "pending" in words or not words
    return {
        "state": "failure" if bad else "pending" if open_ else "success",
        "statuses": [
            {
                "url": f"{api}/statuses/{sha}",
                "avatar_url": None,
                "id": other_state(context, None)["id"],
                "node_id": node_id("StatusContext", context),
                "state": word,
                "description": None,
                "target_url": None,
                "context": context,
                "created_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-01T00:01:00Z",
            }
            for context, word in statuses.items()
        ],
        "sha": sha,
        "total_count": len(statuses),
        "repository": short_repository_value(repository, state),
        "commit_url": f"{api}/commits/{sha}",
        "url": f"{api}/commits/{sha}/status",
    }


def release_value(repository: Repository, state: ForgeState, release: Release) -> Json:
    """Return a release with what is attached."""
    api, page = f"{state.url}/repos/{repository.slug}", f"{state.web_url}/{repository.slug}"
    tag = quote(release.tag)
    return {
        "url": f"{api}/releases/{release.id}",
        "assets_url": f"{api}/releases/{release.id}/assets",
        "upload_url": f"{api}/releases/{release.id}/assets{{?name,label}}",
        "html_url": f"{page}/releases/tag/{tag}",
        "id": release.id,
        "author": login_value(release.by, state),
        "node_id": node_id("Release", release.id),
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "draft": release.draft,
        "immutable": False,
        "prerelease": release.prerelease,
        "created_at": moment(release.at),
        "updated_at": moment(release.at),
        "published_at": None if release.draft else moment(release.at),
        "assets": assets_value(repository, state, release.tag, release.assets),
        "tarball_url": f"{api}/tarball/{tag}",
        "zipball_url": f"{api}/zipball/{tag}",
        "body": release.body,
    }


def assets_value(repository: Repository, state: ForgeState, tag: str, assets: Sequence[Asset]) -> list[Json]:
    """Return the files attached to a release."""
    return [
        {
            "url": f"{state.url}/repos/{repository.slug}/releases/assets/{asset.id}",
            "id": asset.id,
            "node_id": node_id("ReleaseAsset", asset.id),
            "name": asset.name,
            "label": "",
            "uploader": login_value("github-actions[bot]", state),
            "content_type": "application/octet-stream",
            "state": "uploaded",
            "size": len(asset.content),
            "digest": f"sha256:{hashlib.sha256(asset.content).hexdigest()}",
            "download_count": 0,
            "created_at": moment(asset.at),
            "updated_at": moment(asset.at),
            "browser_download_url": f"{state.web_url}/{repository.slug}/releases/download/{quote(tag)}/{quote(asset.name)}",
        }
        for asset in assets
    ]


def email(login: str) -> str:
    """Return the address that the forge gives to who shows none."""
    return f"{login}@users.noreply.forge.example"
