"""A workflow of Slack's, the Home tab and a link, on the real bot: asked, approved from the tab, published, unfolded."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, RELEASES
from tests.stories.kit import PATIENCE, ready, root_saying


async def test_a_workflow_releases(tmp_path: Path) -> None:
    """A step asks, somebody approves from the Home tab, the next step ends with the page; a lost answer tells Slack once."""
    async with ready(tmp_path) as world:
        gate, slack = world.gate, world.slack
        gate.fail("functions.completeSuccess", close="after")
        runner = {"id": ALICE.id, "secret": "hush"}
        asked = await gate.run_step(
            "step_release", {"runner": runner, "project": "widgets", "version": "v1.4.0"}
        )
        await gate.wait_for(lambda at: at.count("functions.completeSuccess") == 2, PATIENCE)
        assert asked.outputs is not None
        waits = await gate.run_step("step_wait", {"release_id": asked.outputs["release_id"]})
        await root_saying(world, "waiting for")
        await slack.open_home(BOB)
        await slack.wait_for(lambda at: "Waiting for you (1)" in repr(at.homes.get(BOB.id)), PATIENCE)
        await slack.click_home(BOB, "release.look")
        await slack.wait_for(lambda at: "release.approve" in repr(at.views()), PATIENCE)
        root = await root_saying(world, "waiting for")
        await slack.click(BOB, RELEASES, root["ts"], "release.approve")
        # Nobody opens the tab again: it is shown anew by itself.
        await slack.wait_for(lambda at: "Waiting for you (1)" not in repr(at.homes.get(BOB.id)), PATIENCE)
        await gate.wait_for(lambda _: waits.ended, PATIENCE)
        assert waits.outputs is not None
        assert (waits.error, waits.outputs["version"]) == ("", "1.4.0")
        page = f"{world.bot.url}/status/releases/{asked.outputs['release_id']}"
        link = {
            "type": "link_shared", "user": BOB.id, "channel": RELEASES.id, "message_ts": "1.2", "unfurl_id": "u1",
            "source": "conversations_history", "links": [{"url": page, "domain": "127.0.0.1"}],
        }  # fmt: skip
        await gate.event(link)
        await gate.wait_for(lambda at: page in at.unfurled, PATIENCE)
        assert "widgets 1.4.0" in repr(gate.unfurled[page])
