"""Ids of dialogs (modals), and one that loads.

Knows: words, the ids of fields. Must not know: Bolt, network, rules.
"""

from bot.slack.blocks.base import section
from bot.slack.blocks.forms import View, modal

CHANGE_POLICY, WHOLE_TEAM = "policy.change", "-"
"""The button that opens a policy's dialog, and what it carries for the workspace itself: no project is called that."""
ADD_PUBLISHER, HELP, OPEN_PUBLISHER = "publisher.add", "help", "publisher.open"


def loading(external_id: str) -> View:
    """Return the dialog that opens at once, since Slack's `trigger_id` lives for three seconds."""
    return modal(
        "Credentials", [section(":hourglass_flowing_sand: Loading …")], "loading", external_id=external_id
    )
