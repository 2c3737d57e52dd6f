"""What a person of Slack may do in the forge: nobody releases through the bot what they could not push.

Knows: who is looked up where. Must not know: when that is wanted, wording.
"""

from uuid import UUID

from bot.core.approvals import Allowed, Denied, Eligibility, Policy, Refusal
from bot.core.forge import Nothing, PermissionFacts, Repo, Unsure
from bot.workflow.hands import Hands
from storage.ledger import github
from storage.records import GithubLink, Registration

CHANGED = Refusal(Denied.RIGHTS_UNKNOWN, "the policy has just changed")
NOWHERE = Refusal(Denied.RIGHTS_UNKNOWN, "this bot can't ask GitHub who may push")


async def may_push(hands: Hands, team_id: UUID, user: str, target: Registration) -> Eligibility:
    """Say whether somebody may push to a project's repository; what can't be told counts as no."""
    if hands.rights is None:
        return NOWHERE
    async with hands.database.reading() as session:
        link = await github.linked(session, team_id, user)
    if link is None:
        return Refusal(Denied.NOT_LINKED)
    found = await hands.rights.permission(Repo(target.owner, target.repository), link.login)
    return judged(link, target.slug, found)


def judged(link: GithubLink, slug: str, found: PermissionFacts | Nothing | Unsure) -> Eligibility:
    """Say what an account's permission means; a login that is another account's by now is nobody's."""
    match found:
        case Unsure():
            return Refusal(Denied.RIGHTS_UNKNOWN, found.detail)
        case Nothing():
            return Refusal(Denied.NO_PUSH, f"{link.login} in {slug}: none")
        case PermissionFacts() if found.user_id != link.github_id:
            return Refusal(Denied.NOT_LINKED, f"{link.login} is another account by now")
        case PermissionFacts() if found.may_push:
            return Allowed()
        case PermissionFacts():
            return Refusal(Denied.NO_PUSH, f"{link.login} in {slug}: {found.permission}")


def also(policy: Policy, verdict: Eligibility, rights: Eligibility | None) -> Eligibility:
    """Return the verdict on a person, with what they may do in the forge where the policy wants that too."""
    if isinstance(verdict, Refusal) or not policy.rights:
        return verdict
    return rights or CHANGED


def refused(policy: Policy, rights: Eligibility | None) -> Refusal | None:
    """Return why somebody may not even ask; None where that person may."""
    verdict = (CHANGED if policy.rights else None) if rights is None else rights
    return verdict if isinstance(verdict, Refusal) else None
