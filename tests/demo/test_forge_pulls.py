"""Pull requests of the forge stand-in: which came with a commit, what is said on them."""

import pytest

from bot.demo.forge import ForgeStandIn
from tests.demo.forge_kit import REPO, SLUG, Caller

FILES = {"sizes.py": b"SIZES = (1, 2)\n"}


async def test_a_commit_names_its_pull_request(forge: ForgeStandIn) -> None:
    """A merged pull request is found by its commit, as GitHub describes it; other commits came with none."""
    number = forge.merge_pull(SLUG, FILES, "Add more sizes", "grace")
    caller = Caller(forge, forge.make_token())
    (found,) = await caller.get(f"{REPO}/commits/{forge.head(SLUG)}/pulls?per_page=100")
    assert (found["number"], found["title"], found["user"]["login"]) == (number, "Add more sizes", "grace")
    assert found["merged_at"]
    assert found["base"]["repo"]["full_name"] == SLUG
    assert (await caller.get(f"{REPO}/commits/main"))["commit"]["message"] == f"Add more sizes (#{number})"
    before = found["base"]["sha"]
    assert await caller.get(f"{REPO}/commits/{before}/pulls") == []
    assert (await caller.ask("GET", f"{REPO}/commits/{'0' * 40}/pulls")).status == 422


async def test_what_is_said_is_there(forge: ForgeStandIn) -> None:
    """A comment is there when asked for again, by time too, for tests and on the page for people."""
    number = forge.merge_pull(SLUG, FILES, "Add more sizes")
    caller, where = Caller(forge, forge.make_token({"issues:write"})), f"{REPO}/issues/{number}/comments"
    assert await caller.get(where) == []
    made = await caller.post(where, {"body": "Well done"})
    assert (made.status, made.body["body"], made.body["user"]["login"]) == (201, "Well done", "shipbell-bot")
    assert [one["body"] for one in await caller.get(f"{where}?per_page=100&page=1")] == ["Well done"]
    assert await caller.get(f"{where}?since=2999-01-01T00:00:00Z") == []
    assert forge.comments(SLUG, number) == ["Well done"]
    page = await caller.ask("GET", f"{forge.web_url}/{SLUG}/pull/{number}")
    assert "Well done" in page.raw.decode()
    assert f"/pull/{number}" in (await caller.ask("GET", f"{forge.web_url}/{SLUG}")).raw.decode()


@pytest.mark.parametrize(
    ("permissions", "number", "body", "status"),
    [
        ({"contents:write"}, 1, "x", 403),
        ({"pull_requests:write"}, 1, "", 422),
        ({"pull_requests:write"}, 9, "x", 404),
        ({"pull_requests:write"}, 2, "x", 403),
        ({"pull_requests:write"}, 1, "x", 201),
        (None, 1, "x" * 65_537, 422),
    ],
)
async def test_not_everything_may_be_said(
    forge: ForgeStandIn, permissions: set[str] | None, number: int, body: str, status: int
) -> None:
    """Without the permission, on a locked one, on none at all, and with nothing to say, the forge refuses."""
    forge.merge_pull(SLUG, FILES, "First")
    forge.lock_pull(SLUG, forge.merge_pull(SLUG, {"more.py": b""}, "Second"))
    caller = Caller(forge, forge.make_token(permissions))
    heard = await caller.post(f"{REPO}/issues/{number}/comments", {"body": body})
    assert heard.status == status
    assert len(forge.comments(SLUG, 1)) == (status == 201)
    assert (await Caller(forge).post(f"{REPO}/issues/1/comments", {"body": "x"})).status == 401
