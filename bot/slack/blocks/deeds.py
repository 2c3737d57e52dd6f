"""What somebody did, in words: every action of the audit trail as the rest of a sentence that begins with who did it.

Knows: the names of actions, and what each names as its subject. Must not know: Bolt, network, rules.
The names themselves stay in the file, for machines: `bot.core.audit_files`.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from bot.slack.blocks.base import escape
from bot.slack.blocks.pieces import mention, one_line, tick, tidy
from storage.records import ChangeState, PublisherState, ReleaseKind, ReleaseState

_EVERY = "every project"
_PUBLISHERS: Mapping[PublisherState, str] = MappingProxyType(
    {
        PublisherState.REQUESTED: "asked for the publisher of {}",
        PublisherState.PENDING: "registered the publisher of {}; the index has still to see it used",
        PublisherState.CONFIRMED: "saw the publisher of {} confirmed",
        PublisherState.FAILED: "could not register the publisher of {}",
        PublisherState.CONFLICT: "found another publisher in the way of {}",
        PublisherState.EXPIRED: "saw the publisher of {} expire unconfirmed",
        PublisherState.REMOVED: "removed the publisher of {}",
    }
)
_RELEASES: Mapping[ReleaseState, str] = MappingProxyType(
    {
        ReleaseState.REQUESTED: "asked for the release of {}",
        ReleaseState.AWAITING_APPROVAL: "asked the approvers about {}",
        ReleaseState.APPROVED: "saw {} approved",
        ReleaseState.TAGGING: "began to tag {}",
        ReleaseState.BUILDING: "saw {} being built",
        ReleaseState.PUBLISHING: "began to publish {}",
        ReleaseState.VERIFYING: "began to check {} on the index",
        ReleaseState.PUBLISHED: "saw {} published",
        ReleaseState.REJECTED: "ended the release of {}: rejected",
        ReleaseState.CANCELLED: "cancelled the release of {}",
        ReleaseState.EXPIRED: "ended the release of {}: nobody approved in time",
        ReleaseState.VOIDED: "took back all approvals of {}: what was approved has changed",
        ReleaseState.FAILED: "saw the release of {} fail",
        ReleaseState.YANKED: "saw {} yanked",
    }
)
_YANKS: Mapping[ReleaseState, str] = MappingProxyType(
    {
        **{state: text.replace("the release of {}", "the yank of {}") for state, text in _RELEASES.items()},
        ReleaseState.AWAITING_APPROVAL: "asked the approvers about the yank of {}",
        ReleaseState.APPROVED: "saw the yank of {} approved",
        ReleaseState.TAGGING: "began the yank of {}",
        ReleaseState.BUILDING: "went on with the yank of {}",
        ReleaseState.PUBLISHING: "asked for {} to be yanked on the index",
        ReleaseState.VERIFYING: "began to look whether {} is yanked",
        ReleaseState.VOIDED: "took back all approvals of the yank of {}",
    }
)
_CHANGES: Mapping[ChangeState, str] = MappingProxyType(
    {
        ChangeState.WAITING: "asked for a change of the policy of {}",
        ChangeState.MADE: "made a change of the policy of {}",
        ChangeState.REFUSED: "refused a change of the policy of {}",
        ChangeState.WITHDRAWN: "took back a change of the policy of {}",
        ChangeState.EXPIRED: "ended a change of the policy of {}: nobody agreed in time",
        ChangeState.OVERTAKEN: "ended a change of the policy of {}: another came in between",
    }
)
_VOTES: Mapping[str, str] = MappingProxyType(
    {
        "vote.approved": "approved {}",
        "vote.rejected": "rejected {}",
        "vote.withdrawn": "took back the approval of {}",
        "glass_broken": "broke the glass for {}, without the approvals that were missing",
    }
)
DEEDS: Mapping[str, str] = MappingProxyType(
    {
        **{f"publisher.{state}": text for state, text in _PUBLISHERS.items()},
        **{f"{ReleaseKind.RELEASE}.{state}": text for state, text in _RELEASES.items()},
        **{f"{ReleaseKind.YANK}.{state}": text for state, text in _YANKS.items()},
        **{f"policy.{state}": text for state, text in _CHANGES.items()},
        **{f"{ReleaseKind.RELEASE}.{vote}": text for vote, text in _VOTES.items()},
        **{
            f"{ReleaseKind.YANK}.{vote}": text.replace("{}", "the yank of {}")
            for vote, text in _VOTES.items()
        },
        "release.thanked": "told the pull requests that shipped with {}",
        "release.unapproved": "found {} on the index, which nobody had asked for",
        "publisher.broke": "found that publishing {} would not work any more",
        "publisher.mended": "found that publishing {} works again",
        "publisher.taken_over": "took over the publisher of {}",
        "publisher.pull_opened": "opened a pull request that sets up publishing for {}",
        "publisher.confirm_asked": "started a run that confirms the publisher of {}",
        "publisher.confirm_done": "saw the run that confirms the publisher of {} end well",
        "publisher.confirm_failed": "saw the run that confirms the publisher of {} fail",
        "project.added": "added {}",
        "credential.added": "kept a credential for {}",
        "credential.revoked": "revoked the credential for {}",
        "policy.asked": "asked for a change of the policy of {}",
        "policy.set": "changed the policy of {}",
        "freeze.set": "froze {}",
        "freeze.lifted": "lifted the freeze of {}",
        "import.asked": "looked through {} for packages to set up",
        "import.chosen": "set up packages of {}",
        "audit.exported": "took the audit trail of {} as a file",
        "channel.told": "set what a channel hears of {}",
        "channel.lost": "can't speak in {} any more",
        "channel.back": "can speak in {} again",
        "github.linked": "connected the GitHub account {}",
        "github.unlinked": "disconnected the GitHub account {}",
        "slack.installed": "installed Shipbell in workspace {}",
        "person.left": "stopped counting what {} had approved: the account is deactivated",
        "team.left": "forgot this workspace's secrets, since the app was taken away ({})",
    }
)
"""Every action that is written down -> what it says of its subject; a test compares."""
_VERSION = re.compile(r"(.+) on (\S+) (\S+)\Z")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}", re.ASCII)
_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}", re.ASCII)


def told(action: str, subject: str) -> str:
    """Return what somebody did, to what; an action that this version does not know by its name."""
    text = DEEDS.get(action)
    if text is None:
        return f"{tick(action, 64)}: {tidy(subject, 150)}"
    return text.replace("{}", _subject(action, subject))


def _subject(action: str, subject: str) -> str:
    if action.startswith("channel.") and _CHANNEL.fullmatch(subject):
        return f"<#{subject}>"
    if action == "person.left" and _PERSON.fullmatch(subject):
        return mention(subject)
    if found := _VERSION.fullmatch(one_line(subject, 255)):
        name, index, version = found.groups()
        return f"*{tidy(name, 60)} {tidy(version, 40)}* on {escape(one_line(index, 40))}"
    return _EVERY if subject == _EVERY else f"*{tidy(subject, 150)}*"
