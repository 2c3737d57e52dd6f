"""The dialog that registers a publisher: its fields, and what was found out about them.

Knows: words, the ids of fields, every `Noted`. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bot.core.names import Problem, parse_slug
from bot.core.proposals import Note, Noted, Package
from bot.core.publisher_forms import USUAL, Form, Looked, NameIs, PublisherFormShown
from bot.core.repositories import RepositorySummary
from bot.slack.blocks import forms
from bot.slack.blocks.base import OPTION, OPTIONS, Block, cut, escape, plain, section
from bot.slack.blocks.dialogs import ADD_PUBLISHER
from bot.slack.blocks.forms import INDEX_CHOICE, View, choice, field, modal, text_field
from bot.slack.blocks.pieces import paragraphs, tick

CHANNEL = "channel"
VALUE_LENGTH = 150
"""Characters of an option's value."""
LINES = 12
"""Things that are told below the fields."""


def form(shown: PublisherFormShown) -> View:
    """Return the dialog."""
    at = shown.form
    blocks = [
        section("This lets the workflow publish the project without a long-lived token. Tokens and publishers that the index knows already stay valid."),
        _repository(at, menu=shown.menu),
        *([_reading(at)] if at.reading else []),
        *(_field(at, name) for name in ("project", "workflow", "environment") if not at.hides(name)),
        field(place(at, "index"), "Index", choice(shown.indexes, at.fields["index"]), dispatch=True),
        _channel(at),
        *_told(at, shown.looked),
    ]  # fmt: skip
    return modal(
        "Trusted publisher",
        blocks,
        ADD_PUBLISHER,
        "Set up",
        external_id=at.view_id[:255],
        private_metadata=json.dumps(
            {
                "channel": at.channel[:60],
                "own": [name for name in at.own if name in USUAL],
                "rounds": dict(sorted(at.rounds.items())),
                "round": at.round,
            }
        ),
    )


_CHANNELS = {"type": "conversations_select", "default_to_current_conversation": True,
             "filter": {"include": ["public", "private"], "exclude_bot_users": True}}  # fmt: skip


def _channel(at: Form) -> Block:
    """Return where the channel is chosen: who comes from the Home tab has typed a command in none."""
    hint = (
        "Empty: the channel where you typed the command."
        if at.channel
        else "One that I have been invited to."
    )
    return field(CHANNEL, "Channel to tell", _CHANNELS, hint, optional=bool(at.channel))


def place(at: Form, name: str) -> str:
    """Return a field's block id: another one in each round in which it was made anew, else Slack keeps what was there."""
    block = INDEX_CHOICE if name == "index" else name
    return f"{block}.{at.rounds[name]}" if at.rounds.get(name) else block


def _repository(at: Form, *, menu: bool) -> Block:
    chosen = at.fields["repository"]
    if not menu:
        element = text_field(chosen, "acme/widgets", 200, on_enter=True)
        return field(
            place(at, "repository"), "Repository", element, "OWNER/REPO on GitHub. Press Enter, and I read the rest from it.",
            dispatch=True,
        )  # fmt: skip
    search: dict[str, Any] = {
        "type": "external_select",
        "placeholder": plain("acme/widgets", 150),
        "min_query_length": 0,
    }
    if chosen:
        search["initial_option"] = option(chosen, chosen)
    return field(
        place(at, "repository"), "Repository", search,
        "Search what I see on GitHub, or type OWNER/REPO of any other. I read the rest from it.", dispatch=True,
    )  # fmt: skip


def option(text: str, value: str) -> dict[str, Any]:
    """Return one choice of a menu."""
    return {"text": plain(text or "?", OPTION), "value": value[:VALUE_LENGTH] or "-"}


def _reading(at: Form) -> Block:
    return section(
        f":hourglass_flowing_sand: I read {tick(at.fields['repository'], 150)}: what I find will stand here."
    )


def _field(at: Form, name: str) -> Block:
    block, value = place(at, name), at.fields[name]
    if name == "workflow":
        element = text_field(value, longest=255, on_enter=True)
        return field(block, "Workflow file", element, "In .github/workflows/, its name alone.", dispatch=True)
    if name == "environment":
        hint = "Of the publishing job. Empty accepts any, which is less safe."
        return field(
            block, "Environment", text_field(value, on_enter=True), hint, optional=True, dispatch=True
        )
    if at.packages and (not value or any(one.name == value for one in at.packages)):
        hint = "The packages of this repository. For another name: /publisher add PROJECT OWNER/REPO."
        return field(block, "Project", _packages(at.packages, value), hint, dispatch=True)
    element = text_field(value, "acme-widgets", 200, on_enter=True)
    hint = "The package's name on the index. It need not exist yet."
    return field(block, "Project", element, hint, dispatch=True)


def _packages(packages: Sequence[Package], chosen: str) -> dict[str, Any]:
    options = [
        option(f"{one.name} ({one.folder})" if one.folder else one.name, one.name) for one in packages
    ][:OPTIONS]
    first = next((one for one in options if one["value"] == chosen), None)
    select: dict[str, Any] = {"type": "static_select", "options": options}
    select["placeholder"] = plain("Which package?", 150)
    return select | ({"initial_option": first} if first else {})


def _told(at: Form, looked: Looked) -> list[Block]:
    """Return what was found out: what the index would refuse first."""
    lines = [f":x: {escape(cut(one.message, 300))}" for one in looked.problems]
    if looked.shared_with:
        lines.append(_shared(at, looked.shared_with))
    lines += [text for text in (_name(looked.name, at.fields["project"], at.fields["index"]),) if text]
    lines += [f":information_source: {words(note)}" for note in looked.notes]
    return paragraphs(lines[:LINES], most=LINES) if lines else []


def _shared(at: Form, other: str) -> str:
    return (
        f":warning: {tick(other)} waits on the index with this repository, workflow and environment too, and an index keeps "
        f"only one such publisher: {tick(at.fields['project'])} needs another environment, such as "
        f"{tick((at.fields['environment'] or 'pypi') + '-' + at.fields['project'])}, in its publishing job too."
    )


def _name(name: NameIs, project: str, index: str) -> str:
    said = {
        NameIs.NOT_ASKED: "",
        NameIs.FREE: f":white_check_mark: The name {tick(project)} is free on {tick(index)}.",
        NameIs.THERE: f":information_source: {tick(project)} is on {tick(index)} already. Whether it is yours only its owners "
        "can tell: one of them must add the publisher.",
        NameIs.CLOSED: f":x: {tick(project)} is closed on {tick(index)}: it takes no uploads.",
        NameIs.UNKNOWN: f":grey_question: Whether {tick(project)} is free, {tick(index)} did not say just now.",
    }
    return said[name]


def errors(problems: Sequence[Problem], places: Mapping[str, str]) -> dict[str, str]:
    """Return Slack's inline errors, each at its field's block, several of a field together.

    `places` are the blocks of the fields that are there; what is said of one that isn't stands at the repository.
    """
    names = {"owner": "repository", "slug": "repository"}
    there = places.get("repository", "repository")
    at = {problem.field: places.get(names.get(problem.field, problem.field)) or there for problem in problems}
    return forms.errors(problems, at)


STILL_READING = "I am still reading the repository. Wait a moment, or choose it again."


def options(found: Sequence[RepositorySummary] | str, typed: str) -> list[dict[str, Any]]:
    """Return what the repository's menu offers: what was found, and what was typed in full, seen or not."""
    offered = [] if isinstance(found, str) else [option(_summary(one), one.full_name) for one in found]
    slug = parse_slug(typed)
    full = f"{slug.owner}/{slug.repository}" if slug else ""
    if full and full.lower() not in {one["value"].lower() for one in offered}:
        offered.append(option(full, full))
    if isinstance(found, str) and not offered:
        offered.append(option(f"Type OWNER/REPO in full. {' '.join(found.split())}", NO_CHOICE))
    return offered[:OPTIONS]


NO_CHOICE = "-"
"""The value of what stands in the menu and is no repository."""


def _summary(one: RepositorySummary) -> str:
    said = [word for word, so in (("private", one.private), ("archived", one.archived)) if so]
    return f"{one.full_name} ({', '.join(said)})" if said else one.full_name


class _Values(dict[str, str]):
    """Values by name; one that is missing is ""."""

    def __missing__(self, name: str) -> str:
        return ""


def words(note: Note) -> str:
    """Return a note as whole sentences, with what to do about it; mrkdwn, escaped."""
    return _WORDS[note.what](_Values(note.values)).strip()


def _each(names: str) -> str:
    return ", ".join(tick(name) for name in names[:300].split(", "))


def _plain(text: str) -> str:
    return escape(cut(" ".join(text.split()), 300))


_WORDS: Mapping[Noted, Callable[[Mapping[str, str]], str]] = MappingProxyType(
    {
        Noted.UNSEEN: lambda v: f"I could not read the repository, so the rest is yours to type. {_plain(v['detail'])}",
        Noted.MOVED: lambda v: f"The repository has another name now{_now(v['now'])}. Give that one: an index would not know it by the old one.",
        Noted.ARCHIVED: lambda _: "The repository is archived: no workflow runs there until somebody unarchives it.",
        Noted.CUT: lambda _: "I could not look through all of its files: packages in other folders may be missing here.",
        Noted.NO_PYPROJECT: lambda _: "It has no `pyproject.toml` that I can see, so the project's name is yours to type.",
        Noted.MORE_PACKAGES: lambda v: f"{_plain(v['count'])} more `pyproject.toml` were not read.",
        Noted.PYPROJECT_UNREAD: lambda v: f"{tick(v['path'], 150)} was not read. {_plain(v['detail'])}",
        Noted.PYPROJECT_BROKEN: lambda v: f"{tick(v['path'], 150)} is no TOML that can be read, or too long. Mend it, or type the name.",
        Noted.NAME_NOT_TOLD: lambda v: f"{tick(v['path'], 150)} names no project; a `setup.py` or a plug-in may. Type the name.",
        Noted.NAME_REFUSED: lambda v: f"{tick(v['path'], 150)} says {tick(v['name'], 60)}, a name that no index takes. Change it there.",
        Noted.SEVERAL_PACKAGES: lambda v: f"The repository holds several packages: {_each(v['names'])}. Each needs a publisher of its own.",
        Noted.NO_WORKFLOW: lambda v: f"None of its workflows publishes there as far as I see. Once registered, I can propose {tick(v['workflow'])} as a pull request.",
        Noted.WORKFLOW_UNREAD: lambda v: f"The workflow {tick(v['workflow'])} could not be read. {_plain(v['detail'])}",
        Noted.MORE_WORKFLOWS: lambda v: f"{_plain(v['count'])} more workflows were not read.",
        Noted.SEVERAL_WORKFLOWS: lambda v: f"{tick(v['others'], 300)} publish there too; I took {tick(v['workflow'])}.",
        Noted.OTHER_INDEX: lambda v: f"The workflow {tick(v['workflow'])} publishes {_elsewhere(v['used'])}, not to {tick(v['index'])}.",
        Noted.NO_ENVIRONMENT: lambda v: f"The publishing job of {tick(v['workflow'])} names no environment: let it name {tick(v['environment'])}, or leave the environment empty here. They must be the same.",
        Noted.COMPUTED_ENVIRONMENT: lambda v: f"The environment of {tick(v['workflow'])} is computed ({tick(v['used'])}): type what it comes to.",
        Noted.SEVERAL_ENVIRONMENTS: lambda v: f"Other publishing jobs name {tick(v['others'], 300)}; I took {tick(v['environment'])}.",
        Noted.REUSABLE: lambda v: f"{tick(v['workflow'])} is only called by other workflows, and an index takes none such: name the one that calls it.",
    }
)  # fmt: skip


def _now(name: str) -> str:
    return f", {tick(name, 150)}" if name else ""


def _elsewhere(host: str) -> str:
    return f"to {tick(host, 150)}" if host else "somewhere that is computed when it runs"
