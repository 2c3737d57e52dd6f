"""Why a publisher stands where it stands, in words: cause and remedy.

Knows: every `Reason`, the index's pages. Must not know: Block Kit, HTTP, what is done about it.

The words are plain text, not escaped: the bot's messages and the command line both use them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from storage.records import Reason, Registration


@dataclass(frozen=True, slots=True)
class _About:
    index: str
    url: str
    registration: Registration | None
    detail: str

    @property
    def tokens(self) -> str:
        return f"{self.url}/manage/account/token/"

    @property
    def publishing(self) -> str:
        return f"{self.url}/manage/account/publishing/"

    @property
    def project(self) -> str:
        return f"the project {self.registration.project}" if self.registration else "the project"

    @property
    def what(self) -> str:
        """The publisher, without its project."""
        found = self.registration
        if found is None:
            return "this repository and workflow"
        where = f", environment {found.environment}" if found.environment else ""
        return f"{found.slug}, workflow {found.workflow}{where}"

    def said(self, before: str = " It says: ") -> str:
        """What was heard, as a sentence of its own; "" where nothing was."""
        if not self.detail:
            return ""
        end = "" if self.detail.endswith((".", "!", "?", "…")) else "."
        return f"{before}{self.detail}{end}"


Words = tuple[str, str]


def explain(
    reason: Reason, *, index: str, index_url: str, registration: Registration | None, detail: str
) -> Words:
    """Return the cause and the remedy, whole sentences; the remedy is "" where there is nothing to do.

    `detail` is what the index or the network said, cleaned already; `index_url` has no slash at the end.
    """
    return _WORDS[reason](_About(index, index_url.rstrip("/"), registration, detail))


def _asked(about: _About) -> Words:
    return f"It was asked for; {about.index} has not been told yet.", ""


def _registered(about: _About) -> Words:
    return (
        f"{about.index} has taken the registration of {about.what}; it is pending there.",
        f"Check the mail of the account on {about.index} and follow the confirmation link in it, if one came.",
    )


def _found_registered(about: _About) -> Words:
    return (
        f"An earlier try had arrived after all: {about.index} has the registration, and it is pending there.",
        f"Check the mail of the account on {about.index} and follow the confirmation link in it, if one came.",
    )


def _no_api(about: _About) -> Words:
    return (
        f"{about.index} has no API to register publishers: a person who is signed in has to fill in its form.",
        f"Open {about.publishing}, enter the values exactly as I have given them, send the form, and press *I've submitted it*.",
    )


def _submitted_by_hand(about: _About) -> Words:
    return (
        f"A person has filled in the form on {about.index}.",
        f"If it was not sent after all, do that at {about.publishing}.",
    )


def _no_credential(about: _About) -> Words:
    return (
        f"There is no usable API token for {about.index}.",
        f"Make one at {about.tokens} with the entire account as its scope and add it with /shipbell credentials.",
    )


def _project_missing(about: _About) -> Words:
    return (
        f"{about.index} does not know {about.project} yet.{about.said()}",
        "Upload a first release by hand, then ask again.",
    )


def _token_invalid(about: _About) -> Words:
    return (
        f"{about.index} does not accept the API token: it is invalid or expired.{about.said()}",
        f"Make a new token at {about.tokens} and use that one.",
    )


def _token_scope(about: _About) -> Words:
    return (
        f"The API token may not register publishers on {about.index}.{about.said()}",
        f"Make a token at {about.tokens} whose scope is the entire account, and use that one.",
    )


def _already_pending(about: _About) -> Words:
    return (
        f"{about.index} already has a pending publisher for {about.what}.{about.said()}",
        f"Look at {about.publishing}: confirm or remove the one that is there.",
    )


def _value_invalid(about: _About) -> Words:
    remedy = "Correct that value and ask again."
    if not about.detail:
        remedy = f"Check owner, repository, workflow and environment against the form at {about.publishing}."
    return f"{about.index} refuses a value.{about.said()}", remedy


def _rate_limited(about: _About) -> Words:
    return (
        f"{about.index} takes no more requests for now.{about.said()}",
        "Wait until its limit is over, then ask again; some limits hold for a day.",
    )


def _index_broken(about: _About) -> Words:
    cause = f"{about.index} is out of order{about.said(': ') or '.'}"
    return cause, _maybe_arrived(about, "Ask again later.")


def _maybe_arrived(about: _About, before: str) -> str:
    return f"{before} The request may have arrived all the same: look at {about.publishing} first.".strip()


def _unexpected_answer(about: _About) -> Words:
    return (
        f"{about.index} gave an answer that makes no sense here{about.said(': ') or '.'}",
        f"Check that {about.url} is the index's address in SHIPBELL_INDEXES, and that nothing stands in between.",
    )


def _timed_out(about: _About) -> Words:
    return (
        f"{about.index} was asked, and no answer was read.{about.said(' ')}",
        _maybe_arrived(about, "Ask again."),
    )


def _unreachable(about: _About) -> Words:
    return (
        f"{about.index} could not be reached, so nothing was sent.{about.said(' ')}",
        f"Check that {about.url} is right and up, and that no firewall is between; then ask again.",
    )


def _evidence(about: _About) -> Words:
    return f"Evidence from {about.index} shows that the publisher is active.", ""


def _term_over(about: _About) -> Words:
    return (
        f"The publisher was not confirmed within the term that {about.index} gives, so it has dropped it.",
        "Ask again, and let the workflow publish, or follow the confirmation mail, before the term ends.",
    )


def _name_taken(about: _About) -> Words:
    return (
        f"{about.index} has {about.project} already: somebody has made it first, and the pending publisher is dropped there.{about.said()}",
        "If it is yours, ask again: it is registered on the project's own page then. If it is somebody else's, choose another name.",
    )


def _queued(about: _About) -> Words:
    return (
        f"{about.index} lets one person have three pending publishers of new projects, and the places are taken{about.said(': by ') or '.'}",
        "Let one of them become real (Confirm now), or remove it here and on the index; then the form comes by itself.",
    )


def _removed_by_person(about: _About) -> Words:
    return (
        "A person has removed it here.",
        f"On {about.index} it stays until somebody removes it at {about.publishing}.",
    )


_WORDS: dict[Reason, Callable[[_About], Words]] = {
    Reason.ASKED: _asked,
    Reason.REGISTERED: _registered,
    Reason.FOUND_REGISTERED: _found_registered,
    Reason.NO_API: _no_api,
    Reason.SUBMITTED_BY_HAND: _submitted_by_hand,
    Reason.NO_CREDENTIAL: _no_credential,
    Reason.PROJECT_MISSING: _project_missing,
    Reason.TOKEN_INVALID: _token_invalid,
    Reason.TOKEN_SCOPE: _token_scope,
    Reason.ALREADY_PENDING: _already_pending,
    Reason.VALUE_INVALID: _value_invalid,
    Reason.RATE_LIMITED: _rate_limited,
    Reason.INDEX_BROKEN: _index_broken,
    Reason.UNEXPECTED_ANSWER: _unexpected_answer,
    Reason.TIMED_OUT: _timed_out,
    Reason.UNREACHABLE: _unreachable,
    Reason.EVIDENCE: _evidence,
    Reason.TERM_OVER: _term_over,
    Reason.REMOVED_BY_PERSON: _removed_by_person,
    Reason.NAME_TAKEN: _name_taken,
    Reason.QUEUED: _queued,
}
