"""An existing publishing workflow, mended by a small change of its text.

Knows: the lines of a workflow file. Must not know: YAML beyond plain mappings, where a file is kept, who asks.

Only the plainest files are mended, line by line, so that a diff shows nothing but what was meant; whoever calls reads
the result again and looks whether it says what it should.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.core.workflow_text import scalar

_JOBS = re.compile(r"jobs:\s*(?:#.*)?")
_KEY = re.compile(r"[A-Za-z0-9_-]+:\s*(?:#.*)?")
_PUBLISHES = re.compile(r"(?:- +)?uses: +[\"']?pypa/gh-action-pypi-publish@")
_CHECKS_OUT = re.compile(r"(?:- +)?uses: +[\"']?actions/checkout@")
_VALUE = re.compile(r"[A-Za-z0-9_.-]+|\"[^\"\\]*\"|'[^']*'")


class Lack(StrEnum):
    """What a publishing job can lack and be given."""

    ID_TOKEN = "id_token"  # noqa: S105 - a word, not a secret
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class _Span:
    """Lines of a block, without its first."""

    first: int
    end: int
    indent: int


@dataclass(frozen=True, slots=True)
class _Member:
    """One entry of a job: its line, and what stands behind the colon."""

    at: int
    value: str


class _Odd(Exception):
    """The file says it in a way that is not mended."""


def mend(text: str, lacks: Collection[Lack], environment: str) -> str | None:
    """Return the file with what its one publishing job lacks; None where that needs more than a small change."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    try:
        if Lack.ID_TOKEN in lacks:
            lines = _with_token(lines)
        if Lack.ENVIRONMENT in lacks:
            lines = _with_environment(lines, environment)
    except _Odd:
        return None
    return end.join(lines)


def _with_token(lines: list[str]) -> list[str]:
    job = _publishing(lines)
    found = _member(lines, job, "permissions")
    pad = " " * job.indent
    if found is None:
        # A job's own permissions take the place of the workflow's, so what it needs besides is said again.
        checks_out = any(_CHECKS_OUT.match(line.strip()) for line in lines[job.first : job.end])
        more = [f"{pad}  contents: read"] if checks_out else []
        return _before_steps(lines, job, [f"{pad}permissions:", f"{pad}  id-token: write", *more])
    if found.value == "{}":
        return [*lines[: found.at], f"{pad}permissions:", f"{pad}  id-token: write", *lines[found.at + 1 :]]
    if found.value:
        raise _Odd
    below = _below(lines, found.at, job)
    said = _member(lines, below, "id-token")
    entry = f"{' ' * below.indent}id-token: write"
    rest = lines[below.first :] if said is None else lines[below.first : said.at] + lines[said.at + 1 :]
    return [*lines[: below.first], entry, *rest]


def _with_environment(lines: list[str], environment: str) -> list[str]:
    job = _publishing(lines)
    found = _member(lines, job, "environment")
    entry = f"{' ' * job.indent}environment: {scalar(environment)}"
    if found is None:
        return _before_steps(lines, job, [entry])
    if found.value:
        return _replaced(lines, found, entry)
    below = _below(lines, found.at, job)
    name = _member(lines, below, "name")
    if name is None:
        raise _Odd
    return _replaced(lines, name, f"{' ' * below.indent}name: {scalar(environment)}")


def _replaced(lines: list[str], found: _Member, entry: str) -> list[str]:
    if not _VALUE.fullmatch(found.value):
        raise _Odd  # an expression, or a mapping on one line
    return [*lines[: found.at], entry, *lines[found.at + 1 :]]


def _before_steps(lines: list[str], job: _Span, entries: list[str]) -> list[str]:
    steps = _member(lines, job, "steps")
    if steps is None:
        raise _Odd
    return [*lines[: steps.at], *entries, *lines[steps.at :]]


def _publishing(lines: list[str]) -> _Span:
    """Return the one job that uploads to an index."""
    starts = [at for at, line in enumerate(lines) if _JOBS.fullmatch(line)]
    if len(starts) != 1:
        raise _Odd
    whole = _below(lines, starts[0], _Span(0, len(lines), 0))
    found = [
        job
        for at in range(whole.first, whole.end)
        if _indent(lines[at]) == whole.indent and _KEY.fullmatch(lines[at].strip())
        for job in [_below(lines, at, whole)]
        if any(_PUBLISHES.match(line.strip()) for line in lines[job.first : job.end])
    ]
    if len(found) != 1:
        raise _Odd
    return found[0]


def _below(lines: list[str], at: int, within: _Span) -> _Span:
    """Return the block below a line: all that is indented deeper."""
    outer = _indent(lines[at])
    end = next(
        (n for n in range(at + 1, within.end) if _says(lines[n]) and _indent(lines[n]) <= outer), within.end
    )
    inner = next((_indent(lines[n]) for n in range(at + 1, end) if _says(lines[n])), None)
    if inner is None:
        raise _Odd
    return _Span(at + 1, end, inner)


def _member(lines: list[str], block: _Span, name: str) -> _Member | None:
    for at in range(block.first, block.end):
        line = lines[at]
        if _says(line) and _indent(line) == block.indent and line.strip().startswith(f"{name}:"):
            value = line.strip().removeprefix(f"{name}:")
            return _Member(at, re.sub(r"(?:^|\s)#.*", "", value).strip())
    return None


def _says(line: str) -> bool:
    """Whether a line says something: neither empty nor a comment."""
    content = line.strip()
    return bool(content) and not content.startswith("#")


def _indent(line: str) -> int:
    if line[: len(line) - len(line.lstrip())].strip(" "):
        raise _Odd  # a tab, or something worse
    return len(line) - len(line.lstrip(" "))
