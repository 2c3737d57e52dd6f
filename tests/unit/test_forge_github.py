"""What GitHub's refusals mean, without a network."""

from collections.abc import Mapping

import gidgethub
import pytest
from gidgethub import sansio
from hypothesis import given
from hypothesis import strategies as st

from bot.core.repositories import WorkflowFacts
from bot.errors import ShipbellError, Unreachable
from bot.forge import github

JSON = {"content-type": "application/json"}
USED_UP = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000000"}


def refused(
    status: int, headers: Mapping[str, str], message: str = "so", *, with_token: bool = True
) -> github.ForgeRefused:
    """Return what an answer means that gidgethub takes for a refusal."""
    body = f'{{"message": "{message}"}}'.encode()
    with pytest.raises(gidgethub.GitHubException) as raised:
        sansio.decipher_response(status, {**JSON, **headers}, body)
    return github.refusal(raised.value, with_token=with_token)


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(("with_token", "remedy"), [(True, "Wait"), (False, "SHIPBELL_GITHUB_TOKEN")])
def test_a_used_up_limit_says_until_when(status: int, with_token: bool, remedy: str) -> None:
    """The hourly limit, told by either status, names its end; without a token more can be had."""
    found = refused(status, USED_UP, with_token=with_token)
    assert (found.status, found.cause) == (status, "GitHub's rate limit is used up until 08:00 UTC.")
    assert remedy in found.remedy


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("with_token", [True, False])
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"retry-after": "60"}, "so"),
        ({}, "You have exceeded a secondary rate limit."),
        ({**USED_UP, "x-ratelimit-remaining": "4999"}, "You have exceeded a secondary rate limit."),
    ],
)
def test_a_secondary_limit_does_not_blame_the_token(
    status: int, with_token: bool, headers: Mapping[str, str], message: str
) -> None:
    """Somebody who asks too fast is told to wait, not to make another token."""
    found = refused(status, headers, message, with_token=with_token)
    assert found.cause.startswith("GitHub takes no more requests for now")
    assert "minutes" in found.remedy


def test_a_token_that_may_not_is_told_so() -> None:
    """403 without a sign of a limit is about the token's rights."""
    found = refused(403, {**USED_UP, "x-ratelimit-remaining": "7"}, "Resource not accessible by token")
    assert "read access" in found.remedy


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 422, 451, 500, 503])
@pytest.mark.parametrize("with_token", [True, False])
def test_every_refusal_has_a_cause(status: int, with_token: bool) -> None:
    """Each status is a whole sentence on one line and keeps its number."""
    found = refused(status, {}, with_token=with_token)
    assert found.status == status
    assert found.cause.endswith(".")
    assert str(found).isprintable()


@pytest.mark.parametrize("names", [("", "b", "c"), ("a", ".", "c"), ("a", "b", "..")])
def test_names_that_are_paths_are_refused(names: tuple[str, str, str]) -> None:
    """What would lead to another address is told and not asked for."""
    with pytest.raises(github.ForgeRefused, match="is called"):
        github.named(*names)


@pytest.mark.parametrize(
    ("error", "with_token", "exists"),
    [
        (github.ForgeRefused(404, "no."), True, False),
        (github.ForgeRefused(404, "no."), False, None),
        (github.ForgeRefused(403, "no."), True, None),
        (Unreachable("no.", host="x"), True, None),
    ],
)
def test_only_a_404_with_a_token_means_absent(
    error: ShipbellError, with_token: bool, exists: bool | None
) -> None:
    """Without a token a private repository looks like none, so nobody can say."""
    facts = github.unseen(error, with_token=with_token)
    assert (facts.exists, facts.detail, facts.workflow) == (exists, "no.", None)


def test_a_missing_workflow_is_a_fact_and_an_unread_one_is_not() -> None:
    """404 for the file says that it is absent; any other failure says nothing of it."""
    value = {"full_name": "acme/widgets"}
    absent = github.seen(value, "https://forge.example", github.ForgeRefused(404, "no."))
    assert (absent.workflow, absent.detail) == (WorkflowFacts(found=False), "")
    unread = github.seen(value, "https://forge.example", github.ForgeRefused(500, "broken."))
    assert (unread.workflow, unread.detail) == (None, "broken.")
    assert unread.url == "https://forge.example/acme/widgets"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["rate", "limit", "full_name", "x"]), inner)
    ),
    max_leaves=8,
)


@given(ANYTHING)
def test_no_answer_breaks_the_reading(value: object) -> None:
    """Any JSON is read as facts."""
    assert github.seen(value, "https://forge.example", "").exists is True
    assert github.pinged(value, "https://forge.example", with_token=False)
