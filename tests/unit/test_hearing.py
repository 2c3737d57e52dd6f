"""Which channel hears of which end of a release."""

import pytest

from bot.core import commands, intents
from bot.core.commands import Context, parse
from bot.core.hearing import ENDS, FAILURES, hears
from bot.core.release_notices import Step
from bot.workflow import hands
from storage.records import Hears

HERE = Context(("company",), "C1")


@pytest.mark.parametrize("version", ["1.4.0", "1.5.0rc1", "1.5.0.dev3"])
def test_each_wish_hears_its_ends(version: str) -> None:
    """Only ends are told, final and pre-releases apart, failures of both, and nothing to whom wants nothing."""
    for step in Step:
        end, pre = step in ENDS, version != "1.4.0"
        assert hears(Hears.ALL, step, version) is end, step
        assert hears(Hears.FINAL, step, version) is (end and not pre), step
        assert hears(Hears.PRE, step, version) is (end and pre), step
        assert hears(Hears.FAILURES, step, version) is (step in FAILURES), step
        assert not hears(Hears.NOTHING, step, version), step


def test_an_end_is_loud_in_its_own_channel_too() -> None:
    """What other channels hear of is among what the release's own channel sees outside the thread."""
    assert FAILURES < ENDS < hands.ENDS


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tell", intents.ShowTold()),
        ("tell all", intents.TellChannel("", Hears.ALL)),
        ("TELL Acme_Widgets Final", intents.TellChannel("acme-widgets", Hears.FINAL)),
        ("tell acme-widgets nothing", intents.TellChannel("acme-widgets", Hears.NOTHING)),
        ("tell fial", commands.Misspelt("/release", "fial", "/release tell final")),
        ("tell widgets failure", commands.Misspelt("/release", "failure", "/release tell widgets failures")),
        ("tell widgets", commands.Misspelt("/release", "widgets", "/release tell all")),
        ("tell widgets all now", commands.Misspelt("/release", "now", "")),
    ],
)
def test_what_is_typed_is_what_is_meant(text: str, meant: commands.Parsed) -> None:
    """Each spelling means one wish, and a typo gets "did you mean"."""
    assert parse("/release", text, HERE) == meant
