"""How a release arrives: stage by stage, and what is said where an index shows something else than was built."""

from pathlib import Path
from typing import Any

from bot.demo.slack_config import ALICE, BOB
from bot.demo.world import World
from tests.stories.kit import (
    Json,
    ask,
    click,
    commit_version,
    ended,
    in_thread,
    ready,
    root_saying,
    thread_saying,
)


async def released(world: World, version: str) -> Json:
    """Ask for a release and approve it; returns its message."""
    root = await ask(world, ALICE, f"widgets v{version}", f"widgets {version}")
    await click(world, BOB, root, "release.approve")
    return root


async def test_stages_are_told_apart(tmp_path: Path) -> None:
    """Accepted, installable and downloadable are told as each comes; without attestations it is published, not verified."""
    async with ready(tmp_path) as world:
        for stage in ("accepted", "installable", "downloadable"):
            world.company.hold_stage(stage)
        root = await released(world, "1.4.0")
        await root_saying(world, "verifying")
        stages = {
            "accepted": "*Accepted:*",
            "installable": "*Installable:*",
            "downloadable": "*Downloadable:*",
        }
        told: list[str] = []
        for stage, words in stages.items():
            thread = in_thread(world.slack, root)
            assert words not in thread, stage
            assert all(one in thread for one in told), stage
            world.company.show_stage(stage)
            await thread_saying(world, root, words)
            told.append(words)
        await root_saying(world, "published")
        await thread_saying(world, root, "*Attested:* 2 files")
        await ended(world, root, "verified it")
        world.forge.runner.attest = None
        commit_version(world, "1.5.0")
        root = await released(world, "1.5.0")
        await root_saying(world, "published", "widgets 1.5.0")
        await ended(world, root, "*Not verified:* no attestation")
        assert "*Attested:*" not in in_thread(world.slack, root)


async def test_what_was_not_built_or_not_approved_is_told_loudly(tmp_path: Path) -> None:
    """A file with another sha256 than the run built, and one attested for another commit, are named, with what to do."""
    async with ready(tmp_path) as world:
        world.company.hold_stage("installable")
        root = await released(world, "1.4.0")
        await thread_saying(world, root, "*Accepted:*")
        wheel = world.company.state.used_filenames["widgets-1.4.0-py3-none-any.whl"]
        wheel.content = wheel.content + b"\0"
        wheel.sha256 = "0" * 64
        world.company.show_stage("installable")
        root = await root_saying(world, "failed")
        await ended(world, root, "is not the one that the run built")
        thread = in_thread(world.slack, root)
        assert wheel.filename in thread
        assert "Do not install this version" in thread

        def elsewhere(name: str, content: bytes, claims: Json) -> dict[str, Any]:
            return world.signer.attest_file(name, content, {**claims, "sha": "f" * 40})

        world.forge.runner.attest = elsewhere
        commit_version(world, "1.5.0")
        root = await released(world, "1.5.0")
        root = await root_saying(world, "failed", "widgets 1.5.0")
        await ended(world, root, "does not name the approved repository, workflow and commit")
        assert "Do not install this version" in repr(root["blocks"])
