"""The forge stand-in's routes with which publishing is set up answer as GitHub does; `Caller` checks the shapes."""

import base64
from typing import Any

import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.forge_git import blob_sha
from tests.demo.forge_kit import REPO, SLUG, Caller

FILE = f"{REPO}/contents/.github/workflows/new.yml"
BRANCH = "shipbell/publish-widgets"
PULL = {"title": "Publish", "head": BRANCH, "base": "main", "body": "So."}


def put(text: bytes = b"on: push\n", **more: str) -> dict[str, str]:
    """Return the body that puts a file on the branch."""
    return {
        "message": "Add it",
        "content": base64.b64encode(text).decode(),
        "branch": BRANCH,
    } | more


async def branched(forge: ForgeStandIn) -> Caller:
    """Return somebody who may do everything, and has made the branch."""
    caller = Caller(forge, forge.make_token())
    made = await caller.post(f"{REPO}/git/refs", {"ref": f"refs/heads/{BRANCH}", "sha": forge.head(SLUG)})
    assert made.status == 201
    return caller


async def test_a_file_is_put_on_a_branch_alone(forge: ForgeStandIn) -> None:
    """201 for a new file, 200 for one replaced by its blob, 422 without one; the default branch stays."""
    caller, before = await branched(forge), forge.head(SLUG)
    assert (await caller.ask("PUT", FILE, put())).status == 201
    assert (await caller.ask("PUT", FILE, put(b"on: release\n"))).status == 422
    assert (await caller.ask("PUT", FILE, put(b"on: release\n", sha=blob_sha(b"on: push\n")))).status == 200
    assert (await caller.ask("PUT", FILE, put(branch="none"))).status == 404
    found = await caller.get(f"{FILE}?ref={BRANCH}")
    assert base64.b64decode(found["content"]) == b"on: release\n"
    assert forge.head(SLUG) == before


async def test_a_workflow_needs_its_own_right(forge: ForgeStandIn) -> None:
    """Who may write contents may not write workflows for that."""
    await branched(forge)
    lesser = Caller(forge, forge.make_token(["contents:write"]))
    assert (await lesser.ask("PUT", FILE, put())).status == 403
    assert (await lesser.ask("PUT", f"{REPO}/contents/a.txt", put())).status == 201


async def test_a_branch_has_one_open_pull_request(forge: ForgeStandIn) -> None:
    """A branch without commits or with an open pull request gets none; a merged one is no more among the open."""
    caller = await branched(forge)
    assert "No commits between" in str((await caller.post(f"{REPO}/pulls", PULL)).body)
    await caller.ask("PUT", FILE, put())
    made = await caller.post(f"{REPO}/pulls", PULL)
    assert (made.status, made.body["head"]["ref"], made.body["body"]) == (201, BRANCH, "So.")
    assert "already exists" in str((await caller.post(f"{REPO}/pulls", PULL)).body)
    assert (await caller.post(f"{REPO}/pulls", {**PULL, "base": "none"})).status == 422
    query = f"{REPO}/pulls?state=open&head=acme:{BRANCH}"
    assert [one["number"] for one in await caller.get(query)] == [made.body["number"]]
    assert await caller.get(f"{REPO}/pulls?head=acme:other") == []
    forge.merge(SLUG, made.body["number"])
    assert await caller.get(query) == []
    assert ".github/workflows/new.yml" in forge.state.found(SLUG).files
    assert "pyproject.toml" in forge.state.found(SLUG).files


@pytest.mark.parametrize(
    ("body", "status", "reviewers"), [({}, 200, []), (None, 200, ["ada"]), ({"reviewers": [{"type": "User", "id": 1}]}, 422, [])]
)  # fmt: skip
async def test_an_environment_is_made_with_its_rules(
    forge: ForgeStandIn, body: Any, status: int, reviewers: list[str]
) -> None:
    """It has the reviewers that are told, who must be somebody, and none that are not."""
    caller = Caller(forge, forge.make_token())
    ada = {"reviewers": [{"type": "User", "id": forge.state.accounts["ada"].id}]}
    asked = await caller.ask("PUT", f"{REPO}/environments/live", ada if body is None else body)
    assert asked.status == status
    if status == 200:
        assert forge.state.environment(forge.state.found(SLUG), "live").reviewers == reviewers
    lesser = Caller(forge, forge.make_token(["contents:write"]))
    assert (await lesser.ask("PUT", f"{REPO}/environments/live", {})).status == 403


async def test_a_commits_files_are_listed(forge: ForgeStandIn) -> None:
    """Every path of a commit with `recursive`, its root's alone without; a commit that is not there is 404."""
    caller = Caller(forge)
    path = f"{REPO}/git/trees/{forge.head(SLUG)}"
    deep = {one["path"]: one["type"] for one in (await caller.get(f"{path}?recursive=1"))["tree"]}
    assert deep[".github/workflows/release.yml"] == "blob"
    assert deep[".github/workflows"] == "tree"
    assert {one["path"] for one in (await caller.get(path))["tree"]} == {
        path for path in deep if "/" not in path
    }
    assert (await caller.ask("GET", f"{REPO}/git/trees/{'0' * 40}")).status == 404
