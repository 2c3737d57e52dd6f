"""The dialogs (modals) and the Home tab.

Knows: words, the ids of fields. Must not know: Bolt, network, rules.
"""

from bot.core import notices
from bot.slack.blocks import credentials
from bot.slack.blocks.base import (
    actions,
    button,
    header,
    section,
)
from bot.slack.blocks.forms import View, modal
from bot.slack.blocks.publishers import OPEN_CREDENTIALS, rows

ADD_PUBLISHER, HELP, OPEN_PUBLISHER = "publisher.add", "help", "publisher.open"


def loading(external_id: str) -> View:
    """Return the dialog that opens at once, since Slack's `trigger_id` lives for three seconds."""
    return modal(
        "Credentials", [section(":hourglass_flowing_sand: Loading …")], "loading", external_id=external_id
    )


def home(shown: notices.HomeShown) -> View:
    """Return a person's Home tab."""
    blocks = [
        header("Shipbell"),
        section(
            "Sets up trusted publishing for your Python packages, and tells you what the index really says."
        ),
        actions(
            button("Add a publisher", OPEN_PUBLISHER, style="primary"),
            button("Credentials", OPEN_CREDENTIALS),
            button("Enter a secret on a web page", credentials.PAGE),
        ),
        {"type": "divider"},
        header("Publishers"),
        *rows(shown.lines, shown.total),
        header("Credentials"),
        *(credentials.rows(shown.credentials) or [section("No credential yet.")]),
    ]
    return {"type": "home", "blocks": blocks[:100]}
