"""What GitHub is asked stays at the address that is meant."""

import json
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.forge import Repo
from bot.forge import asking
from bot.forge.asking import Ask, is_ref
from storage.records import Secret
from tests.demo.openapi import check_request

REPO = Repo("acme", "widgets")
SHA = "a" * 40
ROOT = "/repos/acme/widgets"
TOKEN = Secret("ghp_marked9931")


def described(ask: Ask) -> list[str]:
    """Return what GitHub's own description finds wrong with a question or order."""
    place = urlsplit(ask.path)
    body = json.loads(ask.body) if ask.body else None
    return check_request(ask.method, unquote(place.path), dict(parse_qsl(place.query)), body)


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (asking.repository(REPO), ""),
        (asking.commit(REPO, "feature/x y".replace(" ", "+")), "/commits/feature/x%2By"),
        (asking.tag_ref(REPO, "rel/v1.0+é"), "/git/ref/tags/rel/v1.0%2B%C3%A9"),
        (asking.tag_object(REPO, SHA), f"/git/tags/{SHA}"),
        (asking.text(REPO, ".github/workflows/r.yml", SHA), f"/contents/.github/workflows/r.yml?ref={SHA}"),
        (asking.check_runs(REPO, SHA, 2), f"/commits/{SHA}/check-runs?filter=latest&per_page=100&page=2"),
        (asking.statuses(REPO, SHA, 1), f"/commits/{SHA}/status?per_page=100&page=1"),
        (asking.compare(REPO, "v1", "rel/v2"), "/compare/v1...rel/v2"),
        (asking.release(REPO, "rel/v1"), "/releases/tags/rel/v1"),
        (asking.runs(REPO, "r.yml", SHA, "push"), f"/actions/workflows/r.yml/runs?head_sha={SHA}&event=push&per_page=20"),
        (asking.runs(REPO, "r.yml", "", ""), "/actions/workflows/r.yml/runs?per_page=20"),
        (asking.run(REPO, 7), "/actions/runs/7"),
        (asking.jobs(REPO, 7, 1), "/actions/runs/7/jobs?filter=latest&per_page=100&page=1"),
        (asking.waiting(REPO, 7), "/actions/runs/7/pending_deployments"),
        (asking.log(REPO, 8), "/actions/jobs/8/logs"),
        (asking.artifacts(REPO, 7, 1), "/actions/runs/7/artifacts?per_page=100&page=1"),
        (asking.archive(REPO, 9), "/actions/artifacts/9/zip"),
    ],
)  # fmt: skip
def test_questions(ask: Ask | None, path: str) -> None:
    """Each question has GitHub's address, its names encoded and their slashes kept."""
    assert ask is not None
    assert (ask.method, ask.path, ask.body) == ("GET", ROOT + path, b"")
    assert ask.accept == (asking.RAW if "/contents/" in path else asking.JSON)
    assert described(ask) == []


@pytest.mark.parametrize(
    ("ask", "path", "value"),
    [
        (asking.make_tag_object(REPO, "v1", SHA, "One"), "/git/tags",
         {"tag": "v1", "message": "One", "object": SHA, "type": "commit"}),
        (asking.make_tag_ref(REPO, "rel/v1", SHA), "/git/refs", {"ref": "refs/tags/rel/v1", "sha": SHA}),
        (asking.make_release(REPO, "v1", "One", "Notes", prerelease=True), "/releases",
         {"tag_name": "v1", "name": "One", "body": "Notes", "draft": False, "prerelease": True}),
        (asking.dispatch(REPO, "r.yml", "v1"), "/actions/workflows/r.yml/dispatches", {"ref": "v1", "return_run_details": True}),
        (asking.dispatch(REPO, "r.yml", "v1", details=False), "/actions/workflows/r.yml/dispatches", {"ref": "v1"}),
        (asking.approve(REPO, 7, (1, 2), "so"), "/actions/runs/7/pending_deployments",
         {"environment_ids": [1, 2], "state": "approved", "comment": "so"}),
        (asking.rerun(REPO, 7), "/actions/runs/7/rerun-failed-jobs", {}),
    ],
)  # fmt: skip
def test_orders(ask: Ask | None, path: str, value: dict[str, object]) -> None:
    """Each order has GitHub's address and body."""
    assert ask is not None
    assert (ask.method, ask.path, json.loads(ask.body)) == ("POST", ROOT + path, value)
    assert described(ask) == []


ODD = ["", ".", "..", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", "a/.b", ".a", "a.lock",
       "a.lock/b", "a.", "@", "a@{1}", "-a", "a\n", "a\x7f", "\ud800", "a" * 256]  # fmt: skip
BY_REF: list[Callable[[str], Ask | None]] = [
    lambda ref: asking.commit(REPO, ref),
    lambda ref: asking.tag_ref(REPO, ref),
    lambda ref: asking.text(REPO, "a", ref),
    lambda ref: asking.compare(REPO, ref, "v1"),
    lambda ref: asking.compare(REPO, "v1", ref),
    lambda ref: asking.release(REPO, ref),
    lambda ref: asking.make_tag_object(REPO, ref, SHA, "x"),
    lambda ref: asking.make_tag_ref(REPO, ref, SHA),
    lambda ref: asking.make_release(REPO, ref, "x", "x", prerelease=False),
    lambda ref: asking.dispatch(REPO, "r.yml", ref),
]


@pytest.mark.parametrize("name", ODD)
def test_names_that_git_refuses_are_not_sent(name: str) -> None:
    """A tag or branch of an odd name can't be, so nobody is asked for it."""
    assert not is_ref(name)
    assert [build(name) for build in BY_REF] == [None] * len(BY_REF)


@pytest.mark.parametrize(
    "ask",
    [
        asking.repository(Repo("..", "x")), asking.repository(Repo("", "x")), asking.repository(Repo("a", ".")),
        asking.text(REPO, "a/../b", "v1"), asking.text(REPO, "/etc", "v1"), asking.runs(REPO, "..", SHA, ""),
        asking.dispatch(REPO, "", "v1"), asking.tag_object(REPO, ""), asking.check_runs(REPO, "..", 1),
    ],
)  # fmt: skip
def test_names_that_are_paths_are_not_sent(ask: Ask | None) -> None:
    """What would lead to another address is not asked for."""
    assert ask is None


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_name_leaves_its_address(owner: str, name: str, workflow: str) -> None:
    """Whatever the names hold, the path has so many parts and means these very names."""
    ask = asking.runs(Repo(owner, name), workflow, "", "")
    if ask is not None:
        url = urlsplit(f"https://x{ask.path}")
        parts = [unquote(part) for part in url.path.split("/")]
        assert parts == ["", "repos", owner, name, "actions", "workflows", workflow, "runs"]
        assert url.query == "per_page=20"


def test_the_token_is_in_its_header_alone() -> None:
    """A request carries the token, and no text of it shows that."""
    ask = asking.run(REPO, 7)
    assert ask is not None
    request = asking.request("https://api.x", TOKEN, ask)
    assert request.headers["Authorization"] == "Bearer ghp_marked9931"
    assert request.url == "https://api.x/repos/acme/widgets/actions/runs/7"
    assert "marked" not in repr(request)
    assert "Authorization" not in asking.request("https://api.x", None, ask).headers


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://blob.x/a?sig=b", "https://blob.x/a?sig=b"), ("/a", "https://api.x/a"), ("//y/a", "https://y/a"),
        ("", None), ("ftp://x/a", None), ("https://[x", None), ("file:///etc/passwd", None), ("https://é/", None),
    ],
)  # fmt: skip
def test_what_lies_elsewhere_never_gets_the_token(location: str, url: str | None) -> None:
    """Where GitHub leads us is asked by a request of its own, if it is an address at all."""
    request = asking.elsewhere("https://api.x/repos", location, asking.LOG)
    assert (request.url if request else None) == url
    if request:
        assert dict(request.headers) == {"Range": "bytes=-65536"}
    zipped = asking.elsewhere("https://api.x/repos", "/a", asking.ZIP)
    assert zipped is not None
    assert (dict(zipped.headers), zipped.max_bytes) == ({}, 64 * 1_048_576)
