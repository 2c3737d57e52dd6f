"""The way from Slack to the bot: every delivery kept, sent, and on demand held, lost, doubled or swapped.

Knows: what can happen to a delivery, Slack's three seconds. Must not know: what the bot does with it.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import aiohttp

from bot.demo.faults import Gate
from bot.demo.slack_memory import Clock
from bot.demo.slack_parcels import Mender, Parcel, Reply, signature, write_parcel

ACK_SECONDS = 3.0
Disturbance = Literal["duplicate", "twins", "hold", "drop", "reorder"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a delivery was sent. `status` None: no answer. `retry` 0: the first time."""

    status: int | None
    seconds: float
    retry: int
    late: bool


@dataclass(slots=True)
class Delivery:
    """One thing that the bot was told, or should have been, as it was sent."""

    parcel: Parcel
    content_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """The first signature and its time, for a verbatim repetition."""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """`slash_commands`, `interactive` or `events_api`."""
        return self.parcel.kind

    @property
    def what(self) -> str:
        """The command, the callback or action id, the event's type."""
        return self.parcel.what

    @property
    def status(self) -> int | None:
        """The answer to the last attempt; None: none, or not sent yet."""
        return self.attempts[-1].status if self.attempts else None


class Carrier(Protocol):
    """Takes one attempt of a delivery to the bot."""

    async def carry(self, delivery: Delivery, headers: Mapping[str, str]) -> Reply:
        """Send it and wait for the answer."""


class HttpCarrier:
    """Carries by signed HTTP requests to the bot's one address."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], address: Callable[[], str]) -> None:
        self._session = session
        self._address = address

    async def carry(self, delivery: Delivery, headers: Mapping[str, str]) -> Reply:
        """Post it; no answer where there is no bot or it goes away meanwhile."""
        address = self._address()
        if not address:
            return Reply(None)
        told = {"Content-Type": delivery.content_type, **headers}
        try:
            async with self._session().post(
                address, data=delivery.body, headers=told, allow_redirects=False
            ) as answer:
                text = await answer.text()
        except aiohttp.ClientError:
            return Reply(None)
        return Reply(answer.status, _body(text))


class Deliveries:
    """All deliveries of one gate."""

    def __init__(self, mender: Mender, *, secret: str, clock: Clock, gate: Gate) -> None:
        self._mender = mender
        self._secret = secret
        self._clock = clock
        self._gate = gate
        self._plan: list[Disturbance] = []
        self._overtaken: asyncio.Event | None = None
        self.all: list[Delivery] = []
        self.late: list[Delivery] = []
        self.problems: Callable[[str, Sequence[str]], None] = lambda _what, _causes: None
        """Is told (kind, problems) where the bot's answer would be refused by Slack."""
        self.changed: Callable[[], None] = lambda: None

    def disturb(self, how: Disturbance, times: int) -> None:
        """Let something happen to the next deliveries."""
        self._plan += [how] * times

    def undisturb(self) -> None:
        """Let nothing more happen to those to come; a swapped one goes now."""
        self._plan.clear()
        if self._overtaken is not None:
            self._overtaken.set()

    async def deliver(self, original: Parcel, carrier: Carrier) -> object:
        """Deliver what local-slack sent; returns what local-slack is to be told (JSON, None: an empty ack)."""
        parcel = self._mender.to_bot(original)
        content_type, body = write_parcel(parcel)
        delivery = Delivery(parcel, content_type, body, self._signed(body))
        self.all.append(delivery)
        self.changed()
        reply = await self._disturbed(delivery, carrier, self._plan.pop(0) if self._plan else None)
        told, problems = self._mender.to_local(parcel, reply)
        self.problems(parcel.what, [str(problem) for problem in problems])
        return told

    async def ask(self, parcel: Parcel, carrier: Carrier) -> Reply:
        """Deliver what local-slack can't, and return the bot's answer."""
        content_type, body = write_parcel(parcel)
        delivery = Delivery(parcel, content_type, body, self._signed(body))
        self.all.append(delivery)
        return await self.send(delivery, carrier)

    async def send(
        self, delivery: Delivery, carrier: Carrier, *, retry: int = 0, reason: str = "", resign: bool = True
    ) -> Reply:
        """Send a delivery (again). `resign` signs it with the time of now, as Slack does at each retry."""
        headers = dict(self._signed(delivery.body) if resign and retry else delivery.headers)
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason or "http_timeout"}
        begun = self._clock()
        reply = await carrier.carry(delivery, headers)
        seconds = self._clock() - begun
        late = seconds > ACK_SECONDS
        delivery.attempts.append(Attempt(reply.status, seconds, retry, late))
        if late:
            self.late.append(delivery)
        self.changed()
        return Reply(reply.status, reply.body, late)

    async def _disturbed(self, delivery: Delivery, carrier: Carrier, how: Disturbance | None) -> Reply:
        async def once() -> Reply:
            return await self.send(delivery, carrier)

        ways: dict[Disturbance | None, Callable[[], Awaitable[Reply]]] = {
            None: once,
            "hold": lambda: self._held(once),
            "drop": self._dropped,
            "reorder": lambda: self._swapped(once),
            "duplicate": lambda: self._doubled(delivery, carrier),
            "twins": lambda: self._twinned(delivery, carrier),
        }
        reply = await ways[how]()
        if how != "reorder" and self._overtaken is not None:
            self._overtaken.set()
        return reply

    async def _held(self, once: Callable[[], Awaitable[Reply]]) -> Reply:
        await self._gate.wait()
        return await once()

    async def _dropped(self) -> Reply:
        return Reply(None)

    async def _swapped(self, once: Callable[[], Awaitable[Reply]]) -> Reply:
        """Wait until the next delivery has been answered."""
        self._overtaken = asyncio.Event()
        await self._overtaken.wait()
        self._overtaken = None
        return await once()

    async def _doubled(self, delivery: Delivery, carrier: Carrier) -> Reply:
        """Deliver it a second time after the answer, as Slack does when that answer was lost on its way."""
        first = await self.send(delivery, carrier)
        await self.send(delivery, carrier, retry=1)
        return first

    async def _twinned(self, delivery: Delivery, carrier: Carrier) -> Reply:
        """Deliver it twice at the same moment."""
        first, _ = await asyncio.gather(self.send(delivery, carrier), self.send(delivery, carrier, retry=1))
        return first

    def _signed(self, body: bytes) -> dict[str, str]:
        now = str(int(time.time()))  # noqa: TID251 - the bot compares it with the real time
        return {
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": signature(self._secret, now, body),
        }


def _body(text: str) -> object:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
