"""An index without the publisher API: one look at its feeds for all that wait there, and few at each project."""

from pathlib import Path

from bot.demo.slack_config import ALICE, RELEASES
from tests.stories.kit import seen, texts, with_schema, world_on

LOOKS = 24
"""Looks at the feeds: the project's own would be about as many without them."""


async def test_a_feed_tells_of_what_somebody_waits_for(tmp_path: Path) -> None:
    """While it waits the bot reads the feeds, not the project's page again and again; named there, it is confirmed once."""
    async with world_on(with_schema(tmp_path), tmp_path) as world:
        public = world.public
        await world.slack.command(ALICE, RELEASES, "/publisher", "add newcomer acme/newcomer index=pypi")
        asked = await seen(world, "pypi has no API for trusted publishers")
        assert public.count("/rss/") == 0
        await world.slack.click(ALICE, RELEASES, asked["ts"], "publisher.submitted")
        await seen(world, "The trusted publisher for newcomer is pending on pypi.")
        await public.arrived("/rss/updates.xml", count=LOOKS)
        assert public.count("/simple/newcomer/") <= LOOKS / 2
        assert public.count("/rss/packages.xml") >= LOOKS - 1
        public.add_project("newcomer", ["newcomer-1.0.tar.gz"])
        confirmed = "The trusted publisher for newcomer on pypi is confirmed."
        await seen(world, confirmed)
        assert texts(world).count(confirmed) == 1
