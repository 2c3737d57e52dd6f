"""The audit trail's actions in words: each that is written down has a sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot.workflow
from bot.slack.blocks import deeds
from storage.records import ChangeState, PublisherState, ReleaseKind, ReleaseState

SOURCES = sorted(Path(next(iter(bot.workflow.__path__))).glob("*.py"))


def written_down(source: str) -> Iterator[str]:
    """Give the actions that a module writes down by name: the middle of (actor, action, subject)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Tuple) and len(node.elts) == 3 and isinstance(node.elts[1], ast.Constant):
            name = node.elts[1].value
            if isinstance(name, str) and "." in name and name.replace(".", "").replace("_", "").isalpha():
                yield name


def test_every_action_has_a_sentence() -> None:
    """What a workflow writes down by name, and each state that it writes down, is told in words."""
    named = {name for path in SOURCES for name in written_down(path.read_text())}
    assert len(named) > 20
    states = {f"publisher.{state}" for state in PublisherState} | {f"policy.{state}" for state in ChangeState}
    states |= {f"{kind}.{state}" for kind in ReleaseKind for state in ReleaseState}
    assert named | states <= set(deeds.DEEDS)
    assert all("{}" in text for text in deeds.DEEDS.values())


@pytest.mark.parametrize(
    ("action", "subject", "words"),
    [
        ("release.vote.approved", "demo-pkg on pypi 1.2.0", "approved *demo-pkg 1.2.0* on pypi"),
        ("yank.vote.rejected", "demo-pkg on pypi 1.2.0", "rejected the yank of *demo-pkg 1.2.0* on pypi"),
        ("policy.set", "every project", "changed the policy of every project"),
        ("channel.lost", "C1", "can't speak in <#C1> any more"),
        ("channel.lost", "<!channel>", "can't speak in *&lt;!channel&gt;* any more"),
        ("credential.added", "pypi", "kept a credential for *pypi*"),
        ("of.tomorrow", "<@U1>", "`of.tomorrow`: &lt;@U1&gt;"),
    ],
)
def test_a_deed_reads_as_a_sentence(action: str, subject: str, words: str) -> None:
    """A release is named by project and version; what is unknown keeps its name; nobody is called by a subject."""
    assert deeds.told(action, subject) == words
