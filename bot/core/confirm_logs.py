"""What the log of a `confirm` job says: which identity the run had, and by which words the index refused it.

Knows: the lines that the job and GitHub write. Must not know: what follows from them, wording.
"""

import re
from collections.abc import Mapping

from bot.core.confirm_notices import Difference, Part
from bot.core.workflow_text import FOLDER
from storage.records import Registration

_CLAIM = re.compile(r"claim (repository|repository_owner|job_workflow_ref|environment|ref): ?(.*)", re.ASCII)
_REFUSED = re.compile(r"(?:::error::|##\[error\])([a-z]+(?:-[a-z]+)+): (.*)", re.ASCII)
"""GitHub writes the command `::error::` as `##[error]` into the log."""
_JOB_FILE = re.compile(r"([^/@]+/[^/@]+)/" + re.escape(FOLDER) + r"([^/@]+)@(.+)")


def claims_of(log: str) -> dict[str, str]:
    """Return the claims that a job's log says its identity has, by name."""
    found = (_CLAIM.fullmatch(line.strip()) for line in log.splitlines())
    return {one[1]: one[2].strip() for one in found if one}


def refusals_of(log: str) -> list[tuple[str, str]]:
    """Return what the index said no by, as a job's log says it: (code, description)."""
    found = (_REFUSED.fullmatch(line.strip()) for line in log.splitlines())
    return [(one[1], one[2].strip()) for one in found if one]


def differences(wanted: Registration, claims: Mapping[str, str], branch: str = "") -> tuple[Difference, ...]:
    """Return in what an identity is not the registered publisher's; upper and lower case count as the index counts them."""
    slug = claims.get("repository", "")
    owner, _, repository = slug.partition("/")
    job = _JOB_FILE.fullmatch(claims.get("job_workflow_ref", ""))
    file, whose, ref = (job[2], job[1], claims.get("ref", "")) if job else ("", "", claims.get("ref", ""))
    environment = claims.get("environment", "")
    parts = [
        (Part.OWNER, wanted.owner, owner, wanted.owner.lower() == owner.lower()),
        (Part.REPOSITORY, wanted.repository, repository, wanted.repository.lower() == repository.lower()),
        (Part.REUSABLE, slug, whose, not whose or whose.lower() == slug.lower()),
        (Part.WORKFLOW, wanted.workflow, file, wanted.workflow == file),
        (Part.ENVIRONMENT, wanted.environment, environment,
         not wanted.environment or wanted.environment.lower() == environment.lower()),
        (Part.REF, f"refs/heads/{branch}", ref, not branch or ref == f"refs/heads/{branch}"),
    ]  # fmt: skip
    return tuple(
        Difference(part, registered, claimed) for part, registered, claimed, same in parts if not same
    )
