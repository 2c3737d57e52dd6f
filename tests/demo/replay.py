"""Asks a stand-in the 42 things that a real warehouse was asked, in the same order, from an equal state."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from pymacaroons import Macaroon

from bot.demo.forge import ForgeStandIn
from bot.demo.forge_state import Account
from bot.demo.index import IndexStandIn
from bot.demo.index_files import make_distribution
from bot.demo.index_model import PendingPublisher, PublisherValues
from tests.demo.clock import StoppedClock

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "warehouse_answers.json").read_text())["answers"]
SIMPLE_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
OWNER_ID = 4242
PREFILL = "provider=github&owner=octo-org&repository=demo&workflow_filename=release.yml&environment=pypi"
EVENING = datetime(2026, 11, 20, 21, tzinfo=UTC)
HISTORY = (
    (EVENING - timedelta(seconds=2), "demo_pkg-1.0"),
    (EVENING + timedelta(seconds=53), "other_pkg-1.0"),
    (EVENING + timedelta(seconds=54), "demo_pkg-1.1"),
    (EVENING + timedelta(seconds=55), "demo_pkg-1.2"),
    (EVENING + timedelta(seconds=55.5), "demo_pkg-1.3"),
    (EVENING + timedelta(minutes=4, seconds=36), ""),
    (EVENING + timedelta(minutes=5, seconds=14), "new_pkg-1.0"),
    (EVENING + timedelta(minutes=5, seconds=16), "new_pkg-1.1"),
    (EVENING + timedelta(minutes=5, seconds=18), "new_pkg2-1.0"),
    (EVENING + timedelta(minutes=6, seconds=25), "new_pkg3-1.0"),
)
"""What the recorded index held before, with the times that its feeds tell; "" stands for new-pkg without a release."""
ASKED_AT = EVENING + timedelta(minutes=44, seconds=21)
DAY_OF_OLD_RELEASE = datetime(2026, 11, 5, 21, 0, 58, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, with the stand-in's own address replaced as in the recording."""

    status: int
    reason: str
    headers: dict[str, str]
    body: Any


class Replay:
    """One run through all requests."""

    def __init__(self) -> None:
        self.clock = StoppedClock(EVENING)
        self.forge = ForgeStandIn(self.clock)
        self.index = IndexStandIn("PyPI", publisher_api=False, clock=self.clock)
        self.heard: dict[str, Heard] = {}
        self._minted = ""
        self._jwt = ""
        self._http: aiohttp.ClientSession

    async def run(self) -> dict[str, Heard]:
        """Return what was answered, by the recording's names."""
        async with self.forge, self.index, aiohttp.ClientSession() as self._http:
            self._remember_history()
            self.account_token = self.index.make_token("alice")
            for name, step in self._steps().items():
                self.heard[name] = await step()
        return self.heard

    def _remember_history(self) -> None:
        state = self.index.state
        for moment, release in HISTORY:
            self.clock.now = moment
            name, files = release.partition("-")[0].replace("_", "-"), [f"{release}-py3-none-any.whl"]
            self.index.add_project(name or "new-pkg", files if release else [], owner="alice")
        old = state.projects["demo-pkg"].releases["1.0"]
        old.created_at = DAY_OF_OLD_RELEASE
        self.clock.now = ASKED_AT
        self.forge.state.accounts["octo-org"] = Account("octo-org", OWNER_ID)
        self.index.trust_issuer(self.forge.issuer, self.forge.jwks)
        demo = state.projects["demo-pkg"]
        for environment in ("", "pypi"):
            values = PublisherValues("octo-org", "demo", "release.yml", environment)
            state.add_publisher(demo, values, str(OWNER_ID))
        self._add_pending()

    def _add_pending(self) -> None:
        self.index.state.pending.append(
            PendingPublisher(
                project="claimed-pkg",
                values=PublisherValues("octo-org", "claimed", "release.yml", "pypi"),
                owner_id=str(OWNER_ID),
                added_by=self.index.state.user("alice"),
                added_at=self.clock(),
                by_api=False,
            )
        )

    def _steps(self) -> dict[str, Callable[[], Awaitable[Heard]]]:
        return {**self._reading_before(), **self._minting(), **self._uploading(), **self._reading_after()}

    def _reading_before(self) -> dict[str, Callable[[], Awaitable[Heard]]]:
        token = {"Authorization": f"Token {self.account_token}"}
        return {
            "publisher API asked with a valid token": lambda: self._post(
                "/_/v1/publisher", json={"name": "demo-pkg"}, headers=token
            ),
            "audience": lambda: self._get("/_/oidc/audience"),
            "simple of an unknown project": lambda: self._get("/simple/claimed-pkg/", SIMPLE_JSON),
            "json of an unknown project": lambda: self._get("/pypi/claimed-pkg/json"),
        }

    def _minting(self) -> dict[str, Callable[[], Awaitable[Heard]]]:
        expired = int((ASKED_AT - timedelta(hours=1)).timestamp())
        shared = "octo-org/shared/.github/workflows/release.yml@refs/heads/main"
        return {
            "mint: not JSON": lambda: self._post("/_/oidc/mint-token", data=b"garbage"),
            "mint: malformed JWT": lambda: self._exchange("not.a.jwt"),
            "mint: wrong_aud": lambda: self._mint(aud="testpypi"),
            "mint: expired": lambda: self._mint(iat=expired, nbf=expired, exp=expired + 300),
            "mint: wrong_repo": lambda: self._exchange(self.forge.id_token("octo-org/other")),
            "mint: wrong_wf": lambda: self._exchange(
                self.forge.id_token("octo-org/demo", workflow="other.yml")
            ),
            "mint: other environment": lambda: self._mint(environment="staging"),
            "mint: wrong_owner_id": lambda: self._mint(repository_owner_id="1"),
            "mint: reusable": lambda: self._mint(job_workflow_ref=shared),
            "mint: prt": lambda: self._mint(event_name="pull_request_target"),
            "mint: missing_claim": lambda: self._mint(event_name=None),
            "mint: unknown issuer": lambda: self._mint(iss="https://issuer.example"),
            "mint: pending publisher becomes real": self._claim,
            "mint: same JWT again": lambda: self._exchange(self._jwt),
            "simple after the exchange, nothing uploaded": lambda: self._get(
                "/simple/claimed-pkg/", SIMPLE_JSON
            ),
            "json after the exchange, nothing uploaded": lambda: self._get("/pypi/claimed-pkg/json"),
        }

    def _uploading(self) -> dict[str, Callable[[], Awaitable[Heard]]]:
        claimed, narrow = "claimed_pkg-1.0", self._narrowed
        past, future = int(ASKED_AT.timestamp()) - 60, int(ASKED_AT.timestamp()) + 60
        broken = self.account_token[:-6] + (
            "AAAAAA" if not self.account_token.endswith("AAAAAA") else "BBBBBB"
        )
        return {
            "upload: no authorization": lambda: self._upload(claimed, None),
            "upload: unreadable token": lambda: self._upload(claimed, basic("__token__", "pypi-garbage")),
            "upload: username and password": lambda: self._upload(claimed, basic("alice", "secret")),
            "upload: good, minted token": lambda: self._upload(claimed, self._by_minted()),
            "upload: identical file again": lambda: self._upload(claimed, self._by_minted()),
            "upload: same name, other content": lambda: self._upload(
                claimed, self._by_minted(), note="Summary: other\n"
            ),
            "upload: minted token, another project": lambda: self._upload("brand_new-1.0", self._by_minted()),
            "upload: minted token, existing other project": lambda: self._upload(
                "demo_pkg-9.0", self._by_minted()
            ),
            "upload: invalid version": lambda: self._upload(claimed, self._by_minted(), version="one"),
            "upload: narrowed to another project": lambda: self._upload(
                "other_pkg-9.0", basic("__token__", narrow([1, ["demo-pkg"]]))
            ),
            "upload: narrowed, expired": lambda: self._upload(
                "demo_pkg-9.1", basic("__token__", narrow([1, ["demo-pkg"]], [0, past, 0]))
            ),
            "upload: narrowed, right": lambda: self._upload(
                "demo_pkg-9.2", basic("__token__", narrow([1, ["demo-pkg"]], [0, future, 0])), later=True
            ),
            "upload: signature broken": lambda: self._upload("demo_pkg-9.3", basic("__token__", broken)),
        }

    def _reading_after(self) -> dict[str, Callable[[], Awaitable[Heard]]]:
        simple, project = "/simple/claimed-pkg/", "/pypi/claimed-pkg/json"
        attestation = "/integrity/claimed-pkg/1.0/claimed_pkg-1.0-py3-none-any.whl/provenance"
        page = f"/manage/project/demo-pkg/settings/publishing/?{PREFILL}"
        return {
            "simple with files": lambda: self._get(simple, SIMPLE_JSON),
            "simple, not modified": lambda: self._get(
                simple, {**SIMPLE_JSON, "If-None-Match": self.heard["simple with files"].headers["etag"]}
            ),
            "json with a release": lambda: self._get(project),
            "json, not modified": lambda: self._get(
                project, {"If-None-Match": self.heard["json with a release"].headers["etag"]}
            ),
            "simple of an attested project": lambda: self._get("/simple/demo-pkg/", SIMPLE_JSON),
            "provenance of a file without": lambda: self._get(attestation),
            "publishing page pre-filled, signed out": lambda: self._get(page),
            "rss packages": lambda: self._get("/rss/packages.xml"),
            "rss updates": lambda: self._get("/rss/updates.xml"),
        }

    def _by_minted(self) -> str:
        return basic("__token__", self._minted)

    def _narrowed(self, *caveats: list[Any]) -> str:
        macaroon = Macaroon.deserialize(self.account_token.removeprefix("pypi-"))
        for caveat in caveats:
            macaroon.add_first_party_caveat(json.dumps(caveat))
        return f"pypi-{macaroon.serialize()}"

    async def _claim(self) -> Heard:
        self._jwt = self.forge.id_token("octo-org/claimed")
        heard = await self._exchange(self._jwt)
        self._minted = heard.body["token"]
        return heard

    async def _mint(self, **claims: object) -> Heard:
        claims.setdefault("environment", "pypi")
        return await self._exchange(self.forge.id_token("octo-org/demo", **claims))  # type: ignore[arg-type]

    async def _exchange(self, token: str) -> Heard:
        return await self._post("/_/oidc/mint-token", json={"token": token})

    async def _upload(
        self,
        release: str,
        authorization: str | None,
        *,
        note: str = "",
        version: str = "",
        later: bool = False,
    ) -> Heard:
        filename = f"{release}-py3-none-any.whl"
        content = make_distribution(filename, note)
        name, _, own_version = release.replace("_", "-").rpartition("-")
        self.clock.now = ASKED_AT + timedelta(seconds=0.5 if later else 0)
        form = aiohttp.FormData(
            {
                ":action": "file_upload",
                "protocol_version": "1",
                "metadata_version": "2.1",
                "name": name,
                "version": version or own_version,
                "filetype": "bdist_wheel",
                "pyversion": "py3",
                "sha256_digest": hashed(content),
            }
        )
        form.add_field("content", content, filename=filename, content_type="application/octet-stream")
        headers = {} if authorization is None else {"Authorization": authorization}
        return await self._post("/legacy/", data=form, headers=headers)

    async def _get(self, path: str, headers: dict[str, str] | None = None) -> Heard:
        return await self._ask("GET", path, headers=headers or {})

    async def _post(self, path: str, **options: Any) -> Heard:
        return await self._ask("POST", path, **options)

    async def _ask(self, method: str, path: str, **options: Any) -> Heard:
        url = self.index.url + path
        async with self._http.request(method, url, allow_redirects=False, **options) as answer:
            text = self._placed(await answer.text())
            headers = {name.lower(): self._placed(value) for name, value in answer.headers.items()}
            kind = headers.get("content-type", "")
            body: Any = json.loads(text) if "json" in kind and text else text
            if kind.startswith("text/html"):
                title = re.search(r"<title>(.*?)</title>", text)
                body = f"<html> title: {title.group(1) if title else ''}"
            return Heard(answer.status, self._placed(answer.reason or ""), headers, body)

    def _placed(self, text: str) -> str:
        """Put the recording's placeholders where the stand-in's own address is."""
        host = self.index.url.removeprefix("http://")
        text = text.replace(f"https://docs.{host}", "https://docs.{index}")
        return text.replace(f"{self.index.url}/packages/", "{files}/packages/").replace(
            self.index.url, "{index}"
        )


def basic(user: str, password: str) -> str:
    """Return a basic `Authorization`."""
    return aiohttp.encode_basic_auth(user, password)


def hashed(content: bytes) -> str:
    """Return sha256 in hex."""
    return hashlib.sha256(content).hexdigest()
