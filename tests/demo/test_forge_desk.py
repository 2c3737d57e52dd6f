"""The forge's desk: what a person plays with buttons."""

import aiohttp

from bot.demo.forge import ForgeStandIn
from tests.demo.forge_kit import SLUG


async def press(forge: ForgeStandIn, **form: str) -> int:
    """Press a button on the repository's page; returns the status of the page that follows."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{forge.web_url}/{SLUG}/play", data=form) as answer,
    ):
        return answer.status


async def test_a_person_commits_tags_and_moves(forge: ForgeStandIn) -> None:
    """A version is committed, its tag pushed and moved to a new commit; what can't be is refused."""
    assert await press(forge, deed="bump", name="1.5.0") == 200
    head = forge.head(SLUG)
    assert await press(forge, deed="tag", name="1.5.0") == 200
    history = forge.state.found(SLUG).history
    assert history.peeled(history.tags["v1.5.0"]) == head
    assert await press(forge, deed="move", name="v1.5.0") == 200
    assert history.peeled(history.tags["v1.5.0"]) == forge.head(SLUG) != head
    assert await press(forge, deed="fail") == 200
    for wrong in ({"deed": "bump", "name": "../x"}, {"deed": "move", "name": "v9"}, {"deed": "burn"}):
        assert await press(forge, **wrong) == 400
