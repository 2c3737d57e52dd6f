"""Who somebody is on the forge, in words.

Knows: words. Must not know: Bolt, network, rules.
"""

from bot.core.connect_notices import GithubLinked, GithubUnlinked
from bot.slack.blocks.base import Message, actions, context, link_button, message, section
from bot.slack.blocks.pieces import go, one_line, tick

CONNECT = "github.connect"


def offered(url: str) -> Message:
    """Give the link on which somebody signs in."""
    return message(
        "Sign in with GitHub",
        [
            section(
                "Sign in with GitHub, so that I know which account is yours. I learn its name and number, and nothing else; "
                "I keep no token."
            ),
            actions(link_button("Sign in with GitHub", url, CONNECT)),
            context("The button works once, for ten minutes, in one browser. It is yours alone: pass it on to nobody."),
        ],
    )  # fmt: skip


def not_set_up() -> Message:
    """Say that nobody can sign in here."""
    return message(
        "Signing in with GitHub is not set up here.",
        [
            section(
                "Signing in with GitHub is *not set up* here, so nothing was done.\n*Remedy:* whoever runs Shipbell makes a "
                "GitHub App and sets `SHIPBELL_GITHUB_CLIENT_ID` and `SHIPBELL_GITHUB_CLIENT_SECRET`."
            )
        ],
    )  # fmt: skip


def linked(notice: GithubLinked) -> Message:
    """Tell somebody which account is theirs now."""
    login = one_line(notice.login, 60)
    return message(
        f"You are {login} on GitHub.",
        [
            section(f":link: You are *{go(notice.url, login)}* on GitHub, from now on."),
            context(
                "`/shipbell disconnect github` forgets it again. Was that not you? Do that, and tell an admin."
            ),
        ],
    )


def unlinked(notice: GithubUnlinked) -> Message:
    """Tell somebody that nothing is known any more."""
    if not notice.login:
        return message(
            "No GitHub account was linked.", [section("No GitHub account of yours was linked here.")]
        )
    text = f":wastebasket: I don't know any more that you are {tick(notice.login)} on GitHub."
    return message("Your GitHub account is not linked any more.", [section(text)])
