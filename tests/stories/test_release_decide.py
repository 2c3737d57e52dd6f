"""People decide about releases: once, in time, and only those who may."""

import asyncio
from datetime import timedelta
from pathlib import Path

from bot.demo.index_state import utc_now
from bot.demo.slack_config import ALICE, BOB, CAROL, DAVE, ERIN, RELEASES
from tests.stories.kit import (
    ask,
    become,
    click,
    click_old,
    commit_version,
    ended,
    files_of,
    give_reason,
    heard,
    in_thread,
    policy,
    ready,
    root_saying,
    runs,
    thread_saying,
)


async def test_rejected_then_asked_again_and_released(tmp_path: Path) -> None:
    """Nobody approves their own, twice, or too late; a reason rejects; asked again, two clicks at once release it once."""
    async with ready(tmp_path) as world:
        await policy(world, "quorum=2")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, ALICE, root, "release.approve")
        await heard(world, "you asked for this release yourself")
        world.gate.disturb("twins")
        await click(world, BOB, root, "release.approve")
        await heard(world, "Your approval of *widgets 1.4.0* counts: 1 of 2")
        await click(world, BOB, root, "release.approve")
        await heard(world, "it counts once")
        approved = await root_saying(world, "waiting for 1 approval")
        await click(world, BOB, approved, "release.withdraw")
        await heard(world, "is taken back")
        root = await root_saying(world, "waiting for 2 approvals")
        await give_reason(world, CAROL, root, "release.reject", " ")
        assert world.slack.errors == {"reason": "Say why, in a few words."}
        await world.slack.submit(CAROL, {"reason": "The <docs> & notes are missing."})
        await root_saying(world, "rejected")
        await ended(world, root, "The &lt;docs&gt; &amp; notes are missing.")
        await click_old(world, BOB, root, "release.approve")
        await heard(world, "*widgets 1.4.0* now stands at: rejected")
        assert "v1.4.0" not in world.forge.state.repositories["acme/widgets"].history.tags
        again = await ask(world, ALICE, "widgets 1.4.0")
        assert again["ts"] != root["ts"]
        await asyncio.gather(*(click(world, who, again, "release.approve") for who in (BOB, CAROL)))
        await root_saying(world, "published")
        await ended(world, again, "*Published*")
        thread = in_thread(world.slack, again)
        for once in ("Every approval that the policy asks for is there", "*Published*", "is made at"):
            assert thread.count(once) == 1, once
        assert len(runs(world)) == 1
        assert len(files_of(world, "1.4.0")) == 2
        # The delivery that Slack repeated was done once: Bob heard of it once.
        assert in_thread(world.slack, root).count("approved (1 of 2)") == 1


async def test_who_may_decide(tmp_path: Path) -> None:
    """Guests, bots, deactivated people, strangers, denied and unnamed ones are told why; one of each group is enough."""
    async with ready(tmp_path) as world:
        await policy(world, "groups=@maintainers,@security deny=@dave")
        become(world, {ERIN: "bot"})
        root = await ask(world, ALICE, "widgets v1.4.0")
        for who, why in (
            (ALICE, "you asked for this release yourself"),
            (DAVE, "never counts"),
            (ERIN, "bots can't"),
        ):
            await click(world, who, root, "release.approve")
            await heard(world, why)
        await click(world, BOB, root, "release.approve")
        root = await root_saying(world, "waiting for 1 approval")
        await give_reason(world, BOB, root, "release.break_glass", "I want it")
        await heard(world, "only those whom the policy names may break the glass")
        await click(world, CAROL, root, "release.approve")
        await root_saying(world, "published")
        commit_version(world, "1.5.0")
        await policy(world, "quorum=2 groups=none deny=none")
        root = await ask(world, BOB, "widgets v1.5.0", "widgets 1.5.0")
        await give_reason(world, ALICE, root, "release.break_glass", "The old one loses data")
        await heard(world, "You broke the glass for")
        await ended(world, root, "*broke the glass*")
        assert "The old one loses data" in in_thread(world.slack, root)
        await root_saying(world, "published", "widgets 1.5.0")
        await world.slack.command(ALICE, RELEASES, "/shipbell", "audit widgets")
        await heard(world, "The old one loses data")


async def test_people_that_never_count(tmp_path: Path) -> None:
    """A guest, somebody deactivated and a stranger are told so; with requester=yes who asked may approve."""
    async with ready(tmp_path) as world:
        await policy(world, "requester=yes")
        become(world, {CAROL: "stranger", DAVE: "deactivated"})
        root = await ask(world, ALICE, "widgets v1.4.0")
        for who, why in (
            (ERIN, "guests of this workspace"),
            (CAROL, "another workspace"),
            (DAVE, "is deactivated"),
        ):
            await click(world, who, root, "release.approve")
            await heard(world, why)
        await click(world, ALICE, root, "release.approve")
        await root_saying(world, "published")


async def test_times(tmp_path: Path) -> None:
    """A request expires, once; a scheduled one waits for its time, can be cancelled before, and not afterwards."""
    async with ready(tmp_path) as world:
        await policy(world, "expires=10s")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await root_saying(world, "expired")
        await ended(world, root, "Nobody decided in time")
        await click_old(world, BOB, root, "release.approve")
        await heard(world, "*widgets 1.4.0* now stands at: expired")
        await policy(world, "expires=1h")
        late = await ask(world, ALICE, "widgets v1.4.0 at=+2h")
        await click(world, BOB, late, "release.approve")
        await root_saying(world, "approved")
        await thread_saying(world, late, "It starts")
        await world.slack.command(CAROL, RELEASES, "/release", "cancel widgets 1.4.0")
        await root_saying(world, "cancelled")
        await ended(world, late, "cancelled the release")
        assert not world.forge.count("/repos/acme/widgets/git/", method="POST")
        soon = (utc_now() + timedelta(seconds=6)).isoformat(timespec="seconds")
        root = await ask(world, ALICE, f"widgets v1.4.0 at={soon}")
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        assert runs(world)[0].made_at >= utc_now().fromisoformat(soon)
        await world.slack.command(CAROL, RELEASES, "/release", "cancel widgets 1.4.0")
        await heard(world, "*widgets 1.4.0* can't be cancelled from here any more. It stands at: published")
