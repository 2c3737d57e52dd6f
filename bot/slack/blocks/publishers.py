"""What the bot says of publishers.

Knows: words. Must not know: Bolt, network, rules.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.core import notices
from bot.core.outcomes import ByHand
from bot.core.setup import SetupReport
from bot.slack.blocks import confirming, credentials, health, setup
from bot.slack.blocks.base import (
    Block,
    Message,
    actions,
    button,
    code,
    context,
    date,
    escape,
    fields,
    fitted,
    header,
    link,
    link_button,
    message,
    person,
    section,
)
from bot.slack.blocks.pieces import count
from bot.slack.blocks.reasons import explain
from storage.records import EvidenceKind, PublisherState, Registration

ORGANIZATION = "publisher.organization"
SUBMITTED, AGAIN, LINK = "publisher.submitted", "publisher.again", "link"
OPEN_CREDENTIALS = credentials.OPEN

SIGNS: Mapping[PublisherState, str] = MappingProxyType(
    {
        PublisherState.REQUESTED: ":hourglass_flowing_sand: requested",
        PublisherState.PENDING: ":hourglass: pending",
        PublisherState.CONFIRMED: ":white_check_mark: confirmed",
        PublisherState.FAILED: ":x: failed",
        PublisherState.CONFLICT: ":warning: conflict",
        PublisherState.EXPIRED: ":alarm_clock: expired",
        PublisherState.REMOVED: ":wastebasket: removed",
    }
)
"""A sign beside a word, so that nothing hangs on colour or picture alone."""

PROOF: Mapping[EvidenceKind, str] = MappingProxyType(
    {
        EvidenceKind.INDEX: "the index's own list says that it is active",
        EvidenceKind.PROVENANCE: "a published file's provenance names this repository, workflow and environment",
        EvidenceKind.EXCHANGED: "the index took the identity of a run of this workflow on the default branch, as the run's log says",
        EvidenceKind.APPEARED: "the project, which was not there before, has appeared on the index; "
        "the index offers no stronger sign",
    }
)


def _why(
    notice: notices.PublisherEnded | notices.PublisherDelayed | notices.PublisherStatus,
    registration: Registration,
) -> tuple[str, str]:
    return explain(
        notice.reason,
        index=registration.index,
        index_url=notice.index_url,
        registration=registration,
        detail=notice.detail,
    )


def _what(registration: Registration) -> str:
    return f"*{escape(registration.project)}* on *{escape(registration.index)}*"


def _values(registration: Registration) -> Block:
    return fields(
        [
            ("Repository", code(registration.slug)),
            ("Workflow", code(registration.workflow)),
            ("Environment", code(registration.environment)),
        ]
    )


def _form(form: ByHand) -> list[Block]:
    how = (
        "The link opens the form already filled in; look it over and press Add."
        if form.prefilled
        else "Copy these values into the form:"
    )
    copies = [] if form.prefilled else [fields([(label, code(value)) for label, value in form.fields])]
    return [section(how), *copies]


def pending(notice: notices.PublisherPending) -> Message:
    """Say that the index has it, and what a person does next."""
    registration = notice.registration
    who = "says it is submitted" if notice.by_hand else "asked for it"
    if notice.by_hand:
        follow = "I now look for signs on the index that it is active"
    else:
        follow = f"The account on {escape(registration.index)} whose token I used gets a mail: *follow the confirmation link* in it"
    return message(
        f"The trusted publisher for {registration.project} is pending on {registration.index}.",
        [
            section(f":hourglass: The trusted publisher for {_what(registration)} is *pending*."),
            _values(registration),
            section(f"{follow}. This channel hears from me once it is confirmed."),
            *_confirm(notice),
            context(
                f"{person(notice.asked_by)} {who} · {escape(registration.index)} deletes the request {date(notice.expires_at)}"
            ),
        ],
    )


def _confirm(notice: notices.PublisherPending) -> list[Block]:
    """Return the offer to confirm it now, or what would make that possible; nothing where nobody can tell."""
    registration = notice.registration
    if notice.confirms is None or not notice.publisher_id:
        return []
    if notice.confirms:
        told = "A run of the workflow's `confirm` job makes it real now, and publishes nothing."
        return [section(told), actions(confirming.offer(notice.publisher_id, registration))]
    return [
        section(
            f"The first release confirms it. {code(registration.workflow)} has no job `confirm` that would do so before, without "
            "publishing anything; *Look at the workflow* above shows what to add."
        )
    ]


def by_hand(notice: notices.PublisherByHand) -> Message:
    """Say how a person registers it, with every value."""
    registration = notice.registration
    return message(
        f"{registration.index} has no API for trusted publishers: one step for {registration.project} is left to you.",
        [
            section(
                f":point_right: One step is left to a person for the trusted publisher of {_what(registration)}."
            ),
            section(
                f"{link(notice.index_url, registration.index)} takes it only through a form in the browser, signed in."
            ),
            *_form(notice.form),
            *_of_organization(notice),
            actions(
                link_button(f"Open the form on {registration.index}", notice.form.url, LINK),
                button("I've submitted it", SUBMITTED, notice.publisher_id, style="primary"),
                button("Look at the workflow", setup.OPEN, notice.publisher_id),
            ),
            context(f"{person(notice.asked_by)} asked for it"),
        ],
    )


def _of_organization(notice: notices.PublisherByHand) -> list[Block]:
    if not notice.organization:
        return []
    page = f"{notice.index_url.rstrip('/')}/manage/organizations/"
    return [
        section(
            f"Since it goes to an organization: open it among {link(page, 'your organizations')}, and enter the values on *its* "
            "page *Publishing* instead."
        )
    ]


def queued(notice: notices.PublisherQueued) -> Message:
    """Say that it waits for one of the person's places on the index, who has them, and what frees one."""
    registration = notice.registration
    index = escape(registration.index)
    held = ", ".join(code(name) for name in notice.holders[:10]) or "_none that I know of_"
    return message(
        f"The trusted publisher for {registration.project} waits for a place on {registration.index}.",
        [
            section(
                f":hourglass_flowing_sand: The trusted publisher for {_what(registration)} waits its turn: *number {notice.position}* "
                f"in the queue of {person(notice.asked_by)}."
            ),
            section(
                f"{index} lets one person have {notice.most} pending publishers of new projects. These have the places: {held}."
            ),
            section(
                "*A place is free* once one of them is confirmed (`/publisher check` offers *Confirm now* where its workflow can), "
                "is removed here and on the index, or its term there is over. Then the form comes here by itself."
            ),
            actions(
                button("It goes to an organization's page", ORGANIZATION, notice.publisher_id),
                button("Look at the workflow", setup.OPEN, notice.publisher_id),
            ),
            context(
                f"{person(notice.asked_by)} asked for it · an organization's page on {index} has no such limit"
            ),
        ],
    )


def ended(notice: notices.PublisherEnded) -> Message:
    """Say that it failed or is taken: cause, remedy, the way by hand."""
    registration = notice.registration
    cause, remedy = _why(notice, registration)
    word = "conflicts with another one" if notice.state is PublisherState.CONFLICT else "was not registered"
    sign = ":warning:" if notice.state is PublisherState.CONFLICT else ":x:"
    return message(
        f"The trusted publisher for {registration.project} {word}: {cause}",
        [
            section(f"{sign} The trusted publisher for {_what(registration)} {word}."),
            section(f"*Cause:* {escape(cause)}\n*Remedy:* {escape(remedy)}"),
            _values(registration),
            actions(
                button(f"Try {registration.project} again", AGAIN, notice.publisher_id),
                button("Credentials", OPEN_CREDENTIALS, registration.index),
                link_button("By hand", notice.form.url, LINK),
            ),
            context(_copyable(notice.form), f"{person(notice.asked_by)} asked for it"),
        ],
    )


def _copyable(form: ByHand) -> str:
    return "By hand: " + " · ".join(f"{escape(label)} {code(value)}" for label, value in form.fields)


def delayed(notice: notices.PublisherDelayed) -> Message:
    """Say that there was no answer, and that the bot tries by itself."""
    registration = notice.registration
    cause, remedy = _why(notice, registration)
    return message(
        f"Registering {registration.project} on {registration.index} is delayed: {cause}",
        [
            section(
                f":hourglass_flowing_sand: The trusted publisher for {_what(registration)} is *not registered yet*."
            ),
            section(
                f"*Cause:* {escape(cause)}\n*Remedy:* I try again by myself, next {date(notice.next_at)}. {escape(remedy)}"
            ),
            context(f"{person(notice.asked_by)} asked for it"),
        ],
    )


def confirmed(notice: notices.PublisherConfirmed) -> Message:
    """Say that it is active, and how that is known."""
    registration = notice.registration
    return message(
        f"The trusted publisher for {registration.project} on {registration.index} is confirmed.",
        [
            section(f":white_check_mark: The trusted publisher for {_what(registration)} is *confirmed*."),
            _values(registration),
            section(
                f"*Evidence:* {'; and '.join(PROOF[kind] for kind in (notice.evidence, *notice.also))}.\n{link(notice.evidence_url, 'Where I read it')}, {date(notice.seen_at)}"
            ),
            context(
                f"{person(notice.asked_by)} asked for it · `{escape(registration.workflow)}` can publish now, without a token"
            ),
        ],
    )


def reminder(notice: notices.PublisherReminder) -> Message:
    """Say that the index will soon drop it."""
    registration = notice.registration
    return message(
        f"The pending publisher for {registration.project} ends soon.",
        [
            section(
                f":alarm_clock: The trusted publisher for {_what(registration)} is still pending, and "
                f"{escape(registration.index)} deletes the request {date(notice.expires_at)}."
            ),
            section(
                f"{person(notice.asked_by)}: follow the index's confirmation link, or run the workflow "
                f"{code(registration.workflow)} of {code(registration.slug)} once."
            ),
        ],
    )


def expired(notice: notices.PublisherExpired) -> Message:
    """Say that the term is over, and how to ask anew."""
    registration = notice.registration
    return message(
        f"The pending publisher for {registration.project} has expired.",
        [
            section(
                f":alarm_clock: The trusted publisher for {_what(registration)} has *expired*: it was pending since "
                f"{date(notice.pending_at)}, and no sign of it was seen."
            ),
            section("*Remedy:* ask for it again, and confirm it within the index's term."),
            actions(
                button(f"Try {registration.project} again", AGAIN, notice.publisher_id),
                link_button("By hand", notice.form.url, LINK),
            ),
        ],
    )


def removed(notice: notices.PublisherRemoved) -> Message:
    """Say that it is not watched any more, and that the index still has it."""
    registration = notice.registration
    return message(
        f"The trusted publisher for {registration.project} is removed here.",
        [
            section(
                f":wastebasket: {person(notice.removed_by)} removed the trusted publisher for {_what(registration)} from Shipbell."
            ),
            section(
                f"*On {escape(registration.index)} it is still registered* until somebody removes it there: "
                f"{link(notice.manage_url, 'its publishing page') if notice.manage_url else 'its publishing page'}."
            ),
        ],
    )


def _row(line: notices.PublisherLine) -> str:
    registration = line.registration
    fares = f" · {health.FARES[line.fares]}" if line.fares else ""
    return (
        f"{SIGNS[line.state]} since {date(line.since)} · {_what(registration)}{fares}\n"
        f"{code(registration.slug)} · {code(registration.workflow)} · environment {code(registration.environment)} · <#{escape(line.channel)}>"
    )


def rows(lines: tuple[notices.PublisherLine, ...], total: int) -> list[Block]:
    """Return a block for each publisher of a list."""
    if not lines:
        return [section("No publisher yet. `/publisher add` opens a form for the first one.")]
    more = [context(f"The first {len(lines)} of {total} projects.")] if total > len(lines) else []
    return [*[section(_row(line)) for line in lines], *more]


def listed(notice: notices.PublisherList) -> Message:
    """Show the team's publishers."""
    count = f"{notice.total} project{'' if notice.total == 1 else 's'}"
    return message(
        f"Trusted publishers: {count}",
        [header(f"Trusted publishers: {count}"), *rows(notice.lines, notice.total)],
    )


def status(notice: notices.PublisherStatus) -> Message:
    """Show how one publisher stands, with its evidence."""
    registration = notice.line.registration
    cause, remedy = _why(notice, registration)
    facts = [
        f"*{PROOF[fact.kind]}* ({link(fact.url, 'source')}, {date(fact.seen_at)})" for fact in notice.evidence
    ]
    small = [f"Looked {count(notice.looks, 'time')} since it is pending"] if notice.looks else []
    small += [f"next look {date(notice.next_at)}"] if notice.next_at else []
    small += [f"ends {date(notice.expires_at)}"] if notice.expires_at and notice.next_at else []
    return message(
        f"{registration.project} on {registration.index}: {notice.line.state}",
        [
            section(_row(notice.line)),
            section(f"{escape(cause)} {escape(remedy)}".strip()),
            section("*Evidence:* " + ("; ".join(facts) if facts else "none yet.")),
            *([context(" · ".join(small))] if small else []),
            *(_setup(notice.setup, notice.publisher_id, registration) if notice.setup else []),
            *(health.report(notice.health) if notice.health else []),
            *(credentials.unneeded_blocks(notice.unneeded) if notice.unneeded else []),
        ],
    )


def _setup(report: SetupReport, publisher_id: str, registration: Registration) -> list[Block]:
    more = [confirming.offer(publisher_id, registration)] if report.confirms else []
    return setup.report_blocks(report, publisher_id, *more)


def already_open(notice: notices.AlreadyOpen) -> Message:
    """Say that there is one, so that nothing was done."""
    return message(
        f"{notice.wanted.project} already has a publisher on {notice.wanted.index}.",
        [
            section(f"{_what(notice.wanted)} already has a publisher here, so nothing was changed:"),
            section(_row(notice.line)),
            context("For another one, first `/publisher remove` this."),
        ],
    )


def known(notice: notices.ProjectKnown) -> Message:
    """Say that a project is known, and that nothing was registered for it."""
    name, index = notice.registration.project, notice.registration.index
    return message(
        f"{name} is known now; I upload it to {index} myself.",
        [
            section(
                f"{_what(notice.registration)} is known now. By its policy (`publish=bot`) *I upload it myself*, so no "
                f"trusted publisher was registered. I need a credential for it: {code(f'/shipbell connect {index}')}"
            ),
            context(
                "A trusted publisher keeps no secret: `/shipbell settings policy` with `publish=workflow`."
            ),
        ],
    )


def unknown(notice: notices.UnknownProject) -> Message:
    """Say that no such project is known here."""
    hint = f" Did you mean {code(notice.suggestion)}?" if notice.suggestion else ""
    name = code(notice.project) if notice.project else "that name"
    text = f"This workspace has no publisher for {name}.{hint} `/publisher list` shows all."
    return message(f"No publisher for {notice.project}.", [section(text)])


def moved_on(notice: notices.NoLongerPossible) -> Message:
    """Say that a click or command came too late."""
    return message(
        "That has moved on meanwhile.",
        [section(f"That has moved on meanwhile, so nothing was changed:\n{_row(notice.line)}")],
    )


def not_invited(said: Message, channel: str) -> Message:
    """Return a channel's message as it goes to the asker instead, since the bot isn't in the channel."""
    why = f":mute: I can't post in <#{escape(channel)}>, so you get this here. `/invite @shipbell` there lets me in."
    return Message(said.text, fitted([section(why), *said.blocks]))


def invite_first(said: Message, channel: str) -> Message:
    """Return what the asker hears of a message that waits for the bot to be in its channel."""
    text = (
        f":mute: *{said.text}*\nI can't post in <#{escape(channel)}>. Type `/invite @shipbell` there, and its message appears "
        "within half a minute; nothing else is needed. I wait a day for it."
    )
    return Message(said.text, (section(text),))
