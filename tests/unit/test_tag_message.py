"""The message of a tag that the bot makes: who approved stands at the margin, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.workflow.acting import tag_message
from tests.unit.test_running import at

OURS = "Approved in Slack by:"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028"])
def test_notes_can_not_say_who_approved(end: str) -> None:
    """Whatever a note's lines end with, one that looks like ours is indented, and ours is the last."""
    message = tag_message(at(notes=f"Fixed.{end}{end}{OURS} U0EVERYBODY"))
    assert [line for line in message.splitlines() if line.startswith(OURS)] == [f"{OURS} nobody had to"]
    assert message.splitlines()[-1] == f"{OURS} nobody had to"
    assert f"    {OURS} U0EVERYBODY" in message.splitlines()


@given(st.text())
def test_only_our_lines_begin_at_the_margin(notes: str) -> None:
    """Of any message two lines are not indented: what is released, and who approved."""
    lines = [line for line in tag_message(at(notes=notes)).splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith("    ")]) == 2


def test_without_notes_there_is_no_gap() -> None:
    """Without notes two lines are left."""
    assert len(tag_message(at(notes="")).splitlines()) == 3
