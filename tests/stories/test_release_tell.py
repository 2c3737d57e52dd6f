"""Channels hear how releases end that are not their own, as they wish, once each."""

from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, ERIN, GENERAL, RELEASES, User
from bot.demo.world import World
from tests.stories.kit import (
    PATIENCE,
    ask,
    click,
    commit_version,
    give_reason,
    policy,
    ready,
    root_saying,
    seen,
    texts,
)

HEARS = "What this channel hears"


def told(world: World, what: str) -> list[str]:
    """Return what the general channel heard that says so."""
    return [text for text in texts(world, GENERAL) if what in text]


async def tell(world: World, words: str, answer: str = f"{HEARS}: changed", who: User = ALICE) -> None:
    """Type `/release tell` in the general channel, and wait for the answer."""
    before = sum(text.startswith(answer) for text in texts(world, GENERAL))
    await world.slack.command(who, GENERAL, "/release", f"tell {words}".strip())
    await world.slack.wait_for(
        lambda _slack: sum(text.startswith(answer) for text in texts(world, GENERAL)) > before, PATIENCE
    )


async def test_another_channel_hears_the_ends_it_wants(tmp_path: Path) -> None:
    """Two wishes of one channel give one message an end, a release's own channel hears nothing twice, guests set nothing."""
    async with ready(tmp_path) as world:
        await policy(world, "tell=failures")
        await tell(world, "all", "You may not set what a channel hears", ERIN)
        await tell(world, "", HEARS)
        assert not any("changed" in text for text in told(world, HEARS)[1:])
        await tell(world, "final")
        await tell(world, "widgets all")
        await world.slack.command(ALICE, RELEASES, "/release", "tell all")
        await seen(world, f"{HEARS}: changed")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await give_reason(world, BOB, root, "release.reject", "Docs first.")
        await root_saying(world, "rejected")
        await seen(world, ":no_entry_sign: *widgets 1.4.0*", GENERAL)
        again = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, again, "release.approve")
        await root_saying(world, "published")
        await seen(world, ":tada: *widgets 1.4.0*", GENERAL)
        await tell(world, "widgets nothing")
        commit_version(world, "1.5.0")
        root = await ask(world, ALICE, "widgets v1.5.0", "widgets 1.5.0")
        await give_reason(world, BOB, root, "release.reject", "Not today.")
        await root_saying(world, "rejected", "widgets 1.5.0")
        await tell(world, "", HEARS)
        assert [text.split(" ")[0] for text in told(world, "*widgets 1.")] == [":no_entry_sign:", ":tada:"]
        # The own channel's wish for all says nothing more there than its thread does.
        assert not [text for text in texts(world) if text.startswith(":tada:")]
