"""What a look before a release found, in words: each finding on its line, cause and remedy.

Knows: every `Found`. Must not know: how it was found, Bolt, network.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.findings import Finding, Found, Level, Report
from bot.slack.blocks.base import Block
from bot.slack.blocks.pieces import count, go, mention, moment, paragraphs, sha, tick, tidy

Values = Mapping[str, str]

LEVELS: Mapping[Level, str] = MappingProxyType(
    {
        Level.BLOCKING: ":no_entry: *in the way:*",
        Level.WARNING: ":warning: *warning:*",
        Level.UNKNOWN: ":grey_question: *unknown:*",
        Level.FINE: ":white_check_mark: *ok:*",
    }
)
"""A sign beside a word, in the order in which they are read."""


class _Values(dict[str, str]):
    """Values by name; one that is missing is "", as in older reports."""

    def __missing__(self, name: str) -> str:
        return ""


def words(found: Found, values: Values) -> str:
    """Return a finding as a whole sentence, with its remedy where there is one; mrkdwn, escaped."""
    return _WORDS[found](_Values(values)).strip()


def lines(report: Report, *, fine: bool = True) -> list[str]:
    """Return what was found: what is in the way first, what is fine in one compact line at the end."""
    told = [
        f"{LEVELS[level]} {words(finding.found, finding.values)}"
        for level in (Level.BLOCKING, Level.WARNING, Level.UNKNOWN)
        for finding in report.findings
        if finding.level is level
    ]
    briefly = [_brief(finding) for finding in report.findings if finding.level is Level.FINE]
    return [*told, f"{LEVELS[Level.FINE]} {' · '.join(briefly[:12])}"] if fine and briefly else told


def blocks(report: Report, *, fine: bool = True) -> list[Block]:
    """Return the findings as paragraphs; with `fine`, what is fine too."""
    return paragraphs(lines(report, fine=fine))


def _brief(finding: Finding) -> str:
    values = _Values(finding.values)
    brief = _BRIEF.get(finding.found)
    return brief(values) if brief else f"{finding.check.value}"


def _unknown(what: str) -> Callable[[_Values], str]:
    def told(values: _Values) -> str:
        detail = tidy(values["detail"]).rstrip(".")
        return f"{what} could not be looked at{f' ({detail})' if detail else ''}. Look yourself before you approve."

    return told


def _metadata_differs(values: _Values) -> str:
    return (
        f"`pyproject.toml` says version {tick(values['version'])}, wanted is {tick(values['wanted'])}. "
        "Correct it, commit, and look again."
    )


def _other_name(values: _Values) -> str:
    return (
        f"`pyproject.toml` names the project {tick(values['name'])}, wanted is {tick(values['wanted'])}. "
        "Correct the name, or release the project that it names."
    )


def _index_taken(values: _Values) -> str:
    return (
        f"the index has {tick(values['version'])} already ({count(values['files'], 'file')}), and takes no file "
        "twice. Choose a new version."
    )


def _freeze(values: _Values) -> str:
    until = f"until {moment(values['until'])}" if values["until"] else "until somebody lifts it"
    return (
        f"releases are frozen {until}: “{tidy(values['reason'])}”. Wait, have it lifted, or ask with "
        '`override="why"`, which everybody hears.'
    )


def _other(values: _Values) -> str:
    return (
        f"another release of this project is under way: {tick(values['version'])} "
        f"({tidy(values['state'], 40).replace('_', ' ')})."
    )


def _wrong_environment(values: _Values) -> str:
    there = values["environments"]
    uses = f"the environment {tick(there)}" if there and there != "none" else "no environment"
    return (
        f"the publishing job of {tick(values['workflow'])} uses {uses}, the publisher expects "
        f"{tick(values['wanted'])}. Name the same one in both."
    )


def _ended(values: _Values) -> str:
    return (
        f"the tag's {go(values['url'], 'run')} of {tick(values['workflow'])} has ended without publishing "
        f"({tidy(values['conclusion'], 40) or 'no word why'}). Mend it and choose a new version, or run it again there."
    )


def _no_trigger(values: _Values) -> str:
    has = f"; it starts on {tick(values['triggers'])}" if values["triggers"] else ""
    return (
        f"nothing that I can do starts {tick(values['workflow'])}{has}. Let it start on `release`, on a tag's `push` "
        "or on `workflow_dispatch`."
    )


def _no_token(values: _Values) -> str:
    return (
        f"no job of {tick(values['workflow'])} has `id-token: write`, so the index would refuse it. "
        "Give the publishing job that permission."
    )


def _yanked(values: _Values) -> str:
    some = values["yanked"] not in {"", "0"}
    return f", {tidy(values['yanked'], 12)} of them yanked already" if some else ""


_SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "project": "a token of this project alone",
        "account": "a token of an *entire account*, of which I send a copy for this project alone",
        "password": "a *user name and password*, which can't be narrowed",
        "grant": "an *OAuth grant* of the index, which can't be narrowed and does not end",
    }
)


def _credential(values: _Values) -> str:
    what = _SCOPES.get(values["scope"], "a token of which I can't tell what it may do")
    return (
        f"*the exception:* no trusted publisher publishes this. *I upload it myself* to {tick(values['index'])}, with a "
        f"credential that is kept for long: {what}, added by {mention(values['by'])}. Nothing will attest where the files "
        "were built."
    )


def _connect(values: _Values) -> str:
    return f"`/shipbell connect {tidy(values['index'], 40)}`"


_WORDS: Mapping[Found, Callable[[_Values], str]] = MappingProxyType(
    {
        Found.VERSION_FINE: lambda v: f"{tick(v['version'])} is a valid version.",
        Found.VERSION_INVALID: lambda v: f"{tick(v['version'])} is no version (PEP 440). Choose one such as `1.4.0`.",
        Found.VERSION_LOCAL: lambda v: f"{tick(v['version'])} is a local version, which no index takes. Leave the part from `+` on away.",
        Found.INDEX_FREE: lambda _: "the index does not have this version yet.",
        Found.INDEX_NEW: lambda _: "the project itself is new on the index: this release makes it.",
        Found.INDEX_TAKEN: _index_taken,
        Found.INDEX_YANKED: lambda v: f"the index has {tick(v['version'])} already, yanked, and takes no file twice. Choose a new version.",
        Found.INDEX_PUBLISHED_BEFORE: lambda v: f"this version was published before ({moment(v['at'])}) and is gone from the index; its file names stay used up. Choose a new version.",
        Found.INDEX_CLOSED: lambda v: f"the index takes no uploads for this project: it is {tidy(v['status'], 40)}. Its owner can change that there.",
        Found.INDEX_OLDER: lambda v: f"the index already has a newer version, {tick(v['latest'])}. Installers keep taking that one.",
        Found.INDEX_UNKNOWN: _unknown("the index"),
        Found.TAG_THERE: lambda v: f"the tag {tick(v['tag'])} is at {sha(v['sha'])}.",
        Found.TAG_TO_MAKE: lambda v: f"there is no tag {tick(v['tag'])} yet: I make it at {sha(v['sha'])} of {tick(v['branch'])} once this is approved.",
        Found.TAG_NO_COMMIT: lambda v: f"the tag {tick(v['tag'])} leads to no commit. Make it at a commit, and look again.",
        Found.TAG_UNKNOWN: _unknown("the tag"),
        Found.METADATA_EQUAL: lambda v: f"`pyproject.toml` says {tick(v['version'])} too.",
        Found.METADATA_DIFFERS: _metadata_differs,
        Found.METADATA_OTHER_NAME: _other_name,
        Found.METADATA_DYNAMIC: lambda _: "the version is made at build time, so it could not be compared with the tag. See that the build makes this one.",
        Found.METADATA_NONE: lambda _: "there is no `project` table in a `pyproject.toml`, so the version could not be compared. See that the build makes this one.",
        Found.METADATA_UNKNOWN: _unknown("the metadata"),
        Found.CI_GREEN: lambda v: f"CI is green on this commit ({count(v['passed'], 'check')}).",
        Found.CI_RED: lambda v: f"CI failed on this commit: {tidy(v['failed'])}. Mend it, or run it again, then look again.",
        Found.CI_PENDING: lambda v: f"CI still runs on this commit: {tidy(v['pending'])}. Wait for its end.",
        Found.CI_NONE: lambda _: "no CI has run on this commit.",
        Found.CI_UNKNOWN: _unknown("CI"),
        Found.PUBLISHER_CONFIRMED: lambda v: f"the trusted publisher {tick(v['workflow'])} is confirmed.",
        Found.PUBLISHER_OPEN: lambda v: f"the trusted publisher is not confirmed yet ({tidy(v['state'], 40)}), so the index may refuse the upload. `/publisher check` says what it waits for.",
        Found.PUBLISHER_NONE: lambda v: f"{tick(v['project'])} has no trusted publisher on {tick(v['index'])}. `/publisher add` registers one.",
        Found.WORKFLOW_STARTS: lambda v: f"{tick(v['workflow'])} starts on {tick(v['event'])}.",
        Found.WORKFLOW_RUNS: lambda v: f"the tag has started a {go(v['url'], 'run')} of {tick(v['workflow'])} already: I follow that one. It may publish before you approve.",
        Found.WORKFLOW_ENDED: _ended,
        Found.WORKFLOW_NONE: lambda v: f"there is no workflow {tick(v['workflow'])} at this commit. Add it, or correct the publisher.",
        Found.WORKFLOW_NO_TRIGGER: _no_trigger,
        Found.WORKFLOW_NO_TOKEN: _no_token,
        Found.WORKFLOW_OTHER_ENVIRONMENT: _wrong_environment,
        Found.WORKFLOW_UNKNOWN: _unknown("the workflow"),
        Found.FREEZE_NONE: lambda _: "no freeze stands.",
        Found.FREEZE_STANDS: _freeze,
        Found.FREEZE_OVERRIDDEN: lambda v: f"asked for in spite of a freeze (“{tidy(v['reason'])}”), because: “{tidy(v['why'])}”.",
        Found.CHANGES_SEEN: lambda v: f"{count(v['commits'], 'commit')} by {count(v['people'], 'person', 'people')} since {tick(v['since'])}.",
        Found.CHANGES_NONE: lambda v: f"nothing has changed since {tick(v['since'])}.",
        Found.CHANGES_FIRST: lambda _: "there is no earlier release to compare with.",
        Found.CHANGES_UNKNOWN: _unknown("what changed"),
        Found.OTHER_NONE: lambda _: "no other release of this project is under way.",
        Found.OTHER_UNDER_WAY: _other,
        Found.NOT_REHEARSED: lambda v: (
            f"there is no rehearsal on {tick(v['index'])}: the project has no publisher there. "
            f"`/publisher add` with `index={tidy(v['index'], 40)}` makes one."
        ),
        Found.REHEARSED: lambda v: f"{tick(v['version'])} is rehearsed on {tick(v['index'])} first.",
        Found.UPLOAD_CREDENTIAL: _credential,
        Found.UPLOAD_NO_ADDRESS: lambda v: f"the settings have no `upload_url` for {tick(v['index'])}. Let the operator add it.",
        Found.UPLOAD_NO_CREDENTIAL: lambda v: f"I have no credential with which {tick(v['project'])} can be uploaded to {tick(v['index'])}. Give me one with {_connect(v)}.",
        Found.UPLOAD_CREDENTIAL_REFUSED: lambda v: f"{tick(v['index'])} refused the credential for {tick(v['project'])} before, so I don't send it again. Give me a new one with {_connect(v)}.",
        Found.UPLOAD_CREDENTIAL_UNREADABLE: lambda v: f"the token for {tick(v['project'])} {tidy(v['cause']) or 'can not be read'}. Give me a whole one with {_connect(v)}.",
        Found.UPLOAD_CREDENTIAL_ELSEWHERE: lambda v: f"the token for {tick(v['index'])} is for another index, {tick(v['host'])}. Give me one of the right index with {_connect(v)}.",
        Found.UPLOAD_CREDENTIAL_NARROWER: lambda v: f"the token is good for {tidy(v['projects'])} and not for {tick(v['project'])}. Give me one for this project with {_connect(v)}.",
        Found.UPLOAD_CREDENTIAL_EXPIRED: lambda v: f"the token for {tick(v['project'])} ended {moment(v['at'])}. Give me a new one with {_connect(v)}.",
        Found.UPLOAD_ASSETS: lambda v: f"no run builds it: I upload the {count(v['files'], 'file')} of the forge's release as they are now ({tidy(v['names'])}). Whoever may change that release can have made them.",
        Found.UPLOAD_NO_FILES: lambda v: f"nothing builds the files: {tick(v['workflow'])} is not started by anything that I can do, and the forge's release of {tick(v['tag'])} holds no wheel and no sdist. Attach them there, or let the workflow build on a tag.",
        Found.YANK_THERE: lambda v: f"the index has {tick(v['version'])}: {count(v['files'], 'file')}{_yanked(v)}.",
        Found.YANK_MISSING: lambda v: f"the index has no file of {tick(v['version'])}. Name a version that is there.",
        Found.YANK_DONE: lambda v: f"every file of {tick(v['version'])} is yanked already. There is nothing left to do.",
        Found.YANK_LEAVES: lambda v: f"installers take {tick(v['latest'])} then.",
        Found.YANK_LAST: lambda _: "no other version is left that installers take by themselves. Think of releasing one first.",
    }
)  # fmt: skip

_BRIEF: Mapping[Found, Callable[[_Values], str]] = MappingProxyType(
    {
        Found.VERSION_FINE: lambda _: "version valid",
        Found.INDEX_FREE: lambda _: "not on the index yet",
        Found.INDEX_NEW: lambda _: "new on the index",
        Found.TAG_THERE: lambda _: "tag there",
        Found.TAG_TO_MAKE: lambda _: "tag can be made",
        Found.METADATA_EQUAL: lambda _: "metadata says the same",
        Found.METADATA_DYNAMIC: lambda _: "version made at build time",
        Found.CI_GREEN: lambda v: f"CI green ({tidy(v['passed'], 6)})",
        Found.CI_NONE: lambda _: "no CI",
        Found.PUBLISHER_CONFIRMED: lambda _: "publisher confirmed",
        Found.WORKFLOW_STARTS: lambda _: "workflow starts on it",
        Found.WORKFLOW_RUNS: lambda v: f"{go(v['url'], 'run')} started by the tag",
        Found.FREEZE_NONE: lambda _: "no freeze",
        Found.CHANGES_SEEN: lambda _: "changes listed",
        Found.CHANGES_FIRST: lambda _: "first release",
        Found.OTHER_NONE: lambda _: "no other release under way",
        Found.REHEARSED: lambda v: f"rehearsed on {tidy(v['index'], 40)} first",
        Found.YANK_THERE: lambda v: f"{count(v['files'], 'file')} on the index{_yanked(v)}",
        Found.YANK_LEAVES: lambda v: f"installers take {tick(v['latest'])} then",
    }
)
"""What is fine, in two words."""
