"""What the bot says of a publisher's set-up: findings, the dialog with the pull request, how that ended.

Knows: words, every `Found` and `Outcome` of setting up, the ids of fields. Must not know: how it was found, Bolt, network.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bot.core.findings import Level
from bot.core.setup import Found, SetupReport
from bot.core.setup_notices import Outcome, PullAnswer, PullOpened, SetupShown
from bot.slack.blocks.base import (
    Block,
    Message,
    actions,
    button,
    context,
    cut,
    escape,
    link_button,
    message,
    person,
    plain,
    section,
)
from bot.slack.blocks.findings import LEVELS
from bot.slack.blocks.forms import View, field, modal, text_field
from bot.slack.blocks.pieces import count, go, mention, paragraphs, tick, tidy
from storage.records import Registration

OPEN, PULL, LINK = "setup.open", "setup.pull", "link"
"""The button that opens the dialog, the dialog itself, a button that leads elsewhere."""
CONFIRM = "publisher.confirm"
"""The button that asks for a run of the workflow's `confirm` job, and the dialog that it opens."""
PAGE = 2_700
"""Characters of a difference in one paragraph."""
REVIEWERS = 300


class _Values(dict[str, str]):
    """Values by name; one that is missing is "", as in older reports."""

    def __missing__(self, name: str) -> str:
        return ""


def words(found: Found, values: Mapping[str, str]) -> str:
    """Return a finding as a whole sentence, with its remedy where there is one; mrkdwn, escaped."""
    return _WORDS[found](_Values(values)).strip()


def report_blocks(report: SetupReport, publisher_id: str, *more: Mapping[str, Any]) -> list[Block]:
    """Return what a look at the set-up found: what is in the way first, and the button that offers to mend it; `more` buttons."""
    lines = [
        f"{LEVELS[level]} {words(one.found, one.values)}"
        for level in (Level.BLOCKING, Level.WARNING, Level.UNKNOWN, Level.FINE)
        for one in report.findings
        if one.level is level
    ]
    offer = [button("Open pull request …", OPEN, publisher_id, style="primary")] if report.mendable else []
    if report.lacks_confirm and not report.mendable:
        offer = [button("Show the lines", OPEN, publisher_id)]
    return [*paragraphs(lines, most=len(lines)), *([actions(*offer, *more)] if offer or more else [])]


def loading(external_id: str) -> View:
    """Return the dialog that opens at once, since Slack's `trigger_id` lives for three seconds."""
    blocks = [section(":hourglass_flowing_sand: I look at the repository …")]
    return modal(TITLE, blocks, "loading", external_id=external_id)


def shown(notice: SetupShown) -> View:
    """Return the dialog: what the pull request would change, and the environment's reviewers."""
    if notice.outcome is Outcome.LINES:
        blocks = [
            section(_WHY_NOT[Outcome.LINES]),
            section(f"*{tick(notice.path, 300)}*"),
            *_difference(notice),
        ]
        return modal(TITLE, blocks, "setup.told", external_id=notice.view_id)
    if notice.outcome is not Outcome.OPENED:
        told = section(f"{_why_not(notice.outcome, notice.detail)}{_there(notice.url)}")
        return modal(TITLE, [told], "setup.told", external_id=notice.view_id)
    blocks = [
        section(_intro(notice)),
        *_difference(notice),
        context(f"I never write to the default branch. Once the pull request is merged, `/publisher check {tidy(notice.registration.project, 60)}` looks again."),
        *_environment(notice),
    ]  # fmt: skip
    carried = json.dumps(
        {"publisher": notice.publisher_id, "digest": notice.digest[:64], "channel": notice.channel[:60]}
    )
    return modal(
        TITLE, blocks, PULL, "Open pull request", external_id=notice.view_id, private_metadata=carried
    )


TITLE = "Set-up pull request"


def _intro(notice: SetupShown) -> str:
    wanted = notice.registration
    what = "add this file" if notice.new else "change this file"
    beside = (
        f"\n:warning: {tick(notice.beside)} needs more than a small change, so this lies beside it. Let only one of "
        "them publish, and register the publisher with this file's name."
        if notice.beside
        else ""
    )
    return (
        f"On the new branch {tick(notice.branch)} of {tick(wanted.slug)}, I {what} and open a pull request into "
        f"{tick(notice.into)}:\n*{tick(notice.path, 300)}*{beside}"
    )


def _difference(notice: SetupShown) -> list[Block]:
    """Return the difference as preformatted text, in as many paragraphs as it needs."""
    pages: list[str] = []
    for raw in notice.difference.splitlines():
        line = escape("".join(sign if sign.isprintable() else " " for sign in raw[:1_000])).replace("`", "ˋ")
        if pages and len(pages[-1]) + 1 + len(line) <= PAGE:
            pages[-1] += f"\n{line}"
        else:
            pages.append(cut(line, PAGE))
    more = [context(f"… and {count(notice.left_out, 'line')} more.")] if notice.left_out else []
    return [*(section(f"```\n{page}\n```") for page in pages[:20]), *more]


def _environment(notice: SetupShown) -> list[Block]:
    name = notice.registration.environment
    if not name or notice.environment:
        return []
    make = {
        "type": "static_select",
        "options": [_choice("Make it", "yes"), _choice("I make it myself", "no")],
        "initial_option": _choice("Make it" if notice.environment is False else "I make it myself",
                                  "yes" if notice.environment is False else "no"),
    }  # fmt: skip
    return [
        field("environment", f"Environment {name}"[:150], make, "The repository does not have it, or does not show it. To make it, Shipbell needs the permission Administration."),
        field("reviewers", "Required reviewers of the environment", text_field(example="ada, grace", longest=REVIEWERS),
              "GitHub logins, six at most, with commas. Empty: GitHub asks nobody, so whoever can start the workflow can publish.", optional=True),
    ]  # fmt: skip


def _choice(text: str, value: str) -> dict[str, object]:
    return {"text": plain(text, 75), "value": value}


def opened(notice: PullOpened) -> Message:
    """Tell the channel that a pull request is open."""
    wanted = notice.registration
    who = (
        f" {', '.join(tick(name, 40) for name in notice.reviewers)} must agree there."
        if notice.reviewers
        else ""
    )
    made = (
        f"\nThe environment {tick(wanted.environment)} is made.{who}"
        if notice.environment is Outcome.MADE
        else ""
    )
    return message(
        f"A pull request sets {wanted.project} up for trusted publishing.",
        [
            section(
                f":hammer_and_wrench: A {go(notice.url, 'pull request')} in {tick(wanted.slug)} sets {_what(wanted)} up"
                f"{f': {tick(notice.path, 300)}' if notice.path else ''}.{made}"
            ),
            actions(link_button("Look it over", notice.url, LINK)),
            context(
                f"{person(notice.asked_by)} asked for it · once it is merged, `/publisher check` looks again"
            ),
        ],
    )


def answer(notice: PullAnswer) -> Message:
    """Tell the person how it ended."""
    wanted, outcome = notice.registration, notice.outcome
    if outcome is Outcome.OPENED:
        text = f":white_check_mark: The pull request for {_what(wanted)} is open.{_there(notice.url)}"
    else:
        text = f"{_why_not(outcome, notice.detail)}{_there(notice.url)}"
    made = _MADE[notice.environment](wanted, notice.environment_detail) if notice.environment in _MADE else ""
    return message(
        f"Set-up pull request for {wanted.project}: {outcome.value.replace('_', ' ')}",
        [section(text), *([section(made)] if made else [])],
    )


def _what(registration: Registration) -> str:
    return f"*{tidy(registration.project)}* on *{tidy(registration.index)}*"


def _there(url: str) -> str:
    return f" {go(url, 'Look at it.')}" if url else ""


def _why_not(outcome: Outcome, detail: str) -> str:
    return _WHY_NOT.get(outcome, "Nothing was done.").replace(
        "{detail}", tidy(detail, 300).rstrip(".") or "no word why"
    )


_WHY_NOT: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.ALREADY_OPEN: ":information_source: A pull request with the set-up is open already, so none was opened.",
        Outcome.CHANGED: ":warning: The repository has changed since you were shown the file, so *nothing was done*. Press *Open pull request* again, and look at it anew.",
        Outcome.NOTHING: ":information_source: There is nothing that a pull request would mend. `/publisher check` says how it stands.",
        Outcome.LINES: ":information_source: Nothing is in the way of a release, so there is no pull request. To confirm the publisher *before* the first release, the workflow needs the lines below. I don't put them in myself: its other jobs must not run with a confirmation, and you know best what their conditions mean. Merge them, then `/publisher check` offers *Confirm now*.",
        Outcome.NOT_OURS: ":warning: The branch {detail} holds other people's commits, so I leave it alone. Merge or delete it, then press the button again.",
        Outcome.DEFAULT_BRANCH: ":no_entry: That branch is the repository's default one, and I never write there. Nothing was done.",
        Outcome.NOT_A_MEMBER: ":no_entry: Only full members of this workspace open pull requests here. Nothing was done.",
        Outcome.REFUSED: ":x: It was refused: {detail}. The token needs *Contents*, *Pull requests* and *Workflows* (write), and *Administration* for the environment. Then press the button again; what is done is not done twice.",
        Outcome.UNSURE: ":warning: No clear answer: {detail}. Press the button again in a while; I look first, so nothing is done twice.",
    }
)  # fmt: skip

_MADE: Mapping[Outcome, Callable[[Registration, str], str]] = MappingProxyType(
    {
        Outcome.MADE: lambda w, _: f":white_check_mark: The environment {tick(w.environment)} is made.",
        Outcome.THERE: lambda w, _: f":information_source: The environment {tick(w.environment)} was there already; its rules stay as they are.",
        Outcome.REFUSED: lambda w, detail: f":x: The environment {tick(w.environment)} was not made: {tidy(detail, 300)} Making one needs *Administration* (write). Make it on GitHub: Settings, Environments.",
        Outcome.UNSURE: lambda w, detail: f":warning: Whether the environment {tick(w.environment)} is made is not known: {tidy(detail, 300)} Look on GitHub: Settings, Environments.",
    }
)  # fmt: skip


def _unknown(what: str) -> Callable[[_Values], str]:
    def told(values: _Values) -> str:
        detail = tidy(values["detail"]).rstrip(".")
        return f"{what} could not be looked at{f' ({detail})' if detail else ''}."

    return told


def _no_workflow(values: _Values) -> str:
    others = f" There is {tidy(values['others'])}: was one of these meant?" if values["others"] else ""
    return (
        f"there is no {tick(values['workflow'])} in `.github/workflows/` on {tick(values['branch'] or 'the default branch')}."
        f"{others}"
    )


def _moved(values: _Values) -> str:
    now = (
        f" It is called {tick(values['now'])} now: remove this publisher, and add it with that name."
        if values["now"]
        else ""
    )
    return f"{tick(values['slug'])} was renamed or moved, so the index would not know its runs by the old name.{now}"


def _shared(values: _Values) -> str:
    return (
        f"the same repository, workflow and environment is pending for {tick(values['other'])} too, and an index keeps only "
        f"one such pending publisher, *whatever the project*. Give this one an environment of its own, for example "
        f"{tick(values['proposal'])}: in its job, and in `/publisher add`."
    )


_WORDS: Mapping[Found, Callable[[_Values], str]] = MappingProxyType(
    {
        Found.REPOSITORY_THERE: lambda v: f"the repository {tick(v['slug'])} is there.",
        Found.REPOSITORY_NONE: lambda v: f"there is no repository {tick(v['slug'])}, or my token may not see it. Check OWNER/REPO.",
        Found.REPOSITORY_MOVED: _moved,
        Found.REPOSITORY_ARCHIVED: lambda v: f"{tick(v['slug'])} is archived: no workflow runs there. Unarchive it, or publish from another one.",
        Found.REPOSITORY_UNKNOWN: _unknown("the repository"),
        Found.OWNER_KNOWN: lambda v: f"the owner {tick(v['owner'])} has the number {tick(v['id'])}, which the index keeps: if somebody else takes the name later, it does not trust them.",
        Found.OWNER_NONE: lambda v: f"GitHub knows no user or organization {tick(v['owner'])}, so the index would refuse it. Check the spelling.",
        Found.OWNER_UNKNOWN: _unknown("the owner"),
        Found.WORKFLOW_THERE: lambda v: f"{tick(v['workflow'])} is on {tick(v['branch'] or 'the default branch')}, with `id-token: write` for {tidy(v['jobs'])}.",
        Found.WORKFLOW_NONE: _no_workflow,
        Found.WORKFLOW_UNREADABLE: lambda v: f"{tick(v['workflow'])} is there, but I can't read it that far. See that its publishing job has `id-token: write` and the environment.",
        Found.WORKFLOW_UNKNOWN: _unknown("the workflow"),
        Found.WORKFLOW_NO_TOKEN: lambda v: f"no job of {tick(v['workflow'])} has `permissions: id-token: write`, which trusted publishing needs.",
        Found.WORKFLOW_REUSABLE: lambda v: f"{tick(v['workflow'])} is a reusable workflow (`on: workflow_call`), and those do not match a publisher. Let the publisher name the workflow that calls it, and publish there.",
        Found.WORKFLOW_CALLS: lambda v: f"the publishing job {tick(v['job'])} of {tick(v['workflow'])} is a reusable workflow ({tick(v['uses'])}), and those do not match a publisher. Publish in a job of this file.",
        Found.CONFIRM_NONE: lambda v: f"{tick(v['workflow'])} has no job `confirm` with an input of that name, so the first release confirms the publisher. With that job a run would do so before, without publishing.",
        Found.TRIGGER_THERE: lambda v: f"it starts on {tidy(v['events'])}.",
        Found.TRIGGER_NONE: lambda v: f"nothing that releases starts {tick(v['workflow'])} (only {tidy(v['triggers']) or 'nothing'}). Let it start on a tag's `push`, on `release` or on `workflow_dispatch`.",
        Found.ENVIRONMENT_SAME: lambda v: f"job and publisher name the same environment, {tick(v['environment'])}.",
        Found.ENVIRONMENT_ANY: lambda v: f"the publisher names no environment, so the index takes any job of the workflow{' (it uses ' + tick(v['used']) + ')' if v['used'] else ''}. One with reviewers is safer.",
        Found.ENVIRONMENT_LACKING: lambda v: f"the publisher expects the environment {tick(v['wanted'])}, and the publishing job of {tick(v['workflow'])} has none. Add `environment: {tidy(v['wanted'])}` to it.",
        Found.ENVIRONMENT_OTHER: lambda v: f"the publisher expects the environment {tick(v['wanted'])}, and {tick(v['workflow'])} uses {tick(v['used'])}. Name the same one in both.",
        Found.ENVIRONMENT_COMPUTED: lambda v: f"the environment of {tick(v['workflow'])} is an expression; it must come out as {tick(v['wanted'])}.",
        Found.ENVIRONMENT_GUARDED: lambda v: f"in {tick(v['environment'])} one of {tidy(v['reviewers'])} must agree before it publishes.",
        Found.ENVIRONMENT_OPEN: lambda v: f"nobody need agree in the environment {tick(v['environment'])}. Required reviewers make it safer (Settings, Environments).",
        Found.ENVIRONMENT_MISSING: lambda v: f"the repository has no environment {tick(v['environment'])}: GitHub makes it at the first run, without any protection. Make it before, with reviewers.",
        Found.ENVIRONMENT_UNKNOWN: _unknown("the repository's environments"),
        Found.NAME_FREE: lambda v: f"no project is called {tick(v['project'])} on the index. A pending publisher does *not* reserve the name, and the index may still refuse it: barred, or too like another.",
        Found.NAME_OURS: lambda v: f"{tick(v['project'])} is on the index, and its publisher is confirmed.",
        Found.NAME_THERE: lambda v: f"{tick(v['project'])} is on the index already: only its owners can add a publisher, and whose it is nobody outside can tell.",
        Found.NAME_GONE: lambda v: f"{tick(v['project'])} was confirmed, and is not on the index now.",
        Found.NAME_CLOSED: lambda v: f"{tick(v['project'])} is {tidy(v['status'], 40)} on the index, so it takes no uploads. Its owner can change that there.",
        Found.NAME_UNKNOWN: _unknown("the index"),
        Found.SLOTS_LEFT: lambda v: f"{mention(v['who'])} has used {tidy(v['pending'], 6)} of {tidy(v['most'], 6)} places for pending publishers that I know of; forms that I have given out count.",
        Found.SLOTS_NONE: lambda v: f"{mention(v['who'])} has {tidy(v['pending'], 6)} pending publishers already, the forms that I have given out included, and the index takes no more than {tidy(v['most'], 6)} of one person. Let one become real first or remove one, or let somebody else ask for this one.",
        Found.SHARED: _shared,
    }
)  # fmt: skip
