"""From nothing to "publisher confirmed", on the real bot and both databases."""

import time
from pathlib import Path

from bot.demo.slack_config import ALICE, GENERAL, RELEASES
from tests.stories.kit import ADD, CONFIRMED, PENDING, give_token, open_credentials, seen, texts, world_on


async def test_a_publisher_is_registered_and_confirmed_once(database_url: str, tmp_path: Path) -> None:
    """One registration reaches the index, and the channel hears of pending and of confirmed once each."""
    async with world_on(database_url, tmp_path) as world:
        await give_token(world, world.company.make_token())
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, PENDING)
        world.company.confirm("widgets")
        await seen(world, CONFIRMED)
        await world.slack.command(ALICE, RELEASES, "/publisher", "check widgets")
        await seen(world, "widgets on company: confirmed")
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, "widgets already has a publisher on company.")
        await world.slack.command(ALICE, RELEASES, "/publisher", "remove widgets")
        await seen(world, "The trusted publisher for widgets is removed here.")
        said = texts(world)
        assert (said.count(PENDING), said.count(CONFIRMED)) == (1, 1)
        assert len(world.company.registrations) == 1
        assert not world.gate.violations
        assert not world.gate.late_acks


async def test_socket_mode_does_the_same(tmp_path: Path, database_url: str) -> None:
    """Over Socket Mode the story is the same, without a public address."""
    async with world_on(database_url, tmp_path, mode="socket") as world:
        await world.slack.wait_for(lambda slack: slack.bot_connected)
        await give_token(world, world.company.make_token())
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, PENDING)
        world.company.confirm("widgets")
        await seen(world, CONFIRMED)


async def test_a_command_is_answered_at_once_and_wholly(tmp_path: Path) -> None:
    """Help, a typo, wrong values and a missing project are answered with cause and remedy, all at once."""
    async with world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path) as world:
        await world.slack.command(ALICE, RELEASES, "/publisher", "help")
        await seen(world, "How to use /publisher")
        await world.slack.command(ALICE, RELEASES, "/publisher", "lsit")
        found = await seen(world, "I don't know that.")
        assert "/publisher list" in repr(found["blocks"])
        await world.slack.command(
            ALICE, RELEASES, "/publisher", "add -os acme/wid$gets workflow=release.txt index=company"
        )
        found = await seen(world, "That can't be used yet.")
        shown = repr(found["blocks"])
        assert all(word in shown for word in ("project", "repository", "workflow"))
        await world.slack.command(ALICE, RELEASES, "/publisher", "check nothing")
        await seen(world, "No publisher for nothing.")
        assert not world.company.requests


async def test_a_dialog_shows_its_errors_beside_the_fields(tmp_path: Path) -> None:
    """Every field that can't be used is marked, nothing is done, and the mended dialog goes through."""
    async with world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path) as world:
        await give_token(world, world.company.make_token())
        await world.slack.command(ALICE, RELEASES, "/publisher")
        await world.slack.wait_for(lambda slack: slack.views())
        fields = {"project": "-os", "repository": "x", "workflow": "a/b.yml", "index_choice": "company"}
        await world.slack.submit(ALICE, fields)
        assert set(world.slack.errors or {}) == {"project", "repository", "workflow"}
        secret = world.company.make_token()
        await world.slack.submit(ALICE, fields | {"project": secret})
        assert secret not in repr(world.slack.errors)
        assert "project" in (world.slack.errors or {})
        good = {
            "project": "widgets",
            "repository": "acme/widgets",
            "workflow": "release.yml",
            "index_choice": "company",
        }
        await world.slack.submit(ALICE, good)
        await seen(world, PENDING)


async def test_a_credential_is_listed_without_the_secret_and_revoked(tmp_path: Path) -> None:
    """The dialog shows that a token is kept but never the token; the Home tab shows that it ends, and Revoke destroys it."""
    async with world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path) as world:
        soon = int(time.time()) + 86_400  # noqa: TID251 - the bot compares it with the real time
        token = world.company.make_token(expires_at=soon)
        await give_token(world, token)
        await open_credentials(world)
        view = world.slack.views()[-1]
        assert token not in repr(view)
        await world.slack.command(ALICE, GENERAL, "/publisher", ADD)
        await seen(world, PENDING, GENERAL)
        await world.slack.open_home(ALICE)
        await world.slack.wait_for(lambda slack: "it expires soon" in repr(slack.homes.get(str(ALICE))))
        await world.slack.click_home(ALICE, "credential.revoke")
        await world.slack.wait_for(
            lambda slack: "The token for company is destroyed here." in slack.describe()
        )
        # Nobody opens the tab again: it is shown anew by itself.
        await world.slack.wait_for(lambda slack: "it expires soon" not in repr(slack.homes.get(str(ALICE))))


async def test_a_failed_one_is_tried_again_by_a_click(tmp_path: Path) -> None:
    """Without a token it fails with the remedy; once there is one, Try again registers it."""
    async with world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path) as world:
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        failed = await seen(world, "The trusted publisher for widgets was not registered")
        assert "/shipbell credentials" in repr(failed["blocks"])
        await give_token(world, world.company.make_token())
        await world.slack.click(ALICE, RELEASES, failed["ts"], "publisher.again")
        await seen(world, PENDING)
        await world.slack.click(ALICE, RELEASES, failed["ts"], "publisher.again")
        await world.slack.wait_for(
            lambda slack: "widgets already has a publisher on company." in slack.describe()
        )
        assert len(world.company.registrations) == 1
