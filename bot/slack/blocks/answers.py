"""What the bot says to one person: help, refusals, credentials, audit, and its own faults.

Knows: words. Must not know: Bolt, network, rules.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from bot.core import commands, notices
from bot.core.sites import IndexSite
from bot.slack.blocks.base import (
    Message,
    actions,
    button,
    code,
    context,
    escape,
    header,
    link,
    message,
    section,
)
from bot.slack.blocks.publishers import OPEN_CREDENTIALS

HELP: Mapping[str, Sequence[tuple[str, str]]] = MappingProxyType(
    {
        "/publisher": (
            ("/publisher", "opens a dialog; the repository that you choose there fills in the other fields"),
            ("/publisher add OWNER/REPO", "opens the same dialog with what that repository says"),
            (
                "/publisher add PROJECT OWNER/REPO [workflow=release.yml] [environment=pypi] [index=pypi] [channel=#x]",
                "registers the project's trusted publisher and tells the channel how it ends",
            ),
            ("/publisher list", "shows where each publisher stands, and how it fares"),
            (
                "/publisher check PROJECT",
                (
                    "looks at repository and index now, says what is missing or broke since, and offers what mends it: a pull "
                    "request, or Confirm now, a run that makes a pending publisher real before the first release"
                ),
            ),
            (
                "/publisher import [OWNER] [index=pypi] [dry-run]",
                "lists the owner's Python packages with what each lacks, and sets up those that you tick; dry-run lists only",
            ),
            ("/publisher remove PROJECT", "stops watching; on the index it stays until removed there"),
        ),
        "/release": (
            ("/release", "opens a dialog with all the fields"),
            (
                '/release PROJECT TAG_OR_VERSION [index=...] [notes="..."] [at=TIME] [override="why"]',
                (
                    "looks at the version, then asks the right people; only what they approve is released. "
                    "TIME is +2h, 17:00 (UTC) or 2026-12-01T17:00+02:00; override asks in spite of a freeze"
                ),
            ),
            ("/release status [PROJECT]", "shows where each release stands, newest first"),
            ("/release cancel PROJECT VERSION", "ends a release that has not started, or that failed"),
            (
                "/release retry PROJECT VERSION",
                "tries a failed release again; what is done is not done twice",
            ),
            (
                '/release yank PROJECT VERSION reason="..." [index=...]',
                "asks the right people, then leads to the page where it is yanked, and sees when that is done",
            ),
            (
                "/release tell [PROJECT] [all|final|pre|failures|nothing]",
                "tells this channel how releases asked for elsewhere end; without a word it shows what the channel is told",
            ),
            (
                '/release lock PROJECT [until=TIME] reason="..."',
                "stops releases of the project until then, or until it is unlocked",
            ),
            ("/release unlock PROJECT", "ends the project's locks"),
        ),
        "/shipbell": (
            (
                "/shipbell credentials",
                "enter a token in Slack or in the browser; see and revoke those of the workspace and its projects. A secret is never shown again",
            ),
            (
                "/shipbell connect INDEX",
                "the same, with the index chosen; where it grants access by OAuth, a link on which you say yes there",
            ),
            (
                "/shipbell connect github",
                "sign in with GitHub, so that I know which account is yours; /shipbell disconnect github forgets it",
            ),
            ("/shipbell settings", "shows which indexes this bot serves"),
            (
                "/shipbell policy [PROJECT]",
                "opens the dialog that shows and changes who decides, who may do what, and what is frozen",
            ),
            (
                "/shipbell settings policy [PROJECT]",
                "shows who decides about releases, and what is frozen",
            ),
            (
                (
                    "/shipbell settings policy [PROJECT] [quorum=2] [approvers=@a,@group] [groups=@g1,@g2] [deny=@a,@group] "
                    "[requester=yes|no] [expires=24h] [glass=@a,@group] [rehearsal=testpypi] [deployments=yes|no] "
                    "[tell=all|final|pre|failures] [watch=yes|no] [thank=yes|no] [rights=yes|no] "
                    "[publish=workflow|bot] [second=yes|no]"
                ),
                (
                    "changes it; none empties a value:\n"
                    "• quorum: how many must approve\n"
                    "• approvers, groups: who may approve; of which groups one each must\n"
                    "• deny: whose approval never counts; requester: whether that of the asker does\n"
                    "• expires: how long a request waits for approval\n"
                    "• glass: who may release without the approvals, in an emergency\n"
                    "• rehearsal: the index to publish to first, as a test\n"
                    "• deployments: whether I approve the run's environment on the forge\n"
                    "• tell, watch: what the channel is told; whether also of versions that nobody asked for\n"
                    "• thank: whether I comment on the pull requests that a release shipped\n"
                    "• rights: whether whoever asks or approves must have push access\n"
                    "• publish: who uploads, the workflow or I with a credential of yours\n"
                    "• second: whether a change of this needs a second person"
                ),
            ),
            (
                (
                    "/shipbell settings policy [PROJECT] [setters=@a,@group] [publishers=@a,@group] [importers=@a,@group] "
                    "[keepers=@a,@group] [askers=@a,@group] [yankers=@a,@group] [steerers=@a,@group] "
                    "[overriders=@a,@group] [auditors=@a,@group]"
                ),
                (
                    "names who may do what; everybody (admins, of setters) takes the names away:\n"
                    "• setters: set this policy\n"
                    "• publishers, importers: add publishers, one or many at once\n"
                    "• keepers: keep credentials\n"
                    "• askers, yankers: ask for releases, ask for yanks\n"
                    "• steerers: cancel and retry for others\n"
                    "• overriders: override a freeze\n"
                    "• auditors: see the audit trail"
                ),
            ),
            (
                '/shipbell settings freeze [from=TIME] [until=TIME] reason="..."',
                "stops all releases for that time",
            ),
            ("/shipbell settings unfreeze", "ends the workspace's freezes"),
            (
                "/shipbell audit [PROJECT]",
                "shows who did what, newest first, and by which command or button; checks that nothing was changed or removed; sends all of it as a file",
            ),
        ),
    }
)

WORKING = "On it. The channel hears how it goes."


def help_text(command: str) -> Message:
    """Explain a command."""
    lines = [f"{code(usage)}\n{escape(meaning)}" for usage, meaning in HELP.get(command, HELP["/shipbell"])]
    others = [code(f"{other} help") for other in HELP if other != command]
    return message(
        f"How to use {command}",
        [header(f"How to use {command}"), *map(section, lines), context(f"See also {' and '.join(others)}")],
    )


def refusal(parsed: commands.Misspelt | commands.Wrong | commands.HoldsToken | commands.NotYet) -> Message:
    """Say why a command was not done: cause and remedy, and nothing secret repeated."""
    match parsed:
        case commands.Misspelt():
            hint = f" Did you mean {code(parsed.suggestion)}?" if parsed.suggestion else ""
            text = f"I don't know {code(parsed.word)}.{hint} {code(parsed.command + ' help')} lists what there is."
            return message("I don't know that.", [section(text)])
        case commands.Wrong():
            listed = "\n".join(
                f"• *{escape(problem.field)}*: {escape(problem.message)}" for problem in parsed.problems
            )
            refused = (
                "the index would refuse this" if parsed.command == "/publisher" else "this can't be used"
            )
            why = f"Nothing was done: {refused}."
            return message(
                "That can't be used yet.",
                [section(f"{why}\n{listed}")],
            )
        case commands.HoldsToken():
            return _token(parsed)
        case commands.NotYet():
            return message(
                "Not there yet.",
                [section(f"{code(parsed.what)} is not there yet in this version. Nothing was done.")],
            )
        case _:
            assert_never(parsed)


def _token(parsed: commands.HoldsToken) -> Message:
    text = (
        f":rotating_light: That looks like a secret ({escape(parsed.kind.name)}). I kept none of it, but Slack has seen it: "
        f"*revoke it now*. {escape(parsed.kind.revoke)} Then make a new one, and enter that in the dialog."
    )
    return message(
        "Revoke that secret now.", [section(text), actions(button("Enter a token safely", OPEN_CREDENTIALS))]
    )


def not_opened(error: str) -> Message:
    """Say that Slack did not open a dialog."""
    text = f"Slack did not open the dialog ({code(error)}). Type the command again; nothing was done."
    return message("Slack did not open the dialog.", [section(text)])


def out_of_order() -> Message:
    """Say that what was asked could not even be written down."""
    text = ":warning: I can't write anything down right now, so *nothing was done*. Try again in a minute; if it stays so, tell whoever runs Shipbell."
    return message("Nothing was done: Shipbell can't write right now.", [section(text)])


def not_installed(url: str) -> Message:
    """Say that the app is not in this workspace."""
    text = f":warning: Shipbell is not installed in this workspace any more, so *nothing was done*. {link(url, 'Add it to Slack')}, and try again."
    return message("Nothing was done: Shipbell is not installed here.", [section(text)])


def settings(sites: Sequence[IndexSite], poll_seconds: float) -> Message:
    """Show what this bot serves."""
    ways = {
        True: "registers by itself",
        False: "a person fills in its form",
        None: "finds out whether it can register by itself",
    }
    lines = [
        f"• *{escape(site.name)}* {link(site.url, site.url)}: {ways[site.publisher_api]}; pending for {site.pending_days} days"
        for site in sites
    ]
    return message(
        "Settings of this bot",
        [
            header("Indexes"),
            section("\n".join(lines)),
            context(f"Pending publishers are looked at every {poll_seconds:g} s at first, then more rarely."),
        ],
    )


def broke_down(notice: notices.BrokeDown) -> Message:
    """Say that the bot is at fault, with a number to find it in the log."""
    text = f":warning: I could not do that, and it is my fault. Nothing is half done. Tell whoever runs Shipbell: incident {code(notice.incident)}."
    return message("That failed, by Shipbell's fault.", [section(text)])
