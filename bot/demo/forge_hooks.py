"""Webhooks: what happened, told to one address, signed, in order; who does not listen is let be.

Knows: GitHub's headers and signature. Must not know: what events mean to who listens.
"""

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

from bot.demo.forge_state import ForgeState, Repository
from bot.demo.forge_values import login_value, repository_value

TIME_OUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as it is sent."""

    event: str
    id: str
    body: bytes

    def headers(self, secret: str) -> dict[str, str]:
        """Return the headers, signed where there is a secret."""
        found = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/stand-in",
            "X-GitHub-Event": self.event,
            "X-GitHub-Delivery": self.id,
            "X-GitHub-Hook-ID": "1",
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        }
        if secret:
            digest = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
            found["X-Hub-Signature-256"] = f"sha256={digest}"
        return found


class Hooks:
    """Sends events to `url`; nothing while that is empty."""

    def __init__(self, state: ForgeState) -> None:
        self.url = ""
        self.secret = ""
        self.sent: list[Delivery] = []
        """In order, also those that nobody took."""
        self._state = state
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Send from now on."""
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Send nothing more."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def drained(self) -> None:
        """Wait until everything is sent."""
        await self._queue.join()

    def tell(self, event: str, repository: Repository, payload: dict[str, Any], sender: str) -> None:
        """Let an event be sent."""
        if not self.url or self._worker is None:
            return
        common = {
            "repository": repository_value(repository, self._state),
            "sender": login_value(sender, self._state),
        }
        delivery = Delivery(event, str(uuid4()), json.dumps({**payload, **common}).encode())
        self.again(delivery)

    def again(self, delivery: Delivery) -> None:
        """Let a delivery be sent, maybe once more with the same id, as "Redeliver" does."""
        self.sent.append(delivery)
        self._queue.put_nowait(delivery)

    async def _work(self) -> None:
        async with aiohttp.ClientSession(timeout=TIME_OUT) as session:
            while True:
                delivery = await self._queue.get()
                try:
                    headers = delivery.headers(self.secret)
                    async with session.post(self.url, data=delivery.body, headers=headers) as answer:
                        await answer.read()
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    # As on the real forge: what nobody takes is lost.
                    continue
                finally:
                    self._queue.task_done()
