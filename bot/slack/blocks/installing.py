"""The bot's own install in Slack, in words.

Knows: words. Must not know: Bolt, network, rules.
"""

from bot.core.install_notices import InstallEnds, ScopesMissing
from bot.slack.blocks.base import Message, actions, context, date, link_button, message, section
from bot.slack.blocks.pieces import tick

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


def scopes_missing(notice: ScopesMissing) -> Message:
    """Tell whoever installed the app what it may not do, and how it is granted."""
    names = ", ".join(map(tick, notice.scopes))
    return message(
        "Shipbell needs to be added again, with what it lacks.",
        [
            section(
                f":warning: This workspace has not granted me {names}, which I need by now. What needs them does not work.\n"
                "*Remedy:* add me again, and agree to all of it. Everything stays as it is."
            ),
            actions(link_button("Add Shipbell again", notice.url, AGAIN)),
            context("You get this since you installed me. Why I ask for each stands on the page that the button opens."),
        ],
    )  # fmt: skip
