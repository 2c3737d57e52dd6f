"""What Slack delivers about credentials: dialogs that were sent, and the button for the page."""

import json

from bot.core import intents
from bot.slack.blocks import credentials
from bot.workflow.connecting import hashed
from storage.records import CredentialKind, Secret
from tests.unit import test_listeners_releases as releases
from tests.unit.test_listeners_releases import Desk
from tests.unit.test_tokens import ID, made
from tests.unit.wording import problems

desk = releases.desk
TOKEN = made([3, ID], location="company.example")
TYPED = {"index_choice": "company", "token": TOKEN, "project": "", "username": ""}


async def test_a_token_is_shown_before_it_is_kept(desk: Desk) -> None:
    """What was entered is sealed and held, the next dialog shows what it is, without any of it, and nothing is kept yet."""
    answer = await desk.submit(credentials.ADD, TYPED, {"seen": "id-1,id-2"})
    assert answer["response_action"] == "update"
    view = answer["view"]
    assert problems(view) == []
    assert "the entire account" in json.dumps(view)
    assert TOKEN not in json.dumps(view)
    (wanted,) = desk.wanted
    assert isinstance(wanted, intents.EnterCredential)
    assert (wanted.index, wanted.project, wanted.kind, wanted.seen) == ("company", "", CredentialKind.API_TOKEN, ("id-1", "id-2"))  # fmt: skip
    assert desk.notebook.wishes[0].secrets["secret"] == Secret(TOKEN)
    carried = json.loads(view["private_metadata"])
    assert carried == {"entry": wanted.entry_id, "project": ""}
    assert await desk.submit(credentials.KEEP, {"scope": "whole", "project": ""}, carried) == {}
    assert await desk.submit(credentials.KEEP, {"scope": "narrow", "project": "Acme_Widgets"}, carried) == {}
    assert desk.wanted[1:] == [
        intents.KeepCredential(wanted.entry_id), intents.KeepCredential(wanted.entry_id, "acme-widgets"),
    ]  # fmt: skip
    answer = await desk.submit(credentials.KEEP, {"scope": "narrow", "project": ""}, carried)
    assert "missing" in answer["errors"]["project"]


async def test_what_is_of_no_use_is_told_at_its_field(desk: Desk) -> None:
    """Problems come back at the fields of the dialog, all at once, and nothing is written down."""
    answer = await desk.submit(credentials.ADD, {**TYPED, "token": f"{TOKEN[:-4]}", "project": "-"}, {})
    assert set(answer["errors"]) == {"token", "project"}
    answer = await desk.submit(credentials.ADD, {**TYPED, "index_choice": "gone"}, {})
    assert set(answer["errors"]) == {"index_choice"}
    assert await desk.submit(credentials.ADD, {**TYPED, "token": ""}, {}) == {}
    assert desk.wanted == []


async def test_a_password_is_taken_with_its_name(desk: Desk) -> None:
    """A user name makes it a password; both are sealed, and a token is named as the better way."""
    answer = await desk.submit(credentials.ADD, {**TYPED, "token": "correct horse", "username": "ada"}, {})
    assert "A token is better" in json.dumps(answer["view"])
    assert "correct" not in json.dumps(answer)
    assert desk.notebook.wishes[0].secrets == {"secret": Secret("correct horse"), "username": Secret("ada")}


async def test_the_page_is_offered_only_where_it_is_safe(desk: Desk) -> None:
    """Without an address that browsers reach by https the button says so, and nothing is begun."""
    await desk.click(credentials.PAGE, "")
    assert "SHIPBELL_PUBLIC_URL" in json.dumps(desk.opened)
    assert desk.wanted == []
    assert hashed("x") != "x"
