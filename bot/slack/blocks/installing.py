"""The bot's own install in Slack, in words.

Knows: words. Must not know: Bolt, network, rules.
"""

from bot.core.install_notices import InstallEnds, ScopesMissing, Welcome
from bot.slack.blocks.base import (
    Block,
    Message,
    actions,
    context,
    date,
    escape,
    link_button,
    message,
    section,
)
from bot.slack.blocks.pieces import one_line, tick

AGAIN = "install.again"


def ends(notice: InstallEnds) -> Message:
    """Tell whoever installed the app that it stops, and how it goes on."""
    why = f" Slack says {tick(notice.detail)}." if notice.detail else ""
    return message(
        "Shipbell stops in this workspace soon: add it again.",
        [
            section(
                f":warning: Slack does not renew the token with which I work in this workspace.{why} It ends {date(notice.ends_at)}; "
                "from then on I hear commands, but can't answer, tell channels, or ask for approvals.\n*Remedy:* add me again. Everything stays as it is."
            ),
            actions(link_button("Add Shipbell again", notice.url, AGAIN)),
            context("You get this since you installed me. It may have been that I was stopped just while Slack renewed it."),
        ],
    )  # fmt: skip


def lacking(notice: ScopesMissing) -> list[Block]:
    """Return what a workspace has not granted, and how it is granted: by the page, or (without one) by the operator."""
    names = ", ".join(map(tick, notice.scopes))
    remedy = (
        "add me again, and agree to all of it. Everything stays as it is."
        if notice.url
        else "whoever runs Shipbell adds them on the Slack app's page and installs it again; `shipbell doctor` names them too."
    )
    what = f":warning: This workspace has not granted me {names}, which I need by now. What needs them does not work."
    again = [actions(link_button("Add Shipbell again", notice.url, AGAIN))] if notice.url else []
    return [section(f"{what}\n*Remedy:* {remedy}"), *again]


def scopes_missing(notice: ScopesMissing) -> Message:
    """Tell whoever installed the app what it may not do, and how it is granted."""
    return message(
        "Shipbell needs to be added again, with what it lacks.",
        [
            *lacking(notice),
            context("You get this since you installed me. Why I ask for each stands on the page that the button opens."),
        ],
    )  # fmt: skip


def welcome(notice: Welcome) -> Message:
    """Show whoever installed the app the three steps that are left, and which are done."""
    steps = (_github(notice), _channel(notice), _package(notice))
    left = sum(not done for done, _ in steps)
    if not left:
        text = ":tada: *You are set up.* `/release PACKAGE TAG` asks your team for its first release; `/shipbell help` shows what else there is."
    else:
        text = f":wave: *Thank you for adding Shipbell.* {_COUNTED[left]} left; each ticks itself off here once it is done."
    where = (
        " It is there for every workspace of the org to which an admin gives it." if notice.org_wide else ""
    )
    lines = [
        f":white_check_mark: *Done* {number}. {words}"
        if done
        else f":white_large_square: *To do* {number}. {words}"
        for number, (done, words) in enumerate(steps, 1)
    ]
    return message(
        f"Shipbell: {_COUNTED[left]} left" if left else "Shipbell: you are set up",
        [section(text), *map(section, lines), context(f"You get this since you installed me.{where}")],
    )  # fmt: skip


_COUNTED = ("No step is", "One step is", "Two steps are", "Three steps are")


def _github(notice: Welcome) -> tuple[bool, str]:
    if notice.login:
        return True, f"GitHub is connected: {tick(notice.login)} has signed in."
    if not notice.signs_in:
        return (
            False,
            "*Connect GitHub.* Whoever runs Shipbell has not set up a GitHub App yet; ask for one, and go on with the next step meanwhile.",
        )
    return (
        False,
        "*Connect GitHub:* type `/shipbell connect github`, so that I know which repositories are yours to release.",
    )


def _channel(notice: Welcome) -> tuple[bool, str]:
    if notice.channel:
        return True, f"I speak in <#{escape(notice.channel)}>."
    return (
        False,
        "*Choose a channel* that hears of your releases, and let me in: type `/invite @shipbell` there.",
    )


def _package(notice: Welcome) -> tuple[bool, str]:
    if notice.project:
        return True, f"{tick(one_line(notice.project, 100))} is your first package."
    return (
        False,
        "*Add the first package:* type `/publisher add` in that channel. I read what I can from the repository, and say what is missing.",
    )
