"""The few pages that people see in the browser: HTML without scripts or anything from elsewhere, and one small style.

Knows: words, HTML. Must not know: routes, rules.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --paper: #fff; --edge: #8b93a5; --soft: #eef0f5; --deed: #1a56c4; --on: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9f0; --paper: #14171e; --edge: #737c90; --soft: #232834; --deed: #8ab4ff; --on: #10131a }
}
body { margin: 0 auto; max-width: 38rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem }
header { font-size: .95rem; font-weight: 600; margin: 0 0 2rem }
code { font-weight: 600 }
pre { background: var(--soft); border: 1px solid var(--edge); border-radius: 6px; padding: .75rem; white-space: pre-wrap;
  font-size: .95rem }
button { font: inherit; font-weight: 600; background: var(--deed); color: var(--on); border: 0; border-radius: 6px; padding: .7rem 1.1rem;
  min-height: 2.75rem; margin: .75rem 0; text-align: left; cursor: pointer }
input, select { font: inherit; display: block; width: 100%; max-width: 20rem; box-sizing: border-box; padding: .55rem .7rem; margin: .25rem 0 0;
  min-height: 2.75rem; color: var(--ink); background: var(--paper); border: 1px solid var(--edge); border-radius: 6px }
input[type=hidden] { display: none }
h2 + form button { background: none; color: var(--deed); border: 2px solid var(--deed) }
a { color: var(--deed) }
a.deed { display: inline-block; font-weight: 600; background: var(--deed); color: var(--on); border-radius: 6px; padding: .7rem 1.1rem;
  text-decoration: none }
:focus-visible { outline: 3px solid var(--deed); outline-offset: 3px }
"""
STYLE_SOURCE = f"'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
"""What a content security policy calls the pages' one style, so that it needs to allow no other."""

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>{title} - Shipbell</title>
<style>{style}</style>
<header>Shipbell</header>
<main>
<h1>{title}</h1>
{body}
</main>
</html>
"""


def page(title: str, *body: str) -> str:
    """Return a page; every part of the body is HTML already."""
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(body))


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """Return the heading of a part."""
    return f"<h2>{escape(text)}</h2>"


def listed(items: Iterable[str]) -> str:
    """Return a list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def named(items: Iterable[tuple[str, str]]) -> str:
    """Return a list of names as they are typed, each with what it is."""
    lines = (f"<li><code>{escape(name)}</code>: {escape(text)}</li>" for name, text in items)
    return "<ul>" + "".join(lines) + "</ul>"


def code(text: str) -> str:
    """Return text to be copied."""
    return f"<pre>{escape(text)}</pre>"


def link(address: str) -> str:
    """Return an address of the web as a link that opens in its own tab; any other text as text to be copied."""
    if not address.startswith(("https://", "http://")):
        return code(address)
    return f'<p><a href="{escape(address)}" target="_blank" rel="noopener">{escape(address)}</a></p>'


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
            "Go on only if that is you and you typed the command in Slack yourself. If somebody sent you this link, close this page: "
            "they would act with your rights on GitHub."
        ),
        form("/github/connect", fields, f"I am {who}: sign in with GitHub"),
    )


def connected(login: str) -> str:
    """Say that it worked."""
    return page(
        "Linked", paragraph(f"You are {login} on GitHub. Slack says so too: you may close this page.")
    )


def make_app(target: str, manifest: str, permissions: Mapping[str, str], owner: str, once: str) -> str:
    """Show what an App is to be, and the button that takes it to the forge; `owner` is an organization, or "" for oneself."""
    whose = f"the organization {owner}" if owner else "your own GitHub account"
    return page(
        "Make a GitHub App",
        paragraph(
            "With an App of its own the bot reads and tags repositories with short-lived tokens, and people link their GitHub accounts. "
            f"It will belong to {whose}. GitHub shows it to you before it makes it, and you may change its name there."
        ),
        paragraph("On the repositories on which you install it later it may do this, and no more:"),
        listed(f"{_called(name)} ({_RIGHTS.get(right, right)}): {_MEANS.get(name, '')}" for name, right in permissions.items()),
        paragraph("It can't make environments: give it Administration (read and write) on GitHub if it shall."),
        form(target, {"manifest": manifest}, "Go on to GitHub"),
        heading("For an organization instead?"),
        '<form action="/github/setup">'
        f'<input type="hidden" name="once" value="{escape(once)}">'
        '<label>Its name on GitHub <input type="text" name="organization" autocomplete="off" spellcheck="false"></label> '
        "<button>Make it for the organization</button></form>",
    )  # fmt: skip


_RIGHTS: Mapping[str, str] = {"read": "read", "write": "read and write"}
_MEANS: Mapping[str, str] = {
    "actions": "to start and follow workflows' runs",
    "checks": "to see whether CI passed",
    "contents": "to read the code, to tag, to make releases and the set-up's branch",
    "deployments": "to let an approved one go on",
    "metadata": "to list the repositories",
    "pull_requests": "to open the one with the set-up",
    "statuses": "to see whether CI passed",
    "workflows": "to propose the publishing one",
}
"""What each permission of the App is for."""


def _called(permission: str) -> str:
    """Return a permission as GitHub's own pages call it."""
    return "Commit statuses" if permission == "statuses" else permission.replace("_", " ").capitalize()


def app_made(slug: str, path: str, install: str) -> str:
    """Say that the App is there, and what is left to do. No secret is on the page."""
    return page(
        f"The App {slug} is made",
        paragraph("Two steps are left."),
        heading("1. Let the bot use it"),
        paragraph("Its id, key and secrets are in this file, which nobody but the bot's own user can read:"),
        code(path),
        paragraph("Set this in the bot's environment, and start it again:"),
        code(f"SHIPBELL_CONFIG={path}"),
        paragraph("Where you have a settings file already, copy the lines of this file into it instead. Where the disk does not outlive a restart, as in a container without a volume, keep the file's content where your secrets are."),
        heading("2. Install it"),
        paragraph("On the repositories that the bot shall release, and on no others:"),
        link(install),
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


def enter_secret(
    who: str,
    indexes: Iterable[str],
    shown: Mapping[str, str],
    problems: Mapping[str, str],
    *,
    codes: bool = False,
) -> str:
    """Ask a Slack person for a secret; `shown` has what was typed before, never the secret, and `problems` what is wrong.

    With `codes` also for what makes one-time codes: some index takes them beside a password.
    """
    code_field = _labelled(
        "Secret of the one-time codes (the text behind the QR code; only where the index wants a code beside the password)",
        '<input type="password" name="one_time" autocomplete="off">', problems.get("one_time", ""),
    ) if codes else ""  # fmt: skip
    options = "".join(
        f'<option value="{escape(name)}"{" selected" if name == shown.get("index") else ""}>{escape(name)}</option>'
        for name in indexes
    )
    return page(
        "Enter a secret",
        paragraph(f"What you enter here is kept, sealed, for the Slack workspace of {who}. Slack does not see it."),
        paragraph(
            "Go on only if that is you and you pressed the button in Slack yourself. If somebody sent you this link, close it: "
            "they would release with your token."
        ),
        '<form method="post" action="/credentials/enter">',
        _hidden(shown),
        _labelled("Index", f'<select name="index">{options}</select>', problems.get("index", "")),
        _labelled(
            "API token (or the password, where the index has no tokens)",
            '<input type="password" name="token" autocomplete="off" required>', problems.get("token", ""),
        ),
        _labelled(
            "Project (empty: all of your workspace's on this index)",
            f'<input type="text" name="project" value="{escape(shown.get("project", ""))}">', problems.get("project", ""),
        ),
        _labelled(
            "User name (only where the index has no tokens)",
            '<input type="text" name="username" autocomplete="off">', problems.get("username", ""),
        ),
        code_field,
        "<button>Look at it</button></form>",
        paragraph("You see what it may do before it is kept. The link works once, for ten minutes, in this browser."),
    )  # fmt: skip


def secret_entered(
    whose: str, limits: Iterable[str], narrow_to: str | None, fields: Mapping[str, str]
) -> str:
    """Show what was entered for what it is; with `narrow_to` a copy bound to a project is offered ("": to one to be named)."""
    narrowing = "" if narrow_to is None else _narrowing(narrow_to)
    return page(
        "Keep this?",
        paragraph(f"For {whose}. Read without asking anybody:"),
        listed(limits),
        '<form method="post" action="/credentials/keep">',
        _hidden(fields),
        narrowing,
        "<button>Keep it</button></form>",
        paragraph("Close this page to keep nothing: what you entered is forgotten ten minutes after the link was made."),
    )  # fmt: skip


def narrow_again(problem: str, fields: Mapping[str, str]) -> str:
    """Ask once more which project a copy is bound to."""
    return page(
        "Keep this?",
        paragraph(problem),
        '<form method="post" action="/credentials/keep">',
        _hidden(fields),
        _narrowing(""),
        "<button>Keep it</button></form>",
    )


def _narrowing(project: str) -> str:
    options = (
        ("narrow", "only a copy for one project; the wide one is forgotten"),
        ("whole", "as it is, for the entire account"),
    )
    chosen = "narrow" if project else "whole"
    inner = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{words}</option>'
        for value, words in options
    )
    copy = f'<input type="text" name="project" value="{escape(project)}">'
    return _labelled("Keep", f'<select name="scope">{inner}</select>', "") + _labelled(
        "Project of the copy", copy, ""
    )


def secret_kept(index: str, project: str) -> str:
    """Say that it is kept."""
    about = f"{project} on {index}" if project else index
    return page(
        "Kept",
        paragraph(f"The credential for {about} is kept, sealed. Slack says so too: you may close this page."),
    )


def secret_overtaken() -> str:
    """Say that somebody else was faster."""
    return page(
        "Nothing was kept",
        paragraph("Somebody else of your workspace has changed this credential in between. What you entered is forgotten."),
        paragraph("Type /shipbell credentials in Slack to look at it, and enter yours again if it must be."),
    )  # fmt: skip


def secret_refused() -> str:
    """Say that whoever entered it may not have it kept."""
    return page(
        "Nothing was kept",
        paragraph(
            "Your workspace's policy does not let you keep this secret, or Slack did not tell who you are. It is forgotten here."
        ),
        paragraph(
            "Slack has told you who may: ask one of them, and revoke this secret if nobody else needs it."
        ),
    )


def entry_ended() -> str:
    """Say that a link is of no use."""
    return page(
        "This link can't be used",
        paragraph(
            "It was used before, is more than ten minutes old, belongs to another browser, or was never made. Nothing was kept."
        ),
        paragraph("Type /shipbell credentials in Slack to begin anew."),
    )


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{escape(fields[name])}">'
        for name in ("state", "check")
        if name in fields
    )


def _labelled(label: str, element: str, problem: str) -> str:
    said = f" <strong>{escape(problem)}</strong>" if problem else ""
    return f"<p><label>{escape(label)}<br>{element}</label>{said}</p>"


def ask_to_grant(who: str, index: str, fields: Mapping[str, str]) -> str:
    """Ask whether a Slack person and whoever goes on to an index are the same."""
    return page(
        f"Connect {index}",
        paragraph(
            f"This lets Shipbell release and upload on {index}, in the name of whoever is signed in there, for the Slack workspace "
            f"of {who}. The index asks you once more, on its own page."
        ),
        paragraph(
            "Go on only if that is you and you typed the command in Slack yourself. If somebody sent you this link, close it: "
            "their workspace would upload with your rights."
        ),
        form(f"/indexes/{index}/connect", fields, f"I am {who}: go on to {index}"),
    )  # fmt: skip


def granted(index: str, user: str) -> str:
    """Say that it worked."""
    return page(
        f"{index} is connected",
        paragraph(f"Shipbell may release and upload there in the name of {user}. Slack says so too: you may close this page."),
    )  # fmt: skip


_NO_GRANT: Mapping[str, tuple[str, str]] = {
    "ended": _WHY["ended"],
    "declined": ("Nothing was granted", "You did not allow it on the index's page. Nothing is kept."),
    "denied": ("Nothing was granted", ""),
    "not_allowed": (
        "Nothing was granted",
        "Your workspace lets others keep credentials: Slack tells you who. Nothing is kept.",
    ),
    "unsure": ("Nothing was granted", "The index gave no answer that means anything. Nothing is kept."),
}


def not_granted(index: str, why: str, cause: str = "", remedy: str = "") -> str:
    """Say why nothing was granted: cause and remedy."""
    title, known = _NO_GRANT[why]
    again = f"Type /shipbell connect {index} in Slack to begin anew."
    return page(title, paragraph(f"{known} {cause}".strip()), paragraph(f"{remedy} {again}".strip()))
