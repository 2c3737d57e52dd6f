"""The local Slack workspace: it starts, shows, acts and ends, also when its parent is killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from bot.demo.slack_process import LocalSlack
from bot.demo.slack_workspace import ALICE, BOB, GENERAL, RELEASES, SlackWorkspace
from bot.errors import ShipbellError
from tests.demo.slack_bot import ack
from tests.demo.slack_kit import Kit, buttons, field, modal, open_kit, section, text_input


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    """Give a workspace with a gate and a tiny bot."""
    async with open_kit() as running:
        yield running


def processes_with(word: str) -> list[int]:
    """Return the ids of processes whose command line has that word."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(word in part for part in process.info["cmdline"] or [])
    ]


def exists(folder: Path) -> bool:
    """Whether a folder is there."""
    return folder.is_dir()


async def test_stop_leaves_nothing() -> None:
    """A stopped workspace leaves neither a process nor a file."""
    workspace = SlackWorkspace(mode="socket")
    await workspace.start()
    folder = workspace._program._folder
    assert exists(folder)
    assert processes_with(folder.name)
    await workspace.stop()
    assert not exists(folder)
    assert not processes_with(folder.name)
    await workspace.stop()


async def test_starts_again() -> None:
    """A stopped workspace can be started again with the same tokens."""
    workspace = SlackWorkspace(mode="socket")
    for _ in range(2):
        async with workspace:
            await workspace.say(ALICE, GENERAL, "hello")
            assert [one["text"] for one in workspace.messages(GENERAL)] == ["hello"]


async def test_killed_parent(tmp_path: Path) -> None:
    """The program and its folder are gone after its parent was killed with no chance to clean up."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio\n"
        "from bot.demo.slack_workspace import SlackWorkspace\n"
        "async def main():\n"
        "    workspace = SlackWorkspace(mode='socket')\n"
        "    await workspace.start()\n"
        "    print(workspace._program._folder, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n",
        encoding="utf-8",
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout
    folder = Path((await parent.stdout.readline()).decode().strip())
    there = [psutil.Process(pid) for pid in processes_with(folder.name)]
    assert exists(folder)
    assert len(there) == 2, "the guard and the program"
    parent.kill()
    await parent.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, there, timeout=20)
    assert not alive
    assert not exists(folder)


async def test_taken_port() -> None:
    """A taken port is told as an error with the program's own words, and nothing is left running."""
    async with SlackWorkspace(mode="socket") as first:
        second = SlackWorkspace(mode="socket", port=int(first.url.rpartition(":")[2]))
        with pytest.raises(ShipbellError, match="in use"):
            await second.start()
        await second.stop()


async def test_bad_config() -> None:
    """A config that the program refuses is told with its reason."""
    program = LocalSlack()
    with pytest.raises(ShipbellError, match="JSON"):
        await program.start("{")


async def test_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program is told with the remedy."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(ShipbellError, match="make setup"):
        await LocalSlack().start("{}")


async def test_url_before_start() -> None:
    """Asking for the address before the start is an error, not an empty address."""
    with pytest.raises(RuntimeError, match="not started"):
        assert SlackWorkspace().url


async def test_events_need_an_address() -> None:
    """Mode `events` without an address to deliver to is refused."""
    with pytest.raises(ValueError, match="request_url"):
        await SlackWorkspace().start()


async def test_repr_hides_keys() -> None:
    """No key of the workspace shows in a repr."""
    workspace = SlackWorkspace()
    assert workspace.bot_token not in repr(workspace._keys)
    assert workspace.signing_secret not in repr(workspace._keys)


async def test_click_by_id_and_label(kit: Kit) -> None:
    """A button is found by its action id or its label, and the bot hears its value."""
    posted = await kit.client.chat_postMessage(
        channel=RELEASES.id, text="Choose", blocks=[section(), buttons("approve", "reject")]
    )
    for name in ("approve", "Reject"):
        await kit.workspace.click(BOB, RELEASES, posted["ts"], name)
    heard = [parcel.payload for parcel in kit.bot.heard]
    assert [one["actions"][0]["value"] for one in heard] == ["value of approve", "value of reject"]
    assert {one["user"]["id"] for one in heard} == {BOB.id}
    with pytest.raises(LookupError, match="approve \\(Approve\\), reject"):
        await kit.workspace.click(BOB, RELEASES, posted["ts"], "merge")
    with pytest.raises(LookupError, match="no message"):
        await kit.workspace.click(BOB, RELEASES, "1.1", "approve")


async def test_menu_option(kit: Kit) -> None:
    """In a menu the option is found by its value or text."""
    options = [
        {"text": {"type": "plain_text", "text": word.title()}, "value": word} for word in ("one", "two")
    ]
    menu = {"type": "static_select", "action_id": "menu", "options": options}
    posted = await kit.client.chat_postMessage(
        channel=RELEASES.id, text="x", blocks=[section(accessory=menu)]
    )
    await kit.workspace.click(BOB, RELEASES, posted["ts"], "menu", option="Two")
    assert kit.bot.heard[-1].payload["actions"][0]["selected_option"]["value"] == "two"
    with pytest.raises(LookupError, match="one, two"):
        await kit.workspace.click(BOB, RELEASES, posted["ts"], "menu", option="three")


async def test_wait_for_wakes_on_pushes(kit: Kit) -> None:
    """`wait_for` gives what the predicate gave as soon as a message makes it true."""
    waiting = asyncio.create_task(
        kit.workspace.wait_for(lambda now: [one for one in now.messages() if one["text"] == "done"])
    )
    await kit.client.chat_postMessage(channel=RELEASES.id, text="not yet")
    await kit.client.chat_postMessage(channel=RELEASES.id, text="done")
    assert [one["text"] for one in await waiting] == ["done"]


async def test_wait_for_tells_what_is_there(kit: Kit) -> None:
    """What is waited for in vain is told with what the workspace shows instead."""
    await kit.workspace.say(ALICE, RELEASES, "something else")
    with pytest.raises(TimeoutError, match="something else"):
        await kit.workspace.wait_for(lambda _: False, timeout=0.01)


async def test_wait_for_ended_program() -> None:
    """Waiting ends with an error when the program ends."""
    workspace = await SlackWorkspace(mode="socket").start()
    waiting = asyncio.create_task(workspace.wait_for(lambda _: False))
    (program,) = psutil.Process(workspace._program.guard_pid).children()
    program.kill()
    with pytest.raises(ConnectionError, match="ended"):
        await waiting
    with pytest.raises(ConnectionError):
        await workspace.settled()
    await workspace.stop()


async def test_modal_story(kit: Kit) -> None:
    """A modal opens, shows the bot's errors, and closes when the bot takes it."""
    await kit.client.views_open(trigger_id=await kit.trigger(), view=modal(field("owner", text_input())))
    kit.bot.says({"response_action": "errors", "errors": {"owner": "No such owner."}})
    await kit.workspace.submit(ALICE, {"owner": "acme"})
    assert kit.workspace.errors == {"owner": "No such owner."}
    assert len(kit.workspace.views()) == 1
    kit.bot.answering = ack
    await kit.workspace.submit(ALICE, {"owner": {"value": "other"}})
    assert kit.workspace.views() == []
    assert kit.workspace.errors is None
    said = [one.payload["view"]["state"]["values"]["owner"]["value"]["value"] for one in kit.bot.heard[1:]]
    assert said == ["acme", "other"]
    with pytest.raises(LookupError, match="no modal"):
        await kit.workspace.submit(ALICE)


async def test_unknown_input(kit: Kit) -> None:
    """Filling in an input that isn't there is told with those that are."""
    await kit.client.views_open(trigger_id=await kit.trigger(), view=modal())
    with pytest.raises(LookupError, match="there is: owner"):
        await kit.workspace.submit(ALICE, {"nobody": "x"})


async def test_closed_modal(kit: Kit) -> None:
    """A closed modal is told to the bot if it asked to be."""
    await kit.client.views_open(trigger_id=await kit.trigger(), view=modal(notify_on_close=True))
    await kit.workspace.close_view(ALICE)
    await kit.gate.wait_for(lambda _: len(kit.bot.heard) == 2)
    assert kit.bot.heard[-1].payload["type"] == "view_closed"


async def test_home(kit: Kit) -> None:
    """Opening the home tab tells the bot; what it publishes is shown and can be clicked."""
    await kit.workspace.open_home(ALICE)
    assert kit.bot.heard[-1].what == "app_home_opened"
    await kit.client.views_publish(user_id=ALICE.id, view={"type": "home", "blocks": [buttons("add")]})
    await kit.workspace.wait_for(lambda now: now.homes.get(ALICE.id))
    await kit.workspace.click_home(ALICE, "add")
    await kit.gate.wait_for(lambda _: len(kit.bot.heard) == 2)
    assert kit.bot.heard[-1].what == "add"
    with pytest.raises(LookupError, match="no home tab"):
        await kit.workspace.click_home(BOB, "add")


async def test_edits_deletions_and_reset(kit: Kit) -> None:
    """What is shown follows edits, deletions and a reset."""
    first = await kit.client.chat_postMessage(channel=RELEASES.id, text="first")
    second = await kit.client.chat_postMessage(channel=RELEASES.id, text="in", thread_ts=first["ts"])
    await kit.client.chat_update(channel=RELEASES.id, ts=first["ts"], text="edited")
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages(thread=first["ts"])] == ["edited", "in"]
    await kit.client.chat_delete(channel=RELEASES.id, ts=second["ts"])
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages()] == ["edited"]
    assert any(entry["summary"] == "chat.delete" for entry in await kit.workspace.log())
    await kit.workspace.reset()
    assert kit.workspace.messages() == []
