"""Signing in by an issuer that others wrote: `oauth2-mock-server`, from npm, on Slack's paths.

So that the bot does not only understand the desk of the demo, which is of the same hand.
"""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from bot.core.identity import Identity, NotProven
from bot.slack.openid import App
from bot.slack.sign_in import SlackSignIn
from bot.transport import Transport
from bot.wire import Request
from storage.records import Secret
from tests.demo.test_foreign_issuer import MODULE, NODE

SCRIPT = Path(__file__).parents[1] / "data" / "slack_issuer.mjs"
pytestmark = pytest.mark.skipif(not MODULE.exists(), reason="`make setup` brings oauth2-mock-server")


@pytest.fixture(scope="module")
def slack() -> Iterator[str]:
    """Run it; gives its address, which is its name too."""
    with subprocess.Popen([NODE, SCRIPT, MODULE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.terminate()


def real_time() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)  # noqa: TID251 - the issuer's own


async def test_who_signs_in_there_is_known(slack: str) -> None:
    """Page, code, token, keys: the bot learns who it is and of which workspace; with another nonce or audience it does not."""
    async with Transport(allow_private_addresses=True) as transport:
        app = App(f"{slack}/api/", "1.2", Secret("s"), "http://bot.test/slack/openid/callback")

        async def signed_in(nonce: str, told: App = app) -> Identity | NotProven:
            signing_in = SlackSignIn(transport.send, told, real_time)
            answer = await transport.send(Request("GET", signing_in.page("state", "n" * 64)))
            back = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
            assert back["state"] == "state"
            return await signing_in.who(back["code"], nonce)

        assert await signed_in("n" * 64) == Identity("U01ALICE", "T01SHIPBELL")
        assert isinstance(await signed_in("m" * 64), NotProven)
        elsewhere = App(
            f"{slack.replace('localhost', '127.0.0.1')}/api/", "1.2", Secret("s"), app.redirect_uri
        )
        assert isinstance(await signed_in("n" * 64, elsewhere), NotProven) == (elsewhere.issuer != slack)
