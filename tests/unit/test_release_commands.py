"""The words of `/release`, and those of `/shipbell settings`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import commands, intents
from bot.core.commands import (
    Context,
    HoldsToken,
    Misspelt,
    OpenReleaseForm,
    ShowHelp,
    ShowSettings,
    Wrong,
    parse,
)
from bot.core.policies import FIELDS
from bot.core.release_commands import LONGEST_NOTES, LONGEST_REASON, is_project, plain_text, request, token_in
from tests.unit.test_commands import TOKEN

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = Context(("pypi", "testpypi"), "C1", now=NOW)
ASKED = intents.AskRelease("acme-widgets", "v1.4.0", "", channel="C1")
R, S = "/release", "/shipbell"
FREEZE = intents.SetFreeze("acme-widgets", None, None, "it is broken")

UNDERSTOOD: list[tuple[str, str, commands.Parsed]] = [
    (R, "", OpenReleaseForm({})),
    (R, "help", ShowHelp(R)),
    (R, "Acme_Widgets v1.4.0", ASKED),
    (R, "acme-widgets", OpenReleaseForm({"project": "acme-widgets"})),
    (R, "acme-widgets index=pypi", OpenReleaseForm({"project": "acme-widgets", "index": "pypi"})),
    (R, "acme-widgets v1.4.0 index=testpypi", replace(ASKED, index="testpypi")),
    (R, "acme-widgets v1.4.0 NOTES=\u201ca &lt;b&gt; &amp;amp; c\u201d", replace(ASKED, notes="a <b> &amp; c")),
    (R, 'acme-widgets v1.4.0 notes="It\u2019s a = b\nand c"', replace(ASKED, notes="It's a = b\nand c")),
    (R, "acme-widgets v1.4.0 at=+2h", replace(ASKED, act_at=NOW + timedelta(hours=2))),
    (R, "acme-widgets v1.4.0 at=17:00", replace(ASKED, act_at=NOW.replace(hour=17))),
    (R, 'acme-widgets v1.4.0 at="17:00 UTC"', replace(ASKED, act_at=NOW.replace(hour=17))),
    (R, "acme-widgets v1.4.0 at=2026-12-01T17:00+02:00", replace(ASKED, act_at=datetime(2026, 12, 1, 15, tzinfo=UTC))),
    (R, 'acme-widgets v1.4.0 override="R&amp;D burns"', replace(ASKED, override="R&D burns")),
    (R, "acme-widgets widgets/v1.4.0", replace(ASKED, version="widgets/v1.4.0")),
    (R, "locks 1.4.0", replace(ASKED, project="locks", version="1.4.0")),
    (R, "statu", Misspelt(R, "statu", "/release status")),
    (R, "lokc acme-widgets", Misspelt(R, "lokc", "/release lock")),
    (R, "unlok acme-widgets", Misspelt(R, "unlok", "/release unlock")),
    (R, "retyr acme-widgets 1.4.0", Misspelt(R, "retyr", "/release retry")),
    (R, "lokc acme-widgets reason=x", Misspelt(R, "lokc", "/release lock")),
    (R, "acme-widgets v1.4.0 now", Misspelt(R, "now", "")),
    (R, "acme-widgets v1.4.0 notse=x", Misspelt(R, "notse", "notes=")),
    (R, "acme-widgets v1.4.0 =x", Misspelt(R, "", "")),
    (R, "status", intents.ShowReleases("")),
    (R, "STATUS Acme.Widgets", intents.ShowReleases("acme-widgets")),
    (R, "status a b", Misspelt(R, "b", "")),
    (R, "status index=pypi", Misspelt(R, "index", "")),
    (R, "cancel Acme.Widgets 1.4.0", intents.CancelRelease("acme-widgets", "1.4.0")),
    (R, "retry acme-widgets v1.4.0", intents.RetryRelease("acme-widgets", "v1.4.0")),
    (R, "cancel acme-widgets index=pypi", Misspelt(R, "index", "")),
    (R, "cancel acme-widgets 1.4.0 index=pypi", Misspelt(R, "index", "")),
    (R, 'lock acme-widgets reason="it is broken"', FREEZE),
    (R, "lock Acme_Widgets reason=x until=+1d", intents.SetFreeze("acme-widgets", None, NOW + timedelta(days=1), "x")),
    (R, "lock acme-widgets from=+1d reason=x", Misspelt(R, "from", "")),
    (R, "unlock Acme_Widgets", intents.LiftFreeze("acme-widgets")),
    (R, "unlock until=x", Misspelt(R, "until", "")),
    (S, "settings", ShowSettings()),
    (S, "settings help", ShowHelp(S)),
    (S, "settings polcy quorum=2", Misspelt(S, "polcy", "/shipbell settings policy")),
    (S, "settings zzz", Misspelt(S, "zzz", "")),
    (S, "settings policy", intents.ShowPolicy("")),
    (S, "settings POLICY Acme_Widgets", intents.ShowPolicy("acme-widgets")),
    (S, "settings policy quorum=2 Expires=90m", intents.SetPolicy("", {"quorum": "2", "expires": "90m"})),
    (S, "settings policy acme-widgets approvers=<@U012ABC|ann>", intents.SetPolicy("acme-widgets", {"approvers": "<@U012ABC|ann>"})),
    (S, "settings policy approvers=<@U012ABC|ann> , <@U1AAAAA> ,<!subteam^S012ABC|@core> quorum=2", intents.SetPolicy("", {"approvers": "<@U012ABC|ann>,<@U1AAAAA>,<!subteam^S012ABC|@core>", "quorum": "2"})),
    (S, "settings policy qorum=2", Misspelt(S, "qorum", "quorum=")),
    (S, "settings policy a b", Misspelt(S, "b", "")),
    (S, "settings freeze reason=x", intents.SetFreeze("", None, None, "x")),
    (S, "settings freeze from=+1h until=+2h reason=x", intents.SetFreeze("", NOW + timedelta(hours=1), NOW + timedelta(hours=2), "x")),
    (S, "settings freeze acme reason=x", Misspelt(S, "acme", "")),
    (S, "settings freeze reasn=x", Misspelt(S, "reasn", "reason=")),
    (S, "settings unfreeze", intents.LiftFreeze("")),
    (S, "settings unfreeze acme", Misspelt(S, "acme", "")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "text", "meant"), UNDERSTOOD, ids=[f"{one[0]} {one[1]}"[:60] for one in UNDERSTOOD]
)
def test_what_is_typed_is_what_is_meant(command: str, text: str, meant: commands.Parsed) -> None:
    """Each command means one thing; a typo gets "did you mean", and no option is left out in silence."""
    assert parse(command, text, HERE) == meant


@pytest.mark.parametrize(
    ("command", "text", "fields"),
    [
        (R, "acme-widgets v1.4.0 index=nowhere at=yesterday", ["at", "index"]),
        (R, "acme-widgets v1.4.0 at=2026-11-20T12:00Z", ["at"]),
        (R, "a/b ..", ["project", "version"]),
        (R, "<@U012ABC> v1.4.0", ["project"]),
        (R, f"acme-widgets v1.4.0 override={'x' * (LONGEST_REASON + 1)}", ["override"]),
        (R, f"acme-widgets v1.4.0 notes={'x' * (LONGEST_NOTES + 1)}", ["notes"]),
        (R, "acme-widgets v1.4.0 notes=" + "x" * 2_000, ["text"]),
        (R, "cancel acme-widgets", ["project"]),
        (R, "retry a b c", ["project"]),
        (R, "lock reason=x", ["project"]),
        (R, "lock ,x reason=x", ["project"]),
        (R, "lock acme-widgets", ["reason"]),
        (R, 'lock acme-widgets reason=" "', ["reason"]),
        (R, f"lock acme-widgets until=x reason={'x' * (LONGEST_REASON + 1)}", ["until", "reason"]),
        (R, "unlock", ["project"]),
        (R, "status ,x", ["project"]),
        (S, "settings policy quorum=x expires=y", ["quorum", "expires"]),
        (S, "settings policy approvers=ann", ["approvers"]),
        (S, "settings policy quorum=2 @ann", ["project"]),
        (S, "settings policy rehearsal=nowhere", ["rehearsal"]),
        (S, "settings freeze", ["reason"]),
        (S, "settings freeze from=+2h until=+1h reason=x", ["until"]),
        (S, "settings freeze from=+2h until=+2h reason=x", ["until"]),
    ],
)  # fmt: skip
def test_values_that_cannot_be_used_are_told_together(command: str, text: str, fields: list[str]) -> None:
    """All problems come at once, each with its field, in words that fit into a message."""
    found = parse(command, text, HERE)
    assert isinstance(found, Wrong)
    assert [problem.field for problem in found.problems] == fields
    assert all(0 < len(problem.message) < 300 for problem in found.problems)


@pytest.mark.parametrize(
    "version",
    ["", "-v1", "/v1", "v1/", "v1.", ".v1", "a..b", "a//b", "a/.b", "v1@{0}", "v1.lock", "a.lock/b", "v 1", "v1\nx", "v1~", "v1^",
     "v1:x", "v1?", "v*", "v[1]", "v\\1", "v<1>", "v&amp;1", "\u0661.4", "v\u200b1", "x" * 101, "v\x7f"],
)  # fmt: skip
def test_what_can_be_no_tag_is_refused(version: str) -> None:
    """Neither git nor a package index would take it, and nothing of it reaches an address."""
    found = request({"project": "acme-widgets", "version": version}, HERE)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == ["version"]


@pytest.mark.parametrize("field", ["project", "version", "index", "notes", "at", "override", "channel"])
@pytest.mark.parametrize("hidden", [TOKEN, TOKEN[:9] + "\u200b" + TOKEN[9:], f"x '{TOKEN[:7]}'{TOKEN[7:]}"])
def test_a_secret_in_any_field_is_refused(field: str, hidden: str) -> None:
    """Of a dialog too, also with signs in it that nobody sees; it is not repeated."""
    found = request({"project": "acme-widgets", "version": "1.4.0", field: hidden}, HERE)
    assert isinstance(found, tuple)
    assert field in [problem.field for problem in found]
    assert TOKEN[8:40] not in repr(found)
    assert token_in(hidden) is not None


@pytest.mark.parametrize(
    "text",
    ["{}", "a {}", "a v1 notes={}", 'a v1 notes="x {} y"', "a v1 {}=x", "lock a reason={}", "cancel a {}", "status {}",
     "a v1 notes=" + "x" * 3_000 + " {}", "settings policy approvers={}", "settings freeze reason={}"],
)  # fmt: skip
@pytest.mark.parametrize("command", [R, S])
def test_a_secret_is_refused_wherever_it_stands(command: str, text: str) -> None:
    """A command that holds a token becomes nothing but the kind of token it was, however long it is."""
    found = parse(command, text.format(TOKEN), HERE)
    assert isinstance(found, HoldsToken)
    assert TOKEN not in repr(found)


def test_notes_are_measured_as_they_will_be_read() -> None:
    """What Slack's escapes add does not count."""
    found = parse(R, "acme-widgets v1.4.0 notes=" + "&amp;" * 300, HERE)
    assert found == replace(ASKED, notes="&" * 300)
    long = request({"project": "a", "version": "1", "notes": "&amp;" * LONGEST_NOTES}, HERE)
    assert isinstance(long, intents.AskRelease)


def test_what_no_database_holds_is_taken_out() -> None:
    """Nulls and halves of characters are gone before anything is kept."""
    found = request({"project": "a", "version": "1", "notes": "a\0b\ud800c", "override": "\0"}, HERE)
    assert isinstance(found, intents.AskRelease)
    assert (found.notes, found.override) == ("ab?c", "")


@given(st.text())
def test_slacks_escapes_are_taken_back(text: str) -> None:
    """What a person typed is what is kept."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert plain_text(escaped) == text


WORDS = st.one_of(
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        ["status", "cancel", "retry", "lock", "unlock", "help", "settings", "policy", "freeze", "unfreeze", "acme", "1.4.0", "=",
         "reason=x", "until=+1h", "from=+1h", "at=17:00", "at=", "index=pypi", "notes=", ",", '"', "'", "\\", "&amp;", "<@U012ABC>",
         "\0", *(f"{name}=" for name in FIELDS)]
    ),
)  # fmt: skip


@given(
    st.sampled_from(sorted(commands.COMMANDS)),
    st.lists(WORDS, max_size=8),
    st.sampled_from(["", " ", "  ", "\n"]),
)
def test_no_text_breaks_it(command: str, words: list[str], between: str) -> None:
    """Whatever is typed there is an answer; what is asked for is clean, and within its bounds."""
    found: Any = parse(command, between.join(words) if between else " ".join(words), HERE)
    assert found is not None
    if isinstance(found, intents.AskRelease):
        assert is_project(found.project)
        assert found.version.isascii()
        assert found.act_at is None or found.act_at > NOW
        assert "\0" not in found.notes + found.override
        assert len(found.notes) <= LONGEST_NOTES
    if isinstance(found, intents.SetFreeze):
        assert 0 < len(found.reason) <= LONGEST_REASON
        assert found.project == "" or is_project(found.project)
    if isinstance(found, intents.SetPolicy | intents.ShowPolicy | intents.LiftFreeze):
        assert found.project == "" or is_project(found.project)


@given(
    st.dictionaries(
        st.sampled_from(["project", "version", "index", "notes", "at", "override"]), st.text(st.characters())
    )
)
def test_no_dialog_breaks_it(fields: dict[str, str]) -> None:
    """Whatever a dialog's fields hold, there is a request, or a problem for fields that it has."""
    found = request(fields, HERE)
    if isinstance(found, intents.AskRelease):
        assert "\0" not in found.notes + found.override
        (found.notes + found.override).encode()
    else:
        assert found
        assert {problem.field for problem in found} <= {
            "project",
            "version",
            "index",
            "notes",
            "at",
            "override",
        }
