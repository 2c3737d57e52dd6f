"""Modals and home tabs through the gate: triggers, ids, hashes, values, pickers."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.slack_workspace import ALICE, BOB, GENERAL, RELEASES
from tests.demo.slack_kit import Kit, field, modal, open_kit, plain, section, text_input


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    """Give a workspace with a gate and a tiny bot."""
    async with open_kit() as running:
        yield running


async def test_trigger_once(kit: Kit) -> None:
    """A trigger opens one modal; a second use is refused."""
    trigger = await kit.trigger()
    await kit.client.views_open(trigger_id=trigger, view=modal())
    refusal = await kit.refused("views.open", trigger_id=trigger, view=modal())
    assert refusal.response["error"] == "exchanged_trigger_id"


async def test_trigger_expires(kit: Kit) -> None:
    """A trigger is good for three seconds, and a refused view does not use it up."""
    trigger = await kit.trigger()
    await kit.refused("views.open", trigger_id=trigger, view=modal(title=plain("x" * 25)))
    kit.clock.now += 3.0
    await kit.client.views_open(trigger_id=trigger, view=modal())
    late = await kit.trigger()
    kit.clock.now += 3.1
    assert (await kit.refused("views.open", trigger_id=late, view=modal())).response["error"] == (
        "expired_trigger_id"
    )
    unknown = await kit.refused("views.open", trigger_id="1.2.x", view=modal())
    assert unknown.response["error"] == "invalid_trigger_id"


async def test_view_keeps_its_id(kit: Kit) -> None:
    """A view has the same id when opened, updated twice and submitted; its hash changes each time."""
    opened = (await kit.client.views_open(trigger_id=await kit.trigger(), view=modal()))["view"]
    hashes = [opened["hash"]]
    for word in ("one", "two"):
        blocks = [section(word), field("owner", text_input())]
        updated = await kit.client.views_update(view_id=opened["id"], view=modal(*blocks))
        assert updated["view"]["id"] == opened["id"]
        hashes.append(updated["view"]["hash"])
    assert len(set(hashes)) == 3
    await kit.workspace.submit(ALICE, {"owner": "acme"})
    submitted = kit.bot.heard[-1].payload["view"]
    assert (submitted["id"], submitted["root_view_id"]) == (opened["id"], opened["id"])
    assert submitted["external_id"] == ""
    assert submitted["private_metadata"] == ""


async def test_hash_conflict(kit: Kit) -> None:
    """An update of a view that has changed meanwhile is refused, in modals and home tabs alike."""
    opened = (await kit.client.views_open(trigger_id=await kit.trigger(), view=modal()))["view"]
    await kit.client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal())
    again = await kit.refused("views.update", view_id=opened["id"], hash=opened["hash"], view=modal())
    assert again.response["error"] == "hash_conflict"
    home = {"type": "home", "blocks": [section()]}
    first = (await kit.client.views_publish(user_id=ALICE.id, view=home))["view"]
    await kit.client.views_publish(user_id=ALICE.id, view=home, hash=first["hash"])
    lost = await kit.refused("views.publish", user_id=ALICE.id, view=home, hash=first["hash"])
    assert lost.response["error"] == "hash_conflict"


async def test_closed_view_is_not_found(kit: Kit) -> None:
    """Updating a modal that its person has closed is refused, and opens nothing."""
    opened = (await kit.client.views_open(trigger_id=await kit.trigger(), view=modal()))["view"]
    await kit.workspace.close_view(ALICE)
    assert (await kit.refused("views.update", view_id=opened["id"], view=modal())).response["error"] == (
        "not_found"
    )
    assert kit.workspace.views() == []


async def test_external_id(kit: Kit) -> None:
    """A view is found by the bot's own external id, which comes back to it."""
    view = modal(external_id="mine")
    opened = (await kit.client.views_open(trigger_id=await kit.trigger(), view=view))["view"]
    updated = (await kit.client.views_update(external_id="mine", view=view))["view"]
    assert (updated["id"], updated["external_id"]) == (opened["id"], "mine")


async def test_push(kit: Kit) -> None:
    """A pushed view lies above the first and knows it."""
    first = (await kit.client.views_open(trigger_id=await kit.trigger(), view=modal()))["view"]
    second = (await kit.client.views_push(trigger_id=await kit.trigger(), view=modal()))["view"]
    assert (second["root_view_id"], second["previous_view_id"]) == (first["id"], first["id"])
    await kit.workspace.settled()
    assert len(kit.workspace.views()) == 2


async def test_initial_values_untouched(kit: Kit) -> None:
    """What a person leaves untouched is submitted with its initial value; what is emptied as null."""
    choice = {"text": plain("Yes"), "value": "yes"}
    view = modal(
        field("kept", text_input(initial_value="release.yml")),
        field("emptied", text_input(initial_value="pypi"), optional=True),
        field("blank", text_input(), optional=True),
        field(
            "menu", {"type": "static_select", "action_id": "m", "options": [choice], "initial_option": choice}
        ),
        field("boxes", {"type": "checkboxes", "action_id": "b", "options": [choice]}, optional=True),
    )
    await kit.client.views_open(trigger_id=await kit.trigger(), view=view)
    await kit.workspace.submit(ALICE, {"emptied": ""})
    values = kit.bot.heard[-1].payload["view"]["state"]["values"]
    assert values["kept"]["value"] == {"type": "plain_text_input", "value": "release.yml"}
    assert values["emptied"]["value"]["value"] is None
    assert values["blank"]["value"]["value"] is None
    assert values["menu"]["m"]["selected_option"] == choice
    assert values["boxes"]["b"] == {"type": "checkboxes", "selected_options": []}


async def test_channel_picker(kit: Kit) -> None:
    """Slack's own pickers, which the page can't show, are menus there and come back as what Slack sends."""
    picker = {"type": "conversations_select", "action_id": "c", "default_to_current_conversation": True}
    people = {"type": "users_select", "action_id": "u"}
    view = modal(field("where", picker), field("who", people))
    await kit.client.views_open(trigger_id=await kit.trigger(), view=view)
    await kit.workspace.settled()
    shown = kit.workspace.views()[-1]["blocks"][0]["element"]
    assert shown["type"] == "static_select"
    assert [one["text"]["text"] for one in shown["options"]] == ["#general", "#releases"]
    assert shown["placeholder"]["text"] == "#releases"
    kit.bot.says({"response_action": "errors", "errors": {"where": "Not there."}})
    await kit.workspace.submit(ALICE, {"who": BOB.id})
    await kit.workspace.submit(ALICE, {"where": "#general", "who": "@bob"})
    heard = [one.payload["view"] for one in kit.bot.heard[-2:]]
    wheres = [one["state"]["values"]["where"]["c"] for one in heard]
    assert wheres == [
        {"type": "conversations_select", "selected_conversation": id_} for id_ in (RELEASES.id, GENERAL.id)
    ]
    assert heard[0]["state"]["values"]["who"]["u"] == {"type": "users_select", "selected_user": BOB.id}
    assert heard[0]["blocks"][0]["element"]["type"] == "conversations_select"


async def test_ids_given(kit: Kit) -> None:
    """Blocks and elements without ids get some, as with Slack."""
    nameless = {"type": "input", "label": plain("x"), "element": {"type": "plain_text_input"}}
    opened = await kit.client.views_open(trigger_id=await kit.trigger(), view=modal(nameless))
    block = opened["view"]["blocks"][0]
    await kit.workspace.submit(ALICE, {block["block_id"]: "typed"})
    values = kit.bot.heard[-1].payload["view"]["state"]["values"]
    assert values[block["block_id"]][block["element"]["action_id"]]["value"] == "typed"
