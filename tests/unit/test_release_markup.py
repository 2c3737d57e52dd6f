"""Whatever comes from outside, none of it calls anybody, leads anywhere, or looks like the bot's own words."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from bot.core.findings import Check, Finding, Found, Level
from bot.core.release_notices import Heard, ReleaseAnswer, ReleaseStep, Step
from bot.slack.blocks.render import MESSAGES
from tests.unit import release_examples
from tests.unit.release_examples import ASKED, REPORT
from tests.unit.wording import URL, WANTED

EVIL = "<!channel> <!here> <@U0EVIL> <!subteam^S0EVIL> <https://evil.example|ok>\n*x* `a` ```b``` |> &lt;!channel&gt;"
LIVE = re.compile(r"<(?:!(?!date\^)|@|https?:)[^>]*>")
"""What Slack would make something of, besides moments."""
VALUES = [
    "by",
    "count",
    "seats",
    "have",
    "need",
    "freeze",
    "reason",
    "tag",
    "from",
    "to",
    "finding",
    "what",
    "sha",
    "url",
    "workflow",
    "environment",
    "reviewers",
    "job",
    "conclusion",
    "step",
    "log",
    "attempt",
    "index",
    "files",
    "compared",
    "repository",
    "commit",
    "detail",
    "version",
    "wanted",
    "name",
    "failed",
    "pending",
    "passed",
    "state",
    "environments",
    "triggers",
    "status",
    "at",
    "latest",
    "kind",
    "branch",
    "why",
    "until",
    "project",
    "since",
    "people",
    "commits",
    "not_verified",
    "indexes",
    "expires",
    "release",
]


def evil(value: Any) -> Any:
    """Return a notice with every text that may come from outside made as bad as it can be."""
    if isinstance(value, str):
        return EVIL if type(value) is str else value
    if isinstance(value, tuple):
        return tuple(evil(one) for one in value)
    if isinstance(value, dict):
        return {name: evil(one) for name, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: evil(getattr(value, field.name)) for field in fields(value)})
    return value


def texts(value: Any) -> Iterator[str]:
    """Give every text in which Slack reads marks."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts(one)


def marks(notice: Any) -> list[str]:
    """Return what Slack would make something of in a notice."""
    message = MESSAGES[type(notice)](notice)
    blocks = json.loads(json.dumps([dict(block) for block in message.blocks]))
    found = [mark for text in (message.text, *texts(blocks)) for mark in LIVE.findall(text)]
    return [mark for mark in found if "EVIL" in mark or "channel" in mark or "here" in mark or "evil" in mark]


EXAMPLES = {
    f"{name} {number}": one
    for name, found in vars(release_examples).items()
    for number, one in enumerate(found.values() if isinstance(found, dict) else [found])
    if type(one) in MESSAGES
}


def test_no_marks_in_any_notice() -> None:
    """No text of a notice, wherever it came from, calls anybody or leads anywhere."""
    for name, notice in EXAMPLES.items():
        assert marks(evil(notice)) == [], name


@pytest.mark.parametrize("step", Step)
def test_no_marks_in_any_step(step: Step) -> None:
    """Names of jobs, logs, titles, reasons: in the thread they are text and nothing else."""
    for finding in ("", *Found):
        values = {**dict.fromkeys(VALUES, EVIL), "finding": str(finding)}
        for people in ((), (EVIL,)):
            assert marks(ReleaseStep(evil(WANTED), URL, EVIL, step, values, people)) == []
            assert marks(ReleaseStep(evil(WANTED), URL, EVIL, step, {**values, "tag": ""}, people)) == []


@pytest.mark.parametrize("level", Level)
def test_no_marks_in_any_finding(level: Level) -> None:
    """What was found in a repository or on an index is text and nothing else."""
    for found in Found:
        finding = Finding(Check.TAG, level, found, dict.fromkeys(VALUES, EVIL))
        assert marks(replace(ASKED, report=replace(REPORT, findings=(finding,)))) == [], found


def test_no_marks_in_any_answer() -> None:
    """What one person hears is text and nothing else."""
    for heard in Heard:
        assert marks(ReleaseAnswer(EVIL, EVIL, heard, dict.fromkeys(VALUES, EVIL))) == [], heard
