"""`shipbell doctor`: whether what the settings name is really there, and lets us in.

Knows: what to ask whom, and what each answer means for an operator. Must not know: flags, exit codes, rules.

All questions are asked at once, each has its own time-out, and none changes anything.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import settings as known
from bot import standing
from bot.core.secrets import redact
from bot.core.sites import IndexSite
from bot.errors import SettingsError, ShipbellError, SlackRefused
from bot.forging import forge_client, forge_lines
from bot.index import attestations
from bot.keyfile import NAME, key_ring
from bot.settings import Settings
from bot.slack.scopes import missing_scopes
from bot.transport import Transport, user_agent
from bot.wire import Request
from storage.crypto import Vault
from storage.database import Database
from storage.ledger import keys
from storage.records import KeyMissing, Secret, StorageError

SECONDS = 10.0
"""How long one check may take."""

Probe = Callable[[], Awaitable[str]]

_SLACK_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "invalid_auth": "Copy the token again from the app's page.",
        "not_authed": "Copy the token again from the app's page.",
        "account_inactive": "The app was uninstalled; install it again and copy the new token.",
        "token_revoked": "Install the app again and copy the new token.",
        "token_expired": "Install the app again and copy the new token.",
        "not_allowed_token_type": "This is another kind of token; take the one the setting names.",
        "missing_scope": "Give the token the scopes of docs/slack-scopes.md and install the app again.",
        "ratelimited": "Wait a minute and run the doctor again.",
    }
)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found: `detail` is a fact, `remedy` what to do where it failed."""

    name: str
    outcome: Literal["ok", "FAIL", "skip"]
    detail: str
    remedy: str = ""


class Skipped(Exception):
    """There is nothing to check; the message says why."""


class Failed(ShipbellError):
    """A check found something wrong."""


async def examine(settings: Settings, *, seconds: float = SECONDS) -> tuple[Check, ...]:
    """Run every check and return what was found, in a fixed order; never raises for what is checked."""
    async with Transport(
        allow_private_addresses=settings.allow_private_addresses, user_agent=user_agent(settings.contact)
    ) as transport:
        probes = _probes(settings, transport, seconds)
        found = await asyncio.gather(
            *(_ask(name, probe, seconds) for name, probe in probes.items()), return_exceptions=True
        )
    checks = [
        one if isinstance(one, Check) else _crashed(name, one)
        for name, one in zip(probes, found, strict=True)
    ]
    return (Check("settings", "ok", "complete and in themselves consistent"), *checks)


def unusable(error: SettingsError) -> tuple[Check, ...]:
    """Return what the doctor says of settings that can't be used: nothing else can be checked."""
    return tuple(Check("settings", "FAIL", problem) for problem in error.problems)


def failed(checks: tuple[Check, ...]) -> bool:
    """Say whether any check failed."""
    return any(check.outcome == "FAIL" for check in checks)


def as_lines(checks: tuple[Check, ...]) -> str:
    """Return one line a check, aligned."""
    width = max(len(check.name) for check in checks)
    return "\n".join(
        f"{check.outcome:4}  {check.name:{width}}  {_one_line(check.detail)}"
        + (f" — {_one_line(check.remedy)}" if check.remedy else "")
        for check in checks
    )


def as_json(checks: tuple[Check, ...]) -> str:
    """Return the checks as one line of JSON: `{"ok": bool, "checks": [{name, outcome, detail, remedy}]}`."""
    return json.dumps({"ok": not failed(checks), "checks": [asdict(check) for check in checks]})


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _probes(settings: Settings, transport: Transport, seconds: float) -> Mapping[str, Probe]:
    slack = _Slack(settings, seconds)
    lines = forge_lines(settings, transport, _now)
    forge = forge_client(settings, transport, lines)
    return {
        "serving": lambda: _ready(settings),
        "public url": lambda: public_url(settings),
        "database": lambda: _database(settings),
        "master keys": lambda: _keys(settings),
        "processes": lambda: _living(settings),
        "set aside": lambda: _aside(settings),
        "slack auth": slack.auth,
        "slack socket": slack.socket,
        "forge": forge.ping,
        "attestations": lambda: _trust_root(settings),
        **{
            f"index {name}": _index_probe(transport, site, seconds) for name, site in settings.indexes.items()
        },
    }


async def _trust_root(settings: Settings) -> str:
    root = settings.sigstore_trust_root
    if problem := await asyncio.to_thread(attestations.Trust(root).problem):
        remedy = f"Check {known.variable('sigstore_trust_root')}." if root else "Install Shipbell anew."
        raise Failed(problem, remedy)
    return f"verified by {root or 'the public Sigstore as it comes with this version'}"


async def _ask(name: str, probe: Probe, seconds: float) -> Check:
    try:
        async with asyncio.timeout(seconds):
            return Check(name, "ok", await probe())
    except Skipped as why:
        return Check(name, "skip", str(why))
    except TimeoutError:
        return Check(name, "FAIL", f"no answer within {seconds:g} s.", "Is the address right, and is it up?")
    except (ShipbellError, StorageError) as error:
        return Check(name, "FAIL", redact(error.cause), redact(error.remedy))


def _crashed(name: str, error: BaseException) -> Check:
    """Return the check of a probe that broke in a way nobody foresaw: the others must still be told."""
    if not isinstance(error, Exception):
        raise error
    cause = redact(f"{type(error).__name__}: {error}")[:300]
    return Check(name, "FAIL", f"the check itself broke ({cause}).", "Please report it.")


async def _ready(settings: Settings) -> str:
    if problems := known.unready(settings):
        raise Failed(" ".join(problems))
    return f"listens on {settings.host}:{settings.port}"


async def public_url(settings: Settings) -> str:
    """Judge the address by its shape; whether Slack can reach it only Slack can tell."""
    parts = urlsplit(settings.public_url)
    over_http = settings.slack_signing_secret is not None and settings.slack_app_token is None
    real_slack = urlsplit(settings.slack_api_url).hostname == "slack.com"
    if not (over_http and real_slack):
        return f"{settings.public_url} (Slack need not reach it)"
    if parts.scheme != "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        raise Failed(
            f"Slack delivers over https to public hosts only, and {settings.public_url} is not one.",
            "Set SHIPBELL_PUBLIC_URL to the https address of your proxy, or use Socket Mode "
            "(SHIPBELL_SLACK_APP_TOKEN).",
        )
    return f"give Slack {settings.public_url}/slack/events as request URL"


async def _database(settings: Settings) -> str:
    async with _opened(settings) as database:
        return await database.check()


async def _living(settings: Settings) -> str:
    if settings.engine != "postgres":
        raise Skipped("one process does all the work")
    async with _opened(settings) as database:
        await database.check()
        return await standing.living(database, timedelta(seconds=settings.lease_seconds), _now())


async def _aside(settings: Settings) -> str:
    async with _opened(settings) as database:
        await database.check()
        return await standing.aside(database, _now())


async def put_back(settings: Settings, named: str) -> str:
    """Let what was set aside under an id be tried again; ShipbellError or StorageError where that can't be."""
    try:
        async with _opened(settings) as database:
            await database.check()
            return await standing.put_back(database, named, _now)
    except Skipped as why:
        raise Failed(str(why)) from why


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a command's own clock


async def _keys(settings: Settings) -> str:
    """Open one data key with each master key that is in use."""
    async with _opened(settings) as database:
        await database.check()
        async with database.reading() as session:
            in_use = await keys.any_wrapped(session)
        try:
            database.vault = Vault(key_ring(settings, keys_in_use=in_use, make=False))
        except KeyMissing as missing:
            # Only the very first start makes a key by itself; whatever else is missing would stop it.
            if (
                not database.is_sqlite
                or in_use
                or settings.master_keys
                or (settings.data_dir / NAME).exists()
            ):
                raise
            raise Skipped(missing.cause) from None
        async with database.reading() as session:
            return await keys.check(session)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database, unless it would be made by that."""
    database = Database(settings.database_url, pool=1)
    if database.path is not None and not database.path.exists():
        raise Skipped("no database yet; made at first start, or by `shipbell db upgrade`")
    await database.open()
    try:
        yield database
    finally:
        await database.close()


class _Slack:
    """The questions to Slack."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings = settings
        self._seconds = seconds

    def _client(self, token: Secret) -> AsyncWebClient:
        return AsyncWebClient(
            token=token.reveal(),
            base_url=self._settings.slack_api_url,
            timeout=max(1, round(self._seconds)),
            retry_handlers=[],
        )

    async def auth(self) -> str:
        """Say who the bot token makes us, and whether its scopes do."""
        token = self._settings.slack_bot_token
        if token is None:
            raise Skipped("no bot token is set")
        answer = await _slack(self._client(token).auth_test(), "SHIPBELL_SLACK_BOT_TOKEN")
        granted = answer.headers.get("x-oauth-scopes")
        if granted is None:
            return f"{_whom(answer)}; scopes not told"
        if missing := missing_scopes(granted):
            raise Failed(
                f"The bot token lacks the scopes {', '.join(missing)}.",
                "Add them on the app's page (deploy/slack-manifest.yaml has all) and install the app again.",
            )
        return f"{_whom(answer)}, with every scope"

    async def socket(self) -> str:
        """Ask for a Socket Mode address and leave it unused."""
        token = self._settings.slack_app_token
        if token is None:
            raise Skipped("no app-level token is set: Slack delivers over HTTP")
        await _slack(
            self._client(token).apps_connections_open(app_token=token.reveal()), "SHIPBELL_SLACK_APP_TOKEN"
        )
        return "Socket Mode may be opened"


async def _slack(call: Awaitable[AsyncSlackResponse], setting: str) -> AsyncSlackResponse:
    try:
        return await call
    except SlackApiError as error:
        refused = SlackRefused(_code(error))
        raise Failed(refused.cause, _SLACK_REMEDIES.get(refused.code, f"Look at {setting}.")) from error
    except (aiohttp.ClientError, SlackClientError, OSError, ValueError) as error:
        raise Failed(
            f"Slack gave no readable answer ({type(error).__name__}).",
            "Is SHIPBELL_SLACK_API_URL right, and may this machine reach it?",
        ) from error


def _code(error: SlackApiError) -> str:
    """Return Slack's own word for what is wrong; anything else in the answer is not shown."""
    answer = error.response
    code = answer.get("error") if isinstance(answer, AsyncSlackResponse | dict) else None
    return code if isinstance(code, str) and code.isidentifier() else "an answer that is not Slack's"


def _whom(answer: AsyncSlackResponse) -> str:
    return _one_line(f"{answer.get('user', 'the bot')} in {answer.get('team', 'a workspace')}")[:120]


def _index_probe(transport: Transport, site: IndexSite, seconds: float) -> Probe:
    async def probe() -> str:
        # Small, public and cacheable; what it says is unimportant, that something answers counts.
        answer = await transport.send(
            Request("GET", f"{site.url}/_/oidc/audience", timeout=seconds, max_bytes=4_096)
        )
        if answer.status >= 500:
            raise Failed(f"{site.url} answers {answer.status}.", "It is out of order; try again later.")
        return f"{site.url} answers" + ("" if answer.status == 200 else f" ({answer.status})")

    return probe
