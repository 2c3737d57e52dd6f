"""Changing a policy: what people type, checked, and what it makes of the policy.

Knows: the policy's fields as words. Must not know: who may change it, Slack.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from bot.core.approvals import MOST_SEATS, Policy, Publish, Tell, is_group
from bot.core.names import Problem
from bot.core.permissions import OF_TEAM
from bot.core.roles import Holders, Role, named

MOST_NAMES = 50
SHORTEST, LONGEST = 10, 30 * 86_400
"""Seconds that a request may wait for approvals."""
_SPAN = re.compile(r"(\d{1,7})\s*(s|m|h|d)?", re.ASCII | re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PERSON = re.compile(r"<@([UW][A-Z0-9]{2,30})(?:\|[^>]*)?>|@?([UW][A-Z0-9]{6,30})", re.ASCII)
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]{2,30})(?:\|[^>]*)?>|@?(S[A-Z0-9]{6,30})", re.ASCII)
_FLAGS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_NONE = frozenset({"", "none", "default"})
_EMPTY = {
    "approvers": ("everybody",),
    "groups": ("none", "nobody"),
    "deny": ("nobody", "none"),
    "glass": ("admins",),
    **{role.value: ("everybody",) for role in Role},
    Role.SETTERS.value: ("admins",),
}
"""What an empty list means, in words: `approvers=nobody` must not let everybody in."""
_WORDS = frozenset({"none", "nobody", "everybody", "admins"})
ROLES = "roles"
"""The policy's field that holds whom it names for each role."""
_TEAMS = "This is the workspace's alone to say: leave the project out."


class _Wrong(ValueError):
    """A value that can't be used; its text is the remedy."""


def changed(
    policy: Policy, changes: Mapping[str, str], indexes: Sequence[str], project: str = ""
) -> Policy | tuple[Problem, ...]:
    """Return the policy (of a project, or "": of the team) with what was typed, or every problem at once."""
    problems: list[Problem] = []
    values: dict[str, object] = {}
    roles = policy.roles
    for word, text in changes.items():
        field, read = FIELDS[word]
        try:
            value = read(text.strip())
        except _Wrong as error:
            problems.append(Problem(word, str(error)))
            continue
        if field == ROLES:
            roles = named(roles, Role(word), value)  # type: ignore[arg-type]  # `_names` has read it
        else:
            values[field] = value
    if project:
        problems += [Problem(role, _TEAMS) for role in sorted(OF_TEAM & set(changes))]
    index = values.get("rehearsal", "")
    if index and index not in indexes:
        problems.append(Problem("rehearsal", f"There is no index called {str(index)[:40]!r} here."))
    return tuple(problems) if problems else replace(policy, roles=roles, **values)  # type: ignore[arg-type]  # read above


def of_project(roles: tuple[Holders, ...]) -> tuple[Holders, ...]:
    """Return what a project's first policy takes over of the workspace's roles: what that does not say for all."""
    return tuple(one for one in roles if one.role is not Role.SETTERS and one.role not in OF_TEAM)


def too_few(policy: Policy) -> int | None:
    """Return how many could approve where those named can never be enough; None where they may be.

    A group may hold anybody, so only bare people are counted.
    """
    named = (*policy.approvers, *policy.one_of_each)
    if not named or any(is_group(name) for name in named):
        return None
    left = len(set(named) - set(policy.deny))
    return left if left < policy.quorum else None


def _number(least: int, most: int, what: str) -> Callable[[str], object]:
    def read(text: str) -> object:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
            raise _Wrong(f"Give {what} from {least} to {most}.")
        return int(text)

    return read


def _term(text: str) -> object:
    found = _SPAN.fullmatch(text)
    seconds = int(found[1]) * _SECONDS[(found[2] or "h").lower()] if found else 0
    if not SHORTEST <= seconds <= LONGEST:
        raise _Wrong("Give hours, or a span such as 90m or 2d, from 10s to 30d.")
    return seconds


def _flag(text: str) -> object:
    if text.lower() not in _FLAGS:
        raise _Wrong("Say yes or no.")
    return _FLAGS[text.lower()]


def _names(word: str, *, people: bool) -> Callable[[str], object]:
    def read(text: str) -> object:
        if text.lower() in {"", "default", *_EMPTY[word]}:
            return ()
        if text.lower() in _WORDS:
            raise _Wrong(f"Name people or user groups; {word}={_EMPTY[word][0]} takes the list away.")
        found = [_name(one.strip(), people=people) for one in text.split(",")]
        if len(found) > MOST_NAMES:
            raise _Wrong(f"Name at most {MOST_NAMES}; a user group holds more.")
        return tuple(dict.fromkeys(found))

    return read


def _name(text: str, *, people: bool) -> str:
    for pattern in (_PERSON, _GROUP) if people else (_GROUP,):
        if found := pattern.fullmatch(text):
            return found[1] or found[2]
    whom = "people or user groups" if people else "user groups"
    raise _Wrong(f"Slack did not say who {text[:40]!r} is: pick {whom} from the list that opens at @.")


def _tell(text: str) -> object:
    try:
        return Tell(text.lower())
    except ValueError:
        raise _Wrong(f"Say one of {', '.join(Tell)}.") from None


def _publish(text: str) -> object:
    try:
        return Publish(text.lower())
    except ValueError:
        raise _Wrong(
            "Say workflow, which publishes through a trusted publisher, or bot: I upload it myself."
        ) from None


def _index(text: str) -> object:
    return "" if text.lower() in _NONE else text


FIELDS: Mapping[str, tuple[str, Callable[[str], object]]] = MappingProxyType(
    {
        "quorum": ("quorum", _number(0, MOST_SEATS, "how many people must approve,")),
        "approvers": ("approvers", _names("approvers", people=True)),
        "groups": ("one_of_each", _names("groups", people=False)),
        "deny": ("deny", _names("deny", people=True)),
        "requester": ("requester_counts", _flag),
        "expires": ("expires_seconds", _term),
        "glass": ("break_glass", _names("glass", people=True)),
        "rehearsal": ("rehearsal", _index),
        "deployments": ("approve_deployments", _flag),
        "tell": ("tell", _tell),
        "watch": ("watch", _flag),
        "thank": ("thank", _flag),
        "rights": ("rights", _flag),
        "publish": ("publish", _publish),
        "second": ("second", _flag),
        **{role.value: (ROLES, _names(role.value, people=True)) for role in Role},
    }
)
"""What can be typed -> the policy's field, and how its value is read."""
