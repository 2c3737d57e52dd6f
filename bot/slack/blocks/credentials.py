"""A credential's life in words: the dialogs in which it is entered and shown, and what its owner hears.

Knows: words, the ids of fields. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Sequence
from typing import Any

from bot.core import credential_notices as life
from bot.core import notices
from bot.core.credentials import Reminder
from bot.core.names import DEFAULT_INDEX
from bot.index.intake import Intake, limit
from bot.index.tokens import Caveat, Expires
from bot.slack.blocks.base import (
    BLOCKS,
    OPTION,
    Block,
    Message,
    actions,
    button,
    code,
    confirm,
    context,
    date,
    escape,
    header,
    link,
    link_button,
    message,
    person,
    plain,
    section,
)
from bot.slack.blocks.forms import INDEX_CHOICE, View, choice, field, modal, text_field
from bot.slack.blocks.pieces import count, tick, tidy
from bot.slack.blocks.release_answers import DENIED
from storage.records import CredentialKind

ADD, KEEP, REVOKE, OPEN, PAGE, LINK = (
    "credential.add", "credential.keep", "credential.revoke", "credentials.open", "credential.page", "link",
)  # fmt: skip
SCOPE, WHOLE, NARROW = "scope", "whole", "narrow"
"""The field in which somebody says how much of a token is kept, and its two values."""
_SEEN = 2_900


def dialog(shown: notices.CredentialsShown) -> View:
    """Return the team's credentials, and the fields for a new one."""
    blocks: list[Block] = [header("Kept for this workspace")]
    blocks += rows(shown.lines, shown.view_id) or [section("No credential yet.")]
    blocks += (
        [header("Add one"), *_fields(shown)]
        if shown.typed
        else [_instead("Secrets are not entered in Slack here.")]
    )
    seen = ",".join(line.credential_id for line in shown.lines)[:_SEEN]
    carried = json.dumps({"seen": seen})
    submit = "Look at it" if shown.typed else ""
    return modal("Credentials", blocks, ADD, submit, external_id=shown.view_id, private_metadata=carried)


def _fields(shown: notices.CredentialsShown) -> list[Block]:
    return [
        field(INDEX_CHOICE, "Index", choice(shown.indexes, shown.index or DEFAULT_INDEX)),
        field("token", "API token", text_field(example="pypi-…", longest=2_900),
               "Sealed at once and never shown again. You see what it may do before it is kept.", optional=bool(shown.lines)),
        field("project", "Project", text_field(longest=200),
               "For this project alone. Empty: for all of the workspace's on this index.", optional=True),
        field("username", "User name", text_field(longest=200),
               "Only where the index has no tokens; then the password goes into the field above.", optional=True),
        *_codes(shown),
        context("Never type a token into a message or a command: only here."),
        _instead("Slack's servers see what is typed into Slack."),
    ]  # fmt: skip


def _codes(shown: notices.CredentialsShown) -> list[Block]:
    if not shown.codes:
        return []
    hint = "Only where the index wants a code beside the password: the text behind the QR code. I make each code from it."
    return [field("one_time", "Secret of the one-time codes", text_field(longest=1_000), hint, optional=True)]


def _instead(why: str) -> Block:
    return section(why, accessory=button("Enter it on a web page", PAGE))


def rows(lines: Sequence[notices.CredentialLine], view_id: str = "") -> list[Block]:
    """Return a paragraph for each credential, with the button that revokes it."""
    return [section(row(line), accessory=revoke(line, view_id)) for line in lines[: BLOCKS - 10]]


def row(line: notices.CredentialLine, *, refused: bool = True) -> str:
    """Return a credential's lines: what it is for, how far it reaches, its use; with what the index said of it."""
    used = "not used yet"
    if line.last_used_at:
        purpose = f" for {escape(line.last_purpose)}" if line.last_purpose else ""
        used = f"used {count(line.uses, 'time')}, last {date(line.last_used_at)}{purpose}"
    no = (
        f"\n:x: *the index refused it* {date(line.refused_at)}: replace it"
        if line.refused_at and refused
        else ""
    )
    whose = f" for *{escape(line.project)}*" if line.project else ""
    about = [f"*{escape(line.index)}*{whose}", escape(line.hint), *_limits(line)]
    return f"{' · '.join(about)}\nadded by {person(line.added_by)} {date(line.added_at)} · {used}{no}"


def _limits(line: notices.CredentialLine) -> list[str]:
    """Return what makes a credential dangerous: that it is wide, and that it has no end."""
    wide = [":warning: the entire account"] if line.account_wide else []
    if line.expires_at is not None:
        return [*wide, f"ends {date(line.expires_at)}"]
    return [*wide, *([":warning: no end"] if line.kind is not CredentialKind.PASSWORD else [])]


def revoke(line: notices.CredentialLine, view_id: str = "") -> dict[str, Any]:
    """Return the button that destroys a credential, with its question."""
    what = code(f"{line.project} on {line.index}" if line.project else line.index)
    question = confirm(
        "Revoke?", f"The credential for {what} is destroyed here. Revoke it on the index too.", "Revoke"
    )
    value = json.dumps({"credential": line.credential_id, "view": view_id})
    return button(f"Revoke {line.index}", REVOKE, value, style="danger", confirm=question)


def entered(intake: Intake, entry_id: str) -> View:
    """Return the dialog that shows what was entered, before it is kept. Nothing of the secret is in it."""
    whose = f" for *{escape(intake.project)}*" if intake.project else " for all of the workspace's projects"
    blocks = [section(f"*{escape(intake.index)}*{whose}"), *_read(intake)]
    if intake.facts is not None and intake.facts.account_wide and not intake.facts.projects:
        blocks += _narrowing(intake.project)
    carried = json.dumps({"entry": entry_id, "project": intake.project})
    return modal("Keep this?", blocks, KEEP, "Keep it", private_metadata=carried)


def _read(intake: Intake) -> list[Block]:
    if intake.kind is CredentialKind.PASSWORD:
        codes = [section(":warning: *And what makes its one-time codes.* With the password that is all of the account, so the "
                         "second factor protects it no more from who has both: keep it only for an account that uploads and "
                         "does nothing else.")] if intake.one_time else []  # fmt: skip
        return [
            *codes,
            section(
                ":warning: *A user name and a password.* They may do all that the account may, and can't be narrowed: they are "
                "sent as they are, for each upload. A token is better wherever the index has some."
            )
        ]  # fmt: skip
    if intake.facts is None:
        return [
            section(
                ":warning: *This is no token that I can read.* I can't tell what it may do nor when it ends, and can't narrow "
                "it: it is sent as it is."
            )
        ]  # fmt: skip
    end = intake.facts.expires_at
    ends = f"It ends {date(end)}." if end else "It has no end: I remind you of its age."
    lines = [f"• {_caveat(caveat)}" for caveat in intake.facts.caveats]
    at = f" of {tick(intake.facts.location)}" if intake.facts.location else ""
    scope = "\n".join(lines) or "• nothing limits it"
    return [section(f"*An API token{at}*, read without asking anybody:\n{scope}\n{ends}")]


def _caveat(caveat: Caveat) -> str:
    """Return what a caveat allows; its moments as each reader's own."""
    if not isinstance(caveat, Expires):
        return escape(limit(caveat))
    begin = f"from {date(caveat.not_before)}" if caveat.not_before else ""
    end = f"until {date(caveat.expires_at)}" if caveat.expires_at else ""
    return f"{begin} {end}".strip() or "at any time"


def _narrowing(project: str) -> list[Block]:
    options = [
        {"text": plain("Only a copy for one project, named below", OPTION), "value": NARROW},
        {"text": plain("As it is, for the entire account", OPTION), "value": WHOLE},
    ]
    picked = options[0] if project else options[1]
    return [
        section(
            ":warning: *It reaches every project of the account.* For uploads a copy that is bound to one project does as well, and "
            "harms less if it leaks. I need the entire account only to register publishers by myself."
        ),
        field(SCOPE, "Keep", {"type": "static_select", "options": options, "initial_option": picked}),
        field("project", "Project of the copy", text_field(project, longest=200), optional=True),
    ]  # fmt: skip


def page_offered(url: str) -> View:
    """Return the dialog with the link on which somebody enters a secret outside of Slack."""
    blocks = [
        section("Enter the secret in your browser: Slack's servers don't see it."),
        actions(link_button("Open the page", url, LINK)),
        context("The button works once, for ten minutes, in one browser. It is yours alone: pass it on to nobody."),
    ]  # fmt: skip
    return modal("On a web page", blocks, "page")


def page_missing() -> View:
    """Return the dialog that says why there is no such page."""
    text = (
        "There is *no page* here, since browsers don't reach this bot by https.\n*Remedy:* whoever runs Shipbell sets "
        "`SHIPBELL_PUBLIC_URL` to its https address."
    )
    return modal("On a web page", [section(text)], "page")


def saved(notice: notices.CredentialSaved) -> Message:
    """Say that a credential is kept."""
    token = notice.kind is CredentialKind.API_TOKEN
    how = "replaces the one kept before" if notice.replaced else "is kept, sealed"
    what = "API token" if token else "password with its user name"
    whose = _what(notice.index, notice.project)
    narrowed = (
        " It is a copy bound to that project; I have forgotten the wide one." if notice.narrowed else ""
    )
    word = "token" if token else "password"
    about = f"{notice.project} on {notice.index}" if notice.project else notice.index
    return message(
        f"The {word} for {about} is kept.",
        [section(f":lock: The {what} for {whose} {how}.{narrowed} It is never shown again.")],
    )


def revoked(notice: notices.CredentialRevoked) -> Message:
    """Say that a credential is destroyed here, and where it must be revoked too."""
    if not notice.was_live:
        return message(
            "Revoked before.", [section("That credential was revoked before; nothing was changed.")]
        )
    if notice.granted:
        return _grant_gone(notice)
    page = f" Revoke it there too: {link(notice.token_page, 'your tokens')}." if notice.token_page else ""
    whose = _what(notice.index, notice.project)
    about = f"{notice.project} on {notice.index}" if notice.project else notice.index
    return message(
        f"The token for {about} is destroyed here.",
        [section(f":wastebasket: The API token for {whose} is destroyed here.{page}")],
    )


def _grant_gone(notice: notices.CredentialRevoked) -> Message:
    """Say that an OAuth grant is destroyed here, and that it goes on there."""
    there = f" ({link(notice.token_page, 'its pages')})" if notice.token_page else ""
    return message(
        f"The OAuth grant of {notice.index} is destroyed here.",
        [
            section(
                f":wastebasket: The OAuth grant of *{escape(notice.index)}* is destroyed here. It does not expire there: whoever runs "
                f"the index can take it back{there}."
            )
        ],
    )  # fmt: skip


def ended(_notice: life.EntryEnded) -> Message:
    """Say that what was agreed to is not there any more."""
    text = (
        "*Nothing was kept*: what you entered was used before, or more than ten minutes ago. It is forgotten. "
        "*Remedy:* enter it again."
    )
    return message("Nothing was kept.", [section(text), actions(button("Enter a token safely", OPEN))])


def denied(notice: life.CredentialDenied) -> Message:
    """Tell somebody who is no full member that credentials are not theirs to change."""
    cause, remedy = DENIED[notice.why]
    detail = f" ({tidy(notice.detail, 200)})" if notice.detail else ""
    text = (
        ":no_entry_sign: You can't change this workspace's credentials, and nothing was changed.\n"
        f"*Cause:* {cause.replace('decide about releases', 'change credentials')}{detail}.\n"
        f"*Remedy:* {remedy.replace('to decide', 'to do this')}"
    )
    return message("Nothing was changed: credentials are for full members.", [section(text)])


def overtaken(notice: life.CredentialOvertaken) -> Message:
    """Tell who came second that somebody else was faster."""
    text = (
        f"*Nothing was kept*: {person(notice.added_by)} has put another credential for {_what(notice.index, notice.project)} "
        f"there {date(notice.added_at)}, which you did not see yet. *Remedy:* look at it, and enter yours again if it must be."
    )
    return message(
        "Nothing was kept: somebody was faster.", [section(text), actions(button("Look at it", OPEN))]
    )


def refused(notice: life.CredentialRefused) -> Message:
    """Tell an owner that the index refused their credential."""
    said = f" It said: “{tidy(notice.detail, 300)}”." if notice.detail else ""
    text = (
        f":x: {escape(notice.index)} *refused* the credential for {_what(notice.index, notice.project)} that you added "
        f"{date(notice.added_at)}.{said} I don't send it again.\n"
    )
    title = f"{notice.index} refused a credential of yours."
    if notice.granted:
        return message(title, [section(f"{text}*Remedy:* {_connect(notice.index)} and say yes there again.")])
    text += f"*Remedy:* {_make(notice.token_page)}, and enter it here."
    return message(title, [section(text), actions(button("Enter a new one", OPEN, notice.index[:150]))])


def reminded(notice: life.CredentialReminder) -> Message:
    """Remind an owner of a credential's end or age."""
    what = f"The credential for {_what(notice.index, notice.project)} that you added {date(notice.added_at)}"
    used = f"last used {date(notice.last_used_at)}" if notice.last_used_at else "never used"
    end = date(notice.expires_at) if notice.expires_at else ""
    title, text = {
        Reminder.SOON: ("A credential of yours ends soon.", f":alarm_clock: {what} *ends* {end}."),
        Reminder.EXPIRED: ("A credential of yours has ended.", f":x: {what} *has ended* {end}. Nothing can be sent with it."),
        Reminder.OLD: (
            "A credential of yours is old.",
            f":hourglass: {what} is *{count(notice.days, 'day')} old*, {used}. Whoever found a copy of it could still use it.",
        ),
    }[notice.reminder]  # fmt: skip
    if notice.granted:
        # An index gives the same access token again as long as that one stands (docs/oauth1.md).
        remedy = f"*Remedy:* withdraw the grant on {_account(notice)}, then {_connect(notice.index)}; until then it stays in use."
        return message(title, [section(f"{text}\n{remedy}")])
    remedy = f"*Remedy:* {_make(notice.token_page)}, and enter it here: it takes the old one's place, and what is under way goes on."
    return message(
        title, [section(f"{text}\n{remedy}"), actions(button("Enter a new one", OPEN, notice.index[:150]))]
    )


def unneeded(notice: life.TokenUnneeded) -> Message:
    """Offer an owner to revoke a token that a project has no need of any more."""
    return message(f"{notice.project} publishes without a token now.", unneeded_blocks(notice))


def unneeded_blocks(notice: life.TokenUnneeded) -> list[Block]:
    """Return the offer to revoke a long-lived token, wherever it is shown."""
    whose = "the workspace's own token for it" if notice.whole_team else "a token of its own"
    others = (
        " If no other project needs it, revoke it."
        if notice.whole_team
        else " Revoke it: nobody can lose what is not there."
    )
    text = (
        f":warning: *{escape(notice.project)}* publishes to *{escape(notice.index)}* through its trusted publisher, but {whose} "
        f"is still kept. A long-lived token is the exception.{others}"
    )
    value = json.dumps({"credential": notice.credential_id, "view": ""})
    question = confirm("Revoke?", "It is destroyed here. Revoke it on the index too.", "Revoke")
    buttons = [button("Revoke it here", REVOKE, value, style="danger", confirm=question)]
    if notice.token_page:
        buttons.append(link_button("Revoke it on the index", notice.token_page, LINK))
    return [section(text), actions(*buttons)]


def _what(index: str, project: str) -> str:
    return f"*{escape(project)}* on *{escape(index)}*" if project else f"*{escape(index)}*"


def _connect(index: str) -> str:
    return f"type {tick(f'/shipbell connect {index}')}"


def _account(notice: life.CredentialReminder) -> str:
    return link(notice.token_page, "your account there") if notice.token_page else "your account there"


def _make(page: str) -> str:
    return f"make a new one on {link(page, 'your tokens')}" if page else "make a new one on the index"
