"""The slash commands' grammar."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import commands, intents
from bot.core.commands import Context, parse
from storage.records import Registration

HERE = Context(("pypi", "testpypi", "company"), "C1")
TOKEN = "pypi-AgEIcHlwaS5vcmc" + "CJDEyMzQ1Njc4LTEyMzQtMTIzNC0xMjM0LTEyMzQ1Njc4OTAxMg" * 2


def wanted(**changes: str) -> Registration:
    """Return the registration that most commands here mean."""
    usual = Registration("pypi", "acme-widgets", "acme", "widgets", "release.yml", "pypi")
    return dataclasses.replace(usual, **changes)


UNDERSTOOD: list[tuple[str, str, commands.Parsed]] = [
    ("/publisher", "add acme-widgets acme/widgets", intents.AddPublisher(wanted(), "C1")),
    ("/publisher", "ADD Acme_Widgets https://github.com/acme/widgets", intents.AddPublisher(wanted(), "C1")),
    (
        "/publisher",
        "add acme-widgets acme/widgets workflow=up.yaml environment= index=company channel=<#C024BE91L|x>",
        intents.AddPublisher(wanted(workflow="up.yaml", environment="", index="company"), "C024BE91L"),
    ),
    ("/publisher", "add acme-widgets acme/widgets environment=\u201cnew env\u201d", intents.AddPublisher(wanted(environment="new env"), "C1")),
    ("/publisher", "list", intents.ListPublishers()),
    ("/publisher", "check Acme.Widgets", intents.CheckPublisher("acme-widgets", "")),
    ("/publisher", "remove acme-widgets index=company", intents.RemovePublisher("acme-widgets", "company")),
    ("/publisher", "", commands.OpenPublisherForm({})),
    ("/publisher", "add", commands.OpenPublisherForm({})),
    ("/publisher", "add acme-widgets", commands.OpenPublisherForm({"project": "acme-widgets"})),
    ("/publisher", "add acme/widgets", commands.OpenPublisherForm({"repository": "acme/widgets"})),
    ("/publisher", "help", commands.ShowHelp("/publisher")),
    ("/shipbell", "", commands.ShowHelp("/shipbell")),
    ("/shipbell", "credentials", commands.OpenCredentials("")),
    ("/shipbell", "connect company", commands.OpenCredentials("company")),
    ("/shipbell", "settings", commands.ShowSettings()),
    ("/shipbell", "audit acme_widgets", intents.ShowAudit("acme-widgets")),
    ("/publisher", "lsit", commands.Misspelt("/publisher", "lsit", "/publisher list")),
    ("/publisher", "add a b/c worklow=x", commands.Misspelt("/publisher", "worklow", "workflow=")),
    ("/publisher", "check a index=compny", commands.Misspelt("/publisher", "index=compny", "index=company")),
    ("/shipbell", "connect compny", commands.Misspelt("/shipbell", "compny", "/shipbell connect company")),
    ("/publisher", "remove a idex=company", commands.Misspelt("/publisher", "idex", "index=")),
    ("/publisher", "check a channel=#x", commands.Misspelt("/publisher", "channel", "")),
    ("/publisher", "check a INDEX=company", intents.CheckPublisher("a", "company")),
    ("/publisher", "add a b/c d", commands.Misspelt("/publisher", "d", "")),
    ("/publisher", "list 'never closed", intents.ListPublishers()),
    ("/publisher", "add acme-widgets <https://github.com/acme/widgets|acme/widgets>", intents.AddPublisher(wanted(), "C1")),
    ("/shipbell", "connect github", commands.OpenSignIn()),
    ("/shipbell", "zzz", commands.Misspelt("/shipbell", "zzz", "")),
    ("/publisher", "remove a =company", commands.Misspelt("/publisher", "", "")),
    ("/publisher", "add acme-widgets acme/widgets environment=R&amp;D", intents.AddPublisher(wanted(environment="R&D"), "C1")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "text", "meant"), UNDERSTOOD, ids=[f"{case[0]} {case[1]}" for case in UNDERSTOOD]
)
def test_what_is_typed_is_what_is_meant(command: str, text: str, meant: commands.Parsed) -> None:
    """Each command means one thing, however it is spelt, and a typo gets "did you mean"."""
    assert parse(command, text, HERE) == meant


def test_all_problems_come_at_once() -> None:
    """Everything that the index would refuse is told together, each with its field."""
    found = parse(
        "/publisher", "add -os acme/wid$gets workflow=a/b.txt environment=a,b index=nowhere channel=#x", HERE
    )
    assert isinstance(found, commands.Wrong)
    assert {problem.field for problem in found.problems} >= {
        "project", "repository", "workflow", "environment", "index", "channel",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", [TOKEN, f"add {TOKEN} a/b", f"add x a/b environment={TOKEN}", f"check {TOKEN}", f"list {TOKEN}"]
)
def test_a_secret_is_refused_wherever_it_stands(text: str) -> None:
    """Text that holds a token becomes nothing but the kind of token it was."""
    found = parse("/publisher", text, HERE)
    assert isinstance(found, commands.HoldsToken)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize("command", sorted(commands.COMMANDS))
def test_a_command_without_end_is_not_cut(command: str) -> None:
    """What would be cut off could be what narrows it, so nothing is done."""
    for text in ("remove a" + " " * 2_000 + "index=company", "x" * 2_001, "list " * 500):
        assert isinstance(parse(command, text, HERE), commands.Wrong)
    assert not isinstance(parse(command, "help" + " " * 1_996, HERE), commands.Wrong)


@pytest.mark.parametrize("hidden", [TOKEN[:9] + "\u200b" + TOKEN[9:], f'"{TOKEN[:7]}"{TOKEN[7:]}'])
@pytest.mark.parametrize("field", ["project", "repository", "workflow", "environment", "index"])
def test_a_hidden_secret_in_a_dialog_is_refused(field: str, hidden: str) -> None:
    """Signs that nobody sees, or quotes, hide no token."""
    found = commands.registration({"project": "a", "repository": "a/b", field: hidden}, HERE.indexes)
    assert isinstance(found, tuple)
    assert [problem.field for problem in found] == [field]


def test_another_forge_is_not_taken_for_this_one() -> None:
    """A repository pasted from another host is refused, instead of meaning one of the same name here."""
    here = dataclasses.replace(HERE, forge="https://github.com")
    found = parse("/publisher", "add a https://gitlab.example/acme/widgets", here)
    assert isinstance(found, commands.Wrong)
    assert [problem.field for problem in found.problems] == ["repository"]


def test_a_secret_in_a_dialog_is_refused_too() -> None:
    """A token can look like a project's name: a dialog's field that holds one is marked, and it is not repeated."""
    found = commands.registration({"project": TOKEN, "repository": "a/b"}, HERE.indexes)
    assert isinstance(found, tuple)
    assert TOKEN not in repr(found)
    assert [problem.field for problem in found] == ["project"]


@given(
    st.sampled_from([*sorted(commands.COMMANDS), "/else"]),
    st.text(max_size=40),
    st.integers(0, len(TOKEN)),
    st.sampled_from(["", '"', '""', "'", "\\", "\0", "\u200b", "\u201c\u201d"]),
    st.text(max_size=40),
)
def test_no_secret_comes_back(command: str, before: str, place: int, between: str, after: str) -> None:
    """A token is seen in any text, also with quotes, backslashes or signs in it that nobody sees, and never given back."""
    hidden = TOKEN[:place] + between + TOKEN[place:]
    for start in ("", "add ", "check ", "connect ", "audit ", "add a b/c environment="):
        found = parse(command, start + before + hidden + after, HERE)
        assert isinstance(found, commands.HoldsToken)
        assert TOKEN[8:] not in repr(found)


@given(st.sampled_from([*sorted(commands.COMMANDS), "/else"]), st.text(), st.lists(st.text(max_size=8)))
def test_no_text_breaks_it(command: str, text: str, words: list[str]) -> None:
    """Whatever is typed, there is an answer, and no other word than the command's own decides what is done."""
    for typed in (text, " ".join(["add", *words]), "check " + text, "connect " + text):
        assert parse(command, typed, HERE) is not None
