"""What `/release` answers at once: help, typos, what can't be used, the dialog, and how things stand."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from tests.stories.kit import PATIENCE, click, heard, ready, root_saying, seen


async def test_commands_and_the_dialog(tmp_path: Path) -> None:
    """Help, a typo, wrong values and unknown names are answered with cause and remedy; the dialog asks as the command does."""
    async with ready(tmp_path) as world:

        async def typed(text: str, start: str) -> str:
            await world.slack.command(BOB, RELEASES, "/release", text)
            return repr((await seen(world, start))["blocks"])

        assert "/release retry" in await typed("help", "How to use /release")
        assert "/release status" in await typed("stauts", "I don't know that.")
        await typed("status", "No release yet.")
        wrong = await typed("widgets v1.4.0 at=yesterday index=nowhere", "That can't be used yet.")
        assert all(word in wrong for word in ("+2h", "nowhere"))
        assert "/release status" in await typed("cancel widgets 1.4.0", "widgets 1.4.0: no such release")
        await world.slack.command(BOB, RELEASES, "/release", "widgets v1.4.0 nots=x")
        await heard(world, "notes=")
        secret = world.company.make_token()
        await typed(f"widgets v1.4.0 notes={secret}", "Revoke that secret now.")
        assert secret not in world.slack.describe()
        await world.slack.command(ALICE, RELEASES, "/release")
        await world.slack.wait_for(lambda slack: slack.views(), PATIENCE)
        await world.slack.submit(ALICE, {"project": "", "version": "a b", "at": "never"})
        assert set(world.slack.errors or {}) == {"project", "version", "at"}
        await world.slack.submit(
            ALICE, {"project": "Widgets", "version": "v1.4.0", "notes": "From the dialog", "at": ""}
        )
        root = await root_saying(world, "waiting for 1 approval")
        assert "From the dialog" in repr(root["blocks"])
        await world.slack.command(CAROL, RELEASES, "/release", "widgets 1.4.0")
        await heard(world, "is under way already (waiting for approval)")
        await world.slack.command(CAROL, RELEASES, "/release", "retry widgets 1.4.0")
        await heard(world, "Only what failed can be tried again")
        await click(world, CAROL, root, "release.approve")
        await root_saying(world, "published")
        listed = await typed("status widgets", "Releases of widgets: 1")
        assert "published " in listed
