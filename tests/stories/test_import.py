"""An organisation's packages are listed and set up, on the real bot and the stand-ins."""

import json
from pathlib import Path

from bot.demo.forge_seed import WORKFLOW_PATH, pyproject
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.slack_config import ALICE, BOB, RELEASES
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.world import World
from tests.stories.kit import PATIENCE, Json, give_token, in_order, seen, texts, with_schema, world_on

ENDED = "globex on company: 2 set up, 0 already, 1 without a first release, 0 failed"


def settled(world: World) -> None:
    """Give the forge an organisation of some repositories, and the index two of its packages."""
    forge = world.forge
    forge.add_repository(
        "globex/anvils", {"pyproject.toml": pyproject("Anvils", "1"), WORKFLOW_PATH: GOOD_WORKFLOW}, ["pypi"]
    )
    forge.add_repository("globex/rockets", {"pyproject.toml": pyproject("rockets", "1"), "a.py": b""})
    forge.add_repository("globex/skates", {"pyproject.toml": pyproject("skates", "1")})
    forge.add_repository("globex/legacy", {"setup.py": b"from setuptools import setup\nsetup()\n"})
    forge.add_repository("globex/site", {"index.html": b"<p>"})
    forge.add_repository("globex/old", {"setup.py": b""}).archived = True
    forge.add_repository("globex/theirs", {"setup.py": b""}).fork = True
    for name in ("anvils", "rockets"):
        world.company.add_project(name, [f"{name}-0.1.tar.gz"])


async def dialog(world: World, message: Json, callback: str) -> str:
    """Press the button below a list, and return all that the filled dialog shows."""
    await world.slack.click(ALICE, RELEASES, message["ts"], "import.open")
    await world.slack.wait_for(
        lambda slack: any(view.get("callback_id") == callback for view in slack.views()), PATIENCE
    )
    return json.dumps(world.slack.views()[-1], ensure_ascii=False)


async def test_an_organisation_is_set_up(database_url: str, tmp_path: Path) -> None:
    """A dry run lists all and sets up nothing; what is ticked is registered, told in one message and one end; a second run skips it."""
    async with world_on(database_url, tmp_path) as world:
        settled(world)
        await world.slack.command(ALICE, RELEASES, "/publisher", "import globex dry-run")
        dry = await seen(world, "globex: 3 of 4 packages can be set up on pypi.")
        shown = json.dumps(dry["blocks"], ensure_ascii=False)
        assert "`anvils` globex/anvils: new on the index" in shown
        assert "`rockets` globex/rockets: new on the index, no workflow that publishes" in shown
        assert "_no name_ globex/legacy" in shown
        assert "left out: 1 archived, 1 forks, 1 without Python" in shown
        assert "import.choose" not in await dialog(world, dry, "import.told")
        await world.slack.close_view(ALICE)

        await give_token(world, world.company.make_token())
        await world.slack.command(ALICE, RELEASES, "/publisher", "import globex index=company")
        listed = await seen(world, "globex: 3 of 4 packages can be set up on company.")
        await dialog(world, listed, "import.choose")
        await world.slack.submit(ALICE)
        (asked, *_) = world.slack.views()[::-1]
        assert "3 trusted publishers" in json.dumps(asked)
        await world.slack.submit(ALICE)
        await seen(world, ENDED)
        await world.slack.wait_for(lambda _: sum(text == ENDED for text in texts(world)) == 2, PATIENCE)
        assert sorted(one.name for one in world.company.registrations) == ["anvils", "rockets"]

        await world.slack.command(BOB, RELEASES, "/publisher", "import globex index=company")
        again = await seen(world, "globex: 1 of 4 packages can be set up on company.")
        assert "2 already" in json.dumps(again["blocks"])
        assert not any(text.startswith("The trusted publisher for") for text in texts(world))
        in_order(world)


async def test_a_kill_doubles_and_loses_nothing(tmp_path: Path) -> None:
    """Killed while the index has a registration whose answer has not come, the bot goes on to one end, each registered once."""
    async with world_on(with_schema(tmp_path), tmp_path) as world:
        settled(world)
        await give_token(world, world.company.make_token())
        await world.slack.command(ALICE, RELEASES, "/publisher", "import globex index=company")
        listed = await seen(world, "globex: 3 of 4 packages can be set up on company.")
        await dialog(world, listed, "import.choose")
        await world.slack.submit(ALICE)
        world.company.fail("/_/v1/publisher", method="POST", after=True, hang=True)
        await world.slack.submit(ALICE)
        await world.company.until_hanging()
        await world.bot.kill()
        world.company.release()
        world.company.heal()
        await world.bot.start()

        def ended(slack: SlackWorkspace) -> bool:
            return sum(str(one.get("text")) == ENDED for one in slack.messages(RELEASES)) == 2

        await world.slack.wait_for(ended, PATIENCE)
        assert sorted(one.name for one in world.company.registrations) == ["anvils", "rockets"]
        in_order(world)
