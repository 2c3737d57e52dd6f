"""The whole bot where many workspaces install the app: it serves whoever's installation there is, and welcomes who installed it."""

from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.demo.slack_config import ALICE, RELEASES, TEAM_ID
from bot.slack.scopes import BOT_SCOPES
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import installations
from storage.ledger.installations import NewInstallation
from storage.records import Secret, Tokens
from tests.stories.kit import PATIENCE, in_order, world_on


async def test_an_installed_workspace_is_served_and_welcomed(database_url: str, tmp_path: Path) -> None:
    """Without any token in its settings the bot answers by the installation's, and the first steps lie in a direct message, once."""
    key = generate_master_key()
    settings = {"SHIPBELL_SLACK_BOT_TOKEN": "", "SHIPBELL_GITHUB_TOKEN": "", "SHIPBELL_MASTER_KEYS": key}
    world = world_on(database_url, tmp_path, settings=settings)
    database = Database(database_url, Vault(KeyRing([Secret(key)])))
    await database.open()
    new = NewInstallation(
        TEAM_ID, "", False, "Shipbell", "A01SHIPBELL", world.slack.bot_user_id, tuple(BOT_SCOPES), str(ALICE),
        Tokens(Secret(world.slack.bot_token)),
    )  # fmt: skip
    async with database.transaction() as session:
        await installations.put(session, new, None, datetime.now(UTC))  # noqa: TID251 - the bot's own clock
    await database.close()
    async with world:
        await world.slack.command(ALICE, RELEASES, "/publisher", "list")
        await world.slack.wait_for(lambda slack: "Three steps are left" in slack.describe(), PATIENCE)
        await world.slack.wait_for(
            lambda slack: "Trusted publishers: 0 projects" in slack.describe(), PATIENCE
        )
        assert world.slack.describe().count("Three steps are left") == 1
        async with aiohttp.ClientSession() as browser, browser.get(world.bot.url) as page:
            assert "Add Shipbell to Slack" in await page.text()
        in_order(world)
