"""Every word of the pages on which the app is installed.

Knows: words, HTML. Must not know: routes, rules.
"""

from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from urllib.parse import urlencode

from bot import pages

AGAIN = "Add Shipbell to Slack"


def deed(address: str, words: str) -> str:
    """Return a link that is the page's one thing to do."""
    return f'<p><a class="deed" href="{escape(address)}">{escape(words)}</a></p>'


TITLE = "Release Python packages from Slack"
_WHAT = (
    "Shipbell sets up trusted publishing for your packages and releases a version once the right people have pressed Approve. "
    "Your channel is told, step by step, what really happened: on evidence from the package index, not from a green build."
)


def landing_of_one(status: str) -> str:
    """Say what the bot is, where it serves one workspace; `status` is where its status page is, "" where there is none."""
    return pages.page(
        TITLE,
        pages.paragraph(_WHAT),
        deed(status, "Open the status page") if status else "",
        pages.paragraph("This Shipbell serves one Slack workspace, whose people find it there among the apps: its Home tab shows what waits for them."),
        pages.heading("Where to begin, in Slack"),
        pages.named((name, why) for name, why in _FIRST.items()),
        pages.paragraph("Whoever runs this Shipbell has its documentation, in the program's folder docs."),
    )  # fmt: skip


_FIRST: Mapping[str, str] = MappingProxyType(
    {
        "/publisher add": "sets up trusted publishing for a package",
        "/release": "releases a version, once the right people have approved",
        "/shipbell help": "lists everything else",
    }
)


def landing(install: str, scopes: Mapping[str, str]) -> str:
    """Say what the bot is, what it asks for, and how it comes into a workspace."""
    return pages.page(
        TITLE,
        pages.paragraph(_WHAT),
        deed(install, AGAIN),
        pages.paragraph(
            "Slack shows you what it may do before you agree. An org's admin can add it to the whole org at once."
        ),
        pages.heading("What it asks Slack for, and why"),
        pages.named((name, _plain(why)) for name, why in scopes.items()),
        pages.paragraph("It reads no messages of channels that it was not invited to, no files, and no e-mail addresses."),
    )  # fmt: skip


def installed(name: str, open_at: str, missing: tuple[str, ...], install: str, *, org_wide: bool) -> str:
    """Say that it is installed, and where it goes on."""
    where = name or ("your org" if org_wide else "your workspace")
    lacking = (
        (
            pages.paragraph(
                f"Slack has granted less than Shipbell needs: it lacks {', '.join(missing)}. "
                "What needs them will not work. Add it again, and agree to all of it."
            ),
            deed(install, "Add it again"),
        )
        if missing
        else ()
    )
    return pages.page(
        f"Shipbell is in {where}",
        *lacking,
        pages.paragraph("It sends you a message in Slack with the three steps that are left: connect GitHub, choose a channel, add the first package."),
        deed(open_at, "Open Slack") if open_at else "",
        *(
            (pages.paragraph("You have installed it for the whole org: which workspaces have it, an org's admin chooses in Slack's settings of the org."),)
            if org_wide else ()
        ),
    )  # fmt: skip


def open_in_slack(web: str, app_id: str, team_id: str) -> str:
    """Return the address that opens the app in Slack; "" where that is not known."""
    known = {"app": app_id, "team": team_id}
    return f"{web}app_redirect?{urlencode(known)}" if app_id and team_id else ""


_FAILED: Mapping[str, tuple[str, str]] = {
    "access_denied": (
        "Nothing was installed",
        "You, or your workspace's settings, said no. If an admin has to approve apps, ask one; then add it again.",
    ),
    "invalid_browser": (
        "This is not the browser that began",
        "An install ends in the browser in which it began, within ten minutes, and a later one overtakes an earlier. Nothing was installed. Begin again here.",
    ),
    "invalid_state": (
        "This install was used before, or took too long",
        "Each can be used once, within ten minutes. If Slack already shows Shipbell among your apps, there is nothing left to do; else begin again.",
    ),
    "invalid_code": (
        "Slack did not confirm the install",
        "It did not answer, or does not know this install any more. Nothing was kept. Begin again; if it stays so, tell whoever runs Shipbell.",
    ),
    "missing_code": ("Slack's answer is incomplete", "Nothing was installed. Begin again."),
    "storage_error": (
        "Slack's answer can't be used",
        "It holds no token for a bot, or does not say whose. Nothing was kept. Tell whoever runs Shipbell: the Slack app is not set up as its manifest says.",
    ),
    "invalid_scope": (
        "Slack does not know what Shipbell asks for",
        "The Slack app is not set up as its manifest says. Tell whoever runs Shipbell.",
    ),
    "invalid_team_for_non_distributed_app": (
        "This app is for one workspace only",
        "Whoever runs Shipbell has not opened the Slack app for other workspaces yet (Manage Distribution on its page).",
    ),
}  # fmt: skip
"""Bolt's or Slack's word for what went wrong -> what is said of it: cause and remedy."""


def not_installed(reason: str, install: str) -> str:
    """Say why nothing was installed, and how it goes on."""
    known = _FAILED.get(reason)
    title, text = known or (
        "Nothing was installed",
        "Slack ended the install without saying it in words that Shipbell knows. Begin again; if it stays so, tell whoever runs Shipbell.",
    )
    said = (
        ()
        if known or not reason.replace("_", "").isalnum()
        else (pages.paragraph(f"Slack's word for it: {reason[:60]}."),)
    )
    return pages.page(title, pages.paragraph(text), *said, deed(install, AGAIN))  # fmt: skip


def _plain(text: str) -> str:
    return text.replace("`", "")
