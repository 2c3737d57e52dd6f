"""Uploads one file as the bot does, in a process of its own, and says what it took: `python -m tests.bench.upload_once URL FILE`."""

import asyncio
import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.archives import look_through
from bot.core.distributions import Distribution
from bot.core.outcomes import Login, Uploaded
from bot.core.sites import IndexSite
from bot.index.client import IndexClient
from bot.index.upload import TOKEN_USER
from bot.transport import Transport
from storage.records import Secret


def peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024


async def main(url: str, path: Path) -> None:
    """Look the file through, then send it."""
    async with Transport(allow_private_addresses=True) as transport:
        client = IndexClient(
            transport, {"x": IndexSite("x", url, url)}, lambda: datetime(2026, 1, 1, tzinfo=UTC)
        )
        before, begun = peak(), time.perf_counter()
        with path.open("rb") as content:
            file = await asyncio.to_thread(look_through, content, path.name, "gearbox", "1.4.0")
            looked = time.perf_counter()
            assert isinstance(file, Distribution), file
            assert (
                await client.upload("x", file, content, Login(Secret(TOKEN_USER), Secret("pypi-x")), 600)
                == Uploaded()
            )
        took = {"looked": looked - begun, "sent": time.perf_counter() - looked, "grown": peak() - before}
    print(json.dumps(took))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
