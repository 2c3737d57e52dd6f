"""Who somebody is on the forge, and what an index grants, in words.

Knows: words. Must not know: Bolt, network, rules.
"""

from bot.core.connect_notices import GithubLinked, GithubUnlinked, IndexConnected
from bot.slack.blocks.base import Message, actions, context, escape, link_button, message, section
from bot.slack.blocks.pieces import go, one_line, tick

CONNECT = "github.connect"
GRANT = "index.connect"


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


def offered_index(index: str, url: str) -> Message:
    """Give the link on which somebody lets the bot upload in their name."""
    return message(
        f"Connect {index}",
        [
            section(
                f"Let me release and upload on *{escape(index)}* in your name there: you say yes on the index's own page. I keep "
                "what it gives me sealed, for this workspace."
            ),
            actions(link_button(f"Connect {index}", url, GRANT)),
            context("The button works once, for ten minutes, in one browser. It is yours alone: pass it on to nobody."),
        ],
    )  # fmt: skip


def granted(notice: IndexConnected) -> Message:
    """Tell somebody in whose name the bot may upload now."""
    index, user = escape(notice.index), tick(notice.user)
    gone = " The grant that was kept before is destroyed here." if notice.replaced else ""
    return message(
        f"{notice.index} is connected.",
        [
            section(f":link: I may release and upload on *{index}* in the name of {user}, from now on.{gone}"),
            context(
                "It does not expire, and it is for all that this user may change there. `/shipbell credentials` shows it and "
                "destroys it here. Is that not you? Do that, and tell an admin and the index's operator."
            ),
        ],
    )  # fmt: skip
