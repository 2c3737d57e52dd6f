"""`shipbell demo`: the whole bot against local stand-ins, in the browser or played.

Knows: what is printed. Must not know: how the world is wired.
"""

import asyncio
import signal
import tempfile
from pathlib import Path

from rich.console import Console

from bot.demo.scenes import DidNotHappen
from bot.demo.story import Story
from bot.demo.world import World
from bot.errors import ShipbellError

SUPERVISED = (signal.SIGINT, signal.SIGTERM)


def main(play: bool, port: int | None) -> int:  # noqa: FBT001 - the command line's own flag
    """Run the demo until Ctrl-C, or play the story; returns the exit code."""
    console = Console(soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="shipbell-demo-") as folder:
        return asyncio.run(_play(Path(folder), console) if play else _show(Path(folder), port or 0, console))


async def _play(folder: Path, console: Console) -> int:
    world = World(folder, poll_seconds=0.5)
    world.consumer = world.company.add_consumer("Shipbell of the demo")
    try:
        async with world:
            await Story(world, console).play()
    except (DidNotHappen, TimeoutError, LookupError, ShipbellError) as error:
        console.print(f"\nThat did not happen: {error}", markup=False)
        console.print(f"The bot's log ends:\n{world.bot.words()}", markup=False, highlight=False)
        return 1
    console.print("\n[bold green]All of it happened.[/bold green]")
    return 0


async def _show(folder: Path, port: int, console: Console) -> int:
    ended = asyncio.Event()
    for number in SUPERVISED:
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    world = World(folder, poll_seconds=2.0, page_port=port)
    world.consumer = world.company.add_consumer("Shipbell of the demo")
    console.print("Starting Slack, the forge, two indexes and the bot …")
    async with world:
        world.forge.runner.pace = 1.0  # so that a person can watch the jobs
        _tell(world, console)
        waiting = asyncio.create_task(ended.wait())
        assert world.bot.process is not None
        died = asyncio.create_task(world.bot.process.wait())
        await asyncio.wait({waiting, died}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        died.cancel()
        if not ended.is_set():
            console.print(f"The bot ended by itself:\n{world.bot.words()}", markup=False, highlight=False)
            return 1
        console.print("\nEnding all of it …")
    return 0


def _tell(world: World, console: Console) -> None:
    token_page = f"{world.company.url}/manage/account/token/"
    publishing = f"{world.company.url}/manage/account/publishing/"
    forge = f"{world.forge.web_url}/acme/widgets"
    console.print(f"\n[bold]Open {world.slack.url}[/bold]   (Ctrl-C ends all of it)\n", highlight=False)
    for line in (
        f"1. Make an API token at {token_page} (sign in as demo, the entire account),",
        "   then type  /shipbell credentials  in #releases and enter it for the index company.",
        "2. Type  /publisher add widgets acme/widgets index=company",
        f"   then press Confirm at {publishing} and watch the channel.",
        "3. Type  /shipbell settings policy quorum=2   then  /release widgets v1.4.0",
        "   Try to approve it yourself; then act as Bob and as Carol (top right) and approve. Open the thread.",
        f"4. At {forge} commit version 1.5.0, and ask for its release. Reject it as Bob; or push its tag before",
        "   you ask, and move it after the first approval; or let the next publishing job fail, then press Retry.",
        "5. Type  /shipbell settings policy expires=30s  and let a request run out.",
        "6. Type  /publisher add gizmos acme/gizmos  for an index without an API: the bot hands you the form.",
        "7. Type  /shipbell connect company  and let the bot upload in your name: the index asks you, by OAuth 1.0a.",
        "8. Open the Home tab (shipbell, on the left) as Bob while a release waits. This page presses no button in a dialog,",
        "   as Slack does: approve it in the channel, and the tab changes by itself.",
        "9. As Alice: /shipbell settings policy setters=@bob , then  second=yes  in the same way: Bob has to agree.",
        "   /shipbell audit  shows who did what, and sends it as a file.",
        f"10. See it all at {world.bot.url}/status : sign in with Slack, as one of the same people.",
        "",
        f"The bot's log: {world.bot.log}",
    ):
        console.print(line, highlight=False, markup=False)
