"""The Home tab in words: its snapshot for each who looks, Slack's limits, hostile facts."""

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot.slack.blocks import home
from tests.unit.home_examples import LONGEST, PAGES
from tests.unit.wording import marked_up, problems, wild


@pytest.mark.parametrize("name", PAGES)
def test_what_a_tab_shows(name: str, snapshot: SnapshotAssertion) -> None:
    """Each tab says what was agreed on, inside Slack's limits."""
    shown = dict(home.view(PAGES[name]))
    assert shown == snapshot(extension_class=JSONSnapshotExtension)
    assert problems(shown) == []


def test_the_longest_tab_is_whole() -> None:
    """A tab with as much as can be listed is taken by Slack, and none of it is left out."""
    shown = dict(home.view(LONGEST))
    assert problems(shown) == []
    assert len(shown["blocks"]) < 100


@pytest.mark.parametrize("name", PAGES)
def test_hostile_facts_stay_text(name: str) -> None:
    """Whatever a project, a channel or a reason is called, nobody is mentioned by it and Slack takes the tab."""
    shown = dict(home.view(wild(PAGES[name])))
    assert problems(shown) == []
    assert "<!channel>" not in "".join(marked_up(shown))


def test_a_tab_that_slack_refused_says_so() -> None:
    """Where Slack takes no page, the person is told what works meanwhile."""
    assert problems(dict(home.broken())) == []
    assert "/release status" in repr(home.broken())
