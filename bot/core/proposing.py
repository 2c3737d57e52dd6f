"""The pull request with which a publisher's set-up is proposed: its file, its difference, its words.

Knows: what a report says is lacking. Must not know: how anything is fetched or sent, Slack.
"""

import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.findings import Level
from bot.core.forge import Compared, FileChange, PullDraft
from bot.core.repositories import RepositoryFacts, WorkflowFacts
from bot.core.setup import MENDABLE, Found, SetupReport, of_workflow
from bot.core.sites import IndexSite
from bot.core.workflow_mending import Lack, mend
from bot.core.workflow_text import FOLDER, PYPI, Plan, blob, branch, confirm_lines, write
from storage.records import Registration

_LACKS = {
    Found.WORKFLOW_NO_TOKEN: Lack.ID_TOKEN,
    Found.ENVIRONMENT_LACKING: Lack.ENVIRONMENT,
    Found.ENVIRONMENT_OTHER: Lack.ENVIRONMENT,
}
Read = Callable[[str], WorkflowFacts]
"""Reads what a workflow file says."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One file as it is to be, and where it stands."""

    path: str
    text: str
    old: str
    """The file as it is now, "" for none."""
    beside: bool = False
    """Whether it is a second workflow, since the one that the publisher names can't be mended by a small change."""

    @property
    def digest(self) -> str:
        """A name for exactly this: what was shown is what is proposed."""
        whole = f"{self.path}\0{self.old}\0{self.text}".encode()
        return hashlib.sha256(whole).hexdigest()[:32]

    @property
    def workflow(self) -> str:
        """The file's name."""
        return self.path.removeprefix(FOLDER)

    def difference(self) -> str:
        """Return what changes; a new file is shown as it will be."""
        if not self.old:
            return self.text
        lines = difflib.unified_diff(
            self.old.splitlines(), self.text.splitlines(), f"a/{self.path}", f"b/{self.path}", lineterm=""
        )
        return "\n".join(lines)


def propose(
    wanted: Registration,
    report: SetupReport,
    old: str | None,
    facts: tuple[RepositoryFacts, IndexSite],
    read: Read,
) -> Proposal | None:
    """Return what would mend the set-up; None where a pull request mends nothing.

    `old` is the registered workflow's text, None where there is none.
    """
    repository, site = facts
    found = {one.found for one in report.findings}
    if not report.mendable or not found & MENDABLE:
        return None
    plan = _plan(wanted, repository, site)
    if old is None:
        return Proposal(plan.path, write(plan), "")
    lacks = [lack for what, lack in _LACKS.items() if what in found]
    mended = mend(old, lacks, wanted.environment) if lacks else None
    if mended is not None and mended != old and _is_well(wanted, read(mended)):
        return Proposal(plan.path, mended, old)
    name = f"publish-{wanted.project}.yml"
    other = Plan(
        plan.project, name if name != wanted.workflow else f"shipbell-{name}", plan.environment, plan.index_url,
        plan.upload_url, plan.tags, plan.attest,
    )  # fmt: skip
    return Proposal(other.path, write(other), "", beside=True)


def missing_confirm(wanted: Registration, report: SetupReport, site: IndexSite) -> str:
    """Return the lines that a workflow which is well lacks to confirm a publisher; "" where it lacks none.

    They are not put in by a pull request: the other jobs must be kept from running with it, and what their conditions
    mean is not read here.
    """
    plan = Plan(wanted.project, wanted.workflow, wanted.environment, site.url)
    return confirm_lines(plan) if report.lacks_confirm else ""


def _plan(wanted: Registration, repository: RepositoryFacts, site: IndexSite) -> Plan:
    usual = site.url.rstrip("/") == PYPI
    return Plan(
        wanted.project, wanted.workflow, wanted.environment, site.url,
        "" if usual else site.upload_url, attest=not repository.private,
    )  # fmt: skip


def _is_well(wanted: Registration, facts: WorkflowFacts) -> bool:
    """Whether nothing is in the way any more, as the file is read again."""
    return all(one.level in {Level.FINE, Level.WARNING} for one in of_workflow(wanted, facts, ""))


def change(wanted: Registration, proposal: Proposal, there: str | None) -> FileChange:
    """Return the commit to order; `there` is the file as it is on the branch, None for none."""
    return FileChange(
        branch(wanted.project), proposal.path, proposal.text, title(wanted, proposal),
        blob(there) if there is not None else "",
    )  # fmt: skip


def title(wanted: Registration, proposal: Proposal) -> str:
    """Return the pull request's title, which is its commit's too."""
    if proposal.old:
        return f"Let {proposal.workflow} publish {wanted.project} with a trusted publisher"
    return f"Publish {wanted.project} with a trusted publisher"


def draft(wanted: Registration, proposal: Proposal, into: str) -> PullDraft:
    """Return the pull request to open."""
    environment = f"environment `{wanted.environment}`" if wanted.environment else "no environment"
    lines = [
        (
            f"Proposed by Shipbell for `{wanted.project}` on `{wanted.index}`: with this, `{proposal.path}` can publish "
            f"through a trusted publisher ({environment}), without a long-lived token."
        ),
        "",
        *_told(wanted, proposal),
        "",
        "Look it over before you merge it: it is a proposal, and how the project is built is your matter.",
    ]
    return PullDraft(branch(wanted.project), into, title(wanted, proposal), "\n".join(lines))


def _told(wanted: Registration, proposal: Proposal) -> list[str]:
    if proposal.old:
        return ["It changes what trusted publishing needs, and nothing else."]
    beside = [
        (
            f"- `{wanted.workflow}` needs more than a small change, so this is a file beside it. Let only one of them "
            f"publish, and let the publisher name this one: `/publisher remove {wanted.project}`, then `/publisher add "
            f"{wanted.project} {wanted.slug} workflow={proposal.workflow}`."
        )
    ]
    return [
        "- A tag such as `v1.2.3` builds, attests and publishes, each in a job of its own with the least rights.",
        (
            "- Run by hand with `confirm`, it exchanges an identity token with the index and publishes nothing: that makes "
            "a pending publisher real, and **claims the project's name**."
        ),
        "- Every action is pinned by its commit.",
        *(beside if proposal.beside else []),
    ]


def is_ours(compared: Compared, message: str) -> bool:
    """Whether a branch that is there already holds nothing but what this bot has put on it."""
    return compared.total == len(compared.commits) and all(one.title == message for one in compared.commits)
