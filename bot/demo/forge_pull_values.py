"""Pull requests and their comments in the shapes of GitHub's REST API.

Knows: which fields its answers have. Must not know: routing, who asks.
"""

from bot.demo.forge_pulls import Comment, Pull
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.forge_values import Json, login_value, moment, node_id, repository_value


def pull_value(repository: Repository, state: ForgeState, pull: Pull) -> Json:
    """Return a pull request as a list tells it."""
    api, at = f"{state.url}/repos/{repository.slug}", moment(pull.at)
    own, issue = f"{api}/pulls/{pull.number}", f"{api}/issues/{pull.number}"
    html_url = pull_page(repository, state, pull)
    merged_at = None if pull.merged_at is None else moment(pull.merged_at)
    urls = {
        "url": own, "html_url": html_url, "diff_url": f"{html_url}.diff", "patch_url": f"{html_url}.patch",
        "issue_url": issue, "commits_url": f"{own}/commits", "review_comments_url": f"{own}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}", "comments_url": f"{issue}/comments",
        "statuses_url": f"{api}/statuses/{pull.commit}",
    }  # fmt: skip
    links = {
        "self": own, "html": html_url, "issue": issue, "comments": urls["comments_url"], "commits": urls["commits_url"],
        "review_comments": urls["review_comments_url"], "review_comment": urls["review_comment_url"],
        "statuses": urls["statuses_url"],
    }  # fmt: skip
    return {
        **urls,
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "state": "open" if merged_at is None else "closed",
        "locked": pull.locked,
        "title": pull.title,
        "user": login_value(pull.by, state),
        "created_at": at,
        "updated_at": moment(pull.comments[-1].at) if pull.comments else merged_at or at,
        "closed_at": merged_at,
        "merged_at": merged_at,
        "merge_commit_sha": pull.commit,
        "head": _end(repository, state, pull.head or f"change-{pull.number}", pull.commit),
        "base": _end(repository, state, repository.default_branch, pull.base),
        "_links": {name: {"href": url} for name, url in links.items()},
        "author_association": "CONTRIBUTOR",
        "draft": False,
        "body": pull.body or None,
        **dict.fromkeys(("milestone", "assignee", "auto_merge", "active_lock_reason")),
        **{name: [] for name in ("labels", "assignees", "requested_reviewers", "requested_teams")},
    }


def pull_page(repository: Repository, state: ForgeState, pull: Pull) -> str:
    """Return where people look at it."""
    return f"{state.web_url}/{repository.slug}/pull/{pull.number}"


def _end(repository: Repository, state: ForgeState, ref: str, sha: str) -> Json:
    owner = login_value(repository.owner.login, state)
    repo = repository_value(repository, state)
    return {"label": f"{repository.owner.login}:{ref}", "ref": ref, "sha": sha, "user": owner, "repo": repo}


def comment_value(repository: Repository, state: ForgeState, pull: Pull, comment: Comment) -> Json:
    """Return what somebody said on a pull request."""
    api, at = f"{state.url}/repos/{repository.slug}", moment(comment.at)
    return {
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "url": f"{api}/issues/comments/{comment.id}",
        "html_url": f"{pull_page(repository, state, pull)}#issuecomment-{comment.id}",
        "issue_url": f"{api}/issues/{pull.number}",
        "body": comment.body,
        "user": login_value(comment.by, state),
        "created_at": at,
        "updated_at": at,
        "author_association": "NONE",
    }
