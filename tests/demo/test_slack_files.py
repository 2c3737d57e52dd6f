"""Files for one person, against the workspace: uploaded unseen, given by direct message, refused without the scopes."""

import io
from datetime import UTC, datetime

import aiohttp

from bot.core.audit_notices import AuditFile, ChainFound
from bot.demo.slack_api import GateOptions
from bot.demo.slack_methods import BOT_SCOPES
from bot.demo.slack_workspace import ALICE, TEAM_ID
from bot.slack.files import SlackFiles
from bot.workflow.ports import NeverSay, Placed, Said, SayLater
from tests.demo.slack_kit import open_kit
from tests.transport.slack_server import scripted

NOW = datetime.now(UTC)  # noqa: TID251 - Slack's clock
TRAIL = b"[\n]\n"
NOTICE = AuditFile("", "json", 3, ChainFound(3, head="3:ab"))


async def test_a_file_is_given_to_one_person() -> None:
    """It lies in the direct message with what is said of it, and nowhere before it is given."""
    async with open_kit() as kit, aiohttp.ClientSession() as session:
        files = SlackFiles(kit.client_for, session)
        placed = await files.place(TEAM_ID, "audit.json", (io.BytesIO(TRAIL), len(TRAIL)))
        assert isinstance(placed, Placed)
        direct = (await kit.client.conversations_open(users=ALICE.id))["channel"]["id"]
        assert kit.workspace.messages(direct) == []
        assert await files.share((TEAM_ID, ALICE.id), placed.file_id, NOTICE, None) == Said()
        # A process that does not know whether it was given looks first.
        assert await files.share((TEAM_ID, ALICE.id), placed.file_id, NOTICE, NOW) == Said()
        (message,) = kit.workspace.messages(direct)
        assert [one["name"] for one in message["files"]] == ["audit.json"]
        assert "3 events" in message["text"]
        assert isinstance(await files.share((TEAM_ID, ALICE.id), "F0NONE", NOTICE, NOW), NeverSay)
        assert kit.gate.violations == []


async def test_without_the_scope_nothing_is_uploaded() -> None:
    """What an older installation may not do is said so, and not tried for ever."""
    async with (
        open_kit(GateOptions(scopes=BOT_SCOPES - {"files:write"})) as kit,
        aiohttp.ClientSession() as session,
    ):
        placed = await SlackFiles(kit.client_for, session).place(TEAM_ID, "a.csv", (io.BytesIO(b"x"), 1))
        assert placed == NeverSay("missing_scope")


async def test_the_trail_goes_to_no_odd_address() -> None:
    """An address without a host, or one of another scheme than Slack's own, is not sent to."""
    for url in ("", "file:///etc/passwd", "http:///x", "ftp://127.0.0.1/x"):
        answer = {"ok": True, "upload_url": url, "file_id": "F1"}
        async with scripted(files_getUploadURLExternal=[answer]) as slack:
            assert slack.session
            files = SlackFiles(slack.client_for, slack.session)
            placed = await files.place("T1", "a.csv", (io.BytesIO(b"x"), 1))
            assert isinstance(placed, SayLater)
