"""The publisher API of the index stand-in gives every status of its table, for its reason alone."""

from typing import Any

import aiohttp
import pytest
from pymacaroons import Macaroon

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from tests.demo.clock import StoppedClock

PATH = "/_/v1/publisher"
GOOD = {
    "name": "widgets",
    "owner": "acme",
    "repository": "widgets",
    "workflow_filename": "release.yml",
    "environment": "pypi",
}


async def register(
    client: aiohttp.ClientSession, index: IndexStandIn, token: str, **changed: Any
) -> tuple[int, Any]:
    """Return the status and JSON of one registration."""
    headers = {"Authorization": f"Token {token}"} if token else {}
    body = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    async with client.post(index.url + PATH, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def listed(client: aiohttp.ClientSession, index: IndexStandIn, token: str) -> list[dict[str, str]]:
    """Return the list for `widgets`."""
    headers = {"Authorization": f"Token {token}"}
    async with client.get(f"{index.url}{PATH}?name=widgets", headers=headers) as answer:
        assert answer.status == 200
        found: list[dict[str, str]] = await answer.json()
        return found


async def test_registration_is_pending_until_confirmed(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """201 makes one pending entry, and confirming turns that very entry active."""
    token = index.make_token()
    status, body = await register(client, index, token)
    assert (status, body["status"]) == (201, "pending")
    assert await listed(client, index, token) == [{**GOOD, "status": "pending"}]
    index.confirm("Widgets")
    assert await listed(client, index, token) == [{**GOOD, "status": "active"}]


@pytest.mark.parametrize("confirmed", [False, True])
async def test_same_registration_is_taken_once(
    client: aiohttp.ClientSession, index: IndexStandIn, confirmed: bool
) -> None:
    """Asked twice, also after the confirmation, the second answer is 409 and one registration is counted."""
    token = index.make_token()
    assert (await register(client, index, token))[0] == 201
    if confirmed:
        index.confirm("widgets")
    assert (await register(client, index, token))[0] == 409
    assert [(one.name, one.owner, one.user) for one in index.registrations] == [("widgets", "acme", "demo")]


async def test_pending_is_unique_by_workflow_not_environment(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """While one is pending, another environment of the same workflow is refused, another workflow is not."""
    token = index.make_token()
    assert (await register(client, index, token))[0] == 201
    assert (await register(client, index, token, environment="other"))[0] == 409
    assert (await register(client, index, token, workflow_filename="other.yml"))[0] == 201


@pytest.mark.parametrize("token", ["", "pypi-", "pypi-AgEIcHlwaS5vcmc", "ghp_nothing", "pypi-%%%", "x"])
async def test_token_that_is_none_gets_401(
    client: aiohttp.ClientSession, index: IndexStandIn, token: str
) -> None:
    """No token, and text that this index never made, are unknown."""
    assert (await register(client, index, token))[0] == 401
    assert index.registrations == []


async def test_forged_token_gets_401(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A token whose signature was changed is refused before its scope is looked at."""
    macaroon = Macaroon.deserialize(index.make_token().removeprefix("pypi-"))
    macaroon.signature = "00" * 32
    assert (await register(client, index, f"pypi-{macaroon.serialize()}"))[0] == 401


async def test_expired_token_gets_401(
    client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock
) -> None:
    """A token is good up to its end by the index's own clock, and not after."""
    token = index.make_token(expires_at=int(clock().timestamp()) + 60)
    clock.forward(seconds=59)
    assert (await register(client, index, token))[0] == 201
    clock.forward(seconds=1)
    assert (await register(client, index, token))[0] == 401


async def test_project_token_gets_403(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A token for one project may not register, not even for that project."""
    assert (await register(client, index, index.make_token(projects=["widgets"])))[0] == 403


async def test_minted_token_gets_403(
    client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn
) -> None:
    """A token from the OIDC exchange may not register."""
    await register(client, index, index.make_token())
    index.confirm("widgets")
    async with client.post(f"{index.url}/_/oidc/mint-token", json={"token": forge.id_token()}) as answer:
        minted = (await answer.json())["token"]
    assert (await register(client, index, minted, workflow_filename="other.yml"))[0] == 403


async def test_somebody_elses_project_gets_403(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Only a project's owner registers publishers for it."""
    assert (await register(client, index, index.make_token("alice")))[0] == 403


async def test_unknown_project_gets_400(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A project that the index has not must be uploaded first."""
    status, body = await register(client, index, index.make_token(), name="gadgets")
    assert status == 400
    assert "gadgets" in body["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Widgets"),
        ("name", "-"),
        ("name", None),
        ("name", "json"),
        ("owner", "-acme"),
        ("owner", "acme/widgets"),
        ("owner", "nobody-there"),
        ("owner", 7),
        ("repository", "acme/widgets"),
        ("repository", ""),
        ("workflow_filename", "release.txt"),
        ("workflow_filename", ".github/workflows/release.yml"),
        ("environment", "py,pi"),
        ("environment", " pypi"),
        ("environment", "x" * 256),
        ("environment", "py\npi"),
    ],
)
async def test_invalid_value_gets_422_that_names_it(
    client: aiohttp.ClientSession, index: IndexStandIn, field: str, value: object
) -> None:
    """A value that the index refuses is named in the answer, and nothing is registered."""
    status, body = await register(client, index, index.make_token(), **{field: value})
    assert status == 422
    assert [problem["field"] for problem in body["errors"]] == [field]
    assert index.registrations == []


async def test_all_invalid_values_are_told_at_once(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """Several invalid values come in one answer."""
    wrong = {"owner": "-", "repository": "a b", "workflow_filename": "x", "environment": "'"}
    _, body = await register(client, index, index.make_token(), **wrong)
    assert {problem["field"] for problem in body["errors"]} == set(wrong)


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b'"text"', b"[" * 50_000])
async def test_body_that_is_no_object_gets_422(
    client: aiohttp.ClientSession, index: IndexStandIn, sent: bytes
) -> None:
    """What is not a JSON object is refused, not answered with 500."""
    headers = {"Authorization": f"Token {index.make_token()}"}
    async with client.post(index.url + PATH, data=sent, headers=headers) as answer:
        assert answer.status == 422


async def test_owner_is_kept_in_the_forges_spelling(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """The index asks the forge for the owner and keeps the login as that writes it."""
    status, body = await register(client, index, index.make_token(), owner="ACME", environment="PyPI")
    assert (status, body["owner"], body["environment"]) == (201, "acme", "pypi")


async def test_unreachable_forge_is_told_as_the_owners_problem(
    client: aiohttp.ClientSession, index: IndexStandIn, forge: ForgeStandIn
) -> None:
    """Where the forge can't be asked the registration is refused, and the answer says why."""
    await forge.stop()
    status, body = await register(client, index, index.make_token())
    assert (status, body["errors"][0]["field"]) == (422, "owner")


async def test_pending_ends_after_thirty_days(
    client: aiohttp.ClientSession, index: IndexStandIn, clock: StoppedClock
) -> None:
    """A registration nobody confirmed is gone after its term, and can be made anew."""
    token = index.make_token()
    await register(client, index, token)
    clock.forward(days=30)
    assert await listed(client, index, token) == []
    assert (await register(client, index, token))[0] == 201


async def test_index_without_the_api_answers_404_in_html(client: aiohttp.ClientSession) -> None:
    """With `publisher_api` off there is no such address."""
    async with (
        IndexStandIn(publisher_api=False) as index,
        client.post(index.url + PATH, json=GOOD) as answer,
    ):
        assert (answer.status, answer.content_type) == (404, "text/html")


async def test_index_without_the_list_answers_405(client: aiohttp.ClientSession) -> None:
    """With `publisher_list` off registering works and listing is not offered."""
    async with IndexStandIn(publisher_list=False) as index:
        index.add_project("widgets")
        assert (await register(client, index, index.make_token()))[0] == 201
        async with client.get(f"{index.url}{PATH}?name=widgets") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("query", ["", "?name=", "?name=a%20b"])
async def test_list_without_a_name_gets_422(
    client: aiohttp.ClientSession, index: IndexStandIn, query: str
) -> None:
    """The list is of one project."""
    headers = {"Authorization": f"Token {index.make_token()}"}
    async with client.get(index.url + PATH + query, headers=headers) as answer:
        assert answer.status == 422


async def test_list_needs_the_same_token(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Without a token the list is refused, with a project's token too."""
    address = f"{index.url}{PATH}?name=widgets"
    async with client.get(address) as answer:
        assert answer.status == 401
    headers = {"Authorization": f"Token {index.make_token(projects=['widgets'])}"}
    async with client.get(address, headers=headers) as answer:
        assert answer.status == 403


async def test_confirming_nothing_is_an_error(index: IndexStandIn) -> None:
    """A test that confirms what nobody registered is told so."""
    with pytest.raises(LookupError):
        index.confirm("widgets")
