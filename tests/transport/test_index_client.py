"""The index client against the index stand-in: every way an index can answer, end to end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.core.outcomes import (
    Absent,
    Listed,
    NotOffered,
    Present,
    Provenance,
    Refused,
    Registered,
    RegisterOutcome,
    Taken,
    TryLater,
    Unchanged,
)
from bot.core.sites import IndexSite
from bot.demo.index import IndexStandIn
from bot.index.client import IndexClient
from bot.index.publisher_api import PATH
from bot.transport import Transport
from storage.records import Reason, Registration, Secret
from tests.transport.servers import answer, cut, serving

OURS = Registration("company", "widgets", "acme", "widgets", "release.yml", "pypi")
SEEN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SOON = 0.6
"""Seconds; a time-out that is meant to strike."""


@pytest.fixture
async def index() -> AsyncIterator[IndexStandIn]:
    """Give a running index with the project `widgets`."""
    async with IndexStandIn() as running:
        running.add_project("widgets", ["widgets-1.0-py3-none-any.whl"])
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def client(transport: Transport, url: str, *, timeout: float = 10.0, api: bool | None = None) -> IndexClient:
    """Return a client that knows one index, `company`."""
    site = IndexSite("company", url, publisher_api=api)
    return IndexClient(transport, {"company": site}, lambda: SEEN, timeout=timeout)


async def registered(
    transport: Transport, index: IndexStandIn, token: str = "", **changes: str
) -> RegisterOutcome:
    """Register with the stand-in."""
    ours = replace(OURS, **changes)
    return await client(transport, index.url).register(ours, Secret(token or index.make_token()))


async def test_a_registration_is_taken_listed_and_confirmed(
    transport: Transport, index: IndexStandIn
) -> None:
    """201, then the index's own list shows it pending, and after the confirmation active."""
    token = index.make_token()
    assert await registered(transport, index, token) == Registered()
    asking = client(transport, index.url)
    listed = await asking.publishers("company", "Widgets", Secret(token))
    assert isinstance(listed, Listed)
    assert [(one.project, one.owner, one.active) for one in listed.publishers] == [("widgets", "acme", False)]
    assert listed.evidence.url == f"{index.url}{PATH}?name=widgets"
    index.confirm("widgets")
    listed = await asking.publishers("company", "widgets", Secret(token))
    assert isinstance(listed, Listed)
    assert [one.active for one in listed.publishers] == [True]


async def test_each_refusal_of_a_real_api(transport: Transport, index: IndexStandIn) -> None:
    """400, 401, 403, 409 and 422 of the stand-in are told apart, each with its words."""
    missing = await registered(transport, index, project="gadgets")
    assert isinstance(missing, Refused)
    assert (missing.reason, missing.blames_token) == (Reason.PROJECT_MISSING, False)
    assert "gadgets" in missing.detail
    invalid = await registered(transport, index, "pypi-AgEIcHlwaS5vcmc")
    assert isinstance(invalid, Refused)
    assert (invalid.reason, invalid.blames_token) == (Reason.TOKEN_INVALID, True)
    scope = await registered(transport, index, index.make_token(projects=["widgets"]))
    assert isinstance(scope, Refused)
    assert (scope.reason, scope.blames_token) == (Reason.TOKEN_SCOPE, True)
    value = await registered(transport, index, workflow="release.txt")
    assert isinstance(value, Refused)
    assert (value.reason, value.blames_token) == (Reason.VALUE_INVALID, False)
    assert "yml" in value.detail
    assert await registered(transport, index) == Registered()
    assert isinstance(await registered(transport, index), Taken)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused), (401, Refused), (403, Refused), (404, NotOffered), (405, NotOffered), (409, Taken), (422, Refused),
        (429, TryLater), (500, TryLater), (502, TryLater), (503, TryLater), (504, TryLater), (301, Refused), (308, Refused),
        (200, Refused), (501, NotOffered),
    ],
)  # fmt: skip
async def test_every_status_with_a_body_that_is_not_json(
    transport: Transport, index: IndexStandIn, status: int, kind: type
) -> None:
    """Each status is read without a readable body; the index is asked once, and nothing hangs."""
    index.fail(PATH, status=status, body=b"\xff\xfenot JSON")
    assert isinstance(await registered(transport, index), kind)
    assert index.count(PATH, method="POST") == 1


async def test_an_index_without_the_api_answers_a_page(transport: Transport) -> None:
    """PyPI's 404 in HTML means that another way must do, for the list too."""
    async with IndexStandIn(publisher_api=False) as pypi:
        assert await registered(transport, pypi) == NotOffered()
        asking = client(transport, pypi.url)
        assert await asking.publishers("company", "widgets", Secret(pypi.make_token())) == NotOffered()


async def test_an_index_known_to_have_no_api_never_sees_the_token(
    transport: Transport, index: IndexStandIn
) -> None:
    """Where the settings say that there is no API, nobody is asked."""
    asking = client(transport, index.url, api=False)
    assert await asking.register(OURS, Secret("x")) == NotOffered()
    assert await asking.publishers("company", "widgets", Secret("x")) == NotOffered()
    assert index.requests == []


async def test_a_rate_limit_says_how_long(transport: Transport, index: IndexStandIn) -> None:
    """Retry-After is obeyed, up to a day."""
    index.fail(PATH, status=429, headers={"Retry-After": "120"})
    outcome = await registered(transport, index)
    assert isinstance(outcome, TryLater)
    assert (outcome.reason, outcome.retry_after, outcome.arrived_maybe) == (Reason.RATE_LIMITED, 120, False)


async def test_a_hanging_index_may_have_acted(transport: Transport, index: IndexStandIn) -> None:
    """A time-out after sending is told from an index that can't be reached, and a POST is sent once."""
    index.fail(PATH, hang=True, times=-1)
    outcome = await client(transport, index.url, timeout=SOON).register(OURS, Secret(index.make_token()))
    assert isinstance(outcome, TryLater)
    assert (outcome.reason, outcome.arrived_maybe) == (Reason.TIMED_OUT, True)
    assert "127.0.0.1" in outcome.detail
    assert index.count(PATH, method="POST") == 1


async def test_an_answer_that_is_lost_after_the_deed(transport: Transport, index: IndexStandIn) -> None:
    """A registration whose answer was cut is there; asked again, the index says that it is taken."""
    index.fail(PATH, close=True, after=True)
    outcome = await registered(transport, index)
    assert isinstance(outcome, TryLater)
    assert (outcome.reason, outcome.arrived_maybe) == (Reason.TIMED_OUT, True)
    assert len(index.registrations) == 1
    assert isinstance(await registered(transport, index), Taken)


async def test_a_refused_connection_has_not_arrived(transport: Transport) -> None:
    """Where nobody listens, it is certain that nothing was sent."""
    async with serving(cut) as server:
        url = server.url
    outcome = await client(transport, url).register(OURS, Secret("x"))
    assert isinstance(outcome, TryLater)
    assert (outcome.reason, outcome.arrived_maybe) == (Reason.UNREACHABLE, False)


@pytest.mark.parametrize("status", [201, 400, 422, 500, 200])
async def test_a_body_of_100_megabytes_is_not_read(
    transport: Transport, index: IndexStandIn, status: int
) -> None:
    """A flood changes neither the meaning of a status nor the time it takes."""
    index.fail(PATH, status=status, megabytes=100, headers={"Content-Type": "application/json"})
    outcome = await registered(transport, index)
    assert isinstance(outcome, {201: Registered, 500: TryLater}.get(status, Refused))
    assert len(getattr(outcome, "detail", "")) <= 300


async def test_a_flooded_list_says_nothing(transport: Transport, index: IndexStandIn) -> None:
    """A list without end is not taken for one without our publisher."""
    index.fail(PATH, method="GET", status=200, body=b"[", megabytes=100)
    outcome = await client(transport, index.url).publishers("company", "widgets", Secret("x"))
    assert isinstance(outcome, TryLater)
    assert outcome.reason is Reason.UNEXPECTED_ANSWER


async def test_a_list_may_not_be_offered(transport: Transport) -> None:
    """405 for the list alone."""
    async with IndexStandIn(publisher_list=False) as index:
        asking = client(transport, index.url)
        assert await asking.publishers("company", "widgets", Secret(index.make_token())) == NotOffered()


async def test_a_redirect_is_not_followed_with_the_token(transport: Transport) -> None:
    """The host of a redirect is named, and sees nothing."""
    async with (
        serving(answer(201)) as other,
        serving(answer(307, headers={"Location": f"{other.url}/x"})) as server,
    ):
        outcome = await client(transport, server.url).register(OURS, Secret("hidden"))
        assert outcome == Refused(Reason.UNEXPECTED_ANSWER, "it redirects to 127.0.0.1")
        assert other.requests == []


async def test_a_project_appears(transport: Transport, index: IndexStandIn) -> None:
    """Absent, then present with the evidence, then unchanged by its ETag."""
    asking = client(transport, index.url)
    assert await asking.simple("company", "gadgets") == Absent()
    index.add_project("gadgets")
    there = await asking.simple("company", "Gadgets")
    assert isinstance(there, Present)
    assert there.files == ()
    assert there.evidence.seen_at == SEEN
    assert await asking.simple("company", "gadgets", there.etag) == Unchanged()


async def test_provenance_is_read_from_the_index_alone(transport: Transport, index: IndexStandIn) -> None:
    """A file's provenance names its publisher; an address elsewhere is not even asked."""
    index.add_project("gadgets", ["gadgets-1.0.tar.gz"], attested_by=("acme/gadgets", "release.yml", "pypi"))
    asking = client(transport, index.url)
    there = await asking.simple("company", "gadgets")
    assert isinstance(there, Present)
    found = await asking.provenance("company", there.files[0].provenance_url)
    assert isinstance(found, Provenance)
    assert (found.kind, found.repository, found.workflow, found.environment) == (
        "GitHub",
        "acme/gadgets",
        "release.yml",
        "pypi",
    )
    async with serving(answer(200)) as other:
        assert await asking.provenance("company", f"{other.url}/x") == Absent()
        assert other.requests == []


async def test_a_look_that_is_cut_is_repeated(transport: Transport, index: IndexStandIn) -> None:
    """Reading is safe to repeat: one cut connection does not show."""
    index.fail("/simple/", close=True, times=1)
    assert isinstance(await client(transport, index.url).simple("company", "widgets"), Present)
    index.fail("/simple/", close=True, times=-1)
    outcome = await client(transport, index.url).simple("company", "widgets")
    assert isinstance(outcome, TryLater)
    assert outcome.reason is Reason.TIMED_OUT


async def test_unknown_indexes_are_a_mistake_of_ours(transport: Transport, index: IndexStandIn) -> None:
    """A name that the settings do not have is a KeyError, not an outcome."""
    with pytest.raises(KeyError):
        client(transport, index.url).site("nobody")


async def test_the_way_by_hand_goes_to_the_same_index(transport: Transport, index: IndexStandIn) -> None:
    """The form is that of the index that refused."""
    form = client(transport, index.url).by_hand(OURS, True)
    assert form.url.startswith(f"{index.url}/manage/project/widgets/")
    assert form.prefilled
