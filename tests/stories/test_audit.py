"""The audit trail for people: who may see it, what it says, and the file that comes."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from bot.slack.blocks import audits, policy_changes
from tests.stories.kit import PATIENCE, ask, heard, policy, ready


async def test_the_trail_comes_as_a_file_to_who_may_see_it(tmp_path: Path) -> None:
    """A second person makes the policy; then who is not named sees nothing, and who is gets the page, and the file once."""
    async with ready(tmp_path) as world:
        await ask(world, ALICE, "widgets v1.4.0")
        await policy(world, "setters=@bob")
        await world.slack.command(ALICE, RELEASES, "/shipbell", "settings policy auditors=@bob second=yes")
        change = await world.slack.wait_for(
            lambda slack: next(
                (one for one in slack.messages(RELEASES) if "A change of the release policy" in one["text"]),
                None,
            ),
            PATIENCE,
        )
        assert change is not None
        await world.slack.click(BOB, RELEASES, change["ts"], policy_changes.AGREE)
        await world.slack.wait_for(
            lambda slack: any(
                "policy of this workspace: made" in one["text"] for one in slack.messages(RELEASES)
            ),
            PATIENCE,
        )
        await world.slack.command(CAROL, RELEASES, "/shipbell", "audit widgets")
        await heard(world, "You may not see the audit trail")
        await world.slack.command(BOB, RELEASES, "/shipbell", "audit widgets")
        await heard(world, "none changed or removed")
        page = next(
            one for one in reversed(world.slack.messages(RELEASES)) if one["text"] == "Audit trail of widgets"
        )
        assert "by command /release" in repr(page["blocks"])
        await world.slack.click(BOB, RELEASES, page["ts"], audits.CSV)
        await heard(world, "comes to you as a CSV file")
        await world.gate.wait_for(lambda gate: gate.count("files.completeUploadExternal") == 1)
