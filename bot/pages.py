"""The few pages that people see in the browser: HTML without scripts, styles or anything from elsewhere.

Knows: words, HTML. Must not know: routes, rules.
"""

from collections.abc import Iterable, Mapping
from html import escape

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>{title}</title>
<h1>{title}</h1>
{body}
</html>
"""


def page(title: str, *body: str) -> str:
    """Return a page; every part of the body is HTML already."""
    return _PAGE.format(title=escape(title), body="\n".join(body))


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def listed(items: Iterable[str]) -> str:
    """Return a list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def code(text: str) -> str:
    """Return text to be copied."""
    return f"<pre>{escape(text)}</pre>"


def form(action: str, fields: Mapping[str, str], button: str) -> str:
    """Return a form of hidden fields with one button."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return f'<form method="post" action="{escape(action)}">{inputs}<button>{escape(button)}</button></form>'


def ask_to_connect(who: str, fields: Mapping[str, str]) -> str:
    """Ask whether a Slack person and whoever goes on are the same."""
    return page(
        "Sign in with GitHub",
        paragraph(f"This links the Slack user {who} with the GitHub account that you sign in with next."),
        paragraph(
            "Go on only if that is you and you typed the command in Slack yourself. If somebody sent you this link, close it: "
            "they would act with your rights."
        ),
        form("/github/connect", fields, f"I am {who}: sign in with GitHub"),
    )


def connected(login: str) -> str:
    """Say that it worked."""
    return page(
        "Linked", paragraph(f"You are {login} on GitHub. Slack says so too: you may close this page.")
    )


def make_app(target: str, manifest: str, permissions: Iterable[str], more: str) -> str:
    """Show what an App is to be, and the button that takes it to the forge."""
    return page(
        "Make a GitHub App",
        paragraph(
            "GitHub shows you the App, with the name to change if you like, and makes it. It may do this, no more:"
        ),
        listed(permissions),
        form(target, {"manifest": manifest}, "Make the App on GitHub"),
        paragraph(more),
    )


def app_made(slug: str, path: str, install: str) -> str:
    """Say that the App is there, and what is left to do. No secret is on the page."""
    return page(
        f"The App {slug} is made",
        paragraph("Its id, key and secrets are in this file, which nobody but the bot's own user can read:"),
        code(path),
        paragraph("Let the bot read it, and start it again. Where you have a settings file already, move the lines there:"),
        code(f"SHIPBELL_CONFIG={path}"),
        paragraph("Then install the App on the repositories that the bot shall release, and on no others:"),
        code(install),
        paragraph("If the bot's machine forgets its files, put their content where your secrets are kept."),
    )  # fmt: skip


def no_app(cause: str, remedy: str) -> str:
    """Say why no App was made: cause and remedy."""
    return page("No App was made", paragraph(cause), paragraph(remedy))


_WHY: Mapping[str, tuple[str, str]] = {
    "ended": (
        "This link can't be used",
        "It was used before, is more than ten minutes old, belongs to another browser, or was never made. Nothing was done.",
    ),
    "declined": ("Nothing was linked", "You did not sign in."),
    "unsure": ("Nothing was linked", "GitHub did not tell who you are."),
    "taken": (
        "Nothing was linked",
        (
            "This GitHub account is linked with another person of your Slack workspace. That person may type "
            "/shipbell disconnect github first."
        ),
    ),
}
_AGAIN = "Type /shipbell connect github in Slack to begin anew."


def not_connected(why: str, detail: str = "") -> str:
    """Say why nothing was linked: cause and remedy."""
    title, cause = _WHY[why]
    return page(title, paragraph(f"{cause} {detail}".strip()), paragraph(_AGAIN))
