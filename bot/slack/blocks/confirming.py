"""What the bot says of runs of a workflow's `confirm` job: the button, the question before, how it goes and ends.

Knows: words, every `ConfirmationReason` and `Heard`, what the button carries. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bot.core.confirm_notices import (
    ConfirmAnswer,
    ConfirmEnded,
    ConfirmRuns,
    ConfirmWaits,
    Difference,
    Heard,
    Part,
)
from bot.slack.blocks import setup
from bot.slack.blocks.base import (
    Message,
    actions,
    button,
    context,
    escape,
    link_button,
    message,
    person,
    section,
)
from bot.slack.blocks.forms import View, modal
from bot.slack.blocks.pieces import go, one_line, tick, tidy
from bot.slack.blocks.release_answers import DENIED
from storage.records import ConfirmationReason, Registration

Why = ConfirmationReason
LINK = "link"
AGAIN = frozenset(
    {
        Why.FORGE_REFUSED, Why.FORGE_SILENT, Why.START_LOST, Why.SEVERAL_RUNS, Why.OTHER_RUN, Why.CANCELLED, Why.REJECTED,
        Why.BRANCH_RULE, Why.NEVER_RAN, Why.LOG_UNREADABLE, Why.NETWORK, Why.INVALID_PUBLISHER, Why.NOT_ENABLED,
        Why.INVALID_TOKEN, Why.TOKEN_REUSED, Why.JOB_FAILED, Why.CLAIMS_DIFFER, Why.NO_IDENTITY,
    }
)  # fmt: skip
"""What another run may mend."""


def offer(publisher_id: str, registration: Registration) -> dict[str, Any]:
    """Return the button; it carries what the question before needs, since the dialog must open at once."""
    names = {
        "publisher": publisher_id, "project": registration.project, "index": registration.index,
        "slug": registration.slug, "workflow": registration.workflow,
    }  # fmt: skip
    carried = json.dumps({name: one_line(value, 150) for name, value in names.items()})
    return button("Confirm now", setup.CONFIRM, carried, style="primary")


def ask(known: Mapping[str, str], channel: str) -> View:
    """Return the dialog that asks before a run is started."""
    project, index = tick(known.get("project", "")), f"*{tidy(known.get('index', ''))}*"
    blocks = [
        section(
            f"I start {tick(known.get('workflow', ''))} of {tick(known.get('slug', ''))} on its default branch, by hand, with "
            f"`confirm`. That run exchanges the workflow's identity with {index} and *publishes nothing*."
        ),
        section(
            f":warning: It makes the pending publisher real: where {project} is not on {index} yet, it *claims the project's "
            f"name*. The project is there then, empty, and belongs to the account that submitted the form. *This can't be "
            "undone here.*"
        ),
        context(
            "If the environment wants reviewers, the run waits for them, and the channel hears who they are."
        ),
    ]
    carried = json.dumps({"publisher": known.get("publisher", ""), "channel": channel[:60]})
    return modal("Confirm now", blocks, setup.CONFIRM, "Start the run", private_metadata=carried)


def answer(notice: ConfirmAnswer) -> Message:
    """Tell the person what became of the wish."""
    what = _what(notice.registration)
    if notice.heard is Heard.DENIED and notice.denied is not None:
        cause, remedy = DENIED[notice.denied]
        detail = f" ({tidy(notice.detail, 200)})" if notice.detail else ""
        text = (
            f":no_entry_sign: You can't let the confirmation of {what} run, and nothing was started.\n"
            f"*Cause:* {cause.replace('decide about releases', 'let it run')}{detail}.\n"
            f"*Remedy:* {remedy.replace('to decide', 'to do this')}"
        )
    else:
        text = _HEARD.get(notice.heard, "{what}: nothing was started.").replace("{what}", what)
    word = str(notice.heard).replace("_", " ")
    return message(f"Confirmation of {notice.registration.project}: {word}", [section(text)])


def runs(notice: ConfirmRuns) -> Message:
    """Tell the channel that the run is there."""
    wanted = notice.registration
    return message(
        f"The confirmation of {wanted.project} runs.",
        [
            section(
                f":arrow_forward: The {go(notice.url, 'confirmation run')} of {_what(wanted)} is there. It publishes nothing."
            ),
            context(f"{person(notice.asked_by)} asked for it"),
        ],
    )


def waits(notice: ConfirmWaits) -> Message:
    """Tell the channel who must agree before the run goes on."""
    wanted = notice.registration
    names = ", ".join(tick(name, 60) for name in notice.reviewers)
    who = f"one of {names}" if names else "one of its reviewers"
    return message(
        f"The confirmation of {wanted.project} waits for a review.",
        [
            section(
                f":raised_hand: The {go(notice.url, 'confirmation run')} of {_what(wanted)} waits in the environment "
                f"{tick(notice.environment)}: {who} must agree on GitHub. I go on as soon as that is done."
            ),
            actions(link_button("Review it on GitHub", notice.url, LINK)),
            context(f"{person(notice.asked_by)} asked for it"),
        ],
    )


def ended(notice: ConfirmEnded) -> Message:
    """Say why a run confirmed nothing: cause, remedy, and the button for another one."""
    wanted = notice.registration
    cause, remedy = explain(notice)
    more = [offer(notice.publisher_id, wanted)] if notice.reason in AGAIN else []
    more += [link_button("Look at the run", notice.url, LINK)] if notice.url else []
    return message(
        f"The confirmation of {wanted.project} came to nothing: {cause}",
        [
            section(
                f":x: The confirmation of {_what(wanted)} came to nothing; the publisher is *still pending*."
            ),
            section(f"*Cause:* {escape(cause)}\n*Remedy:* {escape(remedy)}"),
            *([actions(*more)] if more else []),
            context(f"{person(notice.asked_by)} asked for it"),
        ],
    )


def explain(notice: ConfirmEnded) -> tuple[str, str]:
    """Return the cause and the remedy, whole sentences, plain text."""
    return _WORDS[notice.reason](notice)


def _what(registration: Registration) -> str:
    return f"*{tidy(registration.project)}* on *{tidy(registration.index)}*"


_HEARD: Mapping[Heard, str] = MappingProxyType(
    {
        Heard.STARTED: ":hourglass: I start the confirmation run of {what}; the channel hears how it goes.",
        Heard.ALREADY: ":information_source: A confirmation run of {what} is under way already, so none was started.",
        Heard.MOVED_ON: ":information_source: The publisher of {what} is not pending any more, so nothing was started.",
    }
)

Words = Callable[[ConfirmEnded], tuple[str, str]]
PARTS: Mapping[Part, str] = MappingProxyType(
    {
        Part.OWNER: "owner",
        Part.REPOSITORY: "repository",
        Part.WORKFLOW: "workflow",
        Part.ENVIRONMENT: "environment",
        Part.REUSABLE: "workflow's repository",
        Part.REF: "branch",
    }
)
_MEND: Mapping[Part, str] = MappingProxyType(
    {
        Part.OWNER: "The repository has another owner now: remove this publisher, and add it with the present name, here and on the index.",
        Part.REPOSITORY: "The repository has another name now: remove this publisher, and add it with the present name, here and on the index.",
        Part.WORKFLOW: "Let the publisher name the file that runs, here and on the index.",
        Part.ENVIRONMENT: "Name the same environment in three places: the job `confirm`, this publisher, and the index's form.",
        Part.REUSABLE: "The job is a reusable workflow's, and those do not match a publisher: write it into the workflow itself.",
        Part.REF: "Start it on the default branch.",
    }
)


def _named(found: Difference) -> str:
    claimed = f"{one_line(found.claimed, 100)!r}" if found.claimed else "none"
    return f"the {PARTS[found.part]} is {claimed} in the run, and {one_line(found.registered, 100)!r} is registered"


def _said(notice: ConfirmEnded, before: str = " It says: ") -> str:
    if not notice.detail:
        return ""
    return f"{before}{notice.detail}{'' if notice.detail.endswith(('.', '!', '?', '…')) else '.'}"


def _publishing(notice: ConfirmEnded) -> str:
    return f"{notice.index_url.rstrip('/')}/manage/account/publishing/"


def _differs(notice: ConfirmEnded) -> str:
    return "; ".join(_named(one) for one in notice.differences)


def _mends(notice: ConfirmEnded) -> str:
    return " ".join(dict.fromkeys(_MEND[one.part] for one in notice.differences))


def _invalid_publisher(notice: ConfirmEnded) -> tuple[str, str]:
    index = notice.registration.index
    if notice.differences:
        return (
            f"{index} knows no publisher like what ran: {_differs(notice)}.",
            f"{_mends(notice)} Then confirm again.",
        )
    return (
        (
            f"{index} knows no such publisher, though owner, repository, workflow and environment of the run are exactly "
            f"those registered here.{_said(notice)}"
        ),
        (
            f"Look at {_publishing(notice)}, signed in as whoever submitted the form. It was not submitted yet, has a slip in "
            "one of its fields, its term is over, or somebody else has made the project, which drops it. An owner's name that "
            "has changed hands counts as another owner. Then confirm again."
        ),
    )


def _claims_differ(notice: ConfirmEnded) -> tuple[str, str]:
    return (
        f"{notice.registration.index} took an identity, but not that of this publisher: {_differs(notice)}.",
        f"{_mends(notice)} Then confirm again.",
    )


_WORDS: Mapping[ConfirmationReason, Words] = MappingProxyType(
    {
        Why.ASKED: lambda _: ("It was asked for.", "Wait for it."),
        Why.STARTED: lambda _: ("It runs.", "Wait for it."),
        Why.CONFIRMED: lambda _: ("It is confirmed.", "Nothing is to be done."),
        Why.MOVED_ON: lambda _: ("The publisher is not pending any more.", "Nothing is to be done."),
        Why.NOT_OFFERED: lambda n: (
            f"{n.registration.workflow} on the default branch of {n.registration.slug} has no job confirm that its input of that name starts.",
            "/publisher check shows the lines to add (Show the lines); or let the first release confirm the publisher.",
        ),
        Why.FORGE_REFUSED: lambda n: (f"GitHub does not start it.{_said(n)}", "The token needs Actions (write) for the repository, and the workflow must be enabled there. Then confirm again."),
        Why.FORGE_SILENT: lambda n: (f"GitHub has not answered for long.{_said(n, ' ')}", "Look at the repository's Actions page whether a run was started; if none was, confirm again."),
        Why.START_LOST: lambda _: ("I asked GitHub to start it, or was about to, and no run has appeared.", "Look at the repository's Actions page; if there is none, confirm again. I never ask twice by myself."),
        Why.SEVERAL_RUNS: lambda n: (f"Several runs of the workflow were started at once, and which one was mine can't be told.{_said(n, ' ')}", "Look at them on GitHub. If none has confirmed it, confirm again while nobody else starts the workflow."),
        Why.OTHER_RUN: lambda n: (f"The run is not to be seen any more, or is not of {n.registration.workflow} on the default branch, started by hand.", "Confirm again."),
        Why.NO_JOB: lambda _: ("The run has not run the job confirm.", "The job confirm needs the condition github.event_name == 'workflow_dispatch' && inputs.confirm, and no job that it needs may be left out; see the run. Then confirm again."),
        Why.CANCELLED: lambda _: ("The run was cancelled.", "Confirm again."),
        Why.REJECTED: lambda n: (f"The run was not let through: the reviewers of the environment {n.registration.environment or 'that it uses'} have rejected it, or it waited for too long.", "Ask them, then confirm again."),
        Why.BRANCH_RULE: lambda n: (f"The environment {n.registration.environment} takes only some branches and tags, and the default branch seems not to be among them, so the job never began.", "Allow the default branch in the environment (Settings, Environments, Deployment branches and tags), then confirm again; or let the first release confirm the publisher."),
        Why.NEVER_RAN: lambda _: ("The job ended before it began: no machine has taken it.", "Look at the run: it says what was missing, such as a runner or minutes of Actions. Then confirm again."),
        Why.TOO_LONG: lambda _: ("The run has not ended within a day.", "Look at it on GitHub. I go on looking for signs on the index."),
        Why.LOG_UNREADABLE: lambda n: (f"The run is over, but its log does not show me which identity it had.{_said(n, ' ')}", "The token needs Actions (read). If the run ended well, the project appears on the index, and I go on looking there; else confirm again."),
        Why.CLAIMS_DIFFER: _claims_differ,
        Why.SHARED: lambda n: (f"{n.registration.index} took the run's identity, but a publisher of another project here has the same repository, workflow and environment, so it may have been that one's.", "Nothing is to be done if the project appears on the index, where I go on looking. Else give this project an environment of its own."),
        Why.NO_IDENTITY: lambda _: ("The job may not ask GitHub for an identity.", "Give the job confirm the permission id-token: write, then confirm again."),
        Why.NETWORK: lambda n: (f"The job did not get through to {n.registration.index}, or had no answer that means anything.{_said(n)}", f"See that {n.index_url} is the index's address in the workflow, and that the index is up; then confirm again."),
        Why.INVALID_PUBLISHER: _invalid_publisher,
        Why.PROJECT_TAKEN: lambda n: (f"{n.registration.project} exists on {n.registration.index} already.{_said(n)}", "If it is yours, remove this publisher and add it again: it is registered on the project's own page then. If it is somebody else's, choose another name."),
        Why.NOT_ENABLED: lambda n: (f"{n.registration.index} has trusted publishing switched off, for now or for this forge.{_said(n)}", "Look at the index's status page, and confirm again later."),
        Why.INVALID_TOKEN: lambda n: (f"{n.registration.index} does not trust the identity: its signature, its time or its audience is wrong.{_said(n)}", "Confirm again. If it stays so, see that the workflow asks the index for the audience and does not name one itself."),
        Why.INVALID_PAYLOAD: lambda n: (f"{n.registration.index} can't make anything of what it was sent, or can't make the project.{_said(n)}", "It says why: a name that is too close to another, or that is not allowed, needs another name; an unknown issuer is a forge that the index does not take."),
        Why.TOKEN_REUSED: lambda n: (f"{n.registration.index} has seen this very identity before.{_said(n)}", "Confirm again: a new run has a new one. If it stays so, the job exchanges it twice."),
        Why.OTHER_REFUSAL: lambda n: (f"{n.registration.index} refused the identity by a word that I don't know.{_said(n)}", "Look at the run, and at the index's own help on trusted publishing."),
        Why.JOB_FAILED: lambda n: (f"The job confirm failed.{_said(n, ' Its log ends: ')}", "Look at the run, then confirm again."),
    }
)  # fmt: skip
"""Every reason's words: cause and remedy."""
