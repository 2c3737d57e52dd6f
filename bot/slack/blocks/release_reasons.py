"""Why a release stands where it stands, in words: cause and remedy.

Knows: every `ReleaseReason`. Must not know: Block Kit, HTTP, what is done about it.

The words are plain text, not escaped, like those of `reasons`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from storage.records import ReleaseReason, ReleaseState

STATES: Mapping[ReleaseState, tuple[str, str]] = MappingProxyType(
    {
        ReleaseState.REQUESTED: ("🔍", "checking"),
        ReleaseState.AWAITING_APPROVAL: ("⏳", "waiting for approval"),
        ReleaseState.APPROVED: ("👍", "approved"),
        ReleaseState.TAGGING: ("🚀", "starting"),
        ReleaseState.BUILDING: ("🛠️", "building"),
        ReleaseState.PUBLISHING: ("📤", "publishing"),
        ReleaseState.VERIFYING: ("🔬", "verifying"),
        ReleaseState.PUBLISHED: ("✅", "published"),
        ReleaseState.REJECTED: ("🚫", "rejected"),
        ReleaseState.CANCELLED: ("🗑️", "cancelled"),
        ReleaseState.EXPIRED: ("⏰", "expired"),
        ReleaseState.VOIDED: ("⚠️", "approvals void"),
        ReleaseState.FAILED: ("❌", "failed"),
        ReleaseState.YANKED: ("⛔", "yanked"),
    }
)
"""A sign beside a word, so that nothing hangs on colour or picture alone; as signs, since headers are plain text."""


_LASTS = frozenset(
    {
        ReleaseState.REQUESTED, ReleaseState.AWAITING_APPROVAL, ReleaseState.APPROVED, ReleaseState.TAGGING,
        ReleaseState.BUILDING, ReleaseState.PUBLISHING, ReleaseState.VERIFYING,
    }
)  # fmt: skip
"""States that last; the others happen at a moment."""


def at_time(state: ReleaseState, word: str, moment: str) -> str:
    """Return a state's word with its time: what lasts does so since then."""
    return f"{word} since {moment}" if state in _LASTS else f"{word} {moment}"


@dataclass(frozen=True, slots=True)
class About:
    """What a reason's words name."""

    project: str
    version: str
    index: str
    workflow: str = "the workflow"

    @property
    def name(self) -> str:
        """The release, as people say it."""
        return f"{self.project} {self.version}"


def state_word(state: str) -> str:
    """Return the word for a state by its stored name; what is none is shown as it came."""
    known = next((word for one, (_, word) in STATES.items() if one == state), state)
    return known.replace("_", " ")


def explain(reason: ReleaseReason, about: About, detail: str) -> tuple[str, str]:
    """Return cause and remedy, whole sentences; the remedy is "" where there is nothing to do.

    `detail` is what the forge or the index said, cleaned already.
    """
    cause, remedy = _WORDS[reason]
    known = {"name": about.name, "project": about.project, "version": about.version,
             "index": about.index, "workflow": about.workflow}  # fmt: skip
    return cause.format_map(known) + _said(reason, detail), remedy.format_map(known)


def _said(reason: ReleaseReason, detail: str) -> str:
    """Return what was heard, as a sentence of its own; "" where nothing was."""
    if not detail:
        return ""
    end = "" if detail.endswith((".", "!", "?", "…")) else "."
    return f" {_BEFORE.get(reason, '')}{detail}{end}"


_BEFORE: Mapping[ReleaseReason, str] = MappingProxyType(
    {
        ReleaseReason.REJECTED_BY_PERSON: "The reason: ",
        ReleaseReason.TAG_ELSEWHERE: "It is at ",
        ReleaseReason.FORGE_REFUSED: "What it said: ",
        ReleaseReason.OUT_OF_ORDER: "What was in the way: ",
        ReleaseReason.RUN_FAILED: "The job: ",
        ReleaseReason.FILES_MISSING: "Missing: ",
        ReleaseReason.FILES_MISSING_UPLOAD: "Missing: ",
        ReleaseReason.DIGEST_DIFFERS: "The file: ",
        ReleaseReason.REHEARSAL_FAILED: "It was rehearsed on ",
        ReleaseReason.FILE_UNFIT: "The file: ",
        **dict.fromkeys((one for one in ReleaseReason if one.startswith("upload_")), "What it said: "),
        ReleaseReason.UPLOAD_MOVED: "It leads to ",
    }
)
"""What stands before the detail of a reason, where it is no sentence by itself."""

_LOOK = "Mend what is named, then look again."
_NEW = "Ask again with /release {project} {version} when it is time."
_SUSPECT = (
    "Do not install this version. Find out what has published it, yank it on {index} if it is not yours, "
    "and release a new version."
)

_WORDS: Mapping[ReleaseReason, tuple[str, str]] = MappingProxyType(
    {
        ReleaseReason.ASKED: ("It was asked for; I am checking it first.", ""),
        ReleaseReason.CHECKED: ("Nothing stands in the way; people decide now.", ""),
        ReleaseReason.BLOCKED: ("Something stands in the way, so nobody was asked.", _LOOK),
        ReleaseReason.QUORUM: ("Enough people approved.", ""),
        ReleaseReason.BREAK_GLASS: ("Somebody broke the glass: it goes on without approvals.", ""),
        ReleaseReason.NO_APPROVAL_NEEDED: ("The policy asks for no approval.", ""),
        ReleaseReason.CHANGED: (
            "What was approved is no longer so, so every approval is void. I look again and ask anew.",
            "",
        ),
        ReleaseReason.REJECTED_BY_PERSON: ("Somebody rejected it.", _NEW),
        ReleaseReason.CANCELLED_BY_PERSON: ("Somebody cancelled it.", _NEW),
        ReleaseReason.GIVEN_UP: ("Somebody gave it up after it failed; what was done stays done.", _NEW),
        ReleaseReason.TERM_OVER: ("Nobody decided in time.", _NEW),
        ReleaseReason.STARTED: ("It is approved; I am starting it.", ""),
        ReleaseReason.TAG_ELSEWHERE: (
            "The tag is gone, or at another commit than the approved one, so nothing was started.",
            "Move the tag back or delete it, then try again; or ask for a release of what it names now.",
        ),
        ReleaseReason.FORGE_REFUSED: (
            "The forge refused to start it.",
            "Give Shipbell's forge credential the right that is missing, then try again.",
        ),
        ReleaseReason.START_LOST: (
            "Whether the start reached the forge is unknown, and no run is to be seen.",
            "Look at the runs of {workflow}; if there is none for this tag, try again.",
        ),
        ReleaseReason.NO_RUN: (
            "No run of {workflow} has appeared for this tag.",
            "See that {workflow} starts on this event and that Actions are enabled, then try again.",
        ),
        ReleaseReason.RUN_FOUND: ("The run is there and builds.", ""),
        ReleaseReason.RUN_PUBLISHES: ("The publishing job runs.", ""),
        ReleaseReason.RUN_FAILED: (
            "The run of {workflow} failed.",
            (
                "Read the job's log; the thread has its end. If a new run can mend it, press *Retry*. If the code must "
                "change, press *Give up* and release a new version; the tag stays."
            ),
        ),
        ReleaseReason.RUN_TOO_LONG: (
            "The run of {workflow} has not ended in time.",
            "Look at what it waits for; cancel it there if it hangs, then try again.",
        ),
        ReleaseReason.RUN_DONE: ("The run ended well; I am looking at the index now.", ""),
        ReleaseReason.NOT_ARRIVED: (
            "The run ended well, but {index} does not have {name}.",
            "See in the run's log where it uploaded to and that its publishing job was not skipped, then try again.",
        ),
        ReleaseReason.FILES_MISSING: (
            "{index} has not every file that the run built.",
            "See in the log which upload failed, then try again: files that are there already stay.",
        ),
        ReleaseReason.NOT_ARRIVED_UPLOAD: (
            "{index} took the files that I uploaded, but does not show {name}.",
            (
                "See on {index} whether it holds uploads back, and that its upload address belongs to the index that is "
                "read, then try again: what is there already is not sent again."
            ),
        ),
        ReleaseReason.FILES_MISSING_UPLOAD: (
            "{index} does not show every file that I uploaded.",
            "See on {index} whether somebody removed one, then try again: files that are there already stay.",
        ),
        ReleaseReason.DIGEST_DIFFERS: (
            "A file on {index} is not the one that the run built: its sha256 differs.",
            _SUSPECT,
        ),
        ReleaseReason.ATTESTATION_WRONG: (
            "A file's attestation does not name the approved repository, workflow and commit.",
            _SUSPECT,
        ),
        ReleaseReason.VERIFIED: ("{index} has every file, as approved and as built.", ""),
        ReleaseReason.NOT_VERIFIED: (
            "{index} has the files; not everything could be verified.",
            "Look yourself at what is named, before you rely on it.",
        ),
        ReleaseReason.REHEARSAL_FAILED: (
            "The rehearsal failed, so nothing was released on {index}.",
            "Retry it at the rehearsal's own message; once it is published there, look again here.",
        ),
        ReleaseReason.OUT_OF_ORDER: (
            "The forge or the index was out of order for too long.",
            "When it is up again, try again: I look before I act, so nothing is done twice.",
        ),
        ReleaseReason.RESTORED: (
            "I was put back to an older state from a backup, and don't know what became of this since then.",
            "Look at {index} and at the runs of {workflow}. If {name} is not out, try again: I look at everything anew before I act.",
        ),
        ReleaseReason.TEAM_LEFT: (
            "Shipbell was taken out of the workspace, so it stopped here; what was done stays done.",
            "Once Shipbell is back and has its credentials again, ask again with /release {project} {version}.",
        ),
        ReleaseReason.RETRIED: ("Somebody asked for another try.", ""),
        ReleaseReason.PAGE_GIVEN: (
            "It is approved; now somebody who owns the project on {index} yanks it there, and I look for it.",
            "",
        ),
        ReleaseReason.YANKED: ("{index} shows every file of {name} as yanked.", ""),
        ReleaseReason.FILES_FOUND: ("The files are there; I check them and upload them to {index}.", ""),
        ReleaseReason.UPLOADED: ("{index} took every file; I am looking there now.", ""),
        ReleaseReason.VERIFIED_UPLOAD: (
            (
                "{index} has every file, each as I uploaded it. Nothing attests where they were built, since no trusted "
                "publisher was used."
            ),
            "",
        ),
        ReleaseReason.NO_FILES: (
            "There is nothing to upload: neither the run nor the forge's release of the tag holds a wheel or an sdist.",
            "Let {workflow} keep them as an artifact, or attach them to the release, then try again.",
        ),
        ReleaseReason.FILE_UNFIT: (
            "A file is not fit to be published, so none was sent.",
            "Build it anew without what is named, then try again; what is on {index} already stays there.",
        ),
        ReleaseReason.NO_CREDENTIAL: (
            "I have no credential with which {project} can be uploaded to {index}.",
            "Give me one with /shipbell connect {index}, then try again.",
        ),
        ReleaseReason.UPLOAD_FILE_TAKEN: (
            "{index} has, or had, another file of this name, and takes no second one.",
            (
                "Find out who published it. A name stays used up even after it is deleted, so release a new version, "
                "or a wheel with another build number."
            ),
        ),
        ReleaseReason.UPLOAD_LATE: (
            "{index} takes no new files for a version that has been there for so long.",
            "Release these files as a new version.",
        ),
        ReleaseReason.UPLOAD_MOVED: (
            "The address for uploads to {index} leads elsewhere, and no file is sent after it.",
            "Let the operator mend upload_url in SHIPBELL_INDEXES, its slash at the end too, then try again.",
        ),
        ReleaseReason.UPLOAD_NO_SUCH_API: (
            "{index} takes no uploads at its upload_url.",
            "Let the operator mend upload_url in SHIPBELL_INDEXES, then try again.",
        ),
        ReleaseReason.UPLOAD_TOKEN_UNKNOWN: (
            "{index} does not know the credential.",
            "Give me a new one with /shipbell connect {index}, then try again.",
        ),
        ReleaseReason.UPLOAD_TOKEN_BROKEN: (
            "{index} did not make the token: its signature does not hold.",
            "It may be revoked, of another index, or cut off: give me a new one with /shipbell connect {index}.",
        ),
        ReleaseReason.UPLOAD_TOKEN_EXPIRED: (
            "The token has expired.",
            "Give me a new one with /shipbell connect {index}, then try again.",
        ),
        ReleaseReason.UPLOAD_TOKEN_OTHER_PROJECT: (
            "The token is not good for {project}.",
            "Give me one whose scope is {project}, with /shipbell connect {index}, then try again.",
        ),
        ReleaseReason.UPLOAD_NOT_ALLOWED: (
            "Whoever made the token may not upload to {project}.",
            "Let an owner of {project} on {index} add that account as a maintainer, or make the token.",
        ),
        ReleaseReason.UPLOAD_NO_SECOND_FACTOR: (
            "The account of the token has no two-factor authentication, which {index} asks for.",
            "Let its owner turn that on at {index}, then try again.",
        ),
        ReleaseReason.UPLOAD_NO_PASSWORDS: (
            "{index} takes no user names and passwords any more.",
            "Make an API token there and give it to me with /shipbell connect {index}.",
        ),
        ReleaseReason.UPLOAD_NO_NEW_PROJECT: (
            "{project} is not on {index} yet, and this credential can't make it.",
            "See that the name is right; upload a first release with a user's own token, or set up a publisher.",
        ),
        ReleaseReason.UPLOAD_ATTESTATIONS: (
            "{index} refused attestations, of which I send none.",
            "See what stands between me and {index}.",
        ),
        ReleaseReason.UPLOAD_FILE_REFUSED: (
            "{index} takes a file for no sound distribution.",
            "Build it anew with a current build backend, then release a new version.",
        ),
        ReleaseReason.UPLOAD_TOO_LARGE: (
            "A file is larger than {index} takes.",
            "Make it smaller, or ask {index} for a higher limit for {project}, then try again.",
        ),
        ReleaseReason.UPLOAD_REFUSED: (
            "{index} refused a file.",
            "Mend what it says, then try again: files that are there already stay.",
        ),
        ReleaseReason.NOT_YANKED: (
            "It was not done in time: {index} does not show every file of {name} as yanked.",
            "Look again to have another day for it, or give it up.",
        ),
    }
)
