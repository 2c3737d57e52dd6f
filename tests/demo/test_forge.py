"""The forge stand-in answers as GitHub does where the bot asks it."""

import base64
from typing import Any

import aiohttp
import jwt
import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from tests.demo.clock import StoppedClock

WORKFLOW = "/repos/acme/widgets/contents/.github/workflows/release.yml"


async def ask(
    client: aiohttp.ClientSession, forge: ForgeStandIn, path: str, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Return status, JSON (None for a 304) and headers of one GET."""
    async with client.get(forge.url + path, headers=headers) as answer:
        body = await answer.json() if answer.status != 304 else None
        return answer.status, body, {name.lower(): value for name, value in answer.headers.items()}


async def test_workflow_is_read_as_written(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """The contents API gives the seeded workflow, with what trusted publishing needs in it."""
    status, body, _ = await ask(client, forge, WORKFLOW)
    text = base64.b64decode(body["content"]).decode()
    assert (status, body["type"], body["path"]) == (200, "file", ".github/workflows/release.yml")
    assert "id-token: write" in text
    assert "environment: pypi" in text


async def test_raw_and_folder_are_served_too(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """A folder is a list, and the raw media type gives the file's bytes alone."""
    _, listing, _ = await ask(client, forge, "/repos/acme/widgets/contents/.github/workflows")
    assert [one["name"] for one in listing] == ["release.yml"]
    raw = {"Accept": "application/vnd.github.raw+json"}
    async with client.get(forge.url + WORKFLOW, headers=raw) as answer:
        assert (await answer.text()).startswith("name: Release")


async def test_names_are_found_in_any_case(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """Owners and repositories are case-insensitive and answered in their own spelling."""
    assert (await ask(client, forge, "/users/ACME"))[1]["login"] == "acme"
    assert (await ask(client, forge, "/repos/Acme/Widgets"))[1]["full_name"] == "acme/widgets"


@pytest.mark.parametrize(
    "path",
    [
        "/users/nobody",
        "/repos/acme/nothing",
        "/repos/acme/gadgets/contents/.github/workflows/release.yml",
        "/repos/acme/gadgets/environments/pypi",
        "/nothing",
    ],
)
async def test_what_is_not_there_is_404_in_json(
    client: aiohttp.ClientSession, forge: ForgeStandIn, path: str
) -> None:
    """The forge says Not Found in its own shape, with the limits in the headers."""
    status, body, headers = await ask(client, forge, path)
    assert (status, body["message"]) == (404, "Not Found")
    assert "x-ratelimit-remaining" in headers


async def test_a_ref_that_is_not_there_is_named(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """A file at an unknown ref is 404, and the ref is named."""
    status, body, _ = await ask(client, forge, f"{WORKFLOW}?ref=nowhere")
    assert (status, body["message"]) == (404, "No commit found for the ref nowhere")


async def test_environment_is_found(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """The seeded environment is there, alone and in the list."""
    assert (await ask(client, forge, "/repos/acme/widgets/environments/PyPI"))[1]["name"] == "pypi"
    assert (await ask(client, forge, "/repos/acme/widgets/environments"))[1]["total_count"] == 1


async def test_not_modified_costs_nothing(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """Asked with its tag, an unchanged answer is 304 and leaves the quota as it was."""
    _, _, first = await ask(client, forge, WORKFLOW)
    status, _, second = await ask(client, forge, WORKFLOW, **{"If-None-Match": first["etag"]})
    assert status == 304
    assert second["x-ratelimit-remaining"] == first["x-ratelimit-remaining"]


async def test_changed_content_has_another_tag(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """A changed file is told whole, although the old tag was sent."""
    _, _, first = await ask(client, forge, WORKFLOW)
    forge.add_repository("acme/widgets", {".github/workflows/release.yml": b"name: Other\n"})
    assert (await ask(client, forge, WORKFLOW, **{"If-None-Match": first["etag"]}))[0] == 200


async def test_tokens_are_known_or_401(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """A token it made raises the limit, one it did not make is refused."""
    _, _, headers = await ask(
        client, forge, "/repos/acme/widgets", Authorization=f"Bearer {forge.make_token()}"
    )
    assert headers["x-ratelimit-limit"] == "5000"
    status, body, _ = await ask(client, forge, "/repos/acme/widgets", Authorization="Bearer ghp_unknown")
    assert (status, body["message"]) == (401, "Bad credentials")


async def test_limit_used_up_is_403_until_its_reset(
    client: aiohttp.ClientSession, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """With nothing left every question is 403 and says when to come back; then it is answered again."""
    forge.use_up_limit()
    status, _, headers = await ask(client, forge, "/users/acme")
    assert (status, headers["x-ratelimit-remaining"]) == (403, "0")
    assert (await ask(client, forge, "/rate_limit"))[1]["rate"]["remaining"] == 0
    clock.forward(seconds=int(headers["x-ratelimit-reset"]) - int(clock().timestamp()))
    assert (await ask(client, forge, "/users/acme"))[0] == 200


async def test_private_repository_needs_a_token(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """Without a token a private repository is as if it were not there."""
    forge.add_repository("acme/secret").private = True
    assert (await ask(client, forge, "/repos/acme/secret"))[0] == 404
    headers = {"Authorization": f"Bearer {forge.make_token()}"}
    assert (await ask(client, forge, "/repos/acme/secret", **headers))[0] == 200


async def test_id_token_verifies_against_the_published_keys(
    client: aiohttp.ClientSession, forge: ForgeStandIn
) -> None:
    """The issuer's description leads to the keys that its tokens verify with."""
    _, described, _ = await ask(client, forge, "/.well-known/openid-configuration")
    async with client.get(described["jwks_uri"]) as answer:
        key = jwt.PyJWKSet.from_dict(await answer.json()).keys[0]
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    claims = jwt.decode(forge.id_token(), key, ["RS256"], audience="pypi", options=options)
    assert (claims["iss"], claims["repository"], claims["environment"]) == (
        forge.issuer,
        "acme/widgets",
        "pypi",
    )


async def test_id_token_claims_can_be_changed_and_left_out(forge: ForgeStandIn) -> None:
    """A keyword replaces a claim, None drops it."""
    token = forge.id_token(sha="b" * 40, event_name=None)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sha"] == "b" * 40
    assert "event_name" not in claims
    with pytest.raises(LookupError):
        forge.id_token("nobody/there")


async def test_repository_page_escapes_its_files(client: aiohttp.ClientSession, forge: ForgeStandIn) -> None:
    """A file's text is text on the web page."""
    forge.add_repository("acme/hostile", {"a.md": b"<script>alert(1)</script>"})
    async with client.get(f"{forge.web_url}/acme/hostile") as answer:
        assert (answer.status, "<script>" in await answer.text()) == (200, False)


async def test_exchange_makes_a_pending_publisher_real(
    client: aiohttp.ClientSession, forge: ForgeStandIn, index: IndexStandIn
) -> None:
    """A form registration becomes a project at the first exchange of its very workflow, once per token."""
    fields = {"project_name": "gadgets", "owner": "acme", "repository": "gadgets", "environment": "pypi"}
    async with client.post(f"{index.url}/account/login/", data={"user": "demo"}):
        pass
    form = {**fields, "workflow_filename": "release.yml"}
    async with client.post(f"{index.url}/manage/account/publishing/", data=form) as answer:
        assert answer.status == 200
    token = forge.id_token("acme/gadgets")
    statuses = []
    for _ in range(2):
        async with client.post(f"{index.url}/_/oidc/mint-token", json={"token": token}) as answer:
            statuses.append(answer.status)
    assert statuses == [200, 422]
    assert index.state.projects["gadgets"].owner.name == "demo"
