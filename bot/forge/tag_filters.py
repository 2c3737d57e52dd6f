"""Whether pushing a tag starts a workflow, by the filters of its `on.push`.

Knows: GitHub's filter patterns ("Filter pattern cheat sheet"). Must not know: where filters and tags come from.

Patterns are walked sign by sign beside all places in the tag that they may have reached, so that none takes long.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.repositories import WorkflowFacts

LONGEST_PATTERN = 500
_TOKEN = re.compile(r"\\(.)|\[([^\]]+)\]|(?:(?<=/)|^)(\*\*/)|(\*\*)|(\*)|([?+])|(.)", re.DOTALL)
_RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of a pattern: which signs it takes, and how many."""

    signs: str = ""
    """Those that it takes, as a list or with `any_but`; "" takes any."""
    any_but: bool = False
    least: int = 1
    more: bool = False
    folders: bool = False
    """`**/`: nothing, or anything up to a slash."""

    def takes(self, sign: str) -> bool:
        """Whether it takes a sign."""
        return not self.signs or ((sign in self.signs) is not self.any_but)


def starts_on_tag(facts: WorkflowFacts, tag: str) -> bool:
    """Whether pushing a tag starts the workflow; filters on branches alone keep tags out."""
    filters = facts.push
    if "push" not in facts.triggers:
        return False
    if filters.tags:
        return matches_tag(filters.tags, tag)
    if filters.tags_ignore:
        return not matches_tag(filters.tags_ignore, tag)
    return not filters.branches


def matches_tag(patterns: Iterable[str], tag: str) -> bool:
    """Whether a tag is let in; each pattern overrules those before it, `!` at its beginning keeps out."""
    found = False
    for pattern in patterns:
        keeps_out = pattern.startswith("!")
        if keeps_out is found and _matches(pattern.removeprefix("!"), tag):
            found = not keeps_out
    return found


def _matches(pattern: str, tag: str) -> bool:
    if len(pattern) > LONGEST_PATTERN:
        return False
    reached = [True] + [False] * len(tag)
    for step in _steps(pattern):
        reached = _folders(reached, tag) if step.folders else _walk(reached, tag, step)
    return reached[-1]


def _walk(reached: list[bool], tag: str, step: _Step) -> list[bool]:
    after = list(reached) if step.least == 0 else [False] * len(reached)
    for place, sign in enumerate(tag):
        if (reached[place] or (step.more and after[place])) and step.takes(sign):
            after[place + 1] = True
    return after


def _folders(reached: list[bool], tag: str) -> list[bool]:
    first = reached.index(True) if True in reached else len(tag)
    return [here or (place > first and tag[place - 1] == "/") for place, here in enumerate(reached)]


def _steps(pattern: str) -> list[_Step]:
    steps: list[_Step] = []
    for escaped, listed, folders, double, single, count, plain in _TOKEN.findall(pattern):
        if count and steps:
            least = 0 if count == "?" else steps[-1].least
            last = steps.pop()
            steps.append(
                _Step(last.signs, last.any_but, least, more=last.more or count == "+", folders=last.folders)
            )
        elif folders:
            steps.append(_Step(folders=True))
        elif double:
            steps.append(_Step(least=0, more=True))
        elif single:
            steps.append(_Step("/", any_but=True, least=0, more=True))
        else:
            steps.append(_Step(_listed(listed) if listed else escaped or plain or count))
    return steps


def _listed(text: str) -> str:
    """Return the signs that stand in brackets, ranges spelt out."""
    found = []
    for first, last, sign in _RANGE.findall(text):
        ends = sign or first, sign or last
        found += [chr(code) for code in range(ord(ends[0]), min(ord(ends[1]), ord(ends[0]) + 127) + 1)]
    return "".join(found) or text
