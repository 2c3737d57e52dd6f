"""What a workflow file says about publishing, read line by line.

Knows: the few members of GitHub's workflow syntax that count here. Must not know: where the file comes from.

Not a YAML parser: it reads mappings, lists and plain values, goes past the rest by indentation, and calls the file
unreadable where it meets something that could mean more than it sees (anchors, tags, tabs, lists in lists).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.core.repositories import Filters, WorkflowFacts, WorkflowJob
from bot.core.workflow_text import CONFIRM
from bot.forge.yaml_values import Unreadable, Value, inline, plain

MOST_LINES = 5_000
_ENTRY = re.compile(r"""("[^"]*"|'[^']*'|[A-Za-z0-9_$][^:#"'\[\]{},]*):(?: +(.*))?""")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_QUOTED = re.compile(r"""("[^"]*"|'[^']*')\s*(?:#.*)?""")
_BLOCK = re.compile(r"[|>][-+0-9]*")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is read of a mapping: these members, `*` for any other; without members only names count."""

    members: Mapping[str, "_Wanted"]


_NAMES = _Wanted({})
_VALUES = _Wanted({"*": _NAMES})
_JOB = _Wanted({"permissions": _VALUES, "environment": _Wanted({"name": _NAMES})})
_FILE = _Wanted({"on": _VALUES, "permissions": _VALUES, "jobs": _Wanted({"*": _JOB})})
# Read by themselves, so that what can't be read there hides nothing of the above.
_NAMED_JOBS = _Wanted({"jobs": _Wanted({"*": _Wanted({"name": _NAMES, "uses": _NAMES})})})
_FILTERS = ("tags", "tags-ignore", "branches", "branches-ignore")
_DISPATCH = _Wanted({"inputs": _Wanted({"*": _Wanted({"required": _NAMES, "default": _NAMES})})})
_EVENTS = _Wanted(
    {
        "on": _Wanted(
            {
                "push": _Wanted(dict.fromkeys(_FILTERS, _VALUES)),
                "release": _Wanted({"types": _VALUES}),
                "workflow_dispatch": _DISPATCH,
                "*": _NAMES,
            }
        )
    }
)
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class _Line:
    indent: int
    text: str

    @property
    def is_item(self) -> bool:
        return self.text == "-" or self.text.startswith("- ")


def read_workflow(text: str) -> WorkflowFacts:
    """Return what the file says; never raises."""
    value = _read(text, _FILE)
    if value is None:
        return WorkflowFacts(found=True)
    of_jobs = _mappings(value.get("jobs"))
    named, events = _read(text, _NAMED_JOBS), _read(text, _EVENTS)
    jobs = tuple(_jobs(of_jobs, _mappings((named or {}).get("jobs")), value.get("permissions")))
    on = _mappings((events or {}).get("on"))
    return WorkflowFacts(
        found=True,
        has_id_token_write=any(job.id_token for job in jobs),
        environments=tuple(dict.fromkeys(job.environment for job in jobs if job.environment)),
        triggers=tuple(_names(value.get("on"))),
        readable=True,
        jobs=jobs,
        push=_filters(on.get("push", {})),
        release_types=_list(on.get("release", {}), "types"),
        dispatch_needs_inputs=_needs_inputs(on.get("workflow_dispatch", {})),
        detailed=named is not None and events is not None,
        confirms=CONFIRM in _mappings(on.get("workflow_dispatch", {}).get("inputs"))
        and any(job.name == CONFIRM and job.id_token for job in jobs),
    )


def _read(text: str, wanted: _Wanted) -> dict[str, Value] | None:
    try:
        return _Reader(tuple(_lines(text))).whole(wanted)
    except Unreadable:
        return None


def _mappings(value: Value) -> dict[str, dict[str, Value]]:
    """Return those members that are mappings themselves."""
    members = value.items() if isinstance(value, dict) else ()
    return {name: below for name, below in members if isinstance(below, dict)}


def _jobs(
    jobs: Mapping[str, Mapping[str, Value]], named: Mapping[str, Mapping[str, Value]], permissions: Value
) -> Iterator[WorkflowJob]:
    for job_id, job in jobs.items():
        more = named.get(job_id, {})
        yield WorkflowJob(
            id=job_id[:_LONGEST],
            name=_text(more, "name") or job_id[:_LONGEST],
            environment=_environment(job),
            id_token=_may(job.get("permissions", permissions)),
            uses=_text(more, "uses"),
        )


def _filters(push: Mapping[str, Value]) -> Filters:
    return Filters(
        tags=_list(push, "tags"),
        tags_ignore=_list(push, "tags-ignore"),
        branches=_list(push, "branches") + _list(push, "branches-ignore"),
    )


def _needs_inputs(dispatch: Mapping[str, Value]) -> bool:
    inputs = _mappings(dispatch.get("inputs"))
    return any(one.get("required") == "true" and "default" not in one for one in inputs.values())


def _text(value: Mapping[str, Value], name: str) -> str:
    found = value.get(name)
    return found[:_LONGEST] if isinstance(found, str) else ""


def _list(value: Mapping[str, Value], name: str) -> tuple[str, ...]:
    found = value.get(name)
    values = [found] if isinstance(found, str) and found else found if isinstance(found, list) else []
    return tuple(one[:_LONGEST] for one in values)


def _may(permissions: Value) -> bool:
    if isinstance(permissions, dict):
        return permissions.get("id-token") == "write"
    return permissions == "write-all"


def _environment(job: Mapping[str, Value]) -> str:
    value = job.get("environment")
    name = value.get("name") if isinstance(value, dict) else value
    return name[:_LONGEST] if isinstance(name, str) else ""


def _names(value: Value) -> Iterator[str]:
    for name in [value] if isinstance(value, str) else value or ():
        yield name[:60]


def _lines(text: str) -> Iterator[_Line]:
    lines = text.removeprefix("\ufeff").splitlines()
    if len(lines) > MOST_LINES:
        raise Unreadable
    for raw in lines:
        content = raw.strip()
        if content and not content.startswith("#") and content != "---":
            yield _Line(len(raw) - len(raw.lstrip(" ")), raw.strip(" ").rstrip())


class _Reader:
    """Walks the lines once, downwards."""

    def __init__(self, lines: tuple[_Line, ...]) -> None:
        self._lines = lines
        self._at = 0

    def whole(self, wanted: _Wanted) -> dict[str, Value]:
        """Read the file."""
        return self._mapping(self._lines[0].indent, wanted) if self._lines else {}

    def _mapping(self, indent: int, wanted: _Wanted) -> dict[str, Value]:
        """Read the entries at this indentation, until one is less indented."""
        found: dict[str, Value] = {}
        while (line := self._here()) is not None and line.indent >= indent:
            entry = _ENTRY.fullmatch(line.text)
            if line.indent != indent or entry is None:
                raise Unreadable
            self._at += 1
            name = plain(entry[1])
            below = wanted.members.get(name, wanted.members.get("*"))
            if name in found:
                raise Unreadable  # GitHub refuses a file that says something twice
            if below is not None:
                found[name] = self._value(_uncommented(entry[2] or ""), indent, below)
            if below is None or not below.members:
                self._pass(indent)
        return found

    def _value(self, text: str, indent: int, wanted: _Wanted) -> Value:
        """Read what stands behind an entry's colon, or below it."""
        line = self._here()
        deeper = line is not None and line.indent > indent
        if text:
            block = _BLOCK.fullmatch(text)
            if deeper and (wanted.members or not (block or text[0] in "[{")):
                raise Unreadable  # it goes on below
            if block or (text[0] in "[{" and not wanted.members):
                return "" if block else None  # only the name counts
            return inline(text)
        if line is None or not wanted.members:
            return None
        if line.is_item and line.indent >= indent:
            return self._items(line.indent)
        return self._mapping(line.indent, wanted) if deeper else None

    def _items(self, indent: int) -> list[str]:
        """Read a list of plain values."""
        found = []
        while (line := self._here()) is not None and line.indent == indent and line.is_item:
            self._at += 1
            found.append(plain(_uncommented(line.text[1:].strip())))
        return found

    def _pass(self, indent: int) -> None:
        """Go past what is left of an entry at this indentation, a list at the same one included."""
        while (line := self._here()) is not None and (
            line.indent > indent or (line.indent == indent and line.is_item)
        ):
            self._at += 1

    def _here(self) -> _Line | None:
        return self._lines[self._at] if self._at < len(self._lines) else None


def _uncommented(text: str) -> str:
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1]
    return _COMMENT.sub("", text).strip()
