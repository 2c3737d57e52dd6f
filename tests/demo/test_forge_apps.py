"""The forge stand-in's Apps answer in GitHub's own shapes, and keep their tokens in bounds."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index_state import utc_now
from bot.forge import app_auth
from bot.forge.app_auth import AppKey
from storage.records import Secret
from tests.demo.openapi import check_answer, check_request


@pytest.fixture
async def forge() -> AsyncIterator[ForgeStandIn]:
    """Give a running forge."""
    async with ForgeStandIn() as running:
        yield running


async def asked(forge: ForgeStandIn, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
    """Ask, and check question and answer by GitHub's description."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, forge.url + path, json=body, headers=headers) as answer,
    ):
        value = await answer.json()
        assert not check_request(method, path, {}, body)
        assert not check_answer(method, path, answer.status, value)
        return answer.status, value


def jwt(forge: ForgeStandIn, permissions: dict[str, str], *slugs: str) -> tuple[str, int]:
    """Make an App that is installed; returns its own token, and the installation."""
    app = forge.apps.make(permissions=permissions)
    signed = app_auth.signed(AppKey(str(app.id), Secret(app.pem)), utc_now())
    assert isinstance(signed, Secret)
    return signed.reveal(), forge.apps.install(app, *slugs)


async def test_answers_have_githubs_shapes(forge: ForgeStandIn) -> None:
    """App, installation, token, permission: each as GitHub describes it."""
    own, installation = jwt(forge, {"metadata": "read", "contents": "read"}, "acme/widgets")
    assert (await asked(forge, "GET", "/app", own))[1]["slug"] == "shipbell"
    found = await asked(forge, "GET", "/repos/acme/widgets/installation", own)
    assert found[1]["id"] == installation
    path = f"/app/installations/{installation}/access_tokens"
    wanted = {"repositories": ["widgets"], "permissions": {"metadata": "read"}}
    status, value = await asked(forge, "POST", path, own, wanted)
    assert status == 201
    token = value["token"]
    status, _ = await asked(forge, "GET", "/repos/acme/widgets/collaborators/ada/permission", token)
    assert status == 200


async def test_tokens_keep_their_bounds(forge: ForgeStandIn) -> None:
    """Another repository is not there, what was not granted is refused, and so is a token for more than was granted."""
    own, installation = jwt(forge, {"metadata": "read", "contents": "read"}, "acme/widgets")
    path = f"/app/installations/{installation}/access_tokens"
    _, value = await asked(forge, "POST", path, own, {"permissions": {"metadata": "read"}})
    token = value["token"]
    assert (await asked(forge, "GET", "/repos/acme/gadgets", token))[0] == 404
    assert (await asked(forge, "GET", "/repos/acme/widgets/contents/README.md", token))[0] == 403
    more = {"repositories": ["gadgets"]}, {"permissions": {"contents": "write"}}
    assert [(await asked(forge, "POST", path, own, one))[0] for one in more] == [422, 422]
    assert (await asked(forge, "POST", path, token, {}))[0] == 401
    assert (await asked(forge, "GET", "/app", own[:-4] + "AAAA"))[0] == 401


async def test_lists_have_githubs_shapes(forge: ForgeStandIn) -> None:
    """Installations, and the repositories of an installation, a token, an organization, a person, are as described."""
    own, installation = jwt(forge, {"metadata": "read"}, "acme/widgets")
    assert (await asked(forge, "GET", "/app/installations", own))[1][0]["id"] == installation
    _, value = await asked(forge, "POST", f"/app/installations/{installation}/access_tokens", own, {})
    token = value["token"]
    _, value = await asked(forge, "GET", "/installation/repositories", token)
    assert [one["full_name"] for one in value["repositories"]] == ["acme/widgets"]
    forge.state.add_account("ada", "User")
    paths = "/user/repos", "/orgs/acme/repos", "/users/acme/repos", "/orgs/ada/repos", "/users/nobody/repos"
    plain = forge.make_token()
    statuses = [(await asked(forge, "GET", path, plain))[0] for path in paths]
    assert statuses == [200, 200, 200, 404, 404]
    assert (await asked(forge, "GET", "/user", plain))[1]["login"] == "shipbell-bot"
    refused = [await asked(forge, "GET", path, token) for path in ("/user/repos", "/user")]
    assert [status for status, _ in refused] == [403, 403]
    assert (await asked(forge, "GET", "/installation/repositories", plain))[0] == 403
