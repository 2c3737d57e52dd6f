"""The status page's addresses: where each thing is seen, and nothing that leads away from it."""

from uuid import UUID

import pytest

from bot.core import status_links as links

HERE = "https://ship.example"
ID = UUID(int=7)


def test_addresses_begin_with_the_bots_own() -> None:
    """Each address is under the public one, also where that ends in a slash; names are escaped."""
    assert links.status_url(f"{HERE}/") == f"{HERE}/status"
    assert links.release_url(HERE, ID) == f"{HERE}/status/releases/{ID}"
    assert links.project_url(HERE, "a/b?c") == f"{HERE}/status/projects/a%2Fb%3Fc"


def test_an_address_says_which_release_it_shows() -> None:
    """Read back, it is the same release; an address of another host, page or form shows none."""
    assert links.release_in(f"{HERE}/", links.release_url(HERE, ID)) == ID
    for other in (
        "https://ship.example.evil/status/releases/" + str(ID),
        f"{HERE}/status",
        f"{HERE}/status/releases/{'-' * 36}",
    ):
        assert links.release_in(HERE, other) is None


@pytest.mark.parametrize(
    "path", ["/status", "/status/", f"/status/releases/{ID}", "/status/projects/zope.interface"]
)
def test_own_paths_are_kept(path: str) -> None:
    """A page of ours that was wanted is where a sign-in leads."""
    assert links.own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "//evil.example", "https://evil.example/status", "/status/../github/connect", "/statuses", "/status//evil.example",
        "/status\r\nSet-Cookie: a=b", "/status?next=https://evil.example", "/status/\\evil.example", "/status/" + "x" * 300, "javascript:x",
    ],
)  # fmt: skip
def test_a_sign_in_leads_nowhere_else(path: str) -> None:
    """Another host, another page, a header, a query: the overview in its place."""
    assert links.own_path(path) == "/status"
