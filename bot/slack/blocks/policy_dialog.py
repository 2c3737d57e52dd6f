"""The dialogs of a policy: all of it in words, what is changed together, a freeze.

Knows: words, the ids of its fields and buttons. Must not know: Bolt, network, rules.

A field's block id is its word, where its value has two parts which of them, and what it is of: Slack keeps what was typed in a
field of the same id, also when the dialog shows another project.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from bot.core.approvals import Publish, Tell, is_group
from bot.core.intents import PolicyPart
from bot.core.permission_notices import DialogShut
from bot.core.policy_forms import GROUPS, PEOPLE, PolicyFormShown, value_of, words_of
from bot.core.release_notices import FreezeLine
from bot.core.roles import Role
from bot.slack.blocks import permissions, policies
from bot.slack.blocks.base import OPTION, OPTIONS, Block, actions, button, confirm, context, plain, section
from bot.slack.blocks.dialogs import WHOLE_TEAM
from bot.slack.blocks.forms import View, field, modal, text_field
from bot.slack.blocks.pieces import one_line, span, tidy

WHOSE, FREEZE, LIFT = "policy.whose", "policy.freeze", "policy.lift"
PART = "policy.part."
SAVE, FROZEN = "policy.save", "policy.frozen"
CHANNEL = "channel"
MOST_FREEZES = 50
"""Freezes that one press ends at most: so many names fit into what a dialog carries along."""
REASON = 300
DIVIDER: Block = MappingProxyType({"type": "divider"})
_TITLES: Mapping[PolicyPart, str] = MappingProxyType(
    {
        PolicyPart.OVERVIEW: "Release policy",
        PolicyPart.DECIDING: "Who decides",
        PolicyPart.ROLES: "Who may do what",
        PolicyPart.ACTING: "What I do and tell",
    }
)
_TERMS = (3_600, 4 * 3_600, 8 * 3_600, 86_400, 2 * 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400)
_ONLY = "Nobody named: every full member."


def loading(external_id: str) -> View:
    """Return the dialog that opens at once, since Slack's `trigger_id` lives for three seconds."""
    return modal(
        "Release policy",
        [section(":hourglass_flowing_sand: Loading …")],
        "loading",
        external_id=external_id,
    )


def shut(notice: DialogShut) -> View:
    """Return the dialog of somebody who may not see it: why, and who may."""
    said = permissions.not_allowed(notice.why)
    return modal("Not for you", said.blocks, "shut", external_id=notice.view_id)


def view(notice: PolicyFormShown) -> View:
    """Return one of a policy's dialogs, filled in."""
    carried = {
        "dialog": notice.view_id[:255], "project": one_line(notice.project, 200), "part": str(notice.part),
        "channel": notice.channel[:60], "second": "yes" if notice.second else "",
    }  # fmt: skip
    more = {"external_id": notice.view_id, "private_metadata": json.dumps(carried)}
    title = _TITLES[notice.part]
    if notice.part is PolicyPart.OVERVIEW:
        shown = {"freezes": ",".join(line.name[:12] for line in _own(notice))}
        more["private_metadata"] = json.dumps(carried | shown if shown["freezes"] else carried)
        return modal(title, _overview(notice), "policy.overview", **more)
    return modal(title, [*_whose(notice), *_fields(notice)], SAVE, "Save", **more)


def _overview(notice: PolicyFormShown) -> list[Block]:
    said = dict(policies.described(notice.policy, notice.project))
    parts = (PolicyPart.DECIDING, PolicyPart.ROLES, PolicyPart.ACTING)
    waits = [section(policies.waits(notice.waiting_by))] if notice.waiting_by else []
    more = [context("More projects: `/shipbell policy PROJECT` shows each.")] if notice.more else []
    return [
        section("*Whose policy*", accessory=_chooser(notice)),
        *more,
        context(_stands(notice)),
        *waits,
        *(block for part in parts for block in _shown(notice, part, said)),
        DIVIDER,
        *policies.freezes(notice.freezes),
        _freezing(notice),
    ]


def _chooser(notice: PolicyFormShown) -> dict[str, Any]:
    everything = {"text": plain("The whole workspace", OPTION), "value": WHOLE_TEAM}
    options = [everything, *(_option(name, name) for name in notice.projects)]
    chosen = notice.project or WHOLE_TEAM
    first = next((one for one in options[:OPTIONS] if one["value"] == chosen), None)
    # One that is too long for a menu, or the hundredth, was named in the command.
    shown = {"initial_option": first} if first else {}
    label = plain(one_line(notice.project, 150), 150) if first is None else first["text"]
    return {
        "type": "static_select",
        "action_id": WHOSE,
        "options": options[:OPTIONS],
        "placeholder": label,
        **shown,
    }


def _stands(notice: PolicyFormShown) -> str:
    if not notice.project:
        return "It holds for every project that has no policy of its own."
    if notice.of_project:
        return f"*{tidy(notice.project, 60)}* has a policy of its own; the workspace's says nothing about it."
    return f"*{tidy(notice.project, 60)}* follows the workspace's policy. It gets its own with the first change that you save here."


def _shown(notice: PolicyFormShown, part: PolicyPart, said: Mapping[str, str]) -> list[Block]:
    """Return what a part of the policy says, in words, with the button that changes it."""
    title = _TITLES[part]
    by_word = {
        name.rpartition(" (")[2].rstrip(")"): (name.rpartition(" (")[0], text) for name, text in said.items()
    }
    lines = [
        f"{label}: *{_plain(text)}*"
        for label, text in map(by_word.__getitem__, words_of(part, notice.project))
    ]
    # Slack reads the label to those who don't see which part the button stands beside.
    change = button(
        "Change…",
        f"{PART}{part}",
        one_line(notice.project, 200) or WHOLE_TEAM,
        accessibility_label=f"Change: {title}",
    )
    return [DIVIDER, section("\n".join([f"*{title}*", *lines]), accessory=change)]


def _plain(text: str) -> str:
    """Return a value without what would end the bold letters."""
    return text.replace("*", "")


def _freezing(notice: PolicyFormShown) -> Block:
    of = f"{one_line(notice.project, 40)}" if notice.project else "every project"
    value = one_line(notice.project, 200) or WHOLE_TEAM
    own = _own(notice)
    sure = confirm("Lift the freeze?", f"Releases of {tidy(of, 60)} are possible again at once.", "Lift it")
    lift = [button(f"Lift the freeze of {of}", LIFT, value, confirm=sure)] if own else []
    return actions(button(f"Freeze {of}…", FREEZE, value), *lift)


def _own(notice: PolicyFormShown) -> list[FreezeLine]:
    """Return the freezes that are the project's own, or the workspace's: as many as one dialog can end."""
    return [line for line in notice.freezes if line.project == notice.project][:MOST_FREEZES]


def _whose(notice: PolicyFormShown) -> list[Block]:
    of = f"*{tidy(notice.project, 60)}*" if notice.project else "*the whole workspace*"
    first = (
        ""
        if notice.of_project or not notice.project
        else " It gets a policy of its own, begun from the workspace's."
    )
    wait = (
        ":busts_in_silhouette: A change waits until a second person who may set the policy agrees."
        if notice.second
        else ""
    )
    holds = "It holds for releases asked for from now on; one under way only gets stricter."
    return [section(f"The policy of {of}.{first}"), context(holds), *([context(wait)] if wait else [])]


def _fields(notice: PolicyFormShown) -> list[Block]:
    fields = [block for word in words_of(notice.part, notice.project) for block in _field(notice, word)]
    asks = notice.second or notice.part is PolicyPart.ROLES
    return [*fields, *([_second_channel(notice)] if asks else [])]


def _second_channel(notice: PolicyFormShown) -> Block:
    known = notice.channel and not notice.channel.startswith("D")
    element: dict[str, Any] = {
        "type": "conversations_select",
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    first = {"initial_conversation": notice.channel} if known else {}
    hint = "A channel that I am in, and whoever else may set the policy. Needed only where a second person must agree."
    return field(CHANNEL, "Where a second person is asked", element | first, hint, optional=not notice.second)


def _field(notice: PolicyFormShown, word: str) -> list[Block]:
    label, hint = _LABELS[word]
    value = value_of(notice.policy, word)
    if word in PEOPLE | GROUPS:
        return _names(notice, word, value)
    element = _CHOICES[word](notice, value[0]) if word in _CHOICES else _number(value[0])
    return [field(block_id(word, notice.project), label, element, hint)]


def block_id(word: str, project: str, what: str = "") -> str:
    """Return the id of a field: its word, `people` or `groups` where it has both, and what tells it from another project's."""
    return ".".join((word, what, sha256(project.encode()).hexdigest()[:8]))


def _names(notice: PolicyFormShown, word: str, value: Sequence[str]) -> list[Block]:
    label, hint = _LABELS[word]
    people = [name for name in value if not is_group(name)]
    groups = [name for name in value if is_group(name)]
    picker: dict[str, Any] = {"type": "multi_users_select", "placeholder": plain("Choose people", 150)}
    chosen = picker | ({"initial_users": people} if people else {})
    offered = _groups(notice, groups)
    both = word in PEOPLE
    fields = []
    if both:
        fields.append(field(block_id(word, notice.project, "people"), label, chosen, hint, optional=True))
    if offered:
        name, more = (f"{label}: user groups", "Beside the people named above.") if both else (label, hint)
        fields.append(field(block_id(word, notice.project, "groups"), name, offered, more, optional=True))
    return fields


def _groups(notice: PolicyFormShown, chosen: Sequence[str]) -> dict[str, Any] | None:
    """Return the menu of user groups, those that are named first; None where the workspace has none."""
    names = dict.fromkeys([*chosen, *sorted(notice.handles, key=lambda one: notice.handles[one].lower())])
    options = [_option(f"@{notice.handles.get(name) or name}", name) for name in list(names)[:OPTIONS]]
    if not options:
        return None
    first = {"initial_options": options[: len(chosen)]} if chosen else {}
    return {
        "type": "multi_static_select",
        "options": options,
        "placeholder": plain("Choose user groups", 150),
    } | first


def _option(text: str, value: str, what: str = "") -> dict[str, Any]:
    more = {"description": plain(what, OPTION)} if what else {}
    return {"text": plain(one_line(text, OPTION), OPTION), "value": value[:150], **more}


def _number(value: str) -> dict[str, Any]:
    # Slack takes no decimals, and tells of what is out of these bounds itself.
    return {
        "type": "number_input",
        "is_decimal_allowed": False,
        "initial_value": value,
        "min_value": "0",
        "max_value": "10",
    }


def _radio(options: Iterable[dict[str, Any]], value: str) -> dict[str, Any]:
    listed = list(options)
    return {
        "type": "radio_buttons",
        "options": listed,
        "initial_option": next(one for one in listed if one["value"] == value),
    }


def _yes_no(yes: str, no: str) -> Any:
    return lambda _notice, value: _radio((_option(f"Yes: {yes}", "yes"), _option(f"No: {no}", "no")), value)


def _terms(_notice: PolicyFormShown, value: str) -> dict[str, Any]:
    seconds = sorted({*_TERMS, int(value.rstrip("s"))})
    options = [_option(span(one), f"{one}s") for one in seconds]
    first = next(one for one in options if one["value"] == value)
    return {"type": "static_select", "options": options, "initial_option": first}


def _indexes(notice: PolicyFormShown, value: str) -> dict[str, Any]:
    names = dict.fromkeys([*notice.indexes[: OPTIONS - 2], *([value] if value != "none" else [])])
    options = [_option("No rehearsal", "none"), *(_option(f"First on {name}", name) for name in names)]
    first = next(one for one in options if one["value"] == value[:150])
    return {"type": "static_select", "options": options, "initial_option": first}


_HEARS: Mapping[Tell, str] = MappingProxyType(
    {
        Tell.ALL: "Every release",
        Tell.FINAL: "Final releases: no pre-releases",
        Tell.PRE: "Pre-releases alone",
        Tell.FAILURES: "Failures alone",
    }
)
_CHOICES: Mapping[str, Any] = MappingProxyType(
    {
        "requester": _yes_no("whoever asks may approve too", "somebody else approves"),
        "rights": _yes_no("each must have push access", "what they may do on GitHub does not matter"),
        "expires": _terms,
        "second": _yes_no("two people make each change", "one person is enough"),
        "publish": lambda _notice, value: _radio(
            (
                _option(
                    "The project's workflow",
                    Publish.WORKFLOW,
                    "Through its trusted publisher: no secret is kept.",
                ),
                _option(
                    "I upload it myself",
                    Publish.BOT,
                    "With a credential that is kept for long: the exception.",
                ),
            ),
            value,
        ),
        "rehearsal": _indexes,
        "deployments": _yes_no(
            "I approve it once the team has approved", "somebody approves it on GitHub too"
        ),
        "tell": lambda _notice, value: _radio((_option(text, tell) for tell, text in _HEARS.items()), value),
        "watch": _yes_no("I tell of each", "I keep silent"),
        "thank": _yes_no("I comment on each", "I comment on none"),
    }
)
_LABELS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "quorum": (
            "Approvals",
            "How many people must approve a release, from 0 to 10. With 0 it is published as soon as the checks pass.",
        ),
        "approvers": ("Approvers", "Whose approval counts. Nobody named: every full member's."),
        "groups": (
            "Required groups",
            "At least one approval from each of these user groups, each by a different person.",
        ),
        "deny": (
            "Never approves",
            "Their approval never counts, and they don't break the glass, whatever else is said here.",
        ),
        "requester": ("May whoever asks for a release approve it?", "If not, somebody else must approve it."),
        "rights": (
            "Must whoever asks or approves have push access?",
            "I ask GitHub; people connect their accounts with /shipbell connect github.",
        ),
        "expires": ("A request ends after", "What is not approved by then has to be asked for again."),
        "glass": (
            "May break the glass",
            "Release in an emergency without the approvals, loudly. Nobody named: workspace admins and owners.",
        ),
        "publish": ("What publishes", "A trusted publisher is safer: nothing can be stolen."),
        "rehearsal": (
            "Rehearsal",
            "Each release is published on that index first, and on the real one only if that went well.",
        ),
        "deployments": (
            "When the run waits at its environment",
            "The forge's own gate before the job that publishes.",
        ),
        "tell": ("The channel hears of", "Each channel can change that for itself: /release tell."),
        "watch": ("Versions that were not released through me", "Somebody else may have published them."),
        "thank": ("Pull requests that shipped", "A comment there says in which version."),
        "second": (
            "Does a change of this policy need a second person?",
            "Who asked for it can't agree to it.",
        ),
        Role.SETTERS: (
            permissions.ROLES[Role.SETTERS],
            "Beside workspace admins and owners, who always may.",
        ),
        Role.PUBLISHERS: (permissions.ROLES[Role.PUBLISHERS], _ONLY),
        Role.IMPORTERS: (permissions.ROLES[Role.IMPORTERS], _ONLY),
        Role.KEEPERS: (permissions.ROLES[Role.KEEPERS], _ONLY),
        Role.ASKERS: (permissions.ROLES[Role.ASKERS], _ONLY),
        Role.YANKERS: (permissions.ROLES[Role.YANKERS], _ONLY),
        Role.STEERERS: (permissions.ROLES[Role.STEERERS], _ONLY),
        Role.OVERRIDERS: (permissions.ROLES[Role.OVERRIDERS], _ONLY),
        Role.AUDITORS: (permissions.ROLES[Role.AUDITORS], f"{_ONLY} Workspace admins and owners always may."),
    }
)


def freeze(project: str, channel: str) -> View:
    """Return the dialog that freezes releases, of a project or ("") of all."""
    of = f"*{tidy(project, 60)}*" if project else "*every project*"
    carried = json.dumps({"project": one_line(project, 200), "channel": channel[:60]})
    when: dict[str, Any] = {"type": "datetimepicker"}
    blocks = [
        section(f":ice_cube: Nothing of {of} is released in that time, unless somebody overrides it with a reason."),
        field("from", "From", when, "In your own time zone. Empty: from now on.", optional=True),
        field("until", "Until", when, "Empty: until somebody lifts it.", optional=True),
        field("reason", "Reason", text_field(example="Nobody is there over the holidays.", longest=REASON), "Everybody who asks for a release sees it."),
    ]  # fmt: skip
    return modal("Freeze releases", blocks, FROZEN, "Freeze", private_metadata=carried)
