"""The forge client's questions about pull requests and their comments, against servers that say what a test wants."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.core.forge import Done, Forbidden, Invalid, Nothing, PullFacts, Repo, Unsure
from bot.transport import Transport
from tests.transport.servers import cut, serving
from tests.transport.test_forge_releases import REPO, SHA, USED_UP, body_of, client, paths, table, told

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
WHERE = "/issues/7/comments?since=2026-11-21T10%3A00%3A00Z&per_page=100&page="
PULL = {"number": 7, "merged_at": "2026-11-21T10:00:00Z", "base": {"repo": {"full_name": "acme/widgets"}}}


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


async def test_pull_requests_of_a_commit(transport: Transport) -> None:
    """Those with which it came are told; a commit that nobody knows came with none."""
    async with serving(table({f"/commits/{SHA}/pulls?per_page=100": told([PULL])})) as server:
        there = client(transport, server)
        assert await there.pulls(REPO, SHA) == (PullFacts(7, merged=True, into="acme/widgets"),)
        assert await there.pulls(REPO, "b" * 40) == Nothing()
        assert await there.pulls(Repo("..", "x"), SHA) == Nothing()


async def test_comments_are_read_by_the_page(transport: Transport) -> None:
    """Pages are asked for until one is not full."""
    answers = {f"{WHERE}1": told([{"body": "a"}] * 100), f"{WHERE}2": told([{"body": "b"}])}
    async with serving(table(answers)) as server:
        got = await client(transport, server).comments(REPO, 7, AT)
        assert isinstance(got, tuple)
        assert (len(got), got[-1]) == (101, "b")
        assert paths(server) == [f"{WHERE}1", f"{WHERE}2"]


@pytest.mark.parametrize(("status", "seen"), [(403, Nothing()), (404, Nothing()), (410, Nothing())])
async def test_hidden_comments(transport: Transport, status: int, seen: object) -> None:
    """What the token may not see is told as not there."""
    async with serving(table({f"{WHERE}1": told({"message": "No"}, status)})) as server:
        assert await client(transport, server).comments(REPO, 7, AT) == seen


@pytest.mark.parametrize(
    ("status", "value", "kind"),
    [
        (201, {"html_url": "https://x/c"}, Done),
        (403, {"message": "Unable to create comment because issue is locked."}, Forbidden),
        (404, {"message": "Not Found"}, Nothing),
        (410, {"message": "Issues are disabled for this repo"}, Invalid),
        (422, {"message": "Validation Failed"}, Invalid),
        (503, {}, Unsure),
    ],
)
async def test_a_comment_is_ordered(
    transport: Transport, status: int, value: object, kind: type[object]
) -> None:
    """It is sent once, whatever comes back, and each refusal is told apart from an answer that was lost."""
    async with serving(table({"/issues/7/comments": told(value, status)})) as server:
        outcome = await client(transport, server).comment(REPO, 7, "Released")
        assert isinstance(outcome, kind)
        assert [body_of(request) for request in server.requests] == [{"body": "Released"}]


async def test_a_lost_answer_may_have_arrived(transport: Transport) -> None:
    """A connection that breaks after the comment was sent says so, and nothing is sent twice."""
    async with serving(cut) as server:
        outcome = await client(transport, server).comment(REPO, 7, "Released")
        assert isinstance(outcome, Unsure)
        assert outcome.arrived_maybe
        assert len(server.requests) == 1


async def test_limits_are_obeyed(transport: Transport) -> None:
    """Where the limit is used up, nothing more is sent until it is over."""
    async with serving(
        table({"/issues/7/comments": told({"message": "rate limit"}, 403, **USED_UP)})
    ) as server:
        there = client(transport, server)
        first = await there.comment(REPO, 7, "Released")
        second = await there.comment(REPO, 7, "Released")
        assert isinstance(first, Unsure)
        assert isinstance(second, Unsure)
        assert (first.retry_after or 0) > 0
        assert (second.retry_after or 0) > 0
        assert len(server.requests) == 1
