"""A checking proxy between the bot and the local Slack workspace: what Slack does and local-slack leaves out.

Knows: the server, faults on demand, what was seen. Must not know: what the bot is for.

From the bot: `/api/*` (its SHIPBELL_SLACK_API_URL) is checked and handed on, `/_hooks/response/*` counts uses.
To the bot: local-slack delivers to `/deliver`, which mends, signs again, records and passes on. Socket Mode goes
through `/socket/*` alike. The browser opens local-slack's own page. What the gate still lacks: `state.values`
of block actions, the container of clicks in home tabs and modals, OAuth, org-wide installs; the page shows a broadcast
answer in its thread alone.
"""

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from bot.demo import slack_people
from bot.demo.faults import Gate, cut
from bot.demo.slack_api import Call, GateOptions, RateLimited, WebApi
from bot.demo.slack_deliveries import Carrier, Deliveries, Delivery, Disturbance, HttpCarrier
from bot.demo.slack_faults import Fault, Faults, SeenCall, Violation
from bot.demo.slack_hands import Hands
from bot.demo.slack_memory import Clock, Hooks, Triggers, with_plain_dates
from bot.demo.slack_methods import SCOPES, read_arguments
from bot.demo.slack_mirror import Json
from bot.demo.slack_openid import SignInDesk
from bot.demo.slack_parcels import Mender, Parcel, read_parcel
from bot.demo.slack_socket import SocketRelay
from bot.demo.slack_views import ViewBook
from bot.demo.slack_workflows import Run
from bot.demo.slack_workspace import SlackWorkspace

__all__ = ["Delivery", "GateOptions", "SeenCall", "SlackGate", "Violation"]

Found = TypeVar("Found")
Answered = tuple[int, Json, dict[str, str]]
"""Status, JSON, headers."""
HOOK_METHOD = "response_url"
"""Under which name posts to a response URL are counted and made to fail."""


class SlackGate:
    """The gate of one workspace.

    Start it before the workspace, which in mode `events` is then told to deliver here:
    `await gate.start(); await workspace.start()`. `bot_url` may be set whenever the bot has its port, and changed.
    """

    def __init__(
        self,
        workspace: SlackWorkspace,
        bot_url: str | None = None,
        *,
        options: GateOptions | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        options = options or GateOptions()
        self.bot_url = bot_url
        """The bot's address; without a path, `/slack/events` is meant."""
        self.violations: list[Violation] = []
        """All that Slack would refuse, cut or warn of; a good bot leaves it empty."""
        self.calls: list[SeenCall] = []
        """Every Web API call and response URL post, in the order of arrival, failed ones too."""
        self._workspace = workspace
        self._options = options
        self._triggers = Triggers(clock)
        self._hooks = Hooks(clock)
        self._views = ViewBook(workspace.channels, workspace.users)
        self._api = WebApi(workspace, options, clock, self._views, self._triggers)
        self._api.violated = self._violated
        self._gate = Gate()
        self._deliveries = Deliveries(
            Mender(self._views, self), secret=workspace.signing_secret, clock=clock, gate=self._gate
        )
        self._deliveries.problems = self._violated
        self._deliveries.changed = self._tell
        self._http = HttpCarrier(self._open_session, self._bot_address)
        self._socket = SocketRelay(self._open_session, self._deliver)
        self.hands = Hands(workspace, self._views, self._deliveries, self._carrier, self.trigger)
        """What people do in dialogs that the page can't."""
        self.desk = SignInDesk(workspace)
        """Where people sign in with Slack."""
        self._faults = Faults()
        self._news = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._url = ""

    async def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1; 0 takes a free port. OSError if the port is taken."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        self.desk.add_routes(app)
        app.router.add_route("*", "/api/{method}", self._on_api)
        app.router.add_post("/deliver", self._on_delivery)
        app.router.add_post("/_hooks/response/{hook}", self._on_hook)
        app.router.add_get("/socket/{name}", self._on_socket)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        # A connection each, as bots and workspaces come and go; and as long as it takes, as tests hold answers.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=0), timeout=aiohttp.ClientTimeout()
        )
        if not self._workspace.request_url:
            self._workspace.request_url = self.deliver_url
        return self

    async def stop(self) -> None:
        """Let everything go that waits and stop listening; harmless where nothing was started."""
        self.heal()
        self.release()
        await self._socket.stop()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; RuntimeError before `start`."""
        if not self._url:
            raise RuntimeError("not started yet: the port is known only then")
        return self._url

    @property
    def api_url(self) -> str:
        """The Web API's base for the bot."""
        return f"{self.url}/api/"

    @property
    def deliver_url(self) -> str:
        """Where local-slack delivers."""
        return f"{self.url}/deliver"

    @property
    def broadcasts(self) -> set[tuple[str, str]]:
        """(channel, ts) of the answers in threads that were shown in the channel too."""
        return set(self._api.broadcasts)

    @property
    def unfurled(self) -> dict[str, Json]:
        """What links have unfolded into, by link; local-slack unfolds none."""
        return dict(self._api.unfurled)

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery since the start, in the order in which Slack made them."""
        return self._deliveries.all

    @property
    def late_acks(self) -> list[Delivery]:
        """Deliveries that the bot took more than three seconds to answer."""
        return self._deliveries.late

    def fail(  # noqa: PLR0913 - each way to fail is one keyword, and tests read best so
        self,
        method: str,
        *,
        status: int = 0,
        error: str = "",
        times: int = 1,
        retry_after: int | None = None,
        hang: bool = False,
        delay: float = 0.0,
        close: Literal["before", "after"] | None = None,
    ) -> None:
        """Let the next `times` calls of a method fail (negative: all, until `heal`); `*` is every method.

        `response_url` is the name of posts to such a URL. `error` answers 200 and ok=false. `retry_after` alone
        means a 429. `close` cuts the connection: `before` it is handed on (the request is lost) or `after` (the answer is).
        `hang` waits for `release`, and `delay` so many seconds; without more the call is then done truly, unless its
        sender has given up. Of several faults the earliest that fits strikes.
        """
        if retry_after is not None and not status:
            status = 429
        self._faults.add(
            Fault(
                method=method, times=times, status=status, error=error,
                retry_after=retry_after, hang=hang, delay=delay, close=close,
            )
        )  # fmt: skip

    def disturb(self, how: Disturbance, times: int = 1) -> None:
        """Let something happen to the next deliveries to the bot.

        `duplicate`: sent again after the answer, with retry headers; `twins`: both at the same moment; `hold`:
        kept until `release`; `drop`: lost; `reorder`: sent only after the next one has been answered.
        """
        self._deliveries.disturb(how, times)

    def heal(self) -> None:
        """Forget every fault and disturbance to come; what waits already goes on waiting until `release`."""
        self._faults.clear()
        self._deliveries.undisturb()

    def release(self) -> None:
        """Let every call and delivery go that waits now."""
        self._gate.release()

    async def until_waiting(self, count: int = 1) -> None:
        """Wait until so many calls and deliveries are kept waiting at the same time."""
        await self._gate.until(lambda waiting: waiting >= count)

    async def until_waiting_no_more_than(self, count: int = 0) -> None:
        """Wait until at most so many wait, be it let go or given up by their senders."""
        await self._gate.until(lambda waiting: waiting <= count)

    async def redeliver(
        self, index: int, *, resign: bool = True, retry: int = 1, reason: str = "http_timeout"
    ) -> int | None:
        """Deliver one of `deliveries` again; returns the bot's status, None where there was no answer.

        Slack signs each retry anew; without `resign` it is the very same request, with its old time.
        """
        delivery = self.deliveries[index]
        reply = await self._deliveries.send(
            delivery, self._carrier(), retry=retry, reason=reason, resign=resign
        )
        return reply.status

    async def event(self, event: Json) -> Delivery:
        """Deliver an event that nobody in the workspace can cause, such as `app_uninstalled`, which ends the bot's token."""
        if event.get("type") == "app_uninstalled" or (event.get("tokens") or {}).get("bot"):
            self._api.revoked = True
        number = len(self.deliveries) + 1
        payload = {
            "token": "verification-token",
            "team_id": self._workspace.team_id,
            "api_app_id": self._workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": f"EvGATE{number:06d}",
            "event_time": int(time.time()),  # noqa: TID251 - as Slack's, the real time
        }
        place = len(self.deliveries)
        await self._deliver(Parcel("events_api", payload), self._carrier())
        return self.deliveries[place]

    async def run_step(self, step: str, inputs: Json) -> Run:
        """Run a workflow's step; returns the run, which tells how it ended."""
        run, event = self._api.workflows.begin(step, inputs)
        await self.event(event)
        return run

    def count(self, method: str) -> int:
        """Return how many calls of a method have come in."""
        return Counter(call.method for call in self.calls)[method]

    async def wait_for(
        self,
        predicate: Callable[["SlackGate"], Found],
        timeout: float = 10.0,  # noqa: ASYNC109 - part of what is promised to tests
    ) -> Found:
        """Wait until `predicate(gate)` is true and return what it gave; looks at each call and delivery. TimeoutError."""
        async with asyncio.timeout(timeout):
            while not (found := predicate(self)):
                await self._news.wait()
            return found

    def trigger(self, trigger_id: str, channel: str) -> None:
        """Start a trigger's life (for the mender of deliveries)."""
        self._triggers.issue(trigger_id, channel)

    def hook(self, url: str) -> str:
        """Return the response URL that the bot is given for local-slack's (for the mender of deliveries)."""
        return f"{self.url}/_hooks/response/{self._hooks.issue(url)}"

    def escaped(self, text: str) -> str:
        """Return a command's text as Slack writes it (for the mender of deliveries)."""
        at = self._workspace
        return slack_people.escaped(text, at.users, at.groups, at.channels)

    async def _on_api(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        args = read_arguments(request.query, request.content_type, body)
        token = str(args.pop("token", ""))
        scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
        call = Call(request.match_info["method"], credential if scheme == "Bearer" else token, args)

        async def done() -> Answered:
            return await self._answered(call)

        return await self._with_faults(request, SeenCall(call.method, args), done)

    async def _on_hook(self, request: web.Request) -> web.StreamResponse:
        try:
            message = json.loads(await request.read())
        except ValueError:
            message = {}

        async def done() -> Answered:
            return await self._hooked(request.match_info["hook"], message)

        return await self._with_faults(request, SeenCall(HOOK_METHOD, message), done)

    async def _with_faults(
        self, request: web.Request, seen: SeenCall, done: Callable[[], Awaitable[Answered]]
    ) -> web.StreamResponse:
        self.calls.append(seen)
        self._tell()
        fault = self._faults.strike(seen.method)
        if fault is not None:
            broken = await fault.answer(request, seen, self._gate)
            if broken is not None:
                self._tell()
                return broken
        # What was begun is finished, as Slack does, though the sender may be gone meanwhile.
        seen.status, answer, headers = await asyncio.shield(asyncio.ensure_future(done()))
        seen.error = str(answer.get("error", ""))
        self._tell()
        if fault is not None and fault.close == "after":
            return cut(request)
        return web.json_response(answer, status=seen.status, headers=headers)

    async def _answered(self, call: Call) -> Answered:
        headers = {
            "X-OAuth-Scopes": ",".join(sorted(self._options.scopes)),
            "X-Accepted-OAuth-Scopes": SCOPES.get(call.method, ""),
        }
        try:
            answer = await self._api.answer(call, self._forward)
        except RateLimited as early:
            return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(math.ceil(early.seconds))}
        if call.method == "apps.connections.open" and answer.get("ok"):
            path = urlsplit(answer["url"]).path
            answer["url"] = self.url.replace("http:", "ws:", 1) + path
        return 200, answer, headers

    async def _hooked(self, hook: str, message: Json) -> Answered:
        refusal = self._api.hook_refusal(message)
        if refusal:
            return 400, refusal, {}
        url, error = self._hooks.use(hook)
        if error:
            return 404, {"ok": False, "error": error}, {}
        # Shown to the caller alone unless told otherwise; local-slack does the opposite.
        told = {"response_type": "ephemeral", **message}
        async with self._open_session().post(url, json=self._for_page(told)) as answer:
            return answer.status, {"ok": answer.status == 200}, {}

    def _for_page(self, args: Json) -> Json:
        """Return what local-slack shows right: it knows neither Slack's dates nor user groups."""
        return slack_people.with_handles(with_plain_dates(args), self._workspace.groups)

    async def _forward(self, method: str, args: Json) -> Json:
        app_level = method == "apps.connections.open"
        token = self._workspace.app_token if app_level else self._workspace.bot_token
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self._workspace.api_url}{method}"
        async with self._open_session().post(url, json=self._for_page(args), headers=headers) as answer:
            said: Json = await answer.json()
            return said

    async def _on_delivery(self, request: web.Request) -> web.Response:
        parcel = read_parcel(request.content_type, await request.read())
        told = await asyncio.shield(asyncio.ensure_future(self._deliver(parcel, self._http)))
        return web.json_response(told) if told is not None else web.Response()

    async def _on_socket(self, request: web.Request) -> web.WebSocketResponse:
        base = self._workspace.url.replace("http:", "ws:", 1)
        return await self._socket.serve(request, f"{base}/socket/{request.match_info['name']}")

    async def _deliver(self, parcel: Parcel, carrier: Carrier) -> object:
        wanted = self._options.events
        if parcel.kind == "events_api" and wanted is not None and parcel.what not in wanted:
            return None
        return await self._deliveries.deliver(parcel, carrier)

    def _carrier(self) -> Carrier:
        return self._socket if self._workspace.mode == "socket" else self._http

    def _bot_address(self) -> str:
        if not self.bot_url:
            return ""
        return self.bot_url.rstrip("/") + ("" if urlsplit(self.bot_url).path.strip("/") else "/slack/events")

    def _open_session(self) -> aiohttp.ClientSession:
        assert self._session, "not started"
        return self._session

    def _violated(self, method: str, causes: Sequence[str]) -> None:
        self.violations += [Violation(method, cause) for cause in causes]

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
