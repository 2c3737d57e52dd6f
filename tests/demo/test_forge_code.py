"""The forge stand-in's git data and releases: what is found, what is refused, who may."""

import hashlib
from typing import Any

import aiohttp
import pytest

from bot.demo.forge import ForgeStandIn
from tests.demo.forge_kit import REPO, SLUG, Caller

PYPROJECT = f"{REPO}/contents/pyproject.toml"


@pytest.fixture
def caller(forge: ForgeStandIn) -> Caller:
    """Give a caller with a token that may do everything."""
    return Caller(forge, forge.make_token())


@pytest.mark.parametrize("ref", ["main", "heads/main", "refs/heads/main", "{sha}", "{short}", "HEAD-tag"])
async def test_a_commit_has_many_names(caller: Caller, forge: ForgeStandIn, ref: str) -> None:
    """A branch, with and without its folder, a sha, a short one, a tag: all mean the same commit."""
    sha = forge.head(SLUG)
    forge.push_tag(SLUG, "HEAD-tag")
    found = await caller.get(f"{REPO}/commits/{ref.format(sha=sha, short=sha[:9])}")
    assert (found["sha"], found["author"]["login"]) == (sha, "ada")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("commits/nowhere", 422),
        ("commits/nowhere/check-runs", 422),
        ("compare/v1.0...nowhere", 404),
        ("compare/v1.0", 404),
        ("git/ref/tags/nowhere", 404),
        (f"git/tags/{'0' * 40}", 404),
        ("releases/tags/v1.0", 404),
        ("releases/99/assets", 404),
        ("actions/workflows/nothing.yml/runs", 404),
        ("actions/runs/99", 404),
        ("actions/runs/99/jobs", 404),
        ("actions/jobs/99/logs", 404),
        ("actions/artifacts/99/zip", 404),
    ],
)
async def test_what_is_not_there(caller: Caller, path: str, status: int) -> None:
    """Refs that are asked for as commits are 422, everything else 404, all with a message."""
    heard = await caller.ask("GET", f"{REPO}/{path}")
    assert (heard.status, bool(heard.body["message"])) == (status, True)


async def test_files_are_as_they_were_at_a_ref(caller: Caller, forge: ForgeStandIn) -> None:
    """Each ref has its own version of a file, told as sha too."""
    old = await caller.get(f"{PYPROJECT}?ref=v1.0")
    new = await caller.get(f"{PYPROJECT}?ref={forge.head(SLUG)}")
    assert old["sha"] != new["sha"]
    assert (await caller.get(PYPROJECT))["sha"] == new["sha"]


async def test_a_comparison_is_oldest_first(caller: Caller) -> None:
    """From a tag to the branch: all commits in order, by two authors; the other way round it is behind."""
    found = await caller.get(f"{REPO}/compare/v1.0...main")
    titles = [one["commit"]["message"].partition("\n")[0] for one in found["commits"]]
    assert titles == ["Add round widgets", "Add sizes", "Say what widgets are", "Release 1.4.0"]
    assert {one["author"]["login"] for one in found["commits"]} == {"ada", "grace"}
    assert (found["status"], found["ahead_by"], found["total_commits"]) == ("ahead", 4, 4)
    back = await caller.get(f"{REPO}/compare/main...v1.0")
    assert (back["status"], back["behind_by"], back["commits"]) == ("behind", 4, [])
    assert (await caller.get(f"{REPO}/compare/main...main"))["status"] == "identical"


async def test_a_long_comparison_comes_in_pages(caller: Caller) -> None:
    """Asked for pages, each names the next and the last; unasked for, all come at once."""
    first = await caller.ask("GET", f"{REPO}/compare/v1.0...main?per_page=3")
    links = first.headers["link"]
    assert 'page=2>; rel="next"' in links
    assert 'rel="last"' in links
    second = await caller.ask("GET", f"{REPO}/compare/v1.0...main?per_page=3&page=2")
    assert [len(heard.body["commits"]) for heard in (first, second)] == [3, 1]
    assert 'rel="next"' not in second.headers["link"]
    assert "link" not in (await caller.ask("GET", f"{REPO}/compare/v1.0...main")).headers


async def test_an_annotated_tag_leads_to_its_commit(caller: Caller, forge: ForgeStandIn) -> None:
    """The ref names a tag object, which names the commit; a lightweight one names the commit itself."""
    forge.push_tag(SLUG, "light", annotated=False)
    light = (await caller.get(f"{REPO}/git/ref/tags/light"))["object"]
    assert (light["type"], light["sha"]) == ("commit", forge.head(SLUG))
    heavy = (await caller.get(f"{REPO}/git/ref/tags/v1.0"))["object"]
    tag = await caller.get(f"{REPO}/git/tags/{heavy['sha']}")
    assert (heavy["type"], tag["object"]["type"], tag["tag"]) == ("tag", "commit", "v1.0")


async def test_a_moved_tag_is_elsewhere_and_a_deleted_one_nowhere(
    caller: Caller, forge: ForgeStandIn
) -> None:
    """People can move and delete tags under the bot's hands."""
    before = (await caller.get(f"{REPO}/commits/v1.0"))["sha"]
    forge.move_tag(SLUG, "v1.0")
    assert (await caller.get(f"{REPO}/commits/v1.0"))["sha"] == forge.head(SLUG) != before
    forge.delete_tag(SLUG, "v1.0")
    assert (await caller.ask("GET", f"{REPO}/git/ref/tags/v1.0")).status == 404
    with pytest.raises(LookupError):
        forge.delete_tag(SLUG, "v1.0")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("git/refs", {"ref": "refs/tags/v1.0", "sha": "{head}"}, "Reference already exists"),
        ("git/refs", {"ref": "refs/tags/new", "sha": "0" * 40}, "Object does not exist"),
        ("git/refs", {"ref": "tags/new", "sha": "{head}"}, "tags/new is not a valid ref name."),
        ("git/refs", {"ref": "refs/tags/new"}, "\"sha\" wasn't supplied."),
        ("git/tags", {"tag": "n", "message": "", "object": "0" * 40, "type": "commit"}, "Could not verify object"),
        ("git/tags", {"tag": "n", "message": 1, "object": "{head}", "type": "commit"}, "not of the right type"),
        ("releases", {"tag_name": "v1.4.0", "target_commitish": "nowhere"}, "Validation Failed"),
        ("releases", {"tag_name": " "}, "Validation Failed"),
    ],
)  # fmt: skip
async def test_what_cannot_be_made(
    caller: Caller, forge: ForgeStandIn, path: str, body: dict[str, Any], message: str
) -> None:
    """422 with GitHub's words, and nothing is made."""
    sent = {name: forge.head(SLUG) if value == "{head}" else value for name, value in body.items()}
    refs = list(forge.state.found(SLUG).history.refs())
    heard = await caller.post(f"{REPO}/{path}", sent)
    assert heard.status == 422
    assert message in heard.body["message"]
    assert list(forge.state.found(SLUG).history.refs()) == refs


async def test_a_second_release_of_a_tag_exists_already(caller: Caller) -> None:
    """422 names the field and the code by which a client can tell."""
    assert (await caller.post(f"{REPO}/releases", {"tag_name": "v1.0"})).status == 201
    heard = await caller.post(f"{REPO}/releases", {"tag_name": "v1.0"})
    error = {"resource": "Release", "code": "already_exists", "field": "tag_name"}
    assert (heard.status, heard.body["errors"]) == (422, [error])


async def test_an_attached_file_is_told_and_given(caller: Caller, forge: ForgeStandIn) -> None:
    """Its digest is told, and its bytes are given where those are asked for."""
    release = await caller.post(f"{REPO}/releases", {"tag_name": "v1.0"})
    forge.add_asset(SLUG, "v1.0", "widgets.whl", b"bytes")
    (asset,) = await caller.get(f"{REPO}/releases/{release.body['id']}/assets")
    assert asset["digest"] == f"sha256:{hashlib.sha256(b'bytes').hexdigest()}"
    plain = await Caller(forge).ask("GET", asset["browser_download_url"])
    headers = {"Accept": "application/octet-stream"}
    async with aiohttp.ClientSession() as session, session.get(asset["url"], headers=headers) as answer:
        assert plain.raw == await answer.read() == b"bytes"
    async with aiohttp.ClientSession() as session, session.get(asset["url"]) as answer:
        assert (await answer.json())["id"] == asset["id"]
    async with aiohttp.ClientSession() as session, session.get(f"{asset['url']}0") as answer:
        assert answer.status == 404


async def test_a_draft_becomes_a_release(caller: Caller) -> None:
    """A draft is not shown and does not stand in the way of the release."""
    for draft in (True, False):
        assert (await caller.post(f"{REPO}/releases", {"tag_name": "v1.0", "draft": draft})).status == 201
        assert (await caller.ask("GET", f"{REPO}/releases/tags/v1.0")).status == (404 if draft else 200)


WRITES = [
    ("git/refs", "contents:write"),
    ("git/tags", "contents:write"),
    ("releases", "contents:write"),
    ("actions/workflows/release.yml/dispatches", "actions:write"),
    ("actions/runs/{run}/rerun-failed-jobs", "actions:write"),
    ("actions/runs/{run}/pending_deployments", "deployments:write"),
]


@pytest.mark.parametrize(("path", "permission"), WRITES)
async def test_a_write_needs_its_permission(forge: ForgeStandIn, path: str, permission: str) -> None:
    """Without a token 401, with one that lacks the very permission 403, with it the body is looked at."""
    forge.require_review(SLUG, "pypi")
    forge.push_tag(SLUG, "v1.4.0")
    await forge.runner.settled()
    url = f"{REPO}/{path.format(run=forge.state.found(SLUG).runs[0].id)}"
    others = {"contents:write", "actions:write", "deployments:write"} - {permission}
    assert (await Caller(forge).post(url)).status == 401
    heard = await Caller(forge, forge.make_token(others)).post(url)
    assert (heard.status, heard.body["message"]) == (403, "Resource not accessible by personal access token")
    allowed = await Caller(forge, forge.make_token([permission])).post(url)
    assert allowed.body["message"] != heard.body["message"]


async def test_logs_and_zips_are_not_for_everybody(forge: ForgeStandIn) -> None:
    """Even of a public repository they need a token that may read Actions."""
    forge.fail_next(SLUG)
    forge.push_tag(SLUG, "v1.4.0")
    await forge.runner.settled()
    run = forge.state.found(SLUG).runs[0]
    log = f"{REPO}/actions/jobs/{run.jobs[0].id}/logs"
    archive = f"{REPO}/actions/artifacts/{run.artifacts[0].id}/zip"
    assert [(await Caller(forge).ask("GET", path)).status for path in (log, archive)] == [403, 401]
    reader = Caller(forge, forge.make_token(["actions:read"]))
    assert [(await reader.ask("GET", path)).status for path in (log, archive)] == [302, 302]
    run.artifacts[0].expired = True
    assert (await reader.ask("GET", archive)).status == 410


async def test_checks_are_those_of_runs_and_of_others(caller: Caller, forge: ForgeStandIn) -> None:
    """A commit's check runs are its jobs and what other CI says; statuses are apart."""
    head = forge.head(SLUG)
    forge.set_checks(SLUG, head, {"tests": "failure", "docs": None})
    forge.push_tag(SLUG, "v1.4.0")
    await forge.runner.settled()
    found = await caller.get(f"{REPO}/commits/v1.4.0/check-runs")
    ends = {one["name"]: (one["status"], one["conclusion"]) for one in found["check_runs"]}
    assert ends["docs"] == ("in_progress", None)
    assert (ends["tests"], ends["build"]) == (("completed", "failure"), ("completed", "success"))
    run = forge.state.found(SLUG).runs[0].id
    pages = [one["details_url"] for one in found["check_runs"] if one["name"] == "build"]
    assert f"/actions/runs/{run}/job/" in pages[0]


async def test_sent_json_is_kept_without_secrets(caller: Caller, forge: ForgeStandIn) -> None:
    """What was posted can be looked at; a token inside of it cannot."""
    token = forge.make_token()
    await caller.post(f"{REPO}/releases", {"tag_name": "v1.0", "body": f"With {token} in it"})
    assert forge.requests[-1].body == {"tag_name": "v1.0", "body": "With (secret) in it"}
    assert token not in repr(forge.requests)


async def test_broken_json_is_400(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """A body that is no JSON is told so; one that is no object is 422."""
    headers = {"Authorization": f"Bearer {forge.make_token()}", "Content-Type": "application/json"}
    for body, status in ((b"{", 400), (b"[]", 422)):
        async with client.post(f"{forge.url}{REPO}/releases", data=body, headers=headers) as answer:
            assert answer.status == status
