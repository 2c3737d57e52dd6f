"""The check against GitHub's description sees what is wrong with a request or an answer."""

from typing import Any

import pytest

from bot.demo.standin import SeenRequest
from tests.demo.openapi import EXTRACT, check_answer, check_request, check_seen

REPO = "/repos/acme/widgets"
RUNS = f"{REPO}/actions/workflows/release.yml/runs"


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", REPO, {}, None),
        ("GET", f"{REPO}/contents/.github/workflows/release.yml", {"ref": "v1.0"}, None),
        ("GET", RUNS, {"head_sha": "a" * 40, "event": "push", "per_page": "100"}, None),
        ("GET", f"{REPO}/compare/v1.0...release/2", {}, None),
        ("GET", f"{REPO}/commits/heads/main/check-runs", {}, None),
        ("GET", f"{REPO}/git/ref/tags/v1.0", {}, None),
        ("POST", f"{REPO}/git/refs", {}, {"ref": "refs/tags/v1", "sha": "a" * 40}),
        ("POST", f"{REPO}/actions/runs/1/rerun-failed-jobs", {}, None),
        ("GET", "/.well-known/jwks", {}, None),
    ],
)
def test_a_good_request(method: str, path: str, query: dict[str, str], body: Any) -> None:
    """Nothing is wrong with a request as GitHub describes it, slashes in a ref and all."""
    assert check_request(method, path, query, body) == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "problem"),
    [
        ("GET", "/nothing", {}, None, "no such address"),
        ("DELETE", REPO, {}, None, "no such address"),
        ("GET", RUNS, {"sha": "a" * 40}, None, "unknown parameter 'sha'"),
        ("GET", RUNS, {"per_page": "many"}, None, "per_page='many'"),
        ("GET", f"{REPO}/actions/runs/first", {}, None, "run_id='first'"),
        ("POST", f"{REPO}/git/refs", {}, {"ref": "refs/tags/v1"}, "'sha' is a required property"),
        ("POST", f"{REPO}/git/refs", {}, None, "no body"),
        ("POST", f"{REPO}/git/refs", {}, {"ref": 1, "sha": "a"}, "1 is not of type 'string'"),
        ("POST", f"{REPO}/git/refs", {}, {"ref": "r", "sha": "a", "force": True}, "unknown field 'force'"),
        ("GET", REPO, {}, {"a": 1}, "a body that is not asked for"),
    ],
)
def test_a_bad_request(method: str, path: str, query: dict[str, str], body: Any, problem: str) -> None:
    """An unknown address, parameter or field, a missing or mistyped one: each is named."""
    (found,) = check_request(method, path, query, body)
    assert problem in found


def test_requests_that_were_seen() -> None:
    """Of all requests that a stand-in keeps, the bad ones are named."""
    good = SeenRequest("GET", REPO, {}, "Bearer", {})
    bad = SeenRequest("POST", f"{REPO}/git/refs", {}, "Bearer", {}, {"ref": "refs/tags/v1"})
    assert check_seen([good]) == []
    assert len(check_seen([good, bad])) == 1


def test_a_bad_answer() -> None:
    """A missing field, a status that GitHub does not give, a body where there is none."""
    assert "'sha' is a required property" in "".join(check_answer("GET", f"{REPO}/commits/main", 200, {}))
    assert check_answer("GET", REPO, 202, {}) == [f"GET {REPO}: the status 202 is not said of it"]
    assert check_answer("GET", f"{REPO}/actions/jobs/1/logs", 302, {}) != []
    assert check_answer("GET", REPO, 418, {}) == []


def test_the_extract_says_where_it_comes_from() -> None:
    """The package and its version are in the file."""
    assert '"source": "@octokit/openapi 23.' in EXTRACT.read_text()
