"""Socket Mode between the bot and local-slack, so that what travels there is mended and recorded as over HTTP.

Knows: Socket Mode's envelopes. Must not know: what is in them.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from aiohttp import web

from bot.demo.slack_deliveries import Carrier, Delivery
from bot.demo.slack_mirror import Json
from bot.demo.slack_parcels import Parcel, Reply

Deliver = Callable[[Parcel, Carrier], Awaitable[object]]


class SocketRelay:
    """Stands between the bot's sockets and local-slack's; an envelope reaches the bot once, by its newest socket."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], deliver: Deliver) -> None:
        self._session = session
        self._deliver = deliver
        self._bots: list[web.WebSocketResponse] = []
        self._waiting: dict[str, tuple[web.WebSocketResponse, asyncio.Future[object]]] = {}
        self._taken: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, request: web.Request, address: str) -> web.WebSocketResponse:
        """Serve one of the bot's sockets; `address` is local-slack's."""
        bot = web.WebSocketResponse(max_msg_size=0)
        await bot.prepare(request)
        async with self._session().ws_connect(address, max_msg_size=0) as local:
            self._bots.append(bot)
            try:
                await self._both_ways(bot, local)
            finally:
                self._bots.remove(bot)
                self._give_up(bot)
        return bot

    async def carry(self, delivery: Delivery, headers: Mapping[str, str]) -> Reply:
        """Send an envelope with an id of its own and wait for its ack; no answer where the socket closes."""
        if not self._bots:
            return Reply(None)
        bot = self._bots[-1]
        name = str(uuid.uuid4())
        acked: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[name] = (bot, acked)
        try:
            await bot.send_json(_envelope(name, delivery, headers))
            return Reply(200, await acked)
        except ConnectionError:
            return Reply(None)
        finally:
            del self._waiting[name]

    async def stop(self) -> None:
        """Close the bot's sockets and forget what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bot in list(self._bots):
            await bot.close()

    async def _both_ways(self, bot: web.WebSocketResponse, local: aiohttp.ClientWebSocketResponse) -> None:
        ways = [
            asyncio.create_task(self._from_local(bot, local)),
            asyncio.create_task(self._from_bot(bot, local)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await bot.close()

    async def _from_local(self, bot: web.WebSocketResponse, local: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in local:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            said: Json = json.loads(frame.data)
            if "envelope_id" not in said:
                await bot.send_str(frame.data)  # hello, disconnect
            elif said["envelope_id"] not in self._taken:
                # local-slack sends each envelope by every socket of the app, Slack by one.
                self._taken.add(said["envelope_id"])
                self._spawn(self._pass(said, local))

    async def _pass(self, said: Json, local: aiohttp.ClientWebSocketResponse) -> None:
        told = await self._deliver(Parcel(said["type"], said["payload"]), self)
        ack: Json = {"envelope_id": said["envelope_id"]}
        with contextlib.suppress(ConnectionError):
            await local.send_json(ack | ({} if told is None else {"payload": told}))

    async def _from_bot(self, bot: web.WebSocketResponse, local: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in bot:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            try:
                said = json.loads(frame.data)
            except ValueError:
                continue  # the SDK's own ping texts
            _, acked = self._waiting.get(said.get("envelope_id", ""), (None, None))
            if acked is None:
                await local.send_str(frame.data)
            elif not acked.done():
                acked.set_result(said.get("payload") or None)

    def _give_up(self, bot: web.WebSocketResponse) -> None:
        for owner, acked in self._waiting.values():
            if owner is bot and not acked.done():
                acked.set_exception(ConnectionError("the bot's socket has closed"))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _envelope(name: str, delivery: Delivery, headers: Mapping[str, str]) -> Json:
    envelope: Json = {
        "envelope_id": name,
        "type": delivery.kind,
        "payload": delivery.parcel.payload,
        "accepts_response_payload": delivery.kind != "events_api",
    }
    if "X-Slack-Retry-Num" in headers:
        envelope |= {
            "retry_attempt": int(headers["X-Slack-Retry-Num"]),
            "retry_reason": headers["X-Slack-Retry-Reason"],
        }
    return envelope
