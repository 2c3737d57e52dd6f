"""What GitHub is asked about which repositories there are, and how its answers are read."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from bot.core.forge import Repo, Unsure
from bot.core.repositories import RepositorySummary, Tree
from bot.forge import app_auth, asking, listing, places, refusals
from bot.forge.app_auth import Installation
from bot.forge.asking import Ask
from bot.wire import Answer
from tests.demo.openapi import check_request

FULL = {
    "full_name": "Acme/Widgets", "private": True, "archived": True, "fork": True, "language": "Python",
    "default_branch": "trunk", "pushed_at": "2026-11-20T10:00:00Z",
}  # fmt: skip


def read(value: object, reader: Any = listing.repositories) -> Any:
    """Return what is made of an answer."""
    return refusals.read(Answer(200, "", {}, json.dumps(value).encode()), reader)


def described(ask: Ask) -> list[str]:
    """Return what GitHub's own description finds wrong with a question or order."""
    place = urlsplit(ask.path)
    body = json.loads(ask.body) if ask.body else None
    return check_request(ask.method, place.path, dict(parse_qsl(place.query)), body)


def test_what_is_asked() -> None:
    """Each question has GitHub's address and order, and an owner that would make another address is not asked for."""
    asks = [
        listing.of_installation(2), listing.of_token(1), listing.of_token(1, "owner"),
        listing.of_organization("acme", 1), listing.of_user("ada", 3), listing.who(), app_auth.installations(1),
        app_auth.token_of_all(Installation(7)),
    ]  # fmt: skip
    assert [described(ask) for ask in asks if ask is not None] == [[]] * len(asks)
    assert asks[3] is not None
    assert asks[3].path == "/orgs/acme/repos?sort=pushed&direction=desc&per_page=100&page=1"
    for name in ("", ".", "..", "a\nb"):
        assert listing.of_organization(name, 1) is None
        assert listing.of_user(name, 1) is None
    odd = listing.of_user("a/b", 1)
    assert odd is not None
    assert odd.path.startswith("/users/a%2Fb/repos?")


def test_repositories_are_read() -> None:
    """What is told is read; what shorter answers leave out is unknown, and no failure."""
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    whole = RepositorySummary(
        "Acme/Widgets",
        private=True,
        archived=True,
        fork=True,
        language="Python",
        default_branch="trunk",
        pushed_at=at,
    )
    bare = {"full_name": "a/b", "pushed_at": None, "language": None}
    assert read([FULL, bare]) == (whole, RepositorySummary("a/b"))
    assert read({"total_count": 1, "repositories": [FULL]}, listing.inside) == (whole,)
    assert read({"login": "ada"}, listing.login) == "ada"


@pytest.mark.parametrize(
    "value",
    [
        None, {}, [None], [{}], [{"full_name": ""}], [{"full_name": "noslash"}], [{"full_name": "a/b/c"}],
        [{**FULL, "pushed_at": "yesterday"}], [{**FULL, "private": "yes"}], [{**FULL, "language": 7}],
    ],
)  # fmt: skip
def test_other_shapes_are_told(value: object) -> None:
    """An answer of another shape is Unsure, never a list that is shorter than it was."""
    assert isinstance(read(value), Unsure)


def test_installations_are_read() -> None:
    """Whose they are is read where it is told; a suspended one grants nothing."""
    one = {"id": 7, "account": {"login": "acme"}, "permissions": {"metadata": "read"}, "suspended_at": None}
    found = read(
        [one, {**one, "id": 8, "account": None, "suspended_at": "2026-11-20T10:00:00Z"}],
        app_auth.read_installations,
    )
    assert found == (Installation(7, {"metadata": "read"}, "acme"), Installation(8, {}, ""))


def test_the_paths_of_a_commit_are_read() -> None:
    """Files alone are told, a list that GitHub or we cut says so, and a path of several lines is none."""
    ask = asking.tree(Repo("acme", "widgets"), "a" * 40)
    assert ask is not None
    assert described(ask) == []
    found = [
        {"path": "a/b.py", "type": "blob"}, {"path": "a", "type": "tree"}, {"path": "x\ny", "type": "blob"},
        {"path": None, "type": "blob"},
    ]  # fmt: skip
    assert read({"tree": found, "truncated": False}, places.tree) == Tree(("a/b.py",))
    assert read({"tree": found, "truncated": True}, places.tree).cut
    assert read({"tree": [{}] * (places.MOST_FILES + 1)}, places.tree).cut
    assert isinstance(read({"tree": {}}, places.tree), Unsure)
