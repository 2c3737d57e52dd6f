"""What the bot says of setting many packages up at once: the one message, the dialogs, forms and ends in its thread.

Knows: words, every `Lack` and `ImportOutcome`, the ids of fields. Must not know: how it was found, Bolt, network.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bot.core.import_notices import (
    ImportAnswer,
    ImportCause,
    ImportChoices,
    ImportEnded,
    ImportForm,
    ImportForms,
    ImportLine,
    ImportOutcome,
    ImportShown,
)
from bot.core.importing import Fate, Lack, Tally, Verdict
from bot.slack.blocks.base import (
    OPTION,
    Block,
    Message,
    actions,
    button,
    code,
    context,
    escape,
    link_button,
    message,
    person,
    plain,
    section,
)
from bot.slack.blocks.forms import VALUE, View, modal
from bot.slack.blocks.pieces import count, go, one_line, paragraphs, tick, tidy
from bot.slack.blocks.publishers import LINK, SUBMITTED
from bot.slack.blocks.reasons import explain
from storage.records import ImportState

OPEN, CHOOSE, CONFIRM, PICK = "import.open", "import.choose", "import.confirm", "pick"
"""The button that opens the dialog, the dialog, the question after it, and how its fields' names begin."""
TITLE = "Set packages up"
IN_A_BLOCK = 10
"""Boxes that Slack takes in one element."""
FORMS = 5
"""Forms that one message has room for."""
LONGEST_LINK = 800
"""A longer link would leave no room for the others; `/publisher check` gives it."""
OTHERS = 60
"""Packages that can't be chosen and are shown all the same."""

LACKS: Mapping[Lack, str] = MappingProxyType(
    {
        Lack.NEW: "new on the index",
        Lack.WORKFLOW: "no workflow that publishes",
        Lack.TOKEN: "no id-token: write",
        Lack.ENVIRONMENT: "no such environment",
        Lack.UNSEEN: "the index did not answer",
        Lack.NAME: "no name that can be read",
        Lack.REFUSED: "the index would refuse it",
        Lack.CLOSED: "takes no uploads any more",
        Lack.SHARED: "needs an environment of its own",
    }
)
"""What a package lacks, in a few words of plain text."""
VERDICTS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.READY: "can be set up",
        Verdict.ALREADY: "has a publisher already",
        Verdict.FIRST: "needs a first release",
        Verdict.NOT: "can't be set up",
    }
)
FATES: Mapping[Fate, str] = MappingProxyType(
    {
        Fate.LISTED: "not chosen",
        Fate.MOVING: "under way",
        Fate.BY_HAND: "waits for a person",
        Fate.QUEUED: "waits for a place",
        Fate.SET_UP: "set up",
        Fate.KNOWN: "known; I upload it myself, so it needs no publisher",
        Fate.ALREADY: "was there already",
        Fate.FIRST: "needs a first release",
        Fate.FAILED: "failed",
    }
)
_SIGNS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.READY: ":white_large_square:",
        Verdict.ALREADY: ":white_check_mark:",
        Verdict.FIRST: ":package:",
        Verdict.NOT: ":no_entry:",
    }
)
_ENDS: Mapping[Fate, str] = MappingProxyType(
    {
        Fate.LISTED: ":white_large_square:",
        Fate.MOVING: ":hourglass_flowing_sand:",
        Fate.BY_HAND: ":point_right:",
        Fate.QUEUED: ":hourglass:",
        Fate.SET_UP: ":white_check_mark:",
        Fate.KNOWN: ":inbox_tray:",
        Fate.ALREADY: ":heavy_check_mark:",
        Fate.FIRST: ":package:",
        Fate.FAILED: ":x:",
    }
)


def totals(tally: Tally) -> str:
    """Return how an import has ended so far, in one line of plain text."""
    ends = (
        f"{tally.set_up} set up, {tally.already} already, {tally.first} without a first release, "
        f"{tally.failed} failed"
    )
    waits = (
        (tally.known, "known, which I upload myself"),
        (tally.by_hand, "waiting for a person"), (tally.queued, "waiting for a place"), (tally.moving, "under way"),
    )  # fmt: skip
    return ends + "".join(f"; {number} {what}" for number, what in waits if number)


def lacking(lacks: Sequence[Lack], detail: str = "") -> str:
    """Return what a package lacks, in plain text; "" where nothing."""
    words = [LACKS[lack] for lack in lacks]
    return ", ".join([*words, detail] if detail else words)


def shown(notice: ImportShown) -> Message:
    """Say how it stands: how far the looking is, what was found, what has become of it."""
    return {
        ImportState.LOOKING: _looking,
        ImportState.LISTED: _listed,
        ImportState.SETTING_UP: _under_way,
        ImportState.DONE: _under_way,
        ImportState.FAILED: _no_list,
    }[notice.state](notice)


def _whose(owner: str) -> str:
    return f"*{tidy(owner, 60)}*" if owner else "all repositories that I see"


def _plain_whose(owner: str) -> str:
    return one_line(owner, 60) or "all repositories"


def _looking(notice: ImportShown) -> Message:
    far = (
        f"{notice.looked} of {count(notice.repositories, 'repository', 'repositories')} looked at"
        if notice.repositories
        else "I read the list of repositories"
    )
    return message(
        f"Looking through {_plain_whose(notice.owner)} for Python packages.",
        [
            section(
                f":mag: I look through {_whose(notice.owner)} for Python packages for *{tidy(notice.index, 60)}*: {far} …"
            ),
            context(f"{person(notice.asked_by)} asked for it · nothing is set up before somebody chooses"),
        ],
    )


def _no_list(notice: ImportShown) -> Message:
    return message(
        f"No list of {_plain_whose(notice.owner)}.",
        [
            section(
                f":x: I have no list of {_whose(notice.owner)}: {tidy(notice.detail, 300) or 'no word why'}"
            ),
            context(f"{person(notice.asked_by)} asked for it · `/publisher import` tries it again"),
        ],
    )


def _listed(notice: ImportShown) -> Message:
    packages = count(notice.total, "package")
    where = count(notice.repositories, "repository", "repositories")
    head = (
        f":clipboard: {_whose(notice.owner)}: {packages} in {where}. *{notice.ready}* can be set up on "
        f"*{tidy(notice.index, 60)}* now, {notice.tally.already} already, {notice.tally.first} without a first release."
    )
    open_it = button(
        "Show all" if notice.dry_run else "Choose what to set up", OPEN, notice.import_id,
        **({} if notice.dry_run else {"style": "primary"}),
    )  # fmt: skip
    dry = " · dry run: nothing can be set up from this list" if notice.dry_run else ""
    return message(
        f"{_plain_whose(notice.owner)}: {notice.ready} of {packages} can be set up on {one_line(notice.index, 60)}.",
        [
            section(head),
            *_table(notice, [_line(line) for line in notice.lines]),
            *([actions(open_it)] if notice.total else []),
            context(f"{person(notice.asked_by)} asked for it{dry}{_left_out(notice)}"),
            *_missing(notice),
        ],
    )


def _under_way(notice: ImportShown) -> Message:
    sign = ":gear:" if notice.tally.moving else ":checkered_flag:"
    return message(
        f"{_plain_whose(notice.owner)} on {one_line(notice.index, 60)}: {totals(notice.tally)}",
        [
            section(
                f"{sign} {_whose(notice.owner)} on *{tidy(notice.index, 60)}*: *{totals(notice.tally)}*."
            ),
            *_table(notice, [_end(line) for line in notice.lines]),
            context(
                f"{person(notice.chosen_by or notice.asked_by)} chose what is set up · the thread has what is left to people, "
                "and `/publisher check PROJECT` what a package lacks"
            ),
        ],
    )


def _table(notice: ImportShown, lines: Sequence[str]) -> list[Block]:
    more = notice.total - len(lines)
    rest = [f"… and {more} more."] if more > 0 and lines else []
    return paragraphs([*lines, *rest], most=len(lines) + 1)


def _line(line: ImportLine) -> str:
    lacks = tidy(lacking(line.lacks, line.detail), 160)
    words = VERDICTS[line.verdict] if line.verdict is not Verdict.READY else ""
    told = " · ".join(part for part in (words, lacks) if part)
    return f"{_SIGNS[line.verdict]} {_named(line)}{f': {told}' if told else ''}"


def _end(line: ImportLine) -> str:
    return f"{_ENDS[line.fate]} {_named(line)}: {FATES[line.fate]}"


def _named(line: ImportLine) -> str:
    name = tick(line.project, 80) if line.project else "_no name_"
    return f"{name} {tidy(line.slug, 80)}{' :lock:' if line.private else ''}"


def _left_out(notice: ImportShown) -> str:
    parts = [
        f"{number} {what}"
        for number, what in (
            (notice.archived, "archived"), (notice.forks, "forks"), (notice.others, "without Python"),
        )
        if number
    ]  # fmt: skip
    return f" · left out: {', '.join(parts)}" if parts else ""


def _missing(notice: ImportShown) -> list[Block]:
    unseen = ", ".join(tidy(name, 80) for name in notice.unseen[:5])
    more = f" and {len(notice.unseen) - 5} more" if len(notice.unseen) > 5 else ""
    told = [f":warning: Could not be looked at: {unseen}{more}."] if unseen else []
    told += [f":warning: {tidy(notice.detail, 300)}"] if notice.detail else []
    return [context(*told)] if told else []


def loading(external_id: str) -> View:
    """Return the dialog that opens at once, since Slack's `trigger_id` lives for three seconds."""
    return modal(
        TITLE, [section(":hourglass_flowing_sand: I fetch the list …")], "loading", external_id=external_id
    )


def choices(notice: ImportChoices) -> View:
    """Return the dialog in which is chosen what is set up: all that could be now is ticked."""
    if notice.refused is not None:
        told = section(_WHY_NOT[notice.refused](notice.detail))
        return modal(TITLE, [told], "import.told", external_id=notice.view_id)
    ready = [line for line in notice.lines if line.verdict is Verdict.READY]
    others = [line for line in notice.lines if line.verdict is not Verdict.READY]
    more = notice.total - len(notice.lines)
    rest = [
        *paragraphs([_line(line) for line in others], most=OTHERS),
        *([context(f"… and {more} more. Import again once these are done.")] if more > 0 else []),
    ]
    if notice.dry_run or not ready:
        every = paragraphs([_line(line) for line in ready], most=len(ready))
        empty = [] if every or rest else [section("There is nothing in the list.")]
        return modal(TITLE, [*every, *rest, *empty], "import.told", external_id=notice.view_id)
    carried = json.dumps(
        {"import": notice.import_id, "index": notice.index[:60], "channel": notice.channel[:60]}
    )
    intro = section(f"What is ticked is set up on *{tidy(notice.index, 60)}*; you are asked once more.")
    return modal(
        TITLE, [intro, *_boxes(ready), *rest], CHOOSE, "Continue",
        external_id=notice.view_id, private_metadata=carried,
    )  # fmt: skip


def _boxes(ready: Sequence[ImportLine]) -> list[Block]:
    return [
        _box(ready[start : start + IN_A_BLOCK], start, len(ready))
        for start in range(0, len(ready), IN_A_BLOCK)
    ]


def _box(lines: Sequence[ImportLine], start: int, total: int) -> Block:
    options = [
        {
            "text": plain(one_line(f"{line.project} · {line.slug}", OPTION), OPTION),
            "description": plain(one_line(lacking(line.lacks) or "nothing is lacking", OPTION), OPTION),
            "value": str(line.number),
        }
        for line in lines
    ]
    return {
        "type": "input",
        "block_id": f"{PICK}-{start}",
        "optional": True,
        "label": plain(f"{start + 1} to {start + len(lines)} of {total}", 100),
        "element": {
            "type": "checkboxes",
            "action_id": VALUE,
            "options": options,
            "initial_options": options,
        },
    }


def confirm(carried: Mapping[str, str], chosen: Sequence[int], user: str, *, by_hand: bool) -> View:
    """Return the question that is asked once: how many, where, in whose name."""
    index = tidy(carried.get("index", ""), 60)
    how = (
        f"{index} takes them only through its form, so each waits for a person: the links and values come into the thread. "
        "At most 3 pending publishers a person are taken at once."
        if by_hand
        else f"They are registered with the workspace's token for {index}."
    )
    text = (
        f"Set up *{count(len(chosen), 'trusted publisher')}* on *{index}*, in the name of {person(user)}?\n{how}\n"
        "No pull request is opened and nothing is published."
    )
    metadata = json.dumps({**carried, "chosen": " ".join(map(str, chosen))})
    return modal(TITLE, [section(text)], CONFIRM, "Set them up", private_metadata=metadata)


def forms(notice: ImportForms) -> Message:
    """Say what is left to a person, with every value and a button for each."""
    blocks: list[Block] = []
    for row in notice.rows[:FORMS]:
        blocks += _form(notice.index, row)
    first = section(
        f":point_right: {go(notice.index_url, notice.index)} takes these only through its form in the browser, signed in:"
    )
    return message(
        f"{count(len(notice.rows), 'publisher')} on {one_line(notice.index, 60)} waiting for a person.", [first, *blocks]
    )  # fmt: skip


def _form(index: str, row: ImportForm) -> list[Block]:
    name, url = tick(row.registration.project, 80), row.form.url
    values = " · ".join(
        f"{escape(one_line(label, 30))} {code(one_line(value, 60))}" for label, value in row.form.fields
    )
    there = len(url) <= LONGEST_LINK
    how = "the link fills it in" if row.form.prefilled else values
    open_it = [link_button(f"Open the form on {one_line(index, 40)}", url, LINK)] if there else []
    return [
        section(f"{name}: {how if there else '`/publisher check` gives the link'}"),
        actions(*open_it, button("I've submitted it", SUBMITTED, row.publisher_id)),
    ]


def ended(notice: ImportEnded) -> Message:
    """Say how it has ended, with each cause once."""
    told = totals(notice.tally)
    return message(
        f"{_plain_whose(notice.owner)} on {one_line(notice.index, 60)}: {told}",
        [
            section(f":checkered_flag: {_whose(notice.owner)} on *{tidy(notice.index, 60)}*: *{told}*."),
            *paragraphs([_cause(notice, cause) for cause in notice.causes], most=len(notice.causes)),
            context(
                f"{person(notice.chosen_by)} chose what is set up · `/publisher import` again skips what is done"
            ),
        ],
    )


def _cause(notice: ImportEnded, cause: ImportCause) -> str:
    why, remedy = explain(
        cause.reason, index=notice.index, index_url=notice.index_url, registration=cause.example, detail=cause.detail
    )  # fmt: skip
    names = ", ".join(tick(name, 60) for name in cause.projects[:20])
    more = f" and {cause.count - 20} more" if cause.count > 20 else ""
    return f":x: {names}{more}: {tidy(why, 400)} {tidy(remedy, 300)}"


def answer(notice: ImportAnswer) -> Message:
    """Say why nothing was begun."""
    return message("Nothing was begun.", [section(_WHY_NOT[notice.outcome](notice.detail))])


_WHY_NOT: Mapping[ImportOutcome, Callable[[str], str]] = MappingProxyType(
    {
        ImportOutcome.NOT_A_MEMBER: lambda _: (
            ":no_entry: Only full members of this workspace import packages. Nothing was done."
        ),
        ImportOutcome.NOT_NAMED: lambda _: (
            ":no_entry: The policy names others who import packages: `/shipbell settings policy` shows them. Nothing was done."
        ),
        ImportOutcome.CANNOT_TELL: lambda detail: (
            f":warning: I can't tell who you are here ({tidy(detail, 200)}), so nothing was done. Try again in a minute."
        ),
        ImportOutcome.CHOSEN_ALREADY: lambda _: (
            ":information_source: Somebody has chosen from this list already, so nothing was done twice. `/publisher import` makes a new one, and skips what is done."
        ),
        ImportOutcome.DRY_RUN: lambda _: (
            ":information_source: This is a dry run: the list alone. `/publisher import` without `dry-run` makes one to choose from."
        ),
        ImportOutcome.GONE: lambda _: (
            ":warning: I don't know this list any more. `/publisher import` makes a new one."
        ),
        ImportOutcome.MANY_TEAMS: lambda _: (
            ":no_entry: I serve many workspaces here with one GitHub App, so I don't list what it sees: that is not one workspace's alone. "
            "Nothing was done.\n*Remedy:* `/publisher add` sets packages up one by one."
        ),
        ImportOutcome.NO_LIST: lambda _: (
            ":hourglass_flowing_sand: The list is not there yet. Press the button again once the message shows it."
        ),
    }
)
