"""Every answer of the forge stand-in has the fields and types that GitHub's description gives it."""

from typing import Any

import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from tests.demo.forge_kit import REPO, SLUG, Caller, publishes_to


@pytest.mark.parametrize(
    "path",
    [
        "/rate_limit",
        "/meta",
        "/users/acme",
        REPO,
        f"{REPO}/contents/",
        f"{REPO}/contents/.github",
        f"{REPO}/contents/.github/workflows/release.yml",
        f"{REPO}/contents/pyproject.toml?ref=v1.0",
        f"{REPO}/environments",
        f"{REPO}/environments/pypi",
        f"{REPO}/commits/main",
        f"{REPO}/commits/heads/main",
        f"{REPO}/commits/v1.0",
        f"{REPO}/commits/v1.0/check-runs",
        f"{REPO}/commits/main/check-runs?per_page=100",
        f"{REPO}/commits/main/status",
        f"{REPO}/compare/v1.0...main",
        f"{REPO}/compare/main...v1.0",
        f"{REPO}/compare/v1.0...v1.0",
        f"{REPO}/git/ref/tags/v1.0",
        f"{REPO}/git/ref/heads/main",
        f"{REPO}/releases/tags/v1.4.0",
        f"{REPO}/actions/workflows/release.yml/runs?per_page=100",
        f"{REPO}/actions/runs/{{run}}",
        f"{REPO}/actions/runs/{{run}}/jobs?filter=latest",
        f"{REPO}/actions/runs/{{run}}/artifacts",
        f"{REPO}/actions/runs/{{run}}/pending_deployments",
    ],
)
async def test_an_answer_is_as_described(forge: ForgeStandIn, index: IndexStandIn, path: str) -> None:
    """All required fields are there with their types, checked in `Caller`, on a forge where much has happened."""
    publishes_to(forge, index)
    forge.require_review(SLUG, "pypi", ["ada", "grace"])
    forge.set_checks(SLUG, forge.head(SLUG), {"tests": "success", "docs": None})
    forge.set_statuses(SLUG, forge.head(SLUG), {"coverage": "success"})
    caller = Caller(forge, forge.make_token())
    await caller.post(f"{REPO}/releases", {"tag_name": "v1.4.0", "name": "Widgets 1.4.0", "body": "New."})
    forge.add_asset(SLUG, "v1.4.0", "widgets.txt", b"widgets")
    await forge.runner.settled()
    (run,) = forge.state.found(SLUG).runs
    assert run.status == "waiting"
    assert await caller.get(path.replace("{run}", str(run.id)))


async def test_made_things_are_as_described(forge: ForgeStandIn) -> None:
    """A tag object, its ref, a release: 201 and whole, and there when asked for again."""
    caller = Caller(forge, forge.make_token())
    head = forge.head(SLUG)
    body: dict[str, Any] = {"tag": "v9", "message": "Nine", "object": head, "type": "commit"}
    tag = await caller.post(f"{REPO}/git/tags", body)
    assert tag.status == 201
    ref = await caller.post(f"{REPO}/git/refs", {"ref": "refs/tags/v9", "sha": tag.body["sha"]})
    assert (ref.status, ref.headers["location"]) == (201, ref.body["url"])
    assert (await caller.get(f"{REPO}/git/ref/tags/v9"))["object"]["type"] == "tag"
    assert (await caller.get(f"{REPO}/git/tags/{tag.body['sha']}"))["object"]["sha"] == head
    release = await caller.post(f"{REPO}/releases", {"tag_name": "v9", "prerelease": True})
    assert release.status == 201
    assert (await caller.get(f"{REPO}/releases/tags/v9"))["prerelease"] is True
    assert await caller.get(f"{REPO}/releases/{release.body['id']}/assets") == []
    details = {"ref": "main", "return_run_details": True}
    run = await caller.post(f"{REPO}/actions/workflows/release.yml/dispatches", details)
    assert run.status == 200
    assert (await caller.get(f"{REPO}/actions/runs/{run.body['workflow_run_id']}"))["head_branch"] == "main"
